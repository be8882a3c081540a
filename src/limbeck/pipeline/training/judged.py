"""The teacher of a run, asked and judged: its temperatures and weights, and whether it is better than chance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from limbeck.console import say
from limbeck.data import Labels, Splits, Task
from limbeck.errors import LimbeckError
from limbeck.evaluation.metric import Sheet
from limbeck.pipeline.training.teacher import MadeTeacher, Member, RunTeacher, member_key, members_of
from limbeck.ranks import Ranks, ranks
from limbeck.recipe import Recipe
from limbeck.report import words
from limbeck.teachers import Single
from limbeck.teachers.work import Split


@dataclass(frozen=True)
class Seen:
    """Answers for rows by which a teacher is judged and its temperatures and weights are chosen.

    Attributes:
        logits: of each member, (rows, outputs), as its networks gave them.
        labels: of the rows.
        rows: what they are called.
    """

    logits: Sequence[NDArray[np.float32]]
    labels: Labels
    rows: str


def ask_teacher(
    recipe: Recipe,
    made: MadeTeacher,
    splits: Splits,
    folder: Path,
    *,
    warn: bool = False,
    kept: Path | None = None,
    among: Ranks | None = None,
) -> RunTeacher:
    """Let the teacher answer once for every row that the student learns from or is chosen on; see `judged_teacher`.

    One that moves beside its student is asked nothing before.

    Raises:
        LimbeckError: it is no better than chance; the transfer set was not asked for then.
    """
    among = among or ranks()
    if (moving := recipe.teacher.moving) is not None:
        return RunTeacher((), (), splits, moving=moving)
    answers = judged_teacher(recipe, made, splits, folder, warn=warn, kept=kept, among=among)
    if len(splits.transfer):  # rows of a loader are asked while the student trains
        answers.of("transfer", among=among)
    return answers


def judged_teacher(
    recipe: Recipe,
    made: MadeTeacher,
    splits: Splits,
    folder: Path,
    *,
    warn: bool = False,
    kept: Path | None = None,
    among: Ranks | None = None,
) -> RunTeacher:
    """Let the teacher answer for the rows on which it is judged, and refuse one that is no better than chance.

    A finished teacher is judged on the labelled and the validation rows, one that was trained here on the validation
    rows and, where there are folds, on the labelled rows as networks answer for them that were made without them.
    Temperatures and weights, where the recipe asks for them, are fitted on validation, and on those rows.

    Args:
        recipe: says how the teacher answers, and whether a bad one is accepted.
        made: what was made of it, see `train_teacher`.
        splits: whose rows.
        folder: of the run.
        warn: do not refuse it, say it only.
        kept: the folder of the answers, for these networks alone; None: in the run.
        among: who asks: the processes of the run where that is None, or a cluster.

    Raises:
        LimbeckError: its balanced accuracy is not above a constant prediction's by its 95 % interval, or a finished
            teacher's outputs are called by the names of other classes.
    """
    members, among = members_of(recipe, made.members, splits, folder, kept), among or ranks()
    for member in members:
        member.of(splits, "validation", among=among)
        if len(splits.labelled):  # whoever is judged on them: of batches of other rows, the last bits may differ
            member.of(splits, "labelled", among=among)
    seen = _seen(members, made, splits)
    task = splits.task.fit(splits.labelled.labels)
    scaled = [
        _calibrated(member, settings, logits, seen, task)
        for member, settings, logits in zip(members, recipe.teacher.members, seen.logits, strict=True)
    ]
    weights = recipe.teacher.shares(len(scaled))
    if weights is None:
        weights = task.pool_weights(recipe.teacher.pool, _at_their_temperatures(scaled, seen), seen.labels)
        say(f"  weights of the ensemble, fitted on {seen.rows}: {', '.join(f'{w:.2f}' for w in weights)}")
    if recipe.teacher.by_confidence:
        say("  weights of the ensemble: of each row by how sure its members are")
    pool, by_confidence = recipe.teacher.pool, recipe.teacher.by_confidence
    answers = RunTeacher(tuple(scaled), tuple(weights), splits, pool, by_confidence)
    _say_together(answers, seen)
    warn = warn or recipe.teacher.accept_bad
    _judge_names(recipe, answers, warn=warn)
    _judge(recipe, answers, seen if len(made.crossed) else None, warn=warn)
    return answers


def _seen(members: Sequence[Member], made: MadeTeacher, splits: Splits) -> Seen:
    """Return answers for the validation rows and, where there are folds, for the labelled rows after them."""
    logits, labels = [member.logits(splits, "validation") for member in members], splits.validation.labels
    if not len(made.crossed):
        return Seen(logits, labels, "validation")
    every = [np.concatenate([own, crossed]) for own, crossed in zip(logits, made.crossed, strict=True)]
    return Seen(every, labels + splits.labelled.labels, "validation and held-out labelled rows")


def _at_their_temperatures(members: Sequence[Member], seen: Seen) -> list[NDArray[np.float32]]:
    return [logits / (member.temperature or 1.0) for member, logits in zip(members, seen.logits, strict=True)]


def _say_together(answers: RunTeacher, seen: Seen) -> None:
    """Say what each member of an ensemble scores by itself, and all of them together; of one teacher, nothing."""
    if len(answers.members) == 1:
        return
    task = _task(answers)
    every = [*_at_their_temperatures(answers.members, seen), _pooled(answers, seen)]
    scores = [words.score(task.metric(task.sheet(logits, seen.labels)), task.metric) for logits in every]
    names = [*(f"member {number}" for number in range(len(answers.members))), "together"]
    said = ", ".join(f"{name} {score}" for name, score in zip(names, scores, strict=True))
    say(f"  {task.metric.title} on {seen.rows} ({len(seen.labels):,} rows): {said}")


def _judge_names(recipe: Recipe, answers: RunTeacher, *, warn: bool) -> None:
    """Say how good every finished teacher is, and refuse one whose outputs are called by the names of other classes.

    Raises:
        LimbeckError: see `Single.require_names`.
    """
    splits, asked = answers.splits, _judged_on(answers.splits, finished=True)
    for number, (member, settings) in enumerate(zip(answers.members, recipe.teacher.members, strict=True)):
        if not settings.refits:
            key = member_key(number, len(answers.members))
            alone = RunTeacher((member,), (1.0,), splits)
            task, sheet = _task(alone), _on(alone, asked)
            rows = f"{len(sheet['labels']):,} {' and '.join(asked)} rows"
            score = f"{task.metric.title} {words.score(task.metric(sheet), task.metric)}"
            chance = task.chance(sheet)
            more = "" if chance is None else f", {chance.title} {chance.value:.1%}"
            if (found := task.assignment(sheet)) is None:
                say(f"  {key}: {score}{more} on {rows}")
                continue
            say(f"  {key}: accuracy {found.accuracy:.1%}{more} on {rows}")
            settings.require_names(found, task.names, key, rows, warn=warn)


def _pooled(answers: RunTeacher, seen: Seen) -> NDArray[np.float32]:
    parts = [torch.from_numpy(each) for each in _at_their_temperatures(answers.members, seen)]
    return answers.mixed(parts).numpy()


def _judged_on(splits: Splits, *, finished: bool) -> tuple[Split, ...]:
    """Return the splits that a teacher is judged on: the labelled rows are among them where it did not learn them."""
    return ("labelled", "validation") if finished and len(splits.labelled) else ("validation",)


def _on(answers: RunTeacher, asked: Sequence[Split]) -> Sheet:
    """Return the answers on several splits."""
    logits = np.concatenate([answers.logits(split) for split in asked])
    first, *others = [getattr(answers.splits, split).labels for split in asked]
    return _task(answers).sheet(logits, sum(others, first))


def _task(answers: RunTeacher) -> Task:
    """Return the task as the labelled rows have it, with the decision that fits the teacher on validation."""
    splits = answers.splits
    task = splits.task.fit(splits.labelled.labels)
    return task.decide(answers.logits("validation"), splits.validation.labels) if task.fits_decision else task


def _judge(recipe: Recipe, answers: RunTeacher, seen: Seen | None, *, warn: bool) -> None:
    """Compare a teacher with a constant prediction, on the rows of `seen` where there are such.

    Raises:
        LimbeckError: it is no better, and that is not accepted.
    """
    asked = _judged_on(answers.splits, finished=not recipe.teacher.refits)
    if seen is None:
        rows, sheet = f"{' and '.join(asked)} rows", _on(answers, asked)
    else:
        rows, sheet = seen.rows, _task(answers).sheet(_pooled(answers, seen), seen.labels)
    found = _task(answers).chance(sheet)
    if found is None or not found.at_chance:
        return
    low, high = found.ci95
    what = (
        f"the teacher is not better than chance: {found.title} {found.value:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%}) on {len(sheet['labels']):,} {rows}, "
        f"where one answer for all has {found.constant:.1%}"
    )
    if warn:
        say(f"  {what}", style="yellow")
        return
    doubts = [] if recipe.teacher.refits else recipe.teacher.doubts("teacher", answers.splits.task.outputs)
    rare = " (where a class is rare: data.class_weights=balanced, task.metric=f1_macro)" * recipe.task.one_class
    trained = f"give it more labels{' or steps' * recipe.teacher.by_steps}{rare}"
    more = trained if recipe.teacher.refits else "take another teacher"
    fix = f"{', '.join([*doubts, more])}, or go on with teacher.accept_bad=true"
    raise LimbeckError(what, where="teacher", fix=fix)


def _calibrated(member: Member, settings: Single, logits: NDArray[np.float32], seen: Seen, task: Task) -> Member:
    """Return a member at the temperature that fits what it has answered, where its settings ask for that."""
    if not settings.calibrate:
        return member
    temperature = round(task.temperature(logits, seen.labels), 4)
    if temperature < 1 and not settings.refits:
        # Rows that it has learned make it look right beyond its own claims, and then it would be made surer still.
        what = f"validation rows would have its logits divided by {temperature:.2f}, as if it were not sure enough"
        say(f"  {what}: it may have learned from these rows, and its logits stay as they are", style="yellow")
        return member
    say(f"  {member.name}: its logits are divided by {temperature:.2f}, which fits {seen.rows} best")
    return replace(member, temperature=temperature)
