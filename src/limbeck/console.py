"""What a run shows while it works: live progress on a terminal, plain lines in a log."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from limbeck.errors import unwritable
from limbeck.interrupt import raise_if_seen

_PLAIN_EVERY_S = 10.0
_BRIEF_S = 2.0

# Of several processes that train one network, the first one speaks.
_SILENT = os.environ.get("RANK", "0") != "0"

console = Console(highlight=False, soft_wrap=True, quiet=_SILENT)
_logs: list[Console] = []
_watchers: list[Callable[[], None]] = []


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Add everything that is printed while the block runs to a file, without colours."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = (Path(os.devnull) if _SILENT else path).open("a", encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error
    log = Console(file=file, highlight=False, soft_wrap=True, width=120, color_system=None)
    _logs.append(log)
    try:
        yield
    finally:
        _logs.remove(log)
        with suppress(OSError):
            file.close()


def _print(renderable: Any, *, style: str | None = None, soft_wrap: bool = True) -> None:
    raise_if_seen()
    # Texts of the user's may hold square brackets, which are no markup.
    console.print(renderable, style=style, soft_wrap=soft_wrap, markup=False)
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
        total: units in all.
        bar: the live bar, or None when the output is no terminal.
        brief: whether nothing is left of it where it took less than two seconds.
    """

    def __init__(self, title: str, total: int, bar: Progress | None, brief: bool = False) -> None:
        self._title, self._total, self._bar, self._brief = title, total, bar, brief
        self._done, self._note = 0, ""
        self._start = self._last = time.monotonic()
        self._task = bar.add_task(title, total=total, note="") if bar else None

    def advance(self, units: int = 1, note: str = "") -> None:
        """Add finished units; `note` is the latest figure worth seeing, such as a loss."""
        moved_on()
        self._done += units
        self._note = note or self._note
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=units, note=self._note)
        elif time.monotonic() - self._last > _PLAIN_EVERY_S:
            self._last = time.monotonic()
            self._line(f"{self._done:,}/{self._total:,}")

    def finish(self) -> None:
        """Leave one line that says how long the step took."""
        if self._brief and time.monotonic() - self._start < _BRIEF_S:
            return
        self._line("done" if self._done >= self._total else f"stopped at {self._done:,}/{self._total:,}")

    def _line(self, state: str) -> None:
        note = f"  {self._note}" if self._note else ""
        _print(f"  {self._title}: {state} after {time.monotonic() - self._start:.1f} s{note}")


@contextmanager
def meter(title: str, total: int, *, brief: bool = False) -> Iterator[Meter]:
    """Show progress of a step of `total` units while the block runs, then one closing line.

    Args:
        title: what is being done.
        total: units in all.
        brief: leave no line where it took less than two seconds: most data are read sooner.
    """
    if not console.is_terminal:
        progress = Meter(title, total, None, brief)
        yield progress
        progress.finish()
        return
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        progress = Meter(title, total, bar, brief)
        yield progress
    progress.finish()


def say(text: str, *, style: str | None = None) -> None:
    """Print a line."""
    _print(text, style=style)


def heading(text: str) -> None:
    """Print the name of a stage."""
    _print(text, style="bold")


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None, text_columns: int = 1
) -> None:
    """Print a table whose first columns are text and whose others are figures."""
    grid = Table(title=title, title_justify="left", title_style="", box=SIMPLE, padding=(0, 1, 0, 0))
    for index, column in enumerate(columns):
        # A name or a figure is never broken over two lines; longer text is.
        whole = index == 0 or text_columns == 1
        width = max(len(cell) for cell in (column, *(row[index] for row in rows))) if whole else None
        justify: Literal["left", "right"] = "left" if index < text_columns else "right"
        grid.add_column(column, justify=justify, no_wrap=whole, min_width=width)
    for row in rows:
        grid.add_row(*row)
    _print(grid, soft_wrap=False)
