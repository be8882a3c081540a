"""A teacher that moves while its student learns: the mean of the student's weights.

The clause for it: no gradient reaches it, it stays in evaluation mode, it changes between steps only, its weights are
in the checkpoint, and it is in no cache, no optimizer and no bundle.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from limbeck.digest import digest
from limbeck.types import Batch, Outputs


@dataclass(frozen=True)
class Moving:
    """How a moving teacher is made, once a training: beside each student stands one of its own.

    Attributes:
        decay: of the mean, see `MeanOfWeights`.
    """

    decay: float

    @property
    def names(self) -> list[str]:
        """Name everything that its answers depend on besides the student."""
        return [digest(["mean_teacher", self.decay])]

    def beside(self, student: nn.Module) -> "MeanOfWeights":
        """Return the teacher of a student that is about to be trained."""
        return MeanOfWeights(student, self.decay)


class MeanOfWeights:
    """The exponential moving average of a student's weights, which answers what the student is asked.

        mean <- d * mean + (1 - d) * weights,   d = min(decay, 1 - 1 / (steps + 1)) after so many steps

    So the mean begins as the plain average of all weights so far, the first ones included, and forgets them from
    1 / (1 - decay) steps on. Buffers that are numbers, such as the statistics of a batch norm, are averaged alike;
    others are the student's.

    Source: Tarvainen & Valpola, Mean teachers are better role models, NeurIPS 2017, arXiv:1703.01780, equation 2. The
    beginning is that of the authors' code (github.com/CuriousAI/mean-teacher, pytorch/main.py, `update_ema_variables`).
    There the teacher is in training mode: it draws a dropout and an augmentation of its own, and its batch norms see
    its own batches. Here it is in evaluation mode and sees what the student sees.

    Args:
        student: is copied with its weights of the moment.
        decay: d of the paper's alpha, in (0, 1); the mean looks back some 1 / (1 - decay) steps.

    Attributes:
        module: the mean, in evaluation mode; no parameter of it is trained.
        digest: names how it moves, as its weights do not stay.
    """

    def __init__(self, student: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(student).eval().requires_grad_(False)
        self.digest = Moving(decay).names[0]
        self._decay = decay

    def predict(self, batch: Batch) -> Outputs:
        """Return the mean's logits for the student's inputs, float32, without a gradient."""
        with torch.no_grad():
            return Outputs(self.module(**batch.student_inputs).float())

    @torch.no_grad()
    def follow(self, student: nn.Module, done: int) -> None:
        """Move towards the student's weights.

        Args:
            student: after a step.
            done: optimizer steps taken, from 1.
        """
        pairs = [*zip(_state(self.module), _state(student), strict=True)]
        moved = [pair for pair in pairs if pair[0].is_floating_point()]
        means, weights = ([pair[side] for pair in moved] for side in (0, 1))
        torch._foreach_lerp_(means, weights, max(1 - self._decay, 1 / (done + 1)))
        for mean, now in pairs:
            if not mean.is_floating_point():
                mean.copy_(now)


def _state(module: nn.Module) -> Iterator[Tensor]:
    """Yield parameters and buffers, each once however many modules share it."""
    yield from module.parameters()
    yield from module.buffers()
