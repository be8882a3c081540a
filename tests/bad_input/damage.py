"""Ways in which a file goes bad."""

import json
import os
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], None]


def one(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def cut(pattern: str) -> Damage:
    """Return what leaves the first half of a file."""

    def damage(folder: Path) -> None:
        path = one(folder, pattern)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])

    return damage


def flip(pattern: str) -> Damage:
    """Return what flips a bit in the last bytes of a file: in a number, and not in the form of the file."""

    def damage(folder: Path) -> None:
        path = one(folder, pattern)
        _flip(path, path.stat().st_size - 6)

    return damage


def flip_in_tensor(pattern: str, prefix: str) -> Damage:
    """Return what flips a bit of the first tensor of a safetensors file whose name begins like that."""

    def damage(folder: Path) -> None:
        path = one(folder, pattern)
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        start = next(about["data_offsets"][0] for name, about in header.items() if name.startswith(prefix))
        _flip(path, 8 + length + start)

    return damage


def edit(pattern: str, change: Callable[[str], str]) -> Damage:
    """Return what changes a text file."""

    def damage(folder: Path) -> None:
        path = one(folder, pattern)
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    return damage


def _flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def pipe_instead(pattern: str) -> Damage:
    """Return what puts a pipe in the place of a file: whoever opens it waits."""

    def damage(folder: Path) -> None:
        path = one(folder, pattern)
        path.unlink()
        os.mkfifo(path)

    return damage
