"""What a network is before it learns or answers: its weights, its code, and what it says about a few rows."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from limbeck.code import Code, code_of
from limbeck.digest import arrays_digest
from limbeck.models import CustomSettings, GivenSettings, ModelOptions, find_custom
from limbeck.pipeline.stages.stage import Near
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.views import View
from limbeck.ranks import ranks
from limbeck.teachers import ModuleTeacher
from limbeck.teachers.module import tensors_digest, weights_digest
from limbeck.types import Batch, tensors

PROBE_ROWS = 8
_UNUSED = {
    "_backward_hooks",
    "_backward_pre_hooks",
    "_buffers",
    "_forward_hooks_always_called",
    "_forward_hooks_with_kwargs",
    "_forward_pre_hooks_with_kwargs",
    "_is_full_backward_hook",
    "_load_state_dict_post_hooks",
    "_load_state_dict_pre_hooks",
    "_modules",
    "_non_persistent_buffers_set",
    "_parameters",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "training",
}
"""Attributes of a module on which an answer does not depend, or that are read in another way."""


def start_of(
    network: nn.Module, settings: ModelOptions, material: Material, view: View, *, title: str
) -> dict[str, Any]:
    """Return what a network is before it learns, as inputs of a stage; the same in every process of the run.

    The weights of every network: its recipe may name a folder or a file whose content has changed. Of a network that
    is the user's, its code too, and its answers to a few validation rows: they show what neither code nor weights do,
    such as a flag that is set elsewhere.

    Args:
        network: just built.
        settings: of its model.
        material: knows who made it.
        view: what it reads.
        title: names it where its code cannot be read.
    """
    if isinstance(settings, GivenSettings):
        maker: Any = material.given.student
    elif isinstance(settings, CustomSettings):
        maker = find_custom(settings)
    else:
        return {"network": ranks().share(weights_digest(network))}
    return own_start(network, maker, material, view, title=title)


def own_start(network: nn.Module, maker: Any, material: Material, view: View, *, title: str) -> dict[str, Any]:
    """Return what a network of the user's is, as inputs of a stage: weights, code, answers; see `start_of`.

    Args:
        network: in whatever mode, which stays.
        maker: the function that made it; None where there is none.
        material: of the run.
        view: what it reads.
        title: names it where its code cannot be read.
    """
    numbers = _answers(network, view)  # before the rest: what a first call makes and keeps is there then
    code = code_of([maker, *_code_parts(network)], _parts)
    inputs = {"network": weights_digest(network), "code": _name(code, material, title), "answers": numbers}
    inputs = ranks().share(inputs)
    return inputs | {"answers": Near(*inputs["answers"])}


def _name(code: Code, material: Material, title: str) -> str:
    if not code.unverifiable:
        return code.digest
    for reason in code.unverifiable:
        material.say_once(f"  {title}: {reason}: what depends on it is done again in every run")
    return material.session


def _answers(network: nn.Module, view: View) -> tuple[list[float], int]:
    """Return the logits for a few validation rows, and how many a row has; the generator stays where it was."""
    inputs = tensors(view.probe.batch(np.arange(min(PROBE_ROWS, len(view.probe)))))
    rows = len(next(iter(inputs.values())))
    batch = Batch(torch.arange(rows), {}, teacher_inputs=inputs)
    with torch.random.fork_rng(devices=[]):
        logits = ModuleTeacher(network, "probe").predict(batch).dense.double()
    return logits.flatten().tolist(), logits.shape[-1]


def _parts(value: Any) -> Iterable[Any] | None:
    """Take apart what has no stable pickle."""
    if isinstance(value, Tensor):
        return [tensors_digest({"": value})]
    if isinstance(value, np.ndarray):
        return [arrays_digest(value) if value.dtype.kind in "biufc" else value.tolist()]
    if isinstance(value, nn.Module):
        return [weights_digest(value), *_code_parts(value)]
    if isinstance(value, BaseModel):  # its pickle tells which of its values were given and which are by default
        return [type(value), dict(value), value.__pydantic_private__]
    return None


def _code_parts(network: nn.Module) -> Iterator[Any]:
    """Yield what decides a network's answers besides its weights: its types, attributes and hooks."""
    for name, module in network.named_modules():
        kept = module._buffers.items() if module._non_persistent_buffers_set else ()
        hooks = {"_forward_hooks", "_forward_pre_hooks"}
        yield name
        if "_orig_mod" in module._modules:  # torch.compile's: what it compiles comes next
            continue
        if isinstance(module, torch.jit.ScriptModule):  # it has neither Python code nor attributes of its own
            yield module.code if hasattr(module, "forward") else ""
            continue
        yield type(module)
        yield [pair for pair in kept if pair[0] in module._non_persistent_buffers_set]
        yield [list(vars(module).get(each, {}).values()) for each in sorted(hooks)]
        # By name: a first call may make some.
        yield [(name, value) for name, value in sorted(vars(module).items()) if name not in _UNUSED | hooks]
