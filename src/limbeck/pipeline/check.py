"""Find what is wrong with a run, and how long it would take, before anything long starts."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from limbeck.cache import ID_BYTES, asked_for
from limbeck.cache.codecs import DEFAULT, exactly
from limbeck.console import say, table
from limbeck.data import Splits
from limbeck.data.notes import on_transfer
from limbeck.digest import digest
from limbeck.distiller import Distiller
from limbeck.errors import LimbeckError
from limbeck.losses import objective_from
from limbeck.models import is_solved, let_import
from limbeck.networks import NetworkSettings, TrainSettings
from limbeck.pipeline.judging.beforehand import beforehand, say_beforehand, say_unscored
from limbeck.pipeline.order import material_of, require_usable
from limbeck.pipeline.planning import within_budget
from limbeck.pipeline.stages.claim import CACHE, require_place, shared
from limbeck.pipeline.training.judged import judged_teacher
from limbeck.pipeline.training.material import Material, parts_of
from limbeck.pipeline.training.pretrain import language_training, peer_seed, pretraining
from limbeck.pipeline.training.reading import describe_readers
from limbeck.pipeline.training.teacher import RunTeacher, member_key, member_names, train_teacher
from limbeck.pipeline.training.views import View
from limbeck.pipeline.training.work import works
from limbeck.recipe import BudgetSettings, CurveSettings, Recipe
from limbeck.report.words.numbers import file_size, listed, seconds as in_time, several
from limbeck.teachers import Teacher
from limbeck.trainer import GroupSource, fit, predict_logits
from limbeck.types import Batch

WARM_UP_STEPS = 1
"""Not counted: the first step of a network also loads, compiles and allocates."""
TRIAL_STEPS = 2
WARM_UP_ROWS = 4
TRIAL_ROWS = 32
JUDGED_ROWS = 2_000
"""Labelled rows, and validation rows, that a finished teacher is judged on here; a run takes all."""
METERED_ROWS = 100
"""Validation rows of one whose answers cost money, where they are kept."""
_SAME_PACE = {
    "steps",
    "epochs",
    "lr",
    "head_lr_scale",
    "weight_decay",
    "warmup",
    "schedule",
    "validations",
    "keep",
    "patience",
}
"""Settings of a training on which the time of a step does not depend."""


@dataclass(frozen=True)
class Pace:
    """Seconds that a network takes for a step of its training, and for its answer to a text."""

    step: float
    answer: float


def check(recipe: Recipe) -> float:
    """Print split sizes, classes, what networks read of a text, and an estimate of the time; return that, in seconds.

    Every model is built, and one of each that are alike takes a few steps: what would fail later fails now.

    Raises:
        LimbeckError: whatever a run would raise.
    """
    let_import(recipe.folder)
    budget = recipe.budget
    recipe, material = within_budget(recipe, material_of(recipe), material_of)
    _describe(recipe, material.splits)
    if recipe.cache.folder is not None:
        require_place(recipe.cache.folder, CACHE)
    recipe = require_usable(recipe, material)
    describe_readers(recipe, material)
    _describe_cache(recipe, material)
    members = recipe.teacher.members
    named = dict(zip(member_names(len(members)), members, strict=True))
    if recipe.teacher.refits:
        keys = [member_key(number, len(members)) for number, each in enumerate(members) if each.refits]
        say_unscored(keys or ["teacher"])  # one that moves has no members
    else:
        _judge(recipe, material)
    trained = {name: each for name, each in named.items() if each.refits}
    networks = {name: network for name, each in trained.items() if (network := each.network) is not None}
    teachers = [*networks.values()]
    seconds = {name: _answers(recipe, name, material) for name in named if name not in networks}
    for name, taken in seconds.items():
        if taken:
            say(f"{name}: {several(_asked_rows(material.splits), 'answer')} in all take about {in_time(taken)}")
    seconds |= _trainings(networks, recipe, material)
    if recipe.curves is not None and (smaller := _smaller_budgets(recipe.curves, recipe, material.splits, seconds)) > 0:
        seconds["curves"] = smaller
    if (beforehand := _pretrainings(recipe, material, teachers)) > 0:
        seconds["pretraining"] = beforehand
    total = sum(seconds.values())
    rows = [[name, f"{value:,.0f} s"] for name, value in seconds.items()]
    if recipe.until is not None:
        say("at most: a training that reaches the level of `until` ends sooner")
    table(
        ["training and answers", "about"],
        [*rows, ["together", f"{total / 60:,.1f} min" if total >= 60 else f"{total:,.0f} s"]],
    )
    if budget is not None and (beyond := _beyond(budget, total)) is not None:
        say(beyond, style="yellow")
    tuned = [settings.model for arm in recipe.trained_arms for _, settings in recipe.candidates(arm)]
    if solved := dict.fromkeys(f"`{model.name}`" for model in tuned if is_solved(model)):
        say(f"{listed([*solved])}: solved, not trained, in seconds that the table leaves out")
    say("the recipe is fine; export, evaluation and report add about half a minute")
    return total


def _beyond(budget: BudgetSettings, seconds: float) -> str | None:
    """Return what to know where a planned run takes much longer here than its budget; None where it does not."""
    if budget.minutes is None or seconds <= 2 * 60 * budget.minutes:
        return None
    counted = f"longer than budget.minutes={budget.minutes:g}, which is counted on two idle processor cores"
    return f"{counted}: this machine is busy or slower, or no plan is that short"


def _trainings(teachers: Mapping[str, NetworkSettings], recipe: Recipe, material: Material) -> dict[str, float]:
    """Return the seconds of each teacher's training and answers, and of each arm's trainings; none of what is solved.

    Teachers that are made once more without each fold of the labelled rows are told apart.

    An arm takes every point of the grid with the first seed, and the winner with the others: at most the longest.
    """
    paces: dict[str, Pace] = {}

    def taken(name: str, settings: NetworkSettings) -> float:
        if (alike := _what_sets_the_pace(settings)) not in paces:
            paces[alike] = _trial(settings, material)
        pace = paces[alike]
        if name == "student" and (moving := recipe.teacher.moving) is not None:
            pace = replace(pace, step=moving.seconds(pace.step, settings.train.batch_size * pace.answer))
        return _training(name, settings, pace, material.splits)

    seconds = {name: taken(name, settings) for name, settings in teachers.items()}
    if teachers and (folds := recipe.teacher.folds):
        rows = round(len(material.splits.teachers) * (folds - 1) / folds)
        steps = {name: folds * settings.train.total_steps(rows) for name, settings in teachers.items()}
        seconds["folds"] = sum(
            steps[name] * paces[_what_sets_the_pace(settings)].step for name, settings in teachers.items()
        )
    for name in recipe.trained_arms:
        tuned = [taken(name, each) for _, each in recipe.candidates(name) if not is_solved(each.model)]
        if tuned:
            crossed = (recipe.selection.folds or 0) * (name == "baseline" and len(recipe.candidates(name)) > 1)
            seconds[name] = (1 + crossed) * sum(tuned) + (len(recipe.seeds) - 1) * max(tuned)
    return seconds


def _smaller_budgets(curves: CurveSettings, recipe: Recipe, splits: Splits, seconds: Mapping[str, float]) -> float:
    """Return what the points take besides the run itself, at most: a teacher of fewer labels may need fewer steps."""
    steps = sum(share for share in curves.steps or [] if share < 1)
    labels = sum(count < len(splits.labelled) for count in curves.labels or [])
    teachers = sum(taken for name, taken in seconds.items() if name.startswith("teacher"))
    # From fewer labels two students are trained: of a teacher of those labels, and of one that has seen all.
    students = 2 if recipe.teacher.refits else 1
    student, baseline = (seconds.get(name, 0.0) for name in ("student", "baseline"))  # none: solved
    return (steps + students * labels) * student + (steps + labels) * baseline + labels * teachers


def _describe(recipe: Recipe, splits: Splits) -> None:
    task = splits.task
    rows = [[name, f"{len(part):,}", task.shown(part.labels)] for name, part in parts_of(recipe, splits).items()]
    table(["split", "rows", task.noun], rows)
    say(task.told(splits.labelled.labels))
    for note in [*splits.notes, *on_transfer(splits)]:
        say(note, style="yellow")
    for reason, rows in splits.dropped.items():
        say(f"dropped: {several(rows, 'row')} ({reason})")


def _describe_cache(recipe: Recipe, material: Material) -> None:
    """Say how large the teacher's answers are on disk, activations aside."""
    if recipe.teacher.moving is not None:
        say("the teacher moves beside its student: it answers at every step, and none of these answers is kept")
        return
    splits, outputs = material.splits, material.splits.task.outputs
    learned, judged = [splits.transfer, splits.labelled], [splits.labelled, splits.validation, splits.test]
    codec = recipe.codec
    exact = exactly(codec)
    groups = [(codec, learned + judged)] if codec == exact else [(codec, learned), (exact, judged)]
    widths = Counter(work.hidden_width(member) for work, member in works(recipe, material))
    parts, size = [], 0.0
    for one, examples in groups:
        rows = len(np.unique(np.concatenate([each.ids for each in examples])))
        for width, members in widths.items():
            each = one.bytes_per_prediction(outputs, width)
            parts.append(f"{members * rows:,} of {each:,g} bytes ({one.title})")
            size += members * (rows * (each + ID_BYTES) + one.shared_bytes(outputs, width))
    place = f" in {recipe.cache.path}" if recipe.cache.path else ""
    taps = ", activations aside" if objective_from(recipe.losses).pairs else ""
    judging = " to judge it by" if len(groups) > 1 else ""
    layer = " and the last layer" if codec.shared_bytes(outputs, 1) else ""
    say(f"the teacher's answers{place}: {' and '.join(parts)}{judging}, {file_size(size)} with their ids{layer}{taps}")


