"""The time of a stage is that of all its sessions."""

import json
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny import recipe, write_csv

from limbeck.console import moved_on
from limbeck.pipeline import order, run
from limbeck.pipeline.stages import clock
from limbeck.pipeline.stages.clock import FILE, Clock
from limbeck.pipeline.stages.stage import Stage
from limbeck.recipe import parse_recipe


class Time:
    """Clocks that go on when they are told to: of wall time, and of the processor, here and in processes started."""

    def __init__(self, monkeypatch) -> None:
        self.now = self.cpu = self.of_children = 0.0
        monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(clock, "os", SimpleNamespace(times=lambda: (self.cpu, 0, self.of_children, 0, self.now)))


@pytest.fixture
def time(monkeypatch) -> Time:
    return Time(monkeypatch)


def session(folder: Path, of: str = "one run") -> Clock:
    started = Clock(folder)
    started.keep(of)
    return started


def kept(folder: Path) -> dict[str, float]:
    return {name: wall for name, (wall, _, _) in json.loads((folder / FILE).read_text()).items()}


def test_sessions_add_up_whether_they_end_well_or_not(time: Time, tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), session(tmp_path)("student"):
        time.now += 60
        raise KeyboardInterrupt
    later = session(tmp_path)
    with later("teacher"):
        time.now += 0.5
    with later("student"):
        time.now += 40
        spent = later.spent(["student", "teacher", "curves"])
        assert {name: one.wall for name, one in spent.items()} == {"student": 100, "teacher": 0.5}
    assert kept(tmp_path) == {"student": 100, "teacher": 0.5}


def test_a_session_that_is_killed_loses_seconds(time: Time, tmp_path: Path) -> None:
    with session(tmp_path)("student"):
        time.now += 11
        moved_on()
        time.now += 9
        moved_on()
        assert kept(tmp_path) == {"student": 11}, "what a kill here leaves"
    moved_on()
    assert kept(tmp_path) == {"student": 20}


def test_processor_time_is_that_of_all_processes(time: Time, tmp_path: Path) -> None:
    for _ in range(2):
        with session(tmp_path)("arms"):
            time.now, time.cpu, time.of_children = time.now + 10, time.cpu + 3, time.of_children + 15
    assert json.loads((tmp_path / FILE).read_text()) == {"arms": [20, 36, "one run"]}


def test_what_is_done_again_because_its_inputs_changed_counts_once(time: Time, tmp_path: Path) -> None:
    for rate, seconds in ((0.1, 30), (0.2, 50)):
        with session(tmp_path)("student"):
            time.now += 1
            with Stage(tmp_path / "seed-0", {"rate": rate}).working():
                time.now += seconds
    assert kept(tmp_path) == {"student": 1 + 1 + 50}


def test_what_another_run_in_the_folder_took_is_left_out(time: Time, tmp_path: Path) -> None:
    for of in ("one run", "another run"):
        started = session(tmp_path, of)
        for name in ("data", "student"):
            with started(name):
                time.now += 20
        assert {name: one.wall for name, one in started.spent(["data", "student"]).items()} == kept(tmp_path)
        assert kept(tmp_path) == {"data": 20, "student": 20}
    with session(tmp_path, "another run")("student"):
        time.now += 7
    assert kept(tmp_path) == {"data": 20, "student": 27}, "it is resumed"


def test_of_a_stage_that_another_run_left_the_time_is_counted_once(time: Time, tmp_path: Path) -> None:
    seeds = {"one run": (0, 1), "another run": (0, 2)}
    for of in ("one run", "another run", "another run"):
        with session(tmp_path, of)("student"):
            time.now += 1
            for seed in (*seeds[of], *seeds[of]):
                stage = Stage(tmp_path / f"seed-{seed}", {"seed": seed})
                if not stage.done:
                    with stage.working():
                        time.now += 50
    assert kept(tmp_path) == {"student": 50 + 1 + 50 + 1}


def test_nothing_is_written_before_the_recipe_is_accepted(time: Time, tmp_path: Path) -> None:
    started = Clock(tmp_path)
    with started("data"):
        time.now += 11
        moved_on()
    assert not (tmp_path / FILE).exists()
    started.keep("one run")
    with started("teacher"):
        time.now += 2
    assert kept(tmp_path) == {"data": 11, "teacher": 2}


@pytest.mark.parametrize("text", ["{", "[1]", '{"student": "long"}'])
def test_a_damaged_file_is_no_reason_to_stop(time: Time, tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with session(tmp_path)("student"):
        time.now += 2
    assert kept(tmp_path) == {"student": 2}


def test_the_report_of_a_resumed_run_counts_earlier_sessions(tmp_path: Path, monkeypatch) -> None:
    settings = parse_recipe(recipe(write_csv(tmp_path / "rows.csv"), seeds=[0], baseline=False), "test")
    export = order.export_all

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(order, "export_all", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(settings, tmp_path / "run")
    monkeypatch.setattr(order, "export_all", export)
    spent = kept(tmp_path / "run")
    assert {"teacher", "labelling", "student"} <= spent.keys()
    of = json.loads((tmp_path / "run" / FILE).read_text())["teacher"][2]
    hours = {"baseline": [1.0, 1.0, of]} | {name: [3600 + value, 1800, of] for name, value in spent.items()}
    (tmp_path / "run" / FILE).write_text(json.dumps(hours))
    seconds = run(settings, tmp_path / "run").evaluation.seconds
    assert list(seconds) == ["data", "teacher", "labelling", "student", "export", "evaluation"]
    assert all(seconds[name] > hours[name][0] for name in spent)
