"""Are there rows enough: what is refused of splits that are empty, too small, or without labels."""

from collections.abc import Mapping, Sequence

import numpy as np

from limbeck.data.cells import columns_of
from limbeck.data.examples import Examples, Labels
from limbeck.data.modality import listed
from limbeck.data.settings import DataOptions
from limbeck.data.sources import few
from limbeck.data.task import Task
from limbeck.errors import LimbeckError

_MANY, _OWN = 20, 0.8
"""Classes, and the share of the rows that has one of its own, from which on a column tells rows apart, not classes."""


def check_held_out(name: str, part: Examples, source: str, dropped: Mapping[str, int]) -> None:
    """Refuse a split without rows, or with one that has no label."""
    where = f"{source}, {name} split"
    if not len(part):
        raise LimbeckError(
            f"no usable rows{_lost(dropped)}",
            where=where,
            fix="add rows, or remove it: training rows are then held out",
        )
    if bare := int((~part.labels.present).sum()):
        raise LimbeckError(
            f"{bare:,} of {len(part):,} rows without a label",
            where=where,
            fix="label them, or remove it: training rows are then held out",
        )


def refuse_an_id(labels: Labels, settings: DataOptions, columns: Sequence[str]) -> None:
    """Refuse a column of which nearly every row has a class of its own.

    Args:
        labels: of the usable rows with a label; refused are those that are one class each.
        settings: what is asked for.
        columns: that were read; none: nobody knows.
    """
    one_class = labels.values.ndim == 1 and np.issubdtype(labels.values.dtype, np.integer)
    found = len(np.unique(labels.known)) if one_class else 0
    if found < _MANY or found <= _OWN * len(labels):
        return
    taken = {*listed(settings.column), *columns_of(settings.label)}
    others = [name for name in columns if name not in taken]
    named = f" to a column of classes{f': {few(others)}' if others else ''}"
    raise LimbeckError(
        f"{found:,} classes in {len(labels):,} rows: these look like numbers or names of the rows, not like classes",
        where=f"{settings.source}, {settings.labelled_by}",
        fix=f"set data.label{named}",
    )


_TEST, _TEST_SHARE = 2_000, 0.3
_VALIDATION, _LARGE_SHARE, _SMALL_SHARE, _FEW, _LEAST = 400, 0.2, 0.1, 1_000, 20


def sizes_for(distinct: int, labelled: int | None, asked: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
    """Return how many rows to hold out for splits of which nothing says that.

    For the test, three labelled rows of ten, up to 2,000. For validation, a fifth of the labels that are left, up to
    400; of fewer than 1,000 labels, which are worth more to learn from, a tenth and at least 20.

    Args:
        distinct: rows with a label that do not look alike.
        labelled: training rows that keep their label; None: all that are left.
        asked: the splits.
        known: rows of the other splits that are held out of the same rows.
    """
    found: dict[str, int] = {}
    left = distinct - sum(known.values())
    if "test" in asked:
        found["test"] = max(2, min(_TEST, int(_TEST_SHARE * left)))
        left -= found["test"]
    if "validation" in asked:
        every = left if labelled is None else min(left, labelled + max(_LEAST, labelled // 9))
        share = _LARGE_SHARE if every >= _FEW else _SMALL_SHARE
        found["validation"] = max(2, min(_VALIDATION, max(int(share * every), min(_LEAST, every // 4))))
    return found


def too_few(
    rows: int,
    distinct: int,
    sizes: Mapping[str, int],
    settings: DataOptions,
    task: Task,
    dropped: Mapping[str, int],
    each: int = 2,
) -> LimbeckError:
    """Return the error that names sizes which would do; each held-out split needs two rows.

    Args:
        rows: usable rows with a label.
        distinct: as many of them as do not look alike.
        sizes: rows to hold out, by split.
        settings: what is asked for.
        task: says what the outputs are.
        dropped: rows left out before, by reason.
        each: rows that each output needs.
    """
    asked = [f"data.split.{name}={size}" for name, size in sizes.items()]
    asked += [f"data.labelled={settings.labelled}"] if settings.labelled else []
    apart = f" ({distinct:,} where look-alikes count once)" if distinct < rows and sizes else ""
    usable = distinct if sizes else rows
    least = each * task.outputs
    spare = (usable - least) // max(1, len(sizes))
    share = {name: max(2, min(size, usable // 5, spare)) for name, size in sizes.items()}
    left = usable - sum(share.values())
    would = [f"data.split.{name}={size}" for name, size in share.items()]
    would += [f"data.labelled={min(left, settings.labelled)}"] if settings.labelled else []
    wanted = f" for {', '.join(asked)}" if asked else ""
    enough = would and left >= least
    return LimbeckError(
        f"{rows:,} usable rows with a label{apart}{_lost(dropped)} are too few{wanted}",
        where=settings.source,
        fix=f"these would do: {' '.join(would)}"
        if enough
        else f"add rows: at least {least + 2 * len(sizes)} with a label are needed"
        f"{f' for {task.outputs:,} {task.noun}' * (task.outputs > 1)}",
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
