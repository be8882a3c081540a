"""Loaders of pictures: batches that are pairs, and batches that are mappings with a view for each network.

Nothing is shuffled or drawn while rows are read, so that the result depends on Limbeck alone.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import limbeck

CLASSES, SIDE = 3, 6


class Network(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(1, width, 3)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(width * (SIDE - 2) ** 2, CLASSES)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.drop(torch.relu(self.filter(pixels)).flatten(1)))


def images(rows: int, seed: int, *, unlabelled: float = 0.0) -> TensorDataset:
    """Return pictures with a bright row, whose number is the class."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (rows,), generator=draw)
    pixels = torch.randn(rows, 1, SIDE, SIDE, generator=draw)
    pixels[torch.arange(rows), 0, 2 * labels] += 1.0
    labels[torch.rand(rows, generator=draw) < unlabelled] = -1
    return TensorDataset(pixels, labels)


def trained() -> Network:
    torch.manual_seed(0)
    network = Network(8)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for pixels, labels in DataLoader(images(300, 1), batch_size=50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(pixels), labels).backward()
        optimizer.step()
    return network


def mappings(rows: int, seed: int, noise: float) -> Iterator[dict[str, Any]]:
    """Yield batches of which the teacher sees clean pictures and the student darker ones."""
    for pixels, labels in DataLoader(images(rows, seed), batch_size=20):
        yield {"teacher": pixels, "student": {"pixels": pixels - noise}, "labels": labels}


def main() -> None:
    teacher = trained()
    limbeck.distill(
        teacher,
        lambda: Network(2),
        DataLoader(images(200, 2, unlabelled=0.7), batch_size=20),
        validation=DataLoader(images(40, 3), batch_size=16),
        test=DataLoader(images(60, 4), batch_size=16),
        seeds=[0, 1],
        classes=["low", "middle", "high"],
        settings={"student.train": {"steps": 20, "lr": 0.02, "validations": 2}},
        out="runs/loaders/pairs",
    )
    limbeck.distill(
        teacher,
        lambda: Network(3),
        list(mappings(100, 2, 0.3)),
        validation=list(mappings(40, 3, 0.3)),
        test=list(mappings(60, 4, 0.3)),
        seeds=[0],
        settings={"student.train": {"epochs": 2}, "baseline": False, "data.class_weights": {"2": 3}},
        out="runs/loaders/mappings",
    )


if __name__ == "__main__":
    main()
