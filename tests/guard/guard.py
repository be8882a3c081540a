"""Does a change of the source change a result? BASE and the working tree run the same small cases, compared bit by bit.

    make guard                                       # all cases, about 4 minutes on two idle cores
    python tests/guard/guard.py ensemble curves      # those whose name or purpose holds one of the words
    python tests/guard/guard.py --base main --keep runs/guard --out record.json

BASE is checked out into a folder of its own. Both sides run on this machine, with this Python, side by side. Weights,
the teacher's cached answers, scores and exported files' outputs must be equal to the last bit; p-values and intervals
to 0.05 points. What was renamed since BASE stands in `renamed.py`. The exit code is 1 where anything differs.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from queue import Queue
from typing import Any

if __name__ == "__main__":  # the folder of a script stands first, and there `guard` would be this file
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from guard.cases import CASES, Case
from guard.compare import COLUMNS, Column, compare
from guard.facts import facts_of

BASE = "2ee5e06"
"""The commit whose results are to be kept."""

ROOT = Path(__file__).resolve().parents[2]
SHOWN = 8
"""Differences of a column that are listed."""
PACKAGES = ("torch", "transformers", "tokenizers", "onnxruntime", "onnx", "numpy", "scikit-learn", "scipy")


@dataclass
class Outcome:
    """What came out of a case.

    Attributes:
        case: that was run.
        columns: by name; none where nothing could be compared.
        seconds: of processor time, by side.
        problem: why nothing could be compared.
    """

    case: Case
    columns: dict[str, Column] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    problem: str = ""

    @property
    def equal(self) -> bool:
        """Whether everything was compared, and nothing differs."""
        return not self.problem and not any(column.differences for column in self.columns.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases on both sides and print a table; return 0 when all are equal."""
    options = _options(arguments)
    words = [word.lower() for word in options.names]
    chosen = [
        case for case in CASES if not words or any(word in f"{case.name} {case.covers}".lower() for word in words)
    ]
    if not chosen:
        print(f"no such case; there are {', '.join(case.name for case in CASES)}")
        return 1
    start = time.monotonic()
    with _folder(options.keep) as folder, _sources(folder, options.base) as sources:
        commit = _git("rev-parse", "--short", options.base)
        print(
            f"{len(chosen)} cases: BASE is {commit}, HEAD is the working tree on {_git('rev-parse', '--short', 'HEAD')}"
        )
        outcomes = list(_outcomes(folder, sources, chosen))
        print("\n".join(["", *_table(outcomes), *_details(outcomes)]))
        equal = sum(outcome.equal for outcome in outcomes)
        took = time.monotonic() - start
        print(f"\n{equal} of {len(outcomes)} cases are equal, in {took:.0f} s")
        if options.out:
            _write_record(options.out, commit, outcomes, took)
        if options.keep:
            print(f"runs and logs of both sides are kept in {folder}")
    return int(equal < len(outcomes))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="words of the cases to run; all by default")
    parser.add_argument("--base", default=BASE, metavar="COMMIT", help=f"the commit to compare with, {BASE} by default")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a new folder in which both sides' runs are kept")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the record there, as JSON")
    return parser.parse_args(arguments)


# --- two sides ------------------------------------------------------------------------------------------------------


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give the folder of both sides; it is removed again unless it is to be kept."""
    if keep is not None:
        if keep.exists():
            raise SystemExit(f"{keep} exists; name a new folder")
        keep.mkdir(parents=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="guard-") as folder:
        yield Path(folder).resolve()


@contextmanager
def _sources(folder: Path, base: str) -> Iterator[dict[str, Path]]:
    """Give each side's `src`: of a worktree of BASE, and of a copy of the working tree."""
    tree, copy = folder / "base-source", folder / "head-source" / "src"
    _git("worktree", "add", "--detach", "--quiet", str(tree), base)
    try:
        shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
        yield {"base": tree / "src", "head": copy}
    finally:
        with suppress(SystemExit):
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def _outcomes(folder: Path, sources: dict[str, Path], chosen: Sequence[Case]) -> Iterator[Outcome]:
    """Run both sides and yield what came out of each case, as soon as both are through with it."""
    said: Queue[tuple[str, dict[str, Any]]] = Queue()
    sides = {side: _start(side, folder / side, source, chosen, said) for side, source in sources.items()}
    cases = {case.name: case for case in chosen}
    ended: dict[str, dict[str, dict[str, Any]]] = {}
    running = set(sides)
    try:
        while running:
            side, line = said.get()
            if "error" in line:
                raise SystemExit(f"{side}: {line['error']}")
            if line.get("end"):
                running.discard(side)
                continue
            name = line["case"]
            if not name and line["code"]:
                raise SystemExit(f"the data could not be written: {_last_line(folder / side / 'logs/data.log', side)}")
            ended.setdefault(name, {})[side] = line
            if len(ended[name]) == len(sides) and name in cases:
                outcome = _outcome(folder, cases.pop(name), ended[name])
                print(_progress(len(chosen) - len(cases), len(chosen), outcome), flush=True)
                yield outcome
    finally:
        for process in sides.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and whatever it started
            process.wait()
    for case in cases.values():
        logs = ", ".join(_last_line(folder / side / "side.log", side) for side in sides)
        yield Outcome(case, problem=f"a side ended before it was through with it: {logs}")


