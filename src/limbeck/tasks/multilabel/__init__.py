"""Multilabel: any number of classes a row, each decided for or against by itself."""

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
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.evaluation.calibration import POOLS, Pool
from limbeck.evaluation.figures import Decided, Figure, ThresholdScores, ThresholdTable
from limbeck.evaluation.metric import Metric, Sheet
from limbeck.evaluation.records import Chance
from limbeck.evaluation.sets import SETS_METRICS, SetsMetric, against_ranking, fit_thresholds, sets_kl, sets_sheet
from limbeck.runtime.decisions import sigmoid
from limbeck.tasks.multilabel.linear import boosted_by_class, distilled_by_class, regressions_by_class
from limbeck.tasks.multilabel.sets import Sets, learn_names

if TYPE_CHECKING:  # a finished student is judged where there is no torch
    from torch import Tensor

    from limbeck.losses import Objective
    from limbeck.types import Batch, Predicts

NONE = "none"
"""How the report writes an empty label set."""
_SHOWN = 12
"""Classes that are named, in their order."""


class MultilabelSettings(TaskOptions):
    """Any number of classes a row: columns of 0 and 1 (`data.label: [a, b]`), lists, or texts with a separator."""

    predicts: ClassVar[Predicts] = "independent"
    pools: ClassVar[tuple[Pool, ...]] = ("mean", "product")
    unread: ClassVar[tuple[str, ...]] = ("class_weights", "merge_classes", "omitted_classes", "classes")

    kind: Literal["multilabel"] = "multilabel"
    metric: Annotated[
        SetsMetric,
        Field(
            description="what checkpoints, grid points and seeds are chosen by, and what verdict and retention judge"
        ),
    ] = "f1_micro"
    separator: Annotated[
        str | None,
        Field(
            min_length=1,
            description="between the classes of a text such as `a|b`; alone it is the empty set, and a blank no label; "
            "null: labels are lists or columns",
        ),
    ] = None

    def learn(self, cells: Sequence[Any], classes: Sequence[str] | None, data: DataOptions, where: str) -> Multilabel:
        """Return the task whose classes are the columns, or occur among the labels of the training column.

        Raises:
            LimbeckError: cells that name no classes, or no class that some rows have and others have not.
        """
        missing = frozenset(name for value in data.missing or () if (name := label_name(value)) is not None)
        by_column = not isinstance(data.label, str)
        form = Sets(tuple(columns_of(data.label)) if by_column else (), by_column, self.separator, missing)
        if not by_column:
            form = replace(form, names=learn_names(cells, form, where))
        found = form.read(cells, where)
        counts = found.known.sum(axis=0)
        if not ((counts > 0) & (counts < len(found.known))).any():
            lacks = "no row has a label" if not found.present.any() else "no class that only some of the rows have"
            raise LimbeckError(lacks, where=where, fix="set data.label, or add rows")
        return Multilabel(form, self.metric, tuple(counts.tolist()))

    def numbered(self, names: Sequence[str], data: DataOptions) -> Multilabel:
        """Return the task of a loader's label sets, whose columns have these names."""
        return Multilabel(Sets(tuple(names), True), self.metric)

    def numbers(self, given: Any) -> tuple[Tensor, Tensor]:
        """Return a loader's label sets, and which rows have one; see `read_flags`."""
        from limbeck.tasks.multilabel.flags import read_flags

        return read_flags(given)

    def served(self, names: Sequence[str], decision: Mapping[str, Any]) -> Multilabel:
        """Return the task of a bundle, with its thresholds."""
        form = Sets(tuple(names), None, decision.get("separator"))
        return Multilabel(form, self.metric, thresholds=tuple(decision["thresholds"]))


