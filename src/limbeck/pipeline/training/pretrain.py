"""Pretraining of a network on the transfer set's text, before it learns its task."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from limbeck.data.batches import Batches
from limbeck.digest import arrays_digest, digest
from limbeck.distiller import Distiller
from limbeck.errors import LimbeckError
from limbeck.losses import CrossEntropy
from limbeck.models.language_model import LanguageModel
from limbeck.models.recurrent import Recurrent
from limbeck.networks import NetworkSettings, TrainSettings
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.once import Plan, train_once
from limbeck.pipeline.training.start import start_of
from limbeck.ranks import ranks
from limbeck.report import words
from limbeck.runtime.rows import Rows
from limbeck.trainer import GroupSource, Validate, Validated
from limbeck.types import Batch, device_of, evaluating, tensors

_BATCH = 64


@dataclass(frozen=True)
class _LanguageBatches:
    """Batches of texts as a language model wants them: at each position the first logit is the right one."""

    source: GroupSource
    model: LanguageModel

    def group(self, step: int) -> Iterator[Batch]:
        """Yield the micro-batches of a step."""
        for batch in self.source.group(step):
            yield language_batch(batch, self.model)


def language_batch(batch: Batch, model: LanguageModel) -> Batch:
    """Return a batch of which every next word counts, whatever its labels."""
    mask = model.predictions(batch.student_inputs["attention_mask"])
    return replace(batch, labels=torch.zeros(mask.shape, dtype=torch.int64), labelled=None, mask=mask)


def pretrain(
    network: nn.Module, settings: NetworkSettings, material: Material, *, seed: int, title: str, folder: Path
) -> None:
    """Train a network's first layer and word vectors as a language model, or load that when it was done before.

    Every text of the transfer set as it was read is learnt from, with or without label. Networks of equal model, view,
    pretraining and seed share one pretraining: a student and its baseline start from the same weights.

    Args:
        network: changed in place.
        settings: with `pretrain`.
        material: the texts; keeps what was learned in its folder.
        seed: of the order of the texts.
        title: shown while it runs.
        folder: of the network; keeps what was learned where the material has no folder.

    Raises:
        LimbeckError: the network is not recurrent, or its loss is not finite.
    """
    check_pretraining(network, settings)
    if settings.pretrain is None:
        return
    view = material.view(settings)
    start = start_of(network, settings.model, material, view, title=title)
    named = pretraining(settings, material, seed) | {"network": start["network"]}
    torch.manual_seed(seed)
    training = language_training(network, settings, material, seed=seed)
    train_once(
        training.model,
        lambda: (training.distiller, training.batches),
        Plan(training.settings, training.steps, _validator(view.validation), f"{title}, pretraining"),
        folder=(material.folder or folder) / "pretrained" / digest(named),
        inputs=named | start,
    )
    # Whether it was trained now or before, what follows draws the same numbers.
    torch.manual_seed(seed)


def peer_seed(seed: int) -> int:
    """Return the seed of what is a student's peer: its first weights, and its pretraining."""
    return int(digest(["peer", seed]), 16) % 2**32  # torch's generator drops higher bits


def pretraining(settings: NetworkSettings, material: Material, seed: int) -> dict[str, Any]:
    """Name what a pretraining depends on: networks of which this is equal share it."""
    splits = material.splits
    return {
        "model": settings.model.model_dump(mode="json", exclude={"dropout", "word_dropout"}),  # nothing is dropped here
        "pretrain": settings.pretrain and settings.pretrain.model_dump(mode="json"),
        "view": material.view(settings).digest,
        "data": arrays_digest(splits.original.ids, splits.validation.ids),
        "seed": seed,
    }


def check_pretraining(network: nn.Module, settings: NetworkSettings) -> None:
    """Refuse settings that pretrain what cannot be pretrained.

    Raises:
        LimbeckError: the network is not recurrent.
    """
    if settings.pretrain is not None and not isinstance(network, Recurrent):
        raise LimbeckError(
            f"`{settings.model.name}` cannot be pretrained as a language model",
            where="pretrain",
            fix="take bilstm or bigru, or set pretrain=null",
        )


@dataclass(frozen=True)
class LanguageTraining:
    """A language model on top of a network, what trains it, how, and for how many steps."""

    model: LanguageModel
    distiller: Distiller
    batches: GroupSource
    settings: TrainSettings
    steps: int


def language_training(
    network: nn.Module, settings: NetworkSettings, material: Material, *, seed: int
) -> LanguageTraining:
    """Return the training that a network's settings ask for.

    Raises:
        ValueError: they ask for none, or the network is not recurrent; see `check_pretraining`.
    """
    wanted, us = settings.pretrain, ranks()
    if wanted is None or not isinstance(network, Recurrent):
        raise ValueError("there is nothing to pretrain")
    model = LanguageModel(network, negatives=wanted.negatives).to(device_of(network))
    texts = material.splits.original.without_labels()
    batches = Batches(
        texts,
        material.view(settings).original,
        batch_size=wanted.train.batch_size,
        labelled_per_batch=0,
        accumulate=wanted.train.accumulate,
        seed=seed,
        world=us.world,
        rank=us.rank,
    )
    distiller = Distiller(model, 1.0 * CrossEntropy())
    steps = wanted.train.total_steps(len(texts))
    return LanguageTraining(model, distiller, _LanguageBatches(batches, model), wanted.train, steps)


def _validator(rows: Rows) -> Validate:
    """Return what scores a language model on the validation texts: nats a word."""

    def validate(model: nn.Module) -> Validated:
        if not isinstance(model, LanguageModel):
            raise TypeError(f"expected a language model, not {type(model).__name__}")
        total = count = 0.0
        with evaluating(model), torch.inference_mode():
            for start in range(0, len(rows), _BATCH):
                inputs = tensors(rows.batch(np.arange(start, min(start + _BATCH, len(rows)))))
                inputs = {name: value.to(device_of(model)) for name, value in inputs.items()}
                real = model.predictions(inputs["attention_mask"])
                values = -model(**inputs).log_softmax(-1)[..., 0]
                total, count = total + float(values[real].sum()), count + float(real.sum())
        cost = total / max(1.0, count)
        return Validated({"nats_a_word": cost}, [-cost], said=f"{words.nats(cost)} nats a word")

    return validate
