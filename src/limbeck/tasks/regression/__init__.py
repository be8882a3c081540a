"""Regression: numbers, one or several a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limbeck.data import DataOptions
from limbeck.data.cells import columns_of, label_name
from limbeck.data.examples import Labels
from limbeck.data.fitted import FloorModel, SolvedColumn
from limbeck.data.modality import Cells
from limbeck.data.task import Task, TaskOptions
from limbeck.digest import arrays_digest, digest
from limbeck.errors import LimbeckError
from limbeck.evaluation.calibration import Pool, mean_weights
from limbeck.evaluation.figures import Decided, Figure, Scatter, ValueTable
from limbeck.evaluation.metric import Metric, Sheet
from limbeck.evaluation.records import Chance
from limbeck.evaluation.values import (
    MAE,
    RMSE,
    VALUES_METRICS,
    ValuesMetric,
    against_mean,
    values_by_column,
    values_sheet,
)
from limbeck.tasks.regression.ridge import boosted, ridges
from limbeck.tasks.regression.values import read_values, require_spread

if TYPE_CHECKING:  # a finished student is judged where there is no torch
    from torch import Tensor, nn

    from limbeck.losses import Objective
    from limbeck.types import Batch, Predicts

DRAWN = 400
"""At most so many rows are drawn of a column."""
_COLUMNS = 4
"""At most so many columns are drawn."""


class RegressionSettings(TaskOptions):
    """Numbers, one or several a row (`data.label: [a, b]`)."""

    predicts: ClassVar[Predicts] = "values"
    pools: ClassVar[tuple[Pool, ...]] = ("mean",)
    unread: ClassVar[tuple[str, ...]] = ("class_weights", "merge_classes", "omitted_classes", "classes")

    kind: Literal["regression"] = "regression"
    metric: Annotated[
        ValuesMetric,
        Field(
            description="what checkpoints, grid points and seeds are chosen by, and what verdict and retention judge"
        ),
    ] = "rmse"
    delta: Annotated[
        float | None,
        Field(
            gt=0,
            description="of labels alone, errors beyond so many standard deviations of the training labels count "
            "straight (Huber); null: all are squared",
        ),
    ] = None

    def learn(self, cells: Sequence[Any], classes: Sequence[str] | None, data: DataOptions, where: str) -> Regression:
        """Return the task of these columns.

        Raises:
            LimbeckError: cells that are no finite numbers, or a column that does not vary.
        """
        missing = frozenset(name for value in data.missing or () if (name := label_name(value)) is not None)
        task = Regression(tuple(columns_of(data.label)), self.metric, self.delta, missing)
        found = task.labels(cells, where)
        if not found.present.any():
            raise LimbeckError("no row has a label", where=where, fix="set data.label, or add rows")
        fix = "set data.label to a column that varies"
        require_spread(found.known, task.columns, f"all {len(found.known):,} rows with a label", where, fix)
        return task

    def numbered(self, names: Sequence[str], data: DataOptions) -> Regression:
        """Return the task of a loader's values, one column a name."""
        return Regression(tuple(names), self.metric, self.delta)

    def numbers(self, given: Any) -> tuple[Tensor, Tensor]:
        """Return a loader's values, and which rows have some; see `read_tensor`."""
        from limbeck.tasks.regression.numbers import read_tensor

        return read_tensor(given)

    def served(self, names: Sequence[str], decision: Mapping[str, Any]) -> Regression:
        """Return the task of a bundle."""
        scale = np.array(decision["spread"], np.float64)
        return Regression(tuple(names), self.metric, self.delta, mean=np.zeros_like(scale), scale=scale)


