"""Classes that the teacher knows and the transfer set lacks."""

import json
from pathlib import Path

import numpy as np
import pytest

from limbeck.data import load_splits
from limbeck.errors import LimbeckError
from limbeck.networks import NetworkSettings
from limbeck.pipeline.training.material import Material
from limbeck.recipe import DataSettings, Recipe, parse_recipe
from limbeck.settings.errors import RecipeError
from limbeck.tasks import ClassificationSettings
from made_rows import classified, numbers_of

NETWORK = {"model": {"name": "convnet", "width": 2}, "train": {"steps": 2, "batch_size": 16}}


def write(path: Path) -> Path:
    """Write 90 rows of three classes in turn; the last 30 of 120 have no label."""
    lines = [{"text": f"row {row}", "label": "abc"[row % 3] if row < 90 else None} for row in range(120)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def load(folder: Path, **data):
    split = {"test": 15, "validation": 15}
    return classified(DataSettings(source=str(write(folder / "rows.jsonl")), split=split, labelled=30, **data))


def digits(augment: dict | None = None, **data) -> Recipe:
    copies = {} if augment is None else {"augment": augment}
    given = {"source": "digits", "image": "image", "split": {"test": 100, "validation": 50}, "labelled": 60}
    return parse_recipe(
        {
            "data": {**given, "max_unlabelled": 30, **copies, **data},
            "teacher": {"kind": "network", **NETWORK},
            "student": NETWORK,
            "losses": [{"name": "kd"}],
        },
        "a test",
    )


def test_the_prior_counts_no_label_that_is_held_out_or_hidden(tmp_path):
    """Once it counted the whole column, the test's labels among them."""
    rows = [{"text": f"row {row}", "label": "aabc"[row % 4]} for row in range(120)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    split = {"test": 40, "validation": 20, "stratify": False}
    settings = DataSettings(source=str(tmp_path / "rows.jsonl"), split=split, labelled=20, omitted_classes=["b"])
    found = load_splits(settings, ClassificationSettings(correct_prior=True))
    counts = np.bincount([*numbers_of(found.labelled), *numbers_of(found.omitted)], minlength=3)
    assert counts.sum() == 20
    assert found.task.prior == pytest.approx(counts / 20)
    assert found.task.prior != pytest.approx((0.5, 0.25, 0.25), abs=1e-6)


def test_the_teachers_classes_weigh_as_if_nothing_were_omitted():
    few = {"labelled": 60, "class_weights": "balanced", "split": {"test": 100, "validation": 50, "stratify": False}}
    weights = []
    for omitted in ([], [3]):
        recipe = digits(**few, omitted_classes=omitted)
        material = Material(load_splits(recipe.data, recipe.task))
        weights.append(material.from_labels(recipe.teacher, "teachers").task.weights)
    np.testing.assert_array_equal(weights[0], weights[1])
    assert len(set(weights[0].tolist())) > 2


@pytest.mark.parametrize("omitted", [["a", "b", "c"], ["b", "c"]])
def test_two_classes_are_left(tmp_path, omitted):
    with pytest.raises(LimbeckError, match=r"all classes but [01], and a student needs two") as refused:
        load(tmp_path, omitted_classes=omitted)
    assert refused.value.where == "data.omitted_classes"


def test_the_transfer_set_has_no_such_row_and_the_teacher_has(tmp_path):
    every, some = load(tmp_path), load(tmp_path, omitted_classes=["c"])
    assert set(numbers_of(some.labelled)) == {0, 1}
    assert set(numbers_of(some.omitted)) == {2}
    assert sorted(some.teachers.ids) == sorted(every.labelled.ids), "the teacher learns what it would have learned"
    assert set(some.taught.ids) == set(some.labelled.ids)
    # Rows whose label is hidden go too; those that have none, of any class, stay.
    numbers = {int(value.split()[1]) for value in some.transfer.values}
    assert not [row for row in numbers if row < 90 and row % 3 == 2]
    assert {row for row in numbers if row >= 90} == set(range(90, 120))
    for part in ("validation", "test"):
        assert getattr(some, part).ids.tolist() == getattr(every, part).ids.tolist()
        assert 2 in numbers_of(getattr(some, part))
    hidden = len(every.unlabelled) - len(some.unlabelled)
    assert some.dropped == {**every.dropped, "unlabelled, of an omitted class": hidden}
    assert hidden > 0
    assert "10 labelled rows are of omitted classes: they are the teacher's, and no student's" in some.notes
    assert not [line for line in some.notes if "no labelled row" in line]


def test_numbers_and_one_class_are_names_too(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": f"row {row}", "label": row % 3}) + "\n" for row in range(90)))
    for given in (2, [2], "2", ["2"]):
        split = {"test": 15, "validation": 15}
        found = classified(DataSettings(source=str(path), split=split, labelled=30, omitted_classes=given))
        assert set(numbers_of(found.labelled)) == {0, 1}


def test_what_cannot_be(tmp_path):
    with pytest.raises(LimbeckError, match=r"data.omitted_classes: no class `d`"):
        load(tmp_path, omitted_classes=["d"])
    with pytest.raises(LimbeckError, match=r"leave data\.omitted_classes out"):
        load(tmp_path, omitted_classes=["c"]).keeping(10)
    values = digits(omitted_classes=["3"]).model_dump(mode="json", exclude_unset=True)
    with pytest.raises(RecipeError, match="take kind: network, or a finished teacher"):
        parse_recipe({**values, "teacher": {"kind": "embedding", "model": "made:encode"}}, "a test")
    with pytest.raises(RecipeError, match="omitted_classes says nothing of the labels of a regression"):
        parse_recipe({**values, "task": "regression"}, "a test")


@pytest.mark.parametrize("only_teacher", [True, False])
def test_the_teacher_sees_copies_of_them_and_of_the_rest(only_teacher):
    augment = {"copies": 2, "crop": 1, "only_teacher": only_teacher}
    every = classified(digits(augment).data)
    some = classified(digits(augment, omitted_classes=["3", 7]).data)
    assert sorted(some.teachers.ids) == sorted(every.teachers.ids)
    assert len(some.teachers) == 180
    material = Material(some)
    settings = NetworkSettings.model_validate({**NETWORK, "reads": {"kind": "image"}})
    lesson = material.from_labels(settings, "teachers")
    assert lesson.examples.labels.values.tolist() == some.teachers.labels.values.tolist()
    whole = Material(every).from_labels(settings, "teachers")
    where = {key: row for row, key in enumerate(every.teachers.ids.tolist())}
    rows = np.array([where[key] for key in some.teachers.ids.tolist()])
    for name, pixels in lesson.rows.batch(range(180)).items():
        assert (pixels == whole.rows.batch(rows)[name]).all(), "each row is the picture of its id"
    student = material.from_labels(settings, "taught")
    assert set(student.examples.labels.values) == set(range(10)) - {3, 7}
