"""Where rows are: a file, a folder of split files or of examples, what `datasets` saved, or the hub."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from limbeck.console import say
from limbeck.data import packaged
from limbeck.data.cells import columns_of
from limbeck.data.folders import NoFilesError, other_files, read_folders, require_no_column
from limbeck.data.hub import is_saved, read_hub, read_saved
from limbeck.data.modality import EVERY, Modality, Wanted, listed
from limbeck.data.readers import ARRAYS, FILES, LINES, Columns, read_file
from limbeck.data.split_names import SPLITS, split_arrays, split_name
from limbeck.errors import LimbeckError, nearest
from limbeck.files import named_path
from limbeck.runtime.records import stem_of, suffix_of, unknown

LABEL = "label"
"""What the column with the label is called where nobody names it."""
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a source.

    Attributes:
        modality: what an example is.
        column: that with the example, or several; `EVERY` is all but the label.
        label: the column with the label, or several; None: it is not asked for.
        others: columns that say something else of a row: its domain, whose it is.
        splits: those to read.
        missing: what stands for no label in a csv file, besides nothing and `nan`.
    """

    modality: Modality
    column: Wanted
    label: str | Sequence[str] | None
    others: tuple[str, ...] = ()
    splits: Sequence[str] = SPLITS
    missing: Collection[str] = ()

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns whose cells are read, that with the example first; None: all."""
        if self.column == EVERY:
            return None
        return (*listed(self.column), *columns_of(self.label), *self.others)


def columns_in(source: str, asked: Request, keys: Mapping[str, str]) -> dict[str, tuple[str, Columns]]:
    """Return what a source holds, by split: where it was read, and its columns.

    Args:
        source: a file, a folder, or a hub id.
        asked: what is read of it.
        keys: what the source and its columns are called in errors; of what is not in it, another source's are meant.

    Raises:
        LimbeckError: nothing is there, or it cannot be read.
    """
    path = named_path(source, f"{keys['source']}={source}")
    if path.is_file():
        held = _read(path, asked)
        parts = split_arrays(held, listed(asked.column)) if path.suffix.lower() == ARRAYS else {"": held}
        return {
            split or "train": (str(path), part) for split, part in parts.items() if not split or split in asked.splits
        }
    if path.is_dir():
        return _in_folder(path, asked, keys)
    if suffix_of(path) in (*FILES, LINES) or source.startswith((".", "/", "~")) or source.count("/") != 1:
        raise LimbeckError(
            "no such file or folder, and no packaged source of this name",
            where=f"{keys['source']}={source}",
            fix=f"{_nearest_source(path)}; or give a path (from {Path.cwd()}) or a hub id (owner/name)",
        )
    return read_hub(source, keys["source"], asked.splits)


def _in_folder(path: Path, asked: Request, keys: Mapping[str, str]) -> dict[str, tuple[str, Columns]]:
    if is_saved(path):
        return read_saved(path, asked.splits, asked.columns)
    every = _split_files(path, asked.modality, say_rest="train" in asked.splits)
    if every:
        return {split: (str(file), _read(file, asked)) for split, file in every.items() if split in asked.splits}
    modality, column, label = asked.modality, asked.column, asked.label
    if not modality.suffixes:
        if others := other_files(path, modality, keys.get("column")):
            raise others
        return {}
    why = f"a folder of files has no columns: a file is the {modality.noun}, its subfolder the class"
    require_no_column(keys, {"column": (column, [modality.key]), "label": (label, [LABEL])}, why)
    try:
        found = read_folders(path, modality.suffixes, asked.splits, str(column), label)
    except NoFilesError as error:
        others = other_files(path, modality, keys.get("column"))
        if others is not None:
            raise others from None
        if modality.in_lines:  # files of rows are what most people have
            return {}
        raise error from None
    for _, columns in found.values():
        columns.files = tuple(map(str, columns[str(column)]))
        columns[str(column)] = modality.in_files(columns[str(column)])
    return found


def _read(path: Path, asked: Request) -> Columns:
    if suffix_of(path) not in (*FILES, LINES):
        raise unknown(path, ", ".join(FILES))
    if suffix_of(path) == LINES and not asked.modality.in_lines:
        raise LimbeckError(
            f"a text file holds texts, and {asked.modality.noun}s are needed",
            where=str(path),
            fix=f"use {', '.join(FILES)}",
        )
    return read_file(path, label=asked.label, missing=asked.missing, columns=asked.columns)


def _nearest_source(path: Path) -> str:
    """Return a hint that names a packaged source, or a file that lies where `path` should."""
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    files = [str(entry) for entry in beside if suffix_of(entry) in (*FILES, LINES) or entry.is_dir()]
    close = nearest(str(path), [*packaged.SOURCES, *files])
    return close if close.startswith("did") else nearest(str(path), packaged.SOURCES)


def _split_files(folder: Path, modality: Modality, *, say_rest: bool) -> dict[str, Path]:
    """Return the file of each split; say which other files with rows are not read, where that is asked for."""
    found: dict[str, Path] = {}
    rest: list[str] = []
    for file in sorted(folder.iterdir()):
        split = split_name(stem_of(file))
        lines = suffix_of(file) == LINES
        if not file.is_file() or (suffix_of(file) not in FILES and not (lines and modality.in_lines)):
            continue
        if split not in SPLITS:
            rest += [] if lines else [file.name]
            continue
        if split in found:
            names = f"{found[split].name} and {file.name}"
            raise LimbeckError(f"two files for `{split}`: {names}", where=str(folder), fix="remove one of them")
        found[split] = file
    if rest and found and say_rest:
        say(f"  {folder}: not read, as their names are none of {', '.join(SPLITS)}: {few(rest)}", style="yellow")
    return found


def few(names: Sequence[str]) -> str:
    """Return names in one line, the first ones of very many."""
    more = f" and {len(names) - _SHOWN:,} more" if names[_SHOWN:] else ""
    return ", ".join(names[:_SHOWN]) + more
