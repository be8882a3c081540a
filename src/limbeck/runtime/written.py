"""Where the answers of `limbeck predict` go: lines on standard output, or a file of rows."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

from limbeck.errors import LimbeckError, one_line
from limbeck.files import staged
from limbeck.runtime.decisions import ABSTAINS, Rule, unused
from limbeck.runtime.takes import ROW, Asked

AT_ONCE = 1_000
"""Rows of a parquet file that are written together."""
KINDS = ".csv, .tsv, .jsonl or .parquet"


@dataclass(frozen=True, slots=True)
class Saying:
    """How answers are said.

    Attributes:
        rule: of the student.
        top: so many classes of the highest probabilities are said; None: that which is decided.
        least: below this probability the student abstains; None: it never does.
    """

    rule: Rule
    top: int | None = None
    least: float | None = None

    def answer(self, answer: Any) -> Any:
        """Return an answer that abstains where it is not sure enough, with no more classes than asked for."""
        if self.least is not None and self.rule.sure is not None:
            answer = self.rule.sure(answer, self.least)
        if self.top is not None and self.rule.likeliest is not None:
            answer = self.rule.likeliest(answer, self.top)
        return answer

    def line(self, asked: Asked, answer: Any) -> str:
        """Return an answer as a line: its cells and what was asked, with a tab between."""
        if self.top is None:
            said = self.rule.line(answer)
        else:
            cells = self.rule.cells(answer, self.top).values()
            said = "\t".join(f"{each:.4f}" if isinstance(each, float) else one_line(each) or ABSTAINS for each in cells)
        return f"{said}\t{one_line(asked.shown)}"

    def record(self, asked: Asked, answer: Any) -> dict[str, Any]:
        """Return an answer as an object of JSON, after what it answers."""
        return _beside(asked.source, self.rule.record(answer))

    def cells(self, asked: Asked, answer: Any) -> dict[str, Any]:
        """Return an answer as cells by column, after those of what it answers."""
        return _beside(asked.source, self.rule.cells(answer, self.top or 0))


def _beside(source: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return both; what the answer has under a name of what was asked gets another name."""
    found = dict(source)
    for name, cell in answer.items():
        found[unused(f"{name}_answer", {*source, *answer}) if name in source else name] = cell
    return found


class Writer(Protocol):
    """Takes answers one after the other."""

    def add(self, asked: Asked, answer: Any) -> None:
        """Write an answer."""
        ...


class Printed:
    """Printed of text, or of JSON.

    Args:
        file: that they go to.
        said: how.
        as_json: whether they are JSON.
    """

    def __init__(self, file: TextIO, said: Saying, *, as_json: bool) -> None:
        self._file, self._said, self._json = file, said, as_json

    def add(self, asked: Asked, answer: Any) -> None:
        """Write a line."""
        if self._json:
            line = json.dumps(self._said.record(asked, answer), ensure_ascii=False)
        else:
            line = self._said.line(asked, answer)
        self._file.write(f"{line}\n")


class _Fields:
    """Rows of a csv or tsv file, under a line with the names of the columns."""

    def __init__(self, file: TextIO, said: Saying, delimiter: str) -> None:
        self._rows, self._said, self._begun = csv.writer(file, delimiter=delimiter, lineterminator="\n"), said, False

    def add(self, asked: Asked, answer: Any) -> None:
        cells = self._said.cells(asked, answer)
        if not self._begun:
            self._rows.writerow(cells)
            self._begun = True
        self._rows.writerow(f"{each:.6g}" if isinstance(each, float) else each for each in cells.values())


class _Parquet:
    """Rows of a parquet file."""

    def __init__(self, path: Path, said: Saying) -> None:
        self._path, self._said = path, said
        self._held: list[Mapping[str, Any]] = []
        self._file: Any = None

    def add(self, asked: Asked, answer: Any) -> None:
        self._held.append(self._said.cells(asked, answer))
        if len(self._held) == AT_ONCE:
            self._write()

    def _write(self) -> None:
        import pyarrow
        import pyarrow.parquet

        held = [dict(row) for row in self._held]
        if self._file is None:
            whole = {pyarrow.null(): pyarrow.string()}  # of what the first rows lack; later ones may have it
            found = pyarrow.Table.from_pylist(held).schema
            types = [
                (each.name, pyarrow.int64() if each.name == ROW else whole.get(each.type, each.type)) for each in found
            ]
            self._file = pyarrow.parquet.ParquetWriter(self._path, pyarrow.schema(types))
        self._file.write_table(pyarrow.Table.from_pylist(held, self._file.schema))
        self._held = []

    def close(self) -> None:
        """Write what is left, and end the file."""
        if self._held or self._file is None:
            self._write()
        if self._file is not None:
            self._file.close()


@contextmanager
def written_to(path: Path, said: Saying, given: list[str]) -> Iterator[Writer]:
    """Yield what writes answers to a file, which takes its place when the block succeeds.

    Args:
        path: of the file; its suffix says what it is.
        said: how.
        given: the files that are read, of which it may be none.

    Raises:
        LimbeckError: the suffix is none of these, the file is one that is read, or it cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".jsonl", ".parquet"):
        raise LimbeckError(f"cannot write `{suffix}` files", where=f"--out={path}", fix=f"give a name with {KINDS}")
    if path.is_dir():
        raise LimbeckError("this is a folder", where=f"--out={path}", fix="give the name of a file")
    if path.exists() and any(Path(each).exists() and path.samefile(each) for each in given):
        raise LimbeckError("this file is read", where=f"--out={path}", fix="give another name")
    if suffix == ".parquet":
        _require_pyarrow(path)
    with staged(path) as aside:
        if suffix == ".parquet":
            rows = _Parquet(aside, said)
            yield rows
            rows.close()
            return
        with aside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            if suffix == ".jsonl":
                yield Printed(file, said, as_json=True)
            else:
                yield _Fields(file, said, "\t" if suffix == ".tsv" else ",")


def _require_pyarrow(path: Path) -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise LimbeckError(
            "parquet files need pyarrow, which is not installed",
            where=f"--out={path}",
            fix="pip install pyarrow, or give a name with .csv or .jsonl",
        ) from None
