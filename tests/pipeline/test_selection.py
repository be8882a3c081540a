"""Where validation is small: the baseline chooses by cross-validation, a student by its distance from the teacher."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import recipe, write_csv

from limbeck.console import say
from limbeck.errors import LimbeckError
from limbeck.evaluation import calibrated_nll, fit_temperature, follow
from limbeck.evaluation.records import SelectionRecord
from limbeck.models.linear import LinearSettings
from limbeck.pipeline.order import material_of, require_usable, run
from limbeck.pipeline.training import tuning
from limbeck.pipeline.training.crossed import cross_solved, parts_of
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.slope import slope_of
from limbeck.recipe import parse_recipe
from limbeck.report.words import prose, uses
from limbeck.settings.yaml import read_yaml
from limbeck.trainer import predict_logits
from limbeck.types import Outputs
from made_rows import splits_of

pytestmark = pytest.mark.usefixtures("quick_exports")

GRID = [{"model": {"name": "linear", "buckets": 64}}, {"model": {"name": "textcnn", "filters": 8, "dim": 8}}]
SELECTION = {"folds": 3, "unlabelled": 50}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv")


def chosen(source, **changes):
    values = recipe(source, **{"grid": GRID, "selection": SELECTION, "seeds": [0], **changes})
    values["teacher"]["accept_bad"] = True
    return parse_recipe(values, "test")


# --- how near a student is ------------------------------------------------------------------------------------------


def test_following_is_the_cross_entropy_under_the_teacher():
    random = np.random.default_rng(0)
    noise, answers = random.normal(size=(2, 40, 5))
    own = 2 * answers + noise
    temperature, distance = follow(own, answers)
    p = torch.from_numpy(answers).softmax(1)

    def reference(t):
        return float(-(p * (torch.from_numpy(own) / t).log_softmax(1)).sum(1).mean())

    assert distance == pytest.approx(reference(temperature), rel=1e-9)
    grid = np.exp(np.linspace(np.log(0.05), np.log(20), 400))
    assert distance <= min(map(reference, grid)) + 1e-6


def test_nobody_is_nearer_than_the_teacher_and_scale_is_no_matter():
    answers = np.random.default_rng(1).normal(size=(30, 3))
    temperature, distance = follow(3 * answers, answers)
    p = torch.from_numpy(answers).softmax(1)
    assert temperature == pytest.approx(3, rel=1e-2)
    assert distance == pytest.approx(float(-(p * p.log()).sum(1).mean()), abs=1e-5)
    assert follow(answers[::-1], answers)[1] > distance


# --- which rows choose ----------------------------------------------------------------------------------------------


def test_rows_that_are_watched_are_no_longer_learned_from(source):
    whole = splits_of(chosen(source))
    splits = whole.watching(50)
    assert len(splits.watched) == 50
    assert {*splits.unlabelled.ids.tolist(), *splits.watched.ids.tolist()} == {*whole.unlabelled.ids.tolist()}
    assert not {*splits.transfer.ids.tolist()} & {*splits.watched.ids.tolist()}
    assert splits.digest != whole.digest
    assert np.flatnonzero(np.isin(whole.unlabelled.ids, splits.watched.ids))[-1] > len(whole.unlabelled) * 0.9


def test_rows_that_cannot_be_watched_are_refused(source):
    splits = splits_of(chosen(source))
    with pytest.raises(
        LimbeckError, match=r"^selection\.unlabelled=500: held out of 130 unlabelled rows, none is left"
    ):
        splits.watching(500)
    copied = replace(splits, augmented=splits.unlabelled)
    with pytest.raises(LimbeckError, match="rows that are held out have copies among the others"):
        copied.watching(20)


@pytest.fixture(scope="module")
def finished(source, tmp_path_factory):
    """Return the run's folder, its lines, and the networks of the arms by title."""
    trained, lines, train = {}, [], tuning.train_network

    def noted(settings, material, lesson, *, title, **more):
        trained[title] = train(settings, material, lesson, title=title, **more), lesson, material
        return trained[title][0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "train_network", noted)
        patch.setattr(tuning, "say", lambda line, **more: (lines.append(line), say(line, **more)))
        done = run(chosen(source), tmp_path_factory.mktemp("run") / "out")
    return done, lines, trained


def decision(done, arm):
    return json.loads((done.folder / "tuning" / f"{arm}.json").read_text(encoding="utf-8"))


