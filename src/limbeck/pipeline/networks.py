"""Train a network into a folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from limbeck.console import say
from limbeck.data import Splits, Task
from limbeck.digest import digest
from limbeck.distiller import Distiller
from limbeck.evaluation.records import Level
from limbeck.pipeline.material import Lesson, Material
from limbeck.pipeline.once import train_once
from limbeck.pipeline.pretrain import pretrain
from limbeck.pipeline.start import start_of
from limbeck.pipeline.views import View
from limbeck.recipe import NetworkSettings
from limbeck.report import words
from limbeck.runtime.rows import Rows
from limbeck.teachers.module import weights_digest
from limbeck.trainer import GroupSource, History, Validate, Validated, predict_logits
from limbeck.types import Batch, best_device


@dataclass(frozen=True)
class Trained:
    """A finished network.

    Attributes:
        model: with its best weights, in evaluation mode.
        history: how it got there.
        view: what it reads.
        digest: names everything it was made from.
        code: names what decides its answers besides its weights and Limbeck's version; None: nothing does.
    """

    model: nn.Module
    history: History
    view: View
    digest: str
    code: str | None = None

    @property
    def answers_as(self) -> str:
        """What names whose answers its answers are: 16 hex digits."""
        weights = weights_digest(self.model)
        return weights if self.code is None else digest([weights, self.code])

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
    """Train a network, up to a level on validation if there is one, or load it from a folder that holds it."""
    view = material.view(settings)
    model = material.build(settings, seed=seed)
    start = start_of(model, settings.model, material, view, title=title)

    def prepare() -> tuple[Distiller, GroupSource]:
        pretrain(model, settings, material, seed=seed, title=title, folder=folder)
        batches = lesson.batches(settings.train, seed)
        return Distiller(model, lesson.objective, lesson.teacher, example=_example(lesson, batches)), batches

    stage, history = train_once(
        model,
        prepare,
        settings.train,
        folder=folder,
        inputs={
            "settings": settings.model_dump(mode="json"),
            "view": view.digest,
            "seed": seed,
            **lesson.inputs,
            **start,
            **({} if until is None else {"until": [until.quantity, until.level]}),
        },
        steps=lesson.steps(settings.train),
        validate=validator(view, material.splits, lesson.task, goal=until.quantity if until else None),
        title=title,
        until=None if until is None else until.level,
    )
    if until is not None and not stage.done:
        say(f"  {title}: {words.outcome(until, history)}")
    return Trained(model, history, view, stage.digest, stage.digest if "code" in start else None)


def _example(lesson: Lesson, batches: GroupSource) -> Batch | None:
    """Return a batch for an objective that has to know the widths of activations."""
    return next(iter(batches.group(0))).to(best_device()) if lesson.objective.pairs else None


def validator(view: View, splits: Splits, task: Task, *, goal: str | None = None) -> Validate:
    """Return what scores a network on the validation split.

    Args:
        view: what it reads.
        splits: of the run.
        task: that has seen the labels which the network learns: in what chooses, classes weigh as in the training.
        goal: the metric that `until` is a level of; None: there is none.
    """
    labels, watched = splits.validation.labels, task.watched()
    progress = [metric for name in task.progress for metric in watched if metric.name == name]

    def validate(model: nn.Module) -> Validated:
        sheet = task.sheet(predict_logits(model, view.validation).numpy(), labels)
        found = {metric.name: metric(sheet) for metric in watched}
        said = [f"{metric.title} {words.score(found[metric.name], metric)}" for metric in progress]
        return Validated(found, task.chooses(found), None if goal is None else found[goal], ", ".join(said))

    return validate
