"""Several teachers as one."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator

from limbeck.evaluation import Pool
from limbeck.teachers.kind import Kind
from limbeck.teachers.single import SingleTeacher
from limbeck.teachers.work import Made, Work

CONFIDENCE = "confidence"


class EnsembleTeacher(Kind):
    """Several teachers, whose probabilities or values are averaged, or whose probabilities are multiplied."""

    pools: ClassVar[bool] = True
    another: ClassVar[str] = "teacher.members=[...]"

    kind: Literal["ensemble"]
    members: Annotated[
        list[SingleTeacher],
        Field(min_length=2, max_length=100, description="teachers of any kind but this"),
    ]
    weights: Annotated[
        list[Annotated[float, Field(ge=0)]] | Literal["confidence"] | None,
        Field(
            description="one a member; confidence: of each example by how sure the members are of it; null: those that "
            "fit the rows best on which choices are made"
        ),
    ] = None
    pool: Annotated[
        Pool,
        Field(
            description="mean: of the probabilities, or of the values; product: of the probabilities, each to the "
            "power of its weight, normalised"
        ),
    ] = "mean"

    @field_validator("members")
    @classmethod
    def _accepted_together(cls, members: list[SingleTeacher]) -> list[SingleTeacher]:
        if any(member.accept_bad for member in members):
            raise ValueError("an ensemble is judged as a whole: set teacher.accept_bad, beside members")
        if any(member.folds for member in members):
            raise ValueError("members are cross-validated together: set teacher.folds, beside members")
        return members

    @field_validator("weights")
    @classmethod
    def _one_each(cls, weights: list[float] | str | None, info: ValidationInfo) -> list[float] | str | None:
        members = info.data.get("members", [])
        if isinstance(weights, list) and (len(weights) != len(members) or not sum(weights)):
            raise ValueError(f"give one for each of the {len(members)} members, not all 0")
        return weights

    def doubts(self, key: str, outputs: int) -> list[str]:
        """Return the members', each once."""
        found = [
            line
            for number, member in enumerate(self.members)
            for line in member.doubts(f"{key}.members.{number}", outputs)
        ]
        return [*dict.fromkeys(found)]

    @property
    def refits(self) -> bool:
        """Whether any of its members is made from the labels of the run."""
        return any(member.refits for member in self.members)

    @property
    def metered(self) -> bool:
        """Whether any of its members is."""
        return any(member.metered for member in self.members)

    @property
    def by_steps(self) -> bool:
        """Whether any of its members is."""
        return any(member.by_steps for member in self.members)

    def shares(self, members: int) -> list[float] | None:
        """Return the members' weights, in a mean of sum 1; None where they are to be fitted."""
        weights = [1.0 / members] * members if self.weights == CONFIDENCE else self.weights
        if not isinstance(weights, list) or self.pool == "product":
            return weights
        return [weight / sum(weights) for weight in weights]

    @property
    def by_confidence(self) -> bool:
        """Whether a member's weight is by how sure it is of each example."""
        return self.weights == CONFIDENCE

    def decided(self, classes: Sequence[str]) -> Self:
        """Decide it for every member."""
        return self.model_copy(update={"members": [member.decided(classes) for member in self.members]})

    def settle(self, work: Work) -> Self:
        """Settle every member."""
        members = [member.settle(work.member(number)) for number, member in enumerate(self.members)]
        return self.model_copy(update={"members": members})

    def check(self, work: Work) -> None:
        """Check every member."""
        for number, member in enumerate(self.members):
            member.check(work.member(number))

    def make(self, work: Work) -> tuple[Made, ...]:
        """Make every member, in their order."""
        return tuple(made for number, member in enumerate(self.members) for made in member.make(work.member(number)))
