"""Teachers that come finished: which output is which class, and whether a checkpoint is taken as it is."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from limbeck.console import say
from limbeck.errors import LimbeckError, first_line
from limbeck.evaluation import Assignment, accuracy
from limbeck.modalities import ArraysReads
from limbeck.modalities.text.pretrained import longest_text, pretrained_config
from limbeck.modalities.text.reads import MAX_LENGTH
from limbeck.modalities.text.tokenizers import pretrained_folder
from limbeck.models import LogitsOnly, UnmatchedError, label_order, missing, ordered, positions
from limbeck.models.label_order import ready
from limbeck.models.pretrained import output_names
from limbeck.pipeline.material import Material
from limbeck.recipe import EnsembleTeacher, GivenTeacher, Recipe, SingleTeacher, TransformersTeacher
from limbeck.recipe.teachers import PretrainedReads, TokenizedReads
from limbeck.runtime.rows import Rows
from limbeck.types import best_device, device_of, evaluating, tensors

LONGEST = 512
"""Tokens kept of a text for a finished network, where it has no shorter limit of its own."""
_ROWS, _BATCH = 2_000, 32
_SHOWN = 8

Finished = TransformersTeacher | GivenTeacher
_R = TypeVar("_R", PretrainedReads, TokenizedReads)


def settle(recipe: Recipe, material: Material) -> Recipe:
    """Return the recipe with what its teachers leave open: whether one is trained, its outputs' classes, its length.

    What is settled is said, and stands in the run's `recipe.yaml`.

    Raises:
        LimbeckError: nothing tells which output is which class, a checkpoint's head does not fit, or a checkpoint or a
            module cannot be had or called.
    """
    teacher = recipe.teacher
    if not isinstance(teacher, EnsembleTeacher):
        return recipe.model_copy(update={"teacher": _settled(teacher, "teacher", material)})
    members = [_settled(each, f"teacher.members.{number}", material) for number, each in enumerate(teacher.members)]
    return recipe.model_copy(update={"teacher": teacher.model_copy(update={"members": members})})


def is_finished(teacher: SingleTeacher) -> TypeGuard[Finished]:
    """Return whether a teacher is taken as it is."""
    return teacher.finished


def finished_network(teacher: Finished, material: Material) -> nn.Module:
    """Return a settled, finished teacher's network, whose logits stand in the order of the data's classes."""
    if isinstance(teacher, TransformersTeacher):
        return material.build(teacher.network, seed=0).eval()
    module = _module(material)
    count = count_outputs(module, material.view(teacher.network).example[0])
    columns = positions(_names(module, count), list(teacher.labels or map(str, range(count))))
    return ordered(module, columns, count).to(best_device())


def require_names(
    teacher: Finished, found: Assignment, classes: Sequence[str], key: str, rows: str, *, warn: bool
) -> None:
    """Compare the names of a settled, finished teacher's outputs with those that fit best.

    Args:
        teacher: says which output is which class, and whether its recipe said so.
        found: what its decisions are right on.
        classes: of the data.
        key: of the teacher's labels, as in `teacher.labels`.
        rows: words for those that it was judged on.
        warn: do not refuse it, say it only.

    Raises:
        LimbeckError: other names are far better, and the recipe did not say these.
    """
    if not found.misnamed:
        return
    outputs = teacher.labels or [str(column) for column in range(len(classes))]
    better = {output: classes[column] for output, column in zip(outputs, found.classes, strict=True)}
    error = LimbeckError(
        f"the outputs seem to be named wrong: {found.accuracy:.1%} of {rows} are right as they are named, "
        f"and {found.best:.1%} would be with other names",
        where=key,
        fix=f"set {ready(key, better)}, or go on with teacher.accept_bad=true",
    )
    if teacher.labels_found and not warn:
        raise error
    say(f"  {error}", style="yellow")


def count_outputs(network: nn.Module, inputs: Mapping[str, Tensor]) -> int:
    """Return how many logits a module gives a row.

    Raises:
        LimbeckError: it fails, or returns anything but logits (rows, classes).
    """
    rows, device = len(next(iter(inputs.values()))), device_of(network)
    try:
        with evaluating(network), torch.no_grad(), torch.random.fork_rng(devices=[]):
            logits = network(**{name: value.to(device) for name, value in inputs.items()})
    except Exception as error:
        raise LimbeckError(
            f"its forward failed on {rows} rows ({type(error).__name__}: {first_line(error)})",
            where="teacher",
            fix=f"it is called with {', '.join(inputs)}; --debug shows the traceback",
        ) from error
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != rows:
        found = tuple(logits.shape) if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise LimbeckError(
            f"it returned {found} for {rows} rows", where="teacher", fix="return logits (batch, classes)"
        )
    return logits.shape[1]


def _settled(teacher: SingleTeacher, key: str, material: Material) -> SingleTeacher:
    if isinstance(teacher, TransformersTeacher):
        return _settled_checkpoint(teacher, key, material)
    return _settled_module(teacher, key, material) if isinstance(teacher, GivenTeacher) else teacher


def _settled_checkpoint(teacher: TransformersTeacher, key: str, material: Material) -> TransformersTeacher:
    config = pretrained_config(pretrained_folder(teacher.model))
    outputs, classes = output_names(config), material.splits.task.names
    as_it_is = not teacher.finetune if teacher.finetune is not None else _fits(outputs, classes, teacher.labels)
    if not as_it_is:
        labels, head = _head_to_train(outputs, classes, teacher.labels, key)
        if outputs:
            say(f"  {key}: {teacher.model} is fine-tuned; {head}")
        return teacher.model_copy(
            update={"finetune": True, "labels": labels, "reads": _reading(teacher.reads, MAX_LENGTH)}
        )
    if not outputs:
        raise LimbeckError(
            f"`{teacher.model}` has no head that classifies, so that it cannot be taken as it is",
            where=f"{key}.finetune",
            fix="set it to true, or give the folder of a `...ForSequenceClassification`",
        )
    reads = _reading(teacher.reads, longest_text(config, LONGEST))
    teacher = teacher.model_copy(update={"finetune": False, "reads": reads})
    labels, why = _order(outputs, teacher, key, material)
    said = f"{key}: {teacher.model} is taken as it is"
    say(f"  {said} ({key}.finetune=true trains it), {reads.max_length} tokens of a text; {_said(labels, why)}")
    if teacher.meaningless:
        say(f"  {said}: without a meaning are {', '.join(teacher.meaningless)}", style="yellow")
    return teacher.with_labels(labels)


def _fits(outputs: Sequence[str], classes: Sequence[str], labels: Mapping[str, str] | None) -> bool:
    """Return whether a checkpoint has a head for the classes: as many outputs, or some that are said to be them."""
    return bool(outputs) and (len(outputs) == len(classes) if labels is None else bool(labels))


def _head_to_train(
    outputs: Sequence[str], classes: Sequence[str], labels: Mapping[str, str] | None, key: str
) -> tuple[dict[str, str], str]:
    """Return the outputs of its own head that a checkpoint is trained with, none for a new head, and what is said."""
    if labels or (labels is None and len(outputs) == len(classes)):
        try:
            found, why = label_order(outputs, classes, labels, key=f"{key}.labels")
            return found, f"its head keeps its outputs: {_said(found, why)}"
        except UnmatchedError as error:
            return {}, f"{error.what}: it gets a new head"
    return {}, f"its head of {len(outputs)} outputs gives way to one of {len(classes)}"


def _settled_module(teacher: GivenTeacher, key: str, material: Material) -> GivenTeacher:
    module, classes = _module(material), material.splits.task.names
    own_limit = longest_text(module.config, LONGEST) if isinstance(module, LogitsOnly) else MAX_LENGTH
    if not isinstance(teacher.reads, ArraysReads):
        teacher = teacher.model_copy(update={"reads": _reading(teacher.reads, own_limit)})
    count = count_outputs(module, material.view(teacher.network).example[0])
    names = _names(module, count)
    if len(names) != count:
        raise LimbeckError(f"its config names {len(names)} outputs, and it has {count}", where=key)
    if not isinstance(module, LogitsOnly) and teacher.labels is None and count == len(classes):
        labels, why = dict(zip(names, classes, strict=True)), "in the order of the classes"
    else:
        labels, why = _order(names, teacher, key, material)
    say(f"  {key}: {_said(labels, why)}")
    return teacher.with_labels(labels)


def _reading(reads: _R, longest: int) -> _R:
    """Return what a teacher reads, up to `longest` tokens where it leaves that open."""
    return reads.model_copy(update={"max_length": reads.max_length or longest})


def _module(material: Material) -> nn.Module:
    if material.given.teacher is None:
        raise missing("teacher")
    return material.given.teacher


def _names(module: nn.Module, count: int) -> tuple[str, ...]:
    """Return the names of a module's outputs; their numbers where it has none."""
    own = module.outputs if isinstance(module, LogitsOnly) else ()
    return own or tuple(map(str, range(count)))


