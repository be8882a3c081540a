"""A run's folder is Limbeck's, and of one run at a time."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from limbeck.errors import LimbeckError
from limbeck.files import write_text
from limbeck.pipeline.stages.claim import LOG, claimed
from limbeck.processes import started
from limbeck.written import Written

HOLD = """
import sys
from pathlib import Path
from limbeck.pipeline.stages.claim import claimed
with claimed(Path(sys.argv[1]), "limbeck run mine.yaml"):
    print("held", flush=True)
    sys.stdin.read()
"""


def locks(folder: Path) -> list[Path]:
    return list((folder / ".limbeck").glob("lock*"))


def forge(folder: Path, **changes: object) -> Path:
    """Leave the lock of another process."""
    with claimed(folder, "limbeck run mine.yaml"):
        (mine,) = locks(folder)
        values = json.loads(mine.read_text())
    path = folder / ".limbeck/lock-forged.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(values | changes))
    return path


def refusal(folder: Path) -> str:
    """Return why the folder cannot be had."""
    with pytest.raises(LimbeckError) as refused, claimed(folder, "another"):
        pass
    return str(refused.value)


def fail(folder: Path, *written: Path) -> None:
    """Let a run write files and then meet bad input."""

    def work() -> None:
        with claimed(folder, "limbeck run mine.yaml"):
            for path in written:
                write_text(path, "text")
            raise LimbeckError("bad input")

    with pytest.raises(LimbeckError, match="bad input"):
        work()


@pytest.fixture(scope="module")
def dead() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_two_processes_and_then_the_first_one_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    line = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        refused = refusal(folder)
        assert f": process {first.pid}, limbeck run mine.yaml; wait for its end" in refused
        assert "a run is at work in this folder since 2" in refused
        assert len(locks(folder)) == 1
        first.kill()
        os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked how
        with claimed(folder, "limbeck run mine.yaml"):
            assert len(locks(folder)) == 1
    assert locks(folder) == []


@pytest.mark.parametrize("error", [LimbeckError("bad input"), KeyboardInterrupt()])
def test_it_is_free_again_after_an_error(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), claimed(tmp_path, "first"):
        raise error
    with claimed(tmp_path, "second"), pytest.raises(LimbeckError, match="at work"), claimed(tmp_path, "third"):
        pass
    assert locks(tmp_path) == []


def test_who_holds_a_lock(tmp_path: Path, dead: int, monkeypatch) -> None:
    """Alive is a process of that number that began when the lock says, on this machine and in this container."""

    def free(**changes: object) -> bool:
        lock = forge(tmp_path, **changes)
        try:
            with claimed(tmp_path, "another"):
                return not lock.exists()
        except LimbeckError:
            lock.unlink()
            return False

    parent = {"pid": os.getppid(), "started": started(os.getppid())}
    assert not free(**parent)
    assert free(**parent | {"started": "1"}), "the number was given to another process"
    assert not free(**parent | {"started": ""}), "it cannot be told apart"
    assert free(**parent | {"boot": "before the machine was started again"})
    assert free(pid=dead)
    assert not free(pid=dead, host="elsewhere")
    assert not free(pid=dead, space="pid:[1]")


def test_a_lock_of_another_machine_says_how_to_remove_it(tmp_path: Path) -> None:
    lock = forge(tmp_path, host="elsewhere", pid=7)
    refused = refusal(tmp_path)
    assert re.search(r"process 7 on elsewhere, .*; if no run .*, delete ", refused)
    assert refused.endswith(f"delete {lock}")


def test_a_lock_of_whom_nobody_can_tell_says_how_to_remove_it(tmp_path: Path) -> None:
    lock = forge(tmp_path, pid=os.getppid(), started="")  # as where there is no /proc
    assert refusal(tmp_path).endswith(f"if no run is at work there any more, delete {lock}")


def test_a_link_to_the_folder_is_the_folder(tmp_path: Path) -> None:
    run, link = tmp_path / "run", tmp_path / "link"
    run.mkdir()
    link.symlink_to(run)
    with claimed(run, "first"):
        assert "a run is at work" in refusal(link)
        assert len(locks(run)) == 1


def test_a_log_of_somebody_else_is_not_added_to(tmp_path: Path) -> None:
    Written(tmp_path).begin()
    (tmp_path / LOG).write_text("mine")
    assert "Limbeck did not write this" in refusal(tmp_path)
    assert locks(tmp_path) == []


def test_a_damaged_lock_is_one_line(tmp_path: Path) -> None:
    lock = forge(tmp_path, pid=-1)
    assert "damaged: no lock of a run; if no run is at work there any more, delete" in refusal(tmp_path)
    lock.unlink()
    with claimed(tmp_path, "another"):
        pass


@pytest.mark.parametrize("made", [True, False])
def test_a_run_that_is_refused_leaves_nothing(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "runs/mine"
    if made:
        folder.mkdir(parents=True)
    fail(folder, folder / "views/rows.txt")
    assert [*tmp_path.rglob("*")] == ([folder.parent, folder] if made else [])


def test_a_run_that_fails_later_keeps_what_it_has_done(tmp_path: Path) -> None:
    for _ in range(2):
        fail(tmp_path, tmp_path / LOG, tmp_path / "teacher/weights")
        assert (tmp_path / "teacher/weights").is_file()


def test_a_folder_of_somebody_is_left_as_it_is(tmp_path: Path) -> None:
    for name in ("train.log", "teacher/thesis.txt", "bundle/README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("years of work")
        before = sorted(tmp_path.rglob("*"))
        assert "something else than a run is there; give --out a new folder" in refusal(tmp_path)
        assert sorted(tmp_path.rglob("*")) == before


def test_a_run_that_was_killed_before_it_wrote_anything_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".limbeck").mkdir()
    (tmp_path / ".limbeck/written.txt").touch()
    with claimed(tmp_path, "another"):
        pass
