"""Rows of a table from files and from standard input, for `limbeck predict`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from limbeck.errors import LimbeckError
from limbeck.runtime.records import records
from limbeck.runtime.takes import Asked, Note, no_column

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class TableFiles:
    """csv and tsv files with a header, and files of one JSON object a line; `-` is standard input with the latter.

    Attributes:
        columns: those that are read; a file may have more.
    """

    key: ClassVar[str] = "row"
    columns: tuple[str, ...] = ()

    def trained_on(self, column: str) -> "TableFiles":
        """Return itself: the reader knows the columns of the training."""
        return self

    def asked(self, given: Sequence[str], column: str | None = None, note: Note | None = None) -> list[Asked]:
        """Return every row, called by its number, and by its file where there are several."""
        if column is not None:
            raise no_column("the columns of a table are those of the training")
        return [
            Asked(f"row {number}" if len(given) < 2 else f"{file}, row {number}", row, f"{file}, row {number}")
            for file in given or ["-"]
            for number, row in enumerate(self._rows(file), 1)
        ]

    def _rows(self, file: str) -> list[Mapping[str, Any]]:
        rows = list(records(file))
        held = {name: None for row in rows for name in row}
        if rows and (missing := [name for name in self.columns if name not in held]):
            more = f" (nor {', '.join(missing[1:_SHOWN])})" if missing[1:] else ""
            raise LimbeckError(
                f"no column `{missing[0]}`{more}",
                where="standard input" if file == "-" else file,
                fix=f"add it; there are: {', '.join(list(held)[:_SHOWN])}",
            )
        return rows
