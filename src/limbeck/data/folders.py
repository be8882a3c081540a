"""Folders of files, one example a file: a subfolder a class, or only files; and of these a folder a split, or none."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from limbeck.console import say
from limbeck.data.lists import by_list, list_files, lists_in
from limbeck.data.modality import OF_FILES, Modality, NoColumnError
from limbeck.data.readers import Columns
from limbeck.data.split_names import split_name
from limbeck.errors import LimbeckError
from limbeck.files import files_below, not_read

_SHOWN = 8
_SPLITS = frozenset(("train", "validation", "test", "unsupervised"))
_ABOUT = frozenset(("readme", "license", "classes", "labels"))
"""Files beside the classes that speak of them, and are no examples."""
_NO_CLASS = "_background_noise_"
"""A folder of Speech Commands beside the words: minutes of noise, in which nobody speaks."""


class NoFilesError(LimbeckError):
    """A folder without a file of those that are read."""


def read_folders(
    folder: Path, suffixes: Sequence[str], splits: Sequence[str], column: str, label: str | Sequence[str] | None
) -> dict[str, tuple[str, Columns]]:
    """Return the files of each split: where it was read, and its columns: paths, and the names of their folders.

    A folder that is called as a split holds one, where one is called `train` or all are called as splits; without such
    folders everything is `train`. In it, a subfolder is a class, with every file in it however deep; files beside such
    subfolders have no label. What has another suffix is not read, nor is what begins with a dot, nor the background
    noise of Speech Commands. Without folders of splits, lists of files may hold rows out, see `lists`.

    Args:
        folder: the source.
        suffixes: of files that are examples, in lower case.
        splits: those to read.
        column: what the column with the paths is called.
        label: what the column with the classes is called; None: it is not asked for. Folders tell no more than one.

    Raises:
        NoFilesError: no file with such a suffix.
        LimbeckError: two folders for one split, or splits inside of classes.
    """
    named = _split_folders(folder)
    if named and (beside := list_files(folder)):
        held = ", ".join(path.name for path in beside)
        say(f"  {folder}: not read, as the folders are the splits: {held}", style="yellow")
    lists = {} if named else lists_in(folder)
    parts = {split: place for split, place in named.items() if split in splits} if named else {"train": folder}
    found: dict[str, tuple[str, Columns]] = {}
    passed: list[Path] = []
    for split, place in parts.items():
        files, classes, inside = _files(place, suffixes, passed.append)
        if not files and not passed and _has(place / _NO_CLASS, suffixes):
            raise LimbeckError(
                f"only {_NO_CLASS}, which is no class", where=str(place), fix="put a subfolder a class beside it"
            )
        if not files:
            raise NoFilesError(
                "no file that could be read", where=str(place), fix=f"put files in it that end with {_some(suffixes)}"
            )
        _refuse_inner_splits(place, inside)
        columns = {column: files} | ({label: classes} if isinstance(label, str) else {})
        found[split] = str(place), Columns(columns, layout=_layout(place, classes))
        if lists:
            held = by_list(found[split][1], [path.relative_to(place).as_posix() for path in inside], lists, folder)
            found = {name: each for name, each in held.items() if name in splits}
    passed = [path for path in passed if path not in lists.values()]
    for noise in (place / _NO_CLASS for place in parts.values()):
        if noise.is_dir():
            say(f"  {noise}: not read, as it is no class", style="yellow")
    if passed:
        say(f"  {not_read(folder, passed)}", style="yellow")
    return found


def other_files(folder: Path, modality: Modality, key: str | None) -> LimbeckError | None:
    """Return the error for a folder that holds examples of another kind, a file each; None where it holds none.

    Args:
        folder: the source, of which no file could be read.
        modality: what is looked for.
        key: of the recipe, or the option, that names the column with the example; None: another source's is meant.
    """
    found = Counter(path.suffix.lower() for path in files_below(folder))
    known = [(count, suffix) for suffix, count in found.items() if suffix in OF_FILES]
    if not known:
        return None
    _, suffix = max(known)
    other = OF_FILES[suffix]
    section = key.rpartition(".")[0] if key else ""
    if not section:
        fix = f"give a source of {modality.noun}s"
    else:
        of_them = f", in a recipe of {other.noun}s such as {other.recipe}" if other.recipe else ""
        fix = f"set {section}.{other.key}={other.key}{of_them}"
    told = f"these are {other.noun}s ({suffix}), and {modality.noun}s are needed"
    return LimbeckError(told, where=str(folder), fix=fix)


def require_no_column(keys: Mapping[str, str], named: Mapping[str, tuple[Any, Sequence[str]]], why: str) -> None:
    """Refuse a name of a column beside a source that has no columns.

    Args:
        keys: whose values the names are; of what is not in it, another source's columns are meant.
        named: what is named, and the names that say nothing, or that the source knows.
        why: what the source is.

    Raises:
        NoColumnError: one is named.
    """
    for kind, (given, own) in named.items():
        if kind in keys and given not in own:
            shown = given if isinstance(given, str) else f"[{', '.join(given)}]"
            fix = " or ".join(f"{keys[kind]}={name}" for name in own)
            told = f"set {fix}; or give a file with such a column"
            raise NoColumnError(why, kind=kind, where=f"{keys[kind]}={shown}", fix=told)


def _split_folders(folder: Path) -> dict[str, Path]:
    """Return the folder of each split; none where no folder is called `train`, but others than splits: of classes."""
    found: dict[str, Path] = {}
    rest: list[str] = []
    inside = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]
    called = {split_name(entry.name) for entry in inside}
    if "train" not in called and not called <= _SPLITS:
        return {}
    for entry in inside:
        split = split_name(entry.name)
        if split not in _SPLITS:
            rest.append(entry.name)
            continue
        if split in found:
            names = f"{found[split].name} and {entry.name}"
            raise LimbeckError(f"two folders for `{split}`: {names}", where=str(folder), fix="remove one of them")
        found[split] = entry
    if rest:
        say(f"  {folder}: not read, as beside a folder `train` they are no split: {_some(rest)}", style="yellow")
    return found


def _layout(place: Path, classes: Sequence[str | None]) -> str:
    """Return how folders tell the classes, and what this one holds."""
    counts = Counter(classes)
    bare = counts.pop(None, 0)
    held = [f"{name} ({count:,})" for name, count in counts.items()] + ([f"no subfolder ({bare:,})"] if bare else [])
    return (
        f"files belong into a subfolder a class ({place}/CLASS/FILE), and these lie in: {_some(held)}; labels of any "
        "other kind need a csv file with the paths"
    )


def _refuse_inner_splits(place: Path, files: Sequence[Path]) -> None:
    """Refuse classes of which each has folders that are splits: all rows would be of one split.

    Raises:
        LimbeckError: every file lies in such a folder.
    """
    inner = [file.relative_to(place).parts[:-1] for file in files]
    if all(len(parts) > 1 and split_name(parts[1]) in _SPLITS for parts in inner):
        found, turned = "/".join(inner[0][:2]), "/".join(inner[0][1::-1])
        raise LimbeckError(
            f"the splits are folders inside of the classes ({found})",
            where=str(place),
            fix=f"put the classes inside of the splits: {turned}",
        )


def _files(
    place: Path, suffixes: Sequence[str], passed: Callable[[Path], None]
) -> tuple[list[str], list[str | None], list[Path]]:
    """Return the files of a split, in the order of their paths, and of each the class; None where it has none.

    The third list has their paths as they were found: a link may lead out of the folder.
    """
    files: list[str] = []
    classes: list[str | None] = []
    named: list[Path] = []
    for path in files_below(place):
        if path.relative_to(place).parts[0] == _NO_CLASS:
            continue
        inside = path.relative_to(place).parts
        if path.suffix.lower() not in suffixes or (len(inside) == 1 and path.stem.lower() in _ABOUT):
            passed(path)
            continue
        named.append(path)
        files.append(str(path))
        classes.append(inside[0] if len(inside) > 1 else None)
    return files, classes, named


def _has(folder: Path, suffixes: Sequence[str]) -> bool:
    return folder.is_dir() and any(path.suffix.lower() in suffixes for path in files_below(folder))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if names[_SHOWN:] else "")
