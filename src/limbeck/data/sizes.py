"""Are there rows enough: what is refused of splits that are empty, too small, or without labels."""

from collections.abc import Mapping

import numpy as np

from limbeck.data.examples import UNLABELLED, Examples
from limbeck.data.settings import DataSettings
from limbeck.errors import LimbeckError


def check_held_out(name: str, part: Examples, source: str, dropped: Mapping[str, int]) -> None:
    """Refuse a split without rows, or with one that has no label."""
    where = f"{source}, {name} split"
    if not len(part):
        raise LimbeckError(
            f"no usable rows{_lost(dropped)}",
            where=where,
            fix="add rows, or remove it: training rows are then held out",
        )
    if bare := int((part.labels == UNLABELLED).sum()):
        raise LimbeckError(
            f"{bare:,} of {len(part):,} rows without a label",
            where=where,
            fix="label them, or remove it: training rows are then held out",
        )


def check_labelled(labelled: Examples, classes: tuple[str, ...], where: str, key: str) -> None:
    """Refuse labelled rows that are fewer than the classes, or all of one."""
    check_classes(len(labelled), classes, where, key)
    if len(found := np.unique(labelled.labels)) < 2:
        raise LimbeckError(
            f"all {len(labelled):,} labelled training rows are of class `{classes[found[0]]}`",
            where=where,
            fix=f"raise {key}, or add rows of other classes",
        )


def check_classes(labelled: int, classes: tuple[str, ...], where: str, key: str) -> None:
    """Refuse more classes than labelled rows."""
    if len(classes) > labelled:
        example = " ".join(classes[0].split())[:40]  # it may be a whole text, over several lines
        raise LimbeckError(
            f"{len(classes):,} classes, such as `{example}`, but only {labelled:,} labelled training rows",
            where=where,
            fix=f"set data.label to a column of classes, or raise {key}",
        )


def too_few(
    rows: int, distinct: int, sizes: Mapping[str, int], settings: DataSettings, classes: int, dropped: Mapping[str, int]
) -> LimbeckError:
    """Return the error that names sizes which would do; each class needs two rows, each held-out split two.

    Args:
        rows: usable rows with a label.
        distinct: as many of them as do not look alike.
        sizes: rows to hold out, by split.
        settings: what is asked for.
        classes: how many there are.
        dropped: rows left out before, by reason.
    """
    asked = [f"data.split.{name}={size}" for name, size in sizes.items()]
    asked += [f"data.labelled={settings.labelled}"] if settings.labelled else []
    apart = f" ({distinct:,} where look-alikes count once)" if distinct < rows and sizes else ""
    usable = distinct if sizes else rows
    spare = (usable - 2 * classes) // max(1, len(sizes))
    share = {name: max(2, min(size, usable // 5, spare)) for name, size in sizes.items()}
    left = usable - sum(share.values())
    would = [f"data.split.{name}={size}" for name, size in share.items()]
    would += [f"data.labelled={min(left, settings.labelled)}"] if settings.labelled else []
    enough = would and left >= 2 * classes
    return LimbeckError(
        f"{rows:,} usable rows with a label{apart}{_lost(dropped)} are too few for "
        f"{', '.join(asked) or f'{classes} classes'}",
        where=settings.source,
        fix=f"these would do: {' '.join(would)}"
        if enough
        else f"add rows: {classes} classes need at least {2 * classes + 2 * len(sizes)}",
    )


def too_few_beside_blocks(rows: int, left: int, least: int, block: int, where: str) -> LimbeckError:
    """Return the error for whole blocks that leave too few rows."""
    return LimbeckError(
        f"held out in whole blocks of {block:,}, {left:,} of {rows:,} rows with a label are left",
        where=where,
        fix=f"lower data.split.block, so that at least {least:,} are left",
    )


def _lost(dropped: Mapping[str, int]) -> str:
    return f" (dropped: {', '.join(f'{rows:,} {reason}' for reason, rows in dropped.items())})" if dropped else ""
