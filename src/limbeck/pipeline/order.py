"""A run, from a recipe to a report."""

import json
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path

import torch
from torch import nn

from limbeck.console import logged, say
from limbeck.data import load_splits
from limbeck.data.notes import on_transfer
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.evaluation.schema import Evaluation
from limbeck.files import write_json, write_text
from limbeck.models import let_import
from limbeck.pipeline.judging import Trainings
from limbeck.pipeline.judging.delivered import DELIVERED, delivered, delivered_digests, read_evaluation
from limbeck.pipeline.judging.delivery import deliver
from limbeck.pipeline.judging.earlier import refuse_to_replace, say_what_is_replaced
from limbeck.pipeline.judging.export import Exported, export_all
from limbeck.pipeline.judging.findings import find
from limbeck.pipeline.judging.floor import floor_names
from limbeck.pipeline.judging.testing import answer_test, log_test_use, measure_costs
from limbeck.pipeline.planning import within_budget, within_limits
from limbeck.pipeline.stages.claim import CACHE, LOG, claimed, require_place, shared
from limbeck.pipeline.stages.clock import Clock
from limbeck.pipeline.stages.stage import Stage, once
from limbeck.pipeline.training.arms import Arm, preflight, train_arm
from limbeck.pipeline.training.curves import Points, train_points
from limbeck.pipeline.training.handing import hand_on_networks
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import GIVEN, Material, parts_of
from limbeck.pipeline.training.moved import moved_teacher
from limbeck.pipeline.training.reading import describe_readers, naming_networks, require_readable
from limbeck.pipeline.training.side_by_side import Known, train_side_by_side, usual_jobs
from limbeck.pipeline.training.solved import without_training
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.pipeline.training.until import wanted
from limbeck.processes import require_addresses
from limbeck.ranks import ranks
from limbeck.recipe import Recipe
from limbeck.report import words
from limbeck.report.write import write_report
from limbeck.together import ending_together
from limbeck.tracking import tracked_by, tracking
from limbeck.version import __version__
from limbeck.written import Written

PACKAGES = ("torch", "transformers", "tokenizers", "datasets", "onnxruntime", "onnx", "numpy", "scikit-learn")

Prefetch = Callable[[Recipe, Known], None]
"""Trains the arms' networks of a settled recipe into the run's folder."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: everything that it produced.
        evaluation: its result.
        student: the network that is shipped: of the seed that is best on validation, in evaluation mode.
    """

    folder: Path
    evaluation: Evaluation
    student: nn.Module

    @property
    def bundle(self) -> Path | None:
        """The folder to deploy; None when the student could not be exported."""
        return self.folder / "bundle" if self.evaluation.bundle else None

    @property
    def report(self) -> Path:
        """The page to read."""
        return self.folder / "report.html"


def run(
    recipe: Recipe,
    out: Path,
    *,
    command: str | None = None,
    track: Sequence[str] = (),
    material: Callable[[Recipe], Material] | None = None,
    jobs: int | None = 1,
    given_as: str | None = None,
) -> Run:
    """Carry out a recipe; stages whose inputs are unchanged in `out` are reused.

    Args:
        recipe: what to do.
        out: the run's folder.
        command: the line that reproduces the run, for the report.
        track: experiment trackers to send figures to: tensorboard, mlflow, wandb, trackio.
        material: makes what the recipe works on, where that is more than its `data` says; see `limbeck.distill`.
        jobs: networks of the arms that are trained at a time, each in a process of its own; above 1 only without
            `material`, which those processes could not make. A script that asks for it needs the usual guard,
            `if __name__ == "__main__":`. None: where the run is planned, see `usual_jobs`; else 1.
        given_as: where `out` is the folder of every run that is given none, how one is given: `--out {}`. A finished
            run of other data, or of another task, is not replaced then.

    Raises:
        ValueError: `jobs` below 1, or above it with `material`.
        LimbeckError: bad input, found before anything long starts wherever it can be.
    """
    own, planned = material is not None, recipe.budget is not None and recipe.budget.minutes is not None
    if jobs is not None and (jobs < 1 or (jobs > 1 and own)):
        raise ValueError(f"jobs={jobs}: at least 1, and 1 where the recipe's data are not all there is")
    if jobs is not None and jobs > 1 and ranks().world > 1:
        raise LimbeckError("several processes train each network already", where="--jobs", fix="leave it out")
    command = command or shlex.join(["limbeck", "run", str(out / "recipe.yaml"), "--out", str(out)])
    with opened(recipe, out, command, track=track, material=material, given_as=given_as) as found:
        count = jobs or (usual_jobs(found.recipe) if planned and not own else 1)
        prefetch = None if count == 1 else lambda settled, known: train_side_by_side(settled, out, count, known, track)
        return _stages(found, out, command, prefetch)


