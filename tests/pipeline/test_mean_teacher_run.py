"""Runs whose teacher is the mean of the student's weights, from the recipe to the report."""

import copy
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, load_model
from tiny import recipe, write_csv

from limbeck import trainer
from limbeck.errors import LimbeckError
from limbeck.pipeline import order, run
from limbeck.pipeline.check import check
from limbeck.pipeline.label import label_rows
from limbeck.pipeline.training import arms
from limbeck.pipeline.training.once import MOVED
from limbeck.ranks import Ranks
from limbeck.recipe import parse_recipe

MEAN = {"kind": "mean_teacher", "decay": 0.8}
LOSSES = [
    {"name": "kd", "weight": {"schedule": "cosine", "start": 0.0, "end": 0.5, "until": 0.5}, "temperature": 1},
    {"name": "cross_entropy", "weight": 1.0},
]

pytestmark = pytest.mark.usefixtures("quick_exports")


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    return recipe(write_csv(tmp_path_factory.mktemp("data") / "rows.csv"), teacher=MEAN, losses=LOSSES)


@pytest.fixture(scope="module")
def finished(values, tmp_path_factory):
    return run(parse_recipe(values, "test"), tmp_path_factory.mktemp("runs") / "mean")


def weights(folder, name="model.safetensors"):
    return load_file(folder / name)


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_each_seed_has_a_mean_of_its_own_that_is_no_student(finished):
    first, second = (finished.folder / f"student/seed-{seed}" for seed in (0, 1))
    assert not same(weights(first), weights(first, MOVED))
    assert not same(weights(first, MOVED), weights(second, MOVED))
    assert not list(finished.folder.glob(f"baseline/**/{MOVED}"))
    assert not list((finished.folder / "bundle").glob("**/*.safetensors"))


def test_the_bundle_is_the_student(finished):
    info = json.loads((finished.folder / "bundle/bundle.json").read_text())
    seed = finished.evaluation.models["student"].shown_seed
    assert same(
        {k: v.cpu() for k, v in finished.student.state_dict().items()},
        weights(finished.folder / f"student/seed-{seed}"),
    )
    assert "mean_teacher" not in json.dumps(info)


def test_the_teachers_score_is_that_of_its_last_weights(finished, values, tmp_path):
    """A later run takes them as its teacher, and asks the same test rows."""
    earlier = {"kind": "run", "path": str(finished.folder), "model": "teacher", "accept_bad": True}
    second = run(
        parse_recipe(values | {"teacher": earlier, "seeds": [0], "baseline": False}, "test"), tmp_path / "next"
    )
    found, expected = (each.evaluation.models["teacher"].scores for each in (second, finished))
    assert found == pytest.approx(expected, rel=1e-5)
    assert found["nll"] != pytest.approx(finished.evaluation.models["student"].per_seed[0].scores["nll"], rel=1e-3)
    network = json.loads((finished.folder / "networks/teacher/network.json").read_text())
    assert network["seeds"]["0"]["file"] == f"student/seed-0/{MOVED}"
    taught, moved = copy.deepcopy(finished.student), finished.folder / "student/seed-0" / MOVED
    load_model(taught, moved)
    assert same(taught.state_dict(), load_file(moved))


def test_the_baseline_is_that_of_any_other_teacher(finished, values, tmp_path):
    """It hears no teacher: equal bits beside one that moves, and beside one that was trained before."""
    other = recipe(values["data"]["source"], losses=LOSSES, seeds=[0])
    run(parse_recipe(other, "test"), tmp_path / "other")
    place = "baseline/seed-0"
    assert same(weights(finished.folder / place), weights(tmp_path / "other" / place))
    assert not same(weights(finished.folder / "student/seed-0"), weights(tmp_path / "other/student/seed-0"))


def test_a_second_run_into_the_folder_trains_nothing(finished, values, capsys):
    before = (finished.folder / "student/seed-0" / MOVED).stat().st_mtime_ns
    again = run(parse_recipe(values, "test"), finished.folder)
    said = capsys.readouterr().out
    assert "student, seed" not in said
    assert "evaluation: unchanged, reused" in said
    assert again.evaluation == finished.evaluation
    assert (finished.folder / "student/seed-0" / MOVED).stat().st_mtime_ns == before


