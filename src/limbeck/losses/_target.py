"""Logits parted into the label's and the others', for losses that treat the two apart."""

import torch
from torch import Tensor

from limbeck.losses._divergence import softened_kl


def others_of(logits: Tensor, y: Tensor) -> Tensor:
    """Return the logits of all classes but the label's, (*batch, classes - 1).

    Args:
        logits: (*batch, classes).
        y: (*batch, 1) int64 labels.
    """
    places = torch.arange(logits.shape[-1] - 1, device=logits.device).expand(*logits.shape[:-1], -1)
    return logits.gather(-1, places + (places >= y))


def others_kl(z_S: Tensor, z_T: Tensor, y: Tensor, temperature: float) -> Tensor:
    """Return the divergence of the student from the teacher among all classes but the label's, in nats, (*batch).

    0 for two classes, as there is one other; and where the teacher rules out all others, as it says nothing of them.

    Args:
        z_S: (*batch, classes) logits.
        z_T: (*batch, classes) logits; -inf rules a class out.
        y: (*batch, 1) int64 labels.
        temperature: T > 0.
    """
    others_S, others_T = others_of(z_S, y), others_of(z_T, y)
    silent = (others_T == -torch.inf).all(dim=-1)
    told = torch.where(silent.unsqueeze(-1), 0, others_T)
    return torch.where(silent, 0, softened_kl(torch.where(silent.unsqueeze(-1), 0, others_S), told, temperature))


def against_others(logits: Tensor, y: Tensor, temperature: float) -> Tensor:
    """Return two logits, the label's and the others' as one, whose softmax at T adds up the others' probabilities.

        [z_y, T * log sum_{c != y} exp(z_c / T)], both less the largest of the others

    Args:
        logits: (*batch, classes).
        y: (*batch, 1) int64 labels.
        temperature: T > 0.

    Returns:
        (*batch, 2).
    """
    others = others_of(logits, y)
    gone = (others == -torch.inf).all(dim=-1, keepdim=True)  # their sum has no gradient: it would be 0 / 0
    others = torch.where(gone, 0, others)
    top = others.detach().amax(dim=-1, keepdim=True)
    together = temperature * ((others - top) / temperature).logsumexp(dim=-1, keepdim=True)
    return torch.cat([logits.gather(-1, y) - top, torch.where(gone, -torch.inf, together)], dim=-1)
