"""Teachers that are asked with values as they were read: texts, rows of a table, pictures, sounds; no arrays.

To add a kind: a class from `RawTeacher` with its settings and `source(work)`, and what `kind.py` says.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from limbeck.console import say
from limbeck.data.modality import Reads
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.evaluation.records import ServedRecord
from limbeck.logits import WholeForm
from limbeck.models import positions
from limbeck.ranks import Ranks
from limbeck.runtime.readers.raw import RawReader
from limbeck.teachers.base import Teacher
from limbeck.teachers.named import Named, order_in_words
from limbeck.teachers.reading import AsRead
from limbeck.teachers.work import Encoded, Made, Split, Work
from limbeck.types import Batch, Outputs, Tap

_TRIED = 8
_AT_ONCE = 32

Ask = Callable[[Sequence[Any], NDArray[np.int64]], NDArray[Any]]
"""Values and their content ids, (rows,), in; (rows, outputs) out: logits, of a regression values."""


class RawReads(Reads):
    """Values as they were read: nothing is cut, scaled or encoded."""

    any_modality = True

    kind: Literal["raw"] = "raw"

    def fit(self, values: Any) -> RawReader:
        """Return what hands values through."""
        return RawReader()


@dataclass(frozen=True)
class RawSource:
    """What answers, before its outputs stand in the order of the classes.

    Attributes:
        digest: names whose answers these are, whatever their order.
        outputs: the names of its outputs, in their order.
        ask: answers.
        named: whether these names are its own; else they are numbers, and as many outputs as classes stand in the order
            of the classes, which is said.
        notes: what else is to be said of it when it is settled, a line each.
    """

    digest: str
    outputs: Sequence[str]
    ask: Ask
    named: bool = True
    notes: Sequence[str] = ()


class RawTeacher(Named):
    """What is asked with values as they were read, and is taken as it is.

    A kind says in `source` what answers. The rest is here: which output is which class, the cache's name, its checks.
    """

    reads: RawReads = RawReads()

    @property
    def refits(self) -> bool:
        """False: it is taken as it is."""
        return False

    @property
    def read_as(self) -> AsRead:
        """Settings that say in full what it reads."""
        return AsRead(self.reads)

    @abstractmethod
    def source(self, work: Work) -> RawSource:
        """Return what answers; called several times, before and after it is settled.

        Raises:
            LimbeckError: it cannot be had, or does not fit the data.
        """

    def settle(self, work: Work) -> Self:
        """Find out which output is which class.

        Raises:
            LimbeckError: see `source`; or nothing tells which output is which class.
        """
        source = self.source(work)
        if self.labels is None and not source.named and len(source.outputs) == len(work.classes):
            labels, why = dict(zip(source.outputs, work.classes, strict=True)), "in the order of the classes"
        else:
            labels, why = self.order(source.outputs, work)
        for note in (order_in_words(labels, why), *source.notes):
            say(f"  {work.key}: {note}")
        if self.unverifiable is not None:
            say(f"  {work.key}: version {self.unverifiable} names its answers; nothing else can tell them from others")
        return self.with_labels(labels)

    def finished(self, work: Work) -> None:
        """Return None: it is no network."""

    def asks(self, work: Work) -> "ValuesTeacher":
        """Return what is asked, with its outputs in the order of the classes; it is settled."""
        source = self.source(work)
        columns = positions(source.outputs, list(self.labels or source.outputs))
        named = [source.outputs[column] for column in columns]
        return ValuesTeacher(digest([source.digest, named]), source, columns, work.key)

    def answers_to(self, work: Work, split: Literal["labelled", "validation"], count: int) -> NDArray[np.float32]:
        """Return its answers to the first rows of a split; see `Named.answers_to`."""
        teacher, rows = self.asks(work), work.examples(split)
        parts = []
        for start in range(0, count, _AT_ONCE):
            some = slice(start, min(start + _AT_ONCE, count))
            batch = Batch(torch.from_numpy(rows.ids[some]), {}, teacher_values=rows.values[some])
            parts.append(teacher.predict(batch).dense)
        return torch.cat(parts).numpy()

    def check(self, work: Work) -> None:
        """Look at the rows, and ask for a few of them; see `Kind.check`."""
        _ = work.view(self.read_as).transfer
        self.answers_to(work, "validation", min(_TRIED, len(work.examples("validation"))))

    def make(self, work: Work) -> tuple[Made, ...]:
        """Take it as it is; the run's folder remembers which one it was."""
        view, teacher = work.view(self.read_as), self.asks(work)
        name, _ = work.once({"view": view.digest, "teacher": teacher.digest}, _nothing, _nothing)
        return (AskedRaw(view, name, teacher),)


@dataclass(frozen=True)
class ValuesTeacher:
    """A source with its outputs in the order of the classes.

    Attributes:
        digest: names its answers.
        source: answers.
        columns: the source's output for each class.
        key: of the teacher in the recipe, for errors.
    """

    digest: str
    source: RawSource
    columns: Sequence[int]
    key: str

    def predict(self, batch: Batch) -> Outputs:
        """Return logits (rows, classes), or values, float32, of the batch's `teacher_values`.

        Raises:
            LimbeckError: it cannot answer, or its answers are not finite numbers (rows, outputs).
            ValueError: the batch carries no values.
        """
        if batch.teacher_values is None:
            raise ValueError("the batch has no teacher_values: this teacher is asked with values as they were read")
        found = np.asarray(self.source.ask(batch.teacher_values, batch.ids.cpu().numpy()))
        expected = (len(batch.ids), len(self.source.outputs))
        if found.shape != expected:
            one = expected[1] == 2 and found.size == expected[0]
            raise LimbeckError(
                f"its answers have the shape {found.shape}, and {expected[0]} rows of {expected[1]} outputs are needed",
                where=self.key,
                fix="of a probability p of the second class, give np.stack([1 - p, p], axis=1)"
                if one
                else "a row of answers for each value, in their order, with a number for each output",
            )
        with np.errstate(over="ignore"):  # what is infinite then is refused
            answers = found.astype(np.float32)[:, list(self.columns)]
        if wrong := int((~np.isfinite(answers)).any(axis=1).sum()):
            raise LimbeckError(
                f"{wrong} of its answers to {len(answers)} rows are not finite numbers",
                where=self.key,
                fix="each output has to be a finite number, in float32 too",
            )
        return Outputs(torch.from_numpy(np.ascontiguousarray(answers)))


@dataclass(frozen=True)
class AskedRaw:
    """A teacher that is asked with values, as a run has it: see `Made`."""

    view: Encoded
    digest: str
    teacher: Teacher

    @property
    def answers_as(self) -> str:
        """Names its answers."""
        return self.teacher.digest

    def live(self, taps: Sequence[Tap] = (), form: WholeForm = "dense") -> Teacher:
        """Return the teacher; it has neither activations nor hidden states to give."""
        return self.teacher

    def prepare(self, split: Split, among: Ranks, folder: Path, missing: NDArray[np.bool_]) -> None:
        """Do nothing: it answers from the values."""

    @property
    def served(self) -> ServedRecord | None:
        """None: it answers here."""
        return None


def _nothing(folder: Path) -> None:
    """Leave the stage's record only."""
