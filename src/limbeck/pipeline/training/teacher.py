"""The teacher of a run: made, asked once, and from then on answering from its cache, alone or as an ensemble."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from limbeck.bundle import Runner
from limbeck.cache import CachedTeacher, CacheIdentity, label
from limbeck.cache.codecs import DEFAULT
from limbeck.console import say
from limbeck.data import Splits, Task
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.evaluation.metric import Sheet
from limbeck.losses import objective_from
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.work import RunWork
from limbeck.ranks import ALONE, Ranks, ranks
from limbeck.recipe import Recipe
from limbeck.report import words
from limbeck.teachers import Made, Single, Teacher
from limbeck.teachers.combined import Ensemble, Scaled, mix
from limbeck.teachers.work import ROWS, Split
from limbeck.trainer import predict_logits
from limbeck.types import Batch


@dataclass(frozen=True)
class Member:
    """One that answers.

    Attributes:
        trained: what was made.
        cache: its answers, opened once.
        name: of its network.
        temperature: its logits are divided by; None: they stay as they are.
    """

    trained: Made
    cache: CachedTeacher
    name: str
    temperature: float | None = None

    def of(self, splits: Splits, split: Split, *, among: Ranks = ALONE) -> CachedTeacher:
        """Return a teacher that answers for a split, asking the network only for rows that it never saw."""
        self.trained.prepare(split, among)
        examples, view = getattr(splits, split), getattr(self.trained.view, split)
        title = f"{self.name} answers, {ROWS[split]}"
        return label(self.live(), examples, view, self.cache, among=among, title=title)

    def live(self) -> Teacher:
        """Return the teacher itself, for batches that it has not seen."""
        return self.trained.live(self.cache.identity.taps)

    def scaled(self, teacher: Teacher) -> Teacher:
        """Return the teacher at this member's temperature."""
        return teacher if self.temperature is None else Scaled(teacher, self.temperature)


@dataclass(frozen=True)
class RunTeacher:
    """The trained teacher and its answers.

    Attributes:
        members: one network, or those of an ensemble.
        weights: one each, of sum 1.
        splits: what it is asked about.
    """

    members: tuple[Member, ...]
    weights: tuple[float, ...]
    splits: Splits

    @property
    def names(self) -> list[str]:
        """Name what was answered and by whom, for whatever depends on it."""
        (first, *others) = self.members
        if not others and first.temperature is None:
            return [first.cache.digest, first.cache.identity.view]
        known = [[each.cache.digest, each.cache.identity.view, each.temperature] for each in self.members]
        return [digest([known, list(self.weights)])]

    @property
    def kept(self) -> dict[str, str]:
        """Name how the answers are stored, for whatever depends on it; nothing where that is as by default."""
        codec = self.members[0].cache.identity.codec
        return {} if codec == DEFAULT else {"cache.codec": codec.title}

    @property
    def networks(self) -> dict[str, Trained]:
        """What is a network, by name: `teacher`, or `teacher-0`, `teacher-1` ... of an ensemble."""
        named = zip(member_names(len(self.members)), self.members, strict=True)
        return {name: member.trained for name, member in named if isinstance(member.trained, Trained)}

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        """What was fitted on validation: temperatures, and the weights of an ensemble."""
        names = member_names(len(self.members))
        fitted = {f"{n} temperature": m.temperature for n, m in zip(names, self.members, strict=True) if m.temperature}
        weights = dict(zip((f"{name} weight" for name in names), self.weights, strict=True)) if names[1:] else {}
        return {**fitted, **weights}

    def of(self, split: Split, *, among: Ranks = ALONE) -> Teacher:
        """Return a teacher that answers for a split from its cache; processes share what is still to be asked."""
        return self._together([member.of(self.splits, split, among=among) for member in self.members])

    def live(self) -> Teacher:
        """Return a teacher that answers for batches it has not seen, each with the inputs of its only network."""
        return self._together([member.live() for member in self.members])

    def logits(self, split: Split) -> NDArray[np.float32]:
        """Return the logits for a split, (rows, classes)."""
        batch = Batch(ids=torch.from_numpy(getattr(self.splits, split).ids), student_inputs={})
        return self.of(split).predict(batch).logits.numpy()

    def runner(self, exported: Mapping[str, Runner]) -> Runner | None:
        """Return the teacher as a function of samples, from its networks by name.

        Args:
            exported: its networks that have an ONNX form; the others are called as they are, in PyTorch.

        Returns:
            None where one is missing that is no network.
        """
        networks = self.networks
        parts = [
            exported.get(name) or (_called(networks[name]) if name in networks else None)
            for name in member_names(len(self.members))
        ]
        if any(part is None for part in parts):
            return None
        divisors = [member.temperature or 1.0 for member in self.members]

        def answer(samples: Sequence[Any]) -> NDArray[np.float32]:
            logits = [torch.from_numpy(part(samples)) / T for part, T in zip(parts, divisors, strict=True) if part]
            return (logits[0] if len(logits) == 1 else mix(logits, self.weights)).numpy()

        return answer

    def _together(self, teachers: Sequence[Teacher]) -> Teacher:
        scaled = [member.scaled(teacher) for member, teacher in zip(self.members, teachers, strict=True)]
        return scaled[0] if len(scaled) == 1 else Ensemble(scaled, self.weights)


