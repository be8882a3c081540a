"""Results by group: which rows, which classes, and what is said of a gain."""

import numpy as np
import pytest

from limbeck.evaluation import difference
from limbeck.evaluation.classification import ACCURACY, F1_MACRO
from limbeck.evaluation.groups import LEAST, SHOWN, results_by_group
from limbeck.evaluation.metric import sheet_of


def sheets(labels, *rights):
    """A model's answers, of two classes, by seed: right where a list says so."""
    labels = np.asarray(labels)
    found = []
    for right in rights:
        decided = np.where(np.asarray(right, bool), labels, 1 - labels)
        found.append(sheet_of(np.eye(2, dtype=np.float32)[decided], labels))
    return found


def units(rows):
    return np.arange(rows)


def test_each_group_has_its_own_rows_and_the_rest_is_one():
    values = [f"v{place:02}" for place in range(SHOWN + 2) for _ in range(place + 1)] + [None] * 30
    labels = np.arange(len(values)) % 2
    right = [value in ("v01", "v13") for value in values]
    found = results_by_group("who", values, {"teacher": sheets(labels, right)}, units(len(values)), ACCURACY)
    assert found.column == "who"
    assert [one.rows for one in found.groups] == [30, *range(14, 3, -1), 6]
    assert [one.name for one in found.groups] == [None, *(f"v{place:02}" for place in range(13, 2, -1)), None]
    assert [one.values for one in found.groups] == [0, *[1] * 11, 3]
    assert [one.scores["teacher"] for one in found.groups] == [0, 1, *[0] * 10, pytest.approx(2 / 6)]
    assert all(one.gain is None for one in found.groups), "there is no baseline"


def test_the_gain_of_a_group_is_that_of_its_rows():
    draw = np.random.default_rng(0)
    labels, values = draw.integers(0, 2, 90), ["ada", "bob", "cyd"] * 30
    ada = np.arange(0, 90, 3)
    student, baseline = draw.random((2, 90)) < 0.9, draw.random((3, 90)) < 0.6
    models = {"student": sheets(labels, *student), "baseline": sheets(labels, *baseline)}
    found = results_by_group("who", values, models, units(90), ACCURACY).groups
    parts = [np.stack([ACCURACY.parts(sheet)[ada] for sheet in models[name]]) for name in ("student", "baseline")]
    assert found[0].gain == difference(*parts, ACCURACY)
    assert found[0].gain.mean == pytest.approx(student[:, ada].mean() - baseline[:, ada].mean())
    assert found[0].scores == {"student": student[:, ada].mean(), "baseline": pytest.approx(baseline[:, ada].mean())}
    assert found[1].gain.mean != found[0].gain.mean


def test_few_rows_and_rows_that_look_alike_have_no_interval():
    labels, values = np.arange(2 * LEAST) % 2, ["ada"] * LEAST + ["bob"] * LEAST
    models = {"student": sheets(labels, labels == 1), "baseline": sheets(labels, labels == 0)}
    alike = np.array([*range(LEAST), *[LEAST] * 2, *range(LEAST + 1, 2 * LEAST - 1)])
    ada, bob = results_by_group("who", values, models, alike, ACCURACY).groups
    assert ada.gain is not None
    assert bob.gain is None, "two of its rows are one"
    assert bob.scores["student"] == 0.5


def test_a_metric_of_classes_is_over_those_of_the_group():
    labels = np.array([0] * 12 + [1] * 12)
    models = {"student": sheets(labels, [True] * 24)}
    found = results_by_group("who", ["ada"] * 12 + ["bob"] * 12, models, units(24), F1_MACRO)
    assert [one.scores["student"] for one in found.groups] == [1.0, 1.0]
