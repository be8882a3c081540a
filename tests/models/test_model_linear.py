"""The linear student: its features against plain Python, its solution against scikit-learn, in float64."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from model_cases import FORM, VOCABULARY
from sklearn.linear_model import LogisticRegression

from limbeck.data.least import least
from limbeck.models import build_model
from limbeck.models.linear import LinearSettings
from limbeck.models.ngrams import hash_ngrams
from limbeck.runtime.rows import Ragged
from limbeck.types import tensors

WORDS, BUCKETS, CLASSES = VOCABULARY.size, 64, 3


def texts(count=80, seed=0):
    """Texts of which some are of one word, and some say a word again and again."""
    rng = np.random.default_rng(seed)
    every = [rng.integers(2, WORDS, size=1 + index % 9).tolist() for index in range(count)]
    every[3], every[4] = [5, 7, 5, 7, 5], [9] * 7 + [8] * 9 + [3] * 20
    return every


def ragged(every):
    tokens = np.asarray(list(itertools.chain(*every)), np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in every])])
    return Ragged(tokens, offsets, VOCABULARY.pad_id, np.zeros(len(every), bool))


def network_of(**options):
    torch.manual_seed(0)
    options = {"buckets": BUCKETS, **options}
    return build_model(LinearSettings(**options), outputs=CLASSES, form=FORM)


def features_of(text, orders):
    """Return the features of a text and their counts: words, and the buckets of its n-grams."""
    found = Counter(text)
    for order in range(2, orders + 1):
        for start in range(len(text) - order + 1):
            ids = torch.tensor([text[start : start + order]])
            bucket, _ = hash_ngrams(ids, torch.ones_like(ids, dtype=torch.bool), order, BUCKETS)[-1]
            found[WORDS + int(bucket[0, 0])] += 1
    return found


def by_hand(every, asked, *, orders=2, min_texts=1):
    """Return TF-IDF as scikit-learn has it (smooth, sublinear counts, of length 1), with loops.

    Counts are rounded down to 1, 2, 4, 8, and n-grams count half.
    """
    known = [features_of(text, orders) for text in every]
    counts = {feature: sum(feature in one for one in known) for feature in set().union(*known)}
    matrix = np.zeros((len(asked), WORDS + BUCKETS))
    for row, text in enumerate(asked):
        for feature, times in features_of(text, orders).items():
            if counts.get(feature, 0) >= min_texts:
                idf = math.log((1 + len(every)) / (1 + counts[feature])) + 1
                seen = 1 + math.log(max(power for power in (1, 2, 4, 8) if power <= times))
                matrix[row, feature] = seen * (idf if feature < WORDS else idf / 2)
        matrix[row] /= np.linalg.norm(matrix[row]) or 1
    return matrix


def cross_entropy(wanted):
    def slope(outputs):
        logs = torch.from_numpy(outputs).log_softmax(1).numpy()
        return -(wanted * logs).sum() / len(wanted), (np.exp(logs) - wanted) / len(wanted)

    return slope


def solved(every, wanted, cost=lambda network: 0.0, **options):
    network = network_of(**{"strengths": (1.0,), **options})
    chosen = network.solve(ragged(every), cross_entropy(wanted), cost=cost)
    return network.eval(), chosen


def outputs(network, asked):
    with torch.no_grad():
        return network(**tensors(ragged(asked).batch(np.arange(len(asked))))).numpy()


@pytest.mark.parametrize(("orders", "min_texts"), [(1, 1), (2, 1), (2, 3), (3, 2)])
def test_it_sees_tf_idf_of_words_and_hashed_ngrams(orders, min_texts):
    every, wanted = texts(), np.eye(CLASSES)[np.arange(80) % CLASSES]
    network, _ = solved(every, wanted, orders=orders, min_texts=min_texts)
    asked = [*every[:12], *texts(9, seed=1), [2, 2, 2]]
    matrix = by_hand(every, asked, orders=orders, min_texts=min_texts)[:, : len(network.weights)]
    expected = matrix @ network.weights.detach().double().numpy() + network.bias.detach().double().numpy()
    np.testing.assert_allclose(outputs(network, asked), expected, atol=1e-5)


def test_a_feature_that_no_training_text_has_counts_nothing():
    every = [[2, 3], [4, 5], [2, 5], [3, 4]]
    network, _ = solved(every, np.eye(CLASSES)[[0, 1, 0, 2]], orders=1)
    np.testing.assert_allclose(outputs(network, [[2, 30], [2]]), outputs(network, [[2], [2]]), atol=1e-6)


@pytest.mark.parametrize("strength", [0.3, 30.0])
def test_of_hard_labels_it_is_the_logistic_regression_of_scikit_learn(strength):
    every, labels = texts(), np.arange(80) % CLASSES
    network, _ = solved(every, np.eye(CLASSES)[labels], strengths=(strength,))
    reference = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000).fit(by_hand(every, every), labels)
    np.testing.assert_allclose(network.weights.detach().numpy().T, reference.coef_, atol=2e-3 * strength**0.5)
    found = torch.from_numpy(outputs(network, every)).softmax(1).numpy()
    np.testing.assert_allclose(found, reference.predict_proba(by_hand(every, every)), atol=1e-3)


def test_of_soft_targets_every_row_counts_once_a_class():
    """A row with the target (0.7, 0.2, 0.1) is as 7, 2 and 1 rows of the three classes."""
    every, rng = texts(40), np.random.default_rng(3)
    tenths = rng.multinomial(10, [0.5, 0.3, 0.2], size=40)
    network, _ = solved(every, tenths / 10, strengths=(10.0,))
    repeated = np.repeat(by_hand(every, every), 10, axis=0)
    labels = np.concatenate([np.repeat(np.arange(3), row) for row in tenths])
    # Of ten times the rows each weighs a tenth beside the penalty.
    reference = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(repeated, labels)
    found = torch.from_numpy(outputs(network, every)).softmax(1).numpy()
    np.testing.assert_allclose(found, reference.predict_proba(by_hand(every, every)), atol=1e-3)


def largest_gradient(matrix, wanted, penalty, found):
    weights = torch.from_numpy(found).requires_grad_()
    logs = (torch.from_numpy(matrix) @ weights[:-1] + weights[-1]).log_softmax(1)
    (-(torch.from_numpy(wanted) * logs).sum() / len(wanted) + penalty / 2 * weights[:-1].square().sum()).backward()
    return weights.grad.abs().max()


@pytest.mark.parametrize("penalty", [0.01, 1e-3])
def test_the_gradient_at_the_solution_is_zero(penalty):
    """Also where a search begins at the solution of a stronger penalty, where the gradient is small already."""
    rng = np.random.default_rng(0)
    matrix, wanted = rng.normal(size=(50, 8)), rng.dirichlet([1, 1, 1], size=50)
    start = least(matrix, cross_entropy(wanted), 3 * penalty, np.zeros((9, 3)))
    found = least(matrix, cross_entropy(wanted), penalty, start)
    assert largest_gradient(matrix, wanted, penalty, start) > 5e-4
    assert largest_gradient(matrix, wanted, penalty, found) < 5e-5


def test_nearly_solved_is_near():
    rng = np.random.default_rng(0)
    matrix, wanted = rng.normal(size=(50, 8)), rng.dirichlet([1, 1, 1], size=50)
    slope, start = cross_entropy(wanted), np.zeros((9, 3))
    found, exact = (least(matrix, slope, 0.01, start, nearly=nearly) for nearly in (True, False))
    costs = [slope(matrix @ each[:-1] + each[-1])[0] + 0.01 / 2 * (each[:-1] ** 2).sum() for each in (found, exact)]
    assert 0 <= costs[0] - costs[1] < 1e-3


def test_the_strength_of_the_least_cost_is_taken():
    every, wanted = texts(), np.eye(CLASSES)[np.arange(80) % CLASSES]
    costs, asked = iter([3.0, 1.0, 2.0]), []

    def cost(network):
        asked.append(network.weights.detach().clone())
        return next(costs)

    network, chosen = solved(every, wanted, cost, strengths=(30.0, 1.0, 3.0))
    assert chosen == {"strength": 3.0}  # from the strongest penalty to the weakest
    # What was near enough to be compared is then solved.
    exact = solved(every, wanted, strengths=(3.0,))[0].weights.detach()
    torch.testing.assert_close(network.weights.detach(), exact, atol=5e-3, rtol=0)
    assert not torch.equal(asked[1], exact)
    torch.testing.assert_close(asked[1], exact, atol=0.1, rtol=0)
    assert [float(one.norm()) for one in asked] == sorted(float(one.norm()) for one in asked)


def test_a_search_ends_after_two_strengths_that_are_worse():
    every, wanted = texts(), np.eye(CLASSES)[np.arange(80) % CLASSES]
    strengths = (1.0, 3.0, 10.0, 30.0)
    for costs, best in (([2.0, 3.0, 1.0, 4.0], 10.0), ([1.0, 2.0, 3.0], 1.0)):
        left = iter(costs)
        assert solved(every, wanted, lambda _, left=left: next(left), strengths=strengths)[1] == {"strength": best}
        assert next(left, None) is None


def test_a_seed_changes_nothing_that_is_solved():
    every, wanted = texts(), np.eye(CLASSES)[np.arange(80) % CLASSES]
    first, second = solved(every, wanted)[0], solved(every, wanted)[0]
    torch.manual_seed(9)
    other = build_model(LinearSettings(buckets=BUCKETS, strengths=(1.0,)), outputs=CLASSES, form=FORM)
    other.solve(ragged(every), cross_entropy(wanted), cost=lambda _: 0.0)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
        assert torch.equal(value, other.state_dict()[name])