def _called(network: Trained) -> Runner:
    """Return a network as a function of samples, called in PyTorch on one thread."""

    def answer(samples: Sequence[Any]) -> NDArray[np.float32]:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return predict_logits(network.model, network.view.rows(samples)).numpy()
        finally:
            torch.set_num_threads(threads)

    return answer


def member_names(count: int) -> list[str]:
    """Return the names of a teacher's networks, which are those of their folders."""
    return ["teacher"] if count == 1 else [f"teacher-{number}" for number in range(count)]


def member_key(number: int, count: int) -> str:
    """Return where the recipe says what one of so many networks of a teacher is."""
    return "teacher" if count == 1 else f"teacher.members.{number}"


def settle(recipe: Recipe, material: Material) -> Recipe:
    """Return the recipe with what its teacher leaves open: whether it is trained, its outputs' classes, its length.

    What is settled is said, and stands in the run's `recipe.yaml`.

    Raises:
        LimbeckError: see `Kind.settle`.
    """
    return recipe.model_copy(update={"teacher": recipe.teacher.settle(RunWork(recipe, material))})


def train_teacher(recipe: Recipe, material: Material, folder: Path, *, note: str = "") -> tuple[Made, ...]:
    """Make what answers, with the first seed: one, or of an ensemble one a member; see `Kind.make`.

    A note tells their trainings from those of another teacher in the run.
    """
    return recipe.teacher.make(RunWork(recipe, material, folder, note))


def ask_teacher(
    recipe: Recipe,
    trained: Sequence[Made],
    splits: Splits,
    folder: Path,
    *,
    warn: bool = False,
    kept: Path | None = None,
) -> RunTeacher:
    """Let the teacher answer once for every row that the student learns from or is chosen on; see `judged_teacher`.

    Raises:
        LimbeckError: it is no better than chance; the transfer set was not asked for then.
    """
    answers = judged_teacher(recipe, trained, splits, folder, warn=warn, kept=kept)
    if len(splits.transfer):  # rows of a loader are asked while the student trains
        answers.of("transfer", among=ranks())
    return answers


