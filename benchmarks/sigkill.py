"""Killed = not killed: the short demo is ended at a random time and started again, and must end in the same numbers.

    python benchmarks/sigkill.py [--kinds plain jobs ranks export] [--trials N] [--seed 0] [--at-a-time 1]

plain    one process; every trial is killed
jobs     `--jobs 2`; SIGKILL and SIGTERM in turn, to the process that was started and to no other
ranks    two processes that train each network together, under `torchrun`; signals as for jobs, to `torchrun`
export   one process, ended while networks are exported; signals as for jobs

Of each kind one run is left alone. Trial i is ended at a time drawn evenly from that run's duration, or of its export
(drawn again when the run was over before). What the run had started has to end by itself. Then the same line is run
again. Weights, teacher answers and exported files must be equal bit by bit, and all scores equal: `same_run.py` lists
what is compared, and the little that depends on a clock. Nothing may be left behind: no process, no file that was being
written, no lock; after SIGTERM and after the second run no temporary file either, but what libraries leave in any run.

Writes benchmarks/results/sigkill.json after every trial and goes on there when it is started again. A kind's trials are
all of one source, seed and machine: those of another are done anew when the kind is asked for. The folder of a trial
that differs is kept in runs/sigkill. Assets are fetched before the clock starts.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
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
from limbeck.pipeline.stages.clock import FILE as SECONDS

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "sigkill.json"
RUNS = Path("runs/sigkill")
OVERRIDES = (HERE / "short_demo.txt").read_text(encoding="utf-8").split()
STAGES = ("data", "teacher", "labelling", "arms", "student", "baseline", "export", "evaluation")
TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
ALONE_S = 15.0
"""How long processes have to end after the one that started them."""
MARK = "LIMBECK_TRIAL"
"""Names the trial in the environment of all its processes."""


@dataclass(frozen=True)
class Kind:
    """A way to start the demo, and to end it.

    Attributes:
        trials: how many there are.
        signals: taken in turn.
        module: what Python runs.
        options: of the command.
        within: the stage in which it is ended; None: anywhere.
    """

    trials: int = 20
    signals: tuple[signal.Signals, ...] = (signal.SIGKILL, signal.SIGTERM)
    module: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    within: str | None = None


KINDS = {
    "plain": Kind(100, (signal.SIGKILL,)),
    "jobs": Kind(options=("--jobs", "2")),
    "ranks": Kind(module=TORCHRUN),
    "export": Kind(within="export"),
}


@dataclass(frozen=True)
class Place:
    """Where a run of the demo is, and what belongs to it.

    Attributes:
        kind: how it is started.
        folder: of the run.
    """

    kind: Kind
    folder: Path

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder.with_suffix(".log")

    @property
    def temporary(self) -> Path:
        """Its folder of temporary files."""
        return self.folder.with_suffix(".tmp").absolute()

    def clear(self) -> None:
        """Remove all of it."""
        for path in (self.folder, self.temporary):
            shutil.rmtree(path, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the demo."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", *self.kind.module, "limbeck", "demo", "--out", str(self.folder)]
        environment = {MARK: str(self.folder.absolute()), "TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1"}
        with self.log.open("a", encoding="utf-8") as log:
            return subprocess.Popen(
                [*command, *self.kind.options, *OVERRIDES],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | environment,
            )

    def processes(self) -> list[int]:
        """Return the numbers of its processes, whoever is their parent now."""
        mark, found = f"{MARK}={self.folder.absolute()}".encode(), []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
            except OSError:
                continue  # it has ended, or is somebody else's
        return found

    def in_stage(self, stage: str) -> bool:
        """Return whether its log has come to a stage."""
        return self.log.is_file() and stage in self.log.read_text(encoding="utf-8", errors="replace").splitlines()


def main() -> int:
    """Do the trials that are not on record; return 1 when any differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--trials", type=int, help="of each kind; 100 plain ones and 20 of each other kind if left out")
    parser.add_argument("--seed", type=int, default=0, help="trial i draws its time from default_rng((seed, i))")
    parser.add_argument(
        "--at-a-time", type=int, default=1, help="trials at a time; with OMP_NUM_THREADS=1, one a core that they use"
    )
    options = parser.parse_args()
    for name in ("sentiment-ratings", "minilm"):
        asset(name)
    result, about = _record(), _about(options.seed)
    for name in options.kinds:
        _do_kind(name, options.trials or KINDS[name].trials, options.at_a_time, result, about)
    print(f"{result['equal']} of {result['of']}")
    return int(result["equal"] < result["of"])


def _do_kind(name: str, trials: int, at_a_time: int, result: dict[str, Any], about: dict[str, Any]) -> None:
    new = about | {"uninterrupted_seconds": None, "equal": 0, "of": 0, "trials": []}
    known = result["kinds"].get(name, new)
    if changed := [key for key in about if known[key] != about[key]]:
        print(f"{name}: its {known['of']} trials are of another {' and '.join(changed)}, and are discarded")
        known = new
    result["kinds"][name] = known
    whole = Place(KINDS[name], RUNS / about["source"] / name / "whole")
    if not (whole.folder / "report.html").is_file() or known["uninterrupted_seconds"] is None:
        print(f"{name}: the run that is left alone ...", flush=True)
        seconds = _whole(whole)
        # The trials on record have drawn from the duration on record.
        known["uninterrupted_seconds"] = known["uninterrupted_seconds"] or seconds
    on_record = {record["trial"] for record in known["trials"]}
    left = [number for number in range(trials) if number not in on_record]

    def do(trial: int) -> dict[str, Any]:
        return _trial(name, trial, about["seed"], whole, known["uninterrupted_seconds"])

    with ThreadPool(at_a_time) as pool:
        for record in pool.imap_unordered(do, left):
            known["trials"] = sorted([*known["trials"], record], key=lambda each: each["trial"])
            _keep(result)


