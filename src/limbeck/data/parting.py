"""Held-out rows by what stands in a column: one speaker, one hospital, one year."""

from collections.abc import Mapping, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from limbeck.console import say
from limbeck.data.origin import texts_of
from limbeck.data.readers import Columns
from limbeck.data.spelling import fold
from limbeck.errors import LimbeckError, nearest

Rule = Mapping[str, tuple[str, ...]]
"""Values by column: a row belongs to the split where every column holds one of its values."""


def parted(found: Mapping[str, tuple[str, Columns]], rules: Mapping[str, Rule]) -> dict[str, tuple[str, Columns]]:
    """Return the splits of a source, of which one train split is taken apart.

    Args:
        found: by split, where it was read, and its columns.
        rules: by split, which rows of `train` it gets; the first rule that fits a row has it.

    Raises:
        LimbeckError: the source brings such a split, or no column or no row is as a rule says, or no row is left.

    Nobody knows whose a row with an empty cell is: such rows are in no split, and that is said.
    """
    if not rules or "train" not in found:
        return dict(found)
    where, columns = found["train"]
    left, parts = np.ones(len(next(iter(columns.values()), [])), np.bool_), {}
    unknown = np.zeros(len(left), np.bool_)
    for split, rule in rules.items():
        key = f"data.split.{split}"
        if split in found:
            raise LimbeckError(
                f"the source brings a {split} split, and {key} chooses another by {', '.join(rule)}",
                where=found[split][0],
                fix=f"leave {key} out, or give a source without that split",
            )
        fits = left
        for column, values in rule.items():
            names = _names(columns, column, where, key)
            fits = fits & _holding(names, column, values, where, key)
            if "" not in values:
                unknown |= _each(names, {""})
        if not fits.any():
            raise LimbeckError(f"no row that {key} asks for is left", where=where, fix="ask for other values")
        parts[split] = (where, columns.take(np.flatnonzero(fits).tolist()))
        left = left & ~fits
    if lost := int((unknown & left).sum()):
        asked = ", ".join(sorted({column for rule in rules.values() for column in rule}))
        rows = f"{lost:,} row{'s' * (lost > 1)}"
        say(f"  {where}: {rows} left out, as nobody knows whose: nothing in column {asked}", style="yellow")
    left = left & ~unknown
    if not left.any():
        raise LimbeckError(f"no row is left beside {', '.join(parts)}", where=where, fix="hold out fewer values")
    return {**found, "train": (where, columns.take(np.flatnonzero(left).tolist())), **parts}


def refuse_rules(rules: Mapping[str, Rule]) -> None:
    """Refuse to choose rows of a frame, which its owner can do.

    Raises:
        LimbeckError: there is a rule.
    """
    for split, rule in rules.items():
        raise LimbeckError(
            f"chooses rows of a file by {', '.join(rule)}",
            where=f"data.split.{split}",
            fix=f"choose them of the frame, and give them: {split}=frame[...]",
        )


def _names(columns: Columns, column: str, where: str, key: str) -> list[str]:
    """Return what the cells of a column are called; an empty one nothing."""
    if column not in columns:
        raise LimbeckError(f"no column `{column}`", where=f"{where} ({key})", fix=nearest(column, columns.names))
    return [text or "" for text in texts_of(columns, column)]


def _holding(names: Sequence[str], column: str, values: tuple[str, ...], where: str, key: str) -> NDArray[np.bool_]:
    """Return in which rows, (rows,) bool, a column holds one of some values, in the one spelling that it has there.

    Who is held out under one spelling must not be learned from under another.
    """
    spelled: dict[str, set[str]] = {}
    for name in set(names):
        spelled.setdefault(fold(name), set()).add(name)
    held: set[str] = set()
    for value in values:
        alike = spelled.get(fold(value), set())
        if not alike:
            raise LimbeckError(
                f"no row with `{value}` in column `{column}`",
                where=f"{where} ({key})",
                fix=nearest(value, sorted(set(names))),
            )
        if len(alike) > 1 and not alike <= set(values):
            raise LimbeckError(
                f"column `{column}` writes `{value}` in {len(alike)} ways: {', '.join(map(ascii, sorted(alike)))}",
                where=f"{where} ({key})",
                fix="write it one way in the file, or name them all",
            )
        held |= alike
    return _each(names, held)


def _each(names: Sequence[str], some: Set[str]) -> NDArray[np.bool_]:
    """Return which names are some of these, (names,) bool."""
    return np.fromiter((name in some for name in names), np.bool_, len(names))
