"""A view: one way of presenting the examples to a model, encoded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.digest import digest
from limbeck.runtime import Encoder

_FORMAT = 1


class Rows(Protocol):
    """Examples as a network sees them."""

    @property
    def truncated(self) -> float:
        """Share of the examples that were cut, in [0, 1]."""
        ...

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(rows,) how long each is: rows of like length share a batch."""
        ...

    def __len__(self) -> int: ...

    def batch(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return what a network is called with for the given rows."""
        ...


@dataclass(frozen=True, slots=True)
class EncodedTexts:
    """Token ids of many texts in one flat array, so that a batch is a few slices and no Python objects.

    Attributes:
        tokens: (all tokens,) int32.
        offsets: (texts + 1,) int64; text i is `tokens[offsets[i]:offsets[i + 1]]`, never empty.
        pad_id: fills the end of shorter rows of a batch.
        truncated: share of texts cut at the view's length, in [0, 1].
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    pad_id: int
    truncated: float

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(texts,) tokens of each text."""
        return np.diff(self.offsets)

    def batch(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return `input_ids` and `attention_mask`, (rows, longest) int64, padded on the right.

        The one padding token that stands for an empty text is real: its mask is 1, as in `Encoder.pad`.
        """
        start = self.offsets[rows]
        length = self.offsets[1:][rows] - start
        column = np.arange(length.max())
        inside = column < length[:, None]
        position = np.where(inside, start[:, None] + column, 0)
        ids = np.where(inside, self.tokens[position], self.pad_id).astype(np.int64)
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(inside.astype(np.int64))}


def view_digest(encoder: Encoder) -> str:
    """Name everything that decides which ids a text becomes: the tokenizer's bytes, its length, its padding."""
    return digest([_FORMAT, encoder.tokenizer_json, encoder.max_length, encoder.pad_id])


def encode(encoder: Encoder, texts: Sequence[str]) -> EncodedTexts:
    """Encode texts once."""
    sequences, cut = encoder.encode(texts)
    lengths = np.fromiter((len(sequence) for sequence in sequences), np.int64, len(sequences))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    tokens = np.empty(int(offsets[-1]), np.int32)
    for start, sequence in zip(offsets, sequences, strict=False):
        tokens[start : start + len(sequence)] = sequence
    return EncodedTexts(tokens, offsets, encoder.pad_id, float(cut.mean()) if len(cut) else 0.0)
