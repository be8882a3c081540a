"""Distil in PyTorch Lightning: `python examples/lightning_module.py` (after `pip install pytorch-lightning`).

The module holds the student alone. The teacher stays out of its parameters, its checkpoint and its optimizer, and in
evaluation mode, whatever mode Lightning gives the module.
"""

import pytorch_lightning as lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from limbeck.distiller import Distiller
from limbeck.losses import KD, CrossEntropy, Objective
from limbeck.teachers import ModuleTeacher
from limbeck.types import Batch

UNLABELLED = -100
INPUTS, CLASSES = 10, 4


class Distillation(lightning.LightningModule):
    """Trains a student on an objective.

    Args:
        student: the one module that Lightning trains, moves and saves.
        teacher: in evaluation mode.
        objective: the weighted losses.
    """

    def __init__(self, student: nn.Module, teacher: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.student = student
        # Neither a tuple nor a ModuleTeacher is an `nn.Module`, so Lightning does not find the teacher in them.
        self.unregistered = (teacher,)
        self.distiller = Distiller(student, objective, ModuleTeacher(teacher))

    def on_fit_start(self) -> None:
        """Move the teacher, which Lightning does not know, to where the student is."""
        self.unregistered[0].to(self.device)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the weighted sum of the losses, each a mean over the rows that it counts.

        `accumulate_grad_batches` and several processes average these means, although their counts may differ; the
        gradient of the whole needs sums and a common divisor, as in `hf_trainer.py` and `limbeck.trainer.fit`.
        """
        sums, counts = self.distiller.step(batch), self.distiller.counts(batch)
        means = {name: value / max(1, counts[name]) for name, value in sums.items()}
        self.log_dict({name: value.detach() for name, value in means.items()}, batch_size=len(batch.ids))
        weights = self.distiller.objective.weights(self.global_step / self.trainer.estimated_stepping_batches)
        return torch.stack([weights[name] * value for name, value in means.items()]).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return an optimizer of the student's parameters."""
        return torch.optim.AdamW(self.student.parameters(), lr=0.01)


class Classifier(nn.Module):
    """A small network with dropout, whose mode shows."""

    def __init__(self, width: int, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        layers = nn.Linear(INPUTS, width), nn.Tanh(), nn.Dropout(0.2), nn.Linear(width, CLASSES)
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.layers(x)


def rows(count: int, labelled: int, teacher: nn.Module, seed: int) -> list[tuple[int, Tensor, Tensor]]:
    """Return (number, inputs, label) a row; the first ones are labelled, here by the teacher's own decisions."""
    x = torch.randn(count, INPUTS, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        labels = teacher(x).argmax(-1)
    labels[labelled:] = UNLABELLED
    return list(zip(range(count), x, labels, strict=True))


def collate(rows: list[tuple[int, Tensor, Tensor]]) -> Batch:
    """Return rows as a batch; it has `to`, so Lightning moves it to the device."""
    numbers, x, labels = zip(*rows, strict=True)
    labels, inputs = torch.stack(labels), {"x": torch.stack(x)}
    return Batch(torch.tensor(numbers), inputs, labels, labelled=labels != UNLABELLED, teacher_inputs=inputs)


def agreement(student: nn.Module, teacher: nn.Module) -> float:
    """Return the share of unseen rows on which both decide alike; the student's mode stays as it was."""
    unseen = torch.stack([x for _, x, _ in rows(500, 0, teacher, seed=4)])
    mode = student.training
    with torch.no_grad():
        alike = student.eval()(unseen).argmax(-1) == teacher(unseen).argmax(-1)
    student.train(mode)
    return alike.float().mean().item()


def main() -> tuple[Distillation, nn.Module, lightning.Trainer]:
    """Train; return the module, the teacher and the trainer."""
    teacher = Classifier(width=64, seed=0).eval().requires_grad_(False)
    nn.init.normal_(teacher.layers[-1].weight)  # random, but sure of itself: put your trained teacher here
    module = Distillation(Classifier(width=16, seed=1), teacher, 0.9 * KD(temperature=2) + 0.1 * CrossEntropy())
    print(f"the untrained student decides like its teacher on {agreement(module.student, teacher):.0%} of unseen rows")

    torch.manual_seed(2)  # order and dropout
    loader = DataLoader(rows(1000, 100, teacher, seed=3), batch_size=50, shuffle=True, collate_fn=collate)
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = lightning.Trainer(max_epochs=10, accelerator="cpu", **quiet)
    trainer.fit(module, loader)
    print(f"the distilled student decides like its teacher on {agreement(module.student, teacher):.0%}")
    return module, teacher, trainer


if __name__ == "__main__":
    main()