@dataclass(frozen=True)
class Multilabel(Task):
    """Any number of classes a row.

    Its labels are (n, classes) bool, its outputs logits (n, classes). A class is decided for where the sigmoid of its
    logit reaches its threshold, which is fitted on validation.

    Attributes:
        form: how rows name their classes.
        by: the metric that the run is judged by.
        counts: rows of the training column that have each class; empty: not known.
        thresholds: of each class, a probability; None: 0.5 for all, as no model's answers were seen.
        fitted: for which classes that was fitted.
    """

    kind: ClassVar[str] = "multilabel"
    predicts: ClassVar[Predicts] = "independent"
    noun: ClassVar[str] = "labels"
    form: Sets
    by: SetsMetric = "f1_micro"
    counts: tuple[int, ...] = ()
    thresholds: tuple[float, ...] | None = None
    fitted: tuple[bool, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The classes, in the order of the logits."""
        return self.form.names

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The classes, where each may be a column of 0 and 1."""
        return self.names

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All of them, that of the run first."""
        return (SETS_METRICS[self.by], *(one for name, one in SETS_METRICS.items() if name != self.by))

    @property
    def hard(self) -> Objective:
        """The likelihood of the label set."""
        from limbeck.losses import BinaryCrossEntropy

        return 1.0 * BinaryCrossEntropy()

    @property
    def digest(self) -> str:
        """Names the classes, how rows name them, and the metric."""
        form = [self.form.columns, self.form.separator, sorted(self.form.missing)]
        return digest([self.kind, list(self.names), self.by, form])

    # --- labels

    def labels(self, cells: Sequence[Any], where: str) -> Labels:
        """Return the classes of each row; see `Sets.read`."""
        return self.form.read(cells, where)

    def strata(self, labels: Labels) -> NDArray[np.int64] | None:
        """Return the rarest class of each row, by the training column; one group more for rows without a class."""
        if not self.counts:
            return None
        order = np.argsort(np.array(self.counts), kind="stable")
        ranked = np.hstack([labels.values[:, order], np.ones((len(labels), 1), np.bool_)])
        return ranked.argmax(axis=1)

    def require_varied(self, labels: Labels, where: str, key: str) -> None:
        """Refuse labelled rows that are fewer than two, or that have the same classes all."""
        self.require_enough(len(labels), where, key)
        if (labels.values == labels.values[:1]).all():
            raise LimbeckError(
                f"all {len(labels):,} labelled training rows have the same label set",
                where=where,
                fix=f"raise {key}, or add rows of other classes",
            )

    def require_known(self, labels: Labels, where: str) -> None:
        """Refuse rows of another number of classes."""
        if len(labels) and labels.values.shape[1:] != (self.outputs,):
            raise LimbeckError(
                f"label sets of {labels.values.shape[1]} classes stand beside {self.outputs} outputs",
                where=where,
                fix="give a column of 0 and 1 for each output",
            )

    def remarks(self, name: str, labels: Labels, *, learned: bool) -> list[str]:
        """Return a line that names the classes which no row of a split has; none where it has all."""
        absent = [each for each, some in zip(self.names, np.any(labels.known, axis=0), strict=True) if not some]
        if not absent or not len(labels):
            return []
        then = "; no model can learn these" if learned else ""
        more = f" and {len(absent) - 8:,} more" if absent[8:] else ""
        return [f"no {name} row of {len(absent):,} of {self.outputs:,} labels: {', '.join(absent[:8])}{more}{then}"]

    def remarks_on_column(self, labels: Labels, classes: Sequence[str] | None) -> list[str]:
        """Say besides where no text holds the separator: each text is then taken for one class."""
        lines = super().remarks_on_column(labels, classes)
        if self.form.separator is not None and len(labels.known) and labels.known.sum(axis=1).max() < 2:
            lines.append(f"no training row has more than one label, with `{self.form.separator}` as task.separator")
        return lines

    def shown(self, labels: Labels) -> str:
        """Return how many classes there are among them."""
        return str(int(labels.known.any(axis=0).sum())) if labels.present.any() else "-"

    def told(self, labels: Labels) -> str:
        """Return the classes with their rows, and how many a row has."""
        counts = labels.known.sum(axis=0)
        shown = ", ".join(f"{name} {counts[index]:,}" for index, name in enumerate(self.names[:_SHOWN]))
        more = f" and {self.outputs - _SHOWN:,} more" if self.names[_SHOWN:] else ""
        mean = counts.sum() / max(1, len(labels.known))
        return f"labels ({self.outputs}), {mean:.2f} a row: {shown}{more}"

    # --- learning

    def frame(self, batch: Batch) -> Batch:
        """Return the batch with a mask of one prediction a row: labels have an axis more."""
        import torch

        return replace(batch, mask=torch.ones(len(batch.ids), dtype=torch.bool, device=batch.device))

    def watched(self) -> list[Metric]:
        """Return the run's metric, with thresholds fitted on the same rows, how well it ranks, and the likelihood."""
        return [SETS_METRICS[name] for name in (self.by, "map", "nll")]

    @property
    def progress(self) -> tuple[str, ...]:
        """The run's metric."""
        return (self.by,)

    def chooses(self, scores: Mapping[str, float]) -> list[float]:
        """Return the run's metric, and the likelihood between equals."""
        return [round(scores[self.by], 9), -scores["nll"]]

    # --- deciding

    @property
    def fits_decision(self) -> bool:
        """The thresholds."""
        return True

    @property
    def decision(self) -> Mapping[str, Any]:
        """The thresholds, and how a label set is written in one text."""
        separator = {} if self.form.separator is None else {"separator": self.form.separator}
        return {"thresholds": list(self._limits), **separator}

    def decide(self, outputs: NDArray[Any], labels: Labels) -> Multilabel:
        """Return the task with the thresholds of the highest F1, class by class; see `fit_thresholds`."""
        found = fit_thresholds(outputs, labels.values)
        return replace(self, thresholds=tuple(found.values), fitted=tuple(found.fitted))

    @property
    def _limits(self) -> tuple[float, ...]:
        return self.thresholds or (0.5,) * self.outputs

    # --- judging

    def sheet(self, outputs: NDArray[Any], labels: Labels) -> Sheet:
        """Return `logits`, `decided` and `labels`, (rows, classes) each; see `evaluation.sets`."""
        return sets_sheet(outputs, labels.values, self._limits)

    def chance(self, sheet: Sheet) -> Chance:
        """Return how well the rows of a class are ranked beside those of others."""
        return against_ranking(sheet)

    def beside(self, teacher: Sheet, arm: Sheet) -> dict[str, float]:
        """Return the share of equal label sets, and the mean KL(teacher || arm) of a set in nats."""
        equal = np.all(teacher["decided"] == arm["decided"], axis=1)
        return {"agreement": float(equal.mean()), "kl_to_teacher": sets_kl(teacher["logits"], arm["logits"])}

    def apart(self, one: Sheet, other: Sheet) -> NDArray[np.float64]:
        """Return the sum of the absolute differences of the probabilities."""
        return np.abs(sigmoid(one["logits"]) - sigmoid(other["logits"])).sum(axis=1)

    def decided(self, sheet: Sheet, row: int) -> Decided:
        """Return the label set."""
        return Decided(decided=self._said(sheet["decided"][row]))

    def labelled(self, sheet: Sheet, row: int) -> str:
        """Return the label set of a row."""
        return self._said(sheet["labels"][row])

    def _said(self, flags: NDArray[np.bool_]) -> str:
        return ", ".join(name for name, yes in zip(self.names, flags, strict=True) if yes) or NONE

    def figures(self, model: str, sheets: Sequence[Sheet], shown: Sheet) -> list[Figure]:
        """Return the table of thresholds and what they lead to."""
        rows = zip(self.names, self._limits, self.fitted, shown["labels"].T, shown["decided"].T, strict=True)
        return [ThresholdTable(model=model, classes=[_scores(*row) for row in rows])]

    # --- what is fitted to outputs

    def pool_weights(self, pool: Pool, outputs: Sequence[NDArray[np.float32]], labels: Labels) -> list[float]:
        """Return the weights of a pool, where each class of each row is a prediction of yes or no; see `POOLS`."""
        pairs = [np.stack([np.zeros_like(each), each], axis=-1).reshape(-1, 2) for each in outputs]
        return POOLS[pool](pairs, labels.values.reshape(-1).astype(np.int64), None)

    def solved_columns(self, labels: Labels) -> list[SolvedColumn]:
        """Return for each class which rows have it."""
        return [SolvedColumn("flag", column) for column in labels.values.T]

    def linear(self, matrix: Any, labels: Labels) -> list[FloorModel]:
        """Return logistic regressions, one a class."""
        return regressions_by_class(matrix, labels.values)

    def boosted(self, cells: Cells, labels: Labels) -> list[FloorModel]:
        """Return boosted trees, of each class."""
        return boosted_by_class(cells, labels.values)

    def distilled(self, matrix: Any, answers: NDArray[np.float32]) -> list[FloorModel]:
        """Return logistic regressions on a teacher's probabilities, one a class."""
        return distilled_by_class(matrix, answers)


def _scores(
    name: str, threshold: float, fitted: bool, true: NDArray[np.bool_], decided: NDArray[np.bool_]
) -> ThresholdScores:
    right, rows, taken = int((true & decided).sum()), int(true.sum()), int(decided.sum())
    return ThresholdScores(
        name=name,
        threshold=threshold,
        fitted=fitted,
        rows=rows,
        recall=right / rows if rows else None,
        precision=right / taken if taken else None,
        f1=2 * right / max(1, rows + taken),
    )