def judged_teacher(
    recipe: Recipe,
    trained: Sequence[Made],
    splits: Splits,
    folder: Path,
    *,
    warn: bool = False,
    kept: Path | None = None,
) -> RunTeacher:
    """Let the teacher answer for the rows on which it is judged, and refuse one that is no better than chance.

    A finished teacher is judged on the labelled and the validation rows, one that was trained here on the validation
    rows only. Temperatures and weights, where the recipe asks for them, are fitted on validation.

    Args:
        recipe: says how the teacher answers, and whether a bad one is accepted.
        trained: what was made of it, see `train_teacher`.
        splits: whose rows.
        folder: of the run.
        warn: do not refuse it, say it only.
        kept: the folder of the answers, for these networks alone; None: in the run.

    Raises:
        LimbeckError: its balanced accuracy is not above a constant prediction's by its 95 % interval, or a finished
            teacher's outputs are called by the names of other classes.
    """
    taps = tuple(dict.fromkeys(pair.taps[1] for pair in objective_from(recipe.losses).pairs))
    members = []
    for name, made, settings in zip(member_names(len(trained)), trained, recipe.teacher.members, strict=True):
        identity = CacheIdentity(made.answers_as, made.view.digest, splits.task.outputs, taps, recipe.cache.codec)
        place = folder / "cache" / identity.name if kept is None else kept / name
        members.append(_ask(Member(made, CachedTeacher(place, identity), name), settings, splits))
    weights = recipe.teacher.shares(len(members))
    if weights is None:
        task = splits.task.fit(splits.labelled.labels)
        weights = task.mixture([_logits(member, splits) for member in members], splits.validation.labels)
        say(f"  weights of the ensemble, fitted on validation: {', '.join(f'{w:.2f}' for w in weights)}")
    answers = RunTeacher(tuple(members), tuple(weights), splits)
    warn = warn or recipe.teacher.accept_bad
    _judge_names(recipe, answers, warn=warn)
    _judge(recipe, answers, warn=warn)
    return answers


def _judge_names(recipe: Recipe, answers: RunTeacher, *, warn: bool) -> None:
    """Say how good every finished teacher is, and refuse one whose outputs are called by the names of other classes.

    Raises:
        LimbeckError: see `Single.require_names`.
    """
    splits, asked, several = answers.splits, _judged_on(answers.splits, finished=True), len(answers.members) > 1
    for number, (member, settings) in enumerate(zip(answers.members, recipe.teacher.members, strict=True)):
        if not settings.refits:
            key = f"teacher.members.{number}" if several else "teacher"
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


def _judge(recipe: Recipe, answers: RunTeacher, *, warn: bool) -> None:
    """Compare a teacher with a constant prediction.

    Raises:
        LimbeckError: it is no better, and that is not accepted.
    """
    asked = _judged_on(answers.splits, finished=not recipe.teacher.refits)
    sheet = _on(answers, asked)
    found = _task(answers).chance(sheet)
    if found is None or not found.at_chance:
        return
    low, high = found.ci95
    what = (
        f"the teacher is not better than chance: {found.title} {found.value:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%}) on {len(sheet['labels']):,} {' and '.join(asked)} rows, "
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


def _ask(member: Member, settings: Single, splits: Splits) -> Member:
    member.of(splits, "validation", among=ranks())
    if len(splits.labelled):  # whoever is judged on them: of batches of other rows, the last bits may differ
        member.of(splits, "labelled", among=ranks())
    if not settings.calibrate:
        return member
    task = splits.task.fit(splits.labelled.labels)
    temperature = round(task.temperature(_logits(member, splits), splits.validation.labels), 4)
    if temperature < 1 and not settings.refits:
        # Rows that it has learned make it look right beyond its own claims, and then it would be made surer still.
        what = f"validation rows would have its logits divided by {temperature:.2f}, as if it were not sure enough"
        say(f"  {what}: it may have learned from these rows, and its logits stay as they are", style="yellow")
        return member
    say(f"  its logits are divided by {temperature:.2f}, which fits validation best")
    return replace(member, temperature=temperature)


def _logits(member: Member, splits: Splits) -> NDArray[np.float32]:
    return RunTeacher((member,), (1.0,), splits).logits("validation")
