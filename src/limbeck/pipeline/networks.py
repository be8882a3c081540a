"""Train a network into a folder."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_model, save_model
from torch import nn

from limbeck import __version__
from limbeck.console import say
from limbeck.data import Rows, Splits
from limbeck.distiller import Distiller
from limbeck.evaluation import accuracy, calibrated_nll, nll
from limbeck.files import read_json, staged, write_json
from limbeck.models import GivenSettings
from limbeck.pipeline.material import Lesson, Material, View
from limbeck.pipeline.pretrain import pretrain
from limbeck.pipeline.stage import Stage
from limbeck.ranks import ranks
from limbeck.recipe import NetworkSettings
from limbeck.report.target import outcome
from limbeck.teachers.module import weights_digest
from limbeck.trainer import GroupSource, History, Validate, fit, predict_logits
from limbeck.types import Batch, best_device

WEIGHTS, HISTORY, CHECKPOINT = "model.safetensors", "history.json", "checkpoint.safetensors"


@dataclass(frozen=True)
class Trained:
    """A finished network.

    Attributes:
        model: with its best weights, in evaluation mode.
        history: how it got there.
        view: what it reads.
        digest: names everything it was made from.
        seconds: that the training took.
    """

    model: nn.Module
    history: History
    view: View
    digest: str
    seconds: float

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
    target: float | None = None,
) -> Trained:
    """Train a network, up to an accuracy on validation if there is a target, or load it from a folder that holds it."""
    us, view = ranks(), material.view(settings)
    model = material.build(settings, seed=seed)
    inputs = {
        "version": __version__,
        "settings": settings.model_dump(mode="json"),
        "view": view.digest,
        "seed": seed,
        "threads": torch.get_num_threads(),
        "processes": us.world,
        **lesson.inputs,
        # A network that came as an object has no settings that tell what it is.
        **({"network": weights_digest(model)} if isinstance(settings.model, GivenSettings) else {}),
        **({} if target is None else {"target": target}),
    }
    with us.main_first():
        stage = Stage(folder, inputs, quiet=True)
    if stage.done:
        load_model(model, folder / WEIGHTS, device=str(best_device()))
        model.eval()
        return Trained(model, History(**read_json(folder / HISTORY)), view, stage.digest, stage.seconds)
    pretrain(model, settings, material, seed=seed, title=title)
    batches = lesson.batches(settings.train, seed)
    with stage.working():
        history = fit(
            Distiller(model, lesson.objective, lesson.teacher, example=_example(lesson, batches)),
            batches,
            settings.train,
            steps=lesson.steps(settings.train),
            validate=validator(view, material.splits),
            title=title,
            checkpoint=folder / CHECKPOINT,
            owner=stage.digest,
            target=target,
        )
        if us.main:
            _save(model, history, folder)
    if target is not None:
        say(f"  {title}: {outcome(target, history)}")
    return Trained(model, history, view, stage.digest, stage.seconds)


def _save(model: nn.Module, history: History, folder: Path) -> None:
    """Leave weights and history, and no checkpoint."""
    with staged(folder / WEIGHTS) as aside:
        save_model(model, str(aside))
    write_json(folder / HISTORY, asdict(history))
    (folder / CHECKPOINT).unlink(missing_ok=True)


def _example(lesson: Lesson, batches: GroupSource) -> Batch | None:
    """Return a batch for an objective that has to know the widths of activations."""
    return next(iter(batches.group(0))).to(best_device()) if lesson.objective.pairs else None


def validator(view: View, splits: Splits) -> Validate:
    """Return what scores a network on the validation split."""
    labels = splits.validation.labels

    def validate(model: nn.Module) -> dict[str, float]:
        logits = predict_logits(model, view.validation).numpy()
        return {
            "nll": nll(logits, labels),
            "accuracy": accuracy(logits, labels),
            "calibrated_nll": calibrated_nll(logits, labels),
        }

    return validate
