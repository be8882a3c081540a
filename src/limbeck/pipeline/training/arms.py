"""The arms: ways of training the student, compared in the end."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limbeck.console import say
from limbeck.data import Splits, Task
from limbeck.digest import digest
from limbeck.errors import LimbeckError, about
from limbeck.evaluation.records import Level
from limbeck.losses import CATALOG, first_for, hears_teacher, objective_from
from limbeck.models import check_model, is_solved
from limbeck.models.solved import Solved
from limbeck.networks import NetworkSettings
from limbeck.pipeline.training.crossed import require_held_out
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.start import start_of
from limbeck.pipeline.training.teacher import RunTeacher
from limbeck.pipeline.training.tuning import ArmWork, PassedOver, tune
from limbeck.pipeline.training.unlabelled import require_labels
from limbeck.pipeline.training.work import RunWork, try_out
from limbeck.ranks import ranks
from limbeck.recipe import Recipe
from limbeck.recipe.fits import require_classes
from limbeck.recipe.grid import points
from limbeck.teachers import Moving, Teacher
from limbeck.teachers.module import weights_digest
from limbeck.update import require_trainable

WITHOUT_TEACHER = ("baseline", "ceiling")
"""Arms that hear no teacher: they learn from labels."""
RARE = 4
"""A labelled row that is seen so many times less often than an unlabelled one is pointed out."""


@dataclass(frozen=True)
class Arm:
    """One way of training the student, over all seeds.

    Attributes:
        name: student, baseline, hard_labels or ceiling.
        settings: after tuning.
        chosen: what is told of the grid's point that was taken, by key.
        trained: one network a seed; one that is solved stands for every seed.
        until: the level on validation at which its trainings end; None: none.
        passed_over: the trained network in the place of which a solved one stands; None: none.
    """

    name: str
    settings: NetworkSettings
    chosen: Mapping[str, Any]
    trained: dict[int, Trained]
    until: Level | None = None
    passed_over: PassedOver | None = None

    @property
    def solved(self) -> bool:
        """Whether its network is solved, and not trained."""
        return is_solved(self.settings.model)

    @property
    def best_seed(self) -> int:
        """The seed that is best on validation, of those that reached the level if any did."""

        def rank(seed: int) -> tuple[bool, list[float]]:
            history = self.trained[seed].history
            return history.reached_step is not None, history.best

        return max(self.trained, key=rank)


def preflight(recipe: Recipe, material: Material) -> None:
    """Make every view and build every network of the run once: what cannot be had fails before anything long starts.

    Raises:
        LimbeckError: a network, its weights or its word vectors cannot be had, labelled rows fill every batch, or the
            ceiling has nothing to learn.
    """
    splits, pairs = material.splits, objective_from(recipe.losses).pairs
    recipe.codec.require_fits(splits.task.outputs)
    require_classes(recipe.losses, splits.task)
    _require_shares(recipe, splits.task)
    require_labels(recipe)
    require_held_out(recipe, material)
    others = _preflight_curves(recipe, splits) or len(splits.transfer) > len(splits.labelled)
    if others:
        _preflight_batches(recipe, splits)
    if "ceiling" in recipe.trained_arms and not len(splits.ceiling):
        raise LimbeckError(
            "no row of the target has a label, beside its test rows: the arm ceiling has nothing to learn",
            where="data.target",
            fix="label some, lower data.split.test, or leave ceiling out of arms",
        )
    # Of arms with the same network the student's key is named: the last one of equal keys stays.
    arms = sorted(recipe.trained_arms, key=lambda arm: arm == "student")
    tuned = [one for arm in arms for one in _keys_of_models(recipe, arm)]
    for key, settings in {digest(each.model_dump(exclude={"train"})): (key, each) for key, each in tuned}.values():
        with about(key):
            check_model(settings.model)
            network = material.build(settings, seed=0)
        if not isinstance(network, Solved):
            require_trainable(network, "student")
        try_out(network, settings, material, [pair.taps[0] for pair in pairs], "student")
    if pairs and "taps" not in recipe.teacher.gives:
        raise LimbeckError(
            f"a loss compares activations, and a teacher of kind {recipe.teacher.kind} has none to give",
            where="losses",
            fix="take kind network or transformers, or another loss",
        )
    if recipe.teacher.moving is not None:
        _require_moves(recipe, material)
    _tell_unheard(recipe, splits)
    recipe.teacher.check(RunWork(recipe, material))


def _require_moves(recipe: Recipe, material: Material) -> None:
    """Refuse what a teacher that moves beside its student cannot follow.

    Raises:
        LimbeckError: a student is solved, several processes train it, or its peer would be its twin.
    """
    kind = recipe.teacher.kind
    if solved := [each.model.name for _, each in recipe.candidates("student") if is_solved(each.model)]:
        raise LimbeckError(
            f"`{solved[0]}` is solved in no steps, and a teacher of kind {kind} moves with the steps",
            where="student.model",
            fix="take a student that is trained",
        )
    if ranks().world > 1:
        raise LimbeckError(
            f"several processes train the student, and a teacher of kind {kind} follows one",
            where="teacher.kind",
            fix="start one process",
        )
    if recipe.teacher.moving is not None and recipe.teacher.moving.starts_apart:
        for key, settings in _keys_of_models(recipe, "student"):
            starts = []
            for seed in (0, 1):
                network = material.build(settings, seed=seed)
                start_of(network, settings.model, material, material.view(settings), title="student")  # lazy layers
                starts.append(weights_digest(network))
            if starts[0] == starts[1]:
                raise LimbeckError(
                    "its first weights are the same in every seed, and two that start alike teach each other nothing",
                    where=key,
                    fix="take a student with random first weights, or another kind of teacher",
                )


def _tell_unheard(recipe: Recipe, splits: Splits) -> None:
    """Say where no loss hears the teacher, and where none counts the rows without a label.

    Raises:
        LimbeckError: no row of a batch would count.
    """
    needs = [CATALOG[entry.name].card.needs for entry in recipe.losses if entry.counts]
    if not hears_teacher(recipe.losses):
        say("  no loss hears the teacher: whatever the student gains does not come from it", style="yellow")
    unlabelled = len(splits.transfer) - len(splits.labelled)
    if unlabelled > 0 and all("labels" in each for each in needs):
        # A solved student takes the rows as they are, and no batches.
        if recipe.data.labelled_per_batch == 0 and _trained(one for _, one in recipe.candidates("student")):
            raise LimbeckError(
                "every loss counts labelled rows only, and a batch has none of them: the student would learn nothing",
                where="data.labelled_per_batch",
                fix="raise it",
            )
        say(
            f"  every loss counts labelled rows only: the {unlabelled:,} other rows of the transfer set are read and "
            f"teach nothing; add {first_for(recipe.task.predicts)}, or set data.max_unlabelled=0",
            style="yellow",
        )


def _keys_of_models(recipe: Recipe, name: str) -> list[tuple[str, NetworkSettings]]:
    """Return every point of the grid for an arm: the key of the recipe that gives its model, and the settings."""
    arm, own = recipe.arm(name), "baseline.model" if name == "baseline" else "student.model"
    return [
        (f"{prefix}model" if "model" in point else own, arm.changed(point, prefix))
        for prefix, point in points(recipe.grid)
    ]


def _preflight_batches(recipe: Recipe, splits: Splits) -> None:
    """Refuse batches without an unlabelled row; say where a labelled row is seen far less often than those."""
    taught = [arm for arm in recipe.trained_arms if arm not in WITHOUT_TEACHER]
    trained = _trained(settings for arm in taught for _, settings in recipe.candidates(arm))
    if not trained:
        return
    smallest = min(settings.train.batch_size for settings in trained)
    if recipe.data.labelled_per_batch >= smallest:
        raise LimbeckError(
            f"{recipe.data.labelled_per_batch} labelled rows fill every batch of {smallest}, "
            "and the unlabelled ones would never be seen",
            where="data.labelled_per_batch",
            fix="lower it, raise train.batch_size (student's, grid's), or set data.max_unlabelled=0 and "
            "data.augment=null",
        )
    _tell_rare(recipe.data.labelled_per_batch, smallest, len(splits.labelled), len(splits.transfer))


def _trained(tuned: Iterable[NetworkSettings]) -> list[NetworkSettings]:
    """Return those settings whose network is trained, and not solved."""
    return [settings for settings in tuned if not is_solved(settings.model)]


def _tell_rare(labelled_per_batch: int, batch_size: int, labelled: int, rows: int) -> None:
    """Say where a labelled row is seen far less often than an unlabelled one, which nobody asks for.

    Args:
        labelled_per_batch: labelled rows of a batch; 0: labels are left out on purpose.
        batch_size: all rows of it.
        labelled: labelled rows of the transfer set.
        rows: all rows of it.
    """
    if not labelled_per_batch or rows <= labelled:
        return
    more = (batch_size - labelled_per_batch) / (rows - labelled) * labelled / labelled_per_batch
    if more > RARE:
        alike = max(1, min(batch_size - 1, round(batch_size * labelled / rows)))
        say(
            f"  each unlabelled row is seen {more:.0f} times as often as a labelled one: with "
            f"data.labelled_per_batch={alike} all are seen alike",
            style="yellow",
        )


def _require_shares(recipe: Recipe, task: Task) -> None:
    """Refuse a share of a metric of which less is better, and what is asked for in accuracy of a task without one."""
    if recipe.until is not None and recipe.until.retention is not None and task.metric.sign < 0:
        raise LimbeckError(
            f"a share of {task.metric.title} says nothing: less of it is better",
            where="until.retention",
            fix="set until to null",
        )
    if any(metric.name == "accuracy" for metric in task.metrics):
        return
    asked = {"curves": recipe.curves, "until.accuracy": recipe.until and recipe.until.accuracy}
    for key, value in asked.items():
        if value is not None:
            raise LimbeckError(f"a {task.kind} has no accuracy", where=key, fix="set it to null")


def _preflight_curves(recipe: Recipe, splits: Splits) -> bool:
    """Refuse budgets that cannot be had; return whether at one of them some training rows have no label."""
    if recipe.curves is None:
        return False
    tuned = [settings for arm in ("student", "baseline") for _, settings in recipe.candidates(arm)]
    if any(settings.train.epochs is not None for settings in _trained(tuned)):
        raise LimbeckError(
            "curves compare arms at equal steps, and an epoch of the student is not one of the baseline",
            where="student.train.epochs",
            fix="give train.steps in its place, wherever student, baseline or grid have epochs",
        )
    _preflight_steps(recipe.curves.steps or [], tuned)
    labels = recipe.curves.labels or []
    if labels and recipe.data.max_unlabelled is not None:
        raise LimbeckError(
            "rows that lose their label become unlabelled text, and data.max_unlabelled limits that",
            where="curves.labels",
            fix="set data.max_unlabelled=null, or leave curves.labels out",
        )
    for count in labels:
        splits.keeping(count)
    return any(count < len(splits.labelled) for count in labels)


def _preflight_steps(shares: Sequence[float], tuned: Sequence[NetworkSettings]) -> None:
    """Refuse shares of steps that are not the same for all, and those that come to the same number."""
    if not shares:
        return
    totals = sorted({settings.train.total_steps(0) for settings in tuned})
    if len(totals) > 1:
        raise LimbeckError(
            f"curves compare arms at equal steps, and these take {' or '.join(f'{total:,}' for total in totals)}",
            where="curves.steps",
            fix="let baseline and grid take the steps of student.train.steps, or leave curves.steps out",
        )
    amounts = [tuned[0].shortened(share).train.total_steps(0) for share in shares]
    if len(set(amounts)) < len(amounts):
        raise LimbeckError(
            f"of {totals[0]:,} steps, these shares are {', '.join(f'{amount:,}' for amount in amounts)} steps",
            where="curves.steps",
            fix="leave out those that come to the same number",
        )


def train_arm(
    name: str,
    recipe: Recipe,
    material: Material,
    answers: RunTeacher,
    folder: Path,
    until: Level | None = None,
    *,
    share: float = 1.0,
    title: str | None = None,
) -> Arm:
    """Tune an arm with the first seed, then train every seed with the settings that won.

    Where these are of a network that is solved, that of the first seed stands for every seed.

    The settings that reach the level in the fewest steps win; without one, or where none does, those that are best on
    validation, or by what `recipe.selection` says; see `tune`. Every training takes a share of
    the recipe's steps. A title tells an arm from those of its name elsewhere in the run.
    """
    candidates = recipe.candidates(name)
    if share < 1:
        candidates = [(point, settings.shortened(share)) for point, settings in candidates]
    # Read and checked once an arm, not once a network.
    teacher = _teacher_of(name, material.splits, answers)
    if teacher is not None and recipe.selection.unlabelled is not None:
        material = material.watching(recipe.selection.unlabelled)
    work = ArmWork(name, title or name, recipe, material, answers, teacher, until)
    first, tuning = recipe.seeds[0], folder / "tuning"
    tuned = tune(work, candidates, tuning)
    point, settings = tuned.candidates[tuned.best]
    solved = is_solved(settings.model)
    places = {seed: folder / name / f"seed-{seed}" for seed in (recipe.seeds[:1] if solved else recipe.seeds)}
    if len(candidates) > 1:
        places[first] = tuning / f"{name}-{tuned.best}"  # the grid has trained the first seed of the winner already
    trained = {
        seed: work.train(settings, place, work.title if solved else f"{work.title}, seed {seed}", seed=seed)
        for seed, place in places.items()
    }
    if solved:
        trained = dict.fromkeys(recipe.seeds, trained[first])
    return Arm(name, settings, point, trained, until, tuned.passed_over)


def _teacher_of(name: str, splits: Splits, answers: RunTeacher) -> Teacher | Moving | None:
    """Return whom an arm listens to: nobody, one that moves, the cache, or the module itself for rows of a loader."""
    if name in WITHOUT_TEACHER:
        return None
    if answers.moving is not None:
        return answers.moving
    if not len(splits.transfer):
        return answers.live()
    return answers.of("transfer")
