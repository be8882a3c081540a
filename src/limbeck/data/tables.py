"""Rows in: any supported source becomes texts and labels by split."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limbeck.data import packaged
from limbeck.errors import LimbeckError, nearest

READERS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}
SPLITS = ("train", "validation", "test", "unsupervised")
_ALIASES = {"valid": "validation", "val": "validation", "dev": "validation", "unlabelled": "unsupervised"}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as they were read.

    Attributes:
        texts: one a row.
        labels: integers, strings or booleans; None for a row without one.
    """

    texts: list[str]
    labels: list[Any]


def read_tables(source: str, *, text: str, label: str, domain: str | None = None) -> dict[str, Table]:
    """Read a source.

    Args:
        source: a packaged name, a file, a folder, or a hub id.
        text: the column with the text.
        label: the column with the label; it may be absent from an `unsupervised` split.
        domain: one part of a packaged source.

    Returns:
        Tables by split name; a source without splits gives a single `train`.

    Raises:
        LimbeckError: nothing is there, or it cannot be read, or a column is missing.
    """
    if source in packaged.SOURCES:
        rows = packaged.SOURCES[source](domain)
        return {"train": Table([row[0] for row in rows], [row[1] for row in rows])}
    if domain is not None:
        raise LimbeckError(
            f"`data.domain` belongs to packaged sources, and `{source}` is none",
            fix=f"set data.domain=null; packaged: {', '.join(packaged.SOURCES)}",
        )
    return {
        split: _table(columns, text=text, label=label, where=where, needs_label=split != "unsupervised")
        for split, (where, columns) in _columns(source).items()
    }


def read_texts(source: str, *, text: str) -> list[str]:
    """Read the texts of every split of a source, labels ignored."""
    tables = read_tables(source, text=text, label="") if source in packaged.SOURCES else None
    if tables is not None:
        return [value for table in tables.values() for value in table.texts]
    return [
        value
        for where, columns in _columns(source).values()
        for value in _table(columns, text=text, label=text, where=where, needs_label=False).texts
    ]


def _columns(source: str) -> dict[str, tuple[str, dict[str, list[Any]]]]:
    path = Path(source).expanduser()
    if path.is_file():
        return {"train": (str(path), _read_file(path))}
    if path.is_dir():
        return {split: (str(file), _read_file(file)) for split, file in _split_files(path).items()}
    if path.suffix in READERS or source.startswith((".", "/", "~")) or source.count("/") != 1:
        raise LimbeckError(
            "no such file or folder, and no packaged source of this name",
            where=f"data.source={source}",
            fix=f"{nearest(source, packaged.SOURCES)}; or give a path (from {Path.cwd()}) or a hub id (owner/name)",
        )
    return _read_hub(source)


def _split_files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        split = _ALIASES.get(file.stem.lower(), file.stem.lower())
        if file.suffix not in READERS or split not in SPLITS:
            continue
        if split in found:
            raise LimbeckError(f"two files for `{split}`: {found[split].name} and {file.name}", where=str(folder))
        found[split] = file
    if "train" not in found:
        raise LimbeckError(
            "no training file",
            where=str(folder),
            fix=f"name it train with one of {', '.join(READERS)}; others: {', '.join(SPLITS[1:])}",
        )
    return found


def _read_file(path: Path) -> dict[str, list[Any]]:
    kind = READERS.get(path.suffix.lower())
    if kind is None:
        raise LimbeckError(f"cannot read `{path.suffix}` files", where=str(path), fix=f"use {', '.join(READERS)}")
    if path.stat().st_size == 0:
        raise LimbeckError("the file is empty", where=str(path))
    import datasets

    datasets.disable_progress_bars()
    options: dict[str, Any] = {}
    if kind == "csv":
        # "NA", "null" and "None" are ordinary texts and labels here, not missing values.
        options = {"keep_default_na": False, "sep": "\t" if path.suffix == ".tsv" else ","}
    try:
        with tempfile.TemporaryDirectory() as scratch:
            read = getattr(datasets.Dataset, f"from_{kind}")
            return read(str(path), cache_dir=scratch, keep_in_memory=True, **options).to_dict()
    except Exception as error:
        cause = error.__cause__ or error
        reason = str(cause).strip().splitlines()[-1] if str(cause).strip() else type(cause).__name__
        raise LimbeckError(f"not readable as {kind} ({reason})", where=str(path), fix="is it UTF-8?") from error


def _read_hub(name: str) -> dict[str, tuple[str, dict[str, list[Any]]]]:
    import datasets

    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") == "1" else ""
        raise LimbeckError(
            f"cannot load `{name}` from the hub{offline}: {str(error).strip().splitlines()[0]}",
            where=f"data.source={name}",
            fix="give a local file or folder instead",
        ) from error
    splits = {_ALIASES.get(str(split), str(split)): part for split, part in loaded.items()}
    return {split: (f"{name}/{split}", dict(splits[split][:])) for split in SPLITS if split in splits}


def _table(columns: dict[str, list[Any]], *, text: str, label: str, where: str, needs_label: bool) -> Table:
    for key, column in (("text", text), ("label", label)):
        if column not in columns and (key == "text" or needs_label):
            raise LimbeckError(
                f"no column `{column}`",
                where=where,
                fix=f"set data.{key} to one of: {', '.join(columns)}",
            )
    texts = columns[text]
    for row, value in enumerate(texts):
        if not isinstance(value, str):
            kind = "missing" if value is None else f"a {type(value).__name__}"
            raise LimbeckError(
                f"column `{text}` has {kind} in row {row + 1}, where a text belongs",
                where=where,
                fix="remove the row, or set data.text to the column with the text",
            )
    return Table(texts, columns[label] if label in columns else [None] * len(texts))
