"""Ask a teacher for every example once, in shards, so that a killed labelling resumes."""

from pathlib import Path

import numpy as np
import torch

from limbeck.cache.store import CachedTeacher, CacheIdentity, CacheWriter
from limbeck.console import meter
from limbeck.data import EncodedTexts, Examples, in_length_order
from limbeck.teachers import Teacher
from limbeck.types import Batch

SHARD_BATCHES = 32


def label(
    teacher: Teacher,
    examples: Examples,
    view: EncodedTexts,
    folder: Path,
    identity: CacheIdentity,
    *,
    batch_size: int = 32,
) -> CachedTeacher:
    """Write the teacher's answers for all examples and return them as a teacher.

    Args:
        teacher: asked with the view's rows as `teacher_inputs`.
        examples: what to label; ids that have an answer are skipped.
        view: the same rows as the teacher sees them.
        folder: of the cache; continued when it holds answers of the same identity.
        identity: whose answers these are.
        batch_size: rows asked at once; similar lengths share a batch.
    """
    writer = CacheWriter(folder, identity)
    known = writer.known_ids()
    batches = list(in_length_order(view, batch_size))
    todo = [batch for batch in batches if not known.issuperset(examples.ids[batch].tolist())]
    if todo:
        with meter("teacher answers", sum(map(len, todo))) as progress:
            for start in range(0, len(todo), SHARD_BATCHES):
                shard = todo[start : start + SHARD_BATCHES]
                answers = []
                for rows in shard:
                    ids = torch.from_numpy(examples.ids[rows])
                    inputs = view.batch(rows)
                    answers.append(teacher.predict(Batch(ids=ids, student_inputs={}, teacher_inputs=inputs)).logits)
                    progress.advance(len(rows))
                _add_new(writer, known, examples.ids[np.concatenate(shard)], torch.cat(answers).cpu())
    return CachedTeacher(folder, identity)


def _add_new(writer: CacheWriter, known: set[int], ids: np.ndarray, logits: torch.Tensor) -> None:
    """Add the answers to ids that have none; the same text may stand in two places of a test split."""
    fresh = []
    for row, key in enumerate(ids.tolist()):
        if key not in known:
            known.add(key)
            fresh.append(row)
    if fresh:
        writer.add(ids[fresh], logits[fresh])
