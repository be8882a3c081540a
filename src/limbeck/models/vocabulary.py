"""The tokens that a network's ids stand for."""

from dataclasses import dataclass

from limbeck.errors import LimbeckError


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens of a tokenizer; a token's index is its id.

    Attributes:
        tokens: one string an id, padding and unknown included.
        pad_id: the id that fills the right of a short row.

    Raises:
        LimbeckError: `pad_id` is not the id of a token.
    """

    tokens: tuple[str, ...]
    pad_id: int

    def __post_init__(self) -> None:
        if not 0 <= self.pad_id < len(self.tokens):
            raise LimbeckError(f"pad_id {self.pad_id} is not an id of a vocabulary of {len(self.tokens)} tokens")

    @property
    def size(self) -> int:
        """The number of ids, which is the number of rows of an embedding table."""
        return len(self.tokens)
