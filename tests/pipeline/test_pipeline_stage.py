"""What a stage keeps, and what it does again."""

import json
from pathlib import Path

import pytest

from limbeck.errors import LimbeckError
from limbeck.files import write_text
from limbeck.pipeline.stages.stage import Stage, once
from limbeck.written import Written


def stage(folder: Path, *, threads: int, rate: float = 0.1) -> Stage:
    return Stage(folder / "stage", {"rate": rate}, conditions={"threads": threads})


def start(made: Stage, *, fail: bool = False) -> None:
    """Do its work, or half of it."""
    with made.working() as folder:
        (folder / "result").write_text("a")
        if fail:
            raise KeyboardInterrupt


def test_a_finished_stage_is_kept_under_other_conditions(tmp_path: Path) -> None:
    first = stage(tmp_path, threads=1)
    start(first)
    other = stage(tmp_path, threads=2)
    assert other.done
    # What depends on it depends on what is there: a result of one thread.
    assert other.digest == first.digest


def test_an_unfinished_stage_is_done_again_under_other_conditions(tmp_path: Path, capsys) -> None:
    with pytest.raises(KeyboardInterrupt):
        start(stage(tmp_path, threads=1), fail=True)
    assert not stage(tmp_path, threads=1).done
    assert (tmp_path / "stage/result").exists(), "goes on under the same ones"
    assert not stage(tmp_path, threads=2).done
    assert not (tmp_path / "stage").exists()
    assert "stage: threads changed, done again" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("views/e5489ed653506279", "  views: rate"),
        ("student/seed-0", "  student/seed-0: rate"),
        ("teacher", "  teacher: rate"),
    ],
)
def test_a_stage_is_called_by_a_name_that_says_something(tmp_path: Path, capsys, name, said) -> None:
    start(Stage(tmp_path / name, {"rate": 1}))
    Stage(tmp_path / name, {"rate": 2})
    assert f"{said} changed, done again" in capsys.readouterr().out


def test_a_file_of_somebody_else_is_no_part_of_a_stage(tmp_path: Path) -> None:
    Written(tmp_path).begin()
    theirs = tmp_path / "stage/notes.txt"
    theirs.parent.mkdir()
    theirs.write_text("mine")
    first = stage(tmp_path, threads=1)
    with first.working() as folder:
        write_text(folder / "result", "42")
    theirs.write_text("mine too")
    assert stage(tmp_path, threads=1).done
    assert not stage(tmp_path, threads=1, rate=0.2).done
    assert [path.name for path in theirs.parent.iterdir()] == ["notes.txt"]


def test_a_finished_stage_of_other_inputs_is_done_again(tmp_path: Path, capsys) -> None:
    start(stage(tmp_path, threads=1))
    assert not stage(tmp_path, threads=2, rate=0.2).done
    assert not (tmp_path / "stage").exists()
    assert "rate, threads changed, done again" in capsys.readouterr().out


class Once:
    """Asks `once` for a file, and remembers what was called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.called = folder / "stage", []

    def make(self, stage: Stage) -> str:
        self.called.append("make")
        (stage.folder / "result").write_text("a")
        return "a"

    def load(self, stage: Stage) -> str:
        self.called.append("load")
        return (stage.folder / "result").read_text()

    def before(self) -> None:
        self.called.append("before, nothing on record" if not (self.folder / "stage.json").exists() else "before")

    def go(self, *, rate: float = 0.1, **options) -> list[str]:
        self.called = []
        stage, result = once(self.folder, {"rate": rate}, self.make, self.load, before=self.before, **options)
        assert result == "a"
        assert Stage(self.folder, {"rate": rate}).done
        assert stage.digest == Stage(self.folder, {"rate": rate}).digest
        return self.called


@pytest.mark.parametrize("by", ["main", "all", "each"])
def test_a_result_is_made_once_and_then_loaded(tmp_path: Path, by: str) -> None:
    asked = Once(tmp_path)
    assert asked.go(by=by) == ["before, nothing on record", "make"]
    assert asked.go(by=by) == ["load"]
    assert asked.go(by=by, rate=0.2) == ["before, nothing on record", "make"]
    assert asked.go(by=by, whole=lambda: True, rate=0.2) == ["load"]
    assert asked.go(by=by, whole=lambda: False, rate=0.2) == ["before", "make"], "what lies elsewhere is gone"


@pytest.mark.parametrize("by", ["main", "all", "each"])
def test_what_was_not_finished_is_made_again(tmp_path: Path, by: str) -> None:
    asked = Once(tmp_path)

    def interrupted(stage: Stage) -> str:
        asked.make(stage)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(asked.folder, {"rate": 0.1}, interrupted, asked.load, by=by)
    assert asked.go(by=by) == ["before", "make"]


def test_a_file_that_the_record_does_not_name_and_that_is_gone(tmp_path):
    def made(stage):
        (stage.folder / "x.txt").write_text("x")

    def loaded(stage):
        return (stage.folder / "x.txt").read_text()

    once(tmp_path / "stage", {}, made, loaded)
    record = tmp_path / "stage" / "stage.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"files": {}}))
    (tmp_path / "stage" / "x.txt").unlink()
    with pytest.raises(LimbeckError, match=r"x.txt: the file of a finished stage is missing; delete .* and run again"):
        once(tmp_path / "stage", {}, made, loaded)
