"""The first stages of a run by themselves: make the teacher, and ask it for every row that the run needs an answer for.

`limbeck run` of the same recipe in the same folder goes on from there, and asks nothing again.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from limbeck.cache import ID_BYTES, CachedTeacher, Cluster
from limbeck.console import say, span
from limbeck.data import Examples, Splits
from limbeck.errors import LimbeckError
from limbeck.pipeline.order import opened
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.teacher import Member, members_of, train_teacher
from limbeck.pipeline.training.work import works
from limbeck.ranks import ranks
from limbeck.recipe import Recipe
from limbeck.report.words.numbers import file_size, several

_WHILE_JOINED = 2
"""Shards stand beside the one that they become, until that is whole."""


@dataclass(frozen=True)
class Labelled:
    """What a labelling has done.

    Attributes:
        asked: answers that the teacher gave now: rows, times its members.
        known: answers that it had given before.
        seconds: of wall time, of the answers and of what they were judged by.
        size: bytes of all answers on disk.
        folder: of the answers.
    """

    asked: int
    known: int
    seconds: float
    size: int
    folder: Path


def label_rows(
    recipe: Recipe, out: Path, *, command: str, given_as: str | None = None, ray: str | None = None
) -> Labelled:
    """Make the teacher of a recipe and write its answers for every row of the run into the recipe's cache.

    That are the rows on which it is judged, the transfer set and the test rows; of these nothing but the teacher's
    answers is looked at, and nobody sees those before the evaluation. What a killed labelling has written is not asked
    again. Several processes, started by `accelerate launch`, share the rows.

    Args:
        recipe: of the run.
        out: the run's folder, which holds the teacher and, without a `cache.path`, the answers.
        command: the line that is at work, for whoever is kept out of the folder.
        given_as: see `run`.
        ray: address of a Ray cluster that asks the teacher, see `Cluster`; None: this process asks it.

    Raises:
        LimbeckError: whatever `run` refuses before a student is trained; too little space is free for the answers.
    """
    if recipe.teacher.moving is not None:
        raise LimbeckError(
            f"a teacher of kind {recipe.teacher.kind} changes with every step of its student: no answer stands before",
            where="teacher.kind",
            fix="run the recipe",
        )
    if ray is not None:
        _require_networks(recipe)
    with opened(recipe, out, command, given_as=given_as) as found:
        among = ranks() if ray is None else Cluster(address=ray, folder=recipe.folder)
        widths = [work.hidden_width(member) for work, member in works(found.recipe, found.material)]
        recipe, splits, kept = found.recipe, found.material.splits, found.recipe.cache.folder
        folder = out / "cache" if kept is None else kept
        if not ranks().agree(folder.exists()):  # before a teacher is trained for hours
            _require_space(folder, _size_of_all(recipe, splits, widths))
        with found.clock("teacher"):
            made = train_teacher(recipe, found.material, out)
        members = members_of(recipe, made.members, splits, out, kept)
        before = [_Missing.of(*each, splits) for each in zip(members, widths, strict=True)]
        _require_space(folder, sum(missing.size for missing in before))
        start = time.monotonic()
        with found.clock("labelling"):
            answers = ask_teacher(recipe, made, splits, out, kept=kept, among=among)
            answers.of("test", among=among)
        seconds = time.monotonic() - start
        after = [_Missing.of(*each, splits) for each in zip(answers.members, widths, strict=True)]
        left, asked = (sum(missing.rows for missing in each) for each in (after, before))
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        return Labelled(asked - left, sum(missing.known for missing in before), seconds, size, folder)


def print_labelled(result: Labelled, go_on: str) -> None:
    """Print what a labelling has done, and the line that goes on from there."""
    where = f"{file_size(result.size)} in {result.folder}"
    if result.asked:
        known = f", {result.known:,} had an answer" if result.known else ""
        pace = f"{result.asked / max(result.seconds, 1e-6):,.0f} rows/s"
        say(f"  {several(result.asked, 'row')} asked{known}; {span(result.seconds)}, {pace}; {where}")
    else:
        say(f"  nothing to ask: {several(result.known, 'row')} had an answer; {where}")
    say(f"  go on: {go_on}", whole=True)


@dataclass(frozen=True)
class _Missing:
    """What a member of the teacher has not answered yet.

    Attributes:
        rows: how many rows it will be asked for.
        known: how many it has answered.
        size: bytes that the missing answers take at most, while they are written.
    """

    rows: int
    known: int
    size: float

    @classmethod
    def of(cls, member: Member, width: int | None, splits: Splits) -> "_Missing":
        judged = [splits.labelled, splits.validation, splits.test]
        # What it was judged by is taken over where students learn from a part of each answer: nobody is asked twice.
        transfer, own = splits.transfer, member.taught is member.cache
        asked = splits.transfer.take(range(len(splits.labelled), len(splits.transfer)))
        exact = _counts(member.cache, [*judged, asked] if own else judged)
        taught = (0, 0) if own else _counts(member.taught, [asked])
        size = _bytes(member.cache, exact[0], width)
        size += 0.0 if own else _bytes(member.taught, _counts(member.taught, [transfer])[0], width)
        return cls(exact[0] + taught[0], exact[1] + taught[1], size)


def _counts(cache: CachedTeacher, parts: Sequence[Examples]) -> tuple[int, int]:
    """Return how many examples a cache has no answer for, and how many it has one for; a copy counts once."""
    ids = np.unique(np.concatenate([part.ids for part in parts]))
    missing = int(cache.missing(ids).sum())
    return missing, len(ids) - missing


def _bytes(cache: CachedTeacher, rows: int, width: int | None) -> float:
    codec, outputs = cache.identity.codec, cache.identity.outputs
    once = codec.shared_bytes(outputs, width) if rows and not len(cache) else 0.0
    return _WHILE_JOINED * rows * (codec.bytes_per_prediction(outputs, width) + ID_BYTES) + once


def _size_of_all(recipe: Recipe, splits: Splits, widths: Sequence[int | None]) -> float:
    """Return the bytes of the answers for all rows, activations aside."""
    rows = len(splits.transfer) + len(splits.validation) + len(splits.test)
    codec, outputs = recipe.codec, splits.task.outputs
    return sum(
        _WHILE_JOINED * rows * (codec.bytes_per_prediction(outputs, width) + ID_BYTES)
        + codec.shared_bytes(outputs, width)
        for width in widths
    )


def _require_networks(recipe: Recipe) -> None:
    """Refuse to ask a teacher on a cluster that cannot be sent there, or for more than logits.

    Raises:
        LimbeckError: it is no network of PyTorch, it is asked through a file of this machine, the states before its
            last layer are wanted, or several processes of one launcher ask it already.
    """
    if odd := next((one.kind for one in recipe.teacher.members if "taps" not in one.gives), None):
        what, fix = f"it asks networks of PyTorch, and teacher.kind={odd} is none", "leave it out"
    elif recipe.cache.exports:
        what, fix = "it asks with PyTorch", "set cache.engine=torch"
    elif recipe.codec.of_states:
        what = f"it brings back logits, and cache.codec={recipe.codec.kind} keeps what they are computed from"
        fix = "take cache.codec=dense, or leave it out"
    elif ranks().world > 1:
        what, fix = "several processes ask the teacher already", "leave it out, or start one process"
    else:
        return
    raise LimbeckError(what, where="--ray", fix=fix)


def _require_space(folder: Path, size: float) -> None:
    """Refuse to begin what would fill a disk.

    Raises:
        LimbeckError: less than `size` bytes are free where the folder is, or will be.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = ranks().share(shutil.disk_usage(there).free)  # what one refuses, all refuse
    if size > free:
        raise LimbeckError(
            f"the answers take up to {file_size(size)} while they are written, and {file_size(free)} are free",
            where=str(folder),
            fix="free some space, give cache.path a folder on another disk, or cache.codec one that keeps less",
        )
