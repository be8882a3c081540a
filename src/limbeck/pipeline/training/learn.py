"""Train a network into a folder, or solve it there."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from limbeck.blas import one_thread
from limbeck.console import say
from limbeck.data import Labels, Splits, Task
from limbeck.data.crossed import best_by_folds, crossed_outputs
from limbeck.digest import digest
from limbeck.distiller import Distiller
from limbeck.errors import LimbeckError, a
from limbeck.evaluation import follow
from limbeck.evaluation.records import Level, ServedRecord
from limbeck.files import read_json, staged, write_json
from limbeck.logits import WholeForm
from limbeck.models.solved import Cost, Solved, SolvedByLabels, SolvedByLosses
from limbeck.networks import HasReads, NetworkSettings
from limbeck.peer import Peer
from limbeck.pipeline.stages.stage import Stage, once
from limbeck.pipeline.training.material import Lesson, Material
from limbeck.pipeline.training.once import HISTORY, WEIGHTS, Plan, train_once
from limbeck.pipeline.training.pretrain import peer_seed, pretrain
from limbeck.pipeline.training.slope import slope_of
from limbeck.pipeline.training.start import start_of
from limbeck.pipeline.training.views import View
from limbeck.ranks import Ranks
from limbeck.report import words
from limbeck.runtime.rows import Rows
from limbeck.teachers import ModuleTeacher, Moving, Teacher
from limbeck.teachers.module import weights_digest
from limbeck.teachers.work import Split
from limbeck.trainer import GroupSource, History, Validate, Validated, predict_logits
from limbeck.types import Batch, Tap, best_device
from limbeck.version import __version__


@dataclass(frozen=True)
class Trained:
    """A finished network.

    Attributes:
        model: with its best weights, in evaluation mode.
        history: how it got there.
        view: what it reads.
        digest: names everything it was made from.
        code: names what decides its answers besides its weights and Limbeck's version; None: nothing does.
        weights: the file that holds them; None: it was not trained here.
    """

    model: nn.Module
    history: History
    view: View
    digest: str
    code: str | None = None
    weights: Path | None = None

    @cached_property
    def answers_as(self) -> str:
        """What names whose answers its answers are: 16 hex digits."""
        weights = weights_digest(self.model)
        return weights if self.code is None else digest([weights, self.code])

    def live(self, taps: Sequence[Tap] = (), form: WholeForm = "dense") -> Teacher:
        """Return the network as a teacher, which gives the activations of `taps` too."""
        return ModuleTeacher(self.model, self.answers_as, taps=taps, form=form)

    def prepare(self, split: Split, among: Ranks, folder: Path, missing: NDArray[np.bool_]) -> None:
        """Do nothing: the network answers from what it reads."""

    @property
    def served(self) -> ServedRecord | None:
        """None: it answers here."""
        return None

    def logits(self, view: Rows) -> NDArray[np.float32]:
        """Return the logits of a split, (rows, classes) float32."""
        return predict_logits(self.model, view).numpy()


def train_network(
    settings: NetworkSettings,
    material: Material,
    lesson: Lesson,
    *,
    seed: int,
    folder: Path,
    title: str,
    until: Level | None = None,
) -> Trained:
    """Build a network and train it, or load it from a folder that holds it; see `learn`."""
    network = material.build(settings, seed=seed)
    return learn(network, settings, material, lesson, seed=seed, folder=folder, title=title, until=until)


def learn(
    network: nn.Module,
    settings: HasReads,
    material: Material,
    lesson: Lesson,
    *,
    seed: int,
    folder: Path,
    title: str,
    until: Level | None = None,
) -> Trained:
    """Train a network, up to a level on validation if there is one, or load it from a folder that holds it.

    Args:
        network: just built in this seed; or one that solves, for which seed and level mean nothing.
        settings: how it reads and, of one that is trained, how.
        material: the rows.
        lesson: what is learned of them.
        seed: of the order of the batches.
        folder: of the network.
        title: shown while it runs.
        until: the level that ends the training; None: none.
    """
    if isinstance(network, Solved):
        return _solve(network, material.view(settings), material.splits, lesson, folder, title)
    if not isinstance(settings, NetworkSettings):
        raise TypeError(f"{a(type(settings).__name__)} does not say how a network is trained")
    return _train(network, settings, material, lesson, seed, folder, title, until)


def _solve(network: Solved, view: View, splits: Splits, lesson: Lesson, folder: Path, title: str) -> Trained:
    """Solve a network by a lesson, or load it from a folder that holds it.

    Raises:
        LimbeckError: the rows are none that it can be solved for.
    """
    task = lesson.task
    model, validate = task.finish(network), validator(view, splits, task, watched=lesson.watched)

    def cost(candidate: nn.Module) -> float:
        # Of all that chooses, the last one tells the most candidates apart: a likelihood, where there is one.
        return -validate(task.finish(candidate)).chooses[-1]

    def make(stage: Stage) -> History:
        history = History(0)
        if isinstance(network, SolvedByLosses):
            history.chosen = network.solve(lesson.rows, slope_of(lesson), cost=cost)
            said = ", ".join(f"{name} {value:g}" for name, value in history.chosen.items())
            said += f" {best_by(splits)}" if len(network.strengths) > 1 else ", as was chosen before"
            # It was chosen at its best temperature, and has to ship at it: it may be far too unsure without.
            with suppress(LimbeckError):  # of other tasks than classification there is none
                network.divide(network.temperature or _temperature(task.finish(network), view, splits, lesson))
            found = validate(model)
            history.best, history.best_said = list(found.chooses), found.said
            write_json(folder / HISTORY, asdict(history))
        else:
            with one_thread():
                said = _solved_by_labels(network, splits, lesson, cost, title)
        say(f"  {title}: {said}")
        with staged(folder / WEIGHTS) as aside:
            save_file(model.state_dict(), str(aside))
        return history

    inputs = {
        "version": __version__,
        "settings": network.depends_on,
        "view": view.digest,
        **lesson.inputs,
        **({} if lesson.folds is None else {"folds": int(lesson.folds.max()) + 1}),
    }

    def load(stage: Stage) -> History:
        model.load_state_dict(load_file(folder / WEIGHTS))
        # Points of a grid are compared; a teacher stands alone.
        return History(**read_json(folder / HISTORY, dict)) if isinstance(network, SolvedByLosses) else History(0)

    stage, history = once(folder, inputs, make, load)
    return Trained(model.to(best_device()).eval(), history, view, stage.digest, weights=folder / WEIGHTS)


def _solved_by_labels(network: Solved, splits: Splits, lesson: Lesson, cost: Cost, title: str) -> str:
    """Find the weights; return a few words about the choice that was made."""
    if not isinstance(network, SolvedByLabels) or lesson.teacher is not None:
        raise LimbeckError(
            "it is solved by labels, and the arm has a teacher", where=title, fix="take a network that is trained"
        )
    task, crossed, by = lesson.task, _crossed_costs(network, lesson), best_by(splits)
    if crossed is not None and lesson.folds is not None:
        by = best_by(splits, int(lesson.folds.max()) + 1)
    known = iter(crossed or ())

    def told(candidate: nn.Module) -> float:
        return next(known)

    columns = task.solved_columns(lesson.examples.labels)
    said = network.solve(lesson.rows, columns, weights=task.class_weights, cost=cost if crossed is None else told)
    return f"{said} {by}"


def _crossed_costs(network: SolvedByLabels, lesson: Lesson) -> list[float] | None:
    """Return the cost of each candidate that a solver tries, over all folds together.

    None where validation rows choose: there are no folds, some rows are copies of others, or a fold cannot be solved.
    """
    task, examples = lesson.task, lesson.examples
    if lesson.folds is None or len(lesson.folds) != len(examples):
        return None

    def answer(kept: NDArray[np.int64], held_out: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        rows, answers = lesson.rows.take(held_out), []

        def ask(candidate: nn.Module) -> float:
            answers.append(predict_logits(task.finish(candidate), rows).numpy())
            return 0.0

        columns = task.solved_columns(examples.labels.take(kept))
        network.solve(lesson.rows.take(kept), columns, weights=task.class_weights, cost=ask)
        return answers

    try:
        return [-chooses(task, outputs, examples.labels)[-1] for outputs in crossed_outputs(lesson.folds, answer)]
    except LimbeckError:
        return None


def chooses(task: Task, outputs: NDArray[np.float32], labels: Labels) -> list[float]:
    """Return what chooses among networks, of their outputs (rows, outputs) for rows with labels: more is better."""
    sheet = task.decided_sheet(outputs, labels)
    return task.chooses({metric.name: metric(sheet) for metric in task.watched()})


def _train(
    network: nn.Module,
    settings: NetworkSettings,
    material: Material,
    lesson: Lesson,
    seed: int,
    folder: Path,
    title: str,
    until: Level | None,
) -> Trained:
    view, task = material.view(settings), lesson.task
    start = start_of(network, settings.model, material, view, title=title)
    model = task.finish(network)

    def prepare() -> tuple[Distiller, GroupSource]:
        _say_frozen(model, title)
        pretrain(network, settings, material.whole, seed=seed, title=title, folder=folder)
        batches = lesson.batches(settings.train, seed)
        example, teacher = _example(lesson, batches), lesson.teacher
        if isinstance(teacher, Moving):
            teacher = teacher.beside(model, lambda: _peer(model, settings, material, lesson, seed, folder, title))
        return Distiller(model, lesson.objective, teacher, example=example, seen=task.seen), batches

    goal, level = (None, None) if until is None else (until.quantity, until.level)
    validate = validator(view, material.splits, task, goal=goal, watched=lesson.watched)
    stage, history = train_once(
        model,
        prepare,
        Plan(settings.train, lesson.steps(settings.train), validate, title, level),
        folder=folder,
        inputs={
            "settings": settings.model_dump(mode="json"),
            "view": view.digest,
            "seed": seed,
            **lesson.inputs,
            **start,
            **({} if until is None else {"until": [goal, level]}),
        },
    )
    if until is not None and not stage.done:
        say(f"  {title}: {words.outcome(until, history)}")
    code = stage.digest if "code" in start else None
    return Trained(model, history, view, stage.digest, code, weights=folder / WEIGHTS)


def _peer(
    student: nn.Module,
    settings: NetworkSettings,
    material: Material,
    lesson: Lesson,
    seed: int,
    folder: Path,
    title: str,
) -> Peer:
    """Return a network like a student that is about to be trained, with first weights of its own, to learn beside it.

    How it is made changes no random number that the student draws.
    """
    seed, title = peer_seed(seed), f"{title}, its peer"
    with torch.random.fork_rng():
        network = material.build(settings, seed=seed)
        start_of(network, settings.model, material, material.view(settings), title=title)  # makes lazy layers whole
        # One of its own: a pretraining of the student's seed would leave the student's head, and two that are alike.
        pretrain(network, settings, material.whole, seed=seed, title=title, folder=folder)
    task, train = lesson.task, settings.train
    return Peer(task.finish(network), student, lesson.objective, train, steps=lesson.steps(train), seen=task.seen)


def _say_frozen(model: nn.Module, title: str) -> None:
    """Say how many parameters are trained, where not all are."""
    sizes = [(each.numel(), each.requires_grad) for each in model.parameters()]
    every, trained = sum(size for size, _ in sizes), sum(size for size, learns in sizes if learns)
    if trained < every:
        say(f"  {title}: {trained:,} of {every:,} parameters are trained")


def _example(lesson: Lesson, batches: GroupSource) -> Batch | None:
    """Return a batch for an objective that has to know the widths of activations."""
    return next(iter(batches.group(0))).to(best_device()) if lesson.objective.pairs else None


def best_by(splits: Splits, folds: int | None = None) -> str:
    """Return in words by what is chosen; a number of folds: by them."""
    if folds is not None:
        return best_by_folds(len(splits.labelled), folds)
    if not len(splits.watched):
        return "is best on validation"
    return f"is nearest to the teacher on {len(splits.watched):,} unlabelled rows that are held out"


def _temperature(model: nn.Module, view: View, splits: Splits, lesson: Lesson) -> float:
    """Return by what a network's outputs are divided to fit what it is chosen by."""
    if lesson.watched is None:
        return lesson.task.temperature(predict_logits(model, view.validation).numpy(), splits.validation.labels)
    return follow(predict_logits(model, view.watched).numpy(), lesson.watched)[0]


def validator(
    view: View,
    splits: Splits,
    task: Task,
    *,
    goal: str | None = None,
    watched: NDArray[np.float32] | None = None,
) -> Validate:
    """Return what scores a network on the validation split.

    Args:
        view: what it reads.
        splits: of the run.
        task: that has seen the labels which the network learns: in what chooses, classes weigh as in the training.
        goal: the metric that `until` is a level of; None: there is none.
        watched: the teacher's logits for the view's rows of this name: what chooses is how near a network comes to
            them, in the place of its scores on validation.
    """
    labels, metrics = splits.validation.labels, task.watched()
    progress = [metric for name in task.progress for metric in metrics if metric.name == name]

    def validate(model: nn.Module) -> Validated:
        sheet = task.decided_sheet(predict_logits(model, view.validation).numpy(), labels)
        found = {metric.name: metric(sheet) for metric in metrics}
        said = [f"{metric.title} {words.score(found[metric.name], metric)}" for metric in progress]
        chooses = task.chooses(found)
        if watched is not None:
            chooses = [-follow(predict_logits(model, view.watched).numpy(), watched)[1]]
        return Validated(found, chooses, None if goal is None else found[goal], ", ".join(said))

    return validate
