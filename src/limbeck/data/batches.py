"""Batches for training: length-bucketed, with a fixed share of labelled rows, a pure function of (seed, step)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from limbeck.data.examples import Examples
from limbeck.errors import LimbeckError
from limbeck.runtime.rows import Rows
from limbeck.types import Batch, tensors

WINDOW = 64
"""Batches that are drawn together and sorted by length among themselves: larger means less padding, less random."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """An endless sequence of rows: one seeded permutation after another, `count` rows a batch."""

    rows: NDArray[np.int64]
    count: int
    seed: tuple[int, ...]
    _permutations: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    def draw(self, start: int, batches: int, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return batches `start` to `start + batches`, (batches, count) row numbers, the batch of short texts first."""
        position = np.arange(start * self.count, (start + batches) * self.count)
        epoch, within = np.divmod(position, len(self.rows))
        rows = np.concatenate([self._epoch(int(e))[within[epoch == e]] for e in np.unique(epoch)])
        # Each epoch is sorted by itself, or the copies of a row would come to lie in one batch; upwards and downwards
        # in turn, so that the batch in which two epochs meet has similar lengths too.
        direction = np.where(epoch % 2, -1, 1)
        drawn = rows[np.lexsort((direction * lengths[rows], epoch))].reshape(batches, self.count)
        return drawn[np.argsort(lengths[drawn].max(axis=1), kind="stable")]

    def _epoch(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._permutations:
            for old in [key for key in self._permutations if key < epoch - 1]:
                del self._permutations[old]
            self._permutations[epoch] = np.random.default_rng((*self.seed, epoch)).permutation(self.rows)
        return self._permutations[epoch]


class Batches:
    """The training batches of one arm and seed.

    Every batch of a mixed set holds the same number of labelled rows, so that a few labels among much unlabelled text
    are not over-weighted by accident. The batch of a step depends on nothing but (seed, step): a run that was killed
    continues with the batch it would have had. Of the labelled and of the unlabelled rows, each is seen once an epoch.

    Args:
        examples: the rows, with and without label.
        student: the same rows as the student sees them.
        teacher: the same rows as a live teacher sees them; None when its answers are cached or there is none.
        batch_size: rows of one optimizer step.
        labelled_per_batch: labelled rows in each batch; ignored when all rows are labelled, or none.
        accumulate: micro-batches that a batch is split into.
        seed: order of the rows.
        world: processes that share each micro-batch.
        rank: which of them this is.

    Raises:
        LimbeckError: a batch has fewer rows than parts.
    """

    # What a batch depends on is said in one place.
    def __init__(
        self,
        examples: Examples,
        student: Rows,
        *,
        batch_size: int,
        labelled_per_batch: int,
        seed: int,
        teacher: Rows | None = None,
        accumulate: int = 1,
        world: int = 1,
        rank: int = 0,
    ) -> None:
        if batch_size < accumulate * world:
            raise LimbeckError(
                f"a batch of {batch_size} rows cannot be split into {accumulate} x {world} parts",
                where="train.batch_size",
                fix=f"at least {accumulate * world}, or a smaller train.accumulate",
            )
        self._examples, self._student, self._teacher = examples, student, teacher
        self._accumulate, self._world, self._rank = accumulate, world, rank
        labelled = np.flatnonzero(examples.labels.present)
        unlabelled = np.flatnonzero(~examples.labels.present)
        share = labelled_per_batch if len(labelled) and len(unlabelled) else batch_size * bool(len(labelled))
        share = min(share, batch_size)
        streams = [_Stream(labelled, share, (seed, 0)), _Stream(unlabelled, batch_size - share, (seed, 1))]
        self._streams = [stream for stream in streams if stream.count]
        # A window is no longer than an epoch, so that epochs follow each other and do not mix.
        self._size = max(1, min(WINDOW, max(len(stream.rows) // stream.count for stream in self._streams)))
        self._seed = seed
        self._window: tuple[int, list[NDArray[np.int64]]] = (-1, [])

    def group(self, step: int) -> Iterator[Batch]:
        """Yield this process's share of the micro-batches of a step; all of them together are its batch."""
        for part in np.array_split(self.rows(step), self._accumulate):
            yield self._batch(np.array_split(part, self._world)[self._rank])

    def rows(self, step: int) -> NDArray[np.int64]:
        """Return the row numbers of a step's batch."""
        window, position = divmod(step, self._size)
        if self._window[0] != window:
            self._window = (window, self._draw(window))
        return self._window[1][position]

    def _draw(self, window: int) -> list[NDArray[np.int64]]:
        """Draw each stream's share of a window's batches, and pair the shares of equal rank in length."""
        lengths = self._student.lengths
        parts = [stream.draw(window * self._size, self._size, lengths) for stream in self._streams]
        order = np.random.default_rng((self._seed, 2, window)).permutation(self._size)
        return list(np.concatenate(parts, axis=1)[order])

    def _batch(self, rows: NDArray[np.int64]) -> Batch:
        labels = self._examples.labels.take(rows)
        return Batch(
            ids=torch.from_numpy(self._examples.ids[rows]),
            student_inputs=tensors(self._student.batch(rows)),
            labels=torch.from_numpy(labels.values),
            labelled=torch.from_numpy(labels.present),
            teacher_inputs=None if self._teacher is None else tensors(self._teacher.batch(rows)),
        )
