"""The gradient of every loss of the catalogue, and of kd after every transform, for a batch that processes share."""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from limbeck import update
from limbeck.data.batches import Batches
from limbeck.distiller import Distiller
from limbeck.losses import Objective
from limbeck.losses.transforms import TRANSFORMS
from limbeck.ranks import ranks
from limbeck.teachers import ModuleTeacher

sys.path += [str(Path(__file__).parent.parent / name) for name in ("contract", ".")]  # as pytest has them
from loss_cases import ENTRIES, labels_for

CLASSES = 3
CASES = {case.loss.card.name: case for case in reversed(ENTRIES)}
"""Every loss with the first choice of its parameters."""
AFTER = {f"kd after {kind}": transform() for kind, transform in TRANSFORMS.items() if not transform.learns}
"""Every transform that is a function; of what learns, `worker.py` has a training."""
SCOPES = {name: case.loss.card.scope for name, case in CASES.items()} | {
    name: transform.card.scope for name, transform in AFTER.items()
}
PATHS = {"vector": ("body", "encoder"), "tokens": ("words", "words")}
"""Modules of student and teacher by the shape of what a loss compares."""


def leave_gradients(out, network, data):
    """Write the gradient of every loss, by name: of a batch in one piece, and of the same batch in two micro-batches.

    Args:
        out: folder for the files `whole.pt` and `halves.pt`.
        network: called with a width and the name of a layer, returns a module of `CLASSES` outputs.
        data: returns examples and their view.
    """
    for title, accumulate in (("whole", 1), ("halves", 2)):
        found = {name: gradient(name, network, data, accumulate) for name in SCOPES}
        if ranks().main:
            torch.save(found, out / f"{title}.pt")


def gradient(name, network, data, accumulate):
    """Return the gradient of a loss by parameter, and the mean that is logged, over all processes."""
    us, (examples, view), case = ranks(), data(), CASES[name.split()[0]]
    # Five of fourteen rows have labels: the two processes have unequal numbers of them.
    shared = {"batch_size": 14, "labelled_per_batch": 5, "seed": 0, "teacher": view}
    batches = Batches(examples, view, accumulate=accumulate, world=us.world, rank=us.rank, **shared)
    group = [labelled_for(case, batch) for batch in batches.group(0)]
    torch.manual_seed(1)
    term = case.term().after(AFTER[name]) if name in AFTER else term_of(case)
    taps = [] if term.taps is None else [term.taps.taps[1]]
    teacher = ModuleTeacher(network(9, "encoder").double(), taps=taps)
    distiller = Distiller(network(6, "body").double(), Objective.of([(0.7, term)]), teacher, example=group[0])
    wrapped = us.wrap(distiller.trainable.double(), shard=False)
    means = update.accumulate(distiller, wrapped, group, 0.0, "fp32")
    named = distiller.trainable.named_parameters()
    found = {name: each.grad.clone() for name, each in named if each.grad is not None}
    return found | {"mean": us.total(means[case.loss.card.name])}


def term_of(case):
    """Return the loss with its parameters; one of activations compares modules that there are."""
    if "taps" not in case.loss.card.needs:
        return case.term()
    student, teacher = PATHS[case.loss.card.tap]
    return case.loss(**case.parameters, student=student, teacher=teacher)


def labelled_for(case, batch):
    """Return a batch with labels of the form that a loss takes, and a mask where they have an axis of outputs."""
    labels = labels_for(case.loss.card, batch.labels, torch.zeros(len(batch.ids), CLASSES, dtype=torch.float64))
    mask = None if labels.ndim == 1 else torch.ones(len(labels), dtype=torch.bool)
    return replace(batch, labels=labels, mask=mask)
