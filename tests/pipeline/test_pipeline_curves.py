"""Curves: a point is a run of fewer steps or fewer labels, bit by bit, and the run itself is the last one."""

import json
import shutil
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from kill_harness import start
from safetensors.torch import save_file
from same_run import differences
from tiny import FLOORS, recipe, write_csv

from limbeck.data import load_splits
from limbeck.errors import LimbeckError
from limbeck.evaluation.schema import Evaluation
from limbeck.models import build_model
from limbeck.models.textcnn import TextCNNSettings
from limbeck.pipeline import Run, check, run
from limbeck.pipeline.summary import print_summary
from limbeck.pipeline.training.arms import preflight
from limbeck.pipeline.training.material import Material
from limbeck.recipe import parse_recipe
from limbeck.report import words
from limbeck.runtime import TextReader, load
from made_rows import splits_of

sys.path.append(str(Path(__file__).parent.parent / "bad_input"))
from workshop import export_quickly

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
CURVES = {"steps": [1, 0.5], "labels": [40, 10]}
POINTS = ["curves/steps-1-2", "curves/labels-10"]
ARMS = ["student", "baseline"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv")


def values(source: Path, **changes: object) -> dict[str, object]:
    """A grid of two rates, warm-up, two seeds."""
    made = recipe(source, grid={"train.lr": [0.01, 0.03]}, **changes)
    made["student"]["train"] |= {"warmup": 0.25}
    return made


def go(folder: Path, source: Path, **changes: object) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        export_quickly(patch)
        return run(parse_recipe(values(source, **changes), "test"), folder)


def written(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("model.safetensors")}


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory, source: Path) -> tuple[Run, dict[str, int]]:
    """A run to which the curves were added later, and when its networks were written before."""
    folder = tmp_path_factory.mktemp("run") / "tiny"
    go(folder, source)
    before = written(folder)
    return go(folder, source, curves=CURVES), before


@pytest.fixture(scope="module")
def finished(added: tuple[Run, dict[str, int]]) -> Run:
    return added[0]


def weights(folder: Path, arm: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for pattern in (f"{arm}/*/model.safetensors", f"tuning/{arm}-*/model.safetensors")
        for path in folder.glob(pattern)
    }


def test_the_run_itself_is_trained_once(added: tuple[Run, dict[str, int]]) -> None:
    finished, before = added
    after = written(finished.folder)
    assert before.items() <= after.items()
    assert {"/".join(path.split("/")[:2]) for path in after.keys() - before.keys()} == {*POINTS}


def test_every_point_has_both_arms_tuned_alone_with_every_seed(finished: Run) -> None:
    for point in POINTS:
        for arm in ARMS:
            assert len(weights(finished.folder / point, arm)) == 3  # the first seed twice in the grid, the second once
            record = json.loads((finished.folder / point / f"tuning/{arm}.json").read_text())
            assert [entry["values"] for entry in record["candidates"]] == [{"train.lr": 0.01}, {"train.lr": 0.03}]


def test_a_point_of_fewer_steps_is_a_run_of_so_many_steps(finished: Run, source: Path, tmp_path: Path) -> None:
    """Bit by bit, so with its own warm-up and its own decay to 0."""
    other = values(source)
    other["student"] = other["student"] | {"train": other["student"]["train"] | {"steps": 12}}
    with pytest.MonkeyPatch.context() as patch:
        export_quickly(patch)
        run(parse_recipe(other, "test"), tmp_path / "run")
    for arm in ARMS:
        assert weights(finished.folder / POINTS[0], arm) == weights(tmp_path / "run", arm)
    history = json.loads((finished.folder / POINTS[0] / "tuning/student-0/history.json").read_text())
    rates = [record["lr"] for record in history["log"]]
    assert (len(rates), rates[3]) == (12, 0.01)  # three steps of warm-up
    assert rates[-1] == pytest.approx(0.01 / 9)


