"""What a person would look at: examples with the answers to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from limbeck.data import Splits, Task
from limbeck.evaluation.figures import Disagreement, ImageSample
from limbeck.pipeline.judging.models import Judged
from limbeck.pipeline.training.views import View

APART = 12
"""Examples of which answers lie farthest apart."""


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

    def apart(self) -> list[Disagreement]:
        """Return the rows on which the answers of teacher and student lie farthest apart."""
        shown = (self.models[name].sheet for name in ("teacher", "student"))
        return self.of(np.argsort(-self.task.apart(*shown), kind="stable")[:APART].tolist())

    def of(self, rows: Iterable[int]) -> list[Disagreement]:
        """Return test rows as the report shows them."""
        return [self._one(row) for row in rows]

    def _one(self, row: int) -> Disagreement:
        test, modality, task = self.splits.test, self.splits.modality, self.task
        name = named(self.splits, row)
        sheets = {model: self.models[model].sheet for model in ("teacher", "student")}
        return Disagreement(
            sample=modality.sample(test.values[row], name),
            name=name,
            seen=self._seen(row, name) if modality.looked_at else None,
            label=task.labelled(sheets["teacher"], row),
            exact=task.exact,
            answers={model: task.decided(sheet, row) for model, sheet in sheets.items()},
        )

    def _seen(self, row: int, name: str) -> ImageSample | None:
        arrays = self.view.test.batch([row])
        return self.splits.modality.picture({key: value[0] for key, value in arrays.items()}, self.view.reader, name)


def named(splits: Splits, row: int) -> str:
    """Return what a person calls a test row: its file, or its number in the file; else which test row it is."""
    test = splits.test
    file = splits.modality.file(test.values[row])
    return (test.origin.named(row, file) if test.origin else "") or f"test row {row + 1}"
