"""Arms that choose on validation between whole students, of which some are solved and others trained."""

import json

import pytest
from tiny import recipe, write_csv

from limbeck.console import say
from limbeck.data import load_splits
from limbeck.errors import LimbeckError
from limbeck.models.linear import LinearOnNgrams
from limbeck.pipeline import check, order
from limbeck.pipeline.order import run
from limbeck.pipeline.summary import print_tables
from limbeck.pipeline.training import learn
from limbeck.pipeline.training.arms import Arm
from limbeck.pipeline.training.learn import validator
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.side_by_side import _phases
from limbeck.recipe import parse_recipe

pytestmark = pytest.mark.usefixtures("quick_exports")

LINEAR = {"name": "linear", "buckets": 64, "min_texts": 6}  # too many for the few labels, and not for all texts
CNN = {"name": "textcnn", "filters": 8, "dim": 8}
GRID = [{"model": LINEAR}, {"model": CNN, "train": {"lr": 0.1}}]


def mixed(source, **changes):
    values = recipe(source, **{"grid": GRID, **changes})
    values["teacher"]["accept_bad"] = True
    return parse_recipe(values, "test")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv", wrong=12)


@pytest.fixture(scope="module")
def finished(source, tmp_path_factory):
    """Return a run in which the linear student won, and the trained baseline, and how often something was solved."""
    solves, solve = [], LinearOnNgrams.solve

    def counted(self, *arguments, **more):
        solves.append(1)
        return solve(self, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LinearOnNgrams, "solve", counted)
        done = run(mixed(source), tmp_path_factory.mktemp("run") / "out")
    return done, len(solves)


def test_an_arm_takes_a_solved_student_where_another_takes_a_trained_one(finished):
    done, solves = finished
    assert isinstance(done.student, LinearOnNgrams)
    found = done.evaluation
    student, baseline = found.models["student"], found.models["baseline"]
    assert (student.solved, baseline.solved, found.solved, found.seeds) == (True, False, False, [0, 1])
    assert list(student.settings.items())[:2] == [("model", "linear"), ("model.buckets", 64)]
    assert student.settings["model.strength"] in LinearOnNgrams.__init__.__globals__["C_GRID"]
    assert baseline.settings == {"model": "textcnn", "model.dim": 8, "model.filters": 8, "train.lr": 0.1}
    assert solves == 2, "once an arm, whatever the number of seeds"
    one, other = (seed.scores for seed in student.per_seed)
    assert one == other
    assert (student.learning, len(baseline.learning)) == ([], 2)


def test_the_solved_one_stands_for_every_seed_beside_the_spread_of_the_other(finished):
    gain, models = finished[0].evaluation.gain, finished[0].evaluation.models
    accuracies = [[one.scores["accuracy"] for one in models[name].per_seed] for name in ("student", "baseline")]
    assert gain.per_seed == pytest.approx([one - other for one, other in zip(*accuracies, strict=True)])
    assert len(set(accuracies[1])) == 2
    assert 0 < gain.p_seeds < 1


def test_what_the_run_says_is_true_of_each_arm(finished):
    done = finished[0]
    card, page = (done.bundle / "README.md").read_text(), done.report.read_text()
    assert "the student solved, not trained; means over seeds 0, 1 of what is trained." in card
    assert "the best of the same candidates trained without a teacher" in card
    assert "holds seed" not in card
    assert "The student is solved, not trained: the same network stands for every seed." in page
    assert (
        "Student: <code>model: linear</code>, <code>model.buckets: 64</code>, <code>model.min_texts: 6</code>, " in page
    )
    log = (done.folder / "train.log").read_text()
    assert "one solution stands for all seeds: `linear` does not depend on them" in log
    assert "student: model=linear is best on validation" in log
    assert "baseline: model=textcnn is best on validation" in log
    assert not (done.folder / "student").exists(), "the grid has solved the winner, and no other seed has one"


def test_the_terminal_says_which_arm_has_no_seeds(finished, capsys):
    print_tables(finished[0].evaluation)
    said = " ".join(capsys.readouterr().out.split())
    assert "60 test examples, mean of 2 seeds; the student is solved, not trained" in said


def test_both_sorts_are_judged_by_the_same_figure_whatever_their_temperature(finished, source):
    """What is solved ships at its best temperature. The task chooses by what is left at that of each candidate."""
    done = finished[0]
    settings = mixed(source)
    splits = load_splits(settings.data, settings.task)
    material = Material(splits)
    record = json.loads((done.folder / "tuning/student.json").read_text())
    best = [candidate["best"] for candidate in record["candidates"]]
    assert record["chosen"] == max(range(2), key=lambda index: best[index]) == 0
    task = splits.task.fit(splits.labelled.labels)
    solved = settings.candidates("student")[0][1]
    again = validator(material.view(solved), splits, task)(done.student).chooses
    assert best[0] == pytest.approx(list(again))
    done.student.divide(3.0)
    assert validator(material.view(solved), splits, task)(done.student).chooses == pytest.approx(best[0], abs=1e-6)
    done.student.divide(1 / 3.0)


