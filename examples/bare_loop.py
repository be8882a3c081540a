"""Distil in a plain PyTorch loop: `python examples/bare_loop.py`. Only the losses are Limbeck's.

The student tags the tokens of padded sequences, of which some have labels.
"""

import torch
from torch import nn

from limbeck.losses import cross_entropy, kd

STEPS, ROWS, TOKENS, WORDS, CLASSES = 80, 32, 12, 40, 4
PADDING, UNLABELLED = 0, -100


def tagger(width: int, seed: int) -> nn.Module:
    """Return a network that gives each token logits (rows, tokens, classes)."""
    torch.manual_seed(seed)
    layers = nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, CLASSES)
    return nn.Sequential(nn.Embedding(WORDS, width), *layers)


@torch.no_grad()
def draw(step: int, teacher: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a step's tokens and labels; a quarter of the rows are labelled, here by the teacher's own decisions."""
    generator = torch.Generator().manual_seed(step)
    tokens = torch.randint(1, WORDS, (ROWS, TOKENS), generator=generator)
    lengths = torch.randint(1, TOKENS + 1, (ROWS, 1), generator=generator)
    tokens[torch.arange(TOKENS) >= lengths] = PADDING
    known = (tokens != PADDING) & (torch.arange(ROWS) < ROWS // 4).unsqueeze(1)
    return tokens, torch.where(known, teacher(tokens).argmax(-1), UNLABELLED)


def main() -> tuple[list[float], nn.Module]:
    """Train; return the loss of every step, and the student."""
    teacher = tagger(width=64, seed=0).eval().requires_grad_(False)
    nn.init.normal_(teacher[-1].weight)  # random, but sure of itself: put your trained teacher here
    student = tagger(width=16, seed=1)
    optimizer = torch.optim.AdamW(student.parameters(), lr=0.02, weight_decay=0.0, fused=True)
    losses = []
    for step in range(STEPS):
        tokens, labels = draw(step, teacher)
        real, known = tokens != PADDING, labels != UNLABELLED
        logits = student(tokens)
        answers = teacher(tokens)
        # One value a token, 0 where masked: each term's mean is over the tokens that it counts, not over all places.
        soft = kd(logits, answers, temperature=2.0, mask=real).sum() / real.sum()
        hard = cross_entropy(logits, labels, mask=known).sum() / known.sum().clamp(min=1)
        loss = 0.9 * soft + 0.1 * hard
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if (step + 1) % 20 == 0:
            print(f"step {step + 1}: kd {soft:.4f}, cross_entropy {hard:.4f}, loss {loss:.4f}")
    return losses, student.eval()


if __name__ == "__main__":
    main()
