"""A teacher of boosted trees, for tables: what is strongest on a few hundred rows, and no network."""

from typing import ClassVar, Literal

import numpy as np

from limbeck.errors import LimbeckError
from limbeck.modalities import TableReads
from limbeck.teachers.forest import Forest, TreesSettings
from limbeck.teachers.kind import Single, register
from limbeck.teachers.work import Made, Work


class BoostingTeacher(Single):
    """Gradient-boosted trees, grown here on the labelled rows of a table, for each column of the labels."""

    of_modalities: ClassVar[tuple[str, ...]] = ("table",)
    like_floor: ClassVar[bool] = True

    kind: Literal["boosting"]
    boosting: TreesSettings = TreesSettings()
    reads: TableReads = TableReads()

    @property
    def read_as(self) -> "BoostingTeacher":
        """Settings that say in full what it reads."""
        return self

    def check(self, work: Work) -> None:
        """Refuse rows that no trees can be grown on, at the fewest labels of the run.

        Raises:
            LimbeckError: their labels do not vary, the data are no table, or no solver knows such labels.
        """
        work.view(self)
        labels = work.examples("labelled").labels
        if not work.task.solved_columns(labels):
            raise LimbeckError(
                f"a {work.task.kind} has no columns that trees could be grown for",
                where=f"{work.key}.kind",
                fix="take another kind: network does any task",
            )
        work.task.require_varied(labels.take(np.arange(work.fewest)), work.key, "data.labelled")

    def make(self, work: Work) -> tuple[Made, ...]:
        """Grow them."""
        columns = work.task.solved_columns(work.examples("labelled").labels)
        return (work.train(Forest(self.boosting, columns), self),)


register(BoostingTeacher)
