"""Find what is wrong with a run, and how long it would take, before anything long starts."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch

from limbeck.console import say, table
from limbeck.data import Examples, Splits, encode, load_splits
from limbeck.digest import digest
from limbeck.distiller import Distiller
from limbeck.models import check_model
from limbeck.pipeline.material import Material, parts_of
from limbeck.pipeline.order import let_import, require_usable
from limbeck.pipeline.pretrain import language_training, pretraining
from limbeck.pipeline.teacher import member_names
from limbeck.recipe import CurveSettings, NBLRTeacher, NetworkSettings, Recipe
from limbeck.trainer import GroupSource, TrainSettings, fit, predict_logits

TRIAL_STEPS = 3
TRIAL_ROWS = 64


def check(recipe: Recipe) -> float:
    """Print split sizes, classes, truncated shares and an estimate of the time; return the estimate in seconds.

    Every model is built and takes a few steps, so that what would fail later fails now.

    Raises:
        LimbeckError: whatever a run would raise.
    """
    let_import(recipe.folder)
    material = Material(load_splits(recipe.data))
    _describe(recipe, material.splits)
    require_usable(recipe, material)
    members = recipe.teacher.members
    named = dict(zip(member_names(len(members)), members, strict=True))
    # A solver takes seconds.
    networks = {name: each.network for name, each in named.items() if not isinstance(each, NBLRTeacher)}
    teachers = list(networks.values())
    networks |= {name: recipe.arm(name) for name in recipe.trained_arms}
    seconds = {name: _trial(settings, material, name, recipe) for name, settings in networks.items()}
    if recipe.curves is not None:
        seconds["curves"] = _smaller_budgets(recipe.curves, material.splits, seconds)
    if (beforehand := _pretrainings(recipe, material, teachers)) > 0:
        seconds["pretraining"] = beforehand
    total = sum(seconds.values())
    rows = [[name, f"{value:,.0f} s"] for name, value in seconds.items()]
    if recipe.target is not None:
        say("at most: a training that reaches the target ends sooner")
    table(["training and answers", "about"], [*rows, ["together", f"{total / 60:,.1f} min"]])
    say("the recipe is fine; export, evaluation and report add about half a minute")
    return total


def _smaller_budgets(curves: CurveSettings, splits: Splits, seconds: Mapping[str, float]) -> float:
    """Return what the points take besides the run itself, at most: a teacher of fewer labels may need fewer steps."""
    steps = sum(share for share in curves.steps or [] if share < 1)
    labels = sum(count < len(splits.labelled) for count in curves.labels or [])
    teachers = sum(taken for name, taken in seconds.items() if name.startswith("teacher"))
    # From fewer labels two students are trained: of a teacher of those labels, and of one that has seen all.
    return (steps + 2 * labels) * seconds["student"] + (steps + labels) * seconds["baseline"] + labels * teachers


def _describe(recipe: Recipe, splits: Splits) -> None:
    rows = [[name, f"{len(part):,}", _classes(part)] for name, part in parts_of(recipe, splits).items()]
    table(["split", "rows", "classes"], rows)
    names = splits.classes
    counts = Counter(splits.labelled.labels.tolist())
    few = [names[index] for index in range(len(names)) if counts[index] == 0]
    say(f"classes ({len(names)}): " + ", ".join(f"{names[i]} {n:,}" for i, n in counts.most_common(8)))
    if few:
        say(f"without a labelled row: {', '.join(few[:8])}; no model can learn these", style="yellow")
    for reason, rows in splits.dropped.items():
        say(f"dropped: {rows:,} {reason}")


def _classes(rows: Examples) -> str:
    return str(len(np.unique(rows.labels[rows.labels >= 0]))) if (rows.labels >= 0).any() else "-"


def _trial(settings: NetworkSettings, material: Material, name: str, recipe: Recipe) -> float:
    """Take a few steps and answers, and scale their time up to the whole run."""
    splits = material.splits
    view = material.view(settings)
    say(f"{name}: {view.transfer.truncated:.1%} of the training texts are longer than {settings.max_length} tokens")
    check_model(settings.model)
    model = material.build(settings, seed=0)
    # Losses cost next to nothing beside a network: labels alone tell the time of a step.
    lesson = material.from_labels(settings)
    distiller, batches = Distiller(model, lesson.objective), lesson.batches(settings.train, 0)
    step = _seconds(lambda: _steps(distiller, batches, settings.train)) / TRIAL_STEPS
    teacher = name.startswith("teacher")
    learned = {"baseline": splits.labelled, "ceiling": splits.ceiling}
    rows = splits.labelled if teacher else learned.get(name, splits.transfer)
    total = step * settings.train.total_steps(len(rows))
    if teacher:
        assert view.encoder is not None  # a recipe's data are texts
        sample = encode(view.encoder, splits.validation.texts[:TRIAL_ROWS])
        answer = _seconds(lambda: predict_logits(model, sample)) / len(sample)
        return total + answer * (len(splits.transfer) + len(splits.validation) + len(splits.test))
    points = len(recipe.candidates(name))
    return total * (len(recipe.seeds) + (points - 1 if points > 1 else 0))


def _pretrainings(recipe: Recipe, material: Material, teachers: Iterable[NetworkSettings]) -> float:
    """Scale a few steps of each pretraining up to the whole run; trainings that share one count it once."""
    first, *others = recipe.seeds
    runs = [(settings, first) for settings in teachers]
    for arm in recipe.trained_arms:
        candidates = [settings for _, settings in recipe.candidates(arm)]
        # Which of them wins is not known yet; the first one stands for it.
        runs += [(settings, first) for settings in candidates] + [(candidates[0], seed) for seed in others]
    wanted = [(settings, seed) for settings, seed in runs if settings.pretrain is not None]
    distinct = {digest(pretraining(settings, material, seed)): (settings, seed) for settings, seed in wanted}
    return sum(_pretraining_trial(settings, material, seed) for settings, seed in distinct.values())


def _pretraining_trial(settings: NetworkSettings, material: Material, seed: int) -> float:
    training = language_training(material.build(settings, seed=seed), settings, material, seed=seed)
    taken = _seconds(lambda: _steps(training.distiller, training.batches, training.settings))
    return taken / TRIAL_STEPS * training.steps


def _steps(distiller: Distiller, batches: GroupSource, settings: TrainSettings) -> None:
    def no_validation(model: torch.nn.Module) -> dict[str, float]:
        return {"calibrated_nll": 0.0}

    fit(distiller, batches, settings, steps=TRIAL_STEPS, validate=no_validation, title="trial")


def _seconds(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start