def test_a_point_of_fewer_labels_is_a_run_of_so_many_labels(finished: Run, source: Path, tmp_path: Path) -> None:
    """Bit by bit: teacher, student and baseline, on the same text."""
    other = values(source)
    other["data"] = other["data"] | {"labelled": 10}
    other["teacher"] = other["teacher"] | {"accept_bad": True}  # at a point of a curve it is
    with pytest.MonkeyPatch.context() as patch:
        export_quickly(patch)
        alone = run(parse_recipe(other, "test"), tmp_path / "run")
    point = finished.folder / POINTS[1]
    assert (point / "teacher/model.safetensors").read_bytes() == (
        alone.folder / "teacher/model.safetensors"
    ).read_bytes()
    for arm in ARMS:
        assert weights(point, arm) == weights(alone.folder, arm)
    found = finished.evaluation.curves["labels"].points[0].accuracy
    for arm in ARMS:
        assert found[arm] == [one.scores["accuracy"] for one in alone.evaluation.models[arm].per_seed]


def test_the_illustration_hears_the_teacher_of_all_labels(finished: Run) -> None:
    """Its own labelled rows are the few: it is neither the point's student nor the run's."""
    point = finished.folder / POINTS[1]
    drawn = weights(point / "illustration", "student")
    assert len(drawn) == 3
    inputs = {
        name: json.loads((folder / "tuning/student-0/stage.json").read_text())["inputs"]
        for name, folder in {"run": finished.folder, "point": point, "drawn": point / "illustration"}.items()
    }
    assert inputs["drawn"]["teacher"] == inputs["run"]["teacher"] != inputs["point"]["teacher"]
    assert inputs["drawn"]["data"] == inputs["point"]["data"] != inputs["run"]["data"]
    assert not (point / "illustration/teacher").exists()


def test_a_finished_teacher_is_the_same_at_every_number_of_labels(finished: Run, source: Path, tmp_path: Path) -> None:
    weights, form = tmp_path / "teacher.safetensors", load(finished.folder).reader.form
    save_file(build_model(TextCNNSettings(filters=8, dim=8), outputs=2, form=form).state_dict(), weights)
    model = {"name": "textcnn", "filters": 8, "dim": 8}
    reads = {"max_length": 24, "tokenizer": {"kind": "transformers", "path": str(finished.folder / "bundle")}}
    teacher = {"kind": "module", "build": model, "weights": str(weights), "reads": reads, "accept_bad": True}
    made = go(tmp_path / "run", source, curves={"labels": [10]}, teacher=teacher)
    few, every = made.evaluation.curves["labels"].points
    assert (few.amount, few.accuracy.keys(), few.teacher, every.teacher) == (10, {*ARMS}, None, None)
    assert not (made.folder / POINTS[1] / "illustration").exists()
    assert "The teacher came finished and is the same at every number" in made.report.read_text(encoding="utf-8")
    places = (made.folder, made.folder / POINTS[1])
    inputs = [json.loads((place / "tuning/student-0/stage.json").read_text())["inputs"] for place in places]
    assert inputs[0]["teacher"] == inputs[1]["teacher"]
    assert not list(made.folder.glob("curves/**/cache"))  # it has answered for all of these rows


def test_a_second_run_reuses_it_and_opens_the_test_split_no_more(finished: Run, source: Path) -> None:
    before = (finished.folder / "evaluation.json").read_bytes(), written(finished.folder)
    go(finished.folder, source, curves={"labels": [10, 40], "steps": [0.5, 1]})
    assert ((finished.folder / "evaluation.json").read_bytes(), written(finished.folder)) == before


def test_another_point_leaves_the_others_alone(finished: Run, source: Path, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "run")
    before = written(tmp_path / "run")
    more = go(tmp_path / "run", source, curves={"steps": [0.25, 0.5]})
    new = {path for path, time in written(more.folder).items() if before.get(path) != time}
    assert new
    assert all(path.startswith("curves/steps-1-4/") for path in new)
    assert "labels" not in more.evaluation.curves


