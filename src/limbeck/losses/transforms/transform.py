"""What every transform of logits is: settings of a recipe, and what is done before a loss compares."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from limbeck.cards import Card
from limbeck.runtime.decisions import ABSENT
from limbeck.settings import Settings


@dataclass(frozen=True)
class Compared:
    """What a loss of soft targets is about to compare.

    Attributes:
        student: (*batch, classes) logits.
        teacher: (*batch, classes) logits.
        mask: (*batch) bool, True where a prediction counts; None: all do.
        labels: (*batch) int64 class indices, which mean nothing where `labelled` is False.
        labelled: (*batch) bool, True where a prediction counts and has a label.
        temperature: of the loss; 1 where it has none.
    """

    student: Tensor
    teacher: Tensor
    mask: Tensor | None
    labels: Tensor
    labelled: Tensor
    temperature: float = 1.0


class Transform(Settings):
    """One transform: `transform: standardize` or `{kind: flsw, beta: 2}` in an entry of a recipe's `losses`.

    Attributes:
        card: where it comes from and when to use it; its `scope` says whether it sees the other rows of a batch.
        softens: whether it works at the loss's temperature, so that the loss has to have one.
        learns: whether the loss's temperature is learned, see `critic`.
        fewest_classes: with fewer classes no gradient is left after it.
    """

    card: ClassVar[Card]
    softens: ClassVar[bool] = False
    learns: ClassVar[bool] = False
    fewest_classes: ClassVar[int] = 2
    kind: str

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Take the other names of the card."""
        super().__pydantic_init_subclass__(**kwargs)
        cls.also = cls.card.also

    @abstractmethod
    def __call__(self, given: Compared) -> tuple[Tensor, Tensor]:
        """Return the logits of student and teacher that the loss compares, of the same shape."""

    def critic(self, temperature: float) -> nn.Module | None:
        """Return what learns the loss's temperature, beginning at this one; None where nothing does.

        It is called without arguments and returns the temperature, (); its `strength` is a factor of its learning rate.

        Raises:
            ValueError: it cannot begin there.
        """
        return None


def there(teacher: Tensor) -> Tensor:
    """Return which classes a teacher does not rule out, (*batch, classes) bool."""
    return teacher > ABSENT


def softened(logits: Tensor, temperature: float, own: Tensor) -> Tensor:
    """Return logits that at `temperature` are what they were at a temperature of each prediction's own, (*batch).

    A class that a column does not have (`ABSENT`) stays one: a loss that counts classes knows it by its logit.
    """
    return torch.where(logits > ABSENT, logits * (temperature / own).unsqueeze(-1), logits)


def own_temperatures(weights: Tensor, temperature: float, beta: float, mask: Tensor | None) -> Tensor:
    """Return T + beta * (mean weight - weight) of each prediction, at least T / 10, (*batch).

    Args:
        weights: (*batch), of no gradient: how hard a prediction is.
        temperature: T.
        beta: how far temperatures spread.
        mask: (*batch) bool, which predictions the mean is of; None: all.
    """
    counted = weights if mask is None else weights[mask]
    mean = counted.sum() / max(1, counted.numel())
    return (temperature + beta * (mean - weights)).clamp(min=temperature / 10)


def deviations(logits: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits less their mean, and their sample standard deviation (..., 1), over the classes that are seen."""
    classes = seen.sum(-1, keepdim=True)
    # Less the largest first: equal logits are then exactly 0, where their mean may be another number by rounding.
    largest = torch.where(seen, logits.detach(), -torch.inf).amax(-1, keepdim=True)
    beside = torch.where(seen, logits - largest, 0)
    centred = torch.where(seen, beside - beside.sum(-1, keepdim=True) / classes.clamp(min=1), 0)
    # The norm has the gradient 0 at equal logits, where `std` has none.
    size = torch.linalg.vector_norm(centred, dim=-1, keepdim=True)
    return centred, size / (classes - 1).clamp(min=1).to(size.dtype).sqrt()
