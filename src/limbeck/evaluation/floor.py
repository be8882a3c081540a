"""The floor: what a reader gets from the same labels with TF-IDF and logistic regression."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from limbeck.errors import LimbeckError
from limbeck.evaluation.metrics import nll
from limbeck.runtime.scripts import signs, terms

CUTS: dict[str, Callable[[str], list[str]]] = {"words": terms, "words, letters and signs": signs}
"""How a text is cut. The first is scikit-learn's own rule, which sees no emoji, no punctuation and no single letter."""

C_GRID = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Inverse strengths of the L2 penalty that are tried, strongest penalty first."""

MAX_TERMS = 50_000
"""Most words and word pairs (of some scripts: characters) kept, the most frequent ones: bounds memory at 77 classes to
about half a gigabyte."""


@dataclass(frozen=True)
class Floor:
    """A fitted floor.

    Attributes:
        test_logits: `(n, classes)` float32, log-probabilities.
        settings: what was chosen on validation.
        parameters: coefficients, intercepts and inverse document frequencies.
        size_bytes: an honest estimate of what shipping it takes: the parameters as float32 and the vocabulary as UTF-8.
            The scikit-learn objects, pickled, are larger.
        predict: texts to logits `(n, classes)` float32, for the cost measurement. Runs in scikit-learn, not ONNX.
    """

    test_logits: np.ndarray
    settings: dict[str, float | int | str | bool | None]
    parameters: int
    size_bytes: int
    predict: Callable[[Sequence[str]], np.ndarray]


def tfidf_floor(
    train_texts: Sequence[str],
    train_labels: Sequence[int] | np.ndarray,
    validation_texts: Sequence[str],
    validation_labels: Sequence[int] | np.ndarray,
    test_texts: Sequence[str],
    *,
    classes: int,
    class_weights: np.ndarray | None = None,
) -> Floor:
    """Fit TF-IDF (words and word pairs, sublinear counts) and multinomial logistic regression; no randomness.

    Of scripts without blanks, such as Chinese and Thai, characters are counted in place of words.

    How texts are cut and the penalty are chosen on validation by negative log-likelihood, the first cut and the
    stronger penalty among equals. A class without a
    training row gets probability 1 / (training rows + classes) before normalisation: finite, and never the decision, as
    the likeliest of k classes seen in n >= k rows has at least 1 / n.

    Args:
        train_texts: the labelled rows the student had, and no more.
        train_labels: integers in [0, classes).
        validation_texts: rows to choose the penalty on.
        validation_labels: integers in [0, classes).
        test_texts: rows to predict once, with the chosen penalty.
        classes: number of classes, of which training rows must show at least two.
        class_weights: `(classes,)`, by which training and validation rows count; None: all 1.

    Raises:
        LimbeckError: when the training rows show fewer than two classes.
    """
    labels = np.asarray(train_labels)
    if len(np.unique(labels)) < 2:
        raise LimbeckError("the labelled rows show fewer than two classes", where="floor", fix="label more rows")
    counts = None if class_weights is None else class_weights[labels]
    truth = np.asarray(validation_labels)
    best: tuple[float, str, float, Any, Any] | None = None
    for name, cut in CUTS.items():
        if not any(map(cut, train_texts)):
            continue
        vectorizer, models = _fit(cut, train_texts, labels, counts)
        held_out = vectorizer.transform(validation_texts)
        for C, model in models.items():
            cost = nll(_logits(model, held_out, classes, len(labels)), truth, class_weights)
            if best is None or cost < best[0]:
                best = cost, name, C, vectorizer, model
    assert best is not None  # every text that is not blank holds a sign
    _, name, C, vectorizer, model = best

    def predict(texts: Sequence[str]) -> np.ndarray:
        return _logits(model, vectorizer.transform(texts), classes, len(labels))

    parameters = model.coef_.size + model.intercept_.size + vectorizer.idf_.size
    words = sum(len(term.encode()) for term in vectorizer.vocabulary_)
    return Floor(predict(test_texts), {"C": C, "terms": name}, parameters, 4 * parameters + words, predict)


def _fit(
    cut: Callable[[str], list[str]], texts: Sequence[str], labels: np.ndarray, counts: np.ndarray | None
) -> tuple[Any, dict[float, Any]]:
    """Return the fitted vectorizer, and a regression for each penalty."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    # Its own pattern is set to None, or it warns that this is not used.
    taken: dict[str, Any] = {"tokenizer": cut, "token_pattern": None}
    vectorizer = TfidfVectorizer(**taken, ngram_range=(1, 2), sublinear_tf=True, max_features=MAX_TERMS)
    rows = vectorizer.fit_transform(texts)
    return vectorizer, {
        C: LogisticRegression(C=C, max_iter=1000).fit(rows, labels, sample_weight=counts) for C in C_GRID
    }


def _logits(model: object, rows: object, classes: int, trained_on: int) -> np.ndarray:
    """Return `(n, classes)` float32 log-probabilities, with the missing classes' at their place."""
    from scipy.special import log_softmax

    margins = model.decision_function(rows)  # type: ignore[attr-defined]
    if margins.ndim == 1:  # two classes: one margin, of the second
        margins = np.stack([np.zeros_like(margins), margins], axis=1)
    logits = np.full((len(margins), classes), -np.log(trained_on + classes), dtype=np.float32)
    logits[:, model.classes_] = log_softmax(margins, axis=1)  # type: ignore[attr-defined]
    return logits