def test_it_is_in_the_evaluation(finished: Run) -> None:
    result = finished.evaluation
    value = json.loads((finished.folder / "evaluation.json").read_text())
    jsonschema.validate(value, Evaluation.model_json_schema())
    steps, labels = result.curves["steps"], result.curves["labels"]
    assert [(point.budget, point.amount) for point in steps.points] == [(0.5, 12), (1, 24)]
    assert [(point.budget, point.amount) for point in labels.points] == [(0.25, 10), (1, 40)]
    assert [list(point.accuracy) for point in steps.points] == [ARMS, ARMS]
    assert [list(point.accuracy) for point in labels.points] == [[*ARMS, "illustration"]] * 2
    for curve in (steps, labels):
        for arm in ARMS:
            assert curve.points[-1].accuracy[arm] == [one.scores["accuracy"] for one in result.models[arm].per_seed]
    assert [point.teacher for point in steps.points] == [None, None]
    history = json.loads((finished.folder / POINTS[1] / "teacher/history.json").read_text())
    kept = next(entry for entry in history["validations"] if entry["step"] == history["best_step"])
    assert labels.points[0].teacher == kept["accuracy"]
    assert labels.points[-1].accuracy["illustration"] == labels.points[-1].accuracy["student"]


def test_the_test_split_is_opened_once_for_all_points(finished: Run) -> None:
    (before, use) = finished.evaluation.test_evaluations  # before: of the run without curves
    assert before.models == ["teacher", *ARMS, *FLOORS]
    assert use.models == ["teacher", *ARMS, *POINTS, *FLOORS]


