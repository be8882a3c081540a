"""Arrays in a safetensors file: written piece by piece, and mapped into memory when they are read, not copied."""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

_DTYPES = {
    "float64": "F64", "int64": "I64", "uint64": "U64", "float32": "F32", "int32": "I32", "uint32": "U32",
    "float16": "F16", "int16": "I16", "uint16": "U16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
"""Of safetensors, by numpy's name."""
_ALIGNED = 8
"""Bytes of the widest number, at a multiple of which the arrays begin."""


def header(arrays: Mapping[str, Sequence[NDArray]], about: Mapping[str, str] | None = None) -> bytes:
    """Return what a file of arrays begins with; their bytes follow in the same order.

    Args:
        arrays: by name, each in pieces along its first axis, at least one. Those of wide types have to stand first, so
            that every number stands at a multiple of its size.
        about: is kept with them.
    """
    found: dict[str, object] = {"__metadata__": dict(about)} if about else {}
    end = 0
    for name, pieces in arrays.items():
        shape, dtype = [sum(map(len, pieces)), *pieces[0].shape[1:]], pieces[0].dtype
        start, end = end, end + dtype.itemsize * int(np.prod(shape))
        found[name] = {"dtype": _DTYPES[dtype.name], "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(found, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNED)
    return struct.pack("<Q", len(text)) + text


def wide_first(arrays: Mapping[str, NDArray]) -> list[str]:
    """Return the names of arrays in the order that `header` asks for."""
    return sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))


def write_arrays(path: Path, arrays: Mapping[str, NDArray], about: Mapping[str, str]) -> None:
    """Write arrays, which may be mapped themselves, into a file; `about` is kept with them."""
    ordered = {name: np.ascontiguousarray(arrays[name]) for name in wide_first(arrays)}
    with path.open("wb") as file:
        file.write(header({name: [value] for name, value in ordered.items()}, about))
        for value in ordered.values():
            file.write(value.reshape(-1).view(np.uint8).data)


def read_arrays(path: Path) -> tuple[dict[str, NDArray], dict[str, str]]:
    """Return the arrays of a file, whose pages are read when they are needed, and what is kept with them.

    Raises:
        SafetensorError: it is no such file.
    """
    with safe_open(str(path), framework="pt") as file:  # of numpy it would be copies
        arrays = {name: file.get_tensor(name).numpy() for name in file.keys()}  # noqa: SIM118 - it is no mapping
        return arrays, file.metadata() or {}
