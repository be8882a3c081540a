"""What a network reads of an example."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from limbeck.data.tokenizers import (
    GivenTokenizerSettings,
    TokenizerSettings,
    WordTokenizerSettings,
    pretrained_tokenizer,
    word_tokenizer,
)
from limbeck.errors import LimbeckError
from limbeck.runtime import TextReader
from limbeck.settings import Settings, union

MAX_LENGTH = 128
"""Tokens kept of each text, where nobody says how many."""

Length = Annotated[int, Field(ge=1, description="tokens kept of each text")]
Tail = Annotated[int, Field(ge=0, description="how many of them are the last ones of a text that is longer")]


class TextReads(Settings):
    """Texts, cut into tokens."""

    kind: Literal["text"] = "text"
    tokenizer: TokenizerSettings = WordTokenizerSettings()
    max_length: Length = MAX_LENGTH
    tail: Tail = 0


class ArraysReads(Settings):
    """Arrays that a loader of the caller's gives; a recipe can only say so."""

    kind: Literal["arrays"]
    of: Annotated[Literal["student", "teacher"], Field(description="whose arguments of a batch these are")]


def kind_of_reads(value: Any) -> str | None:
    """Return what tells `reads` apart: `text` where nothing is said."""
    return value.get("kind", "text") if isinstance(value, Mapping) else getattr(value, "kind", None)


if TYPE_CHECKING:
    ReadsSettings = TextReads | ArraysReads
else:
    ReadsSettings = union({"text": TextReads, "arrays": ArraysReads}, on="kind", tag=kind_of_reads)


def build_reader(reads: TextReads, texts: Sequence[str]) -> TextReader:
    """Return a reader of texts.

    Args:
        reads: which tokenizer, and what is kept of a text.
        texts: training texts; a word tokenizer counts its vocabulary in them and in nothing else.

    Raises:
        LimbeckError: there is no such tokenizer, or `max_length` leaves no room beside its special tokens or the tail.
    """
    kept = {"max_length": reads.max_length, "tail": reads.tail}
    if isinstance(reads.tokenizer, WordTokenizerSettings):
        return TextReader(word_tokenizer(texts, reads.tokenizer), **kept, pad_id=0)
    if isinstance(reads.tokenizer, GivenTokenizerSettings):
        raise LimbeckError("the tokenizer of this recipe was a Python object", fix="call limbeck.distill again")
    tokenizer, pad_id = pretrained_tokenizer(reads.tokenizer.path)
    return TextReader(tokenizer, **kept, pad_id=pad_id)
