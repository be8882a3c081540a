"""The metrics of several decisions a row: what each column says by itself, together."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss

from limbeck.evaluation import against_chance, balanced, confusion, kl
from limbeck.evaluation.columns import COLUMNS_METRICS, against_constants, columns_beside, columns_sheet, flat

SIZES = [4, 2, 3]


def made(rows: int = 120, seed: int = 0):
    draw = np.random.default_rng(seed)
    labels = np.stack([draw.integers(size, size=rows) for size in SIZES], axis=1)
    hot = np.hstack([np.eye(size)[part] for size, part in zip(SIZES, labels.T, strict=True)])
    return (2 * hot + draw.normal(size=hot.shape)).astype(np.float32), labels


def parts(outputs: np.ndarray) -> list[np.ndarray]:
    return np.split(outputs, np.cumsum(SIZES)[:-1], axis=1)


def test_metrics_are_those_of_the_columns() -> None:
    outputs, labels = made()
    sheet = columns_sheet(outputs, labels, SIZES)
    decided = np.stack([part.argmax(axis=1) for part in parts(outputs)], axis=1)
    assert np.array_equal(sheet["decided"], decided)
    own = [accuracy_score(labels[:, k], decided[:, k]) for k in range(3)]
    assert COLUMNS_METRICS["mean_accuracy"](sheet) == pytest.approx(np.mean(own))
    assert COLUMNS_METRICS["all_right"](sheet) == pytest.approx((labels == decided).all(axis=1).mean())
    softmaxes = [np.exp(part) / np.exp(part).sum(axis=1, keepdims=True) for part in parts(outputs.astype(float))]
    nll = [log_loss(labels[:, k], softmaxes[k], labels=range(SIZES[k])) for k in range(3)]
    assert COLUMNS_METRICS["nll"](sheet) == pytest.approx(np.mean(nll))


def test_padding_is_in_no_number() -> None:
    outputs, labels = made()
    other, _ = made(seed=1)
    one, two = (columns_sheet(each, labels, SIZES) for each in (outputs, other))
    found = columns_beside(one, two)
    expected = sum(kl(a, b) for a, b in zip(parts(outputs), parts(other), strict=True))
    assert found["kl_to_teacher"] == pytest.approx(expected, rel=1e-9)
    assert found["agreement"] == pytest.approx((one["decided"] == two["decided"]).mean())
    assert flat(one)[0].shape == (360, 4)


def test_chance_is_the_mean_of_the_columns() -> None:
    outputs, labels = made()
    sheet = columns_sheet(outputs, labels, SIZES)
    found = against_constants(sheet, SIZES)
    own = [balanced_accuracy_score(labels[:, k], sheet["decided"][:, k]) for k in range(3)]
    assert found.value == pytest.approx(np.mean(own))
    assert found.constant == pytest.approx(np.mean([1 / size for size in SIZES]))
    # As wide as the columns are on average: one row's decisions may err together.
    alone = [against_chance(part, labels[:, k]) for k, part in enumerate(parts(outputs))]
    assert found.ci95[0] == pytest.approx(np.mean([one.ci95[0] for one in alone]), abs=1e-9)


def test_one_decision_a_row_is_as_it_was() -> None:
    outputs, labels = made()
    part = parts(outputs)[0]
    assert balanced([confusion(part, labels[:, 0])]) == against_chance(part, labels[:, 0])
