"""Train a module in a stage of the run: once, from where it was, into weights that stay."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from torch import nn

from limbeck.distiller import Distiller
from limbeck.files import read_json, remove, require_ours, staged, write_json
from limbeck.networks import TrainSettings
from limbeck.pipeline.stage import Stage, once
from limbeck.ranks import ranks
from limbeck.trainer import GroupSource, History, Validate, fit
from limbeck.types import best_device
from limbeck.version import __version__

WEIGHTS, HISTORY, CHECKPOINT = "model.safetensors", "history.json", "checkpoint.safetensors"


def train_once(
    module: nn.Module,
    prepare: Callable[[], tuple[Distiller, GroupSource]],
    settings: TrainSettings,
    *,
    folder: Path,
    inputs: Mapping[str, Any],
    steps: int,
    validate: Validate,
    title: str,
    until: float | None = None,
) -> tuple[Stage, History]:
    """Train a module, or load it from a folder that holds it; return the stage and how it got there.

    Args:
        module: changed in place, and left in evaluation mode.
        prepare: makes what trains it and its batches; not called when the folder holds it.
        settings: how to train.
        folder: of the stage.
        inputs: everything that the result depends on, besides the version, the threads and the processes.
        steps: optimizer steps.
        validate: scores it.
        title: shown while it runs.
        until: see `fit`.
    """
    us, training = ranks(), list[tuple[Distiller, GroupSource]]()
    conditions = {"threads": settings.threads or torch.get_num_threads(), "processes": us.world}

    def begin() -> None:
        for name in (WEIGHTS, HISTORY, CHECKPOINT):
            require_ours(folder / name)  # now, and not at the end of the training
        training.append(prepare())

    def train(stage: Stage) -> History:
        distiller, batches = training.pop()
        history = fit(
            distiller,
            batches,
            settings,
            steps=steps,
            validate=validate,
            title=title,
            checkpoint=folder / CHECKPOINT,
            owner=stage.digest,
            until=until,
        )
        if us.main:
            with staged(folder / WEIGHTS) as aside:
                save_model(module, str(aside))
            write_json(folder / HISTORY, asdict(history))
            remove(folder / CHECKPOINT)
        return history

    def load(stage: Stage) -> History:
        load_model(module, folder / WEIGHTS, device=str(best_device()))
        module.eval()
        return History(**read_json(folder / HISTORY))

    named = {"version": __version__} | dict(inputs)
    return once(folder, named, train, load, by="all", conditions=conditions, before=begin)
