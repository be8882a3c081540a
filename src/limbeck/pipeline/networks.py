"""Build a network with its view of the data, and train it into a folder."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_model, save_model
from torch import nn

from limbeck import __version__
from limbeck.data import (
    Batches,
    EncodedTexts,
    Examples,
    Splits,
    build_encoder,
    encode,
    view_digest,
)
from limbeck.digest import digest
from limbeck.distiller import Distiller
from limbeck.evaluation import accuracy, calibrated_nll, nll
from limbeck.files import read_json, staged, write_json
from limbeck.losses import Objective
from limbeck.models import Vocabulary, build_model
from limbeck.pipeline.stage import Stage
from limbeck.ranks import ranks
from limbeck.recipe import NetworkSettings
from limbeck.runtime import Encoder
from limbeck.teachers import Teacher
from limbeck.trainer import History, Validate, fit, predict_logits
from limbeck.types import best_device

WEIGHTS, HISTORY, CHECKPOINT = "model.safetensors", "history.json", "checkpoint.safetensors"


class View:
    """The splits as one network sees them; each is encoded when it is first asked for."""

    def __init__(self, settings: NetworkSettings, splits: Splits) -> None:
        self.encoder: Encoder = build_encoder(settings.tokenizer, splits.transfer.texts, max_length=settings.max_length)
        self.digest = view_digest(self.encoder)
        self._splits = splits

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens, by id."""
        return Vocabulary(self.encoder.tokens, self.encoder.pad_id)

    @cached_property
    def labelled(self) -> EncodedTexts:
        """The labelled training rows."""
        return encode(self.encoder, self._splits.labelled.texts)

    @cached_property
    def transfer(self) -> EncodedTexts:
        """The transfer set, labelled rows first."""
        return encode(self.encoder, self._splits.transfer.texts)

    @cached_property
    def validation(self) -> EncodedTexts:
        """The validation rows."""
        return encode(self.encoder, self._splits.validation.texts)

    @cached_property
    def test(self) -> EncodedTexts:
        """The test rows: only the final evaluation may ask for them."""
        return encode(self.encoder, self._splits.test.texts)


class Views:
    """One view for every way of presenting the splits, shared by the networks that read alike."""

    def __init__(self, splits: Splits) -> None:
        self._splits = splits
        self._views: dict[str, View] = {}

    def of(self, settings: NetworkSettings) -> View:
        """Return the view that a network reads."""
        key = digest([settings.tokenizer.model_dump(), settings.max_length])
        if key not in self._views:
            self._views[key] = View(settings, self._splits)
        return self._views[key]


def build(settings: NetworkSettings, splits: Splits, view: View, *, seed: int) -> nn.Module:
    """Return a new network; initialisation and, later, dropout draw from the one generator that is seeded here."""
    torch.manual_seed(seed)
    return build_model(settings.model, classes=len(splits.classes), vocabulary=view.vocabulary).to(best_device())


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

    def logits(self, view: EncodedTexts) -> NDArray[np.float32]:
        """Return the logits of a split, (rows, classes) float32."""
        return predict_logits(self.model, view).numpy()


@dataclass(frozen=True)
class Lesson:
    """What a network is trained on.

    Attributes:
        examples: the training rows.
        rows: the same rows in the network's view.
        objective: the weighted terms.
        teacher: whom it listens to; None for labels alone.
        labelled_per_batch: labelled rows in every batch.
        inputs: names everything above, for the stage.
    """

    examples: Examples
    rows: EncodedTexts
    objective: Objective
    teacher: Teacher | None
    labelled_per_batch: int
    inputs: Mapping[str, Any]


def train_network(
    settings: NetworkSettings, splits: Splits, view: View, lesson: Lesson, *, seed: int, folder: Path, title: str
) -> Trained:
    """Train a network, or load it when the folder holds exactly this training."""
    us = ranks()
    inputs = {
        "version": __version__,
        "settings": settings.model_dump(mode="json"),
        "view": view.digest,
        "seed": seed,
        "threads": torch.get_num_threads(),
        "processes": us.world,
        **lesson.inputs,
    }
    with us.main_first():
        stage = Stage(folder, inputs, quiet=True)
    model = build(settings, splits, view, seed=seed)
    if stage.done:
        load_model(model, folder / WEIGHTS, device=str(best_device()))
        model.eval()
        return Trained(model, History(**read_json(folder / HISTORY)), view, stage.digest, stage.seconds)
    batches = Batches(
        lesson.examples,
        lesson.rows,
        batch_size=settings.train.batch_size,
        labelled_per_batch=lesson.labelled_per_batch,
        accumulate=settings.train.accumulate,
        seed=seed,
        world=us.world,
        rank=us.rank,
    )
    with stage.working():
        history = fit(
            Distiller(model, lesson.objective, lesson.teacher, example=next(batches.group(0)).to(best_device())),
            batches,
            settings.train,
            steps=settings.train.total_steps(len(lesson.examples)),
            validate=validator(view, splits),
            title=title,
            checkpoint=folder / CHECKPOINT,
            owner=stage.digest,
        )
        if us.main:
            with staged(folder / WEIGHTS) as aside:
                save_model(model, str(aside))
            write_json(folder / HISTORY, asdict(history))
            (folder / CHECKPOINT).unlink(missing_ok=True)
    return Trained(model, history, view, stage.digest, stage.seconds)


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
