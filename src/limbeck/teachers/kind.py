"""What all kinds of teachers have in common, and the catalogue that they enter.

To add a kind: one file that ends with `register(...)`, and one import line in `single.py`.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import Field
from torch import nn

from limbeck.evaluation import Assignment, Pool
from limbeck.networks import HasReads, NetworkSettings
from limbeck.settings import Settings
from limbeck.teachers.base import Teacher
from limbeck.teachers.moving import Moving
from limbeck.teachers.work import Made, Work


class Kind(Settings):
    """What every teacher has.

    Attributes:
        gives: what it answers with: `logits`, `taps` (activations by module path), `hidden` (states before the last
            layer, see `Factoring`).
        of_classes: whether it can answer with one of several classes only.
        pools: whether it mixes the answers of others.
        of_modalities: those that it can read; none: it reads any.
        like_floor: whether it reads what the floor of its modality does.
        another: what to type for another teacher; of most kinds another kind.
        another_kind: what to type for one of a kind.
    """

    gives: ClassVar[frozenset[str]] = frozenset({"logits"})
    of_classes: ClassVar[bool] = False
    pools: ClassVar[bool] = False
    of_modalities: ClassVar[tuple[str, ...]] = ()
    like_floor: ClassVar[bool] = False
    another: ClassVar[str] = "teacher.kind=KIND"
    another_kind: ClassVar[str] = "teacher.kind={}"

    kind: str
    accept_bad: Annotated[
        bool, Field(description="go on with a teacher whose balanced accuracy is not above a constant prediction's")
    ] = False
    folds: Annotated[
        int | None,
        Field(
            ge=2,
            le=20,
            description="where few validation rows say little: judge it, and choose temperatures and weights, on the "
            "labelled rows too, each answered by a teacher that is made once more without a fold of so many; null: no",
        ),
    ] = None

    @property
    def refits(self) -> bool:
        """Whether it is made from the labels of the run, and anew from other labels; else it is taken as it is."""
        return True

    @property
    def metered(self) -> bool:
        """Whether every answer costs its owner's time or money, so that a check asks for one only."""
        return False

    @property
    def by_steps(self) -> bool:
        """Whether it is trained here step by step, so that more steps may make it better."""
        return False

    @property
    def by_confidence(self) -> bool:
        """Whether members are weighed by how sure they are of each example."""
        return False

    @property
    def moving(self) -> Moving | None:
        """How it is made beside each student, where it moves while that learns; None: it is made before."""
        return None

    @property
    def said(self) -> Mapping[str, str] | None:
        """Class by output, where the kind has such a key and the recipe sets it."""
        return None

    def doubts(self, key: str, outputs: int) -> list[str]:
        """Return what to look at where it is taken as it is and no better than chance: the likeliest first.

        Args:
            key: of the teacher, as in `teacher.members.0`.
            outputs: how many the task has.
        """
        return []

    def decided(self, classes: Sequence[str]) -> Self:
        """Return the same teacher, of which is known whether it is trained here, where its folder says that.

        Args:
            classes: names of the data's, in the order of the logits.
        """
        return self

    def settle(self, work: Work) -> Self:
        """Return the same teacher with what its recipe leaves open; that is said and stands in the run's `recipe.yaml`.

        Raises:
            LimbeckError: something that it names cannot be had or called, or does not fit the data.
        """
        return self

    @abstractmethod
    def check(self, work: Work) -> None:
        """Find out what would fail while it is made, before anything long starts. The teacher is settled.

        Raises:
            LimbeckError: it would.
        """

    @abstractmethod
    def make(self, work: Work) -> tuple[Made, ...]:
        """Return what answers: one, or of an ensemble one a member; loaded where the run's folder holds it.

        Raises:
            LimbeckError: it cannot be made.
        """


class Single(Kind):
    """What a teacher that answers by itself adds to it."""

    calibrate: Annotated[
        bool, Field(description="divide its logits by the temperature that fits the validation rows best")
    ] = False

    @property
    def members(self) -> "Sequence[Single]":
        """The teachers that answer together: this one."""
        return [self]

    @property
    def pool(self) -> Pool:
        """How their probabilities are pooled: of one, nothing is to be done."""
        return "mean"

    def shares(self, members: int) -> list[float] | None:
        """Return the members' weights."""
        return [1.0] * members

    @property
    def pretrained(self) -> str | None:
        """Where a pretrained network of texts that it reads with comes from, with its tokenizer; None: it has none."""
        return None

    @property
    def network(self) -> NetworkSettings | None:
        """What is trained or asked, in the words of any network; None: it is none, or takes seconds."""
        return None

    @property
    def unverifiable(self) -> str | None:
        """The version that the user gives a teacher of which nothing can be digested; None: its digest names it."""
        return None

    def announce(self, work: Work) -> float:
        """Say what all answers of a settled teacher cost that is metered, and return the seconds that they take.

        Raises:
            LimbeckError: it does not answer.
        """
        raise NotImplementedError

    @classmethod
    def of_object(cls, given: Any) -> dict[str, Any] | None:
        """Return the settings of a teacher of this kind that is a Python object; None: it takes no such object."""
        return None

    def asks(self, work: Work) -> Teacher | None:
        """Return what of a settled teacher is asked with values as they were read; None: it reads arrays."""
        return None

    def finished(self, work: Work) -> nn.Module | None:
        """Return what of a settled teacher is not trained and is asked once a row: all of it, its encoder, or None."""
        return None

    @property
    @abstractmethod
    def read_as(self) -> HasReads:
        """Settings that say in full what it reads."""

    def require_names(self, found: Assignment, classes: Sequence[str], key: str, rows: str, *, warn: bool) -> None:
        """Compare the names of its outputs with those that fit the labels best; nothing where it has no such names.

        Args:
            found: what its decisions are right on.
            classes: of the data.
            key: of the teacher, as in `teacher.members.0`.
            rows: words for those that it was judged on.
            warn: do not refuse it, say it only.

        Raises:
            LimbeckError: other names are far better, and the recipe did not say these.
        """


SINGLE: dict[str, type[Single]] = {}
"""The kinds that answer by themselves, by name."""


def register(kind: type[Single]) -> None:
    """Put a kind into `SINGLE`, under the only value of its field `kind`."""
    (name,) = get_args(kind.model_fields["kind"].annotation)
    SINGLE[name] = kind
