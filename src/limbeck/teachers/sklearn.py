"""A fitted estimator of scikit-learn: a pipeline on texts or on the rows of a table."""

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limbeck.data import label_name
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.files import named_path
from limbeck.models import failed
from limbeck.models.custom import ending_is_an_error
from limbeck.models.given import missing
from limbeck.ranks import ranks
from limbeck.teachers.answers import as_logits, as_numbers
from limbeck.teachers.estimator import Estimator, loaded, named_estimator
from limbeck.teachers.estimator_inputs import inputs_of
from limbeck.teachers.kind import register
from limbeck.teachers.raw import RawSource, RawTeacher
from limbeck.teachers.work import Work

Method = Literal["predict_proba", "decision_function", "predict"]


class SklearnTeacher(RawTeacher):
    """A fitted estimator of scikit-learn, which is asked with texts, or with rows of a table."""

    another: ClassVar[str] = "teacher.path=FILE"

    kind: Literal["sklearn"]
    path: Annotated[
        str | None,
        Field(
            min_length=1,
            description="a .skops file; or, with trust_pickle, one of joblib or pickle; null: the estimator that was "
            "handed to limbeck.distill",
        ),
    ] = None
    trust: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(description="types in a .skops file that are allowed beside those that skops knows as harmless"),
    ] = ()
    trust_pickle: Annotated[
        bool, Field(description="read a file of joblib or pickle, which runs whatever code is in it")
    ] = False
    method: Annotated[
        Method | None,
        Field(
            description="what is asked: of classes predict_proba or decision_function, whose margins are taken as "
            "logits; of a regression predict; null: the first of these that it has"
        ),
    ] = None

    @classmethod
    def of_object(cls, given: Any) -> dict[str, Any] | None:
        """Return the settings of an estimator: of what can be fitted and has a method that answers."""
        answers = any(hasattr(given, name) for name in ("predict_proba", "decision_function", "predict"))
        return {"kind": "sklearn"} if hasattr(given, "fit") and answers and not isinstance(given, type) else None

    def source(self, work: Work) -> RawSource:
        """Return the estimator.

        Raises:
            LimbeckError: it cannot be read, is not fitted, does not answer for such a task, or does not fit the data.
        """
        found, key, task = self._estimator(work), work.key, work.task
        estimator = found.fitted
        method = self._method(estimator, work)
        values = method == "predict"
        outputs = [str(number) for number in range(len(work.classes))] if values else _classes(estimator, key)
        inputs = inputs_of(estimator, work.asked.values, key)

        def ask(rows: Sequence[Any], ids: NDArray[np.int64]) -> NDArray[np.float64]:
            numbers = _numbers(estimator, method, inputs.make(rows), len(rows), outputs, key)
            return as_logits(numbers, "probabilities" if method == "predict_proba" else "logits", task, key)

        own = ["sklearn", found.digest, method, inputs.name, *([_session()] if found.unverifiable else [])]
        notes = [f"{reason}: it is asked again in every run" for reason in found.unverifiable]
        return RawSource(digest(own), outputs, ask, not values, [*notes, *([inputs.note] if inputs.note else [])])

    def _estimator(self, work: Work) -> Estimator:
        """Return the estimator, fitted."""
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted

        if self.path is not None:
            found = loaded(named_path(self.path), trust=self.trust, trust_pickle=self.trust_pickle, key=work.key)
        elif not hasattr(work.given, "fit"):
            raise missing(work.key)
        else:
            found = named_estimator(work.given)
        try:
            check_is_fitted(found.fitted)
        except (NotFittedError, TypeError) as error:
            what = "is not fitted" if isinstance(error, NotFittedError) else "is no estimator of scikit-learn"
            raise LimbeckError(
                f"the {type(found.fitted).__name__} {what}", where=work.key, fix="give an estimator after its fit"
            ) from error
        return found

    def _method(self, estimator: Any, work: Work) -> Method:
        """Return the method that is asked.

        Raises:
            LimbeckError: it has none that fits the task, or not the one that the recipe names.
        """
        values = work.task.predicts == "values"
        fits: tuple[Method, ...] = ("predict",) if values else ("predict_proba", "decision_function")
        has = [name for name in fits if hasattr(estimator, name)]
        kind = type(estimator).__name__
        if self.method is not None and self.method not in has:
            fix = f"set it to {' or '.join(has)}, or leave it out" if has else "take another estimator"
            raise LimbeckError(
                f"a {work.task.kind} is not asked of the {kind} by {self.method}", where=f"{work.key}.method", fix=fix
            )
        if not has or (values and hasattr(estimator, "classes_")):
            needed = "a regressor's predict" if values else "predict_proba or decision_function"
            raise LimbeckError(
                f"a {work.task.kind} needs {needed}, and the {kind} has none", where=work.key,
                fix="take a regressor, or set task=classification" if values else "take another estimator, or "
                "CalibratedClassifierCV around it",
            )  # fmt: skip
        return self.method or has[0]


@cache
def _session() -> str:
    """Return what names this run of Python, the same in every process of a launch."""
    return ranks().share(uuid.uuid4().hex)


def _classes(estimator: Any, key: str) -> list[str]:
    """Return the names of an estimator's classes, in the order of its outputs, as the data's classes have theirs.

    Raises:
        LimbeckError: it has none, or a list of them for each of several outputs.
    """
    found = getattr(estimator, "classes_", None)
    if found is None or np.ndim(found[0]):
        raise LimbeckError(
            f"the {type(estimator).__name__} has no `classes_` with one name an output", where=key,
            fix="several labels a row are answered by OneVsRestClassifier, not by MultiOutputClassifier",
        )  # fmt: skip
    return [str(label_name(label)) for label in np.asarray(found).tolist()]


def _numbers(
    estimator: Any, method: Method, inputs: Any, rows: int, outputs: Sequence[str], key: str
) -> NDArray[np.float64]:
    """Return what an estimator's method gives for inputs, (rows, outputs); of one margin, 0 beside it.

    Raises:
        LimbeckError: it fails, or its margins are those of pairs of classes.
    """
    try:
        with ending_is_an_error():
            found = as_numbers(getattr(estimator, method)(inputs), rows, len(outputs))
    except LimbeckError:
        raise
    except Exception as error:
        raise failed(f"its {method} failed on {rows} rows", error, where=key, fix=_READS) from error
    if method == "decision_function":
        if getattr(_last(estimator), "decision_function_shape", "ovr") == "ovo" and len(outputs) > 2:
            raise LimbeckError(
                "its margins are those of pairs of classes", where=key, fix="fit it with decision_function_shape='ovr'"
            )
        if found.shape == (rows,) and len(outputs) == 2:
            return np.stack([np.zeros(rows), found], axis=1)
    return found


_READS = "it is called with a list of texts, or with the columns of data.features; --debug shows the traceback"


def _last(estimator: Any) -> Any:
    """Return the estimator that answers: the last step of a pipeline, the best of a search."""
    while (
        inner := getattr(estimator, "best_estimator_", None) or getattr(estimator, "_final_estimator", None)
    ) is not None:
        estimator = inner
    return estimator


register(SklearnTeacher)