def _start(
    side: str, folder: Path, source: Path, chosen: Sequence[Case], said: "Queue[tuple[str, dict[str, Any]]]"
) -> "subprocess.Popen[str]":
    """Start a side; each line that it says, and its end, are put into the queue."""
    folder.mkdir()
    paths = {"PYTHONPATH": os.pathsep.join([str(source), str(ROOT / "tests")])}
    quiet = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    with (folder / "side.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "guard.side", str(folder), str(source), side, *(case.name for case in chosen)],
            cwd=folder,
            env={**os.environ, **paths, **quiet},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.put((side, json.loads(line)))
        said.put((side, {"end": True}))

    threading.Thread(target=listen, daemon=True).start()
    return process


def _outcome(folder: Path, case: Case, ended: dict[str, dict[str, Any]]) -> Outcome:
    """Compare what both sides left of a case."""
    outcome = Outcome(case, seconds={side: round(line["processor"], 1) for side, line in sorted(ended.items())})
    if failed := [side for side, line in sorted(ended.items()) if line["code"]]:
        logs = ", ".join(_last_line(folder / side / "logs" / f"{case.name}.log", side) for side in failed)
        outcome.problem = f"failed: {logs}"
        return outcome
    both = [
        facts_of(
            folder / side / "runs" / case.name,
            folder / side / "predictions" / f"{case.name}.json",
            head=side == "head",
        )
        for side in ("base", "head")
    ]
    outcome.columns = compare(*both)
    if not outcome.columns["weights"].count:
        outcome.problem = "it left no weights: nothing was compared"
    return outcome


def _last_line(log: Path, side: str) -> str:
    """Return what a side said last, or the error that it told its user."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.is_file() else []
    said = [line.strip() for line in lines if line.strip()]
    told = [line for line in said if line.startswith("error: ")]  # to a user; a traceback may come after it
    return f"{side}: {[*said, *told][-1] if said else 'nothing was said'}"


# --- what is printed ------------------------------------------------------------------------------------------------


def _progress(number: int, of: int, outcome: Outcome) -> str:
    times = " and ".join(f"{outcome.seconds[side]:.1f}" for side in ("base", "head"))
    found = "equal" if outcome.equal else _verdict(outcome)
    return f"[{number:2}/{of}] {outcome.case.name:<10} {times} s of processor time: {found}"


def _verdict(outcome: Outcome) -> str:
    return (
        outcome.problem or f"differs in {', '.join(k for k, column in outcome.columns.items() if column.differences)}"
    )


def _table(outcomes: Sequence[Outcome]) -> list[str]:
    """Return one row a case."""
    rows = [["case", *COLUMNS]]
    for outcome in outcomes:
        cells = [str(outcome.columns[name]) if outcome.columns else "-" for name in COLUMNS]
        rows.append([outcome.case.name, *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def _details(outcomes: Sequence[Outcome]) -> list[str]:
    """Return what differs, the first of each column, and what could not be compared."""
    lines = []
    for outcome in outcomes:
        if outcome.problem:
            lines += ["", f"{outcome.case.name}: {outcome.problem}"]
        for name, column in outcome.columns.items():
            if column.differences:
                lines += ["", f"{outcome.case.name}, {name}: {column}"]
                lines += [f"  {each}" for each in column.differences[:SHOWN]]
                more = len(column.differences) - SHOWN
                lines += [f"  and {more:,} more"] if more > 0 else []
            lines += [f"{outcome.case.name}, {name}: not compared: {each}" for each in column.left_out]
    return lines


def _write_record(path: Path, commit: str, outcomes: Sequence[Outcome], took: float) -> None:
    """Write what was compared with what, where, and what came out."""
    record = {
        "claim": "the working tree's weights, answers, scores and exported outputs are those of BASE, bit by bit",
        "base": commit,
        "head": _git("describe", "--always", "--dirty"),
        "environment": {"python": platform.python_version(), "machine": platform.machine()}
        | {name: metadata.version(name) for name in PACKAGES},
        "equal": sum(outcome.equal for outcome in outcomes),
        "of": len(outcomes),
        "seconds": round(took),
        "cases": {
            outcome.case.name: {
                "covers": outcome.case.covers,
                "processor_seconds": outcome.seconds,
                "problem": outcome.problem,
                **{name: asdict(column) for name, column in outcome.columns.items()},
            }
            for outcome in outcomes
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
