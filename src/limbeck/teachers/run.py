"""A network that an earlier run has trained."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_model
from torch import Tensor, nn

from limbeck.console import say
from limbeck.errors import LimbeckError, about, first_line
from limbeck.logits import Factored
from limbeck.models import ordered, positions
from limbeck.models.published import saved
from limbeck.taps import Around
from limbeck.teachers.handed_on import HandedOn, handed_on, weights_of
from limbeck.teachers.kind import register
from limbeck.teachers.named import Named, order_in_words
from limbeck.teachers.reading import AsRead, SavedReads, require_modality
from limbeck.teachers.work import Made, Work
from limbeck.types import best_device


class EarlierTeacher(Named):
    """The student of an earlier run, or another network that was trained there, as it is."""

    gives: ClassVar[frozenset[str]] = frozenset({"logits", "taps", "hidden"})
    another: ClassVar[str] = "teacher.path=FOLDER"

    kind: Literal["run"]
    path: Annotated[str, Field(min_length=1, description="the folder of the run")]
    model: Annotated[
        str,
        Field(min_length=1, description="student, teacher (of an ensemble teacher-0, teacher-1 ...), or another arm"),
    ] = "student"
    seed: Annotated[int | None, Field(ge=0, description="which of its seeds; null: the best on validation")] = None

    @property
    def refits(self) -> bool:
        """False: it is taken as it is."""
        return False

    @property
    def read_as(self) -> AsRead:
        """Settings that say in full what it reads: the reader that it was trained with."""
        folder, found = handed_on(self.path, self.model, "teacher")
        return AsRead(_reads(folder, found))

    def settle(self, work: Work) -> Self:
        """Find out which output is which class.

        Raises:
            LimbeckError: the run has no such network, it is of another task or modality, or nothing tells which output
                is which class.
        """
        folder, found = handed_on(self.path, self.model, work.key)
        require_modality(_reads(folder, found).kind, work.modality, f"`{self.model}` of that run", f"{work.key}.path")
        require_task(found.task, work, f"`{self.model}` of that run")
        weights_of(self.path, found, self.seed, work.key)
        found.network(str(folder))
        _reads(folder, found).reader.digest  # noqa: B018 - what is damaged is found before anything long starts
        seed = found.shipped if self.seed is None else self.seed
        labels, why = self.order(found.names, work)
        divided = "" if found.temperature is None else f", logits divided by {found.temperature:g} as there"
        say(f"  {work.key}: {self.model} of {self.path}, seed {seed}{divided}; {order_in_words(labels, why)}")
        return self.model_copy(update={"seed": seed}).with_labels(labels)

    def finished(self, work: Work) -> nn.Module:
        """Return the network with its weights, and its logits in the order of the classes; it is settled."""
        folder, found = handed_on(self.path, self.model, work.key)
        file = weights_of(self.path, found, self.seed, work.key)
        with about(f"{work.key}.path"):
            network = work.built(found.network(str(folder)), _reads(folder, found).reader.form, len(found.names))
        _load(network, file)
        if found.temperature is not None:
            network = Divided(network, found.temperature)
        columns = positions(found.names, list(self.labels or found.names))
        return ordered(network.eval().requires_grad_(False), columns, len(found.names)).to(best_device())

    def check(self, work: Work) -> None:
        """Build it and ask it for a few rows; see `Kind.check`."""
        work.try_out(self.read_as, lambda: self.finished(work))

    def make(self, work: Work) -> tuple[Made, ...]:
        """Take it as it is."""
        return (work.keep(self.finished(work), self.read_as),)


class Divided(Around):
    """A network whose logits are divided by a temperature.

    Attributes:
        network: what is divided. Its activations keep their paths, see `Taps`.
        temperature: a buffer, so that it is part of what names the network.
    """

    temperature: Tensor

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__(network)
        self.register_buffer("temperature", torch.tensor(temperature))

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return logits (batch, outputs)."""
        return self.network(**inputs) / self.temperature

    def factored(self, inner: Factored) -> Factored:
        """Return the matrix divided by the temperature; see `Around.factored`."""
        bias = None if inner.bias is None else inner.bias / self.temperature
        return Factored(inner.hidden, inner.matrix / self.temperature, bias)


def require_task(kind: str, work: Work, what: str) -> None:
    """Refuse a finished teacher of another task.

    Raises:
        LimbeckError: it is of one.
    """
    if kind != work.task.kind:
        raise LimbeckError(
            f"{what} predicts a {kind}, and the task is {work.task.kind}",
            where=f"{work.key}.path",
            fix=f"take one of a {work.task.kind}, or set task={kind}",
        )


def _reads(folder: Path, found: HandedOn) -> SavedReads:
    info = {name: value for name, value in found.reads.items() if name != "kind"}
    return SavedReads(kind=str(found.reads.get("kind")), folder=str(folder), info=info)


def _load(network: nn.Module, file: Path) -> None:
    """Put the weights of a file into a network.

    Raises:
        LimbeckError: they are those of another one.
    """
    try:
        load_model(saved(network), file)
    except (SafetensorError, RuntimeError, KeyError, OSError) as error:
        raise LimbeckError(
            f"not the weights of the network that its run describes ({first_line(error)})",
            where=str(file),
            fix="copy the whole folder again",
        ) from error


register(EarlierTeacher)
