"""One optimizer step: the gradient of a group of micro-batches, clipped, taken, and averaged."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from limbeck.distiller import Distiller
from limbeck.errors import LimbeckError
from limbeck.networks import Precision, TrainSettings
from limbeck.optimizer import AdamW
from limbeck.ranks import ranks
from limbeck.taps import Trainable
from limbeck.types import Batch, device_of


def require_trainable(network: nn.Module, who: str) -> None:
    """Refuse a network that nothing can be learned by.

    Raises:
        LimbeckError: it has no parameters, or all of them are frozen.
    """
    parameters = list(network.parameters())
    if not any(parameter.requires_grad for parameter in parameters):
        what = "all parameters of the network are frozen" if parameters else "the network has no parameters"
        raise LimbeckError(f"{what}: there is nothing to train", where=who, fix="give one that can learn")


def parameter_groups(model: Trainable, settings: TrainSettings) -> list[dict[str, Any]]:
    """Return parameter groups; biases and norms are not decayed, a new head or a critic may have a rate of its own."""
    require_trainable(model, "model")
    heads = ("student.head.", "student.network.head.")  # the second one of a network that a task has finished
    head = {id(parameter) for name, parameter in model.named_parameters() if name.startswith(heads)}
    head |= {id(parameter) for module in model.modules() for parameter in getattr(module, "new_parameters", ())}
    strengths = {id(each): critic.strength for critic in model.critics.values() for each in critic.parameters()}
    groups: dict[tuple[float, float, Any], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            lr = settings.lr * (settings.head_lr_scale if id(parameter) in head else 1.0)
            decay = settings.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((lr, decay, strengths.get(id(parameter), _whole)), []).append(parameter)
    return [
        {"params": parameters, "lr": lr, "peak_lr": lr, "weight_decay": decay, "strength": strength}
        for (lr, decay, strength), parameters in groups.items()
    ]


def _whole(progress: float) -> float:
    """Return the strength of what is no critic: its learning rate is the schedule's alone."""
    return 1.0


def take_step(
    distiller: Distiller,
    wrapped: nn.Module,
    optimizer: AdamW,
    group: Sequence[Batch],
    step: int,
    steps: int,
    settings: TrainSettings,
) -> dict[str, Tensor]:
    """Take one optimizer step on a group of micro-batches; return this process's share of each term's mean.

    Args:
        distiller: what is minimised.
        wrapped: its trainable, as several processes share it.
        optimizer: of the groups of `parameter_groups`.
        group: all micro-batches of the step, so that the divisors are known before the first backward pass.
        step: optimizer steps taken before, from 0.
        steps: optimizer steps of the whole training.
        settings: how to train.
    """
    progress, share = step / steps, settings.rate(step, steps)
    for parameters in optimizer.param_groups:
        parameters["lr"] = parameters["peak_lr"] * share * parameters["strength"](progress)
    means = accumulate(distiller, wrapped, group, progress, settings.precision)
    if settings.clip is not None:
        nn.utils.clip_grad_norm_(wrapped.parameters(), settings.clip)
    optimizer.step()
    wrapped.zero_grad()
    optimizer.average(settings.average, step + 1)
    return means


def accumulate(
    distiller: Distiller, wrapped: nn.Module, group: Sequence[Batch], progress: float, precision: Precision
) -> dict[str, Tensor]:
    """Add the gradient of the group's weighted means to the parameters; return this process's share of the means.

    The divisors count the whole group, over all processes. Wrapped modules average the processes' gradients, so that
    their sum needs a factor of their number.
    """
    us, device = ranks(), device_of(wrapped)
    # Before they are moved: of a GPU a number would have to be waited for.
    counts = [distiller.counts(batch) for batch in group]
    names = list(counts[0])
    totals = us.total(torch.tensor([sum(count[name] for count in counts) for name in names]))
    divisors = {name: max(1, count) for name, count in zip(names, totals.tolist(), strict=True)}
    weights = distiller.objective.weights(progress)
    means: dict[str, Tensor] = {}
    for number, batch in enumerate((batch.to(device) for batch in group), start=1):
        with us.gradient(wrapped, last=number == len(group)):
            sums = distiller.step(batch, precision, wrapped=wrapped)
            parts = {name: value / divisors[name] for name, value in sums.items()}
            loss = torch.stack([weights[name] * value for name, value in parts.items()]).sum()
            (us.world * loss).backward()
        for name, value in (parts | {"loss": loss}).items():
            means[name] = means[name] + value.detach() if name in means else value.detach()
    return means