def test_the_student_nearest_to_the_teacher_is_taken(finished):
    done, lines, trained = finished
    found = decision(done, "student")["candidates"]
    for name, one in zip(("linear", "textcnn"), found, strict=True):
        network, lesson, material = trained[f"student, model={name}"]
        assert len(material.splits.watched) == len(lesson.watched) == 50
        assert not {*lesson.examples.ids.tolist()} & {*material.splits.watched.ids.tolist()}
        outputs = network.logits(network.view.watched)
        assert one["best"] == pytest.approx([-follow(outputs, lesson.watched)[1]], abs=1e-4)
    best = max(found, key=lambda one: one["best"])["values"]["model"]
    assert f"  student: model={best} is nearest to the teacher on 50 unlabelled rows that are held out" in lines


def test_what_is_watched_is_what_the_teacher_answers(finished):
    _, _, trained = finished
    _, lesson, material = trained["student, model=linear"]
    ids = torch.from_numpy(material.splits.watched.ids)
    batch = next(iter(lesson.batches(chosen_settings(material), 0).group(0)))
    answers = lesson.teacher.predict(replace(batch, ids=ids)).logits.numpy()
    np.testing.assert_array_equal(lesson.watched, answers)


def chosen_settings(material):
    return parse_recipe(recipe("x"), "test").student.train


def test_a_student_that_is_solved_ships_at_the_teachers_temperature(finished):
    network, lesson, _ = finished[2]["student, model=linear"]
    assert follow(network.logits(network.view.watched), lesson.watched)[0] == pytest.approx(1, rel=1e-2)


def values_of(done):
    return read_yaml((done.folder / "recipe.yaml").read_text(encoding="utf-8"))


def test_the_baseline_is_the_best_on_rows_that_its_networks_have_not_seen(finished):
    done, lines, trained = finished
    solved, found = decision(done, "baseline")["candidates"]
    splits = splits_of(parse_recipe(values_of(done), "test"))
    outputs = np.empty((40, 2), np.float32)
    for number in range(3):
        network, lesson, material = trained[f"baseline, model=textcnn, without fold {number + 1} of 3"]
        held_out = splits.folds(3) == number
        assert {*material.splits.validation.ids.tolist()} == {*splits.labelled.ids[held_out].tolist()}
        assert not {*lesson.examples.ids.tolist()} & {*material.splits.validation.ids.tolist()}
        assert network.history.best_step == 24, "the last one: validation has not chosen it"
        outputs[held_out] = network.logits(network.view.validation)
    assert found["best"] == pytest.approx([-calibrated_nll(outputs, splits.labelled.labels.values)], abs=1e-4)
    assert len(trained["baseline, model=textcnn"][1].examples) == 40
    best = max((solved, found), key=lambda one: one["best"])["values"]["model"]
    assert f"  baseline: model={best} is best on 40 labelled rows in 3 folds" in lines


def test_a_penalty_is_chosen_over_all_folds_at_one_temperature(source):
    """One strength and temperature a fold, chosen by its own rows, would flatter a solved point."""
    settings = chosen(source)
    material = material_of(settings)
    ((_, linear), _) = settings.candidates("baseline")
    scores, found = cross_solved(3, material, linear, lambda part: part.from_labels(linear))
    labels, folds = material.splits.labelled.labels.values, material.splits.folds(3)
    costs, temperatures = {}, {}
    for strength in LinearSettings().strengths:
        one = linear.model_copy(update={"model": linear.model.taking({"strength": strength})})
        outputs = np.empty((40, 2), np.float32)
        for number in range(3):
            part = material.fold(number, 3)
            network, lesson = part.build(one, seed=0), part.from_labels(one)
            network.solve(lesson.rows, slope_of(lesson), cost=lambda _: 0.0)
            outputs[folds == number] = predict_logits(network, part.view(one).validation).numpy()
        costs[strength] = calibrated_nll(outputs, labels)
        temperatures[strength] = fit_temperature(outputs, labels)
    # Strengths are compared near their solutions.
    assert scores == pytest.approx([-min(costs.values())], abs=5e-3)
    assert costs[found["strength"]] == pytest.approx(min(costs.values()), abs=3e-3)
    assert found["temperature"] == pytest.approx(temperatures[found["strength"]], rel=3e-2)


def test_with_all_rows_the_strength_is_that_of_the_folds(finished, source):
    network = finished[2]["baseline, model=linear"][0]
    ((_, linear), _) = chosen(source).candidates("baseline")
    _, found = cross_solved(3, material_of(chosen(source)), linear, lambda part: part.from_labels(linear))
    assert network.history.chosen == {"strength": found["strength"]}
    assert network.model.settings.temperature == found["temperature"]