def test_a_second_run_solves_and_trains_nothing(finished, source, monkeypatch):
    done = finished[0]

    def forbidden(*_, **__):
        raise AssertionError("made already")

    monkeypatch.setattr(LinearOnNgrams, "solve", forbidden)
    monkeypatch.setattr(learn, "validator", lambda *_, **__: forbidden)
    assert run(mixed(source), done.folder).evaluation == done.evaluation


def test_a_network_that_was_not_yet_written_is_solved_again(finished, source, tmp_path, monkeypatch):
    """Ended between the history and the weights: nothing half-written is taken."""

    class EndedError(Exception):
        pass

    def ends(*_):
        raise EndedError

    settings = mixed(source, baseline=False)
    for module, name in ((learn, "save_file"), (order, "export_all")):  # the second is reached: all is trained then
        with monkeypatch.context() as patch:
            patch.setattr(module, name, ends)
            with pytest.raises(EndedError):
                run(settings, tmp_path / "out")
    own = finished[0].folder / "tuning"
    for name in ("student-0/model.safetensors", "student-0/history.json", "student.json"):
        assert (tmp_path / "out/tuning" / name).read_bytes() == (own / name).read_bytes()


REFUSED = {
    "until: `linear` is solved and takes no steps; set it to null, or leave out `linear`": {"until": {"accuracy": 0.9}},
    "curves.steps: `linear` is solved and takes no steps; set it to null, or leave out `linear`": {
        "curves": {"steps": [0.5]}
    },
    "losses: `linear` is solved, and the weight of kd changes over the steps": {
        "losses": [{"name": "kd", "weight": {"schedule": "linear", "start": 1, "end": 0}}]
    },
}


def test_a_model_that_cannot_be_had_is_named_by_its_point(source):
    with pytest.raises(LimbeckError) as error:
        check.check(mixed(source, grid=[*GRID, {"model": "no_such_module:build"}]))
    assert str(error.value).startswith("grid.2.model: ")


@pytest.mark.parametrize("line", REFUSED)
def test_what_one_of_the_candidates_cannot_have_is_refused(source, line):
    with pytest.raises(LimbeckError) as error:
        check.check(mixed(source, **REFUSED[line]))
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


def test_the_estimate_counts_what_is_trained_of_each_arm(source, monkeypatch):
    """Every candidate that is trained with the first seed, and the longest of them with the others."""
    tables, lines = [], []
    monkeypatch.setattr(check, "_trial", lambda *_: check.Pace(step=10.0, answer=0.0))
    monkeypatch.setattr(check, "table", lambda columns, rows: tables.append(dict(row[:2] for row in rows)))
    monkeypatch.setattr(check, "say", lambda line, **_: [lines.append(line), say(line)])
    grid = [*GRID, {"model": CNN, "train.steps": 50}]
    check.check(mixed(source, grid=grid, seeds=[0, 1, 2], baseline={"train.steps": 10}))
    assert (tables[-1]["student"], tables[-1]["baseline"]) == ("1,740 s", "1,600 s")
    assert "`linear`: solved, not trained, in seconds that the table leaves out" in lines


def test_batches_are_those_of_what_is_trained(source):
    """Four labelled rows fill a batch of a student that takes none."""
    student = {"model": LINEAR, "reads": recipe(source)["student"]["reads"], "train": {"batch_size": 4}}
    check.check(mixed(source, student=student, grid=[{}, {"model": CNN, "train": {"steps": 5, "batch_size": 16}}]))


def test_what_is_solved_is_no_task_of_other_seeds(source):
    """Side by side, without a grid; with one its winner is not known before."""
    one = mixed(source, grid={}, student={"model": LINEAR, "reads": {"max_length": 24}}, baseline={"model": CNN})
    assert _phases(one) == [[(("student",), [0]), (("baseline",), [0]), (("baseline",), [1])]]
    both = [[(("student",), [0]), (("baseline",), [0])], [(("student",), [0, 1]), (("baseline",), [0, 1])]]
    assert _phases(mixed(source)) == both


@pytest.mark.slow
def test_side_by_side_are_the_same_networks(finished, source, tmp_path):
    done = run(mixed(source), tmp_path / "out", jobs=2)
    assert done.evaluation.models["baseline"].settings == finished[0].evaluation.models["baseline"].settings
    for path in finished[0].folder.rglob("model.safetensors"):
        own = tmp_path / "out" / path.relative_to(finished[0].folder)
        assert own.read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_every_arm_and_fewer_labels_choose_for_themselves(source, tmp_path):
    changes = {"arms": ["student", "baseline", "hard_labels"], "curves": {"labels": [20]}, "seeds": [0, 1]}
    found = run(mixed(source, **changes), tmp_path / "out").evaluation
    point = found.curves["labels"].points[0].accuracy
    assert {name: len(scores) for name, scores in point.items()} == {"student": 2, "baseline": 2, "illustration": 2}
    assert all("model" in found.models[name].settings for name in ("student", "baseline", "hard_labels"))
    assert found.decomposition is not None


def test_an_arm_knows_whether_it_is_solved(source):
    (_, solved), (_, trained) = mixed(source).candidates("student")
    assert [Arm("student", settings, {}, {}).solved for settings in (solved, trained)] == [True, False]
