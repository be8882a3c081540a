"""Label sets as they were read: several columns of 0 and 1, a list a row, or one text with a separator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from limbeck.data.cells import label_name
from limbeck.data.examples import Labels
from limbeck.errors import LimbeckError, nearest

_YES, _NO = frozenset(("1", "true")), frozenset(("0", "false"))


@dataclass(frozen=True)
class Sets:
    """How rows name their classes.

    Attributes:
        names: the classes, in the order of the outputs.
        columns: whether each is a column of 0 and 1; None: as the cells are, a tuple a row or not.
        separator: between the classes of a text; None: there are no such texts.
        missing: what stands for no label, besides blanks, NaN and null.
    """

    names: tuple[str, ...]
    columns: bool | None = None
    separator: str | None = None
    missing: frozenset[str] = frozenset()

    def read(self, cells: Sequence[Any], where: str) -> Labels:
        """Return which classes each row has, (rows, classes) bool.

        Raises:
            LimbeckError: a cell holds something else, or a class that is not known.
        """
        found = np.zeros((len(cells), len(self.names)), np.bool_)
        present = np.zeros(len(cells), np.bool_)
        index = {name: place for place, name in enumerate(self.names)}
        for row, cell in enumerate(cells):
            by_column = isinstance(cell, tuple) if self.columns is None else self.columns
            own = self._flags(cell, row, where) if by_column else self.names_of(cell, row, where)
            if own is None:
                continue
            present[row] = True
            for name in own:
                if name not in index:
                    raise LimbeckError(
                        f"row {row + 1} has the label `{name}`, which does not occur in the training rows",
                        where=where,
                        fix=f"{nearest(name, self.names)}; or remove its rows, or add training rows",
                    )
                found[row, index[name]] = True
        return Labels(found, present)

    def names_of(self, cell: Any, row: int, where: str) -> list[str] | None:
        """Return the classes that a list or a text names; None where it says nothing.

        Raises:
            LimbeckError: it is neither, or a text and there is no separator.
        """
        if cell is None:
            return None
        if isinstance(cell, str):
            if (name := label_name(cell)) is None or name in self.missing:
                return None
            if self.separator is None:
                raise LimbeckError(
                    f"row {row + 1} has the text `{' '.join(cell.split())[:40]}`, and no separator is known",
                    where=where,
                    fix="set task.separator, such as '|', or name columns of 0 and 1: data.label=[a, b]",
                )
            return [part for each in cell.split(self.separator) if (part := each.strip())]
        if isinstance(cell, list | tuple | set | frozenset | np.ndarray):
            names = [label_name(each) for each in cell]
            if None in names:
                raise LimbeckError(f"row {row + 1} has an empty label in its list", where=where, fix="leave it out")
            return [name for name in names if name is not None]
        name = label_name(cell)
        if name is None or name in self.missing:
            return None
        raise LimbeckError(
            f"row {row + 1} has `{name}`, which is neither a list nor a text",
            where=where,
            fix="give lists, texts with task.separator, or columns of 0 and 1: data.label=[a, b]",
        )

    def _flags(self, cell: Any, row: int, where: str) -> list[str] | None:
        """Return the names of the columns that say yes; None where all are empty."""
        if cell is None:
            return None
        written = [None if (name := label_name(each)) in self.missing else name for each in cell]
        if all(name is None for name in written):
            return None
        for column, name in zip(self.names, written, strict=True):
            if name is None or name.lower() not in _YES | _NO:
                has = "nothing" if name is None else f"`{name[:40]}`"
                raise LimbeckError(
                    f"row {row + 1} has {has} in column `{column}`, which is neither 0 nor 1",
                    where=where,
                    fix="write 0 or 1 (or false, true) in each column, or empty all of them",
                )
        yes = [name is not None and name.lower() in _YES for name in written]
        return [column for column, each in zip(self.names, yes, strict=True) if each]


def learn_names(cells: Sequence[Any], form: Sets, where: str) -> tuple[str, ...]:
    """Return the classes that occur among lists or texts, in the order of their names, numbers as numbers."""
    found: set[str] = set()
    for row, cell in enumerate(cells):
        found.update(form.names_of(cell, row, where) or ())
    whole = all(name.removeprefix("-").isdecimal() for name in found)
    return tuple(sorted(found, key=int) if whole else sorted(found))
