"""Answers that somebody else's teacher gave, in a file: probabilities, logits or values."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limbeck.console import say
from limbeck.data import Examples
from limbeck.data.modality import Modality
from limbeck.digest import arrays_digest, digest
from limbeck.errors import LimbeckError
from limbeck.files import named_path
from limbeck.teachers.answers import SUM, Answers, are_probabilities, as_logits
from limbeck.teachers.kind import register
from limbeck.teachers.raw import RawSource, RawTeacher
from limbeck.teachers.stored import StoredAnswers, missing_answers, read_answers
from limbeck.teachers.work import Work


class FileTeacher(RawTeacher):
    """A file of answers: a row an example, a column a class."""

    another: ClassVar[str] = "teacher.path=FILE"

    kind: Literal["file"]
    path: Annotated[str, Field(min_length=1, description="parquet, csv, or any other file of rows")]
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
        if self.labels is None and {*work.classes} < {*stored.columns}:
            others = [name for name in stored.columns if name not in work.classes]
            say(f"  {key}: columns that are no class are left out: {', '.join(others[:8])}")
            stored = stored.only(work.classes)
        missing_answers(stored, asked.ids, lambda row: _shown(self.by, asked, row, work.modality), key)
        answers = self._answers(stored, asked.ids, work)

        def ask(values: Sequence[Any], ids: NDArray[np.int64]) -> NDArray[np.float64]:
            return as_logits(stored.of(ids), answers, task, key)

        own = ["file", stored.columns, answers, arrays_digest(stored.ids, stored.numbers)]
        return RawSource(digest(own), stored.columns, ask)

    def _answers(self, stored: StoredAnswers, ids: NDArray[np.int64], work: Work) -> Answers:
        """Return what the numbers are.

        Raises:
            LimbeckError: the recipe does not say it, and they may be either.
        """
        if self.answers is not None or work.task.predicts == "values":
            return self.answers or "logits"
        numbers = stored.of(ids)
        if are_probabilities(numbers, work.task).all():
            say(f"  {work.key}: its numbers are probabilities")
            return "probabilities"
        if ((numbers >= 0) & (numbers <= 1 + SUM)).all():
            raise LimbeckError(
                "its numbers lie between 0 and 1, and those of a row do not sum to 1",
                where=f"{work.key}.path ({stored.path})",
                fix=f"set {work.key}.answers=logits, or give the probabilities of every class",
            )
        say(f"  {work.key}: its numbers are logits")
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
    return asked.ids[row] if found is None else found


register(FileTeacher)
