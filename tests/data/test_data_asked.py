"""The classes that are asked for, and the one of all others."""

import json
from pathlib import Path

import pytest

from limbeck.data import load_splits
from limbeck.data.tables import Table
from limbeck.errors import LimbeckError
from limbeck.recipe import DataSettings, parse_recipe
from limbeck.settings.errors import RecipeError
from limbeck.tasks import TASKS
from made_rows import classified, numbers_of


def load(folder: Path, labels="abcd", **data):
    """Read 120 rows of four classes in turn; the last 20 have no label."""
    rows = [{"text": f"row {row}", "label": labels[row % 4] if row < 100 else None} for row in range(120)]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return classified(DataSettings(source=str(path), split={"test": 12, "validation": 12}, labelled=20, **data))


def rows_of(examples) -> set[int]:
    return {int(value.split()[1]) for value in examples.values}


def test_all_other_classes_are_one(tmp_path):
    found = load(tmp_path, classes=["b", "d"], other_class="unknown")
    assert found.task.names == ("b", "d", "unknown")
    for part in (found.labelled, found.validation, found.test):
        for value, number in zip(part.values, numbers_of(part), strict=True):
            assert number == {1: 0, 3: 1}.get(int(value.split()[1]) % 4, 2)
    assert len(found.transfer) + 24 == 120
    assert not found.dropped


def test_without_a_class_for_them_they_are_left_out_and_counted(tmp_path):
    found = load(tmp_path, classes=["b", "d"])
    assert found.task.names == ("b", "d")
    labelled = {row for row in range(100) if row % 4 in (1, 3)}
    every = rows_of(found.transfer) | rows_of(found.validation) | rows_of(found.test)
    assert every == labelled | set(range(100, 120)), "rows without a label may be of any class"
    assert found.dropped == {"of a class that is not asked for": 50}


def test_rows_beside_those_left_out_are_called_by_their_numbers_in_the_file(tmp_path):
    """Once they had the numbers, and the groups, of the first rows of the file."""
    found = load(tmp_path, classes=["b", "d"], group="label")
    rows = [int(value.split()[1]) for value in found.test.values]
    assert found.test.origin.numbers.tolist() == [row + 1 for row in rows]
    assert found.test.origin.groups.tolist() == ["abcd"[row % 4] for row in rows]


@pytest.mark.parametrize("asked", [{"classes": ["b"]}, {"classes": ["b", "b"]}, {"classes": ["b"], "other_class": "b"}])
def test_one_class_is_none_to_tell_from_another(asked):
    with pytest.raises(ValueError, match="classes leaves `b` alone"):
        DataSettings(source="made", **asked)


@pytest.mark.parametrize("other", ["unknown", None])
def test_a_class_of_held_out_rows_alone_is_one_of_the_others(tmp_path, other):
    """A word that nobody has heard is what `unknown` is for; once it was refused."""
    for split, labels in {"train": "abc", "test": "abz"}.items():
        rows = [json.dumps({"text": f"{split} {row}", "label": labels[row % 3]}) + "\n" for row in range(60)]
        (tmp_path / f"{split}.jsonl").write_text("".join(rows), encoding="utf-8")
    split = {"validation": 12}
    found = classified(DataSettings(source=str(tmp_path), split=split, classes=["a", "b"], other_class=other))
    assert len(found.test) == (60 if other else 40)
    assert found.task.names == (("a", "b", other) if other else ("a", "b"))
    there = {"source": str(tmp_path)}
    found = classified(
        DataSettings(
            source=str(tmp_path / "train.jsonl"), split=split, target=there, classes=["a", "b"], other_class=other
        )
    )
    assert len(found.test) == (60 if other else 40)
    with pytest.raises(LimbeckError, match="no training row is of the class `z`"):
        classified(DataSettings(source=str(tmp_path), split=split, classes=["a", "z"], other_class=other))


def test_numbers_are_asked_for_as_they_are_written(tmp_path):
    assert load(tmp_path, labels=[0, 1, 2, 3], classes=[3, 1]).task.names == ("1", "3")
    assert load(tmp_path, labels=[0, 1, 2, 3], classes=[3], other_class="rest").task.names == ("3", "rest")


def test_a_class_that_is_asked_for_may_be_that_of_all_others(tmp_path):
    found = load(tmp_path, classes=["b", "d"], other_class="d")
    assert found.task.names == ("b", "d")
    assert not found.dropped


def test_the_order_of_the_data_is_kept():
    table = Table(
        [str(row) for row in range(60)], [("z", "a", "m", None)[row % 4] for row in range(60)], ("z", "m", "a")
    )
    settings = DataSettings(source="rows", classes=["a", "z"], other_class="b", split={"test": 6, "validation": 6})
    assert load_splits(settings, TASKS["classification"](), {"train": table}).task.names == ("z", "a", "b")


def test_weights_are_of_the_classes_that_are_left(tmp_path):
    found = load(tmp_path, classes=["b", "d"], other_class="unknown", class_weights={"unknown": 2, "b": 1, "d": 1})
    assert found.task.weighting == {"unknown": 2, "b": 1, "d": 1}


def test_minus_one_beside_numbers_is_no_other_class(tmp_path):
    found = load(tmp_path, labels=[0, 1, 2, -1], classes=[0, 1], other_class="rest")
    assert found.task.names == ("0", "1", "rest")
    assert all(int(value.split()[1]) % 4 != 3 for value in (*found.labelled.values, *found.test.values))


def test_a_target_has_the_same_classes(tmp_path):
    rows = "".join(json.dumps({"text": f"there {n}", "label": "abcd"[n % 4]}) + "\n" for n in range(60))
    (tmp_path / "there.jsonl").write_text(rows, encoding="utf-8")
    target = {"source": str(tmp_path / "there.jsonl")}
    found = load(tmp_path, classes=["b", "d"], other_class="unknown", target=target)
    assert set(numbers_of(found.test)) == {0, 1, 2}
    left = load(tmp_path, classes=["b", "d"], target=target)
    assert left.dropped["of a class that is not asked for, in the target"] == 30


def test_what_says_that_there_is_no_label_is_no_other_class(tmp_path):
    found = load(tmp_path, labels="ab?c", classes=["a", "b"], other_class="unknown", missing=["?"])
    assert all(int(value.split()[1]) % 4 != 2 for value in (*found.labelled.values, *found.test.values))


def test_a_class_that_no_row_has_is_named(tmp_path):
    with pytest.raises(LimbeckError, match=r"data.classes .*no training row is of the class `e`"):
        load(tmp_path, classes=["a", "e"])


@pytest.mark.parametrize(
    ("data", "task", "said"),
    [
        ({"other_class": "unknown"}, "classification", "name those that are asked for"),
        ({"classes": ["a", "b"]}, "multilabel", "classes says nothing of the labels of a multilabel"),
    ],
)
def test_keys_that_say_nothing_are_refused(data, task, said):
    recipe = {"task": task, "data": {"source": "rows.csv", **data}, "teacher": {"kind": "network", "model": "ngrams"}}
    with pytest.raises(RecipeError, match=said):
        parse_recipe({**recipe, "student": {"model": "ngrams"}, "losses": [{"name": "logit_mse"}]}, "a test")
