"""A teacher that is a finished module of the caller's."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from limbeck.console import say
from limbeck.data.modality import Reads
from limbeck.errors import LimbeckError, a, first_line
from limbeck.modalities import DEFAULT, MODALITIES
from limbeck.modalities.text.pretrained import longest_text
from limbeck.modalities.text.reads import MAX_LENGTH, TextReads
from limbeck.modalities.text.tokenizers import TokenizerSettings, WordTokenizerSettings
from limbeck.models import GivenSettings, LogitsOnly, missing, ordered, positions
from limbeck.networks import NetworkSettings
from limbeck.settings import union
from limbeck.teachers.kind import register
from limbeck.teachers.named import LONGEST, CutReads, Named, doubts_of, order_in_words, say_left_open
from limbeck.teachers.work import Made, Work
from limbeck.types import best_device, device_of, evaluating


class TokenizedReads(CutReads):
    """Texts, cut into tokens for a module that was given."""

    own: ClassVar[tuple[str, ...]] = ("tokenizer",)

    kind: Literal["text"] = "text"
    tokenizer: TokenizerSettings = WordTokenizerSettings()
    max_length: Annotated[
        int | None,
        Field(ge=1, description="tokens kept of each text; null: 128, of a model of transformers its limit, <= 512"),
    ] = None

    def settled(self, key: str, *, longest: int, tokenizer: str | None) -> Self:
        """Return the same, with the length that is left open; its tokenizer was given."""
        return self.up_to(longest)

    @property
    def full(self) -> TextReads:
        """The same, with nothing left open."""
        length = MAX_LENGTH if self.max_length is None else self.max_length
        return TextReads(tokenizer=self.tokenizer, max_length=length, tail=self.tail)


if TYPE_CHECKING:
    GivenReads = TokenizedReads | Reads
else:
    GivenReads = union(
        {name: modality.reads for name, modality in MODALITIES.items()} | {DEFAULT: TokenizedReads},
        on="kind",
        default=DEFAULT,
    )


class GivenTeacher(Named):
    """A finished module that was handed to `limbeck.distill`; a recipe can only say so."""

    gives: ClassVar[frozenset[str]] = frozenset({"logits", "taps", "hidden"})
    another: ClassVar[str] = "limbeck.distill(teacher=...)"
    another_kind: ClassVar[str] = 'limbeck.distill(teacher={{"kind": "{}"}})'

    kind: Literal["given"]
    model: GivenSettings
    reads: GivenReads = TokenizedReads()

    @property
    def refits(self) -> bool:
        """False: it is taken as it is."""
        return False

    @property
    def network(self) -> NetworkSettings:
        """The same teacher in the words of any network."""
        return NetworkSettings(model=self.model, reads=self.reads.full)

    @property
    def read_as(self) -> NetworkSettings:
        """Settings that say in full what it reads."""
        return self.network

    def settle(self, work: Work) -> Self:
        """Find out which output is which class, and how much it reads.

        Raises:
            LimbeckError: nobody gave a module, it cannot be called, or nothing tells which output is which class.
        """
        module = _module(work)
        own_limit = longest_text(module.config, LONGEST) if isinstance(module, LogitsOnly) else MAX_LENGTH
        settled = self.model_copy(update={"reads": self.reads.settled(work.key, longest=own_limit, tokenizer=None)})
        count = count_outputs(module, work.view(settled.network).example[0])
        names = _names(module, count)
        if len(names) != count:
            raise LimbeckError(f"its config names {len(names)} outputs, and it has {count}", where=work.key)
        if not isinstance(module, LogitsOnly) and self.labels is None and count == len(work.classes):
            labels, why = dict(zip(names, work.classes, strict=True)), "in the order of the classes"
        else:
            labels, why = settled.order(names, work)
        say(f"  {work.key}: {order_in_words(labels, why)}")
        say_left_open(self.reads, work)
        return settled.with_labels(labels)

    def doubts(self, key: str, outputs: int) -> list[str]:
        """Return the order of its outputs, and what it reads."""
        return [*super().doubts(key, outputs), *doubts_of(self.reads, key)]

    def finished(self, work: Work) -> nn.Module:
        """Return the module, with its logits in the order of the classes; it is settled."""
        module = _module(work)
        count = count_outputs(module, work.view(self.network).example[0])
        columns = positions(_names(module, count), list(self.labels or map(str, range(count))))
        return ordered(module, columns, count).to(best_device())

    def check(self, work: Work) -> None:
        """Ask it for a few rows; see `Kind.check`."""
        work.try_out(self.network, lambda: self.finished(work))

    def make(self, work: Work) -> tuple[Made, ...]:
        """Take it as it is."""
        return (work.keep(self.finished(work), self.network),)


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
            fix=_mended(error, inputs),
        ) from error
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != rows:
        found = tuple(logits.shape) if isinstance(logits, Tensor) else a(type(logits).__name__)
        raise LimbeckError(
            f"it returned {found} for {rows} rows", where="teacher", fix="return logits (batch, classes)"
        )
    return logits.shape[1]


def _mended(error: Exception, inputs: Mapping[str, Tensor]) -> str:
    """Return what to do about a forward that failed."""
    if isinstance(error, IndexError) and (ids := inputs.get("input_ids")) is not None:
        return f"tokens have numbers up to {int(ids.max()):,} and more: give the tokenizer that it was trained with"
    return f"it is called with {', '.join(inputs)}; --debug shows the traceback"


def _module(work: Work) -> nn.Module:
    if not isinstance(work.given, nn.Module):
        raise missing("teacher")
    return work.given


def _names(module: nn.Module, count: int) -> tuple[str, ...]:
    """Return the names of a module's outputs; their numbers where it has none."""
    own = module.outputs if isinstance(module, LogitsOnly) else ()
    return own or tuple(map(str, range(count)))


register(GivenTeacher)
