"""A teacher that is asked through onnxruntime: its network is exported, and compared with PyTorch before it answers.

Which engine answers is a setting, and no choice by a clock: two runs of one recipe have to end in the same bits.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from limbeck.bundle import MAX_ERROR, reason_of
from limbeck.cache import ROWS_AT_ONCE, asked_for
from limbeck.console import say
from limbeck.data import Splits
from limbeck.errors import LimbeckError
from limbeck.logits import WholeForm
from limbeck.models.onnxfile import OnnxFile
from limbeck.pipeline.training.exported import EXPORTS, exported
from limbeck.pipeline.training.learn import Trained
from limbeck.ranks import Ranks
from limbeck.recipe import Recipe
from limbeck.teachers import Made, Teacher
from limbeck.teachers.work import Split
from limbeck.types import Batch, Outputs, Tap

_OUTPUT, _KEY, _PYTORCH = "logits", "cache.engine", "set cache.engine=torch"


def by_engine(one: Made, recipe: Recipe, splits: Splits, folder: Path, name: str) -> Made:
    """Return a teacher that was made, as the recipe's engine asks it.

    Args:
        one: what was made.
        recipe: of the run. Which teachers onnxruntime can be asked for is found out when it is read.
        splits: whose rows are asked about.
        folder: of the run.
        name: of the teacher's folder.
    """
    if not recipe.cache.exports or not isinstance(one, Trained):
        return one
    known: dict[str, Any] = {field.name: getattr(one, field.name) for field in fields(Trained)}
    return _ByOnnx(**known, splits=splits, place=folder / EXPORTS / name, compared=[])


@dataclass(frozen=True, kw_only=True)
class _ByOnnx(Trained):
    """A network whose answers onnxruntime gives.

    Attributes:
        splits: whose rows are asked about.
        place: of its ONNX file.
        compared: holds something when it was compared with PyTorch in this process.
    """

    splits: Splits
    place: Path
    compared: list[bool]

    def live(self, taps: Sequence[Tap] = (), form: WholeForm = "dense") -> Teacher:
        """Return the network, asked through onnxruntime; it has logits to give, and nothing from which they are."""
        return OnnxAnswers(self.answers_as, lambda: exported(self, self.place))

    def prepare(self, split: Split, among: Ranks, folder: Path, missing: NDArray[np.bool_]) -> None:
        """Export the network and compare it with PyTorch on some of the rows, where any has no answer.

        Raises:
            LimbeckError: it cannot be exported, or does not say the same.
        """
        if self.compared or not missing.any():
            return
        refused: LimbeckError | None = None
        if among.main:
            try:
                self._compare(split, np.flatnonzero(missing))
            except LimbeckError as error:
                refused = error
        if (refused := among.share(refused)) is not None:
            raise refused
        self.compared.append(True)

    def _compare(self, split: Split, rows: NDArray[np.int64]) -> None:
        if (reason := getattr(self.model, "no_onnx", None)) is not None:
            raise LimbeckError(f"the teacher is not exported: {reason}", where=_KEY, fix=_PYTORCH)
        try:
            exported(self, self.place)
        except LimbeckError:
            raise
        except Exception as error:
            raise LimbeckError(
                f"the teacher cannot be exported ({reason_of(error)})", where=_KEY, fix=_PYTORCH
            ) from error
        view, ids = getattr(self.view, split), getattr(self.splits, split).ids
        order = rows[np.argsort(-view.lengths[rows], kind="stable")]
        batches = [asked_for(view, ids, order[some]) for some in _spread(len(order))]
        found = compared(super().live(), self.live(), batches)
        name, count = self.place.name, sum(len(batch.ids) for batch in batches)
        said = f"onnxruntime differs from PyTorch by {found.difference:.1e} at most in a logit, on {count} rows"
        if not found.difference <= MAX_ERROR:  # not a number is no equality
            raise LimbeckError(f"{name}: {said}, and {MAX_ERROR:.0e} is allowed", where=_KEY, fix=_PYTORCH)
        if found.faster >= 1:
            say(f"  {name}: {said}, and is {found.faster:.2f} times as fast")
        else:
            say(f"  {name}: {said}, and takes {1 / found.faster:.2f} times as long: {_PYTORCH}", style="yellow")


@dataclass(frozen=True)
class OnnxAnswers:
    """An ONNX file as a teacher.

    Attributes:
        digest: of the network that it was exported from.
        path: where the file is; it is loaded when it is first asked.
    """

    digest: str
    path: Callable[[], Path]

    @cached_property
    def _file(self) -> OnnxFile:
        return OnnxFile(self.path())

    def predict(self, batch: Batch) -> Outputs:
        """Return the logits of the batch's `teacher_inputs`, float32, on the batch's device."""
        given: Mapping[str, torch.Tensor] = batch.teacher_inputs or {}
        feed = {name: given[name].cpu().numpy() for name in self._file.inputs}
        return Outputs(torch.from_numpy(self._file.run(feed, _OUTPUT)).float().to(batch.device))


@dataclass(frozen=True)
class Comparison:
    """How two engines compare on the same batches.

    Attributes:
        difference: largest one of a logit.
        faster: time of the first one over that of the second one.
    """

    difference: float
    faster: float


def compared(first: Teacher, second: Teacher, batches: Sequence[Batch]) -> Comparison:
    """Ask two teachers in turn; the first question to each loads and allocates, and is not timed."""
    for teacher in (first, second):
        teacher.predict(batches[-1])
    seconds, difference = [0.0, 0.0], 0.0
    for batch in batches:
        answers = []
        for number, teacher in enumerate((first, second)):
            start = time.perf_counter()
            answers.append(teacher.predict(batch).dense)
            seconds[number] += time.perf_counter() - start
        differs = (answers[0] - answers[1]).abs().max().item()
        difference = max(difference, differs) if differs == differs else differs
    return Comparison(difference, seconds[0] / max(seconds[1], 1e-9))


def _spread(rows: int) -> list[slice]:
    """Return the first, the middle and the last rows, as many each as are asked at once; fewer parts of few rows."""
    starts = sorted({0, max(0, (rows - ROWS_AT_ONCE) // 2), max(0, rows - ROWS_AT_ONCE)})
    return [slice(start, start + ROWS_AT_ONCE) for start in starts]