def test_its_weights_are_checked_like_any_others(finished, values, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(finished.folder, folder)
    file = folder / "student/seed-0" / MOVED
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(LimbeckError, match=rf"{MOVED}: not the file that was written"):
        run(parse_recipe(values, "test"), folder)
    file.unlink()
    with pytest.raises(LimbeckError, match=rf"{MOVED}: the file of a finished stage is missing"):
        run(parse_recipe(values, "test"), folder)


def test_another_decay_is_another_training(values, tmp_path, capsys):
    changed = values | {"seeds": [0], "baseline": False}
    first = run(parse_recipe(changed, "test"), tmp_path / "run")
    own = weights(first.folder / "student/seed-0")
    run(parse_recipe(changed | {"teacher": MEAN | {"decay": 0.5}}, "test"), tmp_path / "run")
    assert "student/seed-0: teacher changed, done again" in capsys.readouterr().out
    assert not same(own, weights(first.folder / "student/seed-0"))


class Killed(BaseException):
    """What no handler for errors may catch."""


def test_a_killed_run_goes_on_to_the_same_bits_of_student_and_teacher(finished, values, tmp_path, monkeypatch):
    save, saved = trainer.save_checkpoint, []

    def save_and_die(*given):
        save(*given)
        saved.append(given)
        if len(saved) == 2:
            raise Killed

    monkeypatch.setattr(trainer, "CHECKPOINT_EVERY_S", -1.0)
    monkeypatch.setattr(trainer, "save_checkpoint", save_and_die)
    with pytest.raises(Killed):
        run(parse_recipe(values, "test"), tmp_path / "killed")
    assert (tmp_path / "killed/student/seed-0/checkpoint.safetensors").is_file()
    run(parse_recipe(values, "test"), tmp_path / "killed")
    for name in ("model.safetensors", MOVED):
        assert same(*(weights(each / "student/seed-0", name) for each in (finished.folder, tmp_path / "killed")))


def test_of_a_grid_the_winners_mean_is_the_teacher(values, tmp_path):
    grid = {"train.lr": [0.02, 1e-6]}
    found = run(parse_recipe(values | {"seeds": [0], "baseline": False, "grid": grid}, "test"), tmp_path / "grid")
    network = json.loads((found.folder / "networks/teacher/network.json").read_text())
    student = json.loads((found.folder / "networks/student/network.json").read_text())
    assert network["seeds"]["0"]["file"].replace(MOVED, "model.safetensors") == student["seeds"]["0"]["file"]
    assert "tuning" in network["seeds"]["0"]["file"]


def test_a_check_says_what_it_is(values, capsys):
    assert check(parse_recipe(values, "test")) > 0
    said = capsys.readouterr().out
    assert "the teacher moves beside its student" in said
    assert "the teacher's answers" not in said


# --- what is refused -----------------------------------------------------------------------------------------------


REFUSED = {
    "cache": ({"cache": {"codec": "topk"}}, "a cache keeps a teacher's answers, .* leave cache out"),
    "cache.path": ({"cache": {"path": "answers"}}, "leave cache out"),
    "arms": ({"arms": ["student", "hard_labels"]}, "hard_labels learns a teacher's decisions"),
    "selection": ({"selection": {"unlabelled": 20}}, "unlabelled compares students with a teacher's answers"),
    "losses": ({"losses": [{"name": "kd"}]}, "no loss learns from labels, .* add one, such as cross_entropy"),
    "losses of weight 0": ({"losses": [{"name": "kd"}, {"name": "cross_entropy", "weight": 0}]}, "no loss learns from"),
    "until": ({"until": {"retention": 0.9}}, "retention is a share of a teacher's score .* give accuracy"),
    "curves": ({"curves": {"steps": [0.5]}}, "curves compare students of one teacher"),
    "budget": ({"budget": {"minutes": 3}}, "minutes are shared out among a teacher"),
    "folds": ({"teacher": MEAN | {"folds": 3}}, "folds says how a teacher is judged before students learn"),
    "accept_bad": ({"teacher": MEAN | {"accept_bad": True}}, "accept_bad says how a teacher is judged"),
    "decay": ({"teacher": MEAN | {"decay": 1.0}}, "decay"),
    "a member": ({"teacher": {"kind": "ensemble", "members": [MEAN, {"kind": "nblr"}]}}, "mean_teacher"),
    "copies": ({"augment": True}, "only_teacher"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_asks_for_answers_before_is_refused(values, name):
    change, words = REFUSED[name]
    if name == "copies":
        change = {"data": values["data"] | {"augment": {"copies": 1, "only_teacher": True}}}
    with pytest.raises(LimbeckError, match=words):
        parse_recipe(values | change, "test")


def test_a_level_of_accuracy_is_none_of_the_teachers(values):
    assert parse_recipe(values | {"until": {"accuracy": 0.9}}, "test").until is not None


def prepared(values):
    found = parse_recipe(values, "test")
    return order.require_usable(found, order.material_of(found))


def test_a_student_without_steps_is_refused(values):
    linear = {"model": "linear", "reads": values["student"]["reads"]}
    with pytest.raises(LimbeckError, match=r"student\.model: `linear` is solved in no steps"):
        prepared(values | {"student": linear, "losses": [{"name": "kd"}, {"name": "cross_entropy"}]})


def test_activations_are_refused(values):
    feature = {"name": "fitnet", "weight": 0.01, "student": "dropout", "teacher": "dropout"}
    with pytest.raises(LimbeckError, match="a teacher of kind mean_teacher has none to give"):
        prepared(values | {"losses": [*LOSSES, feature]})


def test_several_processes_are_refused(values, monkeypatch):
    monkeypatch.setattr(arms, "ranks", lambda: Ranks(2, 0))
    with pytest.raises(LimbeckError, match=r"teacher\.kind: several processes train the student"):
        prepared(values)


def test_there_is_nothing_to_label_beforehand(values, tmp_path):
    with pytest.raises(LimbeckError, match="no answer stands before; run the recipe"):
        label_rows(parse_recipe(values, "test"), tmp_path / "out", command="limbeck label")
    assert not (tmp_path / "out").exists()


def test_rows_without_labels_are_refused(values):
    with pytest.raises(LimbeckError, match="this teacher learns from them"):
        prepared(values | {"data": values["data"] | {"labelled": 0}, "baseline": False})
