"""A toy task: two numbers, where the middle of the black pixels is."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from limbeck.cards import Card
from limbeck.data import DataOptions, Labels, Task, TaskOptions
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.evaluation.figures import Decided
from limbeck.evaluation.metric import Metric, Sheet
from limbeck.losses import Objective
from limbeck.losses.term import Term


def _squares(sheet: Sheet) -> NDArray[np.float64]:
    errors = ((sheet["outputs"].astype(np.float64) - sheet["labels"]) ** 2).mean(axis=1)
    return np.stack([errors, np.ones_like(errors)], axis=1)


RMSE = Metric("rmse", "RMSE", "value", "lower", _squares, lambda sums: np.sqrt(sums[..., 0] / sums[..., 1]))


def squared_error(student: torch.Tensor, labels: torch.Tensor, *, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Return the mean squared error of each row, (batch,)."""
    values = (student - labels).square().mean(-1)
    return values if mask is None else torch.where(mask, values, 0.0)


CARD = Card(
    name="squared_error", kind="loss", family="labels", scope="prediction", needs=("labels",), summary="", paper="",
    citation="", equation="", code="", units="", defaults={}, use_when="", beware="", differs="",
)  # fmt: skip


class PointSettings(TaskOptions):
    """Two numbers."""

    predicts: ClassVar[Literal["values"]] = "values"

    kind: Literal["point"] = "point"

    def learn(self, cells: Sequence[Any], classes: Any, data: DataOptions, where: str) -> "Point":
        """Return the task."""
        return Point()

    def served(self, names: Sequence[str], decision: Mapping[str, Any]) -> "Point":
        """Return the task of a bundle."""
        return Point()


class Point(Task):
    """Two numbers a row, written `1.5 2.0`; labels (n, 2) float32."""

    kind: ClassVar[str] = "point"
    predicts: ClassVar[Literal["values"]] = "values"
    noun: ClassVar[str] = "numbers"
    names = ("row", "column")
    metrics = (RMSE,)
    digest = digest("point")

    @property
    def hard(self) -> Objective:
        """The squared error."""
        return 1.0 * Term(squared_error, {}, CARD)

    def labels(self, cells: Sequence[Any], where: str) -> Labels:
        """Return the numbers of each cell."""
        present = np.array([bool(cell) for cell in cells], np.bool_)
        found = np.zeros((len(cells), 2), np.float32)
        for row in np.flatnonzero(present).tolist():
            try:
                found[row] = [float(part) for part in cells[row].split()]
            except ValueError:
                raise LimbeckError(f"row {row + 1} has no two numbers", where=where) from None
        return Labels(found, present)

    def require_known(self, labels: Labels, where: str) -> None:
        """Accept any number."""

    def told(self, labels: Labels) -> str:
        """Return their means."""
        return "means: " + ", ".join(f"{mean:.2f}" for mean in labels.known.mean(axis=0))

    def frame(self, batch: Any) -> Any:
        """Return the batch with a mask of a prediction a row: labels have an axis more."""
        from dataclasses import replace

        return replace(batch, mask=torch.ones(len(batch.ids), dtype=torch.bool))

    def watched(self) -> tuple[Metric, ...]:
        """Return the error."""
        return (RMSE,)

    def chooses(self, scores: Mapping[str, float]) -> list[float]:
        """Return the error, less of which is better."""
        return [-scores["rmse"]]

    def sheet(self, outputs: NDArray[Any], labels: Labels) -> Sheet:
        """Return both."""
        return {"outputs": np.asarray(outputs), "labels": labels.values}

    def apart(self, one: Sheet, other: Sheet) -> NDArray[np.float64]:
        """Return the distance."""
        return np.linalg.norm(one["outputs"] - other["outputs"], axis=1)

    def decided(self, sheet: Sheet, row: int) -> Decided:
        """Return the numbers."""
        return Decided(decided=" ".join(f"{value:.2f}" for value in sheet["outputs"][row]))

    def labelled(self, sheet: Sheet, row: int) -> str:
        """Return the numbers of the label."""
        return " ".join(f"{value:.2f}" for value in sheet["labels"][row])
