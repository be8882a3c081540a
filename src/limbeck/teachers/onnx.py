"""A finished classifier in an ONNX file, asked by onnxruntime."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field
from torch import Tensor, nn

from limbeck.console import say
from limbeck.errors import LimbeckError
from limbeck.files import named_path
from limbeck.models import ordered, positions
from limbeck.models.onnxfile import OnnxFile
from limbeck.models.onnxmodule import Feeds, FeedSettings, OnnxModule
from limbeck.runtime.rows import is_ragged
from limbeck.teachers.answers import Answers, are_probabilities, logarithms
from limbeck.teachers.given import count_outputs
from limbeck.teachers.kind import register
from limbeck.teachers.named import LONGEST, Named, doubts_of, order_in_words, say_left_open
from limbeck.teachers.reading import AsRead, OwnReads, OwnTextReads
from limbeck.teachers.work import Encoded, Made, Work
from limbeck.types import tensors

_LOOKED_AT = 64


class OnnxTeacher(Named):
    """A finished classifier in an ONNX file, of any inputs."""

    another: ClassVar[str] = "teacher.path=FILE"

    kind: Literal["onnx"]
    path: Annotated[str, Field(min_length=1, description="of the file")]
    inputs: Feeds = Field(default_factory=dict)
    output: Annotated[str | None, Field(min_length=1, description="of the file; null: its only one")] = None
    answers: Annotated[
        Answers | None,
        Field(description="what it gives; null: found out on validation rows. Of probabilities the logarithm is taken"),
    ] = None
    reads: OwnReads = OwnTextReads()

    @property
    def refits(self) -> bool:
        """False: it is taken as it is."""
        return False

    @property
    def read_as(self) -> AsRead:
        """Settings that say in full what it reads."""
        return AsRead(self.reads.full)

    def settle(self, work: Work) -> Self:
        """Find out what it gives, and which output is which class.

        Raises:
            LimbeckError: the file cannot be loaded, does not fit what is read, or nothing tells which output is which
                class.
        """
        file = self._file
        longest = min(LONGEST, file.longest or LONGEST)
        reads = self.reads.settled(work.key, longest=longest, tokenizer=None)
        found = self.model_copy(update={"reads": reads})
        view = work.view(found.read_as)
        network = asked(file, view, feeds=self.inputs, output=self.output, key=work.key)
        names = [str(number) for number in range(count_outputs(network, view.example[0]))]
        seen = network(**tensors(view.validation.batch(np.arange(min(_LOOKED_AT, len(view.validation))))))
        answers = _kind_of(seen, self.answers, work)
        if self.labels is None and len(names) == len(work.classes):
            labels, why = dict(zip(names, work.classes, strict=True)), "in the order of the classes"
        else:
            labels, why = found.model_copy(update={"answers": answers}).order(names, work)
        logs = "; its answers are probabilities, of which the logarithm is taken" if answers == "probabilities" else ""
        say(f"  {work.key}: {order_in_words(labels, why)}{logs}")
        say_left_open(self.reads, work)
        return found.model_copy(update={"answers": answers}).with_labels(labels)

    def doubts(self, key: str, outputs: int) -> list[str]:
        """Return the order of its outputs, and what it reads."""
        return [*super().doubts(key, outputs), *doubts_of(self.reads, key)]

    def finished(self, work: Work) -> nn.Module:
        """Return the file as a network, with its logits in the order of the classes; it is settled."""
        view = work.view(self.read_as)
        network: nn.Module = asked(self._file, view, feeds=self.inputs, output=self.output, key=work.key)
        count = count_outputs(network, view.example[0])
        if self.answers == "probabilities":
            network = Logarithms(network, independent=work.task.predicts == "independent")
        columns = positions([str(number) for number in range(count)], list(self.labels or map(str, range(count))))
        return ordered(network.eval(), columns, count)

    def check(self, work: Work) -> None:
        """Ask it for a few rows; see `Kind.check`."""
        work.try_out(self.read_as, lambda: self.finished(work))

    def make(self, work: Work) -> tuple[Made, ...]:
        """Take it as it is."""
        return (work.keep(self.finished(work), self.read_as),)

    @property
    def _file(self) -> OnnxFile:
        return OnnxFile(named_path(self.path))


class Logarithms(nn.Module):
    """A network that gives probabilities, as one that gives logits.

    Args:
        network: gives (rows, outputs), >= 0.
        independent: each probability stands for itself; else a row's sum is 1.
    """

    def __init__(self, network: nn.Module, *, independent: bool) -> None:
        super().__init__()
        self.network, self.independent, self.no_onnx = network, independent, network.no_onnx

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return logits (rows, outputs); see `logarithms`."""
        return logarithms(self.network(**inputs), independent=self.independent)


def asked(
    file: OnnxFile, view: Encoded, *, feeds: Mapping[str, FeedSettings], output: str | None, key: str
) -> OnnxModule:
    """Return an ONNX file as a network that is called with the arrays of a view.

    Args:
        file: loaded.
        view: what is read.
        feeds: by the file's input, what becomes it; of an input that is left out, the array of its name.
        output: of the file; None: its only one.
        key: of the settings in the recipe, for errors.

    Raises:
        LimbeckError: nothing says which output is meant, or an input does not fit what is read.
    """
    example, axes = view.example
    arrays = {name: value.numpy() for name, value in example.items()}
    fills = {"input_ids": view.validation.pad_id} if is_ragged(view.validation) else {}
    chosen = file.require_output(output, f"{key}.output").name
    return OnnxModule(file, arrays, axes, feeds=feeds, output=chosen, fills=fills, key=key)


def _kind_of(seen: Tensor, said: str | None, work: Work) -> Answers:
    """Return what a file gives, by its answers to some rows.

    Raises:
        LimbeckError: the recipe says otherwise.
    """
    found = bool(are_probabilities(seen.numpy(), work.task).all())
    kind: Answers = "probabilities" if found else "logits"
    if said not in (None, kind):
        raise LimbeckError(
            f"its answers to {len(seen)} validation rows are {'' if found else 'no '}probabilities",
            where=f"{work.key}.answers",
            fix=f"set it to {kind}, or leave it out",
        )
    return kind


register(OnnxTeacher)
