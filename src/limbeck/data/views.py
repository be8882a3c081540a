"""What a network reads of texts, and encoded texts on disk."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from limbeck.files import staged
from limbeck.runtime import TextReader
from limbeck.runtime.rows import Ragged

PARTS = ("tokens", "offsets", "cut")
"""What `save_encoded` writes of each view."""


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


def reading(reader: TextReader, encoded: Ragged) -> Reading:
    """Count what the texts that a reader has encoded are to a network."""
    if not len(encoded):
        return Reading(0.0, 0.0, 0.0, 0)
    starts, ids = encoded.offsets[:-1], encoded.tokens
    real = np.ones(len(ids), bool)
    for index in reader.special:
        real &= ids != index
    # A text without any token is one padding token.
    real[starts[(encoded.lengths == 1) & (ids[starts] == encoded.pad_id)]] = False
    known = real if reader.unknown is None else real & (ids != reader.unknown)
    count, unknown = np.count_nonzero(real), np.count_nonzero(real & ~known)
    return Reading(
        tokens=float(count / len(encoded)),
        unknown=float(unknown / count) if count else 0.0,
        cut=float(encoded.cut.mean()),
        unread=int(np.count_nonzero(~np.logical_or.reduceat(known, starts))),
    )


def same_tokens(encoded: Ragged, others: Ragged) -> int:
    """Return how many of the encoded texts have the token ids of one of the others."""
    known = set(_rows(others))
    return sum(row in known for row in _rows(encoded))


def _rows(encoded: Ragged) -> Iterator[bytes]:
    held, size = encoded.tokens.tobytes(), encoded.tokens.itemsize
    bounds = (size * encoded.offsets).tolist()
    return (held[start:end] for start, end in pairwise(bounds))


def save_encoded(encoded: Mapping[str, Ragged], path: Path) -> None:
    """Write encoded texts by name into one safetensors file."""
    tensors = {f"{name}/{part}": getattr(held, part) for name, held in encoded.items() for part in PARTS}
    about = {name: json.dumps(held.pad_id) for name, held in encoded.items()}
    with staged(path) as aside:
        save_file(tensors, str(aside), metadata=about)


def load_encoded(path: Path) -> dict[str, Ragged]:
    """Read what `save_encoded` wrote."""
    with safe_open(str(path), framework="numpy") as file:
        about = {name: json.loads(text) for name, text in (file.metadata() or {}).items()}
        return {
            name: Ragged(**{part: file.get_tensor(f"{name}/{part}") for part in PARTS}, pad_id=pad_id)
            for name, pad_id in about.items()
        }
