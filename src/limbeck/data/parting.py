"""Held-out rows by what stands in a column: one speaker, one hospital, one year."""

from collections.abc import Mapping

from limbeck.data.origin import texts_of
from limbeck.data.readers import Columns
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
    """
    if not rules or "train" not in found:
        return dict(found)
    where, columns = found["train"]
    left, parts = list(range(len(next(iter(columns.values()), [])))), {}
    for split, rule in rules.items():
        key = f"data.split.{split}"
        if split in found:
            raise LimbeckError(
                f"the source brings a {split} split, and {key} chooses another by {', '.join(rule)}",
                where=found[split][0],
                fix=f"leave {key} out, or give a source without that split",
            )
        fits = set(left)
        for column, values in rule.items():
            fits &= _holding(columns, column, values, where, key)
        if not fits:
            raise LimbeckError(f"no row that {key} asks for is left", where=where, fix="ask for other values")
        parts[split] = (where, columns.take(sorted(fits)))
        left = [row for row in left if row not in fits]
    if not left:
        raise LimbeckError(f"no row is left beside {', '.join(parts)}", where=where, fix="hold out fewer values")
    return {**found, "train": (where, columns.take(left)), **parts}


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


def _holding(columns: Columns, column: str, values: tuple[str, ...], where: str, key: str) -> set[int]:
    """Return the rows in which a column holds one of some values."""
    if column not in columns:
        raise LimbeckError(f"no column `{column}`", where=f"{where} ({key})", fix=nearest(column, list(columns)))
    texts = list(map(str, texts_of(columns, column)))
    for value in values:
        if value not in texts:
            raise LimbeckError(
                f"no row with `{value}` in column `{column}`",
                where=f"{where} ({key})",
                fix=nearest(value, sorted(set(texts))),
            )
    return {row for row, text in enumerate(texts) if text in values}
