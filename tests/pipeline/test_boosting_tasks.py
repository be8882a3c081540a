"""Boosted trees teach every task of a table: grown, kept in the run's folder, and answering in the task's units."""

import csv

import numpy as np
import pytest

from limbeck.errors import LimbeckError
from limbeck.pipeline.check import check
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.recipe import parse_recipe
from limbeck.teachers import forest
from made_rows import splits_of

LABELS = {
    "classification": ("job", "kd"),
    "multioutput": (["job", "old"], "kd"),
    "multilabel": (["rich", "old"], "binary_kd"),
    "regression": ("pay", "regression_kd"),
    "regression of two": (["pay", "rich"], "regression_kd"),
}
every_task = pytest.mark.parametrize("task", LABELS)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return rows whose labels all follow from their three columns."""
    path, rng = tmp_path_factory.mktemp("table") / "rows.csv", np.random.default_rng(0)
    size, town, age = rng.normal(50, 20, 500).round(2), rng.integers(5, size=500), rng.integers(20, 60, 500)
    labels = {"job": 2 * (size > 50) + (town > 2), "old": age > 40, "rich": size > 60, "pay": 4000 + 900 * town - size}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["size", "town", "age", *labels])
        rows = zip(
            size, [f"town {one}" for one in town], age, *(value.astype(float) for value in labels.values()), strict=True
        )
        writer.writerows(rows)
    return path


def recipe_of(source, task, **changes):
    label, loss = LABELS[task]
    split = {"test": 60, "validation": 80}
    train = {"steps": 6, "batch_size": 16, "lr": 0.01, "validations": 1}
    values = {
        "name": "rows",
        "seeds": [0],
        "task": task.split()[0],
        "data": {"source": str(source), "features": ["size", "town", "age"], "label": label, "split": split},
        "teacher": {"kind": "boosting", "boosting": {"trees": [5, 60], "leaves": [5]}},
        "student": {"model": {"name": "mlp", "hidden": 8}, "train": train},
        "losses": [{"name": loss}],
    }
    return parse_recipe({**values, **changes}, "test")


@every_task
def test_the_teacher_is_grown_once_and_is_right(source, tmp_path, monkeypatch, task):
    recipe = recipe_of(source, task)
    material = Material(splits_of(recipe))
    first = train_teacher(recipe, material, tmp_path)
    splits = material.splits
    answers = ask_teacher(recipe, first, splits, tmp_path).logits("test")
    sheet = splits.task.fit(splits.labelled.labels).sheet(answers, splits.test.labels)
    least = {"accuracy": 0.9, "mean_accuracy": 0.9, "f1_micro": 0.9, "r2": 0.9}
    found = {metric.name: metric(sheet) for metric in splits.task.metrics if metric.name in least}
    assert found
    assert all(value > least[name] for name, value in found.items()), found
    monkeypatch.delattr(forest.Forest, "solve")
    again = train_teacher(recipe, material, tmp_path)
    assert [made.answers_as for made in again.members] == [made.answers_as for made in first.members]


def test_the_answers_are_in_the_units_of_the_labels(source, tmp_path):
    recipe = recipe_of(source, "regression of two")
    material = Material(splits_of(recipe))
    answers = ask_teacher(recipe, train_teacher(recipe, material, tmp_path), material.splits, tmp_path).logits("test")
    labels = material.splits.test.labels.values
    np.testing.assert_allclose(answers.mean(0), labels.mean(0), rtol=0.05, atol=0.1)
    np.testing.assert_allclose(answers.std(0), labels.std(0), rtol=0.15)


@every_task
def test_check_finds_nothing(source, task, capsys):
    check(recipe_of(source, task))
    assert "the recipe is fine" in capsys.readouterr().out


def test_a_column_that_does_not_vary_among_the_fewest_labels_is_refused(source):
    path = source.parent / "constant.csv"
    header, *rows = source.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([header, *(f"{row.rsplit(',', 1)[0]},7" for row in rows)]), encoding="utf-8")
    with pytest.raises(LimbeckError, match="7"):
        check(recipe_of(path, "regression"))