@dataclass(frozen=True)
class Opened:
    """A run whose data are read, and of which nothing is known to be wrong.

    Attributes:
        recipe: settled.
        material: what it works on.
        clock: of its stages.
        environment: see `describe_environment`.
    """

    recipe: Recipe
    material: Material
    clock: Clock
    environment: dict[str, str]


@contextmanager
def opened(
    recipe: Recipe,
    out: Path,
    command: str,
    *,
    track: Sequence[str] = (),
    material: Callable[[Recipe], Material] | None = None,
    given_as: str | None = None,
) -> Iterator[Opened]:
    """Open a run in its folder, which other runs are kept out of while the block runs; see `run`.

    Raises:
        LimbeckError: bad input, or a folder that is not to be replaced.
    """
    require_addresses()
    with ending_together():
        cache: AbstractContextManager[None] = nullcontext()
        if recipe.cache.folder is not None:
            require_place(recipe.cache.folder, CACHE)  # before anything is written
            cache = shared(recipe.cache.folder)
        with claimed(out, command), logged() as keep_log, cache, tracked_by(track, recipe.name, out):
            clock, environment = Clock(out), describe_environment()
            recipe, found, rows = _read(recipe, material or material_of, out, clock, given_as)
            # Not before: what is refused leaves the files of the folder's last run, and a new folder empty.
            clock.keep(digest([recipe.digest, found.splits.digest]))
            if ranks().main:
                Written(out).add([out / LOG])
                say_what_is_replaced(recipe, out, rows)
            keep_log(out / LOG)
            if ranks().main:
                write_text(out / "recipe.yaml", recipe.to_yaml())
                write_json(out / "environment.json", environment)
            yield Opened(recipe, found, clock, environment)


def _read(
    recipe: Recipe, make: Callable[[Recipe], Material], out: Path, clock: Clock, given_as: str | None
) -> tuple[Recipe, Material, str | None]:
    """Read the data and find what is wrong; return the digest of the test rows too, where the recipe names no data.

    Raises:
        LimbeckError: bad input, or a folder that is not to be replaced.
    """
    let_import(recipe.folder)
    us, rows = ranks(), None
    with clock("data"), us.main_first():
        if given_as is not None and us.main:
            refuse_to_replace(recipe, out, given_as)
        material = make(recipe)
        if recipe.data.source == GIVEN:
            rows = material.splits.test.digest
            if given_as is not None and us.main:  # before a view of these rows is written into the folder
                refuse_to_replace(recipe, out, given_as, rows)
        return *_prepare(*within_budget(recipe, material, make), out), rows


def _stages(found: Opened, out: Path, command: str, prefetch: Prefetch | None) -> Run:
    recipe, material, clock, us = found.recipe, found.material, found.clock, ranks()
    trained = _train(recipe, material, out, clock, prefetch)
    exported = None
    if us.main:  # the others wait where they are asked for their share of the test split
        _write_metrics(out / "metrics.jsonl", trained)
        with clock("export"):
            exported = export_all(trained.teacher.networks, trained.shown, out / "export")

    depends = {"teacher": trained.teacher.names[0], **trained.digests}
    depends |= {"data": material.splits.digest, "recipe": recipe.digest}

    def judge(stage: Stage) -> None:
        result = _evaluate(trained, exported, clock, out)
        if result is not None:
            write_text(out / "evaluation.json", result.model_dump_json(indent=2) + "\n")
            write_json(stage.folder / DELIVERED, delivered_digests(out))
            _track(result)

    def reuse(stage: Stage) -> None:
        say("  evaluation: unchanged, reused")

    with ExitStack() as timed:  # an evaluation that is reused has no heading and no time
        timer = partial(timed.enter_context, clock("evaluation"))
        once(out / "evaluation", depends, judge, reuse, by="all", before=timer, whole=lambda: delivered(out))
    us.wait()
    result = read_evaluation(out / "evaluation.json")
    if us.main:
        written, page = recipe.to_yaml(), out / "report.html"
        write_report(result, recipe_yaml=written, environment=found.environment, command=command, path=page)
    us.wait()
    return Run(out, result, trained.shown["student"].model)


def _train(recipe: Recipe, material: Material, out: Path, clock: Clock, prefetch: Prefetch | None) -> Trainings:
    """Train the teacher, ask it, and train the arms: of the run itself, and at smaller budgets.

    Where there is a prefetch, it is told the settled recipe and what the run knows of its material, and leaves the
    arms' networks in the folder.
    """
    with clock("teacher"):
        networks = train_teacher(recipe, material, out)
    with clock("labelling"):
        teacher = ask_teacher(recipe, networks, material.splits, out, kept=recipe.cache.folder)
        until = wanted(recipe, teacher)
    if prefetch is not None:
        with clock("arms"):
            prefetch(recipe, Known(material.splits.digest, material.session))
    arms: dict[str, Arm] = {}
    for name in recipe.trained_arms:
        with clock(name):
            arms[name] = train_arm(name, recipe, material, teacher, out, until)
    if teacher.moving is not None:
        with clock("teacher"):
            teacher = moved_teacher(recipe, material, arms["student"], out)
    points: Points = {}
    if recipe.curves is not None:
        with clock("curves"):
            points = train_points(recipe.curves, recipe, material, teacher, arms, out)
    if ranks().main:
        hand_on_networks(recipe, material.splits.task, teacher, arms, out)
    return Trainings(recipe, material, teacher, arms, points)


