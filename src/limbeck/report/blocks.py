"""What a page is made of. A block says by `form` which macro of the template lays it out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from markupsafe import Markup

from limbeck.report.style import Look
from limbeck.report.words import ABSENT, Fact
from limbeck.report.words.steps import Step


@dataclass(frozen=True)
class Cell:
    """A figure and, in small print, what qualifies it; `share` in [0, 1] is drawn as a bar in its place."""

    text: str = ABSENT
    note: str = ""
    share: float | None = None


@dataclass(frozen=True)
class TableColumn:
    """A column: its name, the model that it is of, and the group of columns that it stands in."""

    name: str
    look: Look | None = None
    group: str = ""
    hero: bool = False


@dataclass(frozen=True)
class Row:
    """A row: its name, what it means, the model that it is of, and a cell a column but the first."""

    name: str
    cells: Sequence[Cell]
    hint: str = ""
    look: Look | None = None


@dataclass(frozen=True)
class TableBlock:
    """A table; its first column are the rows' names.

    Attributes:
        columns: with that of the rows' names.
        bodies: rows in groups.
        note: small print below it.
        wide: it takes the width of the page.
        card: it is laid out as a card, with its title.
    """

    form: ClassVar[str] = "table"
    title: str
    columns: Sequence[TableColumn]
    bodies: Sequence[Sequence[Row]]
    note: str = ""
    wide: bool = False
    card: bool = True

    @property
    def dense(self) -> bool:
        """It has so many columns that they stand close together."""
        return len(self.columns) > 10

    @property
    def groups(self) -> list[tuple[TableColumn, int]]:
        """The first column of each group of columns, and how many the group has; empty without groups."""
        found: list[tuple[TableColumn, int]] = []
        for column in self.columns:
            if found and column.group and found[-1][0].group == column.group:
                found[-1] = (found[-1][0], found[-1][1] + 1)
            else:
                found.append((column, 1))
        return found if any(column.group for column in self.columns) else []


@dataclass(frozen=True)
class Drawing:
    """A figure and the words around it.

    Attributes:
        svg: the figure.
        width: in CSS pixels, as drawn for a phone; wider screens enlarge it.
        table: figures below it.
    """

    form: ClassVar[str] = "drawing"
    title: str
    caption: str
    svg: Markup
    width: int
    table: TableBlock | None = None
    wide: bool = False


@dataclass(frozen=True)
class Facts:
    """A few figures with their names; dense: one a line."""

    form: ClassVar[str] = "facts"
    facts: Sequence[Fact]
    dense: bool = False
    wide: ClassVar[bool] = True


@dataclass(frozen=True)
class CodeBlock:
    """Lines to type or to read."""

    form: ClassVar[str] = "code"
    text: str
    title: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Bullets:
    """Lines."""

    form: ClassVar[str] = "bullets"
    lines: Sequence[str]
    wide: ClassVar[bool] = True


@dataclass(frozen=True)
class Steps:
    """What to do next."""

    form: ClassVar[str] = "steps"
    steps: Sequence[Step]
    wide: ClassVar[bool] = True


@dataclass(frozen=True)
class Answer:
    """What a model answers, and whether that is right; None where it is nearer or farther, and neither."""

    model: str
    look: Look
    decided: str
    probability: str
    right: bool | None


@dataclass(frozen=True)
class Shown:
    """An example: its text, or markup in its place, and a note on how much of it that is.

    Attributes:
        named: whether it says which row it is.
    """

    text: str = ""
    note: str = ""
    markup: Markup | None = None
    named: bool = False


@dataclass(frozen=True)
class Case:
    """An example with its name, its label and the models' answers."""

    shown: Shown
    name: str
    asked: str
    label: str
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Cases:
    """Examples of one kind."""

    form: ClassVar[str] = "cases"
    title: str
    cases: Sequence[Case]
    wide: ClassVar[bool] = True


@dataclass(frozen=True)
class Strip:
    """Pictures beside each other, each with a word below it, and what they are of."""

    name: str
    pictures: Sequence[tuple[str, Markup]]


@dataclass(frozen=True)
class Gallery:
    """Strips of pictures."""

    form: ClassVar[str] = "gallery"
    title: str
    strips: Sequence[Strip]
    note: str = ""
    wide: ClassVar[bool] = True


@dataclass(frozen=True)
class Folded:
    """Blocks that are shown on request."""

    form: ClassVar[str] = "folded"
    title: str
    blocks: Sequence["Block"]
    wide: ClassVar[bool] = True


Block = TableBlock | Drawing | Facts | CodeBlock | Bullets | Steps | Cases | Gallery | Folded


@dataclass(frozen=True)
class Section:
    """A part of the page: paragraphs, blocks, and small print below them."""

    title: str
    paragraphs: Sequence[str] = ()
    blocks: Sequence[Block] = ()
    note: str = ""
    parts: Sequence["Section"] = field(default=())

    @property
    def empty(self) -> bool:
        """There is nothing to read."""
        return not (self.paragraphs or self.blocks or any(not part.empty for part in self.parts))