def _what_sets_the_pace(settings: NetworkSettings) -> str:
    """Name what the time of a step and of an answer depends on: model, inputs, and how a batch is worked through."""
    return digest(settings.model_dump(mode="json", exclude={"pretrain": True, "train": _SAME_PACE}))


def _judge(recipe: Recipe, material: Material) -> None:
    """Score a finished teacher on a sample, and refuse one that is no better than chance on all its rows.

    A sample is enough for one that is better on it; else all labelled and validation rows are asked, as a run asks
    them. Where `cache.path` is named, the answers are kept there for the run. Those that cost money are asked for only
    then, of few rows, and never refused by so few.

    Raises:
        LimbeckError: see `judged_teacher`; or `cache.path` holds the answers of another one.
    """
    kept, metered = recipe.cache.folder, recipe.teacher.metered
    if kept is None and metered:
        say(
            "the teacher is not scored here: its answers cost money, and nothing would keep them for the run; with "
            f"`cache.path=FOLDER` it is asked for {METERED_ROWS} validation rows at most, which the run then has"
        )
        return None
    sample = material.sampled(0 if metered else JUDGED_ROWS, METERED_ROWS if metered else JUDGED_ROWS)
    with nullcontext() if kept is None else shared(kept):
        if metered:
            return _judged(recipe, sample, material, warn=True)
        if any(len(getattr(material.splits, name)) > JUDGED_ROWS for name in ("labelled", "validation")):
            with suppress(LimbeckError):
                return _judged(recipe, sample, material)
        return _judged(recipe, material, material)


