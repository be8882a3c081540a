"""Files that matter are written aside and renamed: a reader sees the old one or the new one, never half of one.

In a run's folder what is written goes on record, and only what is on record is replaced or removed; see `written`.
Anywhere else, what stands under a name that is written to is taken to be Limbeck's.
"""

import codecs
import json
import os
import platform
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from limbeck.errors import LimbeckError, unwritable
from limbeck.processes import alive
from limbeck.written import Written, record_of

_T = TypeVar("_T", dict[str, Any], list[Any])
FORMS = "csv, tsv, jsonl, parquet or xlsx"
"""Which files of rows are read, in words; `runtime.records` reads them."""
_ICONV = "iconv -f cp1252 -t utf-8 OLD > NEW"
"""Of texts that are not UTF-8, most have the encoding of Windows."""
FIELD_LIMIT = 2**31 - 1
"""Characters of a csv field: the library's default refuses texts over 128 KiB."""
_KINDS = ("part", "new", "old")
_SHOWN = 8
_writing: set[Path] = set()  # what this process is writing aside


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a path to write a file or a folder to; what is there takes the name `path` when the block succeeds.

    It lies alone in a folder beside `path`: libraries put files of their own next to what they write (safetensors one
    of random name that it renames at its end), and go with that folder. What processes of this machine left aside
    beside `path` when they were killed is removed first; an old folder that was killed on its way out gets its name
    back. What others put into a folder that is replaced stays in it.

    Raises:
        LimbeckError: the disk is full, or does not take it for another reason; or a file that Limbeck did not write
            stands where one has to be written. What stood at `path` is still there.
        RuntimeError: the block wrote nothing there.
    """
    require_ours(path)
    part, new, old = (path.with_name(f".{path.name}.{_machine()}-{os.getpid()}.{kind}") for kind in _KINDS)
    aside, mine = part / path.name, {each.absolute() for each in (part, new, old)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clean(path.parent)
        _writing.update(mine)
        part.mkdir()
        yield aside
        if not aside.exists():
            raise RuntimeError(f"nothing was written for {path}")
        _sync(aside)
        record, written = record_of(path), {file.relative_to(aside) for file in _files(aside)}
        if record is not None:
            _require_place(record, path, written)
            record.add(path / name for name in written)
        # In two steps, so that the last one leaves nothing that another process would have to clear away.
        aside.rename(new)
        _remove(part)
        if path.is_dir():
            # A folder cannot be replaced in one step: its old content goes aside first.
            path.rename(old)
            new.rename(path)
            _retire(old, path)
            if record is not None:
                record.drop(file for file in record.below(path) if file.relative_to(path) not in written)
        else:
            new.replace(path)
    except Exception as error:
        if (reason := _from_system(error)) is None:
            raise
        raise unwritable(path, reason) from error
    finally:
        for rest in (part, new):
            with suppress(OSError):
                _remove(rest)
        _writing.difference_update(mine)


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path` for what is made on the way to it, and remove it.

    What a killed process leaves of it is removed when the next file is written beside `path`.
    """
    place = path.with_name(f".{path.name}.{_machine()}-{os.getpid()}.part")
    _clean(path.parent)
    _writing.add(place.absolute())
    try:
        place.mkdir()
        yield place
    finally:
        _remove(place)
        _writing.discard(place.absolute())


@contextmanager
def recorded(folder: Path) -> Iterator[None]:
    """Put on record what the block adds to a folder by itself, not its subfolders; a kill in it leaves it off."""
    before = set(folder.iterdir())
    yield
    if (record := record_of(folder / "any")) is not None:
        record.add(path for path in folder.iterdir() if path not in before)


def remove(path: Path) -> None:
    """Remove a file or a folder; in a run's folder, what Limbeck wrote there, and folders that are empty then."""
    record = record_of(path)
    if record is None:
        _remove(path)
        return
    ours = [file for file in _files(path) if record.holds(file)]
    for file in ours:
        file.unlink(missing_ok=True)  # another process may remove it too
    record.drop(ours)
    emptied = {folder for file in ours for folder in file.parents if folder.is_relative_to(path)}
    for folder in sorted({path, *emptied}, reverse=True):
        with suppress(OSError):  # something else is in it, or it is a file
            _clean(folder)
            folder.rmdir()


