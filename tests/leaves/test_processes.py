"""Processes that end with their parents, and errors of a machine that is short of memory."""

import errno
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from limbeck import processes
from limbeck.errors import LimbeckError, of_the_machine, short_of_memory, unwritable
from limbeck.processes import alive, how_it_ended, require_addresses, started

PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
os.kill(os.getpid(), 9)
"""
CHILD = """
import os, threading
from limbeck import processes
never = threading.Event()
{how}
print("ready", flush=True)
never.wait(100)
"""
BY_THE_SYSTEM = "processes.end_with(os.getppid(), never.wait)"
BY_A_THREAD = """
del processes.ctypes.CDLL
parent = os.getppid()
def ended():
    while os.getppid() == parent:
        pass
processes.end_with(parent, ended)
"""


@pytest.mark.parametrize("how", [BY_THE_SYSTEM, BY_A_THREAD])
def test_a_child_ends_with_a_parent_that_is_killed(how: str) -> None:
    if how == BY_THE_SYSTEM and sys.platform != "linux":
        pytest.skip("a system that does it itself")
    # Its other end is closed when the last process that holds it has ended: the child, too, has it as stderr.
    ended = subprocess.run(
        [sys.executable, "-c", PARENT, CHILD.format(how=how)], stderr=subprocess.PIPE, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (-signal.SIGKILL, b"")


def test_a_child_whose_parent_has_ended_before_ends_at_once() -> None:
    line = "import os; from limbeck.processes import end_with; end_with(os.getppid() + 1, lambda: None); print('there')"
    ended = subprocess.run([sys.executable, "-c", line], stdout=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stdout) == (1, b"")


LAUNCHED = {"TORCHELASTIC_RUN_ID": "test", "TORCHELASTIC_USE_AGENT_STORE": "True", "MASTER_ADDR": "127.0.0.1"}
WITH_LAUNCHER = "import sys; from limbeck.processes import end_with_launcher; end_with_launcher(); {then}"
RANK = """
import sys, threading
from limbeck import cli
def held():
    assert "torch" not in sys.modules
    print("ready", flush=True)
    threading.Event().wait(100)
cli._open_streams = held
cli.main()
"""


def test_a_rank_whose_launcher_has_ended_before_ends_at_once() -> None:
    """Where another process takes children over, the number of the parent does not tell; the store does."""
    with socket.create_server(("127.0.0.1", 0)) as store:
        environment = {**os.environ, **LAUNCHED, "MASTER_PORT": str(store.getsockname()[1])}
        line = [sys.executable, "-c", WITH_LAUNCHER.format(then="print('there')")]
        there = subprocess.run(line, env=environment, stdout=subprocess.PIPE, check=False)
    ended = subprocess.run(line, env=environment, stdout=subprocess.PIPE, check=False)
    assert (there.returncode, there.stdout) == (0, b"there\n")
    assert (ended.returncode, ended.stdout) == (1, b"")


def test_a_rank_ends_with_its_launcher_before_torch_is_imported() -> None:
    """While torch was imported, ranks on a busy machine outlived a launcher that was killed by more than 15 s."""
    with socket.create_server(("127.0.0.1", 0)) as store:
        ended = subprocess.run(
            [sys.executable, "-c", PARENT, RANK],
            env={**os.environ, **LAUNCHED, "MASTER_PORT": str(store.getsockname()[1])},
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (-signal.SIGKILL, b"")


def test_a_process_that_waits_for_its_parent_to_notice_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        since = started(child.pid)
        assert alive(child.pid, since)
        assert not alive(child.pid, "another")
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert alive(child.pid)
        assert not alive(child.pid, since)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "ended with code 3"),
        (-9, "was killed (SIGKILL)"),
        (-15, "was killed (SIGTERM)"),
        (-99, "ended with code -99"),
    ],
)
def test_an_end_in_words(code: int, words: str) -> None:
    assert how_it_ended(code) == words


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


SHORT = [
    MemoryError(),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried ..."),
    RuntimeError("std::bad_alloc"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("can't start new thread"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    raised_from(ValueError("no kernel"), MemoryError()),
]


@pytest.mark.parametrize("error", SHORT, ids=lambda error: f"{type(error).__name__}: {error}")
def test_a_shortage_of_memory_is_one_line(error: Exception) -> None:
    line = str(of_the_machine(error))
    assert line.startswith("the machine gives no more memory; raise its limit (ulimit -v, that of a container), or ask")
    assert len(line.splitlines()) == 1


def test_other_errors_are_none_of_memory() -> None:
    assert of_the_machine(ValueError("wrong")) is None
    assert short_of_memory(OSError(errno.EACCES, "no right")) is None
    assert str(of_the_machine(OSError(errno.EACCES, "no right", "a.csv"))) == "a.csv: no right (--debug shows where)"
    assert short_of_memory(raised_from(ValueError("wrong"), LimbeckError("out of memory"))) is None


def test_what_cannot_be_written_for_want_of_memory_is_no_matter_of_rights() -> None:
    assert "no more memory" in str(unwritable("a.json", OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))))


def test_a_limit_that_no_run_fits_in_is_refused(monkeypatch) -> None:
    require_addresses()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 30, resource.RLIM_INFINITY))
    with pytest.raises(LimbeckError, match=r"^ulimit -v: this process may have 1\.1 GB of address space"):
        require_addresses()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (processes.LEAST_ADDRESSES, resource.RLIM_INFINITY))
    require_addresses()


@pytest.mark.parametrize("megabytes", [300, 600, 1500])
def test_a_run_under_such_a_limit_is_one_line(tmp_path: Path, megabytes: int) -> None:
    """At 600 MB there was a traceback without end, at 1.5 GB a library hung."""
    limit = megabytes << 20
    ended = subprocess.run(
        [sys.executable, "-m", "limbeck", "run", "sentiment", "--out", str(tmp_path / "run")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: ulimit -v: this process may have")
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()
