"""Distil over a large vocabulary in a plain PyTorch loop: `python examples/large_vocabulary.py`.

Student and teacher predict the next word. The logits of a batch, (rows, words, vocabulary), are never in memory, the
student's or the teacher's: the losses take hidden states and output matrices, and compute 64 words at a time.
"""

import torch
from torch import Tensor, nn

from limbeck.logits import Factored
from limbeck.losses import chunked, cross_entropy, kd

STEPS, ROWS, WORDS, VOCABULARY, USED, CHUNK = 60, 8, 20, 5000, 50, 64
PADDING = 0


class LanguageModel(nn.Module):
    """A network that answers with its last hidden states and its output layer, not with logits."""

    def __init__(self, width: int, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embed = nn.Embedding(VOCABULARY, width)
        self.body = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, VOCABULARY)

    def forward(self, words: Tensor) -> Factored:
        """Return what the logits (rows, words, vocabulary) are computed from."""
        hidden, _ = self.body(self.embed(words))
        return Factored(hidden, self.head.weight, self.head.bias)


def draw(step: int) -> tuple[Tensor, Tensor]:
    """Return a step's words and the next ones, (rows, words), padded at the end; every other one can be foretold."""
    generator = torch.Generator().manual_seed(step)
    words = torch.randint(1, USED, (ROWS, WORDS + 1), generator=generator)
    words[:, 1::2] = words[:, :-1:2] + 1
    lengths = torch.randint(2, WORDS + 2, (ROWS, 1), generator=generator)
    words[torch.arange(WORDS + 1) >= lengths] = PADDING
    return words[:, :-1], words[:, 1:]


def losses(student: Factored, teacher: Factored, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return both terms, each a mean over the words that count; what is masked is not computed."""
    real = labels != PADDING
    soft = chunked(kd, chunk=CHUNK)(student, teacher, temperature=2.0, mask=real).sum() / real.sum()
    hard = chunked(cross_entropy, chunk=CHUNK)(student, labels, mask=real).sum() / real.sum()
    return soft, hard


def main() -> list[float]:
    """Train; return the loss of every step."""
    teacher = LanguageModel(width=64, seed=0).eval().requires_grad_(False)  # put your trained teacher here
    student = LanguageModel(width=16, seed=1)
    optimizer = torch.optim.AdamW(student.parameters(), lr=0.02)
    found = []
    for step in range(STEPS):
        words, labels = draw(step)
        soft, hard = losses(student(words), teacher(words), labels)
        loss = 0.5 * soft + 0.5 * hard
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
        if (step + 1) % 20 == 0:
            print(f"step {step + 1}: kd {soft:.4f}, cross_entropy {hard:.4f}, loss {loss:.4f}")
    return found


if __name__ == "__main__":
    main()
