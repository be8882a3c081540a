"""A teacher of boosted trees, for tables: what is strongest on a few hundred rows, and no network."""

from typing import ClassVar, Literal

from limbeck.modalities import TableReads
from limbeck.teachers.kind import Single, register
from limbeck.teachers.trees import Trees, TreesSettings, require_rows
from limbeck.teachers.work import Made, Work


class BoostingTeacher(Single):
    """Gradient-boosted trees, grown here on the labelled rows of a table."""

    of_classes: ClassVar[bool] = True

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
            LimbeckError: see `require_rows`, or the data are no table.
        """
        work.view(self)
        require_rows(work.labels("labelled")[: work.fewest])

    def make(self, work: Work) -> tuple[Made, ...]:
        """Grow them."""
        return (work.train(Trees(self.boosting, len(work.classes)), self),)


register(BoostingTeacher)
