"""Files that matter are written aside and renamed: a reader sees the old one or the new one, never half of one."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from limbeck.errors import LimbeckError, unwritable


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or a folder to; it takes the name `path` when the block succeeds.

    Raises:
        LimbeckError: the disk is full, or does not take it for another reason; what stood at `path` is still there.
        RuntimeError: the block wrote nothing there.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(aside)
        yield aside
        if not aside.exists():
            raise RuntimeError(f"nothing was written for {path}")
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
    except Exception as error:
        if (reason := _from_system(error)) is None:
            raise
        raise unwritable(path, reason) from error
    finally:
        with contextlib.suppress(OSError):
            _remove(aside)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step."""
    with staged(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file in one step."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path, *, fix: str | None = None) -> Any:
    """Read a JSON file.

    Args:
        path: the file.
        fix: what to do where it is none.

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
        raise LimbeckError(f"not valid JSON ({error})", where=str(path), fix=fix) from None


def not_utf8(path: Path) -> LimbeckError:
    """Return the error that names the first line of a file that is not UTF-8."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        byte, line = content[error.start], content.count(b"\n", 0, error.start) + 1
        return LimbeckError(f"not UTF-8 (byte 0x{byte:02x})", where=f"{path}, line {line}", fix="save it as UTF-8")
    return LimbeckError("not UTF-8", where=str(path), fix="save it as UTF-8")


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _from_system(error: Exception) -> OSError | None:
    """Return what the operating system said, if it did.

    safetensors and tokenizers are written in Rust and wrap it in errors of their own, as text with its number.
    """
    if isinstance(error, OSError):
        return error
    number = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else None


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
