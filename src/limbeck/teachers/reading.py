"""What a network from outside reads: arrays of any modality; of texts, the ids of its own tokenizer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field

from limbeck.data.modality import Reads
from limbeck.errors import LimbeckError
from limbeck.modalities import DEFAULT, MODALITIES
from limbeck.modalities.text.reads import TextReads
from limbeck.modalities.text.tokenizers import (
    TokenizerSettings,
    TransformersTokenizerSettings,
    WordTokenizerSettings,
)
from limbeck.settings import union
from limbeck.teachers.named import LONGEST, CutReads


class OwnTextReads(CutReads):
    """Texts, cut into the tokens that a network from outside was trained with."""

    kind: Literal["text"] = "text"
    tokenizer: Annotated[
        TokenizerSettings | None,
        Field(description="the network's own; null: of a network of transformers, that of its folder"),
    ] = None
    max_length: Annotated[
        int | None,
        Field(ge=1, description=f"tokens kept of each text; null: {LONGEST}, or what the network can read if less"),
    ] = None

    def settled(self, key: str, *, longest: int, tokenizer: str | None) -> Self:
        """Return the same, with the tokenizer and the length that are left open; see `Reads.settled`."""
        found = self.tokenizer
        if found is None:
            if tokenizer is None:
                raise LimbeckError(
                    "a finished network reads the token ids of its own tokenizer, and the recipe names none",
                    where=f"{key}.reads.tokenizer",
                    fix="set it to {kind: transformers, path: FOLDER}, a folder with its tokenizer.json; for other "
                    "examples than texts set reads.kind",
                )
            found = TransformersTokenizerSettings(kind="transformers", path=tokenizer)
        return self.up_to(longest).model_copy(update={"tokenizer": found})

    @property
    def full(self) -> TextReads:
        """The same in the words of any network."""
        kept = LONGEST if self.max_length is None else self.max_length
        return TextReads(tokenizer=self.tokenizer or WordTokenizerSettings(), max_length=kept, tail=self.tail)


if TYPE_CHECKING:
    OwnReads = OwnTextReads | Reads
else:
    OwnReads = union(
        {name: modality.reads for name, modality in MODALITIES.items()} | {DEFAULT: OwnTextReads},
        on="kind",
        default=DEFAULT,
    )


@dataclass(frozen=True)
class AsRead:
    """Settings that say what is read, and nothing else.

    Attributes:
        reads: in full.
    """

    reads: Reads