def _order(outputs: Sequence[str], teacher: Finished, key: str, material: Material) -> tuple[dict[str, str], str]:
    """Return which output is which class, and how that is known.

    Raises:
        LimbeckError: nothing tells; with two classes it says how often each order is right.
    """
    try:
        return label_order(outputs, material.splits.task.names, teacher.labels, key=f"{key}.labels")
    except UnmatchedError as error:
        if len(outputs) > 2:
            raise
        raise _either_order(error, outputs, teacher, material) from None


def _either_order(error: UnmatchedError, outputs: Sequence[str], teacher: Finished, material: Material) -> LimbeckError:
    """Return the error that says how many labelled rows a teacher of two classes gets right in either order."""
    splits, classes = material.splits, material.splits.task.names
    unordered = teacher.model_copy(update={"labels": {str(number): name for number, name in enumerate(classes)}})
    view, network = material.view(unordered.network), finished_network(unordered, material)
    rows, labels, split = view.labelled, splits.labelled.labels.values, "labelled"
    if not len(labels):  # of a loader
        rows, labels, split = view.validation, splits.validation.labels.values, "validation"
    picked = np.arange(min(_ROWS, len(labels)))
    logits = _answers(network, rows, picked)
    orders = [error.guess, dict(zip(error.guess, reversed(error.guess.values()), strict=True))]
    right = []
    for labels_of in orders:
        by_class = {name: output for output, name in labels_of.items()}
        columns = positions(outputs, [by_class[name] for name in classes])
        right.append(f"{ready(str(error.where), labels_of)} ({accuracy(logits[:, columns], labels[picked]):.1%})")
    return LimbeckError(
        error.what,
        where=error.where,
        fix=f"say which is which: {right[0]} or {right[1]}, with the accuracy on {len(picked):,} {split} rows",
    )


def _answers(network: nn.Module, rows: Rows, picked: NDArray[np.int64]) -> NDArray[np.float32]:
    device = device_of(network)
    with evaluating(network), torch.no_grad():
        parts = [
            network(**{name: value.to(device) for name, value in tensors(rows.batch(some)).items()}).float().cpu()
            for some in np.array_split(picked, -(-len(picked) // _BATCH))
        ]
    return torch.cat(parts).numpy()


def _said(labels: Mapping[str, str], why: str) -> str:
    pairs = [f"{output} is {name}" for output, name in labels.items()]
    more = f", and {len(pairs) - _SHOWN:,} more" if len(pairs) > _SHOWN else ""
    return f"outputs {why}: {', '.join(pairs[:_SHOWN])}{more}"
