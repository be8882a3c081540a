"""What a kind of teacher is given to make one, and what it makes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from limbeck.data import Examples, Task
from limbeck.data.modality import Modality
from limbeck.evaluation.records import ServedRecord
from limbeck.logits import WholeForm
from limbeck.networks import HasReads, NetworkSettings
from limbeck.ranks import Ranks
from limbeck.runtime.readers import Form
from limbeck.runtime.rows import Rows
from limbeck.teachers.base import Teacher
from limbeck.types import Tap

_T = TypeVar("_T")
Split = Literal["labelled", "transfer", "validation", "test"]
ROWS: Mapping[Split, str] = {
    "labelled": "labelled rows",
    "transfer": "transfer set",
    "validation": "validation rows",
    "test": "test rows",
}
"""What the rows of a split are called."""


class Encoded(Protocol):
    """The rows of a run as one network reads them."""

    @property
    def form(self) -> Form:
        """What a network that reads them has to know."""
        ...

    @property
    def digest(self) -> str:
        """Names everything that turns an example into the network's inputs."""
        ...

    @property
    def example(self) -> tuple[dict[str, Tensor], Mapping[str, Mapping[int, str]]]:
        """Inputs of two rows, and the axes of each that may have any size."""
        ...

    @property
    def labelled(self) -> Rows:
        """The labelled training rows."""
        ...

    @property
    def transfer(self) -> Rows:
        """The rows that the student learns from, labelled ones first."""
        ...

    @property
    def validation(self) -> Rows:
        """The validation rows."""
        ...

    @property
    def test(self) -> Rows:
        """The test rows: only the final evaluation may ask for them."""
        ...


class Made(Protocol):
    """One teacher that can be asked, and of which a cache can be kept."""

    @property
    def view(self) -> Encoded:
        """What it reads."""
        ...

    @property
    def digest(self) -> str:
        """Names everything that it was made from."""
        ...

    @property
    def answers_as(self) -> str:
        """Names whose answers its answers are, 16 hex digits: the digest of the teacher that `live` returns."""
        ...

    def live(self, taps: Sequence[Tap] = (), form: WholeForm = "dense") -> Teacher:
        """Return the teacher itself, which is asked with the view's rows and gives the activations of `taps` too.

        Args:
            taps: of activations.
            form: of its logits; `factored` is asked only of kinds that give `hidden`.
        """
        ...

    def prepare(self, split: Split, among: Ranks, folder: Path, missing: NDArray[np.bool_]) -> None:
        """Have at hand what answers for a split are made of; several processes share the work. Often nothing.

        Args:
            split: whose rows.
            among: the processes.
            folder: of the cache, for what has to outlast a process that is killed before the cache has the answers.
            missing: (rows,) which rows have no answer in the cache.
        """
        ...

    @property
    def served(self) -> ServedRecord | None:
        """What is recorded of a teacher that a server answers for; None: it answers here."""
        ...


class Frozen(Protocol):
    """A network that is not trained and answers with features, of which each row's are kept."""

    @property
    def digest(self) -> str:
        """Names whose features these are, 16 hex digits."""
        ...

    def features(self, split: Split) -> NDArray[np.float32]:
        """Return the features of a split, (rows, width)."""
        ...

    def under(self, head: nn.Module, digest: str) -> Made:
        """Return what answers with the outputs of a head on the features.

        Args:
            head: called with features (rows, width).
            digest: names what the head was made from.
        """
        ...


class Work(Protocol):
    """What the run does for a kind of teacher that is settled, checked or made."""

    @property
    def key(self) -> str:
        """Where the teacher's settings stand in the recipe: `teacher`, or `teacher.members.0` of an ensemble."""
        ...

    @property
    def classes(self) -> Sequence[str]:
        """Names of the data's classes, in the order of the logits."""
        ...

    @property
    def task(self) -> Task:
        """What is predicted; it has seen the labelled training rows."""
        ...

    @property
    def given(self) -> Any:
        """The finished teacher that was handed to `limbeck.distill`; None where a recipe is all there is."""
        ...

    @property
    def modality(self) -> Modality:
        """What an example is."""
        ...

    @property
    def asked(self) -> Examples:
        """Every row that the teacher is asked about: transfer set, validation and test rows, without labels."""
        ...

    @property
    def fewest(self) -> int:
        """How many labelled rows the run learns from at the smallest of its budgets; they are the first ones."""
        ...

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """(labelled rows,) the number of each one's fold, by which a solver's choices are made; None: by validation."""
        ...

    def examples(self, split: Literal["labelled", "validation"]) -> Examples:
        """Return the rows of a split."""
        ...

    def labels(self, split: Literal["labelled", "validation"]) -> NDArray[np.int64]:
        """Return the classes of the rows of a split, (rows,)."""
        ...

    def view(self, settings: HasReads) -> Encoded:
        """Return the rows as something with these settings reads them."""
        ...

    def build(self, settings: NetworkSettings, outputs: int | None = None) -> nn.Module:
        """Return a new network, in the run's first seed; nothing may be drawn before it is trained.

        Args:
            settings: of the network.
            outputs: number of logits; None: those of the task.
        """
        ...

    def built(self, settings: NetworkSettings, form: Form, outputs: int) -> nn.Module:
        """Return a new network as one that is trained is saved: of the task's units, in the run's first seed.

        Args:
            settings: of the network.
            form: of what it reads.
            outputs: number of logits.
        """
        ...

    def try_out(self, settings: HasReads, build: Callable[[], nn.Module], features: int | None = None) -> None:
        """Refuse a network that the run could not train, ask or read activations of.

        Args:
            settings: of the network; where they say no more than what it reads, it comes from outside.
            build: makes it; called only where something can be found out from it.
            features: how many features it gives a row; None: it gives logits of the task.

        Raises:
            LimbeckError: see `preflight`.
        """
        ...

    def train(self, network: nn.Module, settings: HasReads) -> Made:
        """Train a network on the labelled rows, or load it when the run's folder holds it.

        Args:
            network: from `build`, with its `NetworkSettings`; or one that solves, see `Solved`.
            settings: how it reads, and how it is trained.
        """
        ...

    def keep(self, network: nn.Module, settings: HasReads) -> Made:
        """Return a network as it is, finished; the run's folder remembers which one it was."""
        ...

    def frozen(self, network: nn.Module, settings: HasReads, width: int) -> Frozen:
        """Return a network that is not trained and answers with features; each row of the run is asked once.

        Args:
            network: called with the arrays that are read, returns (rows, width).
            settings: what it reads.
            width: number of features.
        """
        ...

    def once(self, inputs: Mapping[str, Any], make: Callable[[Path], _T], load: Callable[[Path], _T]) -> tuple[str, _T]:
        """Return what a stage of the run holds for this teacher, and the digest of the stage.

        Args:
            inputs: everything that the result depends on, by a name that a reader understands.
            make: makes it and writes it into the folder; called where the folder does not hold it yet.
            load: reads it from the folder.
        """
        ...

    def member(self, number: int) -> "Work":
        """Return the work for a member of an ensemble."""
        ...
