"""From a model's outputs to its answers, the same where it is judged and where it is served: one rule a task.

To add a task: its rule, and one line in `RULES`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import one_line


@dataclass(frozen=True, slots=True)
class Prediction:
    """A decision for a class.

    Attributes:
        label: the class with the highest probability, as it was written in the training data; None: the student
            abstains, see `Rule.sure`.
        probability: the highest one, in [0, 1].
        probabilities: of every class, or of those that are asked for.
    """

    label: str | None
    probability: float
    probabilities: dict[str, float]


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A decision for or against each of several classes.

    Attributes:
        labels: the classes whose probability reaches their threshold, in the order of the outputs.
        probabilities: of every class, each in [0, 1] and of its own.
        thresholds: of every class, chosen on validation: the probability from which it is decided for, in (0, 1).
    """

    labels: tuple[str, ...]
    probabilities: dict[str, float]
    thresholds: dict[str, float]


def _largest(one: NDArray, other: NDArray) -> float:
    return float(np.abs(one - other).max())


@dataclass(frozen=True)
class Rule:
    """How a task's outputs are read.

    Attributes:
        answers: `answers(outputs, names)` returns one answer a row of outputs (rows, outputs).
        differ: `differ(one, other)` returns which rows of two models' outputs are other answers, (rows,) bool.
        clear: `clear(outputs)` returns the rows whose answer no rounding may change, (rows,) bool.
        line: `line(answer)` returns an answer as `limbeck predict` prints it before its example: one line.
        record: `record(answer)` returns an answer as `limbeck predict --json` writes it beside its example: JSON.
        error: `error(one, other)` returns how far apart two models' outputs are at most, where 1e-4 is rounding: of
            logits their largest difference, of values a relative one.
        equal: what two answers are that do not differ, in words.
        python: what an answer is in Python, in words.
        cells: `cells(answer, top)` returns an answer as cells of a table by column: a text where it is decided, empty
            where it abstains, and probabilities and values in numbers. After the decision stand the classes of the
            highest probabilities, `top_1` the highest, as many as asked for; they are no decision.
        sure: `sure(answer, least)` returns the answer where its probability is at least so high, else one that
            abstains; None: the task has no probabilities.
        likeliest: `likeliest(answer, top)` returns the answer with the probabilities of so many classes, the highest
            first; None as above.
        confidences: by a share of right answers, the probability from which answers were right so often on validation,
            and the share of rows that have one; see `evaluation.abstention`.
    """

    answers: Callable[[NDArray[np.float32], Sequence[str]], list[Any]]
    differ: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.bool_]]
    clear: Callable[[NDArray[np.float32]], NDArray[np.bool_]]
    line: Callable[[Any], str] = str
    record: Callable[[Any], dict[str, Any]] = lambda answer: {"answer": answer}
    error: Callable[[NDArray[np.float32], NDArray[np.float32]], float] = _largest
    equal: str = "same decision"
    python: str = "an answer"
    cells: Callable[[Any, int], dict[str, str | float]] = lambda answer, top: {"answer": str(answer)}
    sure: Callable[[Any, float], Any] | None = None
    likeliest: Callable[[Any, int], Any] | None = None
    confidences: Mapping[float, tuple[float, float]] = field(default_factory=dict)


SHARES = (0.8, 0.9, 0.95, 0.99)
"""Of right answers: those for which a probability is looked for, see `Rule.confidences`."""
ABSTAINS = "-"
"""What a line says in the place of an answer that is not sure enough."""


MARGIN = 1e-3
"""Between a logit and the one that would decide otherwise, of a decision that is clear."""
NEAR = 0.01
"""Values that differ by at most this share of the labels' standard deviation are the same answer."""


# --- one class --------------------------------------------------------------------------------------------------------


def classes(logits: NDArray) -> NDArray[np.int64]:
    """Return the class that is decided for, `(n,)`, of logits `(n, classes)`: the largest, the lowest among equals."""
    return logits.argmax(axis=1)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probabilities of logits (rows, classes)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _predictions(logits: NDArray[np.float32], names: Sequence[str]) -> list[Prediction]:
    found = []
    for row in softmax(logits).tolist():  # plain numbers: an array's own are slow, one at a time
        highest = max(row)
        found.append(Prediction(names[row.index(highest)], highest, dict(zip(names, row, strict=True))))
    return found


def _highest(probabilities: Mapping[str, float], top: int) -> dict[str, float]:
    return dict(sorted(probabilities.items(), key=lambda pair: -pair[1])[:top])


def _sure(said: Prediction, least: float) -> Prediction:
    return said if said.probability >= least else replace(said, label=None)


