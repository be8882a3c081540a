"""Two sides' facts beside each other: bit by bit, but for what is drawn at random."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from guard.facts import Arrays, Facts, Named
from guard.scores import DRAWN, Value, is_statistic

MONTE_CARLO = 5e-4
"""By which p-values and intervals may differ: 0.05 points."""

COLUMNS = ("weights", "answers", "scores", "ONNX outputs", "statistics")


@dataclass
class Column:
    """How far one kind of fact agrees.

    Attributes:
        count: of tensors, answers, numbers or outputs that at least one side has.
        differences: what differs, in words.
        largest: difference of two numbers.
        left_out: what was not compared, and why.
    """

    count: int = 0
    differences: list[str] = field(default_factory=list)
    largest: float = 0.0
    left_out: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """What the table says."""
        if not self.differences:
            return f"equal ({self.count:,})" if self.count else "none"
        size = f", by {self.largest:.2g}" if self.largest else ""
        return f"{len(self.differences):,} of {self.count:,} differ{size}"


def compare(base: Facts, head: Facts) -> dict[str, Column]:
    """Return the columns by name."""
    columns = {
        "weights": _arrays(base.weights, head.weights),
        "answers": _arrays(base.answers, head.answers),
        "scores": Column(),
        "ONNX outputs": _outputs(base, head),
        "statistics": Column(),
    }
    for name in _either(base.values, head.values):
        column = columns["statistics" if is_statistic(name.rpartition("/")[2]) else "scores"]
        _compare_values(column, name, base.values, head.values)
    return columns


def _outputs(base: Facts, head: Facts) -> Column:
    """Compare exported files, and bundles of one precision: int8 ships where it is the faster one on the day."""
    other = {run for run, kind in base.precision.items() if head.precision.get(run, kind) != kind}

    def comparable(named: Named) -> Named:
        bundles = tuple(f"{run}bundle" for run in other)
        return {name: each for name, each in named.items() if not (bundles and name.startswith(bundles))}

    column = _arrays(comparable(base.outputs), comparable(head.outputs))
    for run in sorted(other):
        column.left_out.append(f"{run}bundle: {base.precision[run]} and {head.precision[run]}")
    return column


def _arrays(base: Named, head: Named) -> Column:
    column = Column()
    for name in _either(base, head):
        for one, other in _paired(base.get(name, []), head.get(name, [])):
            for key in _either(one, other):
                column.count += 1
                if (why := _apart(column, one.get(key), other.get(key))) is not None:
                    column.differences.append(f"{name}: {key}: {why}")
    return column


def _paired(base: list[Arrays], head: list[Arrays]) -> Iterable[tuple[Arrays, Arrays]]:
    """Pair what stands under one name, so that as little as possible differs."""
    size = max(len(base), len(head))
    ones, others = ([*each, *[{}] * (size - len(each))] for each in (base, head))
    if size < 2:
        return zip(ones, others, strict=True)
    unequal = np.array([[_count(one, other) for other in others] for one in ones])
    return [(ones[row], others[column]) for row, column in zip(*linear_sum_assignment(unequal), strict=True)]


def _count(one: Arrays, other: Arrays) -> int:
    return sum(key not in one or key not in other or not _same(one[key], other[key]) for key in _either(one, other))


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Tell whether type, shape and every bit are the same."""
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def _apart(column: Column, one: NDArray[Any] | None, other: NDArray[Any] | None) -> str | None:
    """Return how two arrays differ, in words; None: they do not."""
    if one is None or other is None:
        return f"only in {'HEAD' if one is None else 'BASE'}"
    if _same(one, other):
        return None
    if one.shape != other.shape:
        return f"shapes {one.shape} and {other.shape}"
    kinds = "" if one.dtype == other.dtype else f"{one.dtype} and {other.dtype}, "
    unequal = one.astype(np.float64) - other.astype(np.float64)
    largest = float(np.nanmax(np.abs(unequal), initial=0.0))
    column.largest = max(column.largest, largest)
    return f"{kinds}{np.count_nonzero(unequal):,} of {one.size:,} numbers, by up to {largest:.2g}"


def _compare_values(column: Column, name: str, base: Mapping[str, Value], head: Mapping[str, Value]) -> None:
    column.count += 1
    if name not in base or name not in head:
        column.differences.append(f"{name}: only in {'BASE' if name in base else 'HEAD'}")
        return
    one, other = base[name], head[name]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    apart = abs(float(one or 0) - float(other or 0)) if numbers else 0.0
    if one != other and not (numbers and DRAWN.search(name) and apart <= MONTE_CARLO):
        column.largest = max(column.largest, apart)
        column.differences.append(f"{name}: {one} and {other}")


def _either(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the keys of either, in order."""
    return sorted(one.keys() | other.keys())
