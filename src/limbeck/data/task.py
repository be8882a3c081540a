"""What the house asks of a task, as it knows none by name (`tasks/` has them): what is predicted, how it is judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from limbeck.data.examples import Labels
from limbeck.data.fitted import FloorModel, SolvedColumn
from limbeck.data.modality import Cells
from limbeck.data.settings import DataOptions
from limbeck.errors import LimbeckError
from limbeck.evaluation.assignment import Assignment
from limbeck.evaluation.calibration import Pool
from limbeck.evaluation.figures import Decided, Figure
from limbeck.evaluation.metric import Metric, Sheet
from limbeck.evaluation.records import Chance
from limbeck.settings import Settings

if TYPE_CHECKING:  # a finished student is judged where there is no torch
    from torch import Tensor, nn

    from limbeck.losses import LossSettings, Objective
    from limbeck.types import Batch, Predicts


class TaskOptions(Settings, ABC):
    """What a recipe says of what is predicted.

    Attributes:
        predicts: what the outputs are; a loss says by its card which of these it fits.
        one_class: whether a label is one of classes that exclude each other: what a temperature and n-grams are about.
        several: whether an example has several predictions, of which none is its own.
        unread: keys of `data` that mean nothing to it, and are refused where a recipe sets them.
        pools: how the answers of several models can be mixed, the usual way first; none: they cannot.
    """

    predicts: ClassVar[Predicts]
    one_class: ClassVar[bool] = False
    several: ClassVar[bool] = False
    unread: ClassVar[tuple[str, ...]] = ()
    pools: ClassVar[tuple[Pool, ...]] = ()

    kind: str

    @abstractmethod
    def learn(self, cells: Sequence[Any], classes: Sequence[str] | None, data: DataOptions, where: str) -> Task:
        """Return the task, which has seen the labels of the training column and no others.

        Args:
            cells: of the column; where `data.label` names several, a tuple of their cells a row.
            classes: what the data itself calls the values; None: it does not say.
            data: what the recipe says of labels.
            where: what is read, for errors.

        Raises:
            LimbeckError: the cells hold no such labels.
        """

    @abstractmethod
    def served(self, names: Sequence[str], decision: Mapping[str, Any]) -> Task:
        """Return the task of a bundle whose outputs have these names, with its decision, see `Task.decision`."""

    def numbered(self, names: Sequence[str], data: DataOptions) -> Task:
        """Return the task of a loader's labels, whose outputs have these names.

        Raises:
            LimbeckError: loaders give no labels of this kind.
        """
        raise self._no_loader()

    def numbers(self, given: Any) -> tuple[Tensor, Tensor]:
        """Return a loader's labels as a tensor, rows first, and which rows have one, (rows,) bool.

        Raises:
            LimbeckError: these are no such labels, or loaders give none of this kind.
        """
        raise self._no_loader()

    def _no_loader(self) -> LimbeckError:
        return LimbeckError(f"a loader gives no labels of a {self.kind}", where="task", fix="give tables")

    def decided(self, losses: Sequence[LossSettings]) -> list[LossSettings]:
        """Return a recipe's losses as they are for a student that is told the teacher's decisions and nothing more."""
        return []

    def decides(self, losses: Sequence[LossSettings]) -> bool:
        """Return whether such a student is told anything: whether there can be an arm `hard_labels`."""
        return False


class Task(ABC):
    """What is predicted, and how that is judged.

    Attributes:
        kind: its name, as in a recipe and in `bundle.json`.
        predicts: what the outputs are.
        per: what one prediction is of.
        noun: what the outputs stand for, in words.
    """

    kind: ClassVar[str]
    predicts: ClassVar[Predicts]
    per: ClassVar[Literal["example", "token"]] = "example"
    noun: ClassVar[str] = "outputs"

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """What the outputs stand for, in their order: the classes."""

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that are one label together, in the order of a row's cells; none where it is one column."""
        return ()

    @property
    def in_one_column(self) -> bool:
        """Whether the label may be one column."""
        return True

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric of it; the first is the run's."""

    @property
    @abstractmethod
    def hard(self) -> Objective:
        """What labels alone teach."""

    @property
    def exact(self) -> bool:
        """Whether an answer is right or wrong; else it is nearer to the label, or farther."""
        return self.predicts in ("distribution", "independent")

    @property
    def outputs(self) -> int:
        """The size of a network's last axis."""
        return len(self.names)

    @property
    def sizes(self) -> list[int]:
        """Of how many classes each decision takes one; none where it takes none of several."""
        return [self.outputs] if self.predicts == "distribution" else []

    @property
    def metric(self) -> Metric:
        """What the run is judged by."""
        return self.metrics[0]

    def unit(self, metric: Metric) -> str | None:
        """Return what the numbers of one of its metrics are of, in words; None where the metric's name says it."""
        return None

    @property
    @abstractmethod
    def digest(self) -> str:
        """Names everything that decides what a label becomes."""

    # --- labels

    @abstractmethod
    def labels(self, cells: Sequence[Any], where: str) -> Labels:
        """Return the labels of a column's cells.

        Raises:
            LimbeckError: a cell holds no such label.
        """

    def strata(self, labels: Labels) -> NDArray[np.int64] | None:
        """Return the group of each labelled row, (n,), whose shares splits keep in proportion; None: there are none."""
        return None

    @property
    def least(self) -> int:
        """The number of labelled rows below which nothing can be learned."""
        return 2

    def require_enough(self, labelled: int, where: str, key: str) -> None:
        """Refuse so few labelled rows that not every output can be learned; `key` of the recipe says how many."""
        if labelled < self.least:
            raise LimbeckError(f"only {labelled:,} labelled training rows", where=where, fix=f"raise {key}")

    def of_classes(self, labels: Labels, names: Sequence[str], where: str) -> NDArray[np.bool_]:
        """Return which rows, (n,), are of some classes; where a task has none, `TaskOptions.unread` refuses the key."""
        raise TypeError(f"a row of a {self.kind} is of no class")

    def learning_from(self, labels: Labels) -> Task:
        """Return the task that knows the labels which models may learn from, those of held-out rows left out."""
        return self

    def require_varied(self, labels: Labels, where: str, key: str) -> None:
        """Refuse labelled rows that teach nothing, as all of them say the same."""
        self.require_enough(len(labels), where, key)

    @abstractmethod
    def require_known(self, labels: Labels, where: str) -> None:
        """Refuse labels that stand for no output."""

    def remarks(self, name: str, labels: Labels, *, learned: bool) -> list[str]:
        """Return what is to be said of a split's labels, a line each.

        Args:
            name: of the split.
            labels: of its rows.
            learned: whether these are the rows that are learned from.
        """
        return []

    def remarks_on_column(self, labels: Labels, classes: Sequence[str] | None) -> list[str]:
        """Return what is to be said of the training column, a line each.

        Args:
            labels: of the training rows: what is held out or dropped has gone.
            classes: what the data itself calls the values; None: it does not say.
        """
        bare = int((~labels.present).sum())
        return [f"{bare:,} of {len(labels):,} training rows have no label"] if bare else []

    def shown(self, labels: Labels) -> str:
        """Return how many outputs a split's labels show, for `limbeck check`; `-` where it has no label."""
        return str(self.outputs) if labels.present.any() else "-"

    @abstractmethod
    def told(self, labels: Labels) -> str:
        """Return a few words about labelled rows, for `limbeck check`."""

    # --- learning

    def fit(self, training: Labels) -> Self:
        """Return the task with what the labels say that a network learns: scales, class weights."""
        return self

    @property
    def class_weights(self) -> NDArray[np.float32] | None:
        """By how much a labelled row counts, (outputs,) by its class; None: all alike."""
        return None

    def frame(self, batch: Batch) -> Batch:
        """Return a batch with labels, mask and weights at its predictions."""
        return batch

    def finish(self, network: nn.Module) -> nn.Module:
        """Return a new network, or one around it, whose outputs are in the units of the task; it is trained so."""
        return network

    def seen(self, outputs: Tensor) -> Tensor:
        """Return outputs (batch, outputs) as losses compare them, student's and teacher's alike: one row a prediction.

        Labels and mask of `frame` are of the same predictions. What it adds, as padding, counts exactly nothing.
        """
        return outputs

    @property
    def progress(self) -> tuple[str, ...]:
        """The names of those that are shown while a network trains."""
        return tuple(metric.name for metric in self.watched())

    @abstractmethod
    def watched(self) -> Sequence[Metric]:
        """Return what is measured on validation, in the order in which it is recorded."""

    @abstractmethod
    def chooses(self, scores: Mapping[str, float]) -> list[float]:
        """Return what checkpoints, grid points and the seed are chosen by: higher is better, the first number first.

        Args:
            scores: on validation, of what is `watched`.
        """

    # --- deciding

    @property
    def fits_decision(self) -> bool:
        """Whether `decide` has something to fit."""
        return False

    @property
    def decision(self) -> Mapping[str, Any]:
        """What turns outputs into answers, besides the rule of the task: JSON, part of a bundle; empty: nothing."""
        return {}

    def decide(self, outputs: NDArray[Any], labels: Labels) -> Self:
        """Return the task with the decision that fits a model's outputs on validation best; see `fits_decision`.

        Args:
            outputs: (rows, outputs), on validation and nothing else.
            labels: of the rows, which all have one.
        """
        return self

    def confidences(self, outputs: NDArray[Any], labels: Labels) -> dict[str, dict[str, float]]:
        """Return from which probability on a decision may be believed, chosen on validation as `decide` is."""
        return {}

    def decided_sheet(self, outputs: NDArray[Any], labels: Labels) -> Sheet:
        """Return a model's answers on validation, with the decision that is fitted there."""
        return self.decide(outputs, labels).sheet(outputs, labels)

    # --- judging

    @abstractmethod
    def sheet(self, outputs: NDArray[Any], labels: Labels) -> Sheet:
        """Return a model's answers on a split whose rows all have a label.

        Args:
            outputs: (rows, outputs).
            labels: of the rows.
        """

    def chance(self, sheet: Sheet) -> Chance | None:
        """Return a model's quality beside that of a constant prediction; None where that is not asked."""
        return None

    def assignment(self, sheet: Sheet) -> Assignment | None:
        """Return whether a model's outputs are called by the names of others; None where nothing tells."""
        return None

    def beside(self, teacher: Sheet, arm: Sheet) -> dict[str, float]:
        """Return how closely an arm follows its teacher: of a classifier `agreement` and `kl_to_teacher`."""
        return {}

    @abstractmethod
    def apart(self, one: Sheet, other: Sheet) -> NDArray[np.float64]:
        """Return how far apart two models' answers lie, (rows,)."""

    @abstractmethod
    def decided(self, sheet: Sheet, row: int) -> Decided:
        """Return a model's answer to a row, as the report shows it."""

    @abstractmethod
    def labelled(self, sheet: Sheet, row: int) -> str:
        """Return the label of a row, as the report shows it."""

    def figures(self, model: str, sheets: Sequence[Sheet], shown: Sheet) -> list[Figure]:
        """Return the figures of a model.

        Args:
            model: its name.
            sheets: of every seed.
            shown: of the seed that is shown.
        """
        return []

    # --- what is fitted to outputs

    def temperature(self, outputs: NDArray[np.float32], labels: Labels) -> float:
        """Return by what outputs are divided so that they fit the labels best.

        Raises:
            LimbeckError: they are no distribution.
        """
        raise self._no_distribution("calibrate")

    def pool_weights(self, pool: Pool, outputs: Sequence[NDArray[np.float32]], labels: Labels) -> list[float]:
        """Return the weights with which models' answers, pooled, fit the labels best; see `TaskOptions.pools`."""
        raise TypeError(f"the answers of a {self.kind} are not mixed")

    def _no_distribution(self, key: str) -> LimbeckError:
        return LimbeckError(
            f"the outputs of a {self.kind} are no distribution", where=f"teacher.{key}", fix="leave it out"
        )

    def solved_columns(self, labels: Labels) -> list[SolvedColumn]:
        """Return the columns of labels, which all rows have, as a solver learns them, by output; none: it cannot."""
        return []

    def linear(self, matrix: Any, labels: Labels) -> list[FloorModel]:
        """Return linear models of features, one a strength that is tried; none where the floor knows no such task.

        Args:
            matrix: (rows, features), sparse or not.
            labels: of the rows, which all have one.
        """
        return []

    def boosted(self, cells: Cells, labels: Labels) -> list[FloorModel]:
        """Return boosted trees of cells, one a size that is tried; none where the floor knows no such task."""
        return []

    def distilled(self, matrix: Any, answers: NDArray[np.float32]) -> list[FloorModel]:
        """Return the models of `linear` with a teacher's answers in the place of the labels; none where there is none.

        Args:
            matrix: (rows, features), sparse or not.
            answers: (rows, outputs), a network's outputs.
        """
        return []

    def cost(self, outputs: NDArray[np.float32], labels: Labels) -> float:
        """Return by what the floor's models are chosen, lower is better."""
        sheet = self.decided_sheet(outputs, labels)
        return -self.chooses({metric.name: metric(sheet) for metric in self.watched()})[0]
