"""Content digests: what makes a cache impossible to misalign and a stage safe to skip."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 20
_HEX_ID = re.compile(r"[0-9a-f]{16}")
_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(value: Any) -> str:
    """Return 16 hex digits that name a JSON-like value, whatever the order of its keys."""
    return hashlib.blake2b(_canonical(value), digest_size=8).hexdigest()


def arrays_digest(*arrays: NDArray[Any]) -> str:
    """Return 16 hex digits that name arrays of numbers: their types, shapes, bytes and order."""
    state = hashlib.blake2b(digest_size=8)
    for array in arrays:
        state.update(f"{array.dtype.str} {array.shape} ".encode())
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def file_digest(path: Path) -> str:
    """Return 16 hex digits that name the bytes of a file."""
    state = hashlib.blake2b(digest_size=8)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def content_id(identity: bytes) -> int:
    """Return the id of an example: 8 bytes of blake2b over its identity, as a signed 64-bit integer.

    Args:
        identity: what names it exactly: its input as it was read, before any preprocessing, without its label.
    """
    return int.from_bytes(hashlib.blake2b(identity, digest_size=8).digest(), "big", signed=True)


def hex_id(content: int | np.int64) -> str:
    """Return a content id as it is written in files and messages: 16 hex digits."""
    return f"{int(content) % (1 << 64):016x}"


def is_hex_id(text: Any) -> bool:
    """Return whether this is a content id as `hex_id` writes it."""
    return isinstance(text, str) and _HEX_ID.fullmatch(text) is not None


def ids_of_hex(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return content ids, (texts,), of what `hex_id` wrote."""
    return np.array([int(text, 16) for text in texts], np.uint64).view(np.int64)


def identity_of(fields: Mapping[str, str]) -> bytes:
    """Return the identity of an example of named texts."""
    # The bytes of `_canonical(fields)` in less time: this is the encoder's function for strings.
    pairs = ",".join([f"{encode_basestring(name)}:{encode_basestring(fields[name])}" for name in sorted(fields)])
    return f"{{{pairs}}}".encode("utf-8", "surrogatepass")


def _canonical(value: Any) -> bytes:
    return _JSON.encode(value).encode("utf-8", "surrogatepass")