def require_ours(path: Path) -> None:
    """Refuse to write where somebody else's file stands.

    Raises:
        LimbeckError: it is in a run's folder, and Limbeck did not write it.
    """
    record = record_of(path)
    if record is not None and (path.is_symlink() or path.is_file()) and not record.holds(path):
        raise _not_ours(path)


def written_in(folder: Path) -> list[Path]:
    """Return the files of a folder that Limbeck wrote, without those of its subfolders, by name."""
    record = record_of(folder / "any")
    found = sorted(path for path in folder.iterdir() if path.is_file())
    return found if record is None else [path for path in found if record.holds(path)]


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step; what UTF-8 has no bytes for, as in a file's name, is escaped as in JSON."""
    with staged(path) as aside:
        aside.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file in one step."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path, form: type[_T], *, fix: str | None = None) -> _T:
    """Read a JSON file.

    Args:
        path: the file.
        form: what it holds: `dict` or `list`.
        fix: what to do where it is none, or holds something else.

    Raises:
        LimbeckError: the file is missing, cannot be read, is not JSON, or holds something else.
    """
    try:
        found = parsed_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LimbeckError("no such file", where=str(path)) from None
    except OSError as error:
        raise LimbeckError(f"cannot be read ({error.strerror})", where=str(path)) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LimbeckError(f"not valid JSON ({error})", where=str(path), fix=fix) from None
    if not isinstance(found, form):
        held = {dict: "a mapping", list: "a list"}
        what = f"{held.get(type(found), 'a single value')} where {held[form]} belongs"
        raise LimbeckError(f"it holds {what}", where=str(path), fix=fix)
    return found


def parsed_json(text: str) -> Any:
    """Return what JSON says.

    Raises:
        json.JSONDecodeError: it is none, is nested too deep, has a number of too many digits, or names a key twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_mapping)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("nested too deep", text, 0) from None
    except ValueError as error:
        # Python's own words for a long number are about a setting of Python's.
        why = "a number of too many digits" if "digits" in str(error) and "limit" in str(error) else str(error)
        raise json.JSONDecodeError(why, text, 0) from None


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; of two values under one key, `json` would keep the last without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {repeated(names)!r} stands twice")
    return found


def named_path(text: str | os.PathLike[str], where: str | None = None) -> Path:
    """Return the path that somebody wrote; `~` and `~name` at its start are home folders, where there are such.

    Args:
        text: what was written.
        where: what to call it in an error; None: by itself.

    Raises:
        LimbeckError: it holds a NUL, which no path can.
    """
    path = Path(text)
    if "\0" in str(path):
        raise LimbeckError("cannot be read (a path with a NUL)", where=where or str(path), fix="mend the path")
    try:
        return path.expanduser()
    except RuntimeError:  # nobody has this name: it is the name of a file, or of nothing
        return path


def repeated(names: Sequence[str]) -> str | None:
    """Return the first name, in their order as texts, that stands twice."""
    return min((name for name, times in Counter(names).items() if times > 1), default=None)


def not_utf8(path: Path) -> LimbeckError:
    """Return the error that names the first line of a file that is not UTF-8."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with path.open("rb") as file:
        for block in chain(iter(partial(file.read, 1 << 20), b""), [b""]):
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                byte, line = error.object[error.start], line + error.object.count(b"\n", 0, error.start)
                return LimbeckError(f"not UTF-8 (byte 0x{byte:02x})", where=f"{path}, line {line}", fix=as_utf8(path))
            line += block.count(b"\n")
    return LimbeckError("not UTF-8", where=str(path), fix=as_utf8(path))


