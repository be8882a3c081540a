import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import recall_score

from limbeck.evaluation import against_chance
from limbeck.evaluation.records import Chance


def logits_of(decided, classes):
    return np.eye(classes, dtype=np.float32)[decided]


@pytest.mark.parametrize("classes", [2, 5, 40])
def test_it_is_the_mean_recall_of_the_classes_shown(classes):
    rng = np.random.default_rng(classes)
    labels = rng.integers(classes - 1, size=300)  # the last class is not shown, but decided
    decided = np.where(rng.random(300) < 0.6, labels, rng.integers(classes, size=300))
    found = against_chance(logits_of(decided, classes), labels)
    shown = np.unique(labels)
    recall = recall_score(labels, decided, labels=shown, average="macro")
    assert found.value == pytest.approx(recall)
    assert found.constant == pytest.approx(1 / len(shown))
    assert found.ci95[0] < found.value < found.ci95[1]


def test_of_equal_classes_the_interval_is_close_to_that_of_all_rows():
    labels = np.repeat([0, 1], 100)
    decided = np.where(np.tile(np.arange(100) < 70, 2), labels, 1 - labels)
    low, high = against_chance(logits_of(decided, 2), labels).ci95
    whole = binomtest(140, 200).proportion_ci(method="exact")
    assert (low, high) == pytest.approx((whole.low, whole.high), abs=0.006)


@pytest.mark.parametrize("rare", [1, 2, 50, 1000])
def test_a_constant_prediction_is_at_chance_whatever_its_accuracy(rare):
    labels = np.repeat([0, 1], [1000, rare])
    for constant in (0, 1):
        found = against_chance(logits_of(np.full(len(labels), constant), 2), labels)
        assert found.at_chance
        assert found.value == found.constant == 0.5


@pytest.mark.parametrize("rows", [4, 500])
def test_a_perfect_teacher_is_not_at_chance_even_on_few_rows(rows):
    labels = np.repeat([0, 1, 2], rows)
    assert not against_chance(logits_of(labels, 3), labels).at_chance
    assert against_chance(logits_of(2 - labels, 3), labels).at_chance  # its labels in another order


def test_one_class_shown_cannot_tell():
    assert not against_chance(logits_of(np.array([0, 1, 0]), 2), np.zeros(3, dtype=int)).at_chance


@pytest.mark.parametrize("sizes", [(10, 10), (200, 200), (990, 10), (400, 300, 200, 90, 10)])
def test_answers_that_know_nothing_of_the_label_are_rarely_above_chance(sizes):
    rng = np.random.default_rng(7)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    shares = np.array(sizes) / sum(sizes)
    above = 0
    for _ in range(400):
        decided = rng.choice(len(sizes), size=len(labels), p=shares)  # guesses as often as the classes occur
        above += not against_chance(logits_of(decided, len(sizes)), labels).at_chance
    assert above / 400 < 0.05


def test_what_earlier_versions_wrote_is_read():
    """`balanced_accuracy` is what the value was called while there were only classes."""
    old = {"balanced_accuracy": 0.7, "ci95": [0.6, 0.8], "constant": 0.5, "at_chance": False}
    found = Chance.model_validate(old)
    assert (found.value, found.title) == (0.7, "balanced accuracy")
    assert Chance.model_validate_json(found.model_dump_json()) == found
