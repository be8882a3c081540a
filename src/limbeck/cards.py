"""A method's card: what it computes, where it comes from, and when to use it; and the cards of all losses to read."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

from limbeck.errors import LimbeckError, nearest

if TYPE_CHECKING:
    from limbeck.logits import LogitForm
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
        convex: whether its value is convex in the student's outputs, so that a linear student can be solved for it.
        fits: the outputs that it can be asked about: a task says with `predicts` what its own are.
        forms: of a teacher's logits that it takes; what is not dense comes from a cache. `factored`: computed for it.
        decides: whether of the teacher it reads only which output is the largest.
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
    tap: "TapShape | None" = None
    fits: "tuple[Predicts, ...]" = ("distribution",)
    convex: bool = False
    forms: "tuple[LogitForm, ...]" = ("dense", "factored")
    decides: bool = False

    @property
    def positional(self) -> tuple[str, ...]:
        """The function's positional parameters."""
        return ("student", "teacher") if "taps" in self.needs else ("student", *self.needs)


def loss_cards() -> dict[str, Card]:
    """Return the card of every loss by name, those of a family beside one another.

    They are read in the losses' source, as literals: to import a loss imports torch, which takes seconds.
    """
    files = (file for file in resources.files("limbeck").joinpath("losses").iterdir() if file.name.endswith(".py"))
    found = [card for file in files if (card := _card_in(file.read_text(encoding="utf-8"))) is not None]
    return {card.name: card for card in sorted(found, key=lambda card: (card.family, card.name))}


def _card_in(source: str) -> Card | None:
    """Return what a module assigns to `CARD`; None where it has none."""
    for step in ast.parse(source).body:
        if isinstance(step, ast.Assign) and ast.unparse(step.targets[0]) == "CARD" and isinstance(step.value, ast.Call):
            return Card(**{str(each.arg): ast.literal_eval(each.value) for each in step.value.keywords})
    return None


def card_text(name: str) -> str:
    """Return a loss's card as text for people.

    Raises:
        LimbeckError: no such loss.
    """
    if name not in (cards := loss_cards()):
        raise LimbeckError(f"no loss `{name}`", fix=nearest(name, cards))
    card = cards[name]
    parts = {
        "equation": card.equation,
        "units": card.units,
        "needs": ", ".join(card.needs) + (f" ({card.tap})" if card.tap else ""),
        "fits": ", ".join(card.fits),
        **({"logits of the teacher": ", ".join(card.forms)} if "teacher" in card.needs else {}),
        "settings in the paper": "; ".join(f"{key} {value}" for key, value in card.defaults.items()),
        "use when": card.use_when,
        "beware": card.beware,
        "paper": card.paper,
        "code": card.code,
        "differs": card.differs,
    }
    return "\n".join([f"{card.name}: {card.summary}", *(f"  {key}: {value}" for key, value in parts.items())])
