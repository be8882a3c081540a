"""Several networks at a time: the arms' trainings, shared out among worker processes.

A worker is the run once more, with fewer seeds: it trains into the run's folder, and the run then finds the networks
there, finished. So nothing comes back from it but lines to print, and what happens when one is killed is what happens
when a run is killed.
"""

import multiprocessing
import os
import queue
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOBase
from pathlib import Path
from typing import Any

import torch

from limbeck.console import moved_on, say
from limbeck.data import load_splits
from limbeck.errors import LimbeckError, of_the_machine
from limbeck.models import is_solved
from limbeck.pipeline.training.arms import train_arm
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.pipeline.training.until import wanted
from limbeck.processes import end_with, how_it_ended
from limbeck.ranks import ranks
from limbeck.recipe import ArmName, Recipe
from limbeck.tracking import tracked_by

_TICK_S = 1.0
_CORES = 2
"""That a plan counts on."""
_LONG = 1_000
"""Steps of a small network: fewer end before the processes have started, which takes some 8 s."""

Task = tuple[Sequence[ArmName], list[int]]
"""Arms, and the seeds to train them with, of which the first one is tuned on."""


@dataclass(frozen=True)
class Known:
    """What a run knows of its material, which has to be the same in every process.

    Attributes:
        data: digest of the splits.
        session: see `Material.session`.
    """

    data: str
    session: str


def usual_jobs(recipe: Recipe) -> int:
    """Return how many networks of a planned run are trained at a time where nobody says it.

    Two where two cores are there, each network takes one, and one learns long enough; else one.

    Args:
        recipe: as it was planned.
    """
    if ranks().world > 1 or torch.get_num_threads() < _CORES:
        return 1
    tuned = [settings for arm in recipe.trained_arms for _, settings in recipe.candidates(arm)]
    trained = [settings.train for settings in tuned if not is_solved(settings.model)]
    long = any(train.epochs is not None or train.total_steps(0) >= _LONG for train in trained)
    return _CORES if long and all(train.threads == 1 for train in trained) else 1


