"""How a model looks: its place in the palette, its marker in figures and its sign in the text."""

from collections.abc import Iterable
from dataclasses import dataclass

from limbeck.report.words.names import ROLES, role

MARKERS = "DosvP^X*p<"
SIGNS = "◆●■▼✚▲✖★⬟◀"
"""The same forms as characters."""
PLACES = len(MARKERS)
"""Colours of the palette: CSS variables --c0, --c1 ... in style.css."""
_FREE = 1 + max(one.place for one in ROLES.values() if one.place is not None)

TONES = {"helps": "--good", "hurts": "--bad"}
"""The colour of a verdict; of others: --muted."""


@dataclass(frozen=True)
class Look:
    """How a model looks.

    Attributes:
        place: in the palette.
        marker: matplotlib's.
        sign: the same form as a character.
    """

    place: int
    marker: str
    sign: str

    @property
    def variable(self) -> str:
        """The CSS variable that holds its colour."""
        return f"--c{self.place}"

    @property
    def css(self) -> str:
        """The inline style that gives an element its colour, as `--who`."""
        return f"--who: var({self.variable})"


def looks(models: Iterable[str]) -> dict[str, Look]:
    """Return how each model looks: known roles have fixed places, others the next free ones in their order."""
    found: dict[str, Look] = {}
    free = 0
    for name in dict.fromkeys(models):
        place = role(name).place
        if place is None:
            place, free = _FREE + free % (PLACES - _FREE), free + 1
        found[name] = Look(place, MARKERS[place], SIGNS[place])
    return found
