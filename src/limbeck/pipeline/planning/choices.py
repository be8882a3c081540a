"""Choices: values for what a recipe leaves open, each with its reason."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from limbeck.recipe import Recipe, parse_recipe
from limbeck.recipe.grid import points
from limbeck.settings.changes import apply

_FEWEST = 2
"""Members of an ensemble."""


class Choices:
    """Values for what a recipe leaves open; a key that the recipe or an override sets is never changed.

    Args:
        recipe: as it was read.

    Attributes:
        reasons: what was chosen and why, in that order.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._changes: dict[str, Any] = {}
        self._without: set[int] = set()
        self._no_points: set[int] = set()
        self._more: list[Mapping[str, Any]] = []
        self.reasons: list[tuple[str, str]] = []

    def is_open(self, key: str) -> bool:
        """Return whether neither the recipe nor an override says anything of a key."""
        place: Any = self._recipe
        for step in key.split("."):
            if isinstance(place, list):
                place = place[int(step)] if step.isdecimal() else _named(place, step)
            elif not isinstance(place, BaseModel) or step not in place.model_fields_set:
                return True
            else:
                place = getattr(place, step)
        return False

    def choose(self, key: str, value: Any, why: str = "") -> None:
        """Choose the value of a key that is open; without a reason nothing is said of it."""
        if not self.is_open(key):
            return
        self._changes[key] = value
        if why:
            self.reasons.append((f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}", why))

    def settle(self, key: str, value: Any) -> None:
        """Write down what the data have said of a key."""
        self._changes[key] = value

    def leave_out(self, number: int, why: str) -> bool:
        """Leave out a member of the teacher; return whether that could be done.

        One that is alone stays, so do two, and so do all whose weights the recipe gives.
        """
        teacher = self._recipe.teacher
        left = len(teacher.members) - len(self._without) + len(self._more)
        if left <= _FEWEST or teacher.shares(len(teacher.members)) is not None:
            return False
        self._without.add(number)
        self.reasons.append((f"without teacher.members.{number}", why))
        return True

    def leave_point_out(self, number: int, line: str, why: str) -> None:
        """Leave out a point of the grid; another one has to stay."""
        self._no_points.add(number)
        self.reasons.append((line, why))

    def add(self, member: Mapping[str, Any], line: str, why: str) -> None:
        """Add a member to the teacher."""
        self._more.append(member)
        self.reasons.append((line, why))

    def complete(self) -> Recipe:
        """Return the recipe with all that was chosen, and nothing left to plan."""
        left = self._recipe.budget and self._recipe.budget.of_the_student
        values = self._recipe.model_dump(mode="json") | {"budget": left and left.model_dump(mode="json")}
        if self._recipe.buckets_open:  # how many are chosen by size, and that comes later
            values["student"]["model"].pop("buckets", None)
        apply(values, self._changes)
        if self._without or self._more:
            teacher = values["teacher"]
            kept = [one for number, one in enumerate(teacher["members"]) if number not in self._without]
            teacher["members"] = [*kept, *self._more]
        if self._no_points:
            every = enumerate(points(values["grid"]))
            values["grid"] = [point for number, (_, point) in every if number not in self._no_points]
        recipe = parse_recipe(values, "the plan")
        recipe._folder = self._recipe.folder
        return recipe


def _named(entries: list[Any], name: str) -> Any:
    """Return the entry of a list that has a name; None where none has."""
    return next((entry for entry in entries if entry.name == name), None)
