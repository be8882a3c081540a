"""Ask a teacher for every example once, in shards, so that a killed labelling resumes."""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.cache.cluster import Cluster
from limbeck.cache.codecs import Codec
from limbeck.cache.store import CachedTeacher
from limbeck.cache.worklist import WorkList
from limbeck.console import meter, say
from limbeck.data import Examples
from limbeck.errors import LimbeckError
from limbeck.logits import Factored, form_of
from limbeck.ranks import ALONE, Ranks
from limbeck.runtime.rows import Rows, by_length, is_ragged, is_raw
from limbeck.teachers import Teacher
from limbeck.types import Batch, Outputs, Predictions, best_device, counted_tokens, tensors

SHARD_BATCHES = 32
_JOB_SHARDS = 8
"""Shards of rows that a cluster is asked for at once: what a killed job loses at most."""
ROWS_AT_ONCE, _GPU_ROWS, _GPU_TOKENS = 32, 512, 32 * 512
"""Rows asked at once: few, for they are padded to the longest. A GPU takes more of them, up to so many tokens."""
_INSTANT_S = 1e-6
_T = TypeVar("_T")


def label(
    teacher: Teacher,
    examples: Examples,
    view: Rows,
    cache: CachedTeacher,
    *,
    batch_size: int | None = None,
    among: Ranks = ALONE,
    title: str = "teacher answers",
) -> CachedTeacher:
    """Write the teacher's answers for all examples into a cache; return the cache, which is a teacher.

    The rows are asked in the order of their lengths and a shard holds whole batches, so a labelling that was killed
    asks the batches that it would have asked. Several processes take turns with the batches of a shard, which the
    first one writes: the same answers as from one. Other processes and threads may label the same folder at the same
    time, each with a cache of its own: no row is asked twice, and at its end each waits for what another one has begun.
    Of answers by token, (batch, tokens, outputs), those of real tokens
    are kept: where the view's `attention_mask`, if it has one, is not 0.

    Args:
        teacher: asked with the view's rows as `teacher_inputs`.
        examples: what to label; ids that have an answer are skipped, and an id that stands twice is asked once.
        view: the same rows as the teacher sees them.
        cache: of this teacher; continued where it holds answers.
        batch_size: rows asked at once; similar lengths share a batch. None: as many as suit the machine.
        among: the processes that share the work; every one of them has to call. Or a cluster, see `Cluster`.
        title: shown while it runs.

    Raises:
        LimbeckError: the teacher's answers are not finite logits of the identity's outputs, or do not fit its codec.
        ValueError: the view has other rows than the examples, or the cache is another teacher's.
    """
    if len(view) != len(examples):
        raise ValueError(f"the view has {len(view)} rows and the examples have {len(examples)}")
    if teacher.digest != cache.digest:
        raise ValueError(f"the identity names teacher `{cache.digest}`, this one is `{teacher.digest}`")
    todo = _unanswered(examples, view, cache) if among.main else np.zeros(0, np.int64)
    if count := among.share(len(todo)):
        batch_size, elsewhere = batch_size or _at_once(view), 0
        pace = _Pace(view, todo, batch_size)
        size = SHARD_BATCHES * batch_size * (_JOB_SHARDS if isinstance(among, Cluster) else 1)
        with meter(title, count, work=pace.total) as progress, WorkList(cache, examples.ids, todo, size, title) as work:

            def answered(rows: NDArray[np.int64]) -> None:
                progress.advance(len(rows), pace.of(rows), pace.cost(rows))

            while len(rows := among.share(work.take() if among.main else None)):
                batches = np.split(rows, range(batch_size, len(rows), batch_size))
                answers = _asked(teacher, examples, view, cache, batches, among, answered)
                if answers is not None:
                    logits, features, layer = answers
                    cache.add(examples.ids[rows], logits, features, work.claim, layer)
                    progress.advance(work.elsewhere - elsewhere)
                    elsewhere = work.elsewhere
            progress.advance(work.elsewhere - elsewhere)
        if among.main and cache.error:
            say(f"  kept as {cache.identity.codec.title}: {cache.identity.codec.said(cache.error)}")
    if among.main:
        cache.seal(examples.ids)
    among.wait()
    if not among.main:
        cache.refresh()
    return cache


def _asked(
    teacher: Teacher,
    examples: Examples,
    view: Rows,
    cache: CachedTeacher,
    batches: list[NDArray[np.int64]],
    among: Ranks,
    answered: Callable[[NDArray[np.int64]], None],
) -> "tuple[Predictions, Mapping[str, Predictions], Factored | None] | None":
    """Return what the teacher says of batches, in their order; None in all processes but the first."""

    def asked(rows: NDArray[np.int64]) -> Batch:
        return asked_for(view, examples.ids, rows)

    if isinstance(among, Cluster) and getattr(teacher, "travels", False):
        found: dict[int, _Answered] = {}
        for number, outputs in among.answers(teacher, map(asked, batches)):  # in any order
            found[number] = _answered(outputs, asked(batches[number]), cache)
            answered(batches[number])
        return *_joined([found[number] for number in range(len(batches))]), None
    own, layer = [], None
    for turn in _pieces(batches, among.world):
        for rows in turn[among.rank : among.rank + 1]:  # none where the last turn is short
            batch = asked(rows)
            answers = _in_form(teacher.predict(batch), cache.identity.codec)
            own.append(_answered(answers, batch, cache))
            layer = answers.logits if isinstance(answers.logits, Factored) else None
        for rows in turn:
            answered(rows)
    turns = itertools.zip_longest(*among.gather(own))
    if not among.main:
        return None
    return *_joined([answer for turn in turns for answer in turn if answer is not None]), layer


