"""A method's card: what it computes, where it is from, when to use it; and the cards of losses and transforms."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

from limbeck.errors import LimbeckError, nearest

if TYPE_CHECKING:
    from limbeck.logits import LogitForm
    from limbeck.types import Predicts, TapShape

Kind = Literal["loss", "transform"]
Scope = Literal["prediction", "batch"]
Need = Literal["teacher", "labels", "taps"]
Softens = Literal["both", "teacher"]


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
        tap: the shape of the activations that it compares; None: it compares none. Where it needs no taps, a recipe may
            name two modules, and then it compares these in place of the outputs.
        widths: `equal`: both sides have as many outputs, and where it compares activations, a learned linear map brings
            the student's to the teacher's width; `any`: widths may differ, and activations are compared as they are.
        convex: whether its value is convex in the student's outputs, so that a linear student can be solved for it.
        fits: the outputs that it can be asked about: a task says with `predicts` what its own are.
        forms: of a teacher's logits that it takes; what is not dense comes from a cache. `factored`: computed for it.
        decides: whether of the teacher it reads only which output is the largest.
        softens: whose logits its temperature divides.
        also: other names that it goes by, under which it is found too.
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
    widths: Literal["equal", "any"] = "equal"
    fits: "tuple[Predicts, ...]" = ("distribution",)
    convex: bool = False
    forms: "tuple[LogitForm, ...]" = ("dense", "factored")
    decides: bool = False
    softens: Softens = "both"
    also: tuple[str, ...] = ()

    @property
    def cited(self) -> str:
        """The paper in short: its first author and year."""
        year = re.search(r"\b(1[89]|20)\d\d\b", self.paper)
        return " ".join([self.paper.split(",")[0], *([year.group()] if year else [])])

    @property
    def first(self) -> bool:
        """Whether it is the one to begin with."""
        return "start here" in self.use_when

    @property
    def positional(self) -> tuple[str, ...]:
        """The function's positional parameters."""
        return ("student", "teacher") if "taps" in self.needs else ("student", *self.needs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """Who teaches whom: an option of a recipe beside its losses.

    Attributes:
        name: the field's.
        summary: one line.
        cited: the paper in short: its first authors and year.
        written: what a recipe says.
        also: other names that somebody may look for.
    """

    name: str
    summary: str
    cited: str
    written: str
    also: tuple[str, ...]


SCHEMES = (
    Scheme(
        name="teacher assistant",
        summary="a network between a large teacher and a small student: a run taught it, and another one takes it",
        cited="Mirzadeh 2020",
        written="teacher: {kind: run, path: runs/assistant}",
        also=("takd", "assistant", "teacher_assistants"),
    ),
    Scheme(
        name="born-again network",
        summary="a student of its teacher's architecture, generation after generation, a run each",
        cited="Furlanello 2018",
        written="teacher: {kind: run, path: runs/before}",
        also=("born_again", "ban", "self_distillation"),
    ),
    Scheme(
        name="deep mutual learning",
        summary="two networks that learn beside one another, each the other's teacher",
        cited="Zhang 2018",
        written="teacher: {kind: mutual}",
        also=("dml", "mutual", "mutual_learning"),
    ),
    Scheme(
        name="mean teacher",
        summary="the moving average of the student's own weights teaches it",
        cited="Tarvainen & Valpola 2017",
        written="teacher: {kind: mean_teacher}",
        also=("ema",),
    ),
    Scheme(
        name="several teachers",
        summary="answers mixed by probabilities or logits, by confidence or by weights from validation",
        cited="Hinton 2015",
        written="teacher: {kind: ensemble, members: [...]}",
        also=("ensemble", "multi_teacher", "multiple_teachers"),
    ),
)


def loss_cards() -> dict[str, Card]:
    """Return the card of every loss by name, those of a family beside one another.

    They are read in the losses' source, as literals: to import a loss imports torch, which takes seconds.
    """
    return _cards_in("losses")


def transform_cards() -> dict[str, Card]:
    """Return the card of every transform by name, read as those of the losses are."""
    return _cards_in("losses/transforms")


def every_card() -> list[Card]:
    """Return the cards of all losses, then those of all transforms."""
    return [*loss_cards().values(), *transform_cards().values()]


def _cards_in(folder: str) -> dict[str, Card]:
    files = (file for file in resources.files("limbeck").joinpath(folder).iterdir() if file.name.endswith(".py"))
    found = [card for file in files if (card := _card_in(file.read_text(encoding="utf-8"))) is not None]
    return {card.name: card for card in sorted(found, key=lambda card: (card.family, card.name))}


def _card_in(source: str) -> Card | None:
    """Return what a module assigns to `CARD`; None where it has none."""
    for step in ast.parse(source).body:
        if isinstance(step, ast.Assign) and ast.unparse(step.targets[0]) == "CARD" and isinstance(step.value, ast.Call):
            return Card(**{str(each.arg): ast.literal_eval(each.value) for each in step.value.keywords})
    return None


def no_loss(name: str) -> str | None:
    """Return what a name that is no loss is, and what a recipe says for it; None: a loss, or nothing that is known."""
    plain = _plain(name)
    if scheme := next((each for each in SCHEMES if plain in map(_plain, (each.name, *each.also))), None):
        return f"is no loss but a scheme: {scheme.summary} ({scheme.cited}); write `{scheme.written}` in a recipe"
    cards = transform_cards().values()
    if found := [card.name for card in cards if plain in map(_plain, (card.name, *card.also))]:
        return f"is no loss but a transform before one, such as `{{name: kd, transform: {found[0]}}}`"
    return None


def cards_named(name: str) -> list[Card]:
    """Return the card of a loss or of a transform, or those of all that go by another name, as `dist` is two.

    Capital letters, spaces, `-` and `_` tell no names apart: `HardLabels` and `hard-labels` are `hard_labels`.

    Raises:
        LimbeckError: neither is called so; of a scheme it says what a recipe writes.
    """
    cards = {card.name: card for card in every_card()}
    if named := [card for card in cards.values() if _plain(card.name) == _plain(name)]:
        return named
    if found := [card for card in cards.values() if _plain(name) in map(_plain, card.also)]:
        return found
    if told := no_loss(name):  # a scheme, as transforms have cards
        raise LimbeckError(f"`{name}` {told}")
    others = [*(other for card in cards.values() for other in card.also), *(scheme.name for scheme in SCHEMES)]
    known = [*cards, *dict.fromkeys(others)]
    raise LimbeckError(f"no loss or transform `{name}`", fix=nearest(name, known))


def _plain(name: str) -> str:
    return re.sub(r"[-_\s]", "", name).casefold()


def card_text(name: str) -> str:
    """Return the card of a loss or transform as text for people; of a name that several go by, one after the other.

    Raises:
        LimbeckError: neither is called so.
    """
    return "\n\n".join(_text(card) for card in cards_named(name))


def card_parts(card: Card) -> dict[str, str]:
    """Return what a card says, each part under its title, for people to read."""
    return {
        "equation": card.equation,
        "units": card.units,
        "family": card.family,
        "scope": f"{card.scope}: {_SEES[card.scope]}",
        "needs": _needed(card),
        "fits": ", ".join(card.fits),
        **({"logits of the teacher": ", ".join(card.forms)} if "teacher" in card.needs else {}),
        **({"widths": _ANY_WIDTHS} if card.widths == "any" else {}),
        **({"also called": ", ".join(card.also)} if card.also else {}),
        "settings in the paper": "; ".join(f"{key} {value}" for key, value in card.defaults.items()),
        "use when": card.use_when,
        "beware": card.beware,
        "paper": card.paper,
        "code": card.code,
        "differs": card.differs,
    }


def cards_text() -> str:
    """Return every loss in two lines, those of a family below its name, then the transforms, then the schemes."""
    lines: list[str] = []
    for card in every_card():
        if (group := _GROUPS.get(card.kind, card.family)) not in lines:
            lines += ["", group] if lines else [group]
        facts = f"{card.scope}; fits {', '.join(card.fits)}; needs {_needed(card)}; units: {card.units}"
        lines += [f"  {card.name}: {card.summary} ({card.cited})", f"      {facts}"]
    lines += ["", "schemes (who teaches whom: the recipe's `teacher`)"]
    for scheme in SCHEMES:
        lines += [f"  {scheme.name}: {scheme.summary} ({scheme.cited})", f"      {scheme.written}"]
    return "\n".join(lines)


_GROUPS: Mapping[Kind, str] = {"transform": "transforms (`transform: NAME` in an entry of `losses`)"}
"""What cards of a kind are listed under; those of the others under their family."""
_SEES: dict[Scope, str] = {
    "prediction": "a value for each prediction, whatever else is in the batch",
    "batch": "a value for the rows of one micro-batch on one process",
}
_ANY_WIDTHS = "student and teacher may have different numbers of outputs"


def _needed(card: Card) -> str:
    either = [] if card.tap is None or "taps" in card.needs else ["or taps"]
    tap = "" if card.tap is None else f" ({card.tap})"
    return ", ".join([*card.needs, *either]) + tap


def _text(card: Card) -> str:
    parts = (f"  {key}: {value}" for key, value in card_parts(card).items())
    return "\n".join([f"{card.name}: {card.summary}", *parts])
