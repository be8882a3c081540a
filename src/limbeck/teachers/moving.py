"""Teachers that move while their student learns: the mean of its weights, or a peer that learns from it in turn.

The clause for them: no gradient of the student's loss reaches them, they answer in evaluation mode, they change between
steps only, what they are is in the checkpoint, and they are in no cache, in no optimizer of the student's and in no
bundle.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from limbeck.digest import digest
from limbeck.types import Batch, Outputs, evaluating


class MovingNetwork(ABC):
    """A teacher beside one student, as the loop that trains the student sees it.

    Attributes:
        module: what answers; what is left of the teacher after the training.
        digest: names how it moves, as its weights do not stay.
    """

    module: nn.Module
    digest: str

    def predict(self, batch: Batch) -> Outputs:
        """Return its logits for the student's inputs, float32, in evaluation mode, without a gradient."""
        return answer(self.module, batch)

    @abstractmethod
    def follow(self, student: nn.Module, done: int, group: Sequence[Batch]) -> None:
        """Move, after a step of the student's.

        Args:
            student: after the step.
            done: optimizer steps taken, from 1.
            group: the micro-batches of the step.
        """

    def state(self) -> dict[str, Tensor]:
        """Return all that its next steps depend on, by name."""
        return self.module.state_dict()

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `state` has returned.

        Raises:
            RuntimeError: it is of another network.
        """
        self.module.load_state_dict(state)

    def finish(self) -> None:  # noqa: B027 - most are what they were after their last step
        """Leave in the module what stays of it after the last step."""


def answer(module: nn.Module, batch: Batch) -> Outputs:
    """Return a module's logits for the student's inputs, float32, in evaluation mode, without a gradient."""
    with evaluating(module), torch.no_grad():
        return Outputs(module(**batch.student_inputs).float())


class Moving(ABC):
    """How a teacher that moves is made, once a training: beside each student stands one of its own.

    Attributes:
        starts_apart: whether it has first weights of its own, and is pretrained by itself where the student is.
    """

    starts_apart: ClassVar[bool] = False

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """Name everything that its answers depend on besides the student and how that one is trained."""

    @abstractmethod
    def beside(self, student: nn.Module, peer: Callable[[], MovingNetwork]) -> MovingNetwork:
        """Return the teacher of a student that is about to be trained.

        Args:
            student: with its first weights.
            peer: makes another network like it, with weights of its own, that is trained as it is.
        """

    @abstractmethod
    def seconds(self, step: float, answers: float) -> float:
        """Return how long a step takes with the teacher beside it.

        Args:
            step: seconds of the student's step alone.
            answers: seconds in which a network like the student answers for the rows of a step.
        """


@dataclass(frozen=True)
class MovingMean(Moving):
    """How a mean of weights is made.

    Attributes:
        decay: of the mean, see `MeanOfWeights`.
    """

    decay: float

    @property
    def names(self) -> list[str]:
        """Name the decay."""
        return [digest(["mean_teacher", self.decay])]

    def beside(self, student: nn.Module, peer: Callable[[], MovingNetwork]) -> MovingNetwork:
        """Return the mean, which begins as the student."""
        return MeanOfWeights(student, self.decay)

    def seconds(self, step: float, answers: float) -> float:
        """Return the time of a step and of the mean's answers."""
        return step + answers


@dataclass(frozen=True)
class MovingPeer(Moving):
    """How a peer is made, which is a student too."""

    starts_apart = True

    @property
    def names(self) -> list[str]:
        """Name the kind: all else is the student's."""
        return [digest(["mutual"])]

    def beside(self, student: nn.Module, peer: Callable[[], MovingNetwork]) -> MovingNetwork:
        """Return the peer."""
        return peer()

    def seconds(self, step: float, answers: float) -> float:
        """Return the time of both steps, and of the answers to each other."""
        return 2 * (step + answers)


class MeanOfWeights(MovingNetwork):
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
        (self.digest,) = MovingMean(decay).names
        self._decay = decay

    @torch.no_grad()
    def follow(self, student: nn.Module, done: int, group: Sequence[Batch] = ()) -> None:
        """Move towards the student's weights, see `MovingNetwork.follow`; the rows of the step say nothing."""
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
