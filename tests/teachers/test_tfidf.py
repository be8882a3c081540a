"""The regression on TF-IDF against scikit-learn's own, and what its n-grams are."""

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from test_nblr import TOKENS, ask, encoded, texts

from limbeck.data import SolvedColumn
from limbeck.errors import LimbeckError
from limbeck.teachers.tfidf_regression import TfidfRegression, TfidfSettings


def solved(rows, labels, *, classes=2, weights=None, cost=lambda network: 0.0, **options):
    network = TfidfRegression(TfidfSettings(**{"strengths": (3.0,), **options}))
    columns = [SolvedColumn("class", np.asarray(labels), classes)]
    said = network.solve(encoded(rows), columns, weights=weights, cost=cost)
    return network.eval(), said


def by_scikit_learn(rows, asked, *, orders=2, min_texts=1, ngram_weight=0.5):
    """Return the matrices of both."""
    vectorizer = TfidfVectorizer(
        analyzer=lambda row: [tuple(row[at : at + n]) for n in range(1, orders + 1) for at in range(len(row) - n + 1)],
        sublinear_tf=True,
        min_df=min_texts,
        norm=None,
    ).fit(rows)
    counts = np.array([1.0 if len(term) == 1 else ngram_weight for term in vectorizer.get_feature_names_out()])
    return tuple(normalize(vectorizer.transform(each).toarray() * counts) for each in (rows, asked))


def fitted(matrix, own, strength, weights=None):
    """Return weights and bias of a column; its intercept is penalised, as liblinear does."""
    design = np.hstack([matrix, np.ones((len(matrix), 1))])
    model = LogisticRegression(C=strength, fit_intercept=False, tol=1e-10, max_iter=10_000)
    return model.fit(design, own, sample_weight=weights).coef_[0]


@pytest.mark.parametrize(("orders", "min_texts", "ngram_weight"), [(1, 1, 0.5), (2, 3, 0.5), (3, 1, 1.0)])
def test_two_classes_equal_scikit_learn(orders, min_texts, ngram_weight):
    rows, labels = texts()
    asked = [*rows[:20], [3, 3, 3, 3, 3, 1], [TOKENS + 5, 2], [TOKENS + 5]]
    settings = {"orders": orders, "min_texts": min_texts, "ngram_weight": ngram_weight}
    network, _ = solved(rows, labels, **settings)
    matrix, other = by_scikit_learn(rows, asked, **settings)
    found = fitted(matrix, labels == 1, 3.0)
    logits = ask(network, asked)
    assert logits.shape == (23, 2)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], other @ found[:-1] + found[-1], atol=2e-2)
    assert np.abs(logits[:, 1]).max() > 0.5


def test_several_classes_are_fitted_one_against_the_others():
    rows, labels = texts(90, classes=3)
    weights = np.array([0.4, 1.0, 3.0, 1.0], np.float32)
    network, _ = solved(rows, labels, classes=4, weights=weights)
    matrix, _ = by_scikit_learn(rows, rows)
    logits = ask(network, rows)
    for own in range(3):
        found = fitted(matrix, labels == own, 3.0, weights[labels])
        np.testing.assert_allclose(logits[:, own], matrix @ found[:-1] + found[-1], atol=2e-2)
    assert (logits[:, 3] == -10).all(), "the class without a row"


def test_the_strength_of_the_least_cost_is_taken():
    rows, labels = texts()
    costs, asked = iter([2.0, 1.0, 3.0]), []

    def cost(network):
        asked.append(ask(network, rows))
        return next(costs)

    network, said = solved(rows, labels, cost=cost, strengths=(1.0, 10.0, 100.0))
    assert said == "strength 10"
    assert np.array_equal(ask(network, rows), asked[1])
    assert not np.array_equal(asked[0], asked[1])


def test_padding_and_company_change_nothing():
    rows, labels = texts()
    network, _ = solved(rows, labels)
    together = ask(network, rows[:8])
    for row, expected in zip(rows[:8], together, strict=True):
        np.testing.assert_allclose(ask(network, [row])[0], expected, atol=1e-6)


def test_a_text_of_nothing_that_is_known_gets_the_bias():
    rows, labels = texts()
    network, _ = solved(rows, labels)
    assert ask(network, [[TOKENS + 5]])[0].tolist() == [0.0, float(network.bias)]


def test_it_is_read_back_as_it_was():
    rows, labels = texts()
    network, _ = solved(rows, labels)
    again = TfidfRegression(network.settings)
    again.load_state_dict(network.state_dict())
    assert np.array_equal(ask(again, rows), ask(network, rows))
    other, _ = solved(rows, labels)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in network.state_dict().items())


def test_what_is_refused():
    with pytest.raises(LimbeckError, match="fewer than two classes"):
        solved([[1], [1]], [0, 0])
    with pytest.raises(LimbeckError, match="no n-gram stands in 2 training texts"):
        solved([[1], [2]], [0, 1], min_texts=2)
