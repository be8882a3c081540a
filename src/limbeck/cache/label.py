"""Ask a teacher for every example once, in shards, so that a killed labelling resumes."""

import itertools
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from limbeck.cache.store import CachedTeacher, CacheIdentity, CacheWriter
from limbeck.console import meter
from limbeck.data import Examples
from limbeck.ranks import ALONE, Ranks
from limbeck.runtime.rows import Rows, by_length
from limbeck.teachers import Teacher
from limbeck.types import Batch, Outputs, tensors

SHARD_BATCHES = 32
_T = TypeVar("_T")


def label(
    teacher: Teacher,
    examples: Examples,
    view: Rows,
    folder: Path,
    identity: CacheIdentity,
    *,
    batch_size: int = 32,
    among: Ranks = ALONE,
) -> CachedTeacher:
    """Write the teacher's answers for all examples and return them as a teacher.

    The rows are asked in the order of their lengths and a shard holds whole batches, so a labelling that was killed
    asks the batches that it would have asked. Several processes take turns with the batches of a shard, which the
    first one writes: the same answers as from one.

    Args:
        teacher: asked with the view's rows as `teacher_inputs`.
        examples: what to label; ids that have an answer are skipped, and an id that stands twice is asked once.
        view: the same rows as the teacher sees them.
        folder: of the cache; continued when it holds answers of the same identity.
        identity: whose answers these are.
        batch_size: rows asked at once; similar lengths share a batch.
        among: the processes that share the work; every one of them has to call.

    Raises:
        LimbeckError: the folder holds a foreign or damaged cache, or the teacher's answers are not finite logits of
            the identity's classes.
        ValueError: the view has other rows than the examples, or the identity is another teacher's.
    """
    if len(view) != len(examples):
        raise ValueError(f"the view has {len(view)} rows and the examples have {len(examples)}")
    if teacher.digest != identity.teacher:
        raise ValueError(f"the identity names teacher `{identity.teacher}`, this one is `{teacher.digest}`")
    writer = CacheWriter(folder, identity)
    todo = among.share(_unanswered(examples, view, writer.known_ids()) if among.main else None)
    if len(todo):
        with meter("teacher answers", len(todo)) as progress:
            batches = [todo[start : start + batch_size] for start in range(0, len(todo), batch_size)]
            for shard in _pieces(batches, SHARD_BATCHES):
                own = []
                for turn in _pieces(shard, among.world):
                    for rows in turn[among.rank : among.rank + 1]:  # none where the last turn is short
                        ids = torch.from_numpy(examples.ids[rows])
                        batch = Batch(ids=ids, student_inputs={}, teacher_inputs=tensors(view.batch(rows)))
                        own.append(_on_processor(teacher.predict(batch)))
                    progress.advance(sum(len(rows) for rows in turn))
                turns = itertools.zip_longest(*among.gather(own))
                if among.main:
                    answers = [answer for turn in turns for answer in turn if answer is not None]
                    writer.add(examples.ids[np.concatenate(shard)], _joined(answers))
    among.wait()
    return CachedTeacher(folder, identity)


def _pieces(whole: list[_T], size: int) -> list[list[_T]]:
    """Return a list in pieces of a size, the last one as long as it is."""
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def _on_processor(answers: Outputs) -> Outputs:
    features = {path: value.cpu() for path, value in answers.features.items()}
    return Outputs(answers.logits.cpu(), features)


def _joined(answers: list[Outputs]) -> Outputs:
    """Return the answers to several batches as those to one."""
    features = {path: torch.cat([part.features[path] for part in answers]) for path in answers[0].features}
    return Outputs(torch.cat([part.logits for part in answers]), features)


def _unanswered(examples: Examples, view: Rows, known: set[int]) -> NDArray[np.int64]:
    """Return one row of every id that has no answer, longest first; the same text may stand twice in a test split."""
    first: dict[int, int] = {}
    for rows in by_length(view, max(1, len(view)), longest_first=True):
        for row in rows.tolist():
            first.setdefault(int(examples.ids[row]), row)
    return np.array([row for key, row in first.items() if key not in known], np.int64)
