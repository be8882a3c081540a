"""What a run shows while it works: live progress on a terminal, plain lines in a log."""

import io
import os
import re
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from limbeck.errors import unwritable
from limbeck.interrupt import raise_if_seen

_PLAIN_EVERY_S = 10.0
_BRIEF_S = 2.0
_WIDE = 100
_MINUTES_FROM_S, _HOURS_FROM_S = 120, 7200
"""Columns of a terminal on which a bar may be long."""

_CODE = re.compile(r"`[^`]+`")
_JOINED = "\x1a"
"""In the place of a blank at which no line may break."""

# Of several processes that train one network, the first one speaks.
_SILENT = os.environ.get("RANK", "0") != "0"

console = Console(highlight=False, soft_wrap=True, quiet=_SILENT)
_logs: list[Console] = []
_watchers: list[Callable[[], None]] = []


@contextmanager
def logged() -> Iterator[Callable[[Path], None]]:
    """Note everything that is printed while the block runs, without colours.

    The function that is yielded adds it to a file, and from then on what follows; before, no file is touched.

    Raises:
        LimbeckError: of that function: the file cannot be written.
    """
    noted = io.StringIO()
    log = Console(file=noted, highlight=False, soft_wrap=True, width=120, color_system=None)

    def keep(path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            log.file = (Path(os.devnull) if _SILENT else path).open("a", encoding="utf-8", errors="backslashreplace")
            log.file.write(noted.getvalue())
        except OSError as error:
            raise unwritable(path, error) from error

    _logs.append(log)
    try:
        yield keep
    finally:
        _logs.remove(log)
        with suppress(OSError):
            log.file.close()


def _print(renderable: Any, *, style: str | None = None, soft_wrap: bool = True, shown: str | None = None) -> None:
    raise_if_seen()
    # Texts of the user's may hold square brackets, which are no markup.
    console.print(renderable if shown is None else shown, style=style, soft_wrap=soft_wrap, markup=False)
    for log in _logs:
        # A full disk must not end a run for a line of its log: what matters is staged, and says so itself.
        with suppress(OSError):
            log.print(renderable, style=style, soft_wrap=soft_wrap, markup=False)


@contextmanager
def watched(watcher: Callable[[], None]) -> Iterator[None]:
    """Call a function each time that work moves on while the block runs."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def moved_on() -> None:
    """Say that some work has been done, or waited for; an interrupt that was seen ends it here."""
    raise_if_seen()
    for watcher in _watchers:
        watcher()


class Meter:
    """Counts finished units of one long step.

    Args:
        title: what is being done.
        total: units in all; None: nobody knows.
        bar: the live bar, or None when the output is no terminal.
        brief: whether nothing is left of it where it took less than two seconds.
        work: what all units cost together, where one costs more than another: the time that is left goes by it, and is
            said. None: they cost the same.
    """

    def __init__(
        self, title: str, total: int | None, bar: Progress | None, brief: bool = False, work: float | None = None
    ) -> None:
        self._title, self._total, self._bar, self._brief = title, total, bar, brief
        self._done, self._note, self._work, self._worked = 0, "", work, 0.0
        self._start = self._last = time.monotonic()
        whole = total if work is None else work
        self._task = bar.add_task(title, total=whole, note="", count=self._count) if bar else None

    def advance(self, units: int = 1, note: str = "", work: float | None = None) -> None:
        """Add finished units.

        Args:
            units: how many.
            note: the latest figure worth seeing, such as a loss.
            work: what they cost, in the measure of the whole; None: as much as their number.
        """
        moved_on()
        worked = units if work is None else work
        self._done, self._worked, self._note = self._done + units, self._worked + worked, note or self._note
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=worked, note=self._note, count=self._count)
        elif time.monotonic() - self._last > _PLAIN_EVERY_S:
            self._last = time.monotonic()
            self._line(self._count, self._left)

    def finish(self) -> None:
        """Leave one line that says how long the step took."""
        if self._brief and time.monotonic() - self._start < _BRIEF_S:
            return
        self._line("done" if self._total is None or self._done >= self._total else f"stopped at {self._count}")

    @property
    def _count(self) -> str:
        return f"{self._done:,}" if self._total is None else f"{self._done:,}/{self._total:,}"

    @property
    def _left(self) -> str:
        """How long what is left takes, where that is known."""
        if self._work is None or not self._worked:
            return ""
        seconds = (time.monotonic() - self._start) * max(0.0, self._work / self._worked - 1)
        return f", about {span(seconds)} left"

    def _line(self, state: str, left: str = "") -> None:
        note = f"  {self._note}" if self._note else ""
        _print(f"  {self._title}: {state} after {time.monotonic() - self._start:.1f} s{left}{note}")


def span(seconds: float) -> str:
    """Return a time in the unit that suits it: `45 s`, `12 min`, `3.4 h`."""
    if seconds < _MINUTES_FROM_S:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < _HOURS_FROM_S else f"{seconds / 3600:,.1f} h"


@contextmanager
def meter(title: str, total: int | None, *, brief: bool = False, work: float | None = None) -> Iterator[Meter]:
    """Show progress of a step of `total` units while the block runs, then one closing line.

    Args:
        title: what is being done.
        total: units in all; None: nobody knows.
        brief: leave no line where it took less than two seconds: most data are read sooner.
        work: see `Meter`.
    """
    if not console.is_terminal:
        progress = Meter(title, total, None, brief, work)
        yield progress
        progress.finish()
        return
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=30 if console.width >= _WIDE else 8),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        progress = Meter(title, total, bar, brief, work)
        yield progress
    progress.finish()


@contextmanager
def aside() -> Iterator[None]:
    """Send what is said while the block runs to standard error: standard output is for another program."""
    before, console.stderr = console.stderr, True
    try:
        yield
    finally:
        console.stderr = before


def say(text: str, *, style: str | None = None, whole: bool = False) -> None:
    """Print a line. On a terminal a long one breaks at blanks, unless it is a `whole` one: a command or a path."""
    _print(text, style=style, shown=None if whole or not console.is_terminal else _in_lines(text, console.width))


def _in_lines(text: str, width: int) -> str:
    """Return a text in lines of `width` characters, which all begin where it begins; `code` stays on one line."""
    indent = " " * (len(text) - len(text.lstrip(" ")))
    whole = _CODE.sub(lambda code: code[0].replace(" ", _JOINED), text)
    lines = textwrap.wrap(whole, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_JOINED, " ")


def heading(text: str) -> None:
    """Print the name of a stage."""
    _print(text, style="bold")


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None, text_columns: int = 1
) -> None:
    """Print a table whose first columns are text and whose others are figures.

    It is as wide as the terminal at most. A figure is never cut or broken. Where there is no room, headers and texts
    break at blanks. Where there is none even then, the columns that are left follow in a second table, which repeats
    the first column.
    """
    _print(_Grid(columns, rows, title, text_columns), soft_wrap=False)


@dataclass(frozen=True, slots=True)
class _Grid:
    """A table that rich lays out for the width it is printed at.

    Attributes:
        columns: headers.
        rows: a text a column.
        title: stands above it.
        texts: how many of the columns, the first ones, are text.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str | None
    texts: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        for number, part in enumerate(self._parts(room)):
            yield self._drawn(part, self._widths(part, room), self.title if number == 0 else None)

    def _parts(self, room: int) -> list[list[int]]:
        """Return which columns stand together in a table of `room` characters: the first one in each of them."""
        parts: list[list[int]] = [[0]]
        for column in range(1, len(self.columns)):
            wider = [*parts[-1], column]
            if column >= self.texts and len(wider) > 2 and self._taken([*map(self._least, wider)]) > room:
                wider = [0, column]
                parts.append(wider)
            parts[-1] = wider
        return parts

    def _widths(self, part: Sequence[int], room: int) -> list[int]:
        """Return the width of each column: its least; of what is left most goes to what would take the most lines."""
        widths = [self._least(column) for column in part]
        # In the last resort the widest columns get narrower than their words, which then break.
        while self._taken(widths) > room and max(widths) > 1:
            widths[widths.index(max(widths))] -= 1
        wanted = [max(self._wanted(column), 1) for column in part]
        for _ in range(room - self._taken(widths)):
            short = max(range(len(part)), key=lambda place: wanted[place] / widths[place])
            widths[short] = min(wanted[short], widths[short] + 1)
        return widths

    @staticmethod
    def _taken(widths: Sequence[int]) -> int:
        """Return the width of a table: two blanks after each column, and one before the first."""
        return sum(widths) + 2 * len(widths) + 1

    def _cells(self, column: int) -> list[str]:
        return [row[column] for row in self.rows]

    def _wanted(self, column: int) -> int:
        return max(map(cell_len, (self.columns[column], *self._cells(column))))

    def _least(self, column: int) -> int:
        """Return the width below which a name or a figure, or a word of a text, would break."""
        broken = [self.columns[column], *(self._cells(column) if 0 < column < self.texts else [])]
        whole = [] if 0 < column < self.texts else self._cells(column)
        # Split at blanks only: a no-break space joins a number and its unit.
        return max(map(cell_len, (*(word for text in broken for word in text.split(" ")), *whole)))

    def _drawn(self, part: Sequence[int], widths: Sequence[int], title: str | None) -> Table:
        grid = Table(title=title, title_justify="left", title_style="", box=SIMPLE, padding=(0, 1, 0, 0))
        for column, width in zip(part, widths, strict=True):
            justify: Literal["left", "right"] = "left" if column < self.texts else "right"
            vertical: Literal["top", "bottom"] = "top" if column < self.texts else "bottom"
            header = _broken(self.columns[column], width)
            grid.add_column(header, justify=justify, width=width, overflow="fold", vertical=vertical)
        for row in self.rows:
            grid.add_row(*(_broken(row[column], width) for column, width in zip(part, widths, strict=True)))
        return grid


def _broken(text: str, width: int) -> Text:
    """Return a text in lines of `width` characters; unlike rich, no line ends at a no-break space."""
    return Text("\n".join(textwrap.wrap(text, width, break_on_hyphens=False)))
