"""Logistic regression on a matrix of features: what anybody would try first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.task import HasOutputs, LinearModel
from limbeck.errors import LimbeckError

C_GRID = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Inverse strengths of the L2 penalty that are tried, strongest penalty first."""


def regressions(
    matrix: Any, labels: NDArray[np.int64], classes: int, weights: NDArray[np.float32] | None
) -> list[LinearModel]:
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

    if len(np.unique(labels)) < 2:
        raise LimbeckError("the labelled rows show fewer than two classes", where="floor", fix="label more rows")
    counts = None if weights is None else weights[labels]
    fitted = {C: LogisticRegression(C=C, max_iter=1000).fit(matrix, labels, sample_weight=counts) for C in C_GRID}
    return [
        LinearModel({"C": C}, model.coef_.size + model.intercept_.size, _Regression(model, classes, len(labels)))
        for C, model in fitted.items()
    ]


class _Regression(HasOutputs):
    """A fitted regression.

    A class without a training row gets probability 1 / (training rows + classes) before normalisation: finite, and
    never the decision, as the likeliest of k classes seen in n >= k rows has at least 1 / n.
    """

    def __init__(self, model: Any, classes: int, trained_on: int) -> None:
        self._model, self._classes, self._trained_on = model, classes, trained_on

    def outputs(self, matrix: Any) -> NDArray[np.float32]:
        """Return `(rows, classes)` log-probabilities, with the missing classes' at their place."""
        from scipy.special import log_softmax

        margins = self._model.decision_function(matrix)
        if margins.ndim == 1:  # two classes: one margin, of the second
            margins = np.stack([np.zeros_like(margins), margins], axis=1)
        missing = -np.log(self._trained_on + self._classes)
        logits = np.full((len(margins), self._classes), missing, dtype=np.float32)
        logits[:, self._model.classes_] = log_softmax(margins, axis=1)
        return logits
