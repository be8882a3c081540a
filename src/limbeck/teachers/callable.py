"""A function of the user's that answers for values as they were read."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field
from torch import nn

from limbeck.digest import digest
from limbeck.errors import LimbeckError, about
from limbeck.models import failed
from limbeck.models.custom import ending_is_an_error, imported
from limbeck.models.given import missing
from limbeck.teachers.answers import Answers, as_logits, as_numbers
from limbeck.teachers.kind import register
from limbeck.teachers.raw import RawSource, RawTeacher
from limbeck.teachers.work import Work

_SHAPE = "return an array (rows, outputs), a row for each value in their order"


def _as_text(version: Any) -> Any:
    """Return a version that YAML reads as a number in text."""
    return str(version) if isinstance(version, int | float) and not isinstance(version, bool) else version


class CallableTeacher(RawTeacher):
    """A function that is called with a list of values, and returns an array (rows, outputs)."""

    kind: Literal["callable"]
    function: Annotated[
        str | None,
        Field(
            pattern=r"^\w+(\.\w+)*:\w+$",
            description="module:function, called with a list of texts, or of rows, images, sounds as they were read; "
            "null: the one that was handed to limbeck.distill",
        ),
    ] = None
    version: Annotated[
        str,
        BeforeValidator(_as_text),
        Field(
            min_length=1,
            max_length=200,
            description="names its answers, as nothing else can: give another one whenever they change",
        ),
    ]
    outputs: Annotated[int | None, Field(ge=1, description="how many it has; null: one a class")] = None
    answers: Annotated[
        Answers, Field(description="what it returns: rows that sum to 1, or logits; of a regression it returns values")
    ] = "probabilities"

    @property
    def unverifiable(self) -> str:
        """The version: a function may ask what nobody can digest."""
        return self.version

    @classmethod
    def of_object(cls, given: Any) -> dict[str, Any] | None:
        """Return the settings of a function; its `version` has to be set beside it."""
        if not callable(given) or isinstance(given, type | nn.Module) or hasattr(given, "predict"):
            return None
        return {"kind": "callable"}

    def source(self, work: Work) -> RawSource:
        """Return the function.

        Raises:
            LimbeckError: it cannot be imported, or nobody gave one.
        """
        function, name = self._function(work)
        names = [str(number) for number in range(self.outputs or len(work.classes))]
        task, key = work.task, work.key

        def ask(values: Sequence[Any], ids: NDArray[np.int64]) -> NDArray[np.float64]:
            return as_logits(_called(function, name, values, len(names), key), self.answers, task, key)

        return RawSource(digest(["callable", name, self.version, self.answers]), names, ask, named=False)

    def _function(self, work: Work) -> tuple[Callable[..., Any], str]:
        """Return the function and its name."""
        if self.function is not None:
            with about(f"{work.key}.function"):
                return imported(self.function), self.function
        if not callable(work.given) or isinstance(work.given, nn.Module):
            raise missing(work.key)
        given = work.given
        kind = type(given)
        own = getattr(given, "__qualname__", kind.__qualname__)
        return given, f"{getattr(given, '__module__', kind.__module__)}:{own}"


def _called(
    function: Callable[..., Any], name: str, values: Sequence[Any], outputs: int, key: str
) -> NDArray[np.float64]:
    """Return what a function gives for values, as an array.

    Raises:
        LimbeckError: it fails, or returns no numbers.
    """
    try:
        with ending_is_an_error():
            found = function(list(values))
    except LimbeckError:
        raise
    except Exception as error:
        raise failed(f"`{name}` failed on {len(values)} values", error, where=key) from error
    try:
        return as_numbers(found, len(values), outputs)
    except Exception as error:
        raise failed(f"`{name}` returned no array of numbers", error, where=key, fix=_SHAPE) from error


register(CallableTeacher)
