"""What losses see that compare the predictions of a batch with one another.

The counted predictions of one micro-batch on one process, in one axis. A loss returns its value, a mean over these
predictions, once for each of them: their sum divided by their count is that value.
"""

import torch
from torch import Tensor
from torch.nn.functional import softmax

from limbeck.losses._mask import counted_logits


def rows_of(logits: Tensor, temperature: float, mask: Tensor | None) -> Tensor:
    """Return softmax(z / T), (rows, classes) float32 at least, with zeros wherever the mask is False."""
    z = counted_logits(logits, mask)
    p = softmax((z - z.amax(dim=-1, keepdim=True)) / temperature, dim=-1)
    return (p if mask is None else torch.where(mask.unsqueeze(-1), p, 0)).reshape(-1, logits.shape[-1])


def product(x: Tensor, y: Tensor) -> Tensor:
    """Return x @ y in the dtype that they have: autocast would multiply in half precision."""
    with torch.autocast(x.device.type, enabled=False):
        return x @ y


def unlike(x: Tensor, y: Tensor, dim: int, least: float | Tensor) -> Tensor:
    """Return 1 - cosine(x, y) along an axis: half the squared distance of the two unit vectors, which never cancels.

    Args:
        x: any shape.
        y: of the same shape.
        dim: the axis, which goes.
        least: a vector that is shorter is divided by this in place of its length: 0 where both are 0.
    """
    lengths = (torch.linalg.vector_norm(each, dim=dim, keepdim=True) for each in (x, y))
    own, other = (
        each / torch.maximum(length, torch.as_tensor(least)) for each, length in zip((x, y), lengths, strict=True)
    )
    return (own - other).square().sum(dim=dim) / 2


def to_each(value: Tensor, logits: Tensor) -> Tensor:
    """Return one value for every prediction, (*batch)."""
    return value.expand(logits.shape[:-1])
