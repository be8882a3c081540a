"""Teachers whose outputs have names of their own: which output is which class."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PrivateAttr
from torch import nn

from limbeck.console import say
from limbeck.data import label_name
from limbeck.data.modality import Reads
from limbeck.errors import LimbeckError
from limbeck.evaluation import Assignment, accuracy
from limbeck.modalities.text.reads import Tail
from limbeck.models import UnmatchedError, label_order, positions
from limbeck.models.label_order import ready
from limbeck.runtime.rows import Rows
from limbeck.settings import Settings
from limbeck.teachers.kind import Single
from limbeck.teachers.work import Work
from limbeck.types import device_of, evaluating, tensors

LONGEST = 512
"""Tokens kept of a text for a finished network, where it has no shorter limit of its own."""
_ROWS, _BATCH = 2_000, 32
_SHOWN = 8


def _as_names(labels: Any) -> Any:
    """Turn the values of YAML (`0`, `true`) into the names that outputs and classes have."""
    if not isinstance(labels, Mapping):
        return labels
    return {as_name(output): as_name(name) for output, name in labels.items()}


def as_name(value: Any) -> Any:
    """Turn a value of YAML, as `0` or `true`, into the name that an output or a class has; others stay."""
    return label_name(value) if isinstance(value, bool | int) else value


class CutReads(Settings):
    """Texts, cut at a length that may be left open; `own` as of `Reads`."""

    own: ClassVar[tuple[str, ...]] = ()

    max_length: int | None = None
    tail: Tail = 0

    def up_to(self, longest: int) -> Self:
        """Return the same, up to `longest` tokens where that is left open."""
        return self.model_copy(update={"max_length": self.max_length or longest})


class Named(Single):
    """A network whose outputs have names, which are matched with those of the classes."""

    labels: Annotated[
        dict[str, str] | None,
        BeforeValidator(_as_names, json_schema_input_type=dict[str, str | int | bool] | None),
        Field(
            description="class by output: the names of its outputs (or their numbers, from 0) and the classes that "
            "they mean; null: outputs and classes have the same names"
        ),
    ] = None
    _labels_found: bool = PrivateAttr(default=False)

    @property
    def said(self) -> Mapping[str, str] | None:
        """Class by output, where the recipe says it or it was found."""
        return self.labels

    @abstractmethod
    def finished(self, work: Work) -> nn.Module | None:
        """Return the network as it is taken, with its logits in the order of the classes; its `labels` are set."""

    def answers_to(self, work: Work, split: Literal["labelled", "validation"], count: int) -> NDArray[np.float32]:
        """Return its logits for the first rows of a split, (rows, outputs) in the order of its `labels`, which are set.

        Args:
            work: of the run.
            split: whose rows.
            count: how many.
        """
        network = self.finished(work)
        assert network is not None  # who has none answers in another way
        return _answers(network, getattr(work.view(self.read_as), split), np.arange(count))

    def with_labels(self, labels: Mapping[str, str]) -> Self:
        """Return the same teacher with `labels`, which remembers whether it had some before."""
        settled = self.model_copy(update={"labels": dict(labels)})
        settled._labels_found = self.labels is None
        return settled

    def doubts(self, key: str, outputs: int) -> list[str]:
        """Return the order of its outputs, where it has several."""
        return [f"set {key}.labels if its outputs are in another order"] * (outputs > 1)

    def require_names(self, found: Assignment, classes: Sequence[str], key: str, rows: str, *, warn: bool) -> None:
        """Compare the names of its outputs with those that fit the labels best; see `Single.require_names`.

        Raises:
            LimbeckError: other names are far better, and the recipe did not say these.
        """
        if not found.misnamed:
            return
        outputs = self.labels or [str(column) for column in range(len(classes))]
        better = {output: classes[column] for output, column in zip(outputs, found.classes, strict=True)}
        error = LimbeckError(
            f"the outputs seem to be named wrong: {found.accuracy:.1%} of {rows} are right as they are named, "
            f"and {found.best:.1%} would be with other names",
            where=f"{key}.labels",
            fix=f"set {ready(f'{key}.labels', better)}, or go on with teacher.accept_bad=true",
        )
        if self._labels_found and not warn:
            raise error
        say(f"  {error}", style="yellow")

    def order(self, outputs: Sequence[str], work: Work) -> tuple[dict[str, str], str]:
        """Return which output is which class, and how that is known.

        Raises:
            LimbeckError: nothing tells; with two classes it says how often each order is right.
        """
        try:
            return label_order(outputs, work.classes, self.labels, key=f"{work.key}.labels")
        except UnmatchedError as error:
            if len(outputs) > 2 or work.labels("labelled").ndim > 1:
                raise
            raise self._either_order(error, outputs, work) from None

    def _either_order(self, error: UnmatchedError, outputs: Sequence[str], work: Work) -> LimbeckError:
        """Return the error that says how many labelled rows a teacher of two classes gets right in either order."""
        classes = work.classes
        unordered = self.model_copy(update={"labels": {str(number): name for number, name in enumerate(classes)}})
        # Of a loader there are no labelled rows.
        split: Literal["labelled", "validation"] = "labelled" if len(work.labels("labelled")) else "validation"
        labels = work.labels(split)[:_ROWS]
        logits = unordered.answers_to(work, split, len(labels))
        orders = [error.guess, dict(zip(error.guess, reversed(error.guess.values()), strict=True))]
        right = []
        for labels_of in orders:
            by_class = {name: output for output, name in labels_of.items()}
            columns = positions(outputs, [by_class[name] for name in classes])
            right.append(f"{ready(str(error.where), labels_of)} ({accuracy(logits[:, columns], labels):.1%})")
        return LimbeckError(
            error.what,
            where=error.where,
            fix=f"say which is which: {right[0]} or {right[1]}, with the accuracy on {len(labels):,} {split} rows",
        )


def _answers(network: nn.Module, rows: Rows, picked: NDArray[np.int64]) -> NDArray[np.float32]:
    device = device_of(network)
    with evaluating(network), torch.no_grad():
        parts = [
            network(**{name: value.to(device) for name, value in tensors(rows.batch(some)).items()}).float().cpu()
            for some in np.array_split(picked, -(-len(picked) // _BATCH))
        ]
    return torch.cat(parts).numpy()


def doubts_of(reads: CutReads | Reads, key: str) -> list[str]:
    """Return what to look at of how a network from outside reads, where it is no better than chance."""
    return [f"see that {key}.reads has the {', '.join(reads.own)} that it was trained with"] * bool(reads.own)


def say_left_open(reads: CutReads | Reads, work: Work) -> None:
    """Say which keys are taken from this run's rows, though a network from outside has its own."""
    if left := [name for name in reads.own if getattr(reads, name) is None]:
        noun = f"{work.modality.noun}s"
        say(
            f"  {work.key}.reads: {', '.join(left)} {'is' if len(left) == 1 else 'are'} left out, and taken from this "
            f"run's {noun}: set what the network was trained with, where that is another"
        )


def order_in_words(labels: Mapping[str, str], why: str) -> str:
    """Say which output is which class, of the first few, and how that is known."""
    pairs = [f"{output} is {name}" for output, name in labels.items()]
    more = f", and {len(pairs) - _SHOWN:,} more" if len(pairs) > _SHOWN else ""
    return f"outputs {why}: {', '.join(pairs[:_SHOWN])}{more}"
