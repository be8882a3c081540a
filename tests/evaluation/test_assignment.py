import numpy as np
import pytest

from limbeck.evaluation import best_assignment


def drawn(rng, classes, rows, skill, shares=None):
    """Return decisions that are right with probability `skill`, else any class, and labels."""
    labels = rng.choice(classes, size=rows, p=shares)
    return np.where(rng.random(rows) < skill, labels, rng.integers(classes, size=rows)), labels


@pytest.mark.parametrize(("classes", "rows"), [(2, 60), (5, 160), (60, 1200)])
def test_names_that_lie_are_found(classes, rows):
    rng = np.random.default_rng(classes)
    named = np.arange(classes)
    named[: classes // 2 * 2] = named[: classes // 2 * 2].reshape(-1, 2)[:, ::-1].ravel()  # pairs are swapped
    decided, labels = drawn(rng, classes, rows, 0.8)
    found = best_assignment(named[decided], labels, classes)
    assert found.misnamed
    assert found.classes == tuple(named)
    assert found.best == pytest.approx(np.mean(decided == labels))
    assert found.accuracy == pytest.approx(np.mean(named[decided] == labels))


def test_two_of_five_that_are_swapped_are_found_above_chance():
    decided, labels = drawn(np.random.default_rng(0), 5, 200, 0.85)
    found = best_assignment(np.array([0, 1, 3, 2, 4])[decided], labels, 5)
    assert found.misnamed
    assert found.accuracy > 0.45
    assert found.classes == (0, 1, 3, 2, 4)


@pytest.mark.parametrize("classes", [2, 5, 60])
@pytest.mark.parametrize("skewed", [False, True])
def test_a_weak_teacher_is_not_accused(classes, skewed):
    """On few rows another assignment is better by far, on the very rows that it was chosen on."""
    rng = np.random.default_rng(classes)
    shares = rng.dirichlet(np.ones(classes)) if skewed else None
    better = 0
    for draw in range(300):
        skill = (0.0, 0.05, 0.2, 0.6)[draw % 4]
        found = best_assignment(*drawn(rng, classes, (40, 100, 300)[draw % 3], skill, shares), classes)
        better += found.best - found.accuracy >= 0.1
        assert not found.misnamed
    assert better or classes == 2


def test_a_teacher_that_prefers_the_rare_class_is_not_accused():
    labels = np.repeat([0, 1], [760, 40])
    decided = np.where(np.arange(800) < 300, 0, 1)  # right on 39 % of one and all of the other
    found = best_assignment(decided, labels, 2)
    assert found.best - found.accuracy > 0.1
    assert found.p < 1e-3
    assert not found.misnamed


def test_classes_without_a_row_keep_their_names():
    found = best_assignment(np.array([0, 0, 1]), np.array([0, 0, 1]), 6)
    assert (found.classes, found.accuracy, found.p) == (tuple(range(6)), 1.0, 1.0)
