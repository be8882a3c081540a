"""Batches that a loader of the caller's makes, instead of ours: images, augmentations, anything that is no text.

A batch is a pair `(inputs, labels)` or a mapping with these keys:

    labels              (batch,) integers, -1, -100 or NaN where a row has none; may be absent
    student, teacher    what each is called with: one tensor, or a mapping of arguments by name
    any other key       an argument of both, when they read alike, such as `input_ids` and `attention_mask`
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.examples import Examples, Labels
from limbeck.data.modality import Modality
from limbeck.data.sieve import content_ids
from limbeck.data.task import Task
from limbeck.errors import LimbeckError, a
from limbeck.runtime.readers.arrays import Parts
from limbeck.types import Batch

Inputs = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class BatchForm:
    """Reads a loader's batches.

    Attributes:
        student: the student's argument for inputs that have no name.
        teacher: the teacher's.
        labels: returns what the task makes of labels, (rows, ...), and which rows have one, (rows,) bool.
    """

    student: str
    teacher: str
    labels: Callable[[Any], tuple[Tensor, Tensor]]

    def read(self, item: Any) -> Batch:
        """Return a batch of ours.

        Raises:
            LimbeckError: it is neither a pair nor a mapping with inputs, or its parts differ in their number of rows.
        """
        if isinstance(item, tuple | list) and len(item) == 2:
            item = {"student": item[0], "teacher": item[0], "labels": item[1]}
        if not isinstance(item, Mapping):
            raise _refused(f"a batch is {a(type(item).__name__)}")
        rest = {name: value for name, value in item.items() if name not in ("student", "teacher", "labels")}
        student, teacher = (
            _named(item.get(who), default) or _named(rest, default)
            for who, default in (("student", self.student), ("teacher", self.teacher))
        )
        if not student or not teacher:
            raise _refused(f"a batch with the keys {', '.join(map(str, item))} has no inputs")
        rows = len(next(iter(student.values())))
        given = item.get("labels")
        labels, labelled = (None, torch.zeros(rows, dtype=torch.bool)) if given is None else self.labels(given)
        if labelled.ndim != 1 or any(len(value) != len(labelled) for value in (*student.values(), *teacher.values())):
            raise _refused("the parts of a batch have different numbers of rows, or labels are not one a row")
        return Batch(
            ids=torch.arange(rows),
            student_inputs=student,
            teacher_inputs=teacher,
            labels=labels,
            labelled=labelled,
        )


def _named(value: Any, default: str) -> dict[str, Tensor]:
    if value is None:
        return {}
    parts = value if isinstance(value, Mapping) else {default: value}
    return {name: _tensor(name, part) for name, part in parts.items()}


def _tensor(name: str, value: Any) -> Tensor:
    """Return an argument of a network as a tensor with an axis of rows.

    Raises:
        LimbeckError: it is none.
    """
    try:
        tensor = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        tensor = None
    if tensor is None or not tensor.ndim:
        raise _refused(f"the argument `{name}` is of type {type(value).__name__}, not one row of a tensor an example")
    return tensor


def _refused(what: str) -> LimbeckError:
    return LimbeckError(
        what, where="loader", fix="give (inputs, labels), or a mapping with `labels` and the arguments of both networks"
    )


class LoaderBatches:
    """The steps of a training, drawn from a loader: one batch of its own is one micro-batch.

    What a step gets depends on the loader and not on the step alone. Several processes: give each a loader of its own
    share.

    Args:
        loader: endless or not; it is started again when it ends.
        form: reads its batches.
        accumulate: batches of one optimizer step.
        task: knows which labels there can be; None: they are not looked at.
        last: the last step of a training that learns from labels alone; None: there may be none.
    """

    def __init__(
        self,
        loader: Iterable[Any],
        form: BatchForm,
        *,
        accumulate: int = 1,
        task: Task | None = None,
        last: int | None = None,
    ) -> None:
        self._loader, self._form, self._accumulate = loader, form, accumulate
        self._task, self._last = task, last
        self._items, self._labelled = self._endless(), 0

    def group(self, step: int) -> Iterator[Batch]:
        """Yield the micro-batches of a step: the next ones; step 0 starts from the beginning.

        Raises:
            LimbeckError: a label that is none of the task, or no label at all in a training that learns from nothing
                else.
        """
        if step == 0:
            self._items, self._labelled = self._endless(), 0
        for _ in range(self._accumulate):
            batch = self._form.read(next(self._items))
            self._look(batch)
            yield batch
        if step == self._last and not self._labelled:
            raise LimbeckError(
                "no row has a label, and an arm without teacher learns from nothing else",
                where="train loader",
                fix="give labels, or set baseline to false",
            )

    def _look(self, batch: Batch) -> None:
        if self._task is None or batch.labels is None or batch.labelled is None:
            return
        labels = Labels(batch.labels.numpy(force=True), batch.labelled.numpy(force=True))
        self._labelled += int(labels.present.sum())
        self._task.require_known(labels, "train loader")

    def _endless(self) -> Iterator[Any]:
        while True:
            empty = True
            for item in self._loader:
                empty = False
                yield item
            if empty:
                raise LimbeckError(
                    "it gave no batch", where="loader", fix="a generator can be read once only: give a list"
                )


@dataclass(frozen=True)
class TrainingLoader:
    """A loader of the caller's, from which networks are trained.

    Attributes:
        loader: gives batches.
        form: reads them.
    """

    loader: Iterable[Any]
    form: BatchForm

    def batches(self, settings: Any, task: Task, *, taught: bool) -> LoaderBatches:
        """Return the steps of a training.

        Args:
            settings: `TrainSettings`.
            task: knows which labels there can be.
            taught: whether there is a teacher beside the labels.
        """
        last = None if taught else self.steps(settings) - 1
        return LoaderBatches(self.loader, self.form, accumulate=settings.accumulate, task=task, last=last)

    def steps(self, settings: Any) -> int:
        """Return how many steps a training with these `TrainSettings` has.

        Raises:
            LimbeckError: epochs are asked for, and the loader does not say how many batches one has.
        """
        if settings.epochs is None:
            return settings.total_steps(0)
        if not isinstance(self.loader, Sized):
            raise LimbeckError("a loader without a length has no epochs", where="train.epochs", fix="give train.steps")
        return max(1, round(settings.epochs * len(self.loader) / settings.accumulate))


def collect(loader: Iterable[Any], form: BatchForm, name: str, modality: Modality) -> Examples:
    """Read a validation or test loader once: its examples, whose values are `Parts`.

    Raises:
        LimbeckError: fewer than two rows, a row without label, inputs whose shape differs between batches, or a type
            that NumPy does not have.
    """
    batches = [form.read(item) for item in loader]
    if sum(len(batch.ids) for batch in batches) < 2:
        raise LimbeckError("fewer than two rows", where=f"{name} loader")
    if bare := sum(int((~batch.labelled).sum()) for batch in batches if batch.labelled is not None):
        raise LimbeckError(f"{bare:,} rows have no label", where=f"{name} loader", fix="label them")
    labels = torch.cat([batch.labels for batch in batches if batch.labels is not None]).numpy(force=True)
    student = _joined([batch.student_inputs for batch in batches], name)
    teacher = _joined([batch.teacher_inputs or {} for batch in batches], name)
    rows = Parts({"student": student, "teacher": teacher})
    return Examples(content_ids(rows, modality), rows, Labels(labels, np.ones(len(labels), np.bool_)))


def _joined(parts: list[Inputs], name: str) -> dict[str, NDArray[Any]]:
    try:
        return {key: torch.cat([part[key] for part in parts]).numpy(force=True) for key in parts[0]}
    except TypeError:
        raise LimbeckError(
            "an input is of a type that NumPy does not have, such as bfloat16",
            where=f"{name} loader",
            fix="give float32, and let the network cast it",
        ) from None
    except (RuntimeError, KeyError) as error:
        raise LimbeckError(
            f"batches differ in shape or keys ({str(error).splitlines()[0]})",
            where=f"{name} loader",
            fix="pad every batch to the same size",
        ) from error
