"""A view: one way of presenting the examples to a model, encoded once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file
from torch import Tensor

from limbeck.digest import digest
from limbeck.files import staged
from limbeck.runtime import Encoder

_FORMAT = 2

PARTS = ("tokens", "offsets", "cut")
"""What `save_encoded` writes of each view."""


class Rows(Protocol):
    """Examples as a network sees them."""

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
        cut: (texts,) bool, True where a text was longer than the view's length.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    pad_id: int
    cut: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(texts,) tokens of each text."""
        return np.diff(self.offsets)

    def first(self, texts: int) -> "EncodedTexts":
        """Return the first texts, as a view of the same memory."""
        offsets = self.offsets[: texts + 1]
        return EncodedTexts(self.tokens[: offsets[-1]], offsets, self.pad_id, self.cut[:texts])

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
    """Name everything that decides which ids a text becomes: the tokenizer's bytes, what is kept of it, its padding."""
    return digest([_FORMAT, encoder.tokenizer_json, encoder.max_length, encoder.tail, encoder.pad_id])


def encode(encoder: Encoder, texts: Sequence[str]) -> EncodedTexts:
    """Encode texts once."""
    sequences, cut = encoder.encode(texts)
    lengths = np.fromiter((len(sequence) for sequence in sequences), np.int64, len(sequences))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    tokens = np.empty(int(offsets[-1]), np.int32)
    for start, sequence in zip(offsets, sequences, strict=False):
        tokens[start : start + len(sequence)] = sequence
    return EncodedTexts(tokens, offsets, encoder.pad_id, cut)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a network reads of some texts.

    Attributes:
        tokens: mean number of tokens a text, as cut; `[CLS]` and the like are not counted.
        unknown: share of these tokens that the vocabulary does not have, in [0, 1].
        cut: share of the texts that are longer than the view's length, in [0, 1].
        unread: number of texts without a known token.
    """

    tokens: float
    unknown: float
    cut: float
    unread: int


def reading(encoder: Encoder, encoded: EncodedTexts) -> Reading:
    """Count what the texts that an encoder has encoded are to a network."""
    if not len(encoded):
        return Reading(0.0, 0.0, 0.0, 0)
    starts, ids = encoded.offsets[:-1], encoded.tokens
    real = np.ones(len(ids), bool)
    for index in encoder.special:
        real &= ids != index
    # A text without any token is one padding token.
    real[starts[(encoded.lengths == 1) & (ids[starts] == encoded.pad_id)]] = False
    known = real if encoder.unknown is None else real & (ids != encoder.unknown)
    count, unknown = np.count_nonzero(real), np.count_nonzero(real & ~known)
    return Reading(
        tokens=float(count / len(encoded)),
        unknown=float(unknown / count) if count else 0.0,
        cut=float(encoded.cut.mean()),
        unread=int(np.count_nonzero(~np.logical_or.reduceat(known, starts))),
    )


def same_tokens(encoded: EncodedTexts, others: EncodedTexts) -> int:
    """Return how many of the encoded texts have the token ids of one of the others."""
    known = set(_rows(others))
    return sum(row in known for row in _rows(encoded))


def _rows(encoded: EncodedTexts) -> Iterator[bytes]:
    held, size = encoded.tokens.tobytes(), encoded.tokens.itemsize
    bounds = (size * encoded.offsets).tolist()
    return (held[start:end] for start, end in pairwise(bounds))


def save_encoded(encoded: Mapping[str, EncodedTexts], path: Path) -> None:
    """Write encoded texts by name into one safetensors file."""
    tensors = {f"{name}/{part}": getattr(held, part) for name, held in encoded.items() for part in PARTS}
    about = {name: json.dumps(held.pad_id) for name, held in encoded.items()}
    with staged(path) as aside:
        save_file(tensors, str(aside), metadata=about)


def load_encoded(path: Path) -> dict[str, EncodedTexts]:
    """Read what `save_encoded` wrote."""
    with safe_open(str(path), framework="numpy") as file:
        about = {name: json.loads(text) for name, text in (file.metadata() or {}).items()}
        return {
            name: EncodedTexts(**{part: file.get_tensor(f"{name}/{part}") for part in PARTS}, pad_id=pad_id)
            for name, pad_id in about.items()
        }