def _timed(recipe: Recipe) -> list[str]:
    """Name the stages of a run in their order; `arms` is where networks are trained side by side."""
    curves = ["curves"] if recipe.curves else []
    return ["data", "teacher", "labelling", "arms", *recipe.trained_arms, *curves, "export", "evaluation"]


def _prepare(recipe: Recipe, material: Material, out: Path) -> tuple[Recipe, Material]:
    """Describe the data, settle the recipe, and find what is wrong before anything long starts."""
    material.folder = out
    splits = material.splits
    say("  " + ", ".join(f"{len(rows):,} {name}" for name, rows in parts_of(recipe, splits).items()))
    if splits.dropped:
        say(
            "  dropped: "
            + ", ".join(f"{words.several(rows, 'row')} ({reason})" for reason, rows in splits.dropped.items())
        )
    for note in [*splits.notes, *on_transfer(splits)]:
        say(f"  {note}", style="yellow")
    recipe = require_usable(recipe, material)
    describe_readers(recipe, material)
    return recipe, material


def material_of(recipe: Recipe) -> Material:
    """Return what a recipe works on where its data are all there is."""
    return Material(load_splits(recipe.data, recipe.task))


def require_usable(recipe: Recipe, material: Material) -> Recipe:
    """Raise what can be known to fail, before anything long starts; return the recipe, settled.

    Raises:
        LimbeckError: see `settle`, `within_limits`, `without_training`, `preflight` and `require_readable`.
    """
    with naming_networks(recipe):
        recipe = without_training(within_limits(settle(recipe, material), material))
    with naming_networks(recipe):
        preflight(recipe, material)
        require_readable(recipe, material)
    return recipe


def _evaluate(run: Trainings, exported: Exported | None, clock: Clock, out: Path) -> Evaluation | None:
    """Open the test split, and write the bundle; None in processes that have no exported networks: they help only."""
    us = ranks()
    smaller = [point.name for along in run.points.values() for point in along if point.name]
    asked = ["teacher", *run.arms, *smaller, *floor_names(run.material.splits.modality)]
    log = log_test_use(out, run, asked) if us.main else []
    us.wait()
    on_test = answer_test(run, among=us)
    if exported is None:
        return None
    found = find(run, on_test, measure_costs(run, exported, on_test.floors), log)
    bundle, error = deliver(run, exported, found, out)
    spent = clock.spent(_timed(run.recipe))
    return Evaluation(
        **dict(found),
        sentence=words.sentence(found),
        statistics=words.statistics(found),
        warnings=words.warnings(found),
        next_step=words.next_sentence(found, error),
        bundle=bundle,
        bundle_error=error,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds={name: one.wall for name, one in spent.items()},
        cpu_seconds=sum(one.cpu for one in spent.values()),
    )


def _track(result: Evaluation) -> None:
    """Send the scores on the test split to the run's trackers."""
    scores: dict[str, float] = {}
    for name, value in (("agreement", result.agreement), ("retention", result.retention)):
        if value is not None:
            scores[f"student/{name}"] = value
    for name, model in result.models.items():
        scores |= {f"{name}/{metric}": value for metric, value in model.scores.items()}
    with tracking("evaluation", {"verdict": result.verdict}) as track:
        track(scores | {"step": 0})


def _write_metrics(path: Path, run: Trainings) -> None:
    """Put every network's training and validation records into one file, a JSON object a line."""
    trained: dict[tuple[str, int | None], Trained] = {(name, None): one for name, one in run.teacher.made.items()}
    trained |= {(name, seed): one for name, arm in run.arms.items() for seed, one in arm.trained.items()}
    lines = [
        json.dumps({"arm": name, "seed": seed, **record})
        for (name, seed), network in trained.items()
        for record in sorted(network.history.log + network.history.validations, key=lambda record: record["step"])
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))


def describe_environment() -> dict[str, str]:
    """Return what the numbers depend on besides the recipe."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {
        "limbeck": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        # One name stands for machines with and without AVX-512, which differ in speed and in last digits.
        "processor": f"{_processor()}, {torch.backends.cpu.get_cpu_capability()}",
        "threads": str(torch.get_num_threads()),
        "processes": str(ranks().world),
        **versions,
    }


def invocation() -> str:
    """Return the command line of this process, as a person would type it."""
    return " ".join(["limbeck", *(shlex.quote(argument) for argument in sys.argv[1:])])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