def train_side_by_side(recipe: Recipe, folder: Path, jobs: int, known: Known, track: Sequence[str] = ()) -> None:
    """Train all networks of the arms, as `train_arm` would; the threads are shared out among the processes.

    Where there is a grid, every arm is tuned and trained with the first seed, an arm a process; then come the other
    seeds. Without one, all come at once. Where only one network could be trained at a time, nothing is done.

    Args:
        recipe: of the run, whose teacher is trained and has answered.
        folder: of the run.
        jobs: processes at a time, above 1.
        known: of the run's material.
        track: experiment trackers, as of the run.

    Raises:
        LimbeckError: of a training, the data changed, or a process ended without a word.
    """
    phases = _phases(recipe)
    count = min(jobs, max(map(len, phases)))
    if count == 1:
        return
    threads = max(1, torch.get_num_threads() // count)
    say(f"  {count} processes, {threads} thread{'s' * (threads > 1)} each")
    with _workers(recipe, folder, count, threads, known, track) as (workers, tasks, told):
        for phase in phases:
            for task in phase:
                tasks.put(task)
            _wait(len(phase), workers, told)


def _phases(recipe: Recipe) -> list[list[Task]]:
    arms, (first, *others) = recipe.trained_arms, recipe.seeds
    tuned = {arm: [settings for _, settings in recipe.candidates(arm)] for arm in arms}
    # Arms of one seed share their pretraining, which one process has to do.
    together = any(settings.pretrain for candidates in tuned.values() for settings in candidates)
    # What is solved stands for every seed.
    seeded = [arm for arm in arms if not all(is_solved(settings.model) for settings in tuned[arm])]
    groups, later = ([tuple(each)] if together and each else [(arm,) for arm in each] for each in (arms, seeded))
    if all(len(candidates) == 1 for candidates in tuned.values()):
        return [[(group, [first]) for group in groups] + [(group, [seed]) for seed in others for group in later]]
    return [[(group, [first]) for group in groups], [(group, [first, seed]) for seed in others for group in later]]


@contextmanager
def _workers(
    recipe: Recipe, folder: Path, count: int, threads: int, known: Known, track: Sequence[str]
) -> Iterator[tuple[list[Any], Any, Any]]:
    """Yield processes, the queue of their tasks and that of what they tell; they end with the block."""
    context = multiprocessing.get_context("spawn")  # a fork would inherit threads of OpenMP that do not exist in it
    tasks, told = context.Queue(), context.Queue()
    # Values, since the classes of losses are made at run time and cannot be pickled.
    arguments = (recipe.model_dump(mode="json"), folder, threads, known, tuple(track), tasks, told)
    workers = [context.Process(target=_work, args=arguments, daemon=True) for _ in range(count)]
    try:
        with _without_ctrl_c():
            for worker in workers:
                worker.start()
        yield workers, tasks, told
    finally:
        for worker in workers:
            if worker.pid is not None:
                worker.kill()  # what it was writing is staged, as in a run that is killed
                worker.join()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block; a process that is started in it never hears of one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait(left: int, workers: Sequence[Any], told: Any) -> None:
    """Print what the workers say until so many tasks are done."""
    at_work: dict[int, str] = {}
    while left:
        moved_on()
        try:
            kind, value = told.get(timeout=_TICK_S)
        except queue.Empty:
            for worker in workers:
                if not worker.is_alive():
                    raise _ended(worker.exitcode, at_work.get(worker.pid)) from None
            continue
        if kind == "line":
            say(value)
        elif kind == "began":
            number, title = value
            at_work[number] = title
        elif kind == "done":
            left -= 1
        else:
            raise value


def _ended(code: int, title: str | None) -> LimbeckError:
    """Return the error for a worker that ended without saying why, and what it was training."""
    what = f"the process that trained {title}" if title else "a training process"
    killed = "run again, with fewer of them if memory was short: the same line continues where it stopped"
    ended = 'what it printed is above; a script needs `if __name__ == "__main__":` around the call'
    return LimbeckError(f"{what} {how_it_ended(code)}", where="--jobs", fix=killed if code < 0 else ended)


def _work(values: Any, folder: Path, threads: int, known: Known, track: Sequence[str], tasks: Any, told: Any) -> None:
    """Do tasks until the run ends. A mistake of ours ends the process with its traceback, see `_ended`."""
    if (run := multiprocessing.parent_process()) is not None and run.pid is not None:
        end_with(run.pid, run.join)
    torch.set_num_threads(threads)
    sys.stdout = _Lines(None)
    try:
        recipe = Recipe.model_validate(values)
        with tracked_by(track, recipe.name, folder):
            material = Material(load_splits(recipe.data, recipe.task))
            if material.splits.digest != known.data:
                # Before any stage is looked at: those of the run would be cleared away for other data.
                raise LimbeckError("the data changed while the run was at work", where="data", fix="run again")
            material.folder, material.session = folder, known.session
            networks = train_teacher(recipe, material, folder)
            answers = ask_teacher(recipe, networks, material.splits, folder, kept=recipe.cache.folder)
            until = wanted(recipe, answers)
            sys.stdout = _Lines(told)  # all before has been said by the run
            while True:
                arms, seeds = tasks.get()
                part = recipe.model_copy(update={"seeds": seeds})
                for arm in arms:
                    told.put(("began", (os.getpid(), f"{arm}, seed {seeds[-1]}")))
                    train_arm(arm, part, material, answers, folder, until)
                told.put(("done", None))
    except Exception as error:
        line = error if isinstance(error, LimbeckError) else of_the_machine(error)
        if line is None:
            raise
        told.put(("failed", line))


class _Lines(TextIOBase):
    """What a worker prints, sent on by whole lines; without a queue, nowhere."""

    def __init__(self, told: Any) -> None:
        self._told, self._begun = told, ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        if self._told is not None:
            for line in lines:
                self._told.put(("line", line))
        return len(text)
