"""A served teacher as a run has it: its answers stand in the cache's folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.console import say
from limbeck.digest import digest
from limbeck.evaluation.records import ServedRecord
from limbeck.locks import Holder, locked
from limbeck.ranks import Ranks
from limbeck.runtime.readers.pairs import shown_parts
from limbeck.runtime.rows import is_raw
from limbeck.teachers.raw import AskedRaw
from limbeck.teachers.served.asked import Counts, Interview, Served
from limbeck.teachers.served.journal import FILE
from limbeck.teachers.work import ROWS, Split


class Asking:
    """Answers to texts, from memory until a folder for them is opened.

    Args:
        interview: who is asked what.

    Attributes:
        served: who answers.
    """

    def __init__(self, interview: Interview) -> None:
        self.interview, self.served = interview, Served(interview)
        self._folder: Path | None = None

    @property
    def digest(self) -> str:
        """Names whose answers these are."""
        return digest(self.interview.named)

    def open(self, folder: Path, *, again: bool = False) -> None:
        """Take the answers of a folder; again: as another process has left it by now."""
        if again or folder != self._folder:
            self._folder, self.served = folder, Served(self.interview, folder)

    def __call__(self, values: Sequence[Any], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return log-probabilities (rows, labels); see `limbeck.teachers.raw.Ask`."""
        texts = texts_of(values)
        self.served.ask(texts)
        return self.served.answers(texts)


@dataclass(frozen=True)
class AskedServer(AskedRaw):
    """See `AskedRaw`.

    Attributes:
        asking: who is asked.
        terms: of the answers, as the user states them.
    """

    asking: Asking
    terms: str | None

    def prepare(self, split: Split, among: Ranks, folder: Path, missing: NDArray[np.bool_]) -> None:
        """Ask for the rows of a split that neither cache nor folder has; the first process alone does.

        Another run that shares the cache waits, and takes what this one was told.
        """
        asking, where = self.asking, self.asking.interview.where
        asking.open(folder)
        texts = [text for text, wanted in zip(self._texts(split), missing, strict=True) if wanted]
        if among.main and texts:
            with locked(folder, FILE, lambda holder: say(f"  {where}: {_waiting(holder)}")):
                asking.open(folder, again=True)
                asking.served.ask(texts, f"{where} is asked, {ROWS[split]}")
            if said := in_words(asking.served.counts(texts)):
                say(f"  {where}: {said}", style="yellow")
        among.wait()
        if not among.main:
            asking.open(folder, again=True)

    @property
    def served(self) -> ServedRecord:
        """What is recorded of the server and its answers to every row of the run."""
        interview, served = self.asking.interview, self.asking.served
        counts, price = (
            served.counts([*self._texts("transfer"), *self._texts("validation"), *self._texts("test")]),
            interview.manner.price,
        )
        return ServedRecord(
            model=interview.model,
            prompt=interview.prompt.digest,
            terms=self.terms,
            texts=counts.rows,
            by_votes=counts.voted,
            votes=counts.answers,
            unnamed=counts.unnamed,
            uniform=counts.uniform,
            requests=served.spent.requests,
            tokens=served.spent.tokens,
            money=None if price is None else served.spent.money(price),
        )

    def _texts(self, split: Split) -> list[str]:
        rows = getattr(self.view, split)
        return texts_of(rows.values) if is_raw(rows) else []


def _waiting(holder: Holder | None) -> str:
    return f"waiting for {holder or 'another process'}, which asks it for the same cache"


def texts_of(values: Sequence[Any]) -> list[str]:
    """Return values as texts; the parts of one stand in lines of their own."""
    return [shown_parts(value) for value in values]


def in_words(counts: Counts) -> str:
    """Say how many texts were answered by votes, and how many of these named no label; nothing where none was."""
    if not counts.voted:
        return ""
    said = f"{counts.voted:,} of {counts.rows:,} texts are answered by votes"
    few = f", {counts.few:,} of them as the codes held less than half of the probability" if counts.few else ""
    unnamed = f"; {counts.unnamed:,} of {counts.answers:,} votes name no label" if counts.unnamed else ""
    uniform = f", and {counts.uniform:,} texts got none that does: all labels are equally probable" * bool(
        counts.uniform
    )
    return f"{said}{few}{unnamed}{uniform}"