def _ranked(probabilities: Mapping[str, float], top: int, of: str = "") -> dict[str, str | float]:
    """Return the classes of the highest probabilities, and these: `top_1`, `probability_1`, `top_2` ..."""
    found: dict[str, str | float] = {}
    for rank, (label, value) in enumerate(_highest(probabilities, top).items(), 1):
        found |= {f"{of}top_{rank}": label, f"{of}probability_{rank}": value}
    return found


def with_offsets(logits: NDArray[Any], offsets: Sequence[float]) -> NDArray[Any]:
    """Return logits (rows, classes) with what is added to each class, in the logits' precision; empty: nothing."""
    if not len(offsets):
        return logits
    if logits.shape[1] != len(offsets):
        raise ValueError(f"{len(offsets)} offsets for {logits.shape[1]} classes")
    return logits + np.asarray(offsets, logits.dtype)


def _clear(logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    best = np.sort(logits, axis=1)
    return best[:, -1] - best[:, -2] > MARGIN


def _classification(decision: Mapping[str, Any]) -> Rule:
    offsets = [float(each) for each in decision.get("offsets", ())]
    if not np.isfinite(offsets).all():
        raise ValueError("an offset is a finite number")

    def moved(logits: NDArray[np.float32]) -> NDArray[np.float32]:
        return with_offsets(logits, offsets)

    return Rule(
        lambda logits, names: _predictions(moved(logits), names),
        lambda one, other: classes(moved(one)) != classes(moved(other)),
        lambda logits: _clear(moved(logits)),
        line=lambda said: f"{one_line(said.label or ABSTAINS)}\t{said.probability:.4f}",
        record=lambda said: {"label": said.label, "probabilities": said.probabilities},
        python="a `Prediction`: its `label`, the `probability` of that, and the `probabilities` by class",
        cells=lambda said, top: {
            "label": said.label or "",
            "probability": said.probability,
            **_ranked(said.probabilities, top),
        },
        sure=_sure,
        likeliest=lambda said, top: replace(said, probabilities=_highest(said.probabilities, top)),
        confidences=_confidences(decision.get("confidences", {})),
    )


def _confidences(given: Mapping[str, Any]) -> dict[float, tuple[float, float]]:
    found = {float(share): (float(one["probability"]), float(one["answered"])) for share, one in given.items()}
    if not all(0 <= each <= 1 for share, one in found.items() for each in (share, *one)):
        raise ValueError("a confidence is a probability")
    return found


# --- several classes --------------------------------------------------------------------------------------------------


def sigmoid(logits: NDArray) -> NDArray[np.float64]:
    """Return the probability of each logit by itself."""
    wide = logits.astype(np.float64)
    small = np.exp(-np.abs(wide))
    return np.where(wide >= 0, 1.0, small) / (1.0 + small)


def label_sets(logits: NDArray, thresholds: Sequence[float] | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which classes are decided for, (rows, classes): those whose probability reaches their threshold."""
    limits = np.asarray(thresholds, np.float64)
    if logits.shape[1] != len(limits):
        raise ValueError(f"{len(limits)} thresholds for {logits.shape[1]} classes")
    return sigmoid(logits) >= limits


def _multilabel(decision: Mapping[str, Any]) -> Rule:
    thresholds = np.array([float(each) for each in decision["thresholds"]])
    if not ((thresholds > 0) & (thresholds < 1)).all():
        raise ValueError("a threshold is a probability")
    separator = decision.get("separator", ", ")
    if not isinstance(separator, str):
        raise TypeError(f"`separator` is {separator!r}"[:80])
    limits = np.log(thresholds) - np.log1p(-thresholds)

    def answers(logits: NDArray[np.float32], names: Sequence[str]) -> list[LabelSet]:
        return [
            LabelSet(
                tuple(name for name, yes in zip(names, row, strict=True) if yes),
                {name: float(each) for name, each in zip(names, probabilities, strict=True)},
                dict(zip(names, thresholds.tolist(), strict=True)),
            )
            for row, probabilities in zip(label_sets(logits, thresholds), sigmoid(logits), strict=True)
        ]

    def sure(said: LabelSet, least: float) -> LabelSet:
        found = tuple(name for name, each in said.probabilities.items() if each >= least)
        return replace(said, labels=found, thresholds=dict.fromkeys(said.thresholds, least))

    def cells(said: LabelSet, top: int) -> dict[str, str | float]:
        return {"labels": separator.join(said.labels), **_ranked(said.probabilities, top)}

    return Rule(
        answers,
        lambda one, other: (label_sets(one, thresholds) != label_sets(other, thresholds)).any(axis=1),
        lambda logits: np.all(np.abs(logits - limits) > MARGIN, axis=1),
        line=lambda said: one_line(separator.join(said.labels)) or "-",
        record=lambda said: {
            "labels": list(said.labels),
            "probabilities": said.probabilities,
            "thresholds": said.thresholds,
        },
        equal="same label set",
        python="a `LabelSet`: its `labels`, and by class `probabilities` and the `thresholds` that they reach or miss",
        cells=cells,
        sure=sure,
        likeliest=lambda said, top: replace(said, probabilities=_highest(said.probabilities, top)),
    )


# --- one class a column -----------------------------------------------------------------------------------------------

ABSENT = -1e30
"""The logit of a class that a column does not have: of no weight beside any other, in any arithmetic."""


def _multioutput(decision: Mapping[str, Any]) -> Rule:
    columns = {str(name): [str(each) for each in own] for name, own in decision["columns"].items()}
    ends = np.cumsum([len(own) for own in columns.values()])

    def parts(logits: NDArray) -> list[NDArray]:
        if logits.shape[1] != ends[-1]:
            raise ValueError(f"{ends[-1]} classes in all columns for {logits.shape[1]} outputs")
        return np.split(logits, ends[:-1], axis=1)

    def answers(logits: NDArray[np.float32], names: Sequence[str]) -> list[dict[str, Prediction]]:
        own = [_predictions(part, found) for part, found in zip(parts(logits), columns.values(), strict=True)]
        return [dict(zip(columns, row, strict=True)) for row in zip(*own, strict=True)]

    def decided(logits: NDArray) -> NDArray[np.int64]:
        return np.stack([classes(part) for part in parts(logits)], axis=1)

    return Rule(
        answers,
        lambda one, other: np.any(decided(one) != decided(other), axis=1),
        lambda logits: np.all([_clear(part) for part in parts(logits)], axis=0),
        line=lambda said: "\t".join(one_line(one.label or ABSTAINS) for one in said.values()),
        record=lambda said: {
            "labels": {name: one.label for name, one in said.items()},
            "probabilities": {name: one.probabilities for name, one in said.items()},
        },
        equal="same decisions",
        python="a `dict`: by column a `Prediction`, with its `label`, the `probability` of it, and `probabilities` by "
        "class",
        cells=_cells_by_column,
        sure=lambda said, least: {name: _sure(one, least) for name, one in said.items()},
        likeliest=lambda said, top: {
            name: replace(one, probabilities=_highest(one.probabilities, top)) for name, one in said.items()
        },
    )


def _cells_by_column(said: Mapping[str, Prediction], top: int) -> dict[str, Any]:
    """Return the cells of every column; each label stands under the very name of its column."""
    found: dict[str, Any] = {}
    for name, one in said.items():
        found[name] = one.label or ""
        others = {f"{name}_probability": one.probability, **_ranked(one.probabilities, top, f"{name}_")}
        for key, value in others.items():
            found[unused(key, {*found, *said})] = value
    return found


def unused(name: str, taken: Collection[str]) -> str:
    """Return a name that is none of these: itself, or with so many `_` behind it as that takes."""
    while name in taken:
        name += "_"
    return name


# --- values -----------------------------------------------------------------------------------------------------------


def _regression(decision: Mapping[str, Any]) -> Rule:
    spread = np.array([float(each) for each in decision["spread"]])
    if not (spread > 0).all():
        raise ValueError("a spread is greater than 0")

    def error(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
        size = np.maximum(np.abs(one).max(axis=0), spread)
        return float((np.abs(one - other).max(axis=0) / size).max())

    return Rule(
        lambda values, names: [dict(zip(names, row, strict=True)) for row in values.astype(np.float64).tolist()],
        lambda one, other: ~np.all(np.abs(one - other) <= NEAR * spread, axis=1),  # of NaN nothing is near
        lambda values: np.ones(len(values), np.bool_),
        line=lambda said: "\t".join(f"{value:.6g}" for value in said.values()),
        record=lambda said: {"values": said},
        error=error,
        equal=f"same value within {NEAR:.0%} of the labels' standard deviation",
        python="a `dict`: by column a number, in the unit of the labels",
        cells=lambda said, top: dict(said),
    )


# A rule is made of the `decision` that stands in `bundle.json`.
RULES: dict[str, Callable[[Mapping[str, Any]], Rule]] = {
    "classification": _classification,
    "multilabel": _multilabel,
    "multioutput": _multioutput,
    "regression": _regression,
}
"""By the task that `bundle.json` names."""
