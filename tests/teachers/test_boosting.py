"""Boosted trees in PyTorch answer as scikit-learn's do, bit of a threshold by bit."""

import numpy as np
import onnxruntime
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from limbeck.bundle.export import export_onnx
from limbeck.data import SolvedColumn
from limbeck.data.fitted import count_numbers
from limbeck.errors import LimbeckError
from limbeck.runtime.readers.table import TableForm
from limbeck.runtime.rows import Stacked
from limbeck.teachers.forest import Forest, TreesSettings
from limbeck.types import tensors

ONE = TreesSettings(trees=(12,), leaves=(9,), rate=0.1)


def draw(rows, seed=0, *, sizes=(5, 40), numbers=3):
    rng = np.random.default_rng(seed)
    arrays = {"numbers": rng.normal(size=(rows, numbers)).round(2).astype(np.float32)}
    arrays["categories"] = np.stack([rng.integers(size, size=rows) for size in sizes], axis=1)
    return arrays


def label(arrays, classes, seed=0):
    rng = np.random.default_rng(seed)
    told = arrays["categories"][:, 0] % classes, (arrays["categories"][:, 1] * 7) % classes
    return np.where(arrays["numbers"][:, 0] > rng.normal(0, 0.5, len(told[0])), *told)


def of_classes(labels, outputs):
    return [SolvedColumn("class", np.asarray(labels), outputs)]


def grown(arrays, columns, settings=ONE, weights=None):
    network = Forest(settings, columns)
    network.solve(Stacked(arrays), columns, weights=weights, cost=lambda _: 1.0)
    return network.eval()


def asked(network, arrays):
    with torch.no_grad():
        return network(**tensors(arrays)).numpy()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("weights", [None, np.array([0.2, 3.0, 1.0], np.float32)], ids=["plain", "weighted"])
def test_they_answer_as_scikit_learns_do(classes, weights):
    arrays = draw(500)
    # A number of the second column is never in training, and the last one of the first is rare.
    arrays["categories"][:, 1] = np.where(arrays["categories"][:, 1] == 7, 8, arrays["categories"][:, 1])
    labels, other = label(arrays, classes), draw(2000, 1)
    cells, others = (
        np.concatenate([one["numbers"], one["categories"]], axis=1).astype(np.float32) for one in (arrays, other)
    )
    model = HistGradientBoostingClassifier(
        max_iter=12, max_leaf_nodes=9, categorical_features=[3, 4], early_stopping=False, random_state=0
    ).fit(cells, labels, sample_weight=None if weights is None else weights[labels])
    expected = model.predict_proba(others)
    found = np.exp(asked(grown(arrays, of_classes(labels, classes), weights=weights), other))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).min() > 0.2


@pytest.mark.parametrize("classes", [2, 3])
def test_their_size_is_counted_as_that_of_a_floor_of_the_same_trees(classes):
    arrays = draw(400)
    labels = label(arrays, classes)
    cells = np.concatenate([arrays["numbers"], arrays["categories"]], axis=1).astype(np.float32)
    settings = {"max_iter": 12, "max_leaf_nodes": 9, "learning_rate": 0.1, "early_stopping": False}
    model = HistGradientBoostingClassifier(**settings, categorical_features=[3, 4], random_state=0).fit(cells, labels)
    (trees,) = grown(arrays, of_classes(labels, classes)).trees
    assert trees.fitted == count_numbers(model)
    assert trees.fitted > 5 * 12 * (1 if classes == 2 else classes), "a tree has several nodes, of five numbers each"
    assert trees.lefts.shape[0] > 1, "categories are among them"


def test_a_number_on_a_threshold_goes_left_as_it_went():
    numbers = np.nextafter(np.float32(1), np.float32(2)) * np.ones((40, 1), np.float32)
    numbers[::2] = 1
    labels = (numbers[:, 0] > 1).astype(int)
    network = grown({"numbers": numbers}, of_classes(labels, 2), TreesSettings(trees=(30,), leaves=(2,)))
    assert (asked(network, {"numbers": numbers}).argmax(1) == labels).all()


def test_the_size_that_costs_least_is_taken():
    arrays = draw(200)
    columns = of_classes(label(arrays, 2), 2)
    network = Forest(TreesSettings(trees=(2, 5), leaves=(3, 4)), columns)
    costs = iter([3.0, 0.0, 2.0, 4.0])
    said = network.solve(Stacked(arrays), columns, weights=None, cost=lambda _: next(costs))
    assert said == "a forest of 5 trees of 3 leaves"
    assert len(network.trees[0].roots) == 5
    alone = grown(arrays, columns, TreesSettings(trees=(5,), leaves=(3,)))
    np.testing.assert_array_equal(asked(network.eval(), arrays), asked(alone, arrays))