def _judged(recipe: Recipe, sample: Material, material: Material, *, warn: bool = False) -> None:
    """Judge a finished teacher on some rows, and say how good it is beside what labels alone are likely to teach."""
    kept = recipe.cache.folder
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = train_teacher(recipe, sample, folder)
        answers = judged_teacher(recipe, made, sample.splits, folder, warn=warn, kept=kept)
        if recipe.codec != DEFAULT:
            _say_error(answers)
        say_beforehand(beforehand(answers, material.splits))
    rows = several(len(sample.splits.labelled) + len(sample.splits.validation), "row")
    if kept is None:
        say(f"its answers to {rows} are not kept, as the recipe names no `cache.path`: the run asks again")
    else:
        say(f"its answers to {rows} are kept in {recipe.cache.path}: the run asks for the others only")


def _say_error(answers: RunTeacher) -> None:
    """Say how far the answers that students learn from are off, measured on the validation rows."""
    codec = answers.codec
    batch = Batch(torch.from_numpy(answers.splits.validation.ids), {})
    given = [one.of(answers.splits, "validation").predict(batch) for one in answers.members]
    error = max(codec.error(one, codec.encode(one) | codec.shared(one)) for one in given)
    say(f"  kept as {codec.title}: {codec.said(error)}, on the validation rows")


def _answers(recipe: Recipe, name: str, material: Material) -> float:
    """Return the seconds that a teacher, or its encoder, takes for all its answers; 0 where nothing is asked."""
    own, member = works(recipe, material)[member_names(len(recipe.teacher.members)).index(name)]
    if member.metered:
        return member.announce(own)
    if (teacher := member.asks(own)) is not None:
        return _asking_seconds(teacher, material.view(member.read_as), material) * _asked_rows(material.splits)
    network = member.finished(own)
    if network is None:
        return 0.0
    return _answer_seconds(network, material.view(member.read_as), material) * _asked_rows(material.splits)


