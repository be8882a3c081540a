"""An arm takes the best point of its grid, or one that is solved and as good."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import recipe, write_csv

from limbeck.data import load_splits
from limbeck.evaluation.calibration import follow
from limbeck.pipeline.training.learn import chooses
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.tuning import ArmWork, PassedOver, jackknife, tune
from limbeck.recipe import parse_recipe
from limbeck.trainer import History

LINEAR = {"name": "linear", "buckets": 64}
GRID = [{"model": LINEAR}, {"model": {**LINEAR, "orders": 1}}, {"model": {"name": "textcnn", "filters": 8, "dim": 8}}]
SOLVED, OTHER, TRAINED = range(3)


@pytest.mark.parametrize("rows", [7, 20])
def test_of_a_mean_the_error_is_the_one_of_the_textbook(rows):
    values = np.random.default_rng(0).normal(size=rows)
    value, error = jackknife(lambda some: float(values[some].mean()), np.arange(rows))
    assert value == pytest.approx(values.mean())
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(rows))


def test_of_many_rows_groups_of_equal_size_are_left_out():
    values = np.random.default_rng(1).exponential(size=200)
    _, error = jackknife(lambda some: float(np.median(values[some])), np.arange(200))
    left = [np.median([value for row, value in enumerate(values) if row % 20 != group]) for group in range(20)]
    mean = sum(left) / 20
    assert error == pytest.approx((19 / 20 * sum((one - mean) ** 2 for one in left)) ** 0.5)


def test_a_single_row_shows_nothing():
    """Without it nothing is left, of which no score can be had."""
    assert jackknife(lambda some: float(some[0]) + 5, np.arange(1)) == (5.0, np.inf)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv", wrong=12)


@pytest.fixture
def tuned(source, tmp_path, monkeypatch):
    """Return what makes an arm of networks with given answers, and tells what it takes."""
    one = parse_recipe(recipe(source, grid=GRID), "test")
    splits = load_splits(one.data, one.task)
    labels = splits.validation.labels
    task = splits.task.fit(splits.labelled.labels)

    def make(answers, *, teacher="somebody", watched=None):
        networks = iter([*answers])

        def train(work, settings, place, title, *, seed):
            own = next(networks)
            best = chooses(task, own, labels) if watched is None else [-follow(own, watched)[1]]
            view = SimpleNamespace(validation=own, watched=own)
            return SimpleNamespace(history=History(0, best=best), view=view, logits=lambda rows: rows)

        monkeypatch.setattr(ArmWork, "train", train)
        monkeypatch.setattr(ArmWork, "lesson", lambda *_: SimpleNamespace(task=task, watched=watched))
        work = ArmWork("student", "student", one, Material(splits), None, teacher, None)
        return tune(work, one.candidates("student"), tmp_path)

    return make, labels.values, tmp_path / "student.json"


def answers_of(truth, *, right, sure):
    """Return logits of which the first ones are right."""
    guess = np.where(np.arange(len(truth)) < right, truth, 1 - truth)
    return np.where(np.eye(2)[guess] > 0, sure, 0.0).astype(np.float32)


def test_a_solved_one_is_taken_where_a_trained_one_is_better_by_chance(tuned, capsys):
    make, truth, record = tuned
    close = [answers_of(truth, right=right, sure=1.0) for right in (len(truth) - 6, len(truth) - 9, len(truth) - 5)]
    found = make(close)
    assert found.best == SOLVED
    over = found.passed_over
    assert isinstance(over, PassedOver)
    assert over.name == "textcnn"
    assert 0 < over.margin <= 1.96 * over.error
    said = json.loads(record.read_text())
    assert (said["chosen"], said["passed_over"]["name"]) == (SOLVED, "textcnn")
    line = capsys.readouterr().out
    assert "which is solved: model=textcnn" in line
    assert "is best on validation by 0.0" in line
    assert line.rstrip().endswith("which is not shown")


def test_what_is_passed_over_is_within_the_interval_and_not_within_one_error_alone(tuned):
    make, truth, _ = tuned
    ratios = []
    for more in range(1, 12):
        right = len(truth) - 20
        answers = [answers_of(truth, right=each, sure=1.0) for each in (right, right - 5, right + more)]
        found = make(answers)
        if found.passed_over is None:
            break
        ratios.append(found.passed_over.margin / found.passed_over.error)
    assert 1.2 < max(ratios) <= 1.96
    assert found.best == TRAINED


def test_of_those_that_are_solved_the_best_one_is_taken(tuned):
    make, truth, _ = tuned
    close = [answers_of(truth, right=right, sure=1.0) for right in (len(truth) - 9, len(truth) - 6, len(truth) - 5)]
    assert make(close).best == OTHER


def test_a_trained_one_is_taken_where_it_is_better_by_more(tuned):
    make, truth, record = tuned
    far = [answers_of(truth, right=right, sure=1.0) for right in (len(truth) // 2, len(truth) // 2, len(truth) - 1)]
    found = make(far)
    assert (found.best, found.passed_over) == (TRAINED, None)
    assert "passed_over" not in json.loads(record.read_text())


def test_without_a_teacher_the_best_one_is_taken(tuned):
    make, truth, _ = tuned
    close = [answers_of(truth, right=right, sure=1.0) for right in (len(truth) - 6, len(truth) - 9, len(truth) - 5)]
    found = make(close, teacher=None)
    assert (found.best, found.passed_over) == (TRAINED, None)


def test_a_solved_one_that_is_best_passes_nothing_over(tuned):
    make, truth, _ = tuned
    best = [answers_of(truth, right=right, sure=1.0) for right in (len(truth) - 6, len(truth) - 1, len(truth) - 5)]
    found = make(best)
    assert (found.best, found.passed_over) == (OTHER, None)


@pytest.mark.parametrize(("noise", "taken"), [(0.02, SOLVED), (1.0, TRAINED)])
def test_rows_that_are_watched_choose_by_the_teachers_answers(tuned, noise, taken):
    """Two that are as far from the teacher, on rows of their own; and one that is farther everywhere."""
    make, *_ = tuned
    rng = np.random.default_rng(2)
    watched = rng.normal(size=(80, 2)).astype(np.float32)
    near = watched + rng.normal(scale=0.02, size=(80, 2)).astype(np.float32)
    other = watched + rng.normal(scale=noise, size=(80, 2)).astype(np.float32)
    worst = np.zeros_like(watched)
    # The trained one has to be the best of all, by whatever little.
    solved, trained = sorted((other, near), key=lambda one: -follow(one, watched)[1])
    assert make([solved, worst, trained], watched=watched).best == taken
