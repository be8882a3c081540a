"""Cells of a column as they were read: which hold nothing, and what a label is called."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from limbeck.data.spelling import fold
from limbeck.errors import LimbeckError

_NAN = ("nan", "NaN", "NAN")
"""How programs write a number that is none: of such a row the label is missing."""


SIGN_WORDS = frozenset(("none", "na", "n/a", "<na>", "null", "nan", "?", "-"))
"""What people write for a missing label, folded, and what may as well be a class."""
SIGN_NUMBERS = ("-1", "-100")
"""What programs write for a missing label among integers, and what may as well be a class."""


def may_be_missing(name: str) -> bool:
    """Return whether a label may be a class, or a sign for none."""
    return fold(name) in SIGN_WORDS or name in SIGN_NUMBERS


def columns_of(label: str | Sequence[str] | None) -> list[str]:
    """Return the columns with the label: one, several that are one label together, or none."""
    return [label] if isinstance(label, str) else list(label or ())


def is_missing(value: Any) -> bool:
    """Return whether a cell holds nothing: None, NaN, and what pandas and NumPy have for them."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ArithmeticError):  # pandas.NA says of nothing whether it is the same, nor does Decimal("sNaN")
        return True
    except ValueError:  # an array
        return False


def label_name(label: Any) -> str | None:
    """Return the class name of a label as it was read: `true` for True, `3` for 3 and 3.0, None for a missing one."""
    return _known_name(label) if type(label) in (str, int, bool) else _name(label)


def _name(label: Any) -> str | None:
    plain = plain_label(label)
    return None if plain is None else named(plain)


# Of a column with few classes in many rows, the rows share the name. By type, as 1 and True are equal and two classes.
_known_name = lru_cache(maxsize=4096, typed=True)(_name)


def written_labels(labels: list[Any], where: str) -> list[Any]:
    """Return labels, in lists of their own or not, all of which UTF-8 can write.

    Raises:
        LimbeckError: one holds half of a surrogate pair: JSON allows that, and so does the name of a folder.
    """
    for row, label in enumerate(labels, 1):
        for each in label if isinstance(label, list | tuple) else (label,):
            if isinstance(each, str) and not each.isascii() and any("\ud800" <= one <= "\udfff" for one in each):
                raise LimbeckError(
                    f"row {row:,} has the label `{each[:40]}`, which is no text of UTF-8", where=where, fix="rename it"
                )
    return labels


def named(plain: bool | int | float | str) -> str:
    """Return what a label that is not missing is called."""
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def plain_label(label: Any) -> Any:
    """Return the label itself, None for a missing one; a whole float (of a column with gaps) becomes an integer."""
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, str):
        return None if _is_blank(label) else label
    if is_missing(label):
        return None
    return int(label) if isinstance(label, float) and label.is_integer() else label


@lru_cache(maxsize=4096)
def _is_blank(label: str) -> bool:
    return label.strip() in _NAN or not fold(label)


def named_labels(labels: Sequence[Any], names: Sequence[str], where: str) -> list[str | None]:
    """Return the class of each label of a column whose classes the data names; None where it is negative.

    Raises:
        LimbeckError: one is no number of a class.
    """
    if any(isinstance(label, str) for label in labels):
        return list(labels)
    numbers = [None if is_missing(label) or label < 0 else int(label) for label in labels]
    if odd := [label for label, number in zip(labels, numbers, strict=True) if number is not None and number != label]:
        raise LimbeckError(
            f"label {odd[0]} is no whole number, and the data names {len(names)} classes ({', '.join(names[:8])})",
            where=where,
            fix="mend the labels, or write the file again without the names of its classes",
        )
    if beyond := [number for number in numbers if number is not None and number >= len(names)]:
        raise LimbeckError(
            f"label {beyond[0]}, and the data names {len(names)} classes ({', '.join(names[:8])})",
            where=where,
            fix="mend the labels, or write the file again without the names of its classes",
        )
    return [None if number is None else names[number] for number in numbers]
