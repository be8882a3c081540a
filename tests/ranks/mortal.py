"""A network that a recipe names, and whose process is killed once: in its third batch, where a file says so."""

import os
import signal
from pathlib import Path

import torch
from torch import nn


class Mortal(nn.Module):
    """The mean of the words' logits; `note`, a file that is there, is taken away by the process that dies."""

    def __init__(self, outputs: int, note: str | None) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.words = nn.Embedding(50_000, outputs)
        self.words.weight.data = torch.randn(50_000, outputs, generator=generator)
        self.note, self.asked = note, 0

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        self.asked += len(input_ids) > 8  # a batch, and no question of what the network is
        if self.note is not None and self.asked == 3 and os.environ.get("RAY_JOB_ID"):
            try:
                Path(self.note).unlink()  # one of several workers succeeds
            except FileNotFoundError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        real = attention_mask.unsqueeze(-1).float()
        return (self.words(input_ids) * real).sum(1) / real.sum(1).clamp(min=1)


def mortal(outputs: int, form: object, note: str | None = None) -> nn.Module:
    """Return it, as a recipe has it."""
    return Mortal(outputs, note)
