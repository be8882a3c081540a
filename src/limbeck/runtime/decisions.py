"""From a model's outputs to its answers, the same where it is judged and where it is served: one rule a task.

To add a task: its rule, and one line in `RULES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Prediction:
    """A decision for a class.

    Attributes:
        label: the class with the highest probability, as it was written in the training data.
        probability: its probability, in [0, 1].
        probabilities: of every class.
    """

    label: str
    probability: float
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Rule:
    """How a task's outputs are read.

    Attributes:
        answers: `answers(outputs, names)` returns one answer a row of outputs (rows, outputs).
        differ: `differ(one, other)` returns which rows of two models' outputs are other answers, (rows,) bool.
        clear: `clear(outputs)` returns the rows whose answer no rounding may change, (rows,) bool.
        line: `line(answer)` returns an answer as `limbeck predict` prints it before its example.
        record: `record(answer)` returns an answer as `limbeck predict --json` writes it beside its example: JSON.
    """

    answers: Callable[[NDArray[np.float32], Sequence[str]], list[Any]]
    differ: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.bool_]]
    clear: Callable[[NDArray[np.float32]], NDArray[np.bool_]]
    line: Callable[[Any], str] = str
    record: Callable[[Any], dict[str, Any]] = lambda answer: {"answer": answer}


MARGIN = 1e-3
"""Between the two largest logits of a decision that is clear."""


def classes(logits: NDArray) -> NDArray[np.int64]:
    """Return the class that is decided for, `(n,)`, of logits `(n, classes)`: the largest, the lowest among equals."""
    return logits.argmax(axis=1)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probabilities of logits (rows, classes)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _predictions(logits: NDArray[np.float32], names: Sequence[str]) -> list[Prediction]:
    found = []
    for row in softmax(logits):
        best = int(row.argmax())
        every = {label: float(value) for label, value in zip(names, row, strict=True)}
        found.append(Prediction(names[best], float(row[best]), every))
    return found


def _clear(logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    best = np.sort(logits, axis=1)
    return best[:, -1] - best[:, -2] > MARGIN


RULES: dict[str, Rule] = {
    "classification": Rule(
        _predictions,
        lambda one, other: classes(one) != classes(other),
        _clear,
        line=lambda said: f"{said.label}\t{said.probability:.4f}",
        record=lambda said: {"label": said.label, "probabilities": said.probabilities},
    ),
}
"""By the task that `bundle.json` names."""