def _keep(result: dict[str, Any]) -> None:
    for known in result["kinds"].values():
        known |= {"equal": sum(not one["differences"] for one in known["trials"]), "of": len(known["trials"])}
    result |= {key: sum(known[key] for known in result["kinds"].values()) for key in ("equal", "of")}
    write_json(RESULTS, result)


def _about(seed: int) -> dict[str, Any]:
    """Return what a trial is about; one of another source, machine or seed says nothing about this one."""
    package = Path(limbeck.__file__).parent
    files = sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    source = digest({str(path.relative_to(package)): file_digest(path) for path in files} | {"": OVERRIDES})
    return {"source": source, "seed": seed, "environment": describe_environment()}


def _record() -> dict[str, Any]:
    """Return the result so far."""
    new = {
        "claim": "a run that is killed at any time and started again ends in the numbers of one that was left alone",
        "demo": f"limbeck demo {' '.join(OVERRIDES)}",
        "command": "python benchmarks/sigkill.py",
        "equal": 0,
        "of": 0,
        "kinds": {},
    }
    return read_json(RESULTS, dict) if RESULTS.is_file() else new


def _whole(place: Place) -> float:
    place.clear()
    place.folder.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    code = place.start().wait()
    if code != 0:
        sys.exit(f"the run that is left alone failed with exit code {code}: see {place.log}")
    return time.monotonic() - start


def _trial(name: str, trial: int, seed: int, whole: Place, duration: float) -> dict[str, Any]:
    """End a run, run it again, and return what happened."""
    kind = whole.kind
    place = Place(kind, whole.folder.with_name(f"trial-{trial:03d}"))
    times, number = np.random.default_rng((seed, trial)), kind.signals[trial % len(kind.signals)]
    if kind.within is not None:
        duration = read_json(whole.folder / SECONDS, dict)[kind.within][0]
    code, found = 0, []
    while code == 0:
        place.clear()
        after = float(times.uniform(0, duration))
        code, found = _end(place, number, after)
    stage = _stage(place.folder)
    if number == signal.SIGTERM:
        found += _temporary(place, whole)
    shutil.rmtree(place.temporary, ignore_errors=True)
    start = time.monotonic()
    code = place.start().wait()
    rerun_seconds = time.monotonic() - start
    _until(lambda: not place.processes(), ALONE_S)
    found += [f"left behind: process {process}" for process in place.processes()]
    rest = [path.name for path in place.folder.rglob("*") if path.name.startswith((".", "lock-"))]
    found += [f"left behind: {name}" for name in rest if name != ".limbeck"] + _temporary(place, whole)
    found += differences(whole.folder, place.folder) + ([f"exit code {code}"] if code != 0 else [])
    print(
        f"{name} {trial}: {number.name} after {after:.1f} s ({stage}), run again in {rerun_seconds:.1f} s: "
        + (f"differs in {', '.join(found)}; kept in {place.folder}" if found else "equal"),
        flush=True,
    )
    if not found:
        place.clear()
    return {
        "trial": trial,
        "signal": number.name,
        "ended_after": after,
        "stage": stage,
        "rerun_seconds": rerun_seconds,
        "differences": found,
    }


def _end(place: Place, number: signal.Signals, after: float) -> tuple[int, list[str]]:
    """Start a run, and end it after so many seconds (of its stage); return its exit code and what is wrong.

    The code is 0 where it was over before.
    """
    process, found = place.start(), []
    try:
        if place.kind.within is not None:
            _until(lambda: place.in_stage(str(place.kind.within)) or process.poll() is not None, float("inf"))
        try:
            return process.wait(after), []
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        if not _until(lambda: process.poll() is not None and not place.processes(), ALONE_S):
            found = [f"went on after {number.name}: process {one}" for one in place.processes()]
        process.wait(ALONE_S)
        log = place.log.read_text(encoding="utf-8", errors="replace")
        if process.returncode == 128 + signal.SIGTERM and "the same line continues where it stopped" not in log:
            found.append("no line that resumes")
        return process.returncode, found
    finally:
        # Also when the benchmark itself is interrupted; a number is free again once its process has ended.
        for one in place.processes():
            os.kill(one, signal.SIGKILL)
        process.wait()


def _until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is true; return whether it is, or the time is over."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _temporary(place: Place, whole: Place) -> list[str]:
    """Return what is left in its folder of temporary files, beyond what libraries leave there in any run.

    `torchrun` leaves its logs, in a folder of random name.
    """
    known, found = ({path.name for path in one.temporary.iterdir()} for one in (whole, place))
    return [f"left behind: {name}" for name in sorted(found - known) if not name.startswith("torchelastic_")]


def _stage(folder: Path) -> str:
    """Return the stage that a run was in when it was ended: its log's last heading."""
    log, record = folder / "train.log", folder / "evaluation" / "stage.json"
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    stage = next((line for line in reversed(lines) if line in STAGES), "start")
    return "report" if record.is_file() and read_json(record, dict)["complete"] else stage


if __name__ == "__main__":
    sys.exit(main())
