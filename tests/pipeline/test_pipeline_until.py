"""A run with `until`: where its trainings end, and what it says of those that reach it and of those that do not."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from tiny import recipe, write_csv

from limbeck.errors import LimbeckError
from limbeck.evaluation.records import Level
from limbeck.evaluation.schema import Evaluation
from limbeck.pipeline import Run, run
from limbeck.pipeline.summary import print_summary
from limbeck.pipeline.training import arms, tuning
from limbeck.pipeline.training.until import wanted
from limbeck.recipe import parse_recipe
from limbeck.trainer import History
from made_rows import rows_of, task_of

sys.path.append(str(Path(__file__).parent.parent / "bad_input"))
from workshop import export_quickly

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

NETWORKS = ("student/seed-0", "student/seed-1", "baseline/seed-0", "baseline/seed-1")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv")


def go(folder: Path, source: Path, **changes: object) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        export_quickly(patch)
        return run(parse_recipe(recipe(source, **changes), "test"), folder)


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Run:
    """The level is so low that every network is there at its first validation."""
    return go(tmp_path_factory.mktemp("reached") / "run", source, until={"accuracy": 0.05})


@pytest.fixture(scope="module")
def missed(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Run:
    return go(tmp_path_factory.mktemp("missed") / "run", source, until={"retention": 2})


def log(run: Run) -> str:
    return plain((run.folder / "train.log").read_text(encoding="utf-8"))


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def history(run: Run, network: str) -> History:
    return History(**json.loads((run.folder / network / "history.json").read_text()))


def weights(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name / "model.safetensors").read_bytes() for name in NETWORKS}


@pytest.mark.parametrize("network", NETWORKS)
def test_a_training_ends_where_it_reaches_the_target(reached: Run, network: str) -> None:
    found = history(reached, network)
    assert (found.reached_step, found.done, found.best_step, found.steps) == (8, 8, 8, 24)
    assert history(reached, "teacher").done == 24


def test_it_is_in_the_evaluation(reached: Run) -> None:
    value = json.loads((reached.folder / "evaluation.json").read_text())
    jsonschema.validate(value, Evaluation.model_json_schema())
    assert value["until"] == {"metric": "accuracy", "value": 0.05, "quantity": "accuracy", "level": 0.05}
    assert [value["models"][arm]["steps_until"] for arm in ("student", "baseline")] == [[8, 8], [8, 8]]


def test_it_is_said(reached: Run, capsys: pytest.CaptureFixture[str]) -> None:
    lines = log(reached).splitlines()
    for arm in ("student", "baseline"):
        for seed in (0, 1):
            assert f"  {arm}, seed {seed}: level of 5.0 % on validation reached after 8 of 24 steps" in lines
    assert lines.count("  until: 5.0 % accuracy on validation") == 1
    print_summary(reached)
    said = plain(capsys.readouterr().out)
    assert "until 5.0 % accuracy on validation:" in said
    assert "the student reached it after 8 and 8 steps" in said
    report = plain(reached.report.read_text(encoding="utf-8"))
    assert "The baseline reached it after 8 and 8 steps." in report
    assert "took 1.00 times the baseline’s steps" in report
    card = plain((reached.folder / "bundle/README.md").read_text(encoding="utf-8"))
    assert "Level of 5.0 % on validation reached after 8 of 24 steps." in card


def test_what_is_not_reached_is_said_as_plainly(missed: Run, capsys: pytest.CaptureFixture[str]) -> None:
    result = missed.evaluation
    assert [result.models[arm].steps_until for arm in ("student", "baseline")] == [[None, None], [None, None]]
    teacher = history(missed, "teacher")
    own = next(record["accuracy"] for record in teacher.validations if record["step"] == teacher.best_step)
    assert result.until == Level(metric="retention", value=2, quantity="accuracy", level=2 * own)
    assert "(retention 200.0 %); no network can reach that" in log(missed)
    print_summary(missed)
    said = plain(capsys.readouterr().out)
    report = plain(missed.report.read_text(encoding="utf-8"))
    for arm in ("student", "baseline"):
        best = [max(record["accuracy"] for record in history(missed, f"{arm}/seed-{n}").validations) for n in (0, 1)]
        for seed, value in enumerate(best):
            found = f"level of {200 * own:.1f} % on validation not reached: {100 * value:.1f} % at best after 24 steps"
            assert f"{arm}, seed {seed}: {found}" in log(missed)
        assert f"the {arm} did not reach it: {100 * max(best):.1f} % at best after 24 steps" in said
        assert f"The {arm} did not reach it: {100 * max(best):.1f} % at best after 24 steps." in report
    assert "times the baseline’s steps" not in report
    assert "not reached: " in plain((missed.folder / "bundle/README.md").read_text(encoding="utf-8"))


def test_a_changed_target_redoes_the_arms_and_says_why(tmp_path: Path, source: Path, missed: Run) -> None:
    """And without one, the networks are those of a level that is not reached, named as they were without."""
    folder = tmp_path / "run"
    low = go(folder, source, until={"accuracy": 0.05})
    teacher = (folder / "teacher/model.safetensors").stat().st_mtime_ns
    before = weights(folder)

    go(folder, source, until={"accuracy": 0.05})
    assert "changed, done again" not in log(low)
    assert len(low.evaluation.test_evaluations) == 1

    without = go(folder, source)
    assert [line for line in log(without).splitlines() if "seed-0: until" in line] == [
        f"  {arm}/seed-0: until changed, done again" for arm in ("student", "baseline")
    ]
    assert (without.evaluation.until, without.evaluation.models["student"].steps_until) == (None, None)
    assert weights(folder) == weights(missed.folder)
    assert weights(folder) != before
    assert "until" not in json.loads((folder / "student/seed-0/stage.json").read_text())["inputs"]

    again = go(folder, source, until={"accuracy": 0.05})
    assert log(again).count("/seed-1: until changed, done again") == 4
    assert weights(folder) == before
    assert (folder / "teacher/model.safetensors").stat().st_mtime_ns == teacher


# --- what is chosen -------------------------------------------------------------------------------------------------


def tune(tmp_path: Path, histories: dict[float, History], source: Path, until: Level | None) -> arms.Arm:
    """Train the baseline over a grid of learning rates, each of which has a history made up for it."""

    def train_network(settings, material, lesson, *, until, **_):
        asked.append(until)
        return SimpleNamespace(history=histories[settings.train.lr])

    asked: list[Level | None] = []
    values = parse_recipe(recipe(source, seeds=[0], grid={"train.lr": list(histories)}), "test")
    material = SimpleNamespace(splits=SimpleNamespace(watched=()), from_labels=lambda settings, rows: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "train_network", train_network)
        arm = arms.train_arm("baseline", values, material, None, tmp_path, until)  # type: ignore[arg-type]
    assert asked == [until] * (len(histories) + 1)
    return arm


LEVEL = Level(metric="accuracy", value=0.8, quantity="accuracy", level=0.8)


def test_of_the_grid_the_fewest_steps_to_the_target_win(tmp_path: Path, source: Path) -> None:
    made = {
        0.1: History(24, best=[-0.1]),
        0.2: History(24, best=[-0.2], reached_step=16),
        0.3: History(24, best=[-0.5], reached_step=8),
        0.4: History(24, best=[-0.4], reached_step=8),
    }
    assert tune(tmp_path, made, source, LEVEL).chosen == {"train.lr": 0.4}
    record = json.loads((tmp_path / "tuning/baseline.json").read_text())
    assert record["chosen"] == 3
    assert [entry["reached_step"] for entry in record["candidates"]] == [None, 16, 8, 8]


@pytest.mark.parametrize("until", [LEVEL, None])
def test_where_none_reaches_it_the_lowest_nll_wins(tmp_path: Path, source: Path, until: Level | None) -> None:
    made = {0.1: History(24, best=[-0.4]), 0.2: History(24, best=[-0.1]), 0.3: History(24, best=[-0.1])}
    assert tune(tmp_path, made, source, until).chosen == {"train.lr": 0.2}


def test_what_ships_is_a_seed_that_reached_the_target() -> None:
    def best(*histories: History) -> int:
        trained = {seed: SimpleNamespace(history=history) for seed, history in enumerate(histories)}
        return arms.Arm("student", None, {}, trained).best_seed  # type: ignore[arg-type]

    far, near, good = (History(24, best=[-nll], reached_step=step) for nll, step in ((0.1, None), (0.4, 8), (0.3, 16)))
    assert best(far, near, good) == 2
    assert best(near, far) == 0
    assert best(History(24, best=[-0.2]), far) == 1


def test_a_teacher_that_gets_nothing_right_cannot_be_a_measure(tmp_path: Path) -> None:
    rows = rows_of(np.arange(3), ["a", "b", "c"], np.ones(3, np.int64))
    answers = SimpleNamespace(
        logits=lambda split: np.array([[1.0, 0.0]] * 3, np.float32),
        splits=SimpleNamespace(validation=rows, task=task_of(2)),
    )
    asked = parse_recipe(recipe(tmp_path / "rows.csv", until={"retention": 0.9}), "test")
    with pytest.raises(LimbeckError, match=r"until\.retention: the teacher gets no validation row right"):
        wanted(asked, answers)  # type: ignore[arg-type]
