"""Naive-Bayes-weighted regression against the paper's formulas in plain loops, and what its n-grams are."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from limbeck.errors import LimbeckError
from limbeck.runtime.rows import Ragged
from limbeck.teachers.regression import NBLR, NBLRSettings, NgramRegression, ngram_keys
from limbeck.types import tensors

TOKENS = 7


def texts(count=60, *, classes=2, seed=0):
    """Return texts of 1 to 9 tokens, of which each class likes some more than others, and their classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    likes = rng.dirichlet(np.ones(TOKENS), classes)
    return [rng.choice(TOKENS, rng.integers(1, 10), p=likes[label]).tolist() for label in labels], labels


def encoded(rows):
    offsets = np.cumsum([0, *map(len, rows)])
    return Ragged(np.concatenate(rows).astype(np.int32), offsets, 0, np.zeros(len(offsets) - 1, bool))


def ngrams(row, orders):
    return {tuple(row[start : start + n]) for n in range(1, orders + 1) for start in range(len(row) - n + 1)}


def by_the_paper(rows, labels, own, settings, strength, weights=None):
    """Return the log-odds of each text for class `own` against the others."""
    have = [ngrams(row, settings.orders) for row in rows]
    counts = Counter(ngram for held in have for ngram in held)
    features = sorted(ngram for ngram, count in counts.items() if count >= settings.min_texts)
    f = np.array([[float(feature in held) for feature in features] for held in have])
    p = [settings.smoothing + sum(f[i, j] for i in range(len(rows)) if labels[i] == own) for j in range(len(features))]
    q = [settings.smoothing + sum(f[i, j] for i in range(len(rows)) if labels[i] != own) for j in range(len(features))]
    r = np.array([math.log((p[j] / sum(p)) / (q[j] / sum(q))) for j in range(len(features))])
    # lbfgs instead of the implementation's solver; liblinear also penalises the intercept.
    design = np.hstack([f * r, np.ones((len(rows), 1))])
    model = LogisticRegression(C=strength, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(
        design, labels == own, sample_weight=weights
    )
    return design @ model.coef_[0]


def ask(network, rows):
    batch = tensors(encoded(rows).batch(np.arange(len(rows))))
    return network(**batch).numpy()


@pytest.mark.parametrize("orders", [1, 2, 3])
def test_two_classes_equal_the_paper(orders):
    rows, labels = texts()
    settings = NBLRSettings(orders=orders, min_texts=3)
    network = NgramRegression(encoded(rows), labels, classes=2, settings=settings).fit(0.5)
    logits = ask(network, rows)
    assert logits.shape == (60, 2)
    expected = by_the_paper(rows, labels, 1, settings, 0.5)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], expected, atol=2e-2)
    assert np.abs(expected).max() > 1


def test_several_classes_are_fitted_one_against_the_others():
    rows, labels = texts(90, classes=3)
    settings = NBLRSettings(orders=2, min_texts=2, smoothing=0.5)
    logits = ask(NgramRegression(encoded(rows), labels, classes=4, settings=settings).fit(1.0), rows)
    for own in range(3):
        np.testing.assert_allclose(logits[:, own], by_the_paper(rows, labels, own, settings, 1.0), atol=2e-2)
    assert (logits[:, 3] == -10).all(), "the class without a row"


@pytest.mark.parametrize("classes", [2, 3])
def test_a_row_counts_by_its_own_class_whichever_class_is_fitted(classes):
    rows, labels = texts(90, classes=classes)
    settings, weights = NBLRSettings(orders=1, min_texts=2), np.array([0.4, 1.0, 3.0][:classes], np.float32)
    regression = NgramRegression(encoded(rows), labels, classes=classes, settings=settings, weights=weights)
    logits = ask(regression.fit(1.0), rows)
    for own in range(classes == 2, classes):
        expected = by_the_paper(rows, labels, own, settings, 1.0, weights[labels])
        np.testing.assert_allclose(logits[:, own], expected, atol=2e-2)


def test_an_ngram_counts_once_a_text():
    rows, labels = texts()
    network = NgramRegression(encoded(rows), labels, classes=2, settings=NBLRSettings(orders=1, min_texts=1)).fit(1.0)
    assert np.array_equal(ask(network, [[3, 5]]), ask(network, [[5, 3, 3, 5, 5]]))


def test_what_was_never_seen_counts_nothing():
    rows, labels = texts()
    network = NgramRegression(encoded(rows), labels, classes=2, settings=NBLRSettings(orders=2, min_texts=1)).fit(1.0)
    nothing = ask(network, [[TOKENS + 5]])
    assert nothing[0].tolist() == [0.0, float(network.bias)]
    assert np.array_equal(ask(network, [[4, TOKENS + 5]])[0], ask(network, [[4]])[0])


def test_padding_and_company_change_nothing():
    rows, labels = texts()
    network = NgramRegression(encoded(rows), labels, classes=2, settings=NBLRSettings()).fit(1.0)
    together = ask(network, rows[:8])
    for row, expected in zip(rows[:8], together, strict=True):
        np.testing.assert_allclose(ask(network, [row])[0], expected, atol=1e-6)


def test_keys_tell_all_ngrams_apart():
    largest = 2**21 - 2
    ids = torch.tensor([[0, 1, largest, largest], [largest, 0, 0, 1]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]], dtype=torch.bool)
    keys, real = ngram_keys(ids, mask, 3)
    found = {}
    for row in range(2):
        for column in real[row].nonzero().flatten().tolist():
            order, start = divmod(column, 4)
            ngram = tuple(ids[row, start : start + order + 1].tolist())
            assert found.setdefault(int(keys[row, column]), ngram) == ngram
    expected = ngrams([0, 1, largest, largest], 3) | ngrams([largest, 0, 0], 3)
    assert set(found.values()) == expected
    assert int(real.sum()) == 4 + 3 + 2 + 3 + 2 + 1


def test_it_is_read_back_as_it_was():
    rows, labels = texts()
    regression = NgramRegression(encoded(rows), labels, classes=2, settings=NBLRSettings())
    network = regression.fit(1.0)
    again = NBLR(NBLRSettings())
    again.load_state_dict(network.state_dict())
    assert np.array_equal(ask(again, rows), ask(network, rows))
    assert np.array_equal(ask(regression.fit(1.0), rows), ask(network, rows)), "the same bits each time"


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        ([[1], [1]], [0, 0], "fewer than two classes"),
        ([[1], [2]], [0, 1], "no n-gram stands in 2 training texts"),
        ([[1], [2**21]], [0, 1], "the vocabulary is too large"),
    ],
)
def test_what_is_refused(rows, labels, message):
    with pytest.raises(LimbeckError, match=message):
        NgramRegression(encoded(rows), np.array(labels), classes=2, settings=NBLRSettings())
