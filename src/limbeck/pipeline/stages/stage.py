"""A stage writes one folder and is skipped when what it depends on is unchanged."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from limbeck.console import say
from limbeck.digest import digest, file_digest
from limbeck.errors import LimbeckError
from limbeck.files import remove, require_ours, write_json, written_in
from limbeck.pipeline.stages.clock import RECORD, Spent, now, reuse, take_off
from limbeck.ranks import ranks

_TOLERANCE, _STEP = 1e-4, 4 * float(np.finfo(np.float32).eps)
_DIGEST, _SEED = re.compile("[0-9a-f]{16}"), re.compile("seed-[0-9]+")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Near:
    """An input of a stage that is numbers in columns, the same when none differs by 1e-4 of the largest of its column.

    Another number of threads changes the last bits of what a network answers: by a few steps of float32 of the largest
    number at hand, which is much in a column of small ones.
    """

    numbers: list[float]
    columns: int = 1

    def unless_changed(self, old: list[float] | None) -> list[float]:
        """Return the numbers on record where these are the same, else these."""
        if old is None or len(old) != len(self.numbers):
            return self.numbers
        found, known = (np.reshape(each, (-1, self.columns)) for each in (self.numbers, old))
        sizes = np.abs(known).max(axis=0, initial=0.0)
        room = np.maximum(_TOLERANCE * sizes, _STEP * sizes.max(initial=0.0))
        return old if np.isclose(found, known, rtol=0.0, atol=room, equal_nan=True).all() else self.numbers


class _Record(BaseModel):
    """What a stage leaves in its folder: digests of what went in and, when it is complete, of the files it wrote."""

    model_config = ConfigDict(frozen=True)

    inputs: dict[str, str]
    complete: bool
    spent: Spent = Spent()
    files: dict[str, str] = {}
    near: dict[str, list[float]] = {}


class Stage:
    """One stage of a run. Of several processes only the first one changes its folder.

    Args:
        folder: what it writes; what an earlier, different run of the stage wrote there is removed first.
        inputs: everything that its result depends on, by a name that a reader understands; numbers that may differ a
            little are a `Near`.
        conditions: inputs that change a result's bits and not what it is a result of, such as the number of threads: a
            finished stage is kept where they have changed, one that is not finished is done again.

    Raises:
        LimbeckError: the folder's record, or a file of the finished stage, is damaged.
    """

    def __init__(self, folder: Path, inputs: Mapping[str, Any], *, conditions: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        old = _read(folder)
        known = {} if old is None else old.near
        near = {name: value for name, value in inputs.items() if isinstance(value, Near)}
        self._near = {name: value.unless_changed(known.get(name)) for name, value in near.items()}
        every = {**inputs, **self._near, **(conditions or {})}
        self._inputs = {name: digest(value) for name, value in every.items()}
        self.done = old is not None and old.complete and old.inputs == self._inputs | _kept(old.inputs, conditions)
        if old is not None and self.done:
            self._inputs = old.inputs
        self.digest = digest(self._inputs)
        if old is None:
            if folder.is_dir():
                self._clear()
        elif self.done:
            _verify(folder, old.files)
            reuse(folder, old.spent)
        elif old.inputs != self._inputs:
            names = self._inputs | old.inputs  # one that is gone is a change too
            changed = [name for name in names if old.inputs.get(name) != self._inputs.get(name)]
            say(f"  {_called(folder)}: {', '.join(changed)} changed, done again")
            take_off(old.spent)
            self._clear()

    @contextmanager
    def working(self) -> Iterator[Path]:
        """Yield the folder to write into; the stage is complete when the block succeeds."""
        self._record(_Record(inputs=self._inputs, complete=False, near=self._near))
        start = now()
        yield self.folder
        spent = now().plus(start, -1)
        if ranks().main:
            files = {path.name: file_digest(path) for path in written_in(self.folder) if path.name != RECORD}
            self._record(_Record(inputs=self._inputs, complete=True, spent=spent, files=files, near=self._near))

    def _record(self, record: _Record) -> None:
        if ranks().main:
            write_json(self.folder / RECORD, record.model_dump())

    def _clear(self) -> None:
        if ranks().main:
            # The record goes first: a removal that is killed must not leave it beside files that are gone.
            remove(self.folder / RECORD)
            remove(self.folder)


def once(
    folder: Path,
    inputs: Mapping[str, Any],
    make: Callable[[Stage], _T],
    load: Callable[[Stage], _T],
    *,
    by: Literal["main", "all", "each"] = "main",
    conditions: Mapping[str, Any] | None = None,
    before: Callable[[], None] | None = None,
    whole: Callable[[], bool] | None = None,
) -> tuple[Stage, _T]:
    """Return the stage of a folder and its result: loaded where the stage is done, else made.

    Args:
        folder: see `Stage`.
        inputs: see `Stage`.
        make: makes the result and writes it into the folder, which only the first process may do.
        load: reads it from the folder.
        by: who makes it. `main`: the first process, whose files the others load. `all`: all processes together. `each`:
            every process for itself; the others may not even be here.
        conditions: see `Stage`.
        before: called before it is made; stages of their own are done here.
        whole: whether what the result needs outside of the folder is there; None: nothing is needed.

    Raises:
        LimbeckError: see `Stage`.
    """
    us = ranks()
    with nullcontext() if by == "each" else us.main_first():
        stage = Stage(folder, inputs, conditions=conditions)
        done = stage.done and (whole is None or whole())
        if by == "main":
            return stage, _loaded(stage, load) if done else _made(stage, make, before)
    if by == "all":
        done = us.agree(done)
    return stage, _loaded(stage, load) if done else _made(stage, make, before)


def _loaded(stage: Stage, load: Callable[[Stage], _T]) -> _T:
    try:
        return load(stage)
    except FileNotFoundError as error:  # of a file that the stage's record does not name
        where = str(error.filename or stage.folder)
        raise LimbeckError("the file of a finished stage is missing", where=where, fix=_anew(stage.folder)) from error


def _made(stage: Stage, make: Callable[[Stage], _T], before: Callable[[], None] | None) -> _T:
    if before is not None:
        before()
    with stage.working():
        return make(stage)


def _called(folder: Path) -> str:
    """Return what people call a stage: its folder, with that above it where there is one for every seed.

    A digest says nothing to them.
    """
    if _DIGEST.fullmatch(folder.name):
        return folder.parent.name
    return f"{folder.parent.name}/{folder.name}" if _SEED.fullmatch(folder.name) else folder.name


def _kept(inputs: Mapping[str, str], conditions: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the conditions under which a recorded stage was done."""
    return {name: inputs[name] for name in conditions or {} if name in inputs}


def _read(folder: Path) -> _Record | None:
    path = folder / RECORD
    require_ours(path)
    if not path.is_file():
        return None
    try:
        return _Record.model_validate_json(path.read_bytes())
    except ValidationError:
        raise LimbeckError("damaged: no record of a stage", where=str(path), fix=_anew(folder)) from None


def _verify(folder: Path, files: Mapping[str, str]) -> None:
    """Refuse files that are not what the stage wrote: a flipped bit in a weight is no error to any reader."""
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise LimbeckError("the file of a finished stage is missing", where=str(path), fix=_anew(folder))
        if file_digest(path) != expected:
            raise LimbeckError(
                "not the file that was written (its checksum differs)", where=str(path), fix=_anew(folder)
            )


def _anew(folder: Path) -> str:
    return f"delete {folder} and run again to have it made anew"
