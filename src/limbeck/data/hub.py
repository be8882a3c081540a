"""Data sets of the Hugging Face hub, read with `datasets`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from limbeck.data.readers import Columns, class_labels, with_paths
from limbeck.data.split_names import split_name
from limbeck.errors import LimbeckError, first_line
from limbeck.runtime.records import Wanted


def undecoded(part: Any) -> Any:
    """Return a `datasets.Dataset` whose images and sounds are left as the bytes that they are; anything else as it is.

    They are decoded here, within limits, and the library's own way of decoding sound asks for packages of its own.
    """
    features = getattr(part, "features", None)
    for name, feature in features.items() if isinstance(features, Mapping) else ():
        if type(feature).__name__ in ("Image", "Audio") and hasattr(part, "cast_column"):
            part = part.cast_column(name, type(feature)(decode=False))
    return part


def read_hub(name: str, key: str, splits: Sequence[str]) -> dict[str, tuple[str, Columns]]:
    """Return the splits that a data set of the hub has among `splits`: where each was read, and its columns.

    Args:
        name: owner/name, or owner/name:config where the data set has several.
        key: the recipe's key that has this value, for the error.
        splits: those to read.

    Raises:
        LimbeckError: it cannot be loaded.
    """
    import datasets

    owned, _, config = name.partition(":")
    try:
        loaded = datasets.load_dataset(owned, config) if config else datasets.load_dataset(owned)
    except Exception as error:
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") == "1" else ""
        raise LimbeckError(
            f"cannot load `{name}` from the hub{offline}: {first_line(error).rstrip('.')}",
            where=f"{key}={name}",
            fix="give a local file or folder instead",
        ) from error
    parts = {split_name(str(split)): part for split, part in loaded.items()}
    return {
        split: (f"{name}/{split}", Columns(undecoded(part)[:], class_labels(getattr(part, "features", None))))
        for split in splits
        if (part := parts.get(split)) is not None
    }


def is_saved(folder: Path) -> bool:
    """Return whether `save_to_disk` of `datasets` wrote a folder: one data set, or several by split."""
    return (folder / _SEVERAL).is_file() or all((folder / name).is_file() for name in _ONE)


_SEVERAL, _ONE = "dataset_dict.json", ("dataset_info.json", "state.json")


def read_saved(folder: Path, splits: Sequence[str], columns: Sequence[str] | None) -> dict[str, tuple[str, Columns]]:
    """Return the splits of such a folder: where each was read, and its columns; one data set is `train`.

    Args:
        folder: that `save_to_disk` wrote.
        splits: those to read.
        columns: those whose cells are read; None: all.

    Raises:
        LimbeckError: it cannot be loaded.
    """
    import datasets

    try:
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:  # whatever a part of it makes `datasets` or Arrow raise
        raise LimbeckError(
            f"not readable as a folder of save_to_disk ({first_line(error)})", where=str(folder), fix="save it again"
        ) from None
    if not isinstance(loaded, datasets.DatasetDict):
        return {"train": (str(folder), _columns(loaded, columns))}
    parts = {split_name(str(split)): (str(split), part) for split, part in loaded.items()}
    return {
        split: (str(folder / parts[split][0]), _columns(parts[split][1], columns)) for split in splits if split in parts
    }


def _columns(part: Any, columns: Sequence[str] | None) -> Columns:
    """Return the columns of a `datasets.Dataset`, those whose cells are wanted."""
    wanted, names = Wanted(columns), tuple(part.column_names)
    held = undecoded(part).select_columns([name for name in names if name in wanted])[:]
    return with_paths(Columns(held, class_labels(getattr(part, "features", None)), names=names), columns or ())
