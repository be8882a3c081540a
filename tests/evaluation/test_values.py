"""The metrics of values against scikit-learn and scipy, and what a constant explains."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from limbeck.errors import LimbeckError
from limbeck.evaluation import compare
from limbeck.evaluation.values import VALUES_METRICS, against_mean, values_sheet

RMSE, MAE, R2, SPEARMAN = (VALUES_METRICS[name] for name in ("rmse", "mae", "r2", "spearman"))


def made(rows: int = 200, columns: int = 1, *, shift: float = 0.0, noise: float = 0.5, seed: int = 0):
    draw = np.random.default_rng(seed)
    labels = shift + draw.normal(size=(rows, columns)) * np.arange(1, columns + 1)
    return labels + noise * draw.normal(size=(rows, columns)) * np.arange(1, columns + 1), labels


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_one_column_in_the_labels_units(shift: float) -> None:
    outputs, labels = made(shift=shift)
    sheet = values_sheet(outputs, labels, np.ones(1))
    assert RMSE(sheet) == pytest.approx(root_mean_squared_error(labels, outputs), rel=1e-6)
    assert MAE(sheet) == pytest.approx(mean_absolute_error(labels, outputs), rel=1e-6)
    assert R2(sheet) == pytest.approx(r2_score(labels, outputs), rel=1e-6)
    assert SPEARMAN(sheet) == pytest.approx(spearmanr(labels, outputs).statistic, rel=1e-9)


def test_several_columns_in_their_own_scales() -> None:
    outputs, labels = made(columns=3)
    scale = labels.std(axis=0)
    sheet = values_sheet(outputs, labels, scale)
    assert RMSE(sheet) == pytest.approx(np.sqrt(np.mean(((outputs - labels) / scale) ** 2)))
    assert MAE(sheet) == pytest.approx(mean_absolute_error(labels / scale, outputs / scale))
    assert R2(sheet) == pytest.approx(r2_score(labels, outputs))
    grams = values_sheet(outputs * [1, 1000, 1], labels * [1, 1000, 1], scale * [1, 1000, 1])
    assert RMSE(grams) == pytest.approx(RMSE(sheet)), "whatever the units"


def test_ranks_with_ties_and_without_any() -> None:
    outputs, labels = np.array([[1.0], [1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [2.0], [4.0]])
    sheet = values_sheet(outputs, labels, np.ones(1))
    assert SPEARMAN(sheet) == pytest.approx(spearmanr(outputs[:, 0], labels[:, 0]).statistic)
    assert SPEARMAN(values_sheet(np.ones((4, 1)), labels, np.ones(1))) == 0.0
    with pytest.raises(TypeError, match="no sum"):
        SPEARMAN.parts(sheet)


def test_a_diverged_model_is_refused() -> None:
    outputs, labels = made(10)
    outputs[3] = np.inf
    with pytest.raises(LimbeckError, match="1 of 10 rows of outputs hold NaN or infinity, the first is row 3"):
        values_sheet(outputs, labels, np.ones(1))


def test_what_a_constant_explains() -> None:
    outputs, labels = made()
    found = against_mean(values_sheet(outputs, labels, np.ones(1)))
    assert found.value == pytest.approx(r2_score(labels, outputs))
    assert found.ci95[0] < found.value < found.ci95[1]
    assert (found.constant, found.at_chance) == (0.0, False)
    mean = against_mean(values_sheet(np.full_like(labels, labels.mean()), labels, np.ones(1)))
    assert mean.at_chance
    assert mean.value == pytest.approx(0)


def test_the_interval_of_what_is_explained_holds_the_truth() -> None:
    """Of 95 % intervals, some 95 % do: outputs that explain 0.8 of the variance."""
    held = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        outputs = draw.normal(size=(150, 1)) * 2
        labels = outputs + draw.normal(size=(150, 1))
        low, high = against_mean(values_sheet(outputs, labels, np.ones(1))).ci95
        held += low <= 0.8 <= high
    assert 180 <= held <= 199


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e9])
def test_the_verdict_does_not_depend_on_the_unit(unit: float) -> None:
    """Values have any size: what is rounded away of shares must not be rounded away of millimetres in parsecs."""
    arms = []
    for noise in (0.5, 0.7):
        sheets = [
            values_sheet(unit * out, unit * true, np.ones(1)) for seed in range(3) for out, true in [made(noise=noise)]
        ]
        nudges = [1 + 0.001 * seed for seed in range(3)]
        arms.append(np.stack([RMSE.parts(sheet) * [nudge, 1] for sheet, nudge in zip(sheets, nudges, strict=True)]))
    gain = compare(*arms, RMSE, _swaps=2_000, _resamples=200)
    plain = compare(*(arm / [unit**2, 1] for arm in arms), RMSE, _swaps=2_000, _resamples=200)
    assert gain.mean / unit == pytest.approx(plain.mean)
    assert gain.mean > 0, "less of it is better"
    assert gain.p_value == pytest.approx(plain.p_value)
    assert gain.p_seeds == pytest.approx(plain.p_seeds, rel=1e-3)
    assert gain.p_seeds < 0.01
