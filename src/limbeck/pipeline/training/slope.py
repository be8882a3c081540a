"""A lesson as a solver sees it: the losses of all rows at once, and their gradient by the outputs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from limbeck.data.least import Slope
from limbeck.errors import LimbeckError
from limbeck.losses import CATALOG, LossSettings, Objective, term_from
from limbeck.losses.schedules import ever_counts
from limbeck.pipeline.training.material import Lesson
from limbeck.teachers import Moving
from limbeck.types import Batch, Outputs


def is_convex(entry: LossSettings) -> bool:
    """Return whether a solver can follow a loss: it has one least, and a weight that stays what it is."""
    return term_from(entry).convex and isinstance(entry.weight, int | float)


def require_convex(losses: Sequence[LossSettings], model: str) -> None:
    """Refuse losses that a solver cannot follow; one of weight 0 teaches nothing.

    Args:
        losses: of the recipe.
        model: name of the student's network.

    Raises:
        LimbeckError: one has more than one least, or a weight that changes over the steps.
    """
    for entry in (each for each in losses if each.counts):
        if not (term := term_from(entry)).convex:
            fits = {*term.card.fits}
            able = ", ".join(name for name, loss in CATALOG.items() if loss.card.convex and fits & {*loss.card.fits})
            after, fix = "", f"take one of {able}"
            if term.transform is not None and term.card.convex:
                after, fix = f" after transform {term.transform.kind}", "leave the transform out"
            raise LimbeckError(
                f"`{model}` is solved, and {entry.name}{after} is not convex in the outputs",
                where="losses",
                fix=f"{fix}, or take a student that is trained",
            )
        if not isinstance(entry.weight, int | float):
            raise LimbeckError(
                f"`{model}` is solved, and the weight of {entry.name} changes over the steps",
                where="losses",
                fix="give a number, or take a student that is trained",
            )


def slope_of(lesson: Lesson) -> Slope:
    """Return the objective of a lesson as a function of the network's outputs for all its rows.

    Its value is what a training step has for a batch of all rows: for each term the sum over the predictions that it
    counts, divided by their number and times the term's weight. In float64.
    """
    task, labels = lesson.task, lesson.examples.labels
    objective = Objective(tuple(term for term in lesson.objective.terms if ever_counts(term[1])))
    batch = Batch(
        ids=torch.from_numpy(lesson.examples.ids),
        student_inputs={},
        labels=torch.from_numpy(labels.values),
        labelled=torch.from_numpy(labels.present),
    )
    teacher = None
    if lesson.teacher is not None:
        if isinstance(lesson.teacher, Moving):
            raise TypeError("a teacher that moves with the steps has no answers for a student that takes none")
        answers = lesson.teacher.predict(batch)
        teacher = replace(answers, logits=task.seen(answers.dense).double())
    batch, finish = task.frame(batch), task.finish(_Same())
    weights, counts = objective.weights(0.0), objective.counts(batch)

    def slope(outputs: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        own = torch.from_numpy(outputs).requires_grad_()
        sums = objective.sums(Outputs(task.seen(finish(outputs=own))), teacher, batch)
        value = torch.stack([weights[name] / max(counts[name], 1) * total for name, total in sums.items()]).sum()
        (gradient,) = torch.autograd.grad(value, own)
        return value.item(), gradient.numpy()

    return slope


class _Same(nn.Module):
    """Stands for the network where its outputs are known."""

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs
