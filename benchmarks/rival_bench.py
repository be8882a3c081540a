"""What the arms of rivals.py share: how they choose settings, count seconds, and hand over what they fitted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

Index = NDArray[np.int64]
Parts = Sequence[tuple[Index, Index]]
"""Rows to learn from and rows to judge by, several times."""
LENGTH = 256
"""Tokens of a text that the MiniLM reads at most, as its card has it."""
SEED = 0


def seconds() -> float:
    """Return the processor seconds of this process and of those that it waited for."""
    return sum(used.ru_utime + used.ru_stime for used in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))


@dataclass(frozen=True)
class Fitted:
    """A model that has learned.

    Attributes:
        predict: texts to numbers of classes.
        save: writes what would be shipped into a folder.
        settings: what was chosen, among what, and how.
    """

    predict: Callable[[Sequence[str]], Index]
    save: Callable[[Path], None]
    settings: dict[str, Any]


@dataclass
class Bench:
    """Where an arm works, and what it has spent.

    Attributes:
        folder: of this set and draw; what one arm leaves there another one takes.
        cap: processor seconds of arms that would take any number of them.
        teacher: processor seconds of whatever made a teacher's answers, or turned an encoder into another model.
    """

    folder: Path
    cap: float
    teacher: float = 0.0
    _start: float = field(default_factory=seconds, init=False)
    _inside: float = field(default=0.0, init=False)

    @property
    def training(self) -> float:
        """The processor seconds so far that were not the teacher's."""
        return seconds() - self._start - self._inside

    @contextmanager
    def teaching(self) -> Iterator[None]:
        """Count the block as the teacher's."""
        start = seconds()
        yield
        self.teacher += (spent := seconds() - start)
        self._inside += spent


def folds(labels: Index) -> list[tuple[Index, Index]]:
    """Return stratified folds: as many as the middle class has rows, from 2 to 5."""
    count = int(np.clip(np.median(np.bincount(labels)), 2, 5))
    return [*StratifiedKFold(count, shuffle=True, random_state=SEED).split(labels, labels)]


def one_split(labels: Index) -> list[tuple[Index, Index]]:
    """Return the first of the folds."""
    return folds(labels)[:1]


def choose(
    grid: Sequence[dict[str, Any]], parts: Parts, right: Callable[[Mapping[str, Any], Index, Index], int]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings with most rows right over all parts, the first ones among equals, and how they were found.

    Args:
        grid: settings to try.
        parts: rows to learn from, and rows to judge by.
        right: settings and both to the number of rows that are right.
    """
    counts = [sum(right(one, learned, held) for learned, held in parts) for one in grid]
    judged = sum(len(held) for _, held in parts)
    how = "cross-validation" if len(parts) > 1 else "one split"
    said = {"chosen_by": how, "parts": len(parts), "rows": judged, "accuracy": [count / judged for count in counts]}
    return grid[int(np.argmax(counts))], {**said, "grid": [*grid]}


def grid_of(**values: Sequence[Any]) -> list[dict[str, Any]]:
    """Return every combination; the last value changes first."""
    return [dict(zip(values, one, strict=True)) for one in product(*values.values())]


def fit_linear(
    features: NDArray[Any], labels: Index, strengths: Sequence[float], make: Callable[[float], Any]
) -> tuple[Any, dict[str, Any]]:
    """Return a linear model of all rows, and its settings; the strength is chosen by cross-validation.

    Args:
        features: what the model reads of each row.
        labels: (rows,).
        strengths: values of scikit-learn's `C`.
        make: a strength to a model that has not learned.
    """

    def right(settings: Mapping[str, Any], learned: Index, held: Index) -> int:
        model = make(settings["C"]).fit(features[learned], labels[learned])
        return int((model.predict(features[held]) == labels[held]).sum())

    chosen, said = choose(grid_of(C=strengths), folds(labels), right)
    return make(chosen["C"]).fit(features, labels), {**chosen, **said}


def logistic(strength: float) -> LogisticRegression:
    """Return a logistic regression that has time to converge."""
    return LogisticRegression(C=strength, max_iter=2000)
