"""A run that may take several sessions, and the time of all of them: shared by benchmarks that take an hour or more."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from limbeck.files import read_json, staged, write_json
from limbeck.pipeline.stages.claim import claimed

LIMITS = ("OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM")


COMMAND = ("-m", "limbeck")
TOGETHER = ("-m", "torch.distributed.run", "--nproc-per-node", "2", *COMMAND)
"""Two processes that train each network together, a thread each: two cores, better used by a BiLSTM."""


def clocked_run(recipe: str, overrides: list[str], folder: Path, *, command: Sequence[str] = COMMAND) -> dict[str, Any]:
    """Carry out a recipe, or finish its run; return the seconds of all sessions that ended of their own or by Ctrl-C.

    Args:
        recipe: packaged name.
        overrides: as on the command line.
        folder: of the run; the clock stands beside it.
        command: what Python runs.
    """
    clock = folder.with_name(f"{folder.name}-seconds.json")
    spent = read_json(clock, dict) if clock.is_file() else {"wall_seconds": 0.0, "cpu_seconds": 0.0, "sessions": 0}
    line = [sys.executable, *command, "run", recipe, *overrides, "--out", str(folder)]
    # Whatever the benchmark itself is held to, the run takes all cores.
    environment = {name: value for name, value in os.environ.items() if name not in LIMITS}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        subprocess.run(line, check=True, env=environment)
    finally:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent["wall_seconds"] += time.monotonic() - start
        spent["cpu_seconds"] += used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        spent["sessions"] += 1
        write_json(clock, spent)
    return spent


def adopt(part: Path, run: Path, name: str) -> None:
    """Give a run a finished part of another, if there is one and it has none; where it differs, it is done anew."""
    if part.is_dir() and not (run / name).exists():
        with claimed(run, f"a benchmark, which lays `{name}` there"), staged(run / name) as aside:
            shutil.copytree(part, aside)
