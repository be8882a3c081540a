"""Classification: one of several classes, which exclude each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limbeck.data import DataOptions
from limbeck.data.examples import Labels
from limbeck.data.fitted import FloorModel, SolvedColumn
from limbeck.data.modality import Cells
from limbeck.data.task import Task
from limbeck.digest import arrays_digest, digest
from limbeck.errors import LimbeckError, apart, nearest
from limbeck.evaluation import (
    POOLS,
    Assignment,
    Pool,
    against_chance,
    agreement,
    best_assignment,
    calibrated_nll,
    class_scores,
    confidences,
    confusion,
    fit_offsets,
    fit_temperature,
    kl,
    nll,
    reliability,
)
from limbeck.evaluation.classification import METRICS, MetricName, ordered_metrics
from limbeck.evaluation.figures import ClassTable, Confusion, Decided, Figure, Reliability
from limbeck.evaluation.metric import Metric, Sheet, share, sheet_of
from limbeck.evaluation.records import Chance
from limbeck.runtime.decisions import softmax, with_offsets
from limbeck.tasks.classification.decisions import TellsDecisions
from limbeck.tasks.classification.labels import Classes, learn_classes, require_one_column, served_classes, shares
from limbeck.tasks.classification.linear import boosted_trees, distilled_regressions, regressions
from limbeck.tasks.classification.weights import Weighting, require_classes, weights_of

if TYPE_CHECKING:  # a finished student is judged where there is no torch
    from torch import Tensor

    from limbeck.losses import Objective
    from limbeck.types import Batch, Predicts

SHOWN = 12
"""Classes that are named, in their order."""
NOT_LOADED = "leave it out, or give tables"


class ClassificationSettings(TellsDecisions):
    """One of several classes, which exclude each other."""

    predicts: ClassVar[Predicts] = "distribution"
    pools: ClassVar[tuple[Pool, ...]] = ("mean", "product")
    one_class: ClassVar[bool] = True

    kind: Literal["classification"] = "classification"
    metric: Annotated[
        MetricName,
        Field(
            description="what checkpoints, grid points and seeds are chosen by, and what verdict and retention judge"
        ),
    ] = "accuracy"
    correct_prior: Annotated[
        bool,
        Field(
            description="add to each class's logit the number with which its mean probability on validation is its "
            "share of the training labels, in every model: for a student that never saw a class (data.omitted_classes)"
        ),
    ] = False

    def learn(
        self, cells: Sequence[Any], classes: Sequence[str] | None, data: DataOptions, where: str
    ) -> Classification:
        """Return the task whose classes occur among the labels of the training column.

        Args:
            cells: of the column.
            classes: what the data itself calls the values; None: it does not say.
            data: which labels are missing ones, which spellings are one class, and how much each class counts.
            where: what is read, for errors.

        Raises:
            LimbeckError: fewer than two classes, labels that cannot be classes, or weights of what is no class.
        """
        require_one_column(data.label)
        found = learn_classes(cells, where, missing=data.missing, merge=data.merge_classes, order=classes)
        require_classes(data.class_weights, found.names)
        # Of all rows of the column, some of which will be held out; `told` says of which they are to be.
        prior = shares(found.indices(cells, where), len(found.names)) if self.correct_prior else None
        return Classification(found, self.metric, data.class_weights, prior=prior)

    def numbered(self, names: Sequence[str], data: DataOptions) -> Classification:
        """Return the task whose labels are numbers from 0, called by these names.

        Raises:
            LimbeckError: the shares of the classes are asked for, and a loader is read once only.
        """
        if self.correct_prior:
            raise LimbeckError(
                "a loader does not say the shares of its classes", where="task.correct_prior", fix=NOT_LOADED
            )
        return Classification(Classes(tuple(names)), self.metric, data.class_weights)

    def served(self, names: Sequence[str], decision: Mapping[str, Any]) -> Classification:
        """Return the task of a bundle that has these classes, in any spelling, with its offsets."""
        return Classification(served_classes(names), offsets=tuple(decision.get("offsets", ())))

    def numbers(self, given: Any) -> tuple[Tensor, Tensor]:
        """Return the classes that a loader's labels name, and which rows have one; see `read_numbers`."""
        from limbeck.tasks.classification.numbers import read_numbers

        return read_numbers(given)


