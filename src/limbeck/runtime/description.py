"""What `bundle.json` says, and whether the folder's files are those that it speaks of: looked at before one is used."""

import hashlib
import json
import math
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from limbeck.errors import LimbeckError
from limbeck.files import parsed_json
from limbeck.runtime.decisions import RULES
from limbeck.runtime.external import external_files
from limbeck.runtime.failures import ANEW, in_words
from limbeck.runtime.probe import TOLERANCES
from limbeck.runtime.readers import Reader

FORMAT = 2
INFO, MODEL = "bundle.json", "model.onnx"
MOST_THREADS = 1024
_LIMITS = {INFO: 64 << 20, "tokenizer.json": 256 << 20}
_LIMIT = 2 << 30
"""Bytes of a file: of the others, what an ONNX file may have at most."""
_RUN_AGAIN = "run its recipe again with this version"


class _Key(NamedTuple):
    """What stands under a key.

    Attributes:
        holds: whether a value is such.
        words: what it is.
        needed: whether every bundle has it.
    """

    holds: Callable[[Any], bool]
    words: str
    needed: bool = True


def _is(*forms: type) -> Callable[[Any], bool]:
    """Return whether a value is of one of these types itself: to Python, a boolean is a whole number."""
    return lambda value: type(value) in forms


def _listed(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: type(value) is list and all(map(holds, value))


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < math.inf


def _probe(value: Any) -> bool:
    forms = {"around": _is(str), "answers": _listed(lambda row: row is None or _listed(_number)(row))}
    return type(value) is dict and all(holds(value.get(key)) for key, holds in forms.items())


_text, _texts = _is(str), _listed(_is(str))
_KEYS: dict[str, _Key] = {
    "format": _Key(_is(int), "a number"),
    "task": _Key(_text, "a text"),
    "labels": _Key(
        lambda found: _texts(found) and 0 < len(found) == len(set(found)), "a list of texts, each another one"
    ),
    "files": _Key(lambda found: type(found) is dict and all(map(_text, found.values())), "checksums by file"),
    "reads": _Key(_is(dict), "a mapping"),
    "probe": _Key(_probe, "a digest and lists of numbers"),
    "threads": _Key(lambda found: type(found) is int and 0 <= found <= MOST_THREADS, f"one of 0 to {MOST_THREADS}"),
    "precision": _Key(lambda found: _text(found) and found in TOLERANCES, f"one of {', '.join(TOLERANCES)}"),
    "checksum": _Key(_text, "a text"),
    "decision": _Key(_is(dict), "a mapping", needed=False),
    "columns": _Key(_is(dict), "a mapping", needed=False),
    "columns.example": _Key(lambda found: _text(found) or _texts(found), "a text or several", needed=False),
    "columns.label": _Key(lambda found: _text(found) or _texts(found), "a text or several", needed=False),
    "other_class": _Key(_text, "a text", needed=False),
    "missing": _Key(_texts, "a list of texts", needed=False),
    "instructions": _Key(_text, "a text", needed=False),
    "limbeck": _Key(_text, "a text", needed=False),
}


def described(folder: Path, readers: Mapping[str, type[Reader]]) -> dict[str, Any]:
    """Return what `bundle.json` says, when every file is the one that was exported.

    Args:
        folder: with `bundle.json` in it, or not.
        readers: by the kind that it names.

    Raises:
        LimbeckError: it says something else than what a bundle does; a file is missing, was changed, is none, is too
            large, or lies elsewhere; or the model reads another file.
    """
    info = _read(folder)
    _require_keys(folder, info, readers)
    listed = info["files"]
    if unchecked := sorted({MODEL, *readers[info["reads"]["kind"]].files} - listed.keys()):
        raise LimbeckError(f"bundle.json has no checksum of {', '.join(unchecked)}", where=str(folder), fix=ANEW)
    if info["checksum"] != sealed(info)["checksum"]:
        raise LimbeckError("bundle.json is not what was exported (its checksum differs)", where=str(folder), fix=ANEW)
    for name, expected in listed.items():
        file = _regular(folder, name)
        with in_words(f"`{name}` cannot be read", where=str(folder), fix=ANEW):
            same = checksum(file) == expected
        if not same:
            found = f"`{name}` is not the file that was exported (its checksum differs)"
            raise LimbeckError(found, where=str(folder), fix=ANEW)
    with in_words("it is no ONNX file", where=str(folder / MODEL), fix=ANEW):
        elsewhere = sorted(external_files(folder / MODEL) - listed.keys())
    if elsewhere:
        found = f"the model reads another file, `{elsewhere[0]}`, which bundle.json does not list"
        raise LimbeckError(found, where=str(folder / MODEL), fix=ANEW)
    return info


def sealed(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `bundle.json` says with a checksum of the rest of it.

    It holds what turns inputs into the network's and its outputs into answers: two labels that are exchanged by hand
    would go unnoticed, as everything still fits.
    """
    rest = {key: value for key, value in info.items() if key != "checksum"}
    return {**rest, "checksum": hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()}


def checksum(file: Path) -> str:
    """Return the sha256 of a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _regular(folder: Path, name: str) -> Path:
    """Return the path of a file of the bundle.

    Raises:
        LimbeckError: it is missing, too large, no file, or elsewhere.
    """
    where = str(folder)
    if name in ("", ".", "..") or {"/", "\\", "\0"} & set(name):
        raise LimbeckError(f"bundle.json names a file outside the bundle: `{name}`", where=where, fix=ANEW)
    try:
        file = (folder / name).resolve(strict=True)
        about = file.stat()
    except (OSError, RuntimeError, ValueError):  # no such file; links in a circle; a name that no file has
        fix = "copy the whole folder again"
        raise LimbeckError(f"the bundle lacks `{name}`", where=where, fix=fix) from None
    if not stat.S_ISREG(about.st_mode):
        raise LimbeckError(f"`{name}` is no file, but a folder, a pipe or a device", where=where, fix=ANEW)
    if not file.is_relative_to(folder.resolve()):
        fix = "put the file itself there (`cp -L` copies what links name)"
        raise LimbeckError(f"`{name}` is a link to a file outside the bundle", where=where, fix=fix)
    if about.st_size > (limit := _LIMITS.get(name, _LIMIT)):
        found = f"`{name}` has {about.st_size:,} bytes, and at most {limit:,} are read"
        raise LimbeckError(found, where=where, fix=ANEW)
    return file


def _read(folder: Path) -> dict[str, Any]:
    where = str(folder)
    if not os.path.lexists(folder / INFO):
        raise LimbeckError("no bundle here (no bundle.json)", where=where, fix="give the `bundle` folder of a run")
    try:
        with in_words("bundle.json cannot be read", where=where, fix=ANEW):
            content = _regular(folder, INFO).read_bytes()
        info = parsed_json(content.decode("utf-8"))
        if isinstance(info, dict):
            sealed(info)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LimbeckError(f"bundle.json is not valid JSON ({error})", where=where, fix=ANEW) from None
    except RecursionError:  # what is read may be deeper than what can be written
        found = "bundle.json is not valid JSON (nested too deep)"
        raise LimbeckError(found, where=where, fix=ANEW) from None
    return info if isinstance(info, dict) else {}


def _require_keys(folder: Path, info: Mapping[str, Any], readers: Mapping[str, type[Reader]]) -> None:
    """Refuse what is no bundle of this version."""
    where, form = str(folder), info.get("format", FORMAT)
    if form != FORMAT or type(form) is not int:
        older = type(form) is int and form < FORMAT
        raise LimbeckError(
            f"bundle format {form} is not {FORMAT}, which this version reads",
            where=where,
            fix=_RUN_AGAIN if older else "upgrade limbeck, or export the bundle again",
        )
    reads: Any = info.get("reads")
    kind = reads.get("kind") if type(reads) is dict else None
    for noun, name, known in (("reader", kind, readers), ("task", info.get("task"), RULES)):
        if type(name) is str and name not in known:
            raise LimbeckError(f"this version has no {noun} `{name}`", where=where, fix="upgrade limbeck")
    needs = readers[kind].needs if type(kind) is str else {}
    keys = _KEYS | {
        f"reads.{key}": _Key(_is(form), f"of type {form.__name__}") for key, form in {"kind": str, **needs}.items()
    }
    for name, key in keys.items():
        if (value := _found(info, name)) is not None and not key.holds(value):
            raise LimbeckError(f"bundle.json: `{name}` is not {key.words}", where=where, fix=ANEW)
    if missing := [name for name, key in keys.items() if key.needed and _found(info, name) is None]:
        fix = f"{_RUN_AGAIN}: older ones wrote no probe" if "probe" in missing else ANEW
        raise LimbeckError(f"bundle.json lacks {', '.join(missing)}", where=where, fix=fix)


def _found(info: Any, name: str) -> Any:
    """Return what stands under a key, `reads.kind` under one in another; None: nothing."""
    for part in name.split("."):
        info = info.get(part) if type(info) is dict else None
    return info
