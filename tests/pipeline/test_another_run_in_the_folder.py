"""A run in the folder of another one: what is replaced is said, and whose test split was read."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from tiny import recipe, write_csv

from limbeck.errors import LimbeckError
from limbeck.pipeline import run
from limbeck.pipeline.judging.earlier import last_evaluation, refuse_to_replace, say_what_is_replaced
from limbeck.recipe import Recipe
from limbeck.report.words import uses

sys.path.append(str(Path(__file__).parent.parent / "bad_input"))
from workshop import command, export_quickly

pytestmark = [
    pytest.mark.usefixtures("quick_exports"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]


def wanted(source, **changes):
    values = recipe(Path(source), seeds=[0], baseline=False)
    return Recipe.model_validate(values | changes)


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """Return the second of two runs of other data in one folder, what it said, and what the first one found."""
    folder = tmp_path_factory.mktemp("twice")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        export_quickly(patch)
        write_csv(folder / "one.csv")
        write_csv(folder / "two.csv", seed=1)
        run(wanted("one.csv"), Path("run"))
        first = last_evaluation(Path("run"))
        log = Path("run/train.log").read_text()
        done = run(wanted("two.csv"), Path("run"))
        return done.evaluation, Path("run/train.log").read_text().removeprefix(log), first, folder / "run"


def test_what_is_replaced_is_said_before_the_work_begins(twice):
    _, said, _, _ = twice
    line = (
        "  run holds a finished run of other data (one.csv: text, classification of label): its bundle and report are "
        "replaced; give another folder (--out) to keep them"
    )
    assert said.count(line) == 1
    assert said.index(line) < said.index("\nteacher\n")


def test_no_stage_is_called_by_a_digest(twice):
    _, said, _, _ = twice
    assert "views: data changed, done again" in said
    assert not re.search(r"^ *[0-9a-f]{16}", said, re.MULTILINE)


def test_readings_of_another_test_set_are_told_apart(twice):
    found, _, first, _ = twice
    assert [use.about for use in found.test_evaluations] == [
        f"{name}.csv: text, classification of label" for name in ("one", "two")
    ]
    assert len(found.own_uses) == 1
    said = uses.about_test(found)
    assert "The test split was read once in this folder. One other reading was of another test set." in said
    assert "look better" not in said
    old, new = (uses.look(found, use) for use in found.test_evaluations)
    assert ": another test set (one.csv: text, classification of label): teacher, student, " in old
    assert "another" not in new
    assert first.models["floor"].features in old


def test_models_are_called_as_they_were_then(twice):
    found, _, _, _ = twice
    old, new = found.test_evaluations
    old = old.model_copy(update={"names": old.names | {"floor": "pixels + LR"}})
    found = found.model_copy(update={"test_evaluations": [old, new]})
    assert "student, pixels + LR, distilled" in uses.look(found, old)
    unknown = old.model_copy(update={"names": {}})
    assert "student, floor, distilled floor;" in uses.look(found, unknown)


def test_uses_of_a_version_that_did_not_name_the_rows_count_as_their_own(twice):
    found, _, _, _ = twice
    old, new = found.test_evaluations
    found = found.model_copy(update={"test_evaluations": [old.model_copy(update={"rows": None}), new]})
    assert "read 2 times in this folder. Recipes that were changed" in uses.about_test(found)


VALUES = {"task": "regression", "losses": [{"name": "regression_kd"}]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"seeds": [1]}, None),
        ({"data": {"source": "./two.csv", "labelled": 30}}, None),
        ({"data": {"source": "two.csv", "label": "kind"}}, "another task (two.csv: text, classification of label)"),
        (VALUES | {"data": {"source": "two.csv"}}, "another task"),
        ({"data": {"source": "two.csv", "text": "body"}}, "other data"),
        ({"data": {"source": "two.csv", "target": {"source": "x.csv"}}}, "other data"),
    ],
)
def test_what_counts_as_another_run(twice, capsys, changes, said):
    capsys.readouterr()
    say_what_is_replaced(wanted("two.csv", **changes), twice[-1])
    out = " ".join(capsys.readouterr().out.split())
    assert out == "" if said is None else f"holds a finished run of {said}" in out


def test_of_an_unfinished_run_nothing_is_said(twice, capsys, tmp_path):
    say_what_is_replaced(wanted("three.csv"), tmp_path)
    shutil.copy(twice[-1] / "recipe.yaml", tmp_path)
    say_what_is_replaced(wanted("three.csv"), tmp_path)
    assert capsys.readouterr().out == ""


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": {"source": "one.csv"}}, "other data (two.csv: text, classification of label)"),
        ({"data": {"source": "two.csv", "label": "kind"}}, "another task (two.csv: text, classification of label)"),
    ],
)
def test_a_folder_that_nobody_named_keeps_a_finished_run(twice, tmp_path, monkeypatch, capsys, changes, said):
    shutil.copytree(twice[-1].parent, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    Path("runs").mkdir()
    Path("run").rename("runs/tiny")
    Path("mine.yaml").write_text(wanted("two.csv", **changes).to_yaml(), encoding="utf-8")
    before = files_of(Path("runs"))
    assert command("run", "mine.yaml") == 2
    error = capsys.readouterr().err
    assert error == (
        f"error: runs/tiny: this folder, taken because none was given, holds a finished run of {said}; "
        "give another folder (--out FOLDER), or, to replace that run, this one (--out runs/tiny)\n"
    )
    assert files_of(Path("runs")) == before


def test_the_same_data_go_on_in_a_folder_that_nobody_named(twice, tmp_path, monkeypatch):
    shutil.copytree(twice[-1].parent, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    export_quickly(monkeypatch)
    for changes in ({}, {"seeds": [1]}, {"data": {**wanted("two.csv").model_dump()["data"], "labelled": 30}}):
        refuse_to_replace(wanted("two.csv", **changes), Path("run"), "--out {}")
    assert run(wanted("two.csv"), Path("run"), given_as="--out {}").folder == Path("run")


def test_rows_of_python_objects_are_told_apart_by_themselves(twice, tmp_path):
    shutil.copytree(twice[-1], tmp_path / "run")
    found = last_evaluation(twice[-1])
    objects = wanted("python")
    (tmp_path / "run" / "recipe.yaml").write_text(objects.to_yaml(), encoding="utf-8")
    refuse_to_replace(objects, tmp_path / "run", 'out="{}"', found.test_evaluations[-1].rows)
    split = wanted("python", data={**objects.model_dump()["data"], "split": {"test": 50, "validation": 30}})
    refuse_to_replace(split, tmp_path / "run", 'out="{}"', "others, as the split says")
    with pytest.raises(LimbeckError, match=r'other data .*give another folder \(out="FOLDER"\)'):
        refuse_to_replace(objects, tmp_path / "run", 'out="{}"', "others")
