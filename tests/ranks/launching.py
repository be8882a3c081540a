"""Start a Python program in several processes, as `torchrun` and `accelerate launch` do: by environment."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def launch(world: int, arguments: list[str]) -> None:
    """Run it in `world` processes and see that all of them end well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running(world, arguments, port, stderr=subprocess.STDOUT) as processes:
        said = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * world, "\n".join(said)


@contextmanager
def running(
    world: int, arguments: Sequence[str], port: int, *, stderr: int = subprocess.PIPE, **more: str
) -> Iterator[list["subprocess.Popen[str]"]]:
    """Yield the processes, by rank; they end with the block.

    Args:
        world: how many there are.
        arguments: of Python.
        port: of the store that they meet at.
        stderr: see `subprocess`.
        more: of their environment.
    """
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(world), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **common, **more, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        for rank in range(world)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.communicate()  # nothing is left open for the tests that follow
