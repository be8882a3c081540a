"""What a stage keeps, and what it does again."""

from pathlib import Path

import pytest

from limbeck.files import write_text
from limbeck.pipeline.stage import Stage
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
