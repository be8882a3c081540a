"""Choices on folds of the labelled rows: solved teachers, the baseline's temperature, the floors."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import recipe, write_csv

from limbeck.data import NO_ROWS, Splits
from limbeck.data.crossed import crossed_outputs
from limbeck.evaluation import calibrated_nll, follow
from limbeck.modalities import MODALITIES
from limbeck.pipeline.judging.floor import distil_floor, fit_floor
from limbeck.pipeline.order import material_of
from limbeck.pipeline.training.learn import train_network
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.pipeline.training.work import RunWork
from limbeck.recipe import parse_recipe
from limbeck.tasks.classification.linear import C_GRID, regressions
from limbeck.teachers.head import fit_head
from limbeck.teachers.regression import NBLRSettings, NgramRegression
from limbeck.trainer import predict_logits
from made_rows import splits_of

FOLDS = 3


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv")


def settings_of(source, **changes):
    values = recipe(source, **{"seeds": [0], **changes})
    return parse_recipe(values, "test")


def test_every_row_is_answered_for_without_itself():
    folds = np.array([2, 0, 1, 1, 0, 2, 0])
    asked = []

    def answer(kept, rows):
        asked.append((kept.tolist(), rows.tolist()))
        return [np.stack([rows, -rows], axis=1).astype(np.float32), rows[:, None].astype(np.float32)]

    two, one = crossed_outputs(folds, answer)
    np.testing.assert_array_equal(two, [[row, -row] for row in range(7)])
    np.testing.assert_array_equal(one[:, 0], np.arange(7))
    assert [rows for _, rows in asked] == [[1, 4, 6], [2, 3], [0, 5]]
    assert all(sorted(kept + rows) == list(range(7)) for kept, rows in asked)


# --- teachers -------------------------------------------------------------------------------------------------------


def test_a_head_takes_the_strength_that_is_best_on_folds(source):
    splits = splits_of(settings_of(source))
    task, labelled = splits.task.fit(splits.labelled.labels), splits.labelled
    labels = labelled.labels.values
    noise = np.random.default_rng(0).normal(size=(len(labels), 30)).astype(np.float32)
    features = (noise + 0.5 * labels[:, None]).astype(np.float32)
    folds = splits.parted(FOLDS)
    flattering = np.tile(features.mean(axis=0), (len(splits.validation), 1))
    head, said = fit_head(features, labelled, flattering, splits.validation, task, folds)
    own = head.standardised(torch.from_numpy(features.astype(np.float32))).numpy()
    costs = []
    for place, C in enumerate(C_GRID):
        outputs = np.empty((len(labels), 2), np.float32)
        for number in range(FOLDS):
            kept = folds != number
            outputs[~kept] = regressions(own[kept], labels[kept], 2, None)[place].model.outputs(own[~kept])
        costs.append((task.cost(outputs, labelled.labels), C))
    assert said == f"C {min(costs)[1]:g}"
    assert fit_head(features, labelled, flattering, splits.validation, task)[1] != said, "or it shows nothing"


NBLR = {"kind": "nblr", "regression": {"min_texts": 1, "strengths": [0.001, 0.01, 1, 100]}, "accept_bad": True}


def test_ngrams_take_the_strength_that_is_best_on_folds(source, tmp_path, capsys):
    settings = settings_of(source, teacher={**NBLR, "folds": FOLDS})
    material = material_of(settings)
    splits, options = material.splits, NBLRSettings.model_validate(NBLR["regression"])
    labels, folds, rows = splits.labelled.labels.values, splits.folds(FOLDS), material.view(settings.teacher).labelled
    costs = []
    for strength in options.strengths:
        outputs = np.empty((len(labels), 2), np.float32)
        for number in range(FOLDS):
            kept, held_out = np.flatnonzero(folds != number), np.flatnonzero(folds == number)
            fitted = NgramRegression(rows.take(kept), labels[kept], classes=2, settings=options).fit(strength)
            outputs[held_out] = predict_logits(fitted, rows.take(held_out)).numpy()
        costs.append((calibrated_nll(outputs, labels), strength))
    train_teacher(settings, material, tmp_path)
    said = capsys.readouterr().out
    assert f"  teacher: strength {min(costs)[1]:g} is best on 40 labelled rows in 3 folds\n" in said
    alone = settings_of(source, teacher=NBLR)
    train_teacher(alone, material_of(alone), tmp_path / "alone")
    assert "is best on validation" in capsys.readouterr().out


def test_folds_that_leave_one_class_choose_nothing(source):
    settings = settings_of(source, teacher={**NBLR, "folds": FOLDS})
    material = material_of(settings)
    assert RunWork(settings, material).folds is not None
    labelled = material.splits.labelled
    odd = np.flatnonzero(labelled.labels.values == 1)[:1]
    few = labelled.take([*odd, *np.flatnonzero(labelled.labels.values == 0)[:5]])
    assert replace(material.splits, labelled=few).parted(FOLDS) is None
    assert material.splits.parted(None) is None
    assert replace(material.splits, labelled=labelled.take([0])).parted(FOLDS) is None


# --- the baseline's temperature -------------------------------------------------------------------------------------


def test_a_solved_network_ships_at_the_temperature_of_its_settings(source, tmp_path):
    settings = settings_of(source, student={"model": {"name": "linear", "buckets": 64}})
    material = material_of(settings)
    made = {}
    for temperature in (1.0, 2.5):
        model = settings.student.model.model_copy(update={"strengths": (3.0,), "temperature": temperature})
        student = settings.student.model_copy(update={"model": model})
        lesson = material.from_labels(student)
        found = train_network(student, material, lesson, seed=0, folder=tmp_path / str(temperature), title="it")
        made[temperature] = found.logits(found.view.validation)
    np.testing.assert_allclose(made[1.0] / 2.5, made[2.5], atol=1e-5)


# --- floors ---------------------------------------------------------------------------------------------------------


def test_the_floor_is_chosen_by_folds(source):
    splits = splits_of(settings_of(source))
    task, labelled = splits.task.fit(splits.labelled.labels), splits.labelled
    folds, costs = splits.folds(FOLDS), []
    for features in MODALITIES["text"].features():
        matrix = features.fit(labelled.values)
        for place, C in enumerate(C_GRID):
            outputs = np.empty((len(labelled), 2), np.float32)
            for number in range(FOLDS):
                kept = np.flatnonzero(folds != number)
                fitted = task.linear(matrix[kept], labelled.labels.take(kept))[place]
                outputs[folds == number] = fitted.model.outputs(matrix[folds == number])
            costs.append((task.cost(outputs, labelled.labels), {"C": C, **features.settings}))
    best = min(costs, key=lambda one: one[0])[1]
    found = fit_floor(splits, FOLDS)
    assert {key: found.settings[key] for key in best} == best
    wrong = replace(splits.validation, labels=replace(splits.validation.labels, values=1 - numbers(splits.validation)))
    misled = replace(splits, validation=wrong)
    assert fit_floor(misled, FOLDS).settings == found.settings
    assert fit_floor(misled).settings != fit_floor(splits).settings, "or it shows nothing"


def numbers(rows):
    return rows.labels.values


def test_the_distilled_floor_is_chosen_by_what_is_watched(source):
    splits: Splits = splits_of(settings_of(source)).watching(50)
    assert splits.watched is not NO_ROWS
    random = np.random.default_rng(0)
    answers, watched = (
        random.normal(size=(len(part), 2)).astype(np.float32) for part in (splits.transfer, splits.watched)
    )
    found = distil_floor(splits, answers, watched)
    task, costs = splits.task.fit(splits.labelled.labels), []
    for features in MODALITIES["text"].features():
        for one in task.distilled(features.fit(splits.original.values), answers):
            outputs = one.model.outputs(features.matrix(splits.watched.values))
            costs.append((follow(outputs, watched)[1], {**one.settings, **features.settings}))
    assert found.settings == min(costs, key=lambda one: one[0])[1]
    assert found.settings != distil_floor(splits, answers).settings, "or it shows nothing"