@dataclass(frozen=True)
class Regression(Task):
    """Numbers, one or several a row.

    Its labels are (n, columns) float64 and its outputs (n, columns), both in the labels' units. Losses compare them in
    standard deviations of the training labels, so that their weights mean the same whatever the units.

    Attributes:
        columns: what the values are called.
        by: the metric that the run is judged by.
        delta: of Huber's loss, which labels alone teach by; None: the squared error.
        missing: what stands for no value, besides blanks, NaN and null.
        mean: (columns,) of the training labels; None: not known yet.
        scale: (columns,) their standard deviations; None: not known yet.
    """

    kind: ClassVar[str] = "regression"
    predicts: ClassVar[Predicts] = "values"
    noun: ClassVar[str] = "values"
    columns: tuple[str, ...]
    by: ValuesMetric = "rmse"
    delta: float | None = None
    missing: frozenset[str] = frozenset()
    mean: NDArray[np.float64] | None = None
    scale: NDArray[np.float64] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return self.columns

    @property
    def in_one_column(self) -> bool:
        """Whether it is one number a row."""
        return len(self.columns) == 1

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns."""
        return self.columns

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All of them, that of the run first."""
        return (VALUES_METRICS[self.by], *(one for name, one in VALUES_METRICS.items() if name != self.by))

    def unit(self, metric: Metric) -> str | None:
        """Return of several columns how they count together; None for one, which has the label's unit."""
        if self.in_one_column:
            return None
        if metric in (RMSE, MAE):
            return f"over the {len(self.columns)} columns together, in standard deviations of the training labels"
        return f"mean over the {len(self.columns)} columns"

    @property
    def hard(self) -> Objective:
        """The squared error, or Huber's."""
        from limbeck.losses import Huber, SquaredError

        return 1.0 * (SquaredError() if self.delta is None else Huber(delta=self.delta))

    @property
    def digest(self) -> str:
        """Names the columns, the metric, the loss of labels, and what the training labels' scale is."""
        known = [None if each is None else arrays_digest(each) for each in (self.mean, self.scale)]
        return digest([self.kind, list(self.columns), self.by, self.delta, sorted(self.missing), known])

    # --- labels

    def labels(self, cells: Sequence[Any], where: str) -> Labels:
        """Return the values of each row; see `read_values`."""
        return read_values(cells, self.columns, self.missing, where)

    def require_varied(self, labels: Labels, where: str, key: str) -> None:
        """Refuse labelled rows that are fewer than two, or that have one value in a column."""
        self.require_enough(len(labels), where, key)
        what = f"all {len(labels):,} labelled training rows"
        require_spread(labels.values, self.columns, what, where, f"raise {key}, or set data.label to another column")

    def require_known(self, labels: Labels, where: str) -> None:
        """Refuse rows of another number of values."""
        if len(labels) and labels.values.shape[1:] != (self.outputs,):
            raise LimbeckError(
                f"labels of {labels.values.shape[1]} values stand beside {self.outputs} outputs",
                where=where,
                fix="give a value for each output",
            )

    def shown(self, labels: Labels) -> str:
        """Return from where to where they go."""
        if not labels.present.any():
            return "-"
        low, high = labels.known.min(axis=0), labels.known.max(axis=0)
        return "; ".join(f"{one:.4g} to {other:.4g}" for one, other in zip(low, high, strict=True))

    def told(self, labels: Labels) -> str:
        """Return mean and standard deviation of each column."""
        found = zip(self.columns, labels.known.mean(axis=0), labels.known.std(axis=0), strict=True)
        return "; ".join(f"{name}: mean {mean:.4g}, standard deviation {spread:.4g}" for name, mean, spread in found)

    # --- learning

    def fit(self, training: Labels) -> Regression:
        """Return the task with mean and standard deviation of these labels; of no labels (a loader's), 0 and 1."""
        known = training.known
        if not len(known):
            return replace(self, mean=np.zeros(self.outputs), scale=np.ones(self.outputs))
        spread = known.std(axis=0)
        return replace(self, mean=known.mean(axis=0), scale=np.where(spread > 0, spread, 1.0))

    def frame(self, batch: Batch) -> Batch:
        """Return the batch with standardised labels, and a mask of one prediction a row."""
        import torch

        mask = torch.ones(len(batch.ids), dtype=torch.bool, device=batch.device)
        if batch.labels is None:
            return replace(batch, mask=mask)
        return replace(batch, mask=mask, labels=self._standardised(batch.labels).float())

    def finish(self, network: nn.Module) -> nn.Module:
        """Return the network with its outputs scaled to the labels' units."""
        from limbeck.tasks.regression.units import InUnits

        mean, scale = self._known
        return InUnits(network, mean, scale)

    def seen(self, outputs: Tensor) -> Tensor:
        """Return outputs in standard deviations of the training labels."""
        return self._standardised(outputs)

    def _standardised(self, values: Tensor) -> Tensor:
        import torch

        mean, scale = (torch.as_tensor(each, device=values.device) for each in self._known)
        # In float64: of large values close to each other, no digits are lost.
        return ((values.double() - mean) / scale).to(values.dtype)

    @property
    def _known(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.mean is None or self.scale is None:
            raise ValueError("the task has seen no training labels")
        return self.mean, self.scale

    def watched(self) -> list[Metric]:
        """Return the run's metric and the share of variance that is explained."""
        return [VALUES_METRICS[name] for name in dict.fromkeys((self.by, "r2"))]

    @property
    def progress(self) -> tuple[str, ...]:
        """The run's metric."""
        return (self.by,)

    def chooses(self, scores: Mapping[str, float]) -> list[float]:
        """Return the run's metric, with the sign that makes more better."""
        return [self.metric.sign * scores[self.by]]

    # --- judging

    @property
    def decision(self) -> Mapping[str, Any]:
        """The standard deviations of the training labels, by which answers are said to be alike."""
        return {"spread": self._known[1].tolist()}

    def sheet(self, outputs: NDArray[Any], labels: Labels) -> Sheet:
        """Return `outputs`, `labels` and `errors`, (rows, columns) each; see `evaluation.values`."""
        scale = np.ones(1) if self.outputs == 1 or self.scale is None else self.scale
        return values_sheet(outputs, labels.values, scale)

    def chance(self, sheet: Sheet) -> Chance:
        """Return the variance that is explained beside that of a constant."""
        return against_mean(sheet)

    def apart(self, one: Sheet, other: Sheet) -> NDArray[np.float64]:
        """Return the distance between the answers, each column in its own scale."""
        return np.linalg.norm(one["errors"] - other["errors"], axis=1)

    def decided(self, sheet: Sheet, row: int) -> Decided:
        """Return the values."""
        return Decided(decided=self._said(sheet["outputs"][row]))

    def labelled(self, sheet: Sheet, row: int) -> str:
        """Return the values of the label."""
        return self._said(sheet["labels"][row])

    def _said(self, values: NDArray[np.float64]) -> str:
        if self.outputs == 1:
            return f"{values[0]:.4g}"
        return ", ".join(f"{name} {value:.4g}" for name, value in zip(self.columns, values, strict=True))

    def figures(self, model: str, sheets: Sequence[Sheet], shown: Sheet) -> list[Figure]:
        """Return the table of several columns, means over seeds, and predictions against true values of each."""
        table = [ValueTable(model=model, columns=values_by_column(sheets, self.columns))]
        rows = np.linspace(0, len(shown["labels"]) - 1, min(DRAWN, len(shown["labels"]))).round().astype(int)
        drawn: list[Figure] = [
            Scatter(
                model=model,
                column=name,
                true=shown["labels"][rows, column].tolist(),
                predicted=shown["outputs"][rows, column].tolist(),
            )
            for column, name in enumerate(self.columns[:_COLUMNS])
        ]
        return drawn if self.in_one_column else [*table, *drawn]

    # --- what is fitted to outputs

    def pool_weights(self, pool: Pool, outputs: Sequence[NDArray[np.float32]], labels: Labels) -> list[float]:
        """Return the weights of a mean, by errors in standard deviations of the training labels; see `mean_weights`."""
        return mean_weights([each / self._known[1] for each in outputs], labels.values / self._known[1])

    def solved_columns(self, labels: Labels) -> list[SolvedColumn]:
        """Return the values of each column, in standard deviations of the training labels; see `finish`."""
        mean, scale = self._known
        return [SolvedColumn("value", column) for column in ((labels.values - mean) / scale).T]

    def linear(self, matrix: Any, labels: Labels) -> list[FloorModel]:
        """Return ridge regressions."""
        return ridges(matrix, labels.values, *self._known)

    def boosted(self, cells: Cells, labels: Labels) -> list[FloorModel]:
        """Return boosted trees."""
        return boosted(cells, labels.values)

    def distilled(self, matrix: Any, answers: NDArray[np.float32]) -> list[FloorModel]:
        """Return ridge regressions on a teacher's values."""
        return ridges(matrix, answers.astype(np.float64), *self._known)
