"""The floors: what simple features and a model without a network get, from the same labels and from the teacher."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.blas import one_thread
from limbeck.console import meter, say
from limbeck.data import Examples, Features, FloorModel, Labels, Modality, Splits
from limbeck.data.crossed import crossed_outputs
from limbeck.data.modality import Cells
from limbeck.evaluation import follow

FLOOR, DISTILLED = "floor", "distilled_floor"
_Candidates = tuple[Sequence[FloorModel], Sequence[float]]
"""Models of one matrix, and what each costs on rows that it has not seen."""
MOST = 20_000
"""Rows of a dense matrix that a linear floor is fitted to at most: 50,000 images would take minutes."""


@dataclass(frozen=True)
class Floor:
    """A fitted floor.

    Attributes:
        test_outputs: `(n, outputs)` float32: of a classification, log-probabilities.
        validation_outputs: the same of the validation rows.
        features: what it reads, as its name says it: `TF-IDF`.
        method: what is fitted to that, in words: `logistic regression`.
        settings: what was chosen.
        parameters: numbers that features and model have learned.
        size_bytes: an honest estimate of what shipping it takes: the parameters as float32 and the vocabulary as UTF-8.
            The scikit-learn objects, pickled, are larger.
        predict: examples to outputs, for the cost measurement. Runs in scikit-learn, not ONNX.
    """

    test_outputs: NDArray[np.float32]
    validation_outputs: NDArray[np.float32]
    features: str
    method: str
    settings: dict[str, float | int | str | bool | None]
    parameters: int
    size_bytes: int
    predict: Callable[[Sequence[Any]], NDArray[np.float32]]


def floor_names(modality: Modality) -> list[str]:
    """Return the names of the floors that runs of a modality may have."""
    return [FLOOR, DISTILLED] if modality.features() else []


def fit_floor(splits: Splits, folds: int | None = None) -> Floor | None:
    """Fit the modality's features and the task's models to the labelled rows that the student had, and no more.

    Features and model are chosen by the task's cost, the first ones among equals. None where the modality has no
    features, or the task no such model. No randomness. Of a dense matrix linear models see `MOST` rows, from everywhere
    in it; `settings` has their number then.

    Args:
        splits: of the run.
        folds: of the labelled rows, by which they are chosen; None: validation rows choose, and so they do where a fold
            would leave no training set.
    """
    task, learned, parted = splits.task.fit(splits.labelled.labels), splits.labelled, splits.parted(folds)

    def models(features: Features, matrix: Any, labels: Labels) -> list[FloorModel]:
        if features.fits == "boosted":
            return task.boosted(matrix, labels)
        return _of_some(matrix, lambda few, rows: task.linear(few, labels.take(rows)))

    def fitted(features: Features, matrix: Any) -> _Candidates:
        found = models(features, matrix, learned.labels)
        if parted is None or not found:
            return found, _costs(features, found, splits)

        def answer(kept: NDArray[np.int64], rows: NDArray[np.int64]) -> list[NDArray[np.float32]]:
            others = models(features, _rows(matrix, kept), learned.labels.take(kept))
            return [one.model.outputs(_rows(matrix, rows)) for one in others]

        return found, [task.cost(outputs, learned.labels) for outputs in crossed_outputs(parted, answer)]

    found = _best(splits, learned, splits.modality.features(), fitted, "floor")
    _say_how_many(found, f"the floor learned {{}} of the {len(learned):,} labelled rows")
    return found


def distil_floor(
    splits: Splits, answers: NDArray[np.float32], watched: NDArray[np.float32] | None = None
) -> Floor | None:
    """Fit the linear floor to the teacher's answers: what is left of a student without its network.

    Args:
        splits: of the run; its transfer set, without the copies that `data.augment` made, is learned from.
        answers: (rows of the transfer set, outputs), the teacher's; those of the copies come last.
        watched: (rows of `splits.watched`, outputs), the teacher's: what comes nearest to them is taken, as with
            students; None: what is best on validation.

    Of a dense matrix `MOST` rows are taken, from everywhere in the set; `settings` has their number then.
    """
    task, learned = splits.task.fit(splits.labelled.labels), splits.original
    linear = [features for features in splits.modality.features() if features.fits == "linear"]

    def fitted(features: Features, matrix: Any) -> _Candidates:
        found = _of_some(matrix, lambda few, rows: task.distilled(few, answers[rows]))
        if watched is None or not found:
            return found, _costs(features, found, splits)
        rows = features.matrix(splits.watched.values)
        return found, [follow(one.model.outputs(rows), watched)[1] for one in found]

    found = _best(splits, learned, linear, fitted, "distilled floor")
    _say_how_many(found, f"the distilled floor learned {{}} of the {len(learned):,} rows of the transfer set")
    return found


def _costs(features: Features, models: Sequence[FloorModel], splits: Splits) -> list[float]:
    """Return the task's cost of each model on the validation rows."""
    task, held_out = splits.task.fit(splits.labelled.labels), splits.validation
    rows = features.matrix(held_out.values) if models else None
    return [task.cost(one.model.outputs(rows), held_out.labels) for one in models]


def _rows(matrix: Any, rows: NDArray[np.int64]) -> Any:
    return replace(matrix, values=matrix.values[rows]) if isinstance(matrix, Cells) else matrix[rows]


def _of_some(matrix: Any, fit: Callable[[Any, NDArray[np.int64]], Sequence[FloorModel]]) -> list[FloorModel]:
    """Return the models that are fitted to a matrix, or to `MOST` rows of a dense one, which are told by number."""
    count = matrix.shape[0]
    if count <= MOST or not isinstance(matrix, np.ndarray):
        return list(fit(matrix, np.arange(count)))
    rows = np.linspace(0, count, MOST, endpoint=False).astype(np.int64)
    return [replace(one, settings={**one.settings, "rows": MOST}) for one in fit(matrix[rows], rows)]


def _say_how_many(floor: Floor | None, line: str) -> None:
    if floor is not None and "rows" in floor.settings:
        say(f"  {line.format(f'{MOST:,}')}")


def _best(
    splits: Splits,
    learned: Examples,
    candidates: Sequence[Features],
    fitted: Callable[[Features, Any], _Candidates],
    title: str,
) -> Floor | None:
    """Return the floor of the least cost."""
    best: tuple[float, Features, FloorModel] | None = None
    with meter(title, len(candidates), brief=True) as progress, one_thread():
        for features in candidates:
            matrix = features.fit(learned.values)
            for one, cost in () if matrix is None else zip(*fitted(features, matrix), strict=True):
                if best is None or cost < best[0]:
                    best = cost, features, one
            progress.advance()
    if best is None:
        return None
    _, features, chosen = best
    model = chosen.model if chosen.exact is None else chosen.exact()

    def predict(values: Sequence[Any]) -> NDArray[np.float32]:
        return model.outputs(features.matrix(values))

    parameters = chosen.parameters + features.parameters
    return Floor(
        predict(splits.test.values),
        predict(splits.validation.values),
        features.title,
        chosen.method,
        {**chosen.settings, **features.settings},
        parameters,
        4 * parameters + features.size_bytes,
        predict,
    )
