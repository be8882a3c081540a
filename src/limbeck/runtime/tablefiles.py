"""Rows of a table from files and from standard input, for `limbeck predict`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from limbeck.errors import LimbeckError
from limbeck.runtime.records import (
    FORMS,
    STDIN,
    SUFFIXES,
    Note,
    parts,
    place_of,
    require_readable,
    suffix_of,
    unknown as unknown_form,
    unsaid,
)
from limbeck.runtime.takes import FILE, ROW, Asked, no_column, of_each

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class TableFiles:
    """Files of rows under the names of their columns; `-` is standard input with a JSON object a line.

    Attributes:
        columns: those that are read; a file may have more.
    """

    columns: tuple[str, ...] = ()

    def trained_on(self, columns: Sequence[str]) -> "TableFiles":
        """Return itself: the reader knows the columns of the training."""
        return self

    def asked(self, given: Sequence[str], columns: Sequence[str] = (), note: Note = unsaid) -> Iterator[Asked]:
        """Return every row, called by its number, and by its file where there are several."""
        if columns:
            raise no_column("the columns of a table are those of the training")
        files = list(given) or [STDIN]
        return of_each(files, lambda file: self._of(file, note, alone=len(files) == 1))

    def _of(self, file: str, note: Note, *, alone: bool) -> Iterator[Asked]:
        if file != STDIN:
            require_readable(Path(file), FORMS)
            if suffix_of(file) not in SUFFIXES:
                raise unknown_form(Path(file))
        return self._rows(file, note, alone=alone)

    def _rows(self, file: str, note: Note, *, alone: bool) -> Iterator[Asked]:
        number = 0
        for part in parts(file, self.columns, note):
            if part.rows and not number:
                self._require(part.names, file)
            for row in zip(*part.cells.values(), strict=True):
                number += 1
                place = f"{place_of(file)}, row {number}"
                shown = f"row {number}" if alone else place
                source = {ROW: number} if alone else {FILE: file, ROW: number}
                yield Asked(shown, dict(zip(part.cells, row, strict=True)), place, source)
        if not number:
            raise LimbeckError("no rows", where=place_of(file), fix="give a file with rows, or leave it out")

    def _require(self, names: Iterable[str], file: str) -> None:
        held = list(names)
        if missing := [name for name in self.columns if name not in held]:
            more = f" (nor {', '.join(missing[1:_SHOWN])})" if missing[1:] else ""
            raise LimbeckError(
                f"no column `{missing[0]}`{more}",
                where=place_of(file),
                fix=f"add it; there are: {', '.join(held[:_SHOWN])}",
            )
