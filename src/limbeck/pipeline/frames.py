"""Tables of a run from Python objects: paths, data frames, and data frames by split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from limbeck.data import SPLITS, Table, as_table, read_tables, split_name
from limbeck.data.modality import Wanted
from limbeck.data.parting import refuse_rules
from limbeck.errors import LimbeckError
from limbeck.recipe import DataSettings


def tables_of(source: Any, data: DataSettings, name: str, column: Wanted) -> dict[str, Table]:
    """Return the tables of a path, a data frame, or a mapping of data frames by split such as a `DatasetDict`.

    Args:
        source: one of these.
        data: of the recipe.
        name: the argument that it was given as.
        column: that with the example, or several.
    """
    domain, rules = (data.domain, data.split.rules) if name == "train" else (None, {})
    columns: dict[str, Any] = {
        "modality": data.modality, "column": column, "label": data.label, "domain": domain, "group": data.grouped_by,
    }  # fmt: skip
    if isinstance(source, str | Path):
        return read_tables(str(source), missing=data.missing_words, rules=rules, **columns)
    refuse_rules(rules)
    if isinstance(source, Mapping) and source and all(_is_frame(part) for part in source.values()):
        parts = {split_name(str(split)): part for split, part in source.items()}
        if not parts.keys() & {name, "train"}:
            raise LimbeckError(
                f"no `{name}` split, only {', '.join(parts)}", where=name, fix="give the split itself: splits['...']"
            )
        return {
            split: as_table(part, where=f"{name}, {split} split", needs_label=split != "unsupervised", **columns)
            for split, part in parts.items()
            if split in SPLITS
        }
    return {"train": as_table(source, where=name, **columns)}


def _is_frame(part: Any) -> bool:
    # A column may have `keys`, as pandas' has.
    return hasattr(part, "column_names") or hasattr(part, "columns")