def as_utf8(path: Path) -> str:
    """Return how a text in another encoding, such as that of Windows, is made one of UTF-8."""
    excel = 'in Excel as "CSV UTF-8"; or ' if path.suffix.lower() in (".csv", ".tsv") else ""
    return f"save it as UTF-8 ({excel}{_ICONV})"


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file of a folder however deep, in the order of their paths, without what begins with a dot.

    Each folder is looked into once, however many links lead to it, and under its own name where it has one below
    `folder`. A link to a folder in which it lies itself is not followed.
    """
    found: list[Path] = []
    seen: set[Path] = set()
    folders, links = [folder], []
    while folders or links:
        # Links come last: a folder keeps its own name.
        entry = folders.pop() if folders else links.pop(0)
        real = entry.resolve()
        if real in seen or (entry.is_symlink() and entry != folder and _holds(real, entry)):
            continue
        seen.add(real)
        for inner in sorted(entry.iterdir()):
            if inner.name.startswith("."):
                continue
            if inner.is_dir():
                (links if inner.is_symlink() else folders).append(inner)
            elif inner.is_file():
                found.append(inner)
    yield from sorted(found)


def not_read(folder: Path, passed: Sequence[Path]) -> str:
    """Return the line that says how many files of a folder are no examples, and what they end with."""
    kinds = sorted({path.suffix or path.name for path in passed})
    many = "1 file is" if len(passed) == 1 else f"{len(passed):,} files are"
    more = f" and {len(kinds) - _SHOWN:,} more" if kinds[_SHOWN:] else ""
    return f"{folder}: {many} not read ({', '.join(kinds[:_SHOWN])}{more})"


def _holds(folder: Path, link: Path) -> bool:
    """Return whether a link lies in a folder, however deep."""
    return link.parent.resolve().is_relative_to(folder)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _clean(folder: Path) -> None:
    """Clear away what killed processes were writing; what a live one or another machine writes is left alone."""
    kinds = "|".join(_KINDS)
    pattern = re.compile(rf"\.(?P<name>.+)\.{re.escape(_machine())}-(?P<process>\d{{1,9}})\.(?P<kind>{kinds})")
    for rest in list(folder.iterdir()):
        match = pattern.fullmatch(rest.name)
        if match is None or rest.absolute() in _writing or _alive(int(match["process"])):
            continue
        with suppress(FileNotFoundError):  # another process cleans too
            if match["kind"] != "old":
                _remove(rest)
            elif (folder / match["name"]).exists():
                _retire(rest, folder / match["name"])
            else:
                rest.rename(folder / match["name"])


def _retire(old: Path, path: Path) -> None:
    """Remove a folder whose place at `path` another one has taken; what others put into it goes there too."""
    record = record_of(path)
    if record is not None and old.is_dir() and not old.is_symlink():
        for each in _others(record, old, path):
            target = path / each.relative_to(old)
            if target.is_symlink() or target.exists():
                return  # put there this moment: both are kept
            target.parent.mkdir(parents=True, exist_ok=True)
            each.rename(target)
    _remove(old)


def _others(record: Written, folder: Path, path: Path) -> list[Path]:
    """Return what others put into a folder that stands, or stood, at `path`: files, links and empty folders."""
    ours = record.files()
    found = [each for each in folder.rglob("*") if each.is_symlink() or each.is_file() or not any(each.iterdir())]
    return [each for each in found if record.name(path / each.relative_to(folder)) not in ours]


def _require_place(record: Written, path: Path, written: Iterable[Path]) -> None:
    """Refuse files, relative to `path`, that would take the place of somebody else's file or folder."""
    if not path.is_dir():
        return  # absent, or a file, of which `require_ours` has asked
    others = {each.relative_to(path) for each in _others(record, path, path)}
    for file in written:
        for other in others:
            if file == other or file in other.parents or other in file.parents:
                raise _not_ours(path / other)


def _not_ours(path: Path) -> LimbeckError:
    return LimbeckError(
        "Limbeck did not write this, and has to write there",
        where=str(path),
        fix="move it away, or give --out a new folder",
    )


def _files(path: Path) -> list[Path]:
    """Return a file, or those of a folder and its subfolders, in the order of their names."""
    if path.is_dir() and not path.is_symlink():
        return sorted(each for each in path.rglob("*") if each.is_symlink() or each.is_file())
    return [path] if path.is_symlink() or path.exists() else []


def _machine() -> str:
    return re.sub(r"[^\w-]", "_", platform.node())


def _alive(process: int) -> bool:
    """True when another process has this number, or when that cannot be asked."""
    # In a container, the process that was killed had the same number as this one as often as not.
    return process != os.getpid() and alive(process)


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
