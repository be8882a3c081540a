"""One side of the comparison: runs the cases with the Limbeck that it is started with, and says when each is done.

    PYTHONPATH=SOURCE:tests python -m guard.side FOLDER SOURCE base|head [NAME...]

In FOLDER, which is the working folder of every run: data/, cases/NAME/recipe.yaml, runs/NAME, predictions/NAME.json,
and logs/NAME.log. A case is run in a fork of this process, which has imported what takes long; where a run starts
processes itself, in one of its own. A line of standard output is a JSON object {case, code, seconds, processor}.
"""

import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from guard import data
from guard.cases import CASES, Case
from guard.renamed import older, older_key, older_text

SCRIPTS = Path(__file__).with_name("scripts")
WAIT_S = 1200
"""For a case that does not end."""


def main(folder: str, source: str, side: str, *names: str) -> int:
    """Run the cases of those names, one after the other."""
    if problem := foreign(Path(source)):
        print(json.dumps({"error": problem}), flush=True)
        return 1
    os.chdir(folder)
    for name in ("logs", "cases", "runs", "predictions"):
        Path(name).mkdir()
    print(json.dumps({"case": "", **_in_fork(lambda: data.write(Path("data")), Path("logs/data.log"))}), flush=True)
    _import_what_takes_long()
    for case in [case for case in CASES if case.name in names]:
        done = _in_fork(partial(run, case, base=side == "base"), Path(f"logs/{case.name}.log"))
        print(json.dumps({"case": case.name, **done}), flush=True)
    return 0


def foreign(source: Path) -> str:
    """Return what is wrong when the Limbeck that is imported is not the side's own."""
    import limbeck

    found = Path(str(limbeck.__file__)).resolve()
    own = found.is_relative_to(source.resolve())
    return "" if own else f"limbeck was imported from {found}, not from {source}"


def _import_what_takes_long() -> None:
    """Import it once, and export once, which makes later exports faster."""
    for name in ("datasets", "matplotlib", "onnxscript", "scipy.stats", "sklearn.linear_model", "transformers"):
        importlib.import_module(name)
    import torch

    import limbeck

    assert callable(limbeck.run)  # which imports it
    torch.onnx.export(torch.nn.Linear(2, 2).eval(), (torch.ones(2, 2),), dynamo=True, verbose=False)


def _in_fork(work: Callable[[], None], log: Path) -> dict[str, float]:
    """Do it in a fork of this process, whose output goes into the log.

    Returns:
        Its exit `code`, the `seconds` that it took, and the `processor` seconds of it and of all that it started.
    """
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with log.open("w", encoding="utf-8") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            signal.alarm(WAIT_S)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - start,
        "processor": used.ru_utime + used.ru_stime,
    }


def run(case: Case, *, base: bool) -> None:
    """Carry out a case in the working folder, and ask the students that it leaves."""
    place = Path("cases") / case.name
    for name, text in case.beside.items():
        _write(place / name, older_text(text) if base else text)
    arguments = ["run", str(case.recipe), "--out", f"runs/{case.name}", *case.options]
    if isinstance(case.recipe, Mapping):
        values = older(case.recipe) if base else dict(case.recipe)
        _write(place / "recipe.yaml", yaml.dump(values, Dumper=_Plain, sort_keys=False))
        arguments[1] = str(place / "recipe.yaml")
    arguments += [f"{older_key(key) if base else key}={json.dumps(value)}" for key, value in case.changes.items()]
    if case.script is not None:
        text = (SCRIPTS / case.script).read_text(encoding="utf-8")
        _write(place / "script.py", older_text(text) if base else text)
        runpy.run_path(str(place / "script.py"), run_name="__main__")
    elif case.options or case.processes > 1:
        _launch(case.processes, ["-m", "limbeck", *arguments])
    else:
        command(arguments)
    finished = [path.parent for path in Path("runs", case.name).glob("**/evaluation.json")]
    answers = {str(folder.relative_to("runs")): predictions(folder, case) for folder in finished}
    _write(Path("predictions") / f"{case.name}.json", json.dumps(answers))


def command(arguments: list[str]) -> None:
    """Run a command line of Limbeck in this process; raises where it fails."""
    before = sys.argv
    sys.argv = ["limbeck", *arguments]
    try:
        runpy.run_module("limbeck", run_name="__main__")
    except SystemExit as stop:
        if stop.code:
            raise RuntimeError(f"exit code {stop.code}") from stop
    finally:
        sys.argv = before


def predictions(run: Path, case: Case) -> list[dict[str, Any]]:
    """Return what the bundle of a run says of `data.TEXTS`, or of drawn arrays, through the public functions."""
    import limbeck

    if not (run / "bundle").is_dir():
        return []
    asked: Any = data.TEXTS
    load: Any = limbeck.load
    if case.arrays:
        rng = np.random.default_rng(0)
        asked = {name: rng.normal(size=(8, *shape)).astype(np.float32) for name, shape in case.arrays.items()}
        load = getattr(limbeck, "load_tensors", load)
    return [{"label": one.label, "probabilities": dict(one.probabilities)} for one in load(run).predict(asked)]


def _launch(processes: int, arguments: list[str]) -> None:
    """Start it in so many processes, as `torchrun` does: by environment. Raises when one fails."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = (
        {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)} if processes > 1 else {}
    )
    started = [
        subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **group, **({"RANK": str(rank), "LOCAL_RANK": str(rank)} if group else {})},
        )
        for rank in range(processes)
    ]
    try:
        codes = [process.wait(WAIT_S / 2) for process in started]
    finally:
        for process in started:
            process.kill()
    if any(codes):
        raise RuntimeError(f"exit codes {codes}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


class _Plain(yaml.SafeDumper):
    """Writes every part out, also where two are one object."""

    def ignore_aliases(self, data: object) -> bool:
        return True


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
