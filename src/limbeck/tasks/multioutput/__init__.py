"""Multioutput: several columns with one of several classes each, one decision a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limbeck.data import DataOptions
from limbeck.data.cells import columns_of
from limbeck.data.examples import Labels
from limbeck.data.fitted import FloorModel, HasOutputs, SolvedColumn
from limbeck.data.modality import Cells
from limbeck.data.task import Task
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.evaluation import calibrated_nll
from limbeck.evaluation.columns import (
    COLUMNS_METRICS,
    ColumnsMetric,
    against_constants,
    columns_beside,
    columns_sheet,
    flat,
)
from limbeck.evaluation.figures import ColumnScores, ColumnTable, Decided, Figure
from limbeck.evaluation.metric import Metric, Sheet
from limbeck.evaluation.records import Chance
from limbeck.runtime.decisions import ABSENT, softmax
from limbeck.tasks.classification.decisions import TellsDecisions
from limbeck.tasks.classification.labels import Classes, learn_classes, served_classes
from limbeck.tasks.classification.linear import boosted_trees, distilled_regressions, regressions

if TYPE_CHECKING:  # a finished student is judged where there is no torch
    from torch import Tensor

    from limbeck.losses import Objective
    from limbeck.types import Predicts


class MultioutputSettings(TellsDecisions):
    """Several columns (`data.label: [a, b]`), in each of which a row has one of several classes."""

    predicts: ClassVar[Predicts] = "distribution"
    several: ClassVar[bool] = True
    unread: ClassVar[tuple[str, ...]] = ("class_weights", "omitted_classes", "classes")

    kind: Literal["multioutput"] = "multioutput"
    metric: Annotated[
        ColumnsMetric,
        Field(
            description="what checkpoints, grid points and seeds are chosen by, and what verdict and retention judge"
        ),
    ] = "mean_accuracy"

    def learn(self, cells: Sequence[Any], classes: Sequence[str] | None, data: DataOptions, where: str) -> Multioutput:
        """Return the task whose classes occur in each column.

        Raises:
            LimbeckError: one column only, fewer than two classes in one, labels that cannot be classes, or rows with a
                label in some of the columns only.
        """
        columns = columns_of(data.label)
        if isinstance(data.label, str) or len(columns) < 2:
            raise LimbeckError(
                "a multioutput has several columns, and one is named",
                where="data.label",
                fix="list them, as in data.label=[a, b], or set task to classification",
            )
        found = {
            name: learn_classes(
                [None if cell is None else cell[place] for cell in cells],
                f"{data.source}, column `{name}`",
                missing=data.missing,
                merge=data.merge_classes,
            )
            for place, name in enumerate(columns)
        }
        labels = Multioutput(found, self.metric).labels(cells, where)
        counts = [np.bincount(each, minlength=1) for each in labels.known.T]
        return Multioutput(found, self.metric, tuple(tuple(each.tolist()) for each in counts))

    def served(self, names: Sequence[str], decision: Mapping[str, Any]) -> Multioutput:
        """Return the task of a bundle, whose decision names the classes of each column, in any spelling."""
        return Multioutput({name: served_classes(own) for name, own in decision["columns"].items()})


@dataclass(frozen=True)
class Multioutput(Task):
    """One of several classes in each of several columns.

    Its labels are (n, columns) int64 class indices. Its outputs are the logits of one column after the other, (n, sum
    of the columns' classes); losses see a prediction a column, (n, columns, most classes), with `ABSENT` where a column
    has fewer classes.

    Attributes:
        columns: how the labels of each column name their classes.
        by: the metric that the run is judged by.
        counts: rows of the training column that have each class, by column; empty: not known.
    """

    kind: ClassVar[str] = "multioutput"
    predicts: ClassVar[Predicts] = "distribution"
    noun: ClassVar[str] = "classes"
    columns: Mapping[str, Classes]
    by: ColumnsMetric = "mean_accuracy"
    counts: tuple[tuple[int, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The classes with their column, in the order of the logits."""
        return tuple(f"{column}: {name}" for column, own in self.columns.items() for name in own.names)

    @property
    def in_one_column(self) -> bool:
        """Never: there are several decisions."""
        return False

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.columns)

    @property
    def sizes(self) -> list[int]:
        """How many classes each column has."""
        return [len(own.names) for own in self.columns.values()]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All of them, that of the run first."""
        return (COLUMNS_METRICS[self.by], *(one for name, one in COLUMNS_METRICS.items() if name != self.by))

    @property
    def hard(self) -> Objective:
        """Cross-entropy, column by column."""
        from limbeck.losses import CrossEntropy

        return 1.0 * CrossEntropy()

    @property
    def digest(self) -> str:
        """Names the classes of each column, and the metric."""
        return digest([self.kind, [[name, list(own.names)] for name, own in self.columns.items()], self.by])

    # --- labels

    def labels(self, cells: Sequence[Any], where: str) -> Labels:
        """Return the class of each row and column.

        Raises:
            LimbeckError: a label is none of its column's classes, or a row has one in some of the columns only.
        """
        parts = [
            own.indices([None if cell is None else cell[place] for cell in cells], f"{where}, column `{name}`")
            for place, (name, own) in enumerate(self.columns.items())
        ]
        present = np.stack([part.present for part in parts], axis=1)
        whole = np.all(present, axis=1)
        if (partly := np.any(present, axis=1) & ~whole).any():
            row = int(partly.argmax())
            has, lacks = (list(self.columns)[int(place)] for place in (present[row].argmax(), present[row].argmin()))
            raise LimbeckError(
                f"row {row + 1} has a label in `{has}` and none in `{lacks}`",
                where=where,
                fix="fill it in, or empty the others of the row too",
            )
        return Labels(np.stack([part.values for part in parts], axis=1), whole)

    def strata(self, labels: Labels) -> NDArray[np.int64] | None:
        """Return the rarest of each row's classes, by the training column, whichever column it is of."""
        if not self.counts:
            return None
        rows = np.stack([np.array(own)[part] for own, part in zip(self.counts, labels.values.T, strict=True)], axis=1)
        first = np.cumsum([0, *self.sizes[:-1]])
        return (labels.values + first)[np.arange(len(labels)), rows.argmin(axis=1)]

    @property
    def least(self) -> int:
        """A row for each class of the column with the most."""
        return max(self.sizes)

    def require_varied(self, labels: Labels, where: str, key: str) -> None:
        """Refuse labelled rows that are too few, or of one class in a column."""
        self.require_enough(len(labels), where, key)
        for (name, own), part in zip(self.columns.items(), labels.values.T, strict=True):
            if len(found := np.unique(part)) < 2:
                raise LimbeckError(
                    f"all {len(labels):,} labelled training rows are of class `{own.names[found[0]]}` in `{name}`",
                    where=where,
                    fix=f"raise {key}, or add rows of other classes",
                )

    def require_known(self, labels: Labels, where: str) -> None:
        """Accept labels: loaders give none, and of a column's cells `labels` refuses the others."""

    def remarks(self, name: str, labels: Labels, *, learned: bool) -> list[str]:
        """Return a line that names the classes of which a split has no row; none where it has all."""
        absent = [
            f"{column}: {each}"
            for (column, own), part in zip(self.columns.items(), labels.known.T, strict=True)
            for index, each in enumerate(own.names)
            if index not in part
        ]
        if not absent:
            return []
        then = "; no model can learn these" if learned else ""
        more = f" and {len(absent) - 8:,} more" if absent[8:] else ""
        return [f"no {name} row of {len(absent):,} of {self.outputs:,} classes: {', '.join(absent[:8])}{more}{then}"]

    def shown(self, labels: Labels) -> str:
        """Return how many classes of each column there are among them."""
        if not labels.present.any():
            return "-"
        return " + ".join(str(len(np.unique(part))) for part in labels.known.T)

    def told(self, labels: Labels) -> str:
        """Return the columns with their classes."""
        return "; ".join(
            f"{name} ({len(own.names)}): {', '.join(own.names[:12])}{' ...' * (len(own.names) > 12)}"
            for name, own in self.columns.items()
        )

    # --- learning

    def seen(self, outputs: Tensor) -> Tensor:
        """Return a prediction a column, (batch, columns, most classes)."""
        import torch

        # The last one, behind all logits, stands wherever a column has no such class.
        padded = torch.cat([outputs, outputs.new_full((*outputs.shape[:-1], 1), ABSENT)], dim=-1)
        return padded[..., self._places.to(outputs.device)]

    @cached_property
    def _places(self) -> Tensor:
        import torch

        places = torch.full((len(self.sizes), max(self.sizes)), sum(self.sizes))
        for column, (first, size) in enumerate(zip(np.cumsum([0, *self.sizes]).tolist(), self.sizes, strict=False)):
            places[column, :size] = torch.arange(first, first + size)
        return places

    def watched(self) -> list[Metric]:
        """Return NLL, the run's metric, and the NLL that is left at the best temperature."""
        nll = COLUMNS_METRICS["nll"]
        calibrated = Metric(
            "calibrated_nll", "calibrated NLL", "nats", "lower", nll.parts, nll.of,
            value=lambda sheet: calibrated_nll(*flat(sheet)),
        )  # fmt: skip
        return [nll, COLUMNS_METRICS[self.by], calibrated]

    @property
    def progress(self) -> tuple[str, ...]:
        """What is left of the NLL, and the run's metric."""
        return ("calibrated_nll", self.by)

    def chooses(self, scores: Mapping[str, float]) -> list[float]:
        """Return the likelihood, whatever the temperature; of rows that are all right, their share first."""
        likelihood = -scores["calibrated_nll"]
        return [likelihood] if self.by == "mean_accuracy" else [round(scores[self.by], 9), likelihood]

    # --- judging

    @property
    def decision(self) -> Mapping[str, Any]:
        """The classes of each column, in the order of the outputs."""
        return {"columns": {name: list(own.names) for name, own in self.columns.items()}}

    def sheet(self, outputs: NDArray[Any], labels: Labels) -> Sheet:
        """Return `logits`, `decided` and `labels`; see `evaluation.columns`."""
        return columns_sheet(outputs, labels.values, self.sizes)

    def chance(self, sheet: Sheet) -> Chance:
        """Return the balanced accuracy beside that of a constant prediction, means over the columns."""
        return against_constants(sheet, self.sizes)

    def beside(self, teacher: Sheet, arm: Sheet) -> dict[str, float]:
        """Return the share of equal decisions, and the mean KL(teacher || arm) of a row in nats."""
        return columns_beside(teacher, arm)

    def apart(self, one: Sheet, other: Sheet) -> NDArray[np.float64]:
        """Return the sum of the absolute differences of the probabilities."""
        apart = np.abs(softmax(flat(one)[0]) - softmax(flat(other)[0])).sum(axis=1)
        return apart.reshape(one["labels"].shape).sum(axis=1)

    def decided(self, sheet: Sheet, row: int) -> Decided:
        """Return the classes."""
        return Decided(decided=self._said(sheet["decided"][row]))

    def labelled(self, sheet: Sheet, row: int) -> str:
        """Return the classes of the label."""
        return self._said(sheet["labels"][row])

    def _said(self, classes: NDArray[np.int64]) -> str:
        found = zip(self.columns.items(), classes.tolist(), strict=True)
        return ", ".join(f"{name} {own.names[index]}" for (name, own), index in found)

    def figures(self, model: str, sheets: Sequence[Sheet], shown: Sheet) -> list[Figure]:
        """Return the table of the columns, means over seeds."""
        right = np.stack([(one["decided"] == one["labels"]).mean(axis=0) for one in sheets]).mean(axis=0)
        columns = [
            ColumnScores(
                name=name,
                classes=size,
                commonest=float(np.bincount(true).max() / len(true)),
                accuracy=accuracy,
            )
            for name, size, true, accuracy in zip(
                self.columns, self.sizes, shown["labels"].T, right.tolist(), strict=True
            )
        ]
        return [ColumnTable(model=model, columns=columns)]

    # --- what is fitted to outputs

    def solved_columns(self, labels: Labels) -> list[SolvedColumn]:
        """Return the classes of each column."""
        return [SolvedColumn("class", own, size) for own, size in self._by_column(labels)]

    def linear(self, matrix: Any, labels: Labels) -> list[FloorModel]:
        """Return multinomial logistic regressions, one a column together."""
        return _together([regressions(matrix, own, size, None) for own, size in self._by_column(labels)])

    def boosted(self, cells: Cells, labels: Labels) -> list[FloorModel]:
        """Return boosted trees, of each column."""
        return _together([boosted_trees(cells, own, size, None) for own, size in self._by_column(labels)])

    def distilled(self, matrix: Any, answers: NDArray[np.float32]) -> list[FloorModel]:
        """Return logistic regressions on a teacher's distributions, one a column together."""
        parts = np.split(answers, np.cumsum(self.sizes)[:-1], axis=1)
        return _together([distilled_regressions(matrix, part) for part in parts])

    def _by_column(self, labels: Labels) -> Iterator[tuple[NDArray[np.int64], int]]:
        """Yield the classes of each column, (rows,), and how many there are."""
        return zip(map(np.ascontiguousarray, labels.values.T), self.sizes, strict=True)


def _together(by_column: Sequence[Sequence[FloorModel]]) -> list[FloorModel]:
    return [
        FloorModel(
            alike[0].method,
            alike[0].settings,
            sum(one.parameters for one in alike),
            _Together([one.model for one in alike]),
        )
        for alike in zip(*by_column, strict=True)
    ]


class _Together(HasOutputs):
    """The models of several columns as one."""

    def __init__(self, models: Sequence[HasOutputs]) -> None:
        self._models = models

    def outputs(self, matrix: Any) -> NDArray[np.float32]:
        """Return (rows, outputs), one column after the other."""
        return np.concatenate([model.outputs(matrix) for model in self._models], axis=1)
