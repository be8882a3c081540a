"""Pretraining of a network on the transfer set's text, before it learns its task."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_model, save_model
from torch import nn

from limbeck import __version__
from limbeck.data import Batches, Rows
from limbeck.digest import digest
from limbeck.distiller import Distiller
from limbeck.errors import LimbeckError
from limbeck.files import staged
from limbeck.losses import CrossEntropy
from limbeck.models.language_model import LanguageModel
from limbeck.models.recurrent import Recurrent
from limbeck.pipeline.material import Material
from limbeck.pipeline.stage import Stage
from limbeck.ranks import ranks
from limbeck.recipe import NetworkSettings, PretrainSettings
from limbeck.trainer import GroupSource, Validate, fit
from limbeck.types import Batch, best_device, device_of, evaluating

WEIGHTS, CHECKPOINT = "model.safetensors", "checkpoint.safetensors"
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


def pretrain(network: nn.Module, settings: NetworkSettings, material: Material, *, seed: int, title: str) -> None:
    """Train a network's first layer and word vectors as a language model, or load that when it was done before.

    Every text of the transfer set is read, with or without label. Networks of equal model, view, pretraining and seed
    share one pretraining: a student and its baseline start from the same weights.

    Args:
        network: changed in place.
        settings: with `pretrain`.
        material: the texts; keeps what was learned in its folder.
        seed: of the order of the texts.
        title: shown while it runs.

    Raises:
        LimbeckError: the network is not recurrent, or its loss is not finite.
    """
    wanted = settings.pretrain
    check_pretraining(network, settings)
    if wanted is None or not isinstance(network, Recurrent):
        return
    torch.manual_seed(seed)
    _pretrain(network, settings, wanted, material, seed, title)
    # Whether it was trained now or before, what follows draws the same numbers.
    torch.manual_seed(seed)


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


def _pretrain(
    network: Recurrent, settings: NetworkSettings, wanted: PretrainSettings, material: Material, seed: int, title: str
) -> None:
    model = LanguageModel(network, negatives=wanted.negatives).to(device_of(network))
    view, us = material.view(settings), ranks()
    inputs = {
        "version": __version__,
        "model": settings.model.model_dump(mode="json"),
        "pretrain": wanted.model_dump(mode="json"),
        "view": view.digest,
        "data": material.splits.digest,
        "seed": seed,
        "threads": torch.get_num_threads(),
        "processes": us.world,
    }
    folder = (material.folder or Path()).parent / "pretrained" / digest(inputs)
    with us.main_first():
        stage = Stage(folder, inputs, quiet=True)
    if stage.done:
        load_model(model, folder / WEIGHTS, device=str(best_device()))
        return
    texts = material.splits.transfer.without_labels()
    batches = Batches(
        texts,
        view.transfer,
        batch_size=wanted.train.batch_size,
        labelled_per_batch=0,
        accumulate=wanted.train.accumulate,
        seed=seed,
        world=us.world,
        rank=us.rank,
    )
    with stage.working():
        fit(
            Distiller(model, 1.0 * CrossEntropy()),
            _LanguageBatches(batches, model),
            wanted.train,
            steps=wanted.train.total_steps(len(texts)),
            validate=_validator(view.validation),
            title=f"{title}, pretraining",
            checkpoint=folder / CHECKPOINT,
            owner=stage.digest,
        )
        if us.main:
            with staged(folder / WEIGHTS) as aside:
                save_model(model, str(aside))
            (folder / CHECKPOINT).unlink(missing_ok=True)


def _validator(rows: Rows) -> Validate:
    """Return what scores a language model on the validation texts: nats a word."""

    def validate(model: nn.Module) -> dict[str, float]:
        if not isinstance(model, LanguageModel):
            raise TypeError(f"expected a language model, not {type(model).__name__}")
        total = count = 0.0
        with evaluating(model), torch.inference_mode():
            for start in range(0, len(rows), _BATCH):
                inputs = rows.batch(np.arange(start, min(start + _BATCH, len(rows))))
                inputs = {name: value.to(device_of(model)) for name, value in inputs.items()}
                real = model.predictions(inputs["attention_mask"])
                values = -model(**inputs).log_softmax(-1)[..., 0]
                total, count = total + float(values[real].sum()), count + float(real.sum())
        return {"calibrated_nll": total / max(1.0, count)}

    return validate
