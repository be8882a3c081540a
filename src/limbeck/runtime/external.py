"""Which other files an ONNX file refers to, found without opening one: onnxruntime would read whatever it names."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
    "entry": {},
}
"""The messages of onnx.proto that may hold a tensor: of each field, by number, what it holds."""
_KEY, _VALUE = 1, 2
"""Fields of an entry."""
_LOCATION = b"location"
_AT_ONCE = 1 << 20
_DEEPEST = 100
"""Messages in messages: the limit of protobuf's own readers."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_LONGEST = 10
"""Bytes of a number."""


def external_files(model: Path) -> set[str]:
    """Return the places that the tensors of an ONNX file name for their data.

    Raises:
        ValueError: it is no ONNX file, or is cut short.
    """
    with model.open("rb") as file:
        if not model.stat().st_size:
            raise ValueError("an empty file")
        if not _names_a_place(file):  # that is nearly every file: there is nothing to take apart
            return set()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return set(_locations(content, 0, len(content), "model", 0))


def _names_a_place(file: BinaryIO) -> bool:
    """Return whether a tensor can name a place for its data: the word stands somewhere in the file."""
    before = b""
    while some := file.read(_AT_ONCE):
        held = before + some
        if _LOCATION in held:
            return True
        before = held[-len(_LOCATION) :]
    return False


def _locations(content: mmap.mmap, start: int, end: int, message: str, depth: int) -> Iterator[str]:
    """Yield the places that a message names, between two positions of the file."""
    if depth > _DEEPEST:
        raise ValueError("messages in messages, too deep")
    inside, entry = _INSIDE[message], {}
    for number, first, last in _fields(content, start, end):
        if number in inside:
            yield from _locations(content, first, last, inside[number], depth + 1)
        elif not inside and number in (_KEY, _VALUE):
            entry[number] = content[first:last]
    if entry.get(_KEY) == _LOCATION:
        yield entry.get(_VALUE, b"").decode("utf-8", "replace")


def _fields(content: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number of each field that holds bytes, and where these begin and end."""
    while start < end:
        tag, start = _number(content, start, end)
        wire = tag & 7
        if wire == _VARINT:
            _, start = _number(content, start, end)
        elif wire == _BYTES:
            size, start = _number(content, start, end)
            if size > end - start:
                raise ValueError("cut short")
            yield tag >> 3, start, start + size
            start += size
        elif wire in _SIZES:
            start += _SIZES[wire]
        else:
            raise ValueError(f"a field of kind {wire}")


def _number(content: mmap.mmap, start: int, end: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends."""
    value = 0
    for place in range(min(_LONGEST, end - start)):
        byte = content[start + place]
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, start + place + 1
    raise ValueError("cut short")