def _asked_rows(splits: Splits) -> int:
    return len(splits.transfer) + len(splits.validation) + len(splits.test)


def _trial(settings: NetworkSettings, material: Material) -> Pace:
    """Take a few steps, and answer a few examples."""
    view, model = material.view(settings), material.build(settings, seed=0)
    # Losses cost next to nothing beside a network: labels alone tell the time of a step.
    lesson = material.from_labels(settings, "taught" if len(material.splits.taught) else "validation")
    distiller = Distiller(lesson.task.finish(model), lesson.objective, seen=lesson.task.seen)
    step = _step_seconds(distiller, lesson.batches(settings.train, 0), settings.train)
    return Pace(step, _answer_seconds(model, view, material))


def _answer_seconds(model: nn.Module, view: View, material: Material) -> float:
    """Return the seconds of an answer."""
    values = material.splits.validation.values
    predict_logits(model, view.rows(values[:WARM_UP_ROWS]))  # as with the steps, the first time is not counted
    sample = view.rows(values[:TRIAL_ROWS])
    start = time.monotonic()
    predict_logits(model, sample)
    return (time.monotonic() - start) / len(sample)


def _asking_seconds(teacher: Teacher, view: View, material: Material) -> float:
    """Return the seconds of an answer to a value as it was read."""
    rows, ids = view.validation, material.splits.validation.ids
    teacher.predict(asked_for(rows, ids, np.arange(min(WARM_UP_ROWS, len(ids)))))
    sample = np.arange(min(TRIAL_ROWS, len(ids)))
    start = time.monotonic()
    teacher.predict(asked_for(rows, ids, sample))
    return (time.monotonic() - start) / len(sample)


def _training(name: str, settings: NetworkSettings, pace: Pace, splits: Splits) -> float:
    """Scale a network's pace up to one training, and to a teacher's answers."""
    if name.startswith("teacher"):
        return pace.step * settings.train.total_steps(len(splits.teachers)) + pace.answer * _asked_rows(splits)
    learned = {"baseline": splits.taught, "ceiling": splits.ceiling}
    return pace.step * settings.train.total_steps(len(learned.get(name, splits.transfer)))


def _pretrainings(recipe: Recipe, material: Material, teachers: Iterable[NetworkSettings]) -> float:
    """Scale a few steps of each pretraining up to the whole run; trainings that share one count it once."""
    first, *others = recipe.seeds
    runs = [(settings, first) for settings in teachers]
    for arm in recipe.trained_arms:
        candidates = [settings for _, settings in recipe.candidates(arm)]
        # Which of them wins is not known yet; the first one stands for it.
        own = [(settings, first) for settings in candidates] + [(candidates[0], seed) for seed in others]
        if arm == "student" and recipe.teacher.moving is not None and recipe.teacher.moving.starts_apart:
            own += [(settings, peer_seed(seed)) for settings, seed in own]
        runs += own
    wanted = [(settings, seed) for settings, seed in runs if settings.pretrain is not None]
    distinct = {digest(pretraining(settings, material, seed)): settings for settings, seed in wanted}
    taken: dict[str, float] = {}
    total = 0.0
    for settings in distinct.values():
        alike = digest(pretraining(settings, material, first))  # seeds take the same time
        if alike not in taken:
            taken[alike] = _pretraining_trial(settings, material)
        total += taken[alike]
    return total


def _pretraining_trial(settings: NetworkSettings, material: Material) -> float:
    training = language_training(material.build(settings, seed=0), settings, material, seed=0)
    return training.steps * _step_seconds(training.distiller, training.batches, training.settings)


class _Timed:
    """Batches that remember when each step began."""

    def __init__(self, source: GroupSource) -> None:
        self._source = source
        self.began: list[float] = []

    def group(self, step: int) -> Iterator[Batch]:
        """Return the micro-batches of a step."""
        self.began.append(time.monotonic())
        return self._source.group(step)


def _step_seconds(distiller: Distiller, batches: GroupSource, settings: TrainSettings) -> float:
    """Return the time of a step that is none of the first ones."""
    timed = _Timed(batches)
    fit(distiller, timed, settings, steps=WARM_UP_STEPS + TRIAL_STEPS, validate=None, title="trial")
    return (time.monotonic() - timed.began[WARM_UP_STEPS]) / TRIAL_STEPS
