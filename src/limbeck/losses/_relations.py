"""What losses share that compare the rows of a batch with one another.

Such a loss returns (sum, rows): its mean over the rows of the batch, times their number, and that number. Whoever
trains divides the sums of all micro-batches by all rows, so that each micro-batch counts by its rows. What is not
defined, as the direction of a vector of zeros or the angle at a row that another one equals, counts nothing and has no
gradient.
"""

from contextlib import AbstractContextManager

import torch
from torch import Tensor

from limbeck.losses._checks import check_mask, check_rows
from limbeck.losses._mask import counted_logits, saved


def counted_rows(student: Tensor, teacher: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the rows that count, (rows, width) of the student and of the teacher, both in the student's dtype.

    That is float32 at least.

    No gradient reaches the teacher, and none what does not count, whatever stands there.

    Args:
        student: (*batch, width).
        teacher: (*batch, width), which may be of another width.
        mask: (*batch) bool, True where a row counts; None means all do.

    Raises:
        TypeError: the outputs are not floating point, or the mask is not bool.
        ValueError: shapes differ in more than the width.
    """
    check_rows(student=student, teacher=teacher)
    check_mask(mask, student)
    own = counted_logits(student, None)
    other = saved(teacher.detach()).to(own.dtype)
    if mask is not None:
        own, other = own[mask], other[mask]
    return own.reshape(-1, own.shape[-1]), other.reshape(-1, other.shape[-1])


def unrounded(rows: Tensor) -> AbstractContextManager[object]:
    """Return a context in which autocast rounds no product of these rows."""
    return torch.autocast(rows.device.type, enabled=False)


def products_apart(own: Tensor, other: Tensor) -> Tensor:
    """Return the sum of the squares of `other @ other.T - own @ own.T`, of rows (n, width): a scalar >= 0.

    Where both are nearly equal no digits are lost: the difference of the products is that of the rows, multiplied.
    """
    apart = own - other
    with unrounded(own):
        return (apart @ own.mT + other @ apart.mT).square().sum()


def lengths(rows: Tensor) -> Tensor:
    """Return the Euclidean norm of each row, (..., 1); its gradient is 0 at a row of zeros."""
    return torch.linalg.vector_norm(rows, dim=-1, keepdim=True)


def scaled(rows: Tensor, sizes: Tensor) -> Tensor:
    """Return rows divided by their sizes (..., 1), and zeros without gradient where the size is 0."""
    return torch.where(sizes > 0, rows, 0) / torch.where(sizes > 0, sizes, 1)


def two_rows(seen: Tensor) -> Tensor:
    """Return which pairs are of two different rows that are both seen, (rows, rows), of `seen` (rows, 1)."""
    return seen & seen.mT & ~torch.eye(len(seen), dtype=torch.bool, device=seen.device)