@dataclass(frozen=True)
class Classification(Task):
    """One of several classes, which exclude each other.

    Its labels are (n,) int64 class indices, its outputs logits (n, classes), its decision the largest of them.

    Attributes:
        classes: how labels name them.
        by: the metric that the run is judged by.
        weighting: of `data.class_weights`.
        weights: (classes,) float32, by which labelled rows count; None: all alike, or not known yet.
        prior: the share of each class among the training labels, which mean probabilities are brought to; None: not.
        offsets: what is added to each logit, fitted on validation; empty: nothing.
    """

    kind: ClassVar[str] = "classification"
    predicts: ClassVar[Predicts] = "distribution"
    noun: ClassVar[str] = "classes"
    classes: Classes
    by: MetricName = "accuracy"
    weighting: Weighting | None = None
    weights: NDArray[np.float32] | None = None
    prior: tuple[float, ...] | None = None
    offsets: tuple[float, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The classes, in the order of the logits."""
        return self.classes.names

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those of any classifier, that of the run first."""
        return tuple(ordered_metrics(self.by))

    @property
    def hard(self) -> Objective:
        """Cross-entropy."""
        from limbeck.losses import CrossEntropy

        return 1.0 * CrossEntropy()

    @property
    def digest(self) -> str:
        """Names the classes, their order, the metric, and by how much each class counts."""
        weights = None if self.weights is None else arrays_digest(self.weights)
        return digest([self.kind, list(self.names), self.by, weights])

    # --- labels

    def labels(self, cells: Sequence[Any], where: str) -> Labels:
        """Return the class of each cell; see `Classes.indices`."""
        return self.classes.indices(cells, where)

    def strata(self, labels: Labels) -> NDArray[np.int64]:
        """Return the classes."""
        return labels.values

    def of_classes(self, labels: Labels, names: Sequence[str], where: str) -> NDArray[np.bool_]:
        """Return which rows are of some classes."""
        if unknown := [name for name in names if name not in self.names]:
            raise LimbeckError(f"no class `{unknown[0]}`", where=where, fix=nearest(unknown[0], self.names))
        return labels.present & np.isin(labels.values, [self.names.index(name) for name in names])

    @property
    def least(self) -> int:
        """One row a class."""
        return len(self.names)

    def require_enough(self, labelled: int, where: str, key: str) -> None:
        """Refuse more classes than labelled rows."""
        if len(self.names) > labelled:
            example = " ".join(self.names[0].split())[:40]  # it may be a whole text, over several lines
            raise LimbeckError(
                f"{len(self.names):,} classes, such as `{example}`, but only {labelled:,} labelled training rows",
                where=where,
                fix=f"set data.label to a column of classes, or raise {key}",
            )

    def require_varied(self, labels: Labels, where: str, key: str) -> None:
        """Refuse labelled rows that are fewer than the classes, or all of one."""
        self.require_enough(len(labels), where, key)
        if len(found := np.unique(labels.values)) < 2:
            raise LimbeckError(
                f"all {len(labels):,} labelled training rows are of class `{self.names[found[0]]}`",
                where=where,
                fix=f"raise {key}, or add rows of other classes",
            )

    def require_known(self, labels: Labels, where: str) -> None:
        """Refuse numbers that are no class."""
        if (largest := int(labels.known.max(initial=0))) >= len(self.names):
            raise LimbeckError(
                f"the label {largest} stands beside {len(self.names)} classes, which are numbered from 0",
                where=where,
                fix="name every class in `classes`, or set teacher.labels",
            )

    def remarks(self, name: str, labels: Labels, *, learned: bool) -> list[str]:
        """Return a line that names the classes of which a split has no row; none where it has all."""
        found = set(labels.known.tolist())
        absent = [each for index, each in enumerate(self.names) if index not in found]
        if not absent:
            return []
        then = "; no model can learn these" if learned else ""
        return [f"no {name} row of {len(absent):,} of {len(self.names):,} classes: {_some(absent)}{then}"]

    def remarks_on_column(self, labels: Labels, classes: Sequence[str] | None) -> list[str]:
        """Say how many rows have no label and why, and which classes that the data names have no row."""
        lines = super().remarks_on_column(labels, classes)
        if lines and (assumed := self.classes.assumed):
            lines = [f"{lines[0]} (`{'`, `'.join(assumed)}` counts as none; a class with data.missing=[])"]
        if unused := [name for name in classes or () if name not in self.names]:
            lines.append(f"no training row has a class that the data names: {_some(unused)}")
        return lines

    def shown(self, labels: Labels) -> str:
        """Return how many classes there are among them."""
        return str(len(np.unique(labels.known))) if labels.present.any() else "-"

    def told(self, labels: Labels) -> str:
        """Return the classes with their rows."""
        counts = np.bincount(labels.known, minlength=len(self.names))
        shown = ", ".join(f"{apart(name)} {counts[index]:,}" for index, name in enumerate(self.names[:SHOWN]))
        more = f" and {len(self.names) - SHOWN:,} more" if self.names[SHOWN:] else ""
        return f"classes ({len(self.names)}): {shown}{more}"

    # --- learning

    def fit(self, training: Labels) -> Classification:
        """Return the task with the weight of each class for a network that learns these labels."""
        return replace(self, weights=weights_of(self.weighting, training, self.names))

    @property
    def class_weights(self) -> NDArray[np.float32] | None:
        """By how much a labelled row counts, by its class."""
        return self.weights

    def frame(self, batch: Batch) -> Batch:
        """Return the batch, each labelled row with the weight of its class, where classes differ in weight."""
        if self.weights is None or batch.labels is None:
            return batch
        import torch

        # A label that is no class is refused by the loss, which knows the classes as the logits' last axis.
        weights = torch.from_numpy(self.weights).to(batch.labels.device)[batch.labels.clamp(0, len(self.weights) - 1)]
        return replace(batch, weights=weights if batch.labelled is None else torch.where(batch.labelled, weights, 1.0))

    def watched(self) -> list[Metric]:
        """Return NLL, accuracy, the run's metric, and the NLL that is left at the best temperature."""
        weights = self.weights
        calibrated = Metric(
            "calibrated_nll", "calibrated NLL", "nats", "lower", METRICS["nll"].parts, share,
            value=lambda sheet: calibrated_nll(sheet["logits"], sheet["labels"], weights),
        )  # fmt: skip
        shown = [metric for name, metric in METRICS.items() if name in ("accuracy", self.by)]
        return [METRICS["nll"], *shown, calibrated]

    @property
    def progress(self) -> tuple[str, ...]:
        """What is left of the NLL, and the shares of right decisions."""
        return ("calibrated_nll", *(metric.name for metric in self.watched()[1:-1]))

    def chooses(self, scores: Mapping[str, float]) -> list[float]:
        """Return the likelihood, whatever the temperature; of macro F1 that first.

        Of accuracy it is the calibrated NLL, which sees more than right and wrong; of macro F1 it is macro F1 itself,
        as a likelihood is of the frequent classes.
        """
        likelihood = -scores["calibrated_nll"]
        return [likelihood] if self.by == "accuracy" else [round(scores[self.by], 9), likelihood]

    # --- deciding

    def learning_from(self, labels: Labels) -> Classification:
        """Return the task that brings mean probabilities to the shares of these labels, where that is asked."""
        return self if self.prior is None else replace(self, prior=shares(labels, len(self.names)))

    @property
    def fits_decision(self) -> bool:
        """What is added to the logits, where that is asked."""
        return self.prior is not None

    @property
    def decision(self) -> Mapping[str, Any]:
        """What is added to the logits."""
        return {"offsets": list(self.offsets)} if self.offsets else {}

    def decide(self, outputs: NDArray[Any], labels: Labels) -> Classification:
        """Return the task with the offsets that bring mean probabilities to the shares of the training labels.

        No label of the rows is looked at.
        """
        return self if self.prior is None else replace(self, offsets=fit_offsets(outputs, self.prior))

    def confidences(self, outputs: NDArray[Any], labels: Labels) -> dict[str, dict[str, float]]:
        """Return the probabilities from which answers are right so often; see `abstention`."""
        sheet = self.sheet(outputs, labels)
        return confidences(softmax(sheet["logits"]).max(axis=1), sheet["decided"] == sheet["labels"])

    # --- judging

    def sheet(self, outputs: NDArray[Any], labels: Labels) -> Sheet:
        """Return `logits` (rows, classes) with what is added to them, `decided` and `labels` (rows,)."""
        return sheet_of(with_offsets(outputs, self.offsets), labels.values)

    def chance(self, sheet: Sheet) -> Chance:
        """Return the balanced accuracy beside that of a constant prediction."""
        return against_chance(sheet["logits"], sheet["labels"])

    def assignment(self, sheet: Sheet) -> Assignment:
        """Return the names of the outputs beside those that fit the labels best."""
        return best_assignment(sheet["decided"], sheet["labels"], self.outputs)

    def beside(self, teacher: Sheet, arm: Sheet) -> dict[str, float]:
        """Return the share of equal decisions, and the mean KL(teacher || arm) in nats."""
        both = teacher["logits"], arm["logits"]
        return {"agreement": agreement(*both), "kl_to_teacher": kl(*both)}

    def apart(self, one: Sheet, other: Sheet) -> NDArray[np.float64]:
        """Return the sum of the absolute differences of the probabilities."""
        return np.abs(softmax(one["logits"]) - softmax(other["logits"])).sum(axis=1)

    def decided(self, sheet: Sheet, row: int) -> Decided:
        """Return the class and its probability."""
        probabilities = softmax(sheet["logits"][row : row + 1])[0]
        return Decided(decided=self.names[int(probabilities.argmax())], probability=float(probabilities.max()))

    def labelled(self, sheet: Sheet, row: int) -> str:
        """Return the class."""
        return self.names[sheet["labels"][row]]

    def figures(self, model: str, sheets: Sequence[Sheet], shown: Sheet) -> list[Figure]:
        """Return the table of the classes, the confusions, and confidence against accuracy."""
        labels, logits = shown["labels"], shown["logits"]
        scores = class_scores([one["logits"] for one in sheets], labels, self.names)
        if self.offsets:
            scores = [one.model_copy(update={"offset": by}) for one, by in zip(scores, self.offsets, strict=True)]
        return [
            ClassTable(model=model, classes=scores),
            Confusion(model=model, counts=confusion(logits, labels).tolist()),
            Reliability(model=model, **reliability(logits, labels)._asdict()),
        ]

    # --- what is fitted to outputs

    def temperature(self, outputs: NDArray[np.float32], labels: Labels) -> float:
        """Return the temperature of the lowest NLL; see `fit_temperature`."""
        return fit_temperature(outputs, labels.values, self.weights)

    def pool_weights(self, pool: Pool, outputs: Sequence[NDArray[np.float32]], labels: Labels) -> list[float]:
        """Return the weights of a pool; see `mixture_weights` and `product_weights`."""
        return POOLS[pool](outputs, labels.values, self.weights)

    def solved_columns(self, labels: Labels) -> list[SolvedColumn]:
        """Return the classes."""
        return [SolvedColumn("class", labels.values, self.outputs)]

    def linear(self, matrix: Any, labels: Labels) -> list[FloorModel]:
        """Return multinomial logistic regressions."""
        return regressions(matrix, labels.values, len(self.names), self.weights)

    def boosted(self, cells: Cells, labels: Labels) -> list[FloorModel]:
        """Return gradient-boosted trees."""
        return boosted_trees(cells, labels.values, len(self.names), self.weights)

    def distilled(self, matrix: Any, answers: NDArray[np.float32]) -> list[FloorModel]:
        """Return logistic regressions on the teacher's distributions."""
        return distilled_regressions(matrix, answers)

    def cost(self, outputs: NDArray[np.float32], labels: Labels) -> float:
        """Return the NLL."""
        return nll(outputs, labels.values, self.weights)


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(apart, names[:8])) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")