class _Pace:
    """What rows cost to be asked, and how fast that goes.

    Args:
        view: says how long each row is. Of texts that is its tokens.
        todo: rows that are asked, in their order.
        batch_size: how many of them at once.

    Attributes:
        total: what they cost: the padding of a batch counts.
    """

    def __init__(self, view: Rows, todo: NDArray[np.int64], batch_size: int) -> None:
        self._lengths, self._tokens = view.lengths, is_ragged(view)
        self.total = sum(self.cost(todo[at : at + batch_size]) for at in range(0, len(todo), batch_size))
        self._start, self._asked, self._read = time.monotonic(), 0, 0

    def cost(self, rows: NDArray[np.int64]) -> float:
        """Return what a batch costs."""
        return float(len(rows) * self._lengths[rows].max())

    def of(self, rows: NDArray[np.int64]) -> str:
        """Count a batch that was answered; return the rows, and of texts the tokens without padding, of a second."""
        self._asked, self._read = self._asked + len(rows), self._read + int(self._lengths[rows].sum())
        seconds = max(time.monotonic() - self._start, _INSTANT_S)
        tokens = f", {self._read / seconds:,.0f} tokens/s" if self._tokens else ""
        return f"{self._asked / seconds:,.0f} rows/s{tokens}"


def asked_for(view: Rows, ids: NDArray[np.int64], rows: NDArray[np.int64]) -> Batch:
    """Return a batch with which a live teacher is asked for some rows.

    Args:
        view: every row, as the teacher sees it.
        ids: of every row.
        rows: numbers of those that are wanted.
    """
    some = torch.from_numpy(ids[rows])
    if is_raw(view):
        return Batch(some, {}, teacher_values=view.values_of(rows))
    return Batch(some, {}, teacher_inputs=tensors(view.batch(rows)))


def _at_once(view: Rows) -> int:
    """Return how many rows of a view are asked at once."""
    if best_device().type != "cuda":
        return ROWS_AT_ONCE
    return int(np.clip(_GPU_TOKENS // max(1, int(view.lengths.max())), ROWS_AT_ONCE, _GPU_ROWS))


def _pieces(whole: list[_T], size: int) -> list[list[_T]]:
    """Return a list in pieces of a size, the last one as long as it is."""
    return [whole[start : start + size] for start in range(0, len(whole), size)]


_Answered = tuple[Predictions, Mapping[str, Predictions]]
"""Logits (of `Factored` ones the hidden states), and activations by the tap's name, of the tokens that count."""


def _in_form(answers: Outputs, codec: Codec) -> Outputs:
    """Return answers with the logits that a codec asks for.

    Raises:
        LimbeckError: a part of the logits is known.
    """
    return answers if form_of(answers.logits) == codec.asks else replace(answers, logits=answers.dense)


def _answered(answers: Outputs, batch: Batch, cache: CachedTeacher) -> _Answered:
    """Return what a teacher says of a batch, on the processor.

    Raises:
        LimbeckError: there is not one logit a class for each row, or for each token of a row.
    """
    logits = answers.logits
    shape, expected = tuple(logits.shape), (len(batch.ids), cache.identity.outputs)
    if len(shape) not in (2, 3) or (shape[0], shape[-1]) != expected:
        raise LimbeckError(
            f"the teacher's answers have shape {shape}, not (rows, outputs) = {expected} or (rows, tokens, outputs)",
            where=str(cache.folder),
            fix="its last layer needs one logit a class",
        )
    inputs = batch.teacher_inputs or {}

    def flat(values: Tensor, what: str) -> Predictions:
        return Predictions.of(values, counted_tokens(values, inputs, what=what)).cpu()

    return flat(logits.hidden if isinstance(logits, Factored) else answers.dense, "the teacher's logits"), {
        name: flat(value, f"`{name}`") for name, value in answers.features.items()
    }


def _joined(answers: list[_Answered]) -> _Answered:
    """Return the answers to several batches as those to one."""
    features = {name: Predictions.joined([each[name] for _, each in answers]) for name in answers[0][1]}
    return Predictions.joined([logits for logits, _ in answers]), features


def _unanswered(examples: Examples, view: Rows, cache: CachedTeacher) -> NDArray[np.int64]:
    """Return one row of every id that has no answer, longest first; the same text may stand twice in a test split."""
    missing = cache.missing(examples.ids)
    if not missing.any():
        return np.zeros(0, np.int64)
    (order,) = by_length(view, len(view), longest_first=True)
    order = order[missing[order]]
    return order[np.sort(np.unique(examples.ids[order], return_index=True)[1])]
