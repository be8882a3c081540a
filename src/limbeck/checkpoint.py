"""Where a training was when it was killed: one safetensors file, written aside and renamed."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.files import staged
from limbeck.optimizer import load_optimizer, optimizer_state
from limbeck.ranks import as_part_of, ranks, whole
from limbeck.teachers import MovingNetwork
from limbeck.teachers.module import tensors_digest


def save_checkpoint(
    path: Path,
    owner: str,
    model: nn.Module,
    optimizer: Optimizer,
    best: dict[str, Tensor],
    history: dict[str, Any],
    moving: MovingNetwork | None = None,
) -> None:
    """Write everything that the remaining steps depend on.

    Args:
        path: the file.
        owner: names the training.
        model: being trained.
        optimizer: its state is stored by parameter number.
        best: the weights kept so far, by name.
        history: what happened so far, as JSON values.
        moving: the teacher, where it moves with the model.
    """
    tensors = {f"model/{name}": whole(value) for name, value in model.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in best.items()}
    if moving is not None:
        tensors |= {f"moving/{name}": whole(value) for name, value in moving.state().items()}
    tensors |= {f"optimizer/{name}": value for name, value in optimizer_state(optimizer).items()}
    for rank, states in enumerate(ranks().gather(_random_states())):
        tensors |= {f"rng/{rank}/{device}": state for device, state in states.items()}
    if ranks().main:
        about = {"owner": owner, "history": json.dumps(history)}
        copies = {name: value.contiguous() for name, value in tensors.items()}
        with staged(path) as aside:
            save_file(copies, str(aside), metadata=about | {"digest": _digest(about, copies)})
    ranks().wait()


def load_checkpoint(
    path: Path, owner: str, model: nn.Module, optimizer: Optimizer, moving: MovingNetwork | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Put model, optimizer, random state and a teacher that moves back; return the best weights and the history.

    None, and nothing changed, when the checkpoint belongs to another owner.

    Raises:
        LimbeckError: the file is damaged, or belongs to another network.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            about = file.metadata() or {}
            if about["owner"] != owner:
                return None
            history = json.loads(about["history"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - safe_open is no mapping
        if about.pop("digest") != _digest(about, tensors):
            raise ValueError("its checksum differs")
        groups: dict[str, dict[str, Tensor]] = {name: {} for name in ("model", "best", "optimizer", "rng", "moving")}
        for key, value in tensors.items():
            group, name = key.split("/", 1)
            groups[group][name] = value
        targets = model.state_dict()
        model.load_state_dict({name: as_part_of(value, targets[name]) for name, value in groups["model"].items()})
        if moving is not None:
            moving.load(groups["moving"])
        load_optimizer(optimizer, groups["optimizer"])
        torch.set_rng_state(groups["rng"][f"{ranks().rank}/cpu"])
        if torch.cuda.is_available():
            state = groups["rng"].get(f"{ranks().rank}/cuda")
            if state is not None:  # it was not saved on a machine without one
                torch.cuda.set_rng_state(state)
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise LimbeckError(
            "the checkpoint is damaged or of another network",
            where=str(path),
            fix="delete it and run again",
        ) from error
    return groups["best"], history


def _digest(about: dict[str, str], tensors: dict[str, Tensor]) -> str:
    """Name the content: a flipped bit in a weight is no error to safetensors, and would train on."""
    return digest([about, tensors_digest(tensors)])


def _random_states() -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states