def test_what_was_chosen_where_is_told(finished):
    done, _, _ = finished
    found = done.evaluation
    assert found.selection == SelectionRecord(baseline_folds=3, watched=50)
    assert (
        "was made on the validation split; of the baseline and TF-IDF + LR on the 40 labelled rows, in 3 folds; of "
        "arms with a teacher by its answers for 50 unlabelled rows that they did not learn from. "
    ) in uses.about_test(found)
    assert prose.data_facts(found)[1][2].endswith("by 50 of them students are chosen, and none learns from these")
    assert "Chosen before the test" in (done.folder / "report.html").read_text(encoding="utf-8")


def test_hard_labels_go_by_decisions(source):
    settings = chosen(source, arms=["student", "hard_labels"])
    material = material_of(settings).watching(50)
    answers = np.random.default_rng(0).normal(size=(len(material.whole.splits.transfer), 2)).astype(np.float32)
    teacher = Answering(material.whole.splits.transfer.ids, answers)
    _, linear = settings.candidates("student")[0]
    lessons = [material.from_teacher(linear, settings, teacher, ["a"], arm=arm) for arm in ("student", "hard_labels")]
    soft, hard = (torch.from_numpy(lesson.watched).softmax(1).numpy() for lesson in lessons)
    np.testing.assert_array_equal(hard.argmax(1), soft.argmax(1))
    np.testing.assert_allclose(hard.max(1), 1)


class Answering:
    """A teacher with answers by id."""

    def __init__(self, ids, logits):
        self._rows, self._logits = {one: row for row, one in enumerate(ids.tolist())}, torch.from_numpy(logits)

    def predict(self, batch):
        return Outputs(self._logits[[self._rows[one] for one in batch.ids.tolist()]])


@pytest.mark.parametrize(
    ("data", "selection", "said"),
    [
        ({}, {"unlabelled": 500}, r"^selection\.unlabelled=500: held out of 130 unlabelled rows, none is left"),
        (
            {"labelled": 3},
            {"folds": 3},
            r"^selection\.folds: without fold \d of 3, 2 labelled rows are left, and no two",
        ),
        ({"augment": {"copies": 1}}, {"unlabelled": 50}, "rows that are held out have copies among the others"),
    ],
)
def test_rows_that_cannot_be_held_out_are_refused_before_the_training(source, data, selection, said):
    values = recipe(source, selection=selection)
    values["data"] |= data | {"labelled_per_batch": 2}
    wanted = parse_recipe(values, "test")
    with pytest.raises(LimbeckError, match=said):
        require_usable(wanted, material_of(wanted))


def test_there_are_no_more_folds_than_rows(source):
    wanted = chosen(source)
    splits = splits_of(wanted)
    few = [row for row in range(40) if splits.labelled.labels.values[row] == 0][:2]
    few += [row for row in range(40) if splits.labelled.labels.values[row] == 1][:2]
    material = Material(replace(splits, labelled=splits.labelled.take(sorted(few))))
    assert [len(part.splits.validation) for part in parts_of(material, 10)] == [1, 1, 1, 1]


def test_no_other_arm_has_folds_and_one_trained_network_needs_none(finished, source, tmp_path, monkeypatch):
    assert not [title for title in finished[2] if "fold" in title and not title.startswith("baseline")]
    monkeypatch.setattr(tuning, "cross", None)
    one = chosen(source, grid={})
    work = tuning.ArmWork("baseline", "baseline", one, material_of(one), None, None, None)
    assert tuning.tune(work, one.candidates("baseline"), tmp_path).best == 0


def test_one_network_that_is_solved_takes_its_strength_from_folds(source, tmp_path):
    one = chosen(source, grid={}, student={"model": "linear"})
    work = tuning.ArmWork("baseline", "baseline", one, material_of(one), None, None, None)
    found = tuning.tune(work, one.candidates("baseline"), tmp_path)
    ((_, settings),) = found.candidates
    assert len(LinearSettings().strengths) > len(settings.model.strengths) == 1


def test_outputs_that_are_no_distribution_cannot_follow(source):
    values = recipe(source, selection={"unlabelled": 50}, task="regression", losses=[{"name": "regression_kd"}])
    with pytest.raises(
        LimbeckError, match=r"selection.*one of several classes, and the task is regression; leave it out"
    ):
        parse_recipe(values, "test")


def test_a_second_run_takes_what_stands(finished, capsys):
    done, _, _ = finished
    capsys.readouterr()
    run(parse_recipe(values_of(done), "test"), done.folder)
    assert "unchanged, reused" in capsys.readouterr().out
