"""What the machine does to a run: no room on the disk, Ctrl-C, and SIGTERM."""

import errno
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cases import DISK_FULL, DISK_FULL_IN, SIGNALS
from workshop import RUN, Finished, Snapshot, call, debris

from limbeck.files import staged

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """Let the system refuse to write beyond `size` bytes of any file, as it does beyond the end of a disk.

    Python ignores the signal that would come with it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def check_full_disk(folder: Path, snapshot: Snapshot, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, err = call(capsys, *RUN)
    assert code == 2
    assert len(err.splitlines()) == 1, err
    snapshot.check(name, err, folder)
    assert debris(folder) == []


@pytest.mark.parametrize("size", DISK_FULL)
def test_a_full_disk(size: int, folder: Path, snapshot: Snapshot, capsys) -> None:
    with no_file_over(size):
        check_full_disk(folder, snapshot, DISK_FULL[size], capsys)
    if size == max(DISK_FULL):  # one for the others: a run takes seconds
        assert call(capsys, *RUN) == (0, "")
        assert (folder / "out/bundle/model.onnx").is_file()


@pytest.mark.parametrize(("function", "name"), DISK_FULL_IN.items())
def test_a_disk_that_fills_up_in_a_step_whose_failures_are_reported_only(
    function: str, name: str, folder: Path, finished: Finished, snapshot: Snapshot, monkeypatch, capsys
) -> None:
    """A network that cannot be exported is no reason to stop; a full disk is."""

    def fill(model: object, path: Path, *_: object) -> None:
        with staged(path) as aside:
            aside.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shutil.copytree(finished.complete, folder / "out")
    for made in ("export", "evaluation", "bundle"):
        shutil.rmtree(folder / "out" / made)
    monkeypatch.setattr(function, fill)
    for name_of_number in ("ROWS", "CALIBRATING"):  # so that int8 is tried with these few rows
        monkeypatch.setattr(f"limbeck.bundle.precision.{name_of_number}", 4)
    check_full_disk(folder, snapshot, name, capsys)


def test_a_disk_that_is_really_full(folder: Path, capsys) -> None:
    (folder / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(folder / "disk")]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs root")
    line = ("run", "tiny.yaml", "--out", "disk/out")
    try:
        code, err = call(capsys, *line)
        assert code == 2
        assert "cannot be written (No space left on device); make room, and the same line continues" in err
        assert len(err.splitlines()) == 1, err
        assert debris(folder) == []
        subprocess.run(["mount", "-o", "remount,size=8m", str(folder / "disk")], check=True)
        assert call(capsys, *line) == (0, "")
    finally:
        subprocess.run(["umount", str(folder / "disk")], check=True)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_that_ends_a_run(number: signal.Signals, folder: Path, snapshot: Snapshot, capsys) -> None:
    line = ["run", "tiny.yaml", "student.train.steps=300", "--out", "out"]
    command = [sys.executable, "-m", "limbeck", *line]
    # A process that a shell started in the background ignores the signal, and so would its children.
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        # The heading under which the student trains; the teacher is finished then.
        said = list(iter(process.stdout.readline, "student\n"))
        process.send_signal(number)
        _, err = process.communicate()
    assert any("teacher: done after" in text for text in said)
    # A shell calls both 130 or 143: Python may end by the signal itself.
    assert process.returncode in (128 + number, -number), err
    assert "Traceback" not in err
    # An extension module that it meets may warn before.
    last = err.splitlines()[-1]
    snapshot.check(SIGNALS[number], last, folder)
    assert debris(folder) == []
    assert not (folder / "out/evaluation.json").exists()

    program, *again = shlex.split(last.split("stopped: ")[1])
    assert (program, again) == ("limbeck", line)
    teacher = (folder / "out/teacher/model.safetensors").stat().st_mtime_ns
    assert call(capsys, *again) == (0, "")
    assert (folder / "out/teacher/model.safetensors").stat().st_mtime_ns == teacher
    assert (folder / "out/bundle/model.onnx").is_file()
