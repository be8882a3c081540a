"""A lock is held by one, wherever it is, and by nobody once its holder is dead."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from limbeck import locks
from limbeck.errors import LimbeckError
from limbeck.locks import FOLDER, Holder, content_of, holder_of, is_held, locked, take

HOLD = """
import sys
from pathlib import Path
from limbeck.locks import take
assert take(Path(sys.argv[1]), "work", b"rows") is not None
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_held_once_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    lock = take(folder, "work", b"\x00\n\xff")
    assert lock is not None
    assert take(folder, "work") is None, "also by the same process"
    other = take(folder, "other")
    assert other is not None
    path = folder / FOLDER / "work"
    assert is_held(path)
    assert content_of(path) == b"\x00\n\xff"
    assert holder_of(path) == Holder(Holder.me().host, os.getpid(), getattr(holder_of(path), "since", ""))
    lock.release()
    lock.release()
    assert not path.exists()
    assert not is_held(path)
    assert is_held(folder / FOLDER / "other")
    other.release()
    assert not [*folder.iterdir()]


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    line = [sys.executable, "-c", HOLD, str(tmp_path)]
    path = tmp_path / FOLDER / "work"
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert take(tmp_path, "work") is None
        assert str(holder_of(path)) == f"process {process.pid}"
        process.kill()
        process.wait()
    assert not is_held(path)
    lock = take(tmp_path, "work")
    assert lock is not None
    assert content_of(path) == b""
    lock.release()


def test_who_waits_says_so_and_has_it_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENT_S", 0.0)
    told: list[Holder | None] = []
    first = take(tmp_path, "work")
    assert first is not None

    def waiting(holder: Holder | None) -> None:
        told.append(holder)
        threading.Timer(0.1, first.release).start()

    with locked(tmp_path, "work", waiting):
        assert is_held(tmp_path / FOLDER / "work")
    assert [str(holder) for holder in told] == [f"process {os.getpid()}"], "once"
    assert not [*tmp_path.iterdir()]


def test_many_threads_are_in_a_block_one_at_a_time(tmp_path: Path) -> None:
    """Each removes the lock's file when it leaves: none may hold a file that has no name any more."""
    folder, inside, most = tmp_path / "made/and/removed", [0], [0]

    def work() -> None:
        for _ in range(30):
            with locked(folder, "work"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_disk_without_locks_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(LimbeckError) as caught:
        take(tmp_path, "work")
    assert str(caught.value) == (
        f"{tmp_path}: cannot be locked (No locks available), and several processes may write there; give cache.path "
        "a folder on a disk that has locks, or leave it null"
    )


def test_a_folder_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LimbeckError, match="cannot be written"):
        take(tmp_path / "file", "work")
    (tmp_path / FOLDER).write_text("mine")
    with pytest.raises(LimbeckError, match="cannot be written"):
        take(tmp_path, "work")
