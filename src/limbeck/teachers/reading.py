"""What a network from outside reads: arrays of any modality; of texts, the ids of its own tokenizer."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from limbeck.data.modality import Modality, Reads
from limbeck.errors import LimbeckError
from limbeck.evaluation.records import ViewRecord
from limbeck.modalities import DEFAULT, MODALITIES
from limbeck.modalities.text.reads import TextReads
from limbeck.modalities.text.tokenizers import (
    TokenizerSettings,
    TransformersTokenizerSettings,
)
from limbeck.runtime.bundle import READERS
from limbeck.runtime.failures import in_words
from limbeck.runtime.readers import Reader
from limbeck.settings import union
from limbeck.teachers.named import LONGEST, CutReads


class OwnTextReads(CutReads):
    """Texts, cut into the tokens that a network from outside was trained with."""

    own: ClassVar[tuple[str, ...]] = ("tokenizer",)

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
        """The same in the words of any network.

        Raises:
            ValueError: it is not settled: a network that reads the ids of another tokenizer answers without an error.
        """
        if self.tokenizer is None or self.max_length is None:
            raise ValueError("a finished network's reads are open; settle the recipe first (`require_usable`)")
        return TextReads(tokenizer=self.tokenizer, max_length=self.max_length, tail=self.tail)


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


class SavedReads(Reads):
    """What a reader in a folder makes of an example: it was fitted before, and sees no training example here."""

    kind: str
    folder: str
    info: dict[str, Any]

    @property
    def counted(self) -> bool:
        """False: its files may have changed."""
        return False

    @property
    def kept(self) -> bool:
        """Whether encoding takes so long that a run keeps what it has encoded."""
        return self._like.kept

    @property
    def reader(self) -> Reader:
        """The reader.

        Raises:
            LimbeckError: its files are missing or damaged.
        """
        with in_words("its reader cannot be loaded", where=self.folder, fix="copy the whole folder again"):
            return READERS[self.kind].load(Path(self.folder), self.info)

    def fit(self, values: Any) -> Reader:
        """Return the reader as it was saved."""
        return self.reader

    def seen(self, reader: Any, rows: Any) -> ViewRecord | None:
        """Return what encoded examples are to a network; see `Reads.seen`."""
        return self._like.seen(reader, rows)

    def same(self, rows: Any, others: Any) -> int | None:
        """Return how many encoded examples are the same as one of the others; see `Reads.same`."""
        return self._like.same(rows, others)

    def described(self, seen: ViewRecord) -> tuple[str, bool]:
        """Return in words what is read, and whether that is doubtful."""
        return self._like.described(seen)

    @property
    def _like(self) -> Reads:
        """Settings of the same modality, with what the reader says of itself in their words."""
        form = MODALITIES[self.kind].reads
        said = {name: value for name, value in self.info.items() if name in form.model_fields}
        return form.model_validate({"kind": self.kind, **said})


def require_modality(kind: str, data: Modality, what: str, key: str) -> None:
    """Refuse a finished teacher that reads something else than the data are.

    Args:
        kind: of its reader.
        data: modality of the run's data.
        what: names the teacher.
        key: of the teacher's folder in the recipe.

    Raises:
        LimbeckError: it does.
    """
    if kind != data.name:
        raise LimbeckError(
            f"{what} reads {MODALITIES[kind].noun}s, and the data are {data.noun}s",
            where=key,
            fix=f"take one that reads {data.noun}s, or name another column in data.{MODALITIES[kind].key}",
        )
