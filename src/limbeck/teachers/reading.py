"""What a network from outside reads: arrays of any modality; of texts, the ids of its own tokenizer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

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


if TYPE_CHECKING:
    OwnReads = OwnTextReads | Reads
else:
    OwnReads = union(
        {name: modality.reads for name, modality in MODALITIES.items()} | {DEFAULT: OwnTextReads},
        on="kind",
        default=DEFAULT,
    )


def settled(reads: Any, key: str, *, longest: int = LONGEST, tokenizer: str | None = None) -> Any:
    """Return what is read, with nothing left open.

    Args:
        reads: an `OwnReads`.
        key: of the teacher in the recipe, for errors.
        longest: tokens kept of a text where the recipe does not say it.
        tokenizer: the folder with the network's own; None: it has none.

    Raises:
        LimbeckError: it reads texts, and nothing says into which tokens.
    """
    if not isinstance(reads, OwnTextReads):
        return reads
    found = reads.tokenizer
    if found is None:
        if tokenizer is None:
            raise LimbeckError(
                "a finished network reads the token ids of its own tokenizer, and the recipe names none",
                where=f"{key}.reads.tokenizer",
                fix="set it to {kind: transformers, path: FOLDER}, a folder with its tokenizer.json; for other "
                "examples than texts set reads.kind",
            )
        found = TransformersTokenizerSettings(kind="transformers", path=tokenizer)
    return reads.up_to(longest).model_copy(update={"tokenizer": found})


@dataclass(frozen=True)
class AsRead:
    """Settings that say what is read, and nothing else.

    Attributes:
        reads: in full.
    """

    reads: Reads


def as_read(reads: Any) -> AsRead:
    """Return settled `OwnReads` in the words of any network."""
    if not isinstance(reads, OwnTextReads):
        return AsRead(reads)
    kept = LONGEST if reads.max_length is None else reads.max_length
    return AsRead(TextReads(tokenizer=reads.tokenizer or WordTokenizerSettings(), max_length=kept, tail=reads.tail))
