"""Models of features that anybody would try first: logistic regression, on labels and on answers, and boosted trees."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.fitted import FloorModel, HasOutputs, count_numbers
from limbeck.data.least import least
from limbeck.data.modality import Cells
from limbeck.errors import LimbeckError

C_GRID = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Inverse strengths of the L2 penalty that are tried, strongest penalty first."""
TREES = (30, 100)
"""Numbers of boosted trees that are tried, of each class where there are more than two."""
LEAVES = (7, 31)
"""Numbers of leaves of a tree that are tried, at most."""
REGRESSION, BOOSTING = "logistic regression", "gradient boosting"


def regressions(
    matrix: Any, labels: NDArray[np.int64], classes: int, weights: NDArray[np.float32] | None
) -> list[FloorModel]:
    """Return multinomial logistic regressions, one a penalty, strongest first; no randomness.

    Args:
        matrix: (rows, features).
        labels: (rows,) class indices.
        classes: number of classes, of which the rows must show at least two.
        weights: (classes,), by which rows count; None: all 1.

    Raises:
        LimbeckError: the rows show fewer than two classes.
    """
    from sklearn.linear_model import LogisticRegression

    counts = _counts(labels, weights)
    with warnings.catch_warnings():
        # Two rows a class are few, and they are classes.
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
        fitted = {C: LogisticRegression(C=C, max_iter=1000).fit(matrix, labels, sample_weight=counts) for C in C_GRID}
    return [
        FloorModel(
            REGRESSION,
            {"C": C},
            model.coef_.size + model.intercept_.size,
            _Margins(model, classes, len(labels), _linear(model)),
        )
        for C, model in fitted.items()
    ]


def boosted_trees(
    cells: Cells, labels: NDArray[np.int64], classes: int, weights: NDArray[np.float32] | None
) -> list[FloorModel]:
    """Return gradient-boosted trees, one a size, smallest first; no randomness. Arguments as of `regressions`.

    Raises:
        LimbeckError: the rows show fewer than two classes.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    counts, found = _counts(labels, weights), []
    for leaves in LEAVES:
        for trees in TREES:
            model: Any = HistGradientBoostingClassifier(
                max_iter=trees,
                max_leaf_nodes=leaves,
                categorical_features=cells.categorical,
                early_stopping=False,
                random_state=0,
            ).fit(cells.values, labels, sample_weight=counts)
            answers = _Margins(model, classes, len(labels), _of_trees(model))
            found.append(FloorModel(BOOSTING, {"trees": trees, "leaves": leaves}, count_numbers(model), answers))
    return found


def _counts(labels: NDArray[np.int64], weights: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    if len(np.unique(labels)) < 2:
        raise LimbeckError("the labelled rows show fewer than two classes", where="floor", fix="label more rows")
    return None if weights is None else weights[labels]


class _Margins(HasOutputs):
    """A fitted classifier of scikit-learn.

    A class without a training row gets probability 1 / (training rows + classes) before normalisation: finite, and
    never the decision, as the likeliest of k classes seen in n >= k rows has at least 1 / n.
    """

    def __init__(
        self, model: Any, classes: int, trained_on: int, margins: Callable[[Any], NDArray[np.float64]]
    ) -> None:
        self._model, self._classes, self._trained_on, self._margins = model, classes, trained_on, margins

    def outputs(self, matrix: Any) -> NDArray[np.float32]:
        """Return `(rows, classes)` log-probabilities, with the missing classes' at their place."""
        from scipy.special import log_softmax

        margins = self._margins(matrix)
        margins = _both(margins[:, None] if margins.ndim == 1 else margins)
        missing = -np.log(self._trained_on + self._classes)
        logits = np.full((len(margins), self._classes), missing, dtype=np.float32)
        logits[:, self._model.classes_] = log_softmax(margins, axis=1)
        return logits


def _linear(model: Any) -> Callable[[Any], NDArray[np.float64]]:
    # Without scikit-learn's looks at each input, which take longer than one text does: the floor's speed is told.
    return lambda matrix: matrix @ model.coef_.T + model.intercept_


def _of_trees(model: Any) -> Callable[[Any], NDArray[np.float64]]:
    return lambda cells: model.decision_function(cells.values)


def _both(margins: NDArray[Any]) -> NDArray[Any]:
    """Return a margin a class; of two classes there is one, of the second."""
    return np.concatenate([np.zeros_like(margins), margins], axis=1) if margins.shape[1] == 1 else margins


# --- on a teacher's answers -----------------------------------------------------------------------------------------


def distilled_regressions(matrix: Any, answers: NDArray[np.float32]) -> list[FloorModel]:
    """Return logistic regressions on a teacher's distributions, one a penalty, strongest first; no randomness.

    Each minimises the cross-entropy with the teacher's probabilities in place of `regressions`' labels, with the same
    penalty: where the teacher is sure of every row, it is the same model. They are solved as far as it takes to choose
    among them; `exact` ends it.

    Args:
        matrix: (rows, features).
        answers: (rows, classes) logits.
    """
    from scipy.special import log_softmax, softmax

    wanted = softmax(answers.astype(np.float64), axis=1)
    rows, columns = len(wanted), 1 if wanted.shape[1] == 2 else wanted.shape[1]

    def slope(margins: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logs = log_softmax(_both(margins), axis=1)
        return -(wanted * logs).sum() / rows, (np.exp(logs) - wanted)[:, -columns:] / rows

    def model(C: float, start: NDArray[np.float64]) -> FloorModel:
        return FloorModel(
            REGRESSION,
            {"C": C},
            start.size,
            _Weights(start.astype(np.float32)),
            lambda: _Weights(least(matrix, slope, 1 / (C * rows), start).astype(np.float32)),
        )

    found, start = [], np.zeros((matrix.shape[1] + 1, columns))
    for C in C_GRID:
        start = least(matrix, slope, 1 / (C * rows), start, nearly=True)
        found.append(model(C, start))
    return found


class _Weights(HasOutputs):
    """Weights and, in the last row, intercepts, (features + 1, columns)."""

    def __init__(self, weights: NDArray[np.float32]) -> None:
        self._weights = weights

    def outputs(self, matrix: Any) -> NDArray[np.float32]:
        """Return `(rows, classes)` log-probabilities."""
        from scipy.special import log_softmax

        margins = matrix @ self._weights[:-1] + self._weights[-1]
        return log_softmax(_both(np.asarray(margins, np.float64)), axis=1).astype(np.float32)