def test_report_card_and_terminal_say_the_same(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    said = words.curve_sentences(finished.evaluation)
    assert len(said) == 2
    card = (finished.folder / "bundle/README.md").read_text(encoding="utf-8")
    report = finished.report.read_text(encoding="utf-8")
    print_summary(finished)
    shown = capsys.readouterr().out
    for sentence in said:
        assert sentence in card
        assert sentence in report
        assert sentence in shown


def test_the_rows_for_choices_and_for_the_test_are_the_same_at_every_point(source: Path) -> None:
    splits = splits_of(parse_recipe(values(source), "test"))
    fewer = splits.keeping(10)
    assert fewer.validation is splits.validation
    assert fewer.test is splits.test
    assert fewer.transfer.values == splits.transfer.values
    assert np.array_equal(fewer.labelled.ids, splits.labelled.ids[:10])


def test_the_text_is_encoded_once(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    material = Material(splits_of(parse_recipe(values(source), "test")))
    settings = parse_recipe(values(source), "test").student
    whole = material.view(settings)
    assert (len(whole.transfer), len(whole.validation)) == (170, 30)
    monkeypatch.setattr(TextReader, "encode", None)
    monkeypatch.setattr("limbeck.modalities.text.reads.build_reader", None)
    view = material.keeping(10).view(settings)
    assert (len(view.labelled), len(view.transfer), len(view.validation)) == (10, 170, 30)
    assert view.digest == whole.digest


@pytest.mark.slow
def test_killed_anywhere_it_ends_in_the_same_bits(source: Path, tmp_path: Path) -> None:
    asked = values(source, curves={"steps": [0.5], "labels": [10]})
    start(asked, tmp_path / "whole")
    folder = tmp_path / "run"
    for event in (
        "curves/steps-1-2/tuning/student-1: step 7",
        "curves/labels-10/teacher: step 13",
        "curves/labels-10/cache/*-*-*/shard-00001.safetensors: in place",
        "curves/labels-10/illustration/student/seed-1: step 9",
        "test_evaluations.json: in place",
    ):
        start(asked, folder, kill_at=event)
    start(asked, folder)
    assert differences(tmp_path / "whole", folder) == []
    assert len(json.loads((folder / "test_evaluations.json").read_text())) == 2


# --- what is refused --------------------------------------------------------------------------------------------------


def refused(source: Path, **changes: object) -> str:
    asked = parse_recipe(values(source, **changes), "test")
    with pytest.raises(LimbeckError) as caught:
        preflight(asked, Material(load_splits(asked.data, asked.task)))
    return str(caught.value)


def test_epochs_are_refused_wherever_they_stand(source: Path) -> None:
    for changes in ({"baseline": {"train.epochs": 1, "train.steps": None}}, {"grid": {"train.epochs": [1, 2]}}):
        made = values(source, curves={"steps": [0.5]}) | changes
        made["student"] = made["student"] | {"train": made["student"]["train"] | {"steps": None}}
        asked = parse_recipe(made, "test")
        with pytest.raises(LimbeckError, match="curves compare arms at equal steps"):
            preflight(asked, Material(load_splits(asked.data, asked.task)))


def test_labelled_rows_that_fill_every_batch_of_a_point_are_refused(source: Path) -> None:
    made = values(source, curves={"labels": [10]})
    made["data"] |= {"labelled": None, "labelled_per_batch": 16}
    asked = parse_recipe(made, "test")
    with pytest.raises(LimbeckError, match="fill every batch"):
        preflight(asked, Material(load_splits(asked.data, asked.task)))


def test_batches_of_any_point_of_the_grid_have_unlabelled_rows(source: Path) -> None:
    made = values(source)
    made["grid"] = {"train.batch_size": [4, 16]}
    made["data"] |= {"labelled_per_batch": 4}
    asked = parse_recipe(made, "test")
    with pytest.raises(LimbeckError, match="4 labelled rows fill every batch of 4"):
        preflight(asked, Material(load_splits(asked.data, asked.task)))


@pytest.mark.parametrize("changes", [{"baseline": {"train.steps": 30}}, {"grid": {"train.steps": [24, 30]}}])
def test_arms_of_unequal_steps_have_no_curve_over_steps(source: Path, changes: dict[str, object]) -> None:
    made = values(source, curves={"steps": [0.5]}) | changes
    asked = parse_recipe(made, "test")
    with pytest.raises(LimbeckError, match="these take 24 or 30"):
        preflight(asked, Material(load_splits(asked.data, asked.task)))
    asked = parse_recipe(made | {"curves": {"labels": [10]}}, "test")
    preflight(asked, Material(load_splits(asked.data, asked.task)))


def test_shares_that_come_to_the_same_steps_are_refused(source: Path) -> None:
    said = refused(source, curves={"steps": [0.5, 0.501, 1]})
    assert "of 24 steps, these shares are 12, 12, 24 steps" in said


def test_a_limit_to_unlabelled_text_has_no_curve_over_labels(source: Path) -> None:
    made = values(source, curves={"labels": [10]})
    made["data"] |= {"max_unlabelled": 100}
    asked = parse_recipe(made, "test")
    with pytest.raises(LimbeckError, match="lose their label become unlabelled text"):
        preflight(asked, Material(load_splits(asked.data, asked.task)))


def test_more_labels_than_there_are_name_their_number(source: Path) -> None:
    assert "41 labels are more than the 40 labelled rows" in refused(source, curves={"labels": [10, 41]})


def test_the_estimate_of_the_time_counts_the_points(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = []
    monkeypatch.setattr(check, "_trainings", lambda *_: dict.fromkeys(["teacher", "student", "baseline"], 60.0))
    monkeypatch.setattr(check, "table", lambda columns, rows: tables.append(dict(row[:2] for row in rows)))
    check.check(parse_recipe(values(source, curves=CURVES), "test"))
    # Half of both arms; one teacher, two students and a baseline of fewer labels.
    assert tables[-1]["curves"] == f"{60 * (2 * 0.5 + 4):,.0f} s"


@pytest.mark.parametrize(
    ("labelled", "share", "said"), [(150, 4, "22 times"), (150, 14, ""), (40, 4, ""), (150, 0, "")]
)
def test_labelled_rows_that_are_rarely_seen_are_pointed_out(
    source: Path, capsys: pytest.CaptureFixture[str], labelled: int, share: int, said: str
) -> None:
    """Of 170 rows: with few unlabelled ones, batches full of these show them again and again."""
    made = recipe(source)
    made["data"] = made["data"] | {"labelled": labelled, "labelled_per_batch": share}
    settings = parse_recipe(made, "test")
    preflight(settings, Material(load_splits(settings.data, settings.task)))
    out = " ".join(capsys.readouterr().out.split())
    assert (f"each unlabelled row is seen {said} as often as a labelled one" in out) == bool(said)
    assert ("data.labelled_per_batch=14 all are seen alike" in out) == bool(said)
