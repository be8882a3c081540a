"""A finished teacher that a function of the user's builds, or the catalogue, with weights from a file."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from torch import nn

from limbeck.console import say
from limbeck.errors import about
from limbeck.files import named_path
from limbeck.models import MODELS, CustomSettings, ModelSettings, check_model, ordered, positions
from limbeck.models.weights import load_weights
from limbeck.networks import NetworkSettings
from limbeck.teachers.kind import register
from limbeck.teachers.named import LONGEST, Named, doubts_of, order_in_words, say_left_open
from limbeck.teachers.reading import OwnReads, OwnTextReads
from limbeck.teachers.work import Made, Work
from limbeck.types import best_device


class BuiltTeacher(Named):
    """A finished network, built by a function of the user's or by name, with the weights of a file."""

    gives: ClassVar[frozenset[str]] = frozenset({"logits", "taps", "hidden"})

    kind: Literal["module"]
    build: Annotated[
        ModelSettings, Field(description="your own by import path, {name: mypkg:teacher, options}; or one by name")
    ]
    weights: Annotated[
        str | None,
        Field(
            min_length=1,
            description="a safetensors file, or one of torch that holds tensors only; null: the function loads its own",
        ),
    ] = None
    outputs: Annotated[int | None, Field(ge=1, description="how many it has; null: one a class")] = None
    reads: OwnReads = OwnTextReads()

    @model_validator(mode="after")
    def _finished(self) -> Self:
        if self.build.name not in MODELS and not isinstance(self.build, CustomSettings):
            raise ValueError(f"`build: {self.build.name}` is none that a recipe can build; give module:function")
        if self.weights is None and not isinstance(self.build, CustomSettings):
            raise ValueError(
                f"a new `{self.build.name}` has learned nothing; give `weights`, or train it here with kind=network"
            )
        return self

    @property
    def refits(self) -> bool:
        """False: it is taken as it is."""
        return False

    @property
    def network(self) -> NetworkSettings:
        """The same teacher in the words of any network."""
        return NetworkSettings(model=self.build, reads=self.reads.full)

    @property
    def read_as(self) -> NetworkSettings:
        """Settings that say in full what it reads."""
        return self.network

    def doubts(self, key: str, outputs: int) -> list[str]:
        """Return the weights before all else, where the recipe names none; last, what it reads."""
        where = f"no weights are given: set {key}.weights, unless `{self.build.name}` loads trained ones itself"
        return [*[where] * (self.weights is None), *super().doubts(key, outputs), *doubts_of(self.reads, key)]

    def settle(self, work: Work) -> Self:
        """Find out which output is which class.

        Raises:
            LimbeckError: it cannot be built, the weights are not its own, or nothing tells which output is which class.
        """
        with about(f"{work.key}.build"):
            check_model(self.build)
        found = self.model_copy(update={"reads": self.reads.settled(work.key, longest=LONGEST, tokenizer=None)})
        names = found._names(work)
        if self.labels is None and len(names) == len(work.classes):
            labels, why = dict(zip(names, work.classes, strict=True)), "in the order of the classes"
        else:
            labels, why = found.order(names, work)
        say(f"  {work.key}: {order_in_words(labels, why)}")
        say_left_open(self.reads, work)
        return found.with_labels(labels)

    def finished(self, work: Work) -> nn.Module:
        """Return the network with its weights, and its logits in the order of the classes; it is settled."""
        names = self._names(work)
        with about(f"{work.key}.build"):
            network = work.build(self.network, outputs=len(names))
        if self.weights is not None:
            load_weights(network, named_path(self.weights))
        columns = positions(names, list(self.labels or names))
        return ordered(network.eval().requires_grad_(False), columns, len(names)).to(best_device())

    def check(self, work: Work) -> None:
        """Build it and ask it for a few rows; see `Kind.check`."""
        work.try_out(self.network, lambda: self.finished(work))

    def make(self, work: Work) -> tuple[Made, ...]:
        """Take it as it is."""
        return (work.keep(self.finished(work), self.network),)

    def _names(self, work: Work) -> list[str]:
        """Return the names of its outputs, which are their numbers."""
        return [str(number) for number in range(self.outputs or len(work.classes))]


register(BuiltTeacher)
