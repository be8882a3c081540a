"""A method's card: what it computes, where it comes from, and when to use it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from limbeck.types import Predicts, TapShape

Kind = Literal["loss", "transform", "schedule", "scheme"]
Scope = Literal["prediction", "batch"]
Need = Literal["teacher", "labels", "taps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The facts about a method that docs, commands, recipes and the bundle's card repeat.

    Attributes:
        name: the function's name, and the `name` in a recipe.
        kind: what sort of method it is.
        family: the knowledge it transfers: soft targets, logits, labels, features, relations.
        scope: `prediction` when each prediction's value depends on that prediction alone, `batch` otherwise.
        needs: what it reads besides the student's logits, in the order of the function's positional parameters; `taps`:
            it compares two activations, the student's and the teacher's, and no logits.
        tap: the shape of the activations that it compares; None: it compares none.
        fits: the outputs that it can be asked about: a task says with `predicts` what its own are.
        summary: one line, quantity and purpose.
        paper: authors, title, year, identifier, section.
        citation: BibTeX.
        equation: the formula, in the symbols of the function's docstring.
        code: the official repository and commit, or who to compare with when there is none.
        units: of one value.
        defaults: parameter (or `weight`) -> the setting the paper reports, and where.
        use_when: when to reach for it.
        beware: what goes wrong with it.
        differs: where the paper, its code and this function differ.
    """

    name: str
    kind: Kind
    family: str
    scope: Scope
    needs: tuple[Need, ...]
    summary: str
    paper: str
    citation: str
    equation: str
    code: str
    units: str
    defaults: Mapping[str, str]
    use_when: str
    beware: str
    differs: str
    tap: TapShape | None = None
    fits: tuple[Predicts, ...] = ("distribution",)

    @property
    def positional(self) -> tuple[str, ...]:
        """The function's positional parameters."""
        return ("student", "teacher") if "taps" in self.needs else ("student", *self.needs)
