"""Labels as they were read, and the classes that they name."""

from typing import Any

from limbeck.errors import LimbeckError


def class_names(labels: list[Any], where: str) -> tuple[str, ...]:
    """Return the names of the classes that occur in a column, in the order of their values.

    Raises:
        LimbeckError: fewer than two classes, or labels that cannot be classes.
    """
    odd = {type(label).__name__ for label in labels if not isinstance(label, bool | int | float | str | None)}
    if odd:
        raise LimbeckError(
            f"labels are of type {', '.join(sorted(odd))}, which are no classes",
            where=where,
            fix="set data.label to a column of integers, strings or booleans",
        )
    values: set[Any] = {_plain(label) for label in labels} - {None}
    # Of the labels, not of the set: 1 and True are equal, so that it has but one of them.
    kinds = {type(_plain(label)) for label in labels} - {type(None)}
    if float in kinds:
        raise LimbeckError(
            "labels are fractional numbers, which are no classes", where=where, fix="round them, or name another column"
        )
    if len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise LimbeckError(f"labels are of mixed kinds ({names})", where=where, fix="write all of them alike")
    if len(values) < 2:
        found = f"every label is `{label_name(next(iter(values)))}`" if values else "no row has a label"
        raise LimbeckError(
            f"{found}, and at least 2 classes are needed", where=where, fix="set data.label, or add rows"
        )
    return tuple(str(label_name(value)) for value in sorted(values))


def _plain(label: Any) -> bool | int | float | str | None:
    """Return the label itself; a whole float (a column of integers with gaps) becomes an integer, NaN becomes None."""
    if label is None or label == "" or label != label:
        return None
    if isinstance(label, float) and label.is_integer():
        return int(label)
    return label


def label_name(label: Any) -> str | None:
    """Return the class name of a label as it was read: `true` for True, `3` for 3 and 3.0, None for a missing one."""
    plain = _plain(label)
    if plain is None:
        return None
    return str(plain).lower() if isinstance(plain, bool) else str(plain)
