"""The loop's optimizer: torch's AdamW, which can keep an average of the weights besides."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from limbeck.ranks import as_part_of, whole

_AVERAGE = "average"


class AdamW(torch.optim.AdamW):
    """Torch's, without its hooks for `torch.compile`, which nothing here uses and which take a second to import.

    The average is part of a parameter's state, as its moments are: it is saved, restored and sharded with them.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))

    @torch.no_grad()
    def average(self, decay: float | None, done: int) -> None:
        """Move the average of the weights towards the weights: `average += (1 - d) * (weights - average)`.

        `d = min(decay, (1 + done) / (10 + done))`, so that a young average forgets where training began; from 9 / (1 -
        decay) steps on, d is the decay.

        Source: TensorFlow's `ExponentialMovingAverage` with `num_updates`; as a way of training, Polyak and Juditsky
        1992, "Acceleration of Stochastic Approximation by Averaging".

        Args:
            decay: in (0, 1); the average looks back some 1 / (1 - decay) steps. None: there is none.
            done: optimizer steps taken, from 1.
        """
        if decay is None:
            return
        # A parameter without a gradient has no state, and a state without moments is none to AdamW.
        moved = [parameter for group in self.param_groups for parameter in group["params"] if parameter in self.state]
        for parameter in moved:
            if _AVERAGE not in self.state[parameter]:
                self.state[parameter][_AVERAGE] = parameter.detach().clone()
        averages = [self.state[parameter][_AVERAGE] for parameter in moved]
        if moved:  # torch refuses empty lists
            torch._foreach_lerp_(averages, moved, _share(decay, done))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Hold the averages in place of the weights, then put back the same bits; where there are none, do nothing."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for parameter, state in self.state.items():
            if _AVERAGE in state:
                weights = parameter.clone()
                parameter.copy_(state[_AVERAGE])
                state[_AVERAGE].copy_(weights)


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimizer's state by the parameter's number and the state's name, such as `3/exp_avg`."""
    states = optimizer.state_dict()["state"].items()
    return {f"{number}/{name}": whole(torch.as_tensor(one)) for number, state in states for name, one in state.items()}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_state` has returned."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split("/", 1)
        state.setdefault(int(number), {})[name] = as_part_of(value, parameters[int(number)])
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


@contextmanager
def averaged_statistics(network: nn.Module, decay: float | None) -> Iterator[Callable[[int], None]]:
    """Let batch norms average what they see as slowly as the weights are averaged.

    Averaged weights under the statistics of the last few batches are a network that nobody trained. The statistics
    play no part in training, so nothing else changes; the momentum is put back at the end.

    Args:
        network: being trained.
        decay: of the average of the weights; None: there is none, and nothing is done.

    Yields:
        What is called before a step with the number of that step, from 1.
    """
    norms = batch_norms(network) if decay is not None else []
    before = [module.momentum for module in norms]

    def slow(done: int) -> None:
        slow_down(norms, decay or 0.0, done)

    try:
        yield slow
    finally:
        for module, momentum in zip(norms, before, strict=True):
            module.momentum = momentum


def slow_down(norms: Iterable[_BatchNorm], decay: float, done: int) -> None:
    """Set the momentum of batch norms before a step, see `averaged_statistics`.

    Args:
        norms: of a network that is being trained.
        decay: of the average of its weights.
        done: number of the step, from 1.
    """
    for module in norms:
        module.momentum = _share(decay, done)


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """Return all batch norms of a network."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def _share(decay: float, done: int) -> float:
    """Return the share of the newest in an average after so many steps."""
    return 1 - min(decay, (1 + done) / (10 + done))
