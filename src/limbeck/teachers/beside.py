"""What the kinds of a teacher have in common that is made beside each student, and not before."""

from collections.abc import Sequence
from typing import Self

from pydantic import model_validator

from limbeck.evaluation import Pool
from limbeck.teachers.kind import Kind, Single
from limbeck.teachers.work import Made, Work


class Beside(Kind):
    """A teacher that is made beside each student; it gives `moving`, which says how."""

    @model_validator(mode="after")
    def _not_judged_beforehand(self) -> Self:
        if self.folds is not None or self.accept_bad:
            key = "accept_bad" if self.folds is None else "folds"
            raise ValueError(
                f"{key} says how a teacher is judged before students learn, and kind {self.kind} is made beside them; "
                "leave it out"
            )
        return self

    @property
    def by_steps(self) -> bool:
        """True: it learns as long as its student."""
        return True

    @property
    def members(self) -> Sequence[Single]:
        """None: before there is a student, nothing answers."""
        return ()

    @property
    def pool(self) -> Pool:
        """How answers are pooled: there is nothing to pool."""
        return "mean"

    def shares(self, members: int) -> list[float] | None:
        """Return the weights of no members."""
        return []

    def check(self, work: Work) -> None:
        """Do nothing: whether it can be made beside the students is asked of them."""

    def make(self, work: Work) -> tuple[Made, ...]:
        """Make nothing before there is a student."""
        return ()
