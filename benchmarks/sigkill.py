"""Killed = not killed: the short demo is killed at a random time and started again, and must end in the same numbers.

    python benchmarks/sigkill.py [--trials 100] [--seed 0] [--jobs 1]

One run is left alone. Trial i is killed, with everything it started, at a time drawn evenly from that run's duration
(drawn again when the run was over before); then the same line is run again. Weights, teacher answers and exported files
must be equal bit by bit, and all scores equal: `same_run.py` lists what is compared, and the little that depends on a
clock.

Writes benchmarks/results/sigkill.json after every trial and goes on there when it is started again. The folder of a
trial that differs is kept in runs/sigkill. Assets are fetched before the clock starts.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
from same_run import differences

import limbeck
from limbeck.assets import asset
from limbeck.digest import digest, file_digest
from limbeck.files import read_json, write_json
from limbeck.pipeline.order import describe_environment

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "sigkill.json"
RUNS = Path("runs/sigkill")
OVERRIDES = (HERE / "short_demo.txt").read_text(encoding="utf-8").split()
STAGES = ("data", "teacher", "labelling", "student", "baseline", "export", "evaluation")


def main() -> int:
    """Do the trials that are not on record; return 1 when any differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="trial i draws its time from default_rng((seed, i))")
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time; with OMP_NUM_THREADS=1, one a core")
    options = parser.parse_args()
    for name in ("sentiment-ratings", "minilm"):
        asset(name)
    result = _record(options.seed)
    whole = RUNS / result["source"] / "whole"
    if not (whole / "report.html").is_file() or result["uninterrupted_seconds"] is None:
        print("the run that is left alone ...", flush=True)
        seconds = _whole(whole)
        # The trials on record have drawn from the duration on record.
        result["uninterrupted_seconds"] = result["uninterrupted_seconds"] or seconds
    on_record = {record["trial"] for record in result["trials"]}
    left = [number for number in range(options.trials) if number not in on_record]

    def do(trial: int) -> dict[str, Any]:
        return _trial(trial, options.seed, whole, result["uninterrupted_seconds"])

    with ThreadPool(options.jobs) as pool:
        for record in pool.imap_unordered(do, left):
            result["trials"] = sorted([*result["trials"], record], key=lambda each: each["trial"])
            _keep(result)
    print(f"{result['equal']} of {result['of']}")
    return int(result["equal"] < result["of"])


def _keep(result: dict[str, Any]) -> None:
    equal, of = sum(not record["differences"] for record in result["trials"]), len(result["trials"])
    result |= {"equal": equal, "of": of, "command": f"python benchmarks/sigkill.py --trials {of}"}
    write_json(RESULTS, result)


def _record(seed: int) -> dict[str, Any]:
    """Return the result so far; one of another source, machine or seed says nothing about this one."""
    package = Path(limbeck.__file__).parent
    files = sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    new: dict[str, Any] = {
        "claim": "a run that is killed at any time and started again ends in the numbers of one that was left alone",
        "demo": f"limbeck demo {' '.join(OVERRIDES)}",
        "source": digest({str(path.relative_to(package)): file_digest(path) for path in files} | {"": OVERRIDES}),
        "seed": seed,
        "environment": describe_environment(),
        "command": "",
        "uninterrupted_seconds": None,
        "equal": 0,
        "of": 0,
        "trials": [],
    }
    old = read_json(RESULTS, dict) if RESULTS.is_file() else new
    changed = [key for key in ("source", "seed", "environment") if old[key] != new[key]]
    if changed:
        print(f"{RESULTS.name} is of another {' and '.join(changed)}: its {len(old['trials'])} trials are discarded")
    return new if changed else old


def _whole(folder: Path) -> float:
    shutil.rmtree(folder, ignore_errors=True)
    start = time.monotonic()
    code = _run(folder, None)
    if code != 0:
        sys.exit(f"the run that is left alone failed with exit code {code}: see {_log(folder)}")
    return time.monotonic() - start


def _trial(trial: int, seed: int, whole: Path, duration: float) -> dict[str, Any]:
    """Kill a run, run it again, and return what happened."""
    folder, times = whole.with_name(f"trial-{trial:03d}"), np.random.default_rng((seed, trial))
    code = 0
    while code != -signal.SIGKILL:
        shutil.rmtree(folder, ignore_errors=True)
        _log(folder).unlink(missing_ok=True)
        killed_after = float(times.uniform(0, duration))
        code = _run(folder, killed_after)
        if code not in (0, -signal.SIGKILL):
            raise RuntimeError(f"a run failed with exit code {code}: see {_log(folder)}")
    stage = _stage(folder)
    start = time.monotonic()
    code = _run(folder, None)
    rerun_seconds = time.monotonic() - start
    left = [path for path in folder.rglob("*") if path.name.startswith((".", "lock-")) and path.name != ".limbeck"]
    found = differences(whole, folder) + [f"left behind: {path.name}" for path in left]
    if code != 0:
        found.append(f"exit code {code}")
    print(
        f"trial {trial}: killed after {killed_after:.1f} s ({stage}), run again in {rerun_seconds:.1f} s: "
        + (f"differs in {', '.join(found)}; kept in {folder}" if found else "equal"),
        flush=True,
    )
    if not found:
        shutil.rmtree(folder)
        _log(folder).unlink()
    return {
        "trial": trial,
        "killed_after": killed_after,
        "stage": stage,
        "rerun_seconds": rerun_seconds,
        "differences": found,
    }


def _run(folder: Path, kill_after: float | None) -> int:
    """Run the short demo; kill it and everything that it started after so many seconds; return its exit code."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "limbeck", "demo", "--out", str(folder), *OVERRIDES]
    with _log(folder).open("a", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            return process.wait(kill_after)
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL
        finally:
            # Also when the benchmark itself is interrupted; a session's number is free again once all of it has ended.
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _log(folder: Path) -> Path:
    return folder.with_suffix(".log")


def _stage(folder: Path) -> str:
    """Return the stage that a killed run was in: its log's last heading."""
    log, record = folder / "train.log", folder / "evaluation" / "stage.json"
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    stage = next((line for line in reversed(lines) if line in STAGES), "start")
    return "report" if record.is_file() and read_json(record, dict)["complete"] else stage


if __name__ == "__main__":
    sys.exit(main())
