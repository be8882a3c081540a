"""Runs a recipe in a process of its own and kills it there with SIGKILL at a named event.

The product has no hooks for this: a child process wraps what it passes through, see `_watch`. Children are forked from
a server that has imported everything, so that a run costs a second or less.
"""

import importlib
import json
import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

SHARD_BATCHES = 2
Door = Literal["run", "label"]
_LIMIT_S = 300

_context = multiprocessing.get_context("forkserver")
# With what a run imports on its way.
_context.set_forkserver_preload(
    [
        "limbeck.pipeline",
        "torch._dynamo",
        "torch.onnx._internal.exporter._core",
        "onnxruntime.quantization",
        "sklearn.linear_model",
        "sklearn.feature_extraction.text",
    ]
)


def start(
    recipe: dict[str, Any], out: Path, *, kill_at: str | None = None, nth: int = 1, door: Door = "run"
) -> list[str]:
    """Run a recipe into a folder, to its end or until an event has happened for the nth time; return all events.

    By the door `label` its answers are asked for, and no more; what the command prints is in `OUT.log`.

    Raises:
        AssertionError: it ended in any other way.
    """
    note, log = (out.parent / f"{out.name}.{kind}" for kind in ("events", "log"))
    note.unlink(missing_ok=True)
    child = _context.Process(target=_run, args=(recipe, out, note, log, kill_at, nth, door))
    child.start()
    child.join(_LIMIT_S)
    if child.exitcode is None:
        child.kill()
    expected = 0 if kill_at is None else -signal.SIGKILL
    assert child.exitcode == expected, f"exit code {child.exitcode} for {kill_at}: {_last(note)}; {_last(log)}"
    events = json.loads(note.read_text())
    if kill_at is not None:
        assert events[-1] == kill_at
        assert events.count(kill_at) == nth
    return events


def _last(file: Path) -> str:
    return file.read_text()[-2000:] if file.is_file() else ""


class _Events:
    """Remembers what happened in a run folder, and kills the process when its time has come."""

    def __init__(self, out: Path, note: Path, kill_at: str | None, nth: int) -> None:
        self._out, self._note = out, note
        self._kill_at, self._left = kill_at, nth
        self.stage = self.network = ""
        self.seen: list[str] = []

    def __call__(self, event: str, last_act: Callable[[], None] = lambda: None) -> None:
        self.seen.append(event)
        self._left -= event == self._kill_at
        if self._left == 0:
            last_act()
            self.write()
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self) -> None:
        self._note.write_text(json.dumps(self.seen))

    def of(self, path: Path, what: str, last_act: Callable[[], None] = lambda: None) -> None:
        """An event of a file or a folder of the run; of others there are none."""
        if path.is_relative_to(self._out):
            self(f"{self.name(path)}: {what}", last_act)

    def name(self, path: Path) -> str:
        return re.sub(r"[0-9a-f]{16}", "*", str(path.relative_to(self._out)))


def _run(recipe: dict[str, Any], out: Path, note: Path, log: Path, kill_at: str | None, nth: int, door: Door) -> None:
    import torch

    from limbeck.pipeline import run
    from limbeck.pipeline.label import label_rows, print_labelled
    from limbeck.recipe import parse_recipe

    # Locks without a name: a named one outlives a process that is killed.
    multiprocessing.set_start_method("fork", force=True)
    sys.stdout = sys.stderr = log.open("a", buffering=1)
    torch.set_num_threads(1)
    happened = _Events(out, note, kill_at, nth)
    _watch(happened)
    parsed = parse_recipe(recipe, "test")
    if door == "label":
        print_labelled(label_rows(parsed, out, command="limbeck label"), "limbeck run")
    else:
        run(parsed, out)
    happened.write()


def _watch(happened: _Events) -> None:
    """Wrap what a run passes through, and make everything small enough to be killed in its middle."""
    import limbeck.trainer

    # By import_module, because the package has a function of the module's name.
    importlib.import_module("limbeck.cache.label").SHARD_BATCHES = SHARD_BATCHES  # type: ignore[attr-defined]
    limbeck.trainer.CHECKPOINT_EVERY_S = -1.0
    _stop_clocks()
    _watch_stages(happened)
    _watch_work(happened)
    _watch_moves(happened)
    _watch_removals(happened)


