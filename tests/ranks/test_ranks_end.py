"""Where one of several processes ends, all end, in one line that names it; `ending.py` says how they end."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch.distributed as dist
from launching import running

WORKER = Path(__file__).parent / "ending.py"
NAMED = (
    "error: rank {rank} (process {pid}) of 2 processes ended before the run did; what it printed says why (where it "
    "printed nothing, it was killed, as for memory); the same line, with its launcher, continues where the run stopped"
)
STOPPED = "terminated; the same line, with its launcher, continues where it stopped: limbeck run mine.yaml"


@pytest.fixture
def store():
    """What `torchrun` holds for its processes."""
    return dist.TCPStore("127.0.0.1", 0, None, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60))


def ends(store, how, victim=0, *, send=None):
    """Return the exit codes and all that was said."""
    arguments, launched = [str(WORKER), how, str(victim)], {"TORCHELASTIC_USE_AGENT_STORE": "True"}
    with running(2, arguments, store.port, **launched) as processes:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for rank in send or ():
            processes[rank].send_signal(signal.SIGTERM)
        said = [line for process in processes for line in process.communicate(timeout=100)[1].splitlines()]
    return [process.returncode for process in processes], said, [process.pid for process in processes]


@pytest.mark.parametrize("victim", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_one_that_is_killed_ends_the_other_and_is_named(store, victim):
    codes, said, pids = ends(store, "is killed", victim)
    assert codes[victim] == -signal.SIGKILL
    assert codes[1 - victim] == 2
    assert said == [NAMED.format(rank=victim, pid=pids[victim])]


def test_an_error_of_one_is_the_only_line(store):
    assert ends(store, "fails", 1)[:2] == ([2, 2], ["error: the disk is full"])


@pytest.mark.slow
def test_an_error_of_all_is_said_once(store):
    assert ends(store, "is refused")[:2] == ([2, 2], ["error: rows.csv: no such file"])


@pytest.mark.slow
def test_a_mistake_of_ours_keeps_its_traceback_and_ends_the_other(store):
    codes, said, _ = ends(store, "errs", 1)
    assert codes == [2, 1]
    assert "ValueError: a mistake of ours" in "\n".join(said)
    assert not [line for line in said if line.startswith("error:")]


def test_a_signal_to_all_is_no_end_of_one(store):
    assert ends(store, "stops", send=(0, 1))[:2] == ([143, 143], [STOPPED])


LAUNCHER = """
import os, signal, sys
from launching import running
with running(2, [sys.argv[1], "stops", "0"], int(sys.argv[2]), stderr=2) as processes:
    for process in processes:
        process.stdout.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_ends_with_its_launcher(store, monkeypatch):
    """`torchrun` that was killed left them at work, and they held the run's folder."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    line = [sys.executable, "-c", LAUNCHER, str(WORKER), str(store.port)]
    # The pipe is at its end when nobody holds it any more, neither the launcher nor a process.
    ended = subprocess.run(line, cwd=WORKER.parent, stderr=subprocess.PIPE, timeout=90, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGKILL, b"")