def test_a_class_without_a_row_is_never_the_decision():
    arrays = draw(300)
    found = asked(grown(arrays, of_classes(2 * label(arrays, 2), 4)), arrays)
    assert found.shape == (300, 4)
    assert np.isfinite(found).all()
    assert set(found.argmax(1)) == {0, 2}


def test_each_column_of_values_has_trees_of_its_own():
    arrays, other = draw(500), draw(800, 1)
    values = [arrays["numbers"][:, 0] * 3 + arrays["categories"][:, 0], arrays["numbers"][:, 1] ** 2]
    found = asked(grown(arrays, [SolvedColumn("value", column) for column in values]), other)
    cells, others = (np.concatenate([one["numbers"], one["categories"]], axis=1) for one in (arrays, other))
    for place, column in enumerate(values):
        model = HistGradientBoostingRegressor(
            max_iter=12, max_leaf_nodes=9, categorical_features=[3, 4], early_stopping=False, random_state=0
        ).fit(cells.astype(np.float32), column)
        np.testing.assert_allclose(found[:, place], model.predict(others.astype(np.float32)), rtol=1e-4, atol=1e-5)
        assert np.ptp(found[:, place]) > 1


def test_a_flag_is_answered_with_the_log_odds_of_yes():
    arrays, other = draw(400), draw(200, 1)
    flag = label(arrays, 2).astype(bool)
    both = asked(grown(arrays, of_classes(flag.astype(int), 2)), other)
    columns = [SolvedColumn("flag", one) for one in (flag, np.ones(400, bool), np.zeros(400, bool))]
    found = asked(grown(arrays, columns), other)
    np.testing.assert_allclose(found[:, 0], both[:, 1] - both[:, 0], atol=1e-5)
    np.testing.assert_allclose(found[:, 1:], np.log(401) * np.array([[1, -1]] * 200), rtol=1e-6)


def columns_of(kind, arrays):
    values = label(arrays, 3)
    return {
        "class": of_classes(values, 3),
        "flag": [SolvedColumn("flag", values == 1), SolvedColumn("flag", values < 9)],
        "value": [SolvedColumn("value", values * 1.5), SolvedColumn("value", arrays["numbers"][:, 1])],
        "two of classes": [*of_classes(values, 3), *of_classes(values % 2, 2)],
    }[kind]


@pytest.mark.parametrize("kind", ["class", "flag", "value", "two of classes"])
def test_tensors_alone_bring_it_back_and_it_exports(tmp_path, kind):
    arrays = draw(300)
    network = grown(arrays, columns := columns_of(kind, arrays))
    again = Forest(ONE, columns)
    again.load_state_dict(network.state_dict())
    expected = asked(network, arrays)
    assert expected.shape == (300, sum(column.outputs for column in columns))
    np.testing.assert_array_equal(asked(again, arrays), expected)
    form = TableForm.of(3, (5, 40))
    export_onnx(network, tmp_path / "trees.onnx", tensors(form.example), form.axes)
    session = onnxruntime.InferenceSession(tmp_path / "trees.onnx")
    for rows in (1, 7, 300):
        some = {name: value[:rows] for name, value in arrays.items()}
        np.testing.assert_allclose(session.run(None, some)[0], expected[:rows], atol=1e-5)


def test_rows_of_one_class_are_refused():
    with pytest.raises(LimbeckError, match="fewer than two classes"):
        grown(draw(50), of_classes(np.ones(50, int), 2))


@pytest.mark.parametrize("wide", [250, 300, 5000])
def test_columns_of_more_categories_than_trees_take(wide):
    arrays = draw(3000, sizes=(wide, 3))
    labels = arrays["categories"][:, 0] % 2
    found = asked(grown(arrays, of_classes(labels, 2)), draw(100, 1, sizes=(wide, 3)))
    assert np.isfinite(found).all()


@pytest.mark.parametrize("flipped", [False, True])
def test_a_category_never_seen_goes_where_most_rows_go(flipped):
    """As scikit-learn sends it: to the left as well as to the right."""
    codes = (np.arange(200) % 4 == 0).astype(np.int64)
    labels = codes ^ flipped
    model = HistGradientBoostingClassifier(
        max_iter=12, max_leaf_nodes=9, categorical_features=[0], early_stopping=False, random_state=0
    ).fit(codes[:, None].astype(np.float32), labels)
    found = np.exp(asked(grown({"categories": codes[:, None]}, of_classes(labels, 2)), {"categories": np.array([[7]])}))
    np.testing.assert_allclose(found, model.predict_proba(np.array([[7.0]])), atol=1e-5)
    assert found[0].argmax() == int(flipped)