def _stop_clocks() -> None:
    """Let every model be equally fast, so that the same precision ships every time and the bundles can be compared."""
    import limbeck.bundle.precision
    import limbeck.pipeline.judging.testing
    from limbeck.evaluation.cost import Speed

    def measure_all(models: dict[str, Any], texts: list[str]) -> dict[str, Speed]:
        for predict in models.values():
            predict(list(texts))
        return dict.fromkeys(models, Speed(1.0, 1.0, 1000.0, 1.0, (0.001,)))

    limbeck.pipeline.judging.testing.measure_all = limbeck.bundle.precision.measure_all = measure_all
    # So that these few rows are enough to try int8.
    limbeck.bundle.precision.ROWS = limbeck.bundle.precision.CALIBRATING = 4


def _watch_stages(happened: _Events) -> None:
    from limbeck.pipeline import order
    from limbeck.pipeline.stages.stage import Stage

    clock, working, write_report = order.Clock.__call__, Stage.working, order.write_report

    @contextmanager
    def timed(self: Any, name: str) -> Iterator[None]:
        with clock(self, name):
            happened.stage = name
            happened(f"{name}: entered")
            yield
        happened(f"{name}: left")

    @contextmanager
    def stage(self: Stage) -> Iterator[Path]:
        happened.network = name = happened.name(self.folder)
        with working(self) as folder:
            happened(f"{name}: started")
            yield folder
            happened(f"{name}: worked")
        happened(f"{name}: recorded")

    def report(*arguments: Any, **options: Any) -> None:
        happened("report: entered")
        write_report(*arguments, **options)
        happened("report: left")

    order.Clock.__call__, Stage.working, order.write_report = timed, stage, report  # type: ignore[method-assign]


def _watch_work(happened: _Events) -> None:
    from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

    from limbeck.teachers import ModuleTeacher

    def stepped(optimizer: Optimizer, *_: Any) -> None:
        # The optimizer's own count goes on after a checkpoint.
        step = int(next(iter(optimizer.state.values()))["step"])
        happened(f"{happened.network}: step {step}")

    predict = ModuleTeacher.predict

    def answer(*arguments: Any) -> Any:
        outputs = predict(*arguments)
        happened(f"{happened.stage}: teacher answered")
        return outputs

    register_optimizer_step_post_hook(stepped)
    ModuleTeacher.predict = answer  # type: ignore[method-assign]


def _watch_moves(happened: _Events) -> None:
    rename, replace = Path.rename, Path.replace

    def moving(move: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def moved(self: Path, target: Path) -> Path:
            if target.suffix == ".new":
                happened.of(target.with_name(self.name), "half written", lambda: _halve(self))
            if self.suffix == ".new":
                happened.of(target, "written")
            result = move(self, target)
            if self.suffix == ".new":
                happened.of(target, "in place")
            elif target.suffix == ".old":
                happened.of(self, "aside")
            return result

        return moved

    Path.rename, Path.replace = moving(rename), moving(replace)  # type: ignore[method-assign]


def _watch_removals(happened: _Events) -> None:
    import shutil

    unlink, rmtree = Path.unlink, shutil.rmtree

    def removed(self: Path, missing_ok: bool = False) -> None:
        existed = self.exists()
        unlink(self, missing_ok)
        if existed:
            happened.of(self, "removed")

    def removed_whole(folder: Path, *arguments: Any, **options: Any) -> None:
        # In the order of their names: the operating system's order is chance.
        for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
            file.unlink()
        rmtree(folder, *arguments, **options)

    Path.unlink, shutil.rmtree = removed, removed_whole  # type: ignore[method-assign, assignment]


def _halve(path: Path) -> None:
    """Cut a file in its middle, under the name that safetensors gives it till it is complete.

    Of a folder the last file is cut and the one before it is missing.
    """
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    for file in files[-2:-1]:
        os.unlink(file)  # not Path.unlink, which is watched
    os.truncate(files[-1], files[-1].stat().st_size // 2)
    os.rename(files[-1], files[-1].with_name(".tmpq1w2e3"))
