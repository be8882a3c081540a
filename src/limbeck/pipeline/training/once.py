"""Train a module in a stage of the run: once, from where it was, into weights that stay."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from torch import nn

from limbeck.distiller import Distiller
from limbeck.files import read_json, remove, require_ours, staged, write_json
from limbeck.models.lora import merge_adapters
from limbeck.models.published import saved
from limbeck.networks import TrainSettings
from limbeck.pipeline.stages.stage import Stage, once
from limbeck.ranks import ranks
from limbeck.trainer import GroupSource, History, Validate, fit
from limbeck.types import best_device
from limbeck.version import __version__

WEIGHTS, HISTORY, CHECKPOINT = "model.safetensors", "history.json", "checkpoint.safetensors"
MOVED = "teacher.safetensors"
"""The last weights of a teacher that moved beside the module."""


@dataclass(frozen=True)
class Plan:
    """How a module is trained, see `fit`.

    Attributes:
        settings: of the training.
        steps: optimizer steps.
        validate: scores the module.
        title: shown while it runs.
        until: the level that ends it; None: none.
    """

    settings: TrainSettings
    steps: int
    validate: Validate
    title: str
    until: float | None = None


Prepare = Callable[[], tuple[Distiller, GroupSource]]
"""Makes what trains a module, and its batches."""


def train_once(
    module: nn.Module, prepare: Prepare, plan: Plan, *, folder: Path, inputs: Mapping[str, Any]
) -> tuple[Stage, History]:
    """Train a module, or load it from a folder that holds it; return the stage and how it got there.

    Args:
        module: changed in place, and left in evaluation mode.
        prepare: not called when the folder holds the module.
        plan: how to train.
        folder: of the stage.
        inputs: everything that the result depends on, besides the version, the threads and the processes.
    """
    training = _Training(module, prepare, plan, folder)
    conditions = {"threads": plan.settings.threads or torch.get_num_threads(), "processes": ranks().world}
    named = {"version": __version__} | dict(inputs)
    return once(folder, named, training.run, training.load, by="all", conditions=conditions, before=training.prepare)


class _Training:
    def __init__(self, module: nn.Module, prepare: Prepare, plan: Plan, folder: Path) -> None:
        self._module, self._prepare, self._plan, self._folder = module, prepare, plan, folder
        self._prepared: tuple[Distiller, GroupSource] | None = None

    def prepare(self) -> None:
        """Make what trains the module; a pretraining is a stage of its own."""
        for name in (WEIGHTS, MOVED, HISTORY, CHECKPOINT):
            require_ours(self._folder / name)  # now, and not at the end of the training
        self._prepared = self._prepare()

    def run(self, stage: Stage) -> History:
        """Train the module, from its checkpoint if there is one, and write it."""
        if self._prepared is None:
            raise ValueError("prepare comes first")
        (distiller, batches), plan, checkpoint = self._prepared, self._plan, self._folder / CHECKPOINT
        history = fit(
            distiller,
            batches,
            plan.settings,
            steps=plan.steps,
            validate=plan.validate,
            title=plan.title,
            checkpoint=checkpoint,
            owner=stage.digest,
            until=plan.until,
        )
        finished = {WEIGHTS: self._module} | ({} if distiller.moving is None else {MOVED: distiller.moving.module})
        for module in finished.values():
            merge_adapters(module)
        if ranks().main:
            for name, module in finished.items():
                with staged(self._folder / name) as aside:
                    save_model(saved(module), str(aside), metadata={"format": "pt"})
            write_json(self._folder / HISTORY, asdict(history))
            remove(checkpoint)
        return history

    def load(self, stage: Stage) -> History:
        """Read the trained module."""
        merge_adapters(self._module)  # which have learned nothing here: the weights are those of plain layers
        load_model(saved(self._module), self._folder / WEIGHTS, device=str(best_device()))
        self._module.eval()
        return History(**read_json(self._folder / HISTORY, dict))
