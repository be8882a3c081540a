"""Answers that somebody else's teacher gave, in a file: probabilities, logits or values."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limbeck.data import Examples
from limbeck.data.modality import Modality
from limbeck.digest import arrays_digest, digest, hex_id
from limbeck.errors import LimbeckError
from limbeck.files import named_path
from limbeck.models import positions
from limbeck.teachers.answers import SUM, Answers, are_probabilities, require_probabilities, to_logits
from limbeck.teachers.kind import register
from limbeck.teachers.raw import RawSource, RawTeacher
from limbeck.teachers.stored import StoredAnswers, missing_answers, read_answers
from limbeck.teachers.work import Work


class FileTeacher(RawTeacher):
    """A file of answers: a row an example, a column a class."""

    another: ClassVar[str] = "teacher.path=FILE"

    kind: Literal["file"]
    path: Annotated[
        str,
        Field(
            min_length=1, description="parquet, csv, or any other file of rows; what limbeck cache export writes, by id"
        ),
    ]
    by: Annotated[
        Literal["text", "path", "id"],
        Field(
            description="what a row says of its example: its text, the path of its file (from the folder of `path`), "
            "or its content id, as a teacher cache has it"
        ),
    ]
    column: Annotated[
        str | None, Field(min_length=1, description="that says it; null: the column of the name that `by` has")
    ] = None
    answers: Annotated[
        Answers | None,
        Field(description="what the columns hold; null: found out by all rows. Of a regression they hold values"),
    ] = None

    def source(self, work: Work) -> RawSource:
        """Return the file's answers.

        Raises:
            LimbeckError: it cannot be read, does not answer for a row of the run, or nothing tells what its numbers
                are.
        """
        key, task, asked = work.key, work.task, work.asked
        _require_such(self.by, asked, work.modality, key)
        stored = read_answers(named_path(self.path), self.by, self.column or self.by, work.modality, key)
        every, stored = stored, stored.only(self._columns(stored, work))
        if len(stored.columns) == 1 and len(work.classes) == 2 and task.predicts == "distribution":
            raise LimbeckError(
                f"it has one column of numbers, `{stored.columns[0]}`, and the data have two classes"
                + "".join(f"; {other}" for other in every.others[:3]),
                where=f"{key}.path ({stored.path})",
                fix="write a column for each: of a probability p of the second class, 1 - p and p",
            )
        missing_answers(stored, asked.ids, lambda row: _shown(self.by, asked, row, work.modality), key)
        answers = self._answers(stored, every, asked.ids, work)

        def ask(values: Sequence[Any], ids: NDArray[np.int64]) -> NDArray[np.float64]:
            return to_logits(outputs.of(ids), answers, task)

        # Settled, `labels` name outputs of all.
        outputs = every if self.labels else stored
        notes = [] if task.predicts == "values" else [f"its numbers are {answers}"]
        if len(every.columns) > len(stored.columns):
            left = [name for name in every.columns if name not in stored.columns]
            notes.append(f"columns that are left out: {', '.join(left[:8])}")

        own = ["file", stored.columns, answers, arrays_digest(stored.ids, stored.numbers)]
        return RawSource(digest(own), outputs.columns, ask, named=not stored.listed, notes=notes)

    def _columns(self, stored: StoredAnswers, work: Work) -> Sequence[str]:
        """Return the columns of the classes: those of `labels`, else those of their names, else all.

        Raises:
            LimbeckError: there is no column that `labels` names.
        """
        columns = stored.columns
        if self.labels:
            return [columns[place] for place in positions(columns, list(self.labels))]
        if stored.listed or not {*work.classes} <= {*columns}:
            return columns
        return work.classes

    def _answers(self, stored: StoredAnswers, every: StoredAnswers, ids: NDArray[np.int64], work: Work) -> Answers:
        """Return what the numbers are; of some classes of many, those of all columns sum to 1.

        Raises:
            LimbeckError: the recipe does not say it, and they may be either.
        """
        found = "logits" if stored.listed and self.answers is None else self.answers
        if found == "logits" or work.task.predicts == "values":
            return "logits"
        numbers = stored.of(ids)
        if any(are_probabilities(each, work.task).all() for each in (numbers, every.of(ids))):
            return "probabilities"
        if self.answers is not None:
            require_probabilities(numbers, work.task, work.key)
        if ((numbers >= 0) & (numbers <= 1 + SUM)).all():
            raise LimbeckError(
                "its numbers lie between 0 and 1, and those of a row do not sum to 1",
                where=f"{work.key}.path ({stored.path})",
                fix=f"set {work.key}.answers=logits, or give the probabilities of every class",
            )
        return "logits"


def _require_such(by: str, asked: Examples, modality: Modality, key: str) -> None:
    """Refuse a column of texts where the examples are none, and one of paths where they lie in no files."""
    fits = {"text": isinstance(asked.values[0], str), "path": bool(modality.suffixes), "id": True}
    if not fits[by]:
        good = [name for name, does in fits.items() if does]
        raise LimbeckError(
            f"a {modality.noun} is not known by its {by}", where=f"{key}.by", fix=f"set it to {' or '.join(good)}"
        )


def _shown(by: str, asked: Examples, row: int, modality: Modality) -> Any:
    """Return what names an example as the file does."""
    value = asked.values[row]
    found = {"text": value, "path": modality.file(value) if by == "path" else None}.get(by)
    return hex_id(asked.ids[row]) if found is None else found


register(FileTeacher)
