"""Files that matter are written aside and renamed: a reader sees the old one or the new one, never half of one."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from limbeck.errors import LimbeckError


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or a folder to; it takes the name `path` when the block succeeds.

    Raises:
        FileNotFoundError: the block wrote nothing there; what stood at `path` is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    _remove(aside)
    try:
        yield aside
        if not aside.exists():
            raise FileNotFoundError(f"nothing was written for {path}")
        _sync(aside)
        if path.is_dir():
            # A folder cannot be replaced in one step: its old content goes aside first.
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            _remove(old)
            path.rename(old)
            aside.rename(path)
            _remove(old)
        else:
            aside.replace(path)
    finally:
        _remove(aside)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step."""
    with staged(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file in one step."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        LimbeckError: the file is missing, cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LimbeckError("no such file", where=str(path)) from None
    except OSError as error:
        raise LimbeckError(f"cannot be read ({error.strerror})", where=str(path)) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LimbeckError(f"not valid JSON ({error})", where=str(path)) from None


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Force a file to disk before its rename, so that a power cut cannot leave a complete name on missing bytes."""
    for file in [path] if path.is_file() else (entry for entry in path.rglob("*") if entry.is_file()):
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
