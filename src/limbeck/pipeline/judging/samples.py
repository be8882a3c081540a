"""What a person would look at: examples with the answers to them, and copies of examples."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limbeck.data import Examples, Splits, Task
from limbeck.data.copies import Copy
from limbeck.evaluation.figures import (
    ClassScores,
    ClassTable,
    CopiesSample,
    Disagreement,
    Figure,
    ImageSample,
    WeakClass,
)
from limbeck.evaluation.metrics import log_softmax
from limbeck.pipeline.judging.models import Judged
from limbeck.pipeline.training.views import View
from limbeck.runtime.rows import Rows

APART = 12
"""Examples of which answers lie farthest apart."""
WEAK, MISTAKES = 3, 2
"""Classes of which mistakes are shown, and how many of each."""
COPIED, COPIES = 3, 3
"""Examples whose copies are shown, and how many of each."""


@dataclass(frozen=True)
class Samples:
    """Test examples, and what teacher and shipped student answer to them.

    Attributes:
        splits: of the run.
        view: of the student that ships.
        task: of the run.
        models: every model with its answers.
    """

    splits: Splits
    view: View
    task: Task
    models: Mapping[str, Judged]

    def apart(self) -> list[int]:
        """Return the rows on which the answers of teacher and student lie farthest apart, the farthest first."""
        shown = (self.models[name].sheet for name in ("teacher", "student"))
        return np.argsort(-self.task.apart(*shown), kind="stable")[:APART].tolist()

    def of(self, rows: Iterable[int]) -> list[Disagreement]:
        """Return test rows as the report shows them."""
        return [self._one(row) for row in rows]

    def weak_classes(self, figures: Iterable[Figure], others: Collection[int]) -> list[WeakClass]:
        """Return the classes with the lowest F1 of the student that ships, and rows that it takes for another class.

        A class of which no row is taken for another one is left out: there would be nothing to show.

        Args:
            figures: with the student's `ClassTable`; without one there are no classes.
            others: rows that are shown already.
        """
        table = next((one for one in figures if isinstance(one, ClassTable) and one.model == "student"), None)
        sheet, found = self.models["student"].sheet, []
        for index, scores in enumerate(table.classes if table else []):
            of_it, taken = sheet["labels"] == index, sheet["decided"] == index
            wrong = np.flatnonzero(of_it & ~taken)
            if len(wrong):
                f1 = 2 * int((of_it & taken).sum()) / int(of_it.sum() + taken.sum())
                found.append((f1, scores, wrong))
        found.sort(key=lambda one: (one[0], one[1].name))
        return [self._weak(f1, scores, wrong, others) for f1, scores, wrong in found[:WEAK]]

    def _weak(self, f1: float, scores: ClassScores, wrong: NDArray[np.int64], others: Collection[int]) -> WeakClass:
        sheet = self.models["student"].sheet
        sure = log_softmax(sheet["logits"][wrong])[np.arange(len(wrong)), sheet["decided"][wrong]]
        surest = wrong[np.argsort(-sure, kind="stable")].tolist()
        # Of what is shown already the page leaves some out: rather twice than never.
        rows = [row for row in surest if row not in others] or surest
        known = {"name": scores.name, "f1": f1, "rows": scores.rows, "wrong": len(wrong)}
        return WeakClass(**known, samples=self.of(rows[:MISTAKES]))

    def _one(self, row: int) -> Disagreement:
        test, modality, task = self.splits.test, self.splits.modality, self.task
        place = f"test row {row + 1}"
        name = named(self.splits, test, row) or place
        sheets = {model: self.models[model].sheet for model in ("teacher", "student")}
        return Disagreement(
            sample=modality.sample(test.values[row], place),
            name=name,
            seen=self._seen(row, name) if modality.looked_at else None,
            label=task.labelled(sheets["teacher"], row),
            exact=task.exact,
            answers={model: task.decided(sheet, row) for model, sheet in sheets.items()},
        )

    def _seen(self, row: int, name: str) -> ImageSample | None:
        return _pictures(self.splits, self.view, self.view.test, {row: name})[0]


def copies_drawn(splits: Splits, student: View, teacher: View | None) -> list[CopiesSample]:
    """Return the first examples that have drawn copies, with the first copies of each; none where nothing can be seen.

    Args:
        splits: of the run.
        student: as the student sees them.
        teacher: as a teacher that is trained here sees them; None: there is no such teacher.
    """
    if len(splits.augmented):
        return _copies(splits, splits.transfer, student, student.transfer)
    if len(splits.rehearsed) and teacher is not None:  # copies that the teacher alone learns
        return _copies(splits, splits.teachers, teacher, teacher.teachers)
    return []


def _copies(splits: Splits, examples: Examples, view: View, rows: Rows) -> list[CopiesSample]:
    """Return examples and their copies; `rows` are the same, encoded."""
    drawn: dict[int, list[int]] = {}
    for row, value in enumerate(examples.values):
        if isinstance(value, Copy) and (value.of in drawn or len(drawn) < COPIED):
            drawn.setdefault(value.of, []).append(row)
    places = {key: place for place, key in enumerate(examples.ids.tolist()) if key in drawn}
    found = []
    for key, place in places.items():
        known = named(splits, splits.labelled, place) if place < len(splits.labelled) else ""  # these come first
        name = known or f"training row {place + 1}"
        wanted = {place: name} | {row: f"copy {n}" for n, row in enumerate(drawn[key][:COPIES], start=1)}
        pictures = [one for one in _pictures(splits, view, rows, wanted) if one is not None]
        if len(pictures) == len(wanted):
            found.append(CopiesSample(name=name, original=pictures[0], copies=pictures[1:]))
    return found


def _pictures(splits: Splits, view: View, rows: Rows, wanted: Mapping[int, str]) -> list[ImageSample | None]:
    """Return what a network sees of some rows, which are named, each as a picture; None where it cannot be seen."""
    arrays = rows.batch([*wanted])
    return [
        splits.modality.picture({name: value[place] for name, value in arrays.items()}, view.reader, called)
        for place, called in enumerate(wanted.values())
    ]


def named(splits: Splits, rows: Examples, row: int) -> str:
    """Return what a person calls a row of a split: its file, or its number in the file; nothing where nobody knows."""
    file = splits.modality.file(rows.values[row])
    return "" if rows.origin is None else rows.origin.named(row, file)
