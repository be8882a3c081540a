"""What a network reads of a text."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from limbeck.data.modality import Reads
from limbeck.errors import LimbeckError
from limbeck.evaluation.records import ViewRecord
from limbeck.modalities.text.reading import FIXES, described, reading, same_tokens, unfamiliar, unreadable
from limbeck.modalities.text.tokenizers import (
    CountedTokenizerSettings,
    GivenTokenizerSettings,
    TokenizerSettings,
    WordTokenizerSettings,
    pretrained_tokenizer,
    word_tokenizer,
)
from limbeck.runtime import TextReader

MAX_LENGTH = 128
"""Tokens kept of each text, where nobody says how many."""

LONGEST = 2**20
"""Tokens of a text at most: a batch holds as many of each of its texts as the longest one has."""

Length = Annotated[int, Field(ge=1, le=LONGEST, description="tokens kept of each text")]
Tail = Annotated[
    int, Field(ge=0, le=LONGEST, description="how many of them are the last ones of a text that is longer")
]


class TextReads(Reads):
    """Texts, cut into tokens."""

    kind: Literal["text"] = "text"
    tokenizer: TokenizerSettings = WordTokenizerSettings()
    max_length: Length = MAX_LENGTH
    tail: Tail = 0

    @property
    def counted(self) -> bool:
        """Whether the vocabulary is counted in the examples; else it is in files, which may have changed."""
        return isinstance(self.tokenizer, CountedTokenizerSettings)

    @property
    def kept(self) -> bool:
        """Tokenizing takes a while."""
        return True

    @property
    def given(self) -> str | None:
        """The digest of a tokenizer that was handed to `limbeck.distill`; None where it was not."""
        return self.tokenizer.digest if isinstance(self.tokenizer, GivenTokenizerSettings) else None

    def fit(self, values: Sequence[str]) -> TextReader:
        """Return the reader of texts; see `build_reader`."""
        return build_reader(self, values)

    def seen(self, reader: Any, rows: Any) -> ViewRecord:
        """Return what the texts that the reader has encoded are to a network."""
        return reading(reader, rows)

    def same(self, rows: Any, others: Any) -> int:
        """Return how many of the encoded texts have the token ids of one of the others."""
        return same_tokens(rows, others)

    def unreadable(self, own: ViewRecord, own_rows: int, held_out: ViewRecord, held_out_rows: int) -> str | None:
        """Return why a network sees next to nothing of the texts, see `reading.unreadable`; None where it does."""
        return unreadable(self.tokenizer.kind, own, own_rows, held_out, held_out_rows)

    def fix(self, key: str) -> str:
        """Return what to do where nothing can be read; `key` is that of the network in the recipe."""
        return FIXES[self.tokenizer.kind].replace("TOKENIZER", f"{key}.reads.tokenizer")

    def described(self, seen: ViewRecord) -> tuple[str, bool]:
        """Return in words what is read, and whether that is doubtful."""
        return described(seen, self.max_length), unfamiliar(seen) is not None


def build_reader(reads: TextReads, texts: Sequence[str]) -> TextReader:
    """Return a reader of texts.

    Args:
        reads: which tokenizer, and what is kept of a text.
        texts: training texts; a word tokenizer counts its vocabulary in them and in nothing else.

    Raises:
        LimbeckError: there is no such tokenizer, or `max_length` leaves no room beside its special tokens or the tail.
    """
    kept = {"max_length": reads.max_length, "tail": reads.tail}
    if isinstance(reads.tokenizer, CountedTokenizerSettings):
        return TextReader(word_tokenizer(texts, reads.tokenizer), **kept, pad_id=0)
    if isinstance(reads.tokenizer, GivenTokenizerSettings):
        raise LimbeckError("the tokenizer of this recipe was a Python object", fix="call limbeck.distill again")
    tokenizer, pad_id = pretrained_tokenizer(reads.tokenizer.path)
    return TextReader(tokenizer, **kept, pad_id=pad_id)
