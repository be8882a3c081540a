"""Rows in: any supported source becomes examples and labels by split."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from limbeck.data import packaged
from limbeck.data.cells import columns_of, named_labels, written_labels
from limbeck.data.folders import require_no_column
from limbeck.data.frames import classes_of, column_names, plain_list
from limbeck.data.held import joined
from limbeck.data.hints import no_column
from limbeck.data.hub import undecoded
from limbeck.data.modality import EVERY, Column, Modality, Wanted, listed
from limbeck.data.origin import Origin, origin_of
from limbeck.data.parting import Rule, parted
from limbeck.data.readers import FILES, Columns, with_paths
from limbeck.data.sources import LABEL, Request, columns_in
from limbeck.data.split_names import SPLITS
from limbeck.errors import LimbeckError, nearest
from limbeck.runtime.records import Wanted as Among, refuse_repeated


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as they were read.

    Attributes:
        values: one example a row, as its modality has it; an empty one where there was none.
        labels: a cell a row, such as integers, strings or booleans, None for a row without one; where several columns
            are the label, a tuple of their cells a row.
        classes: the classes in the order in which the data itself names them; None where it does not, and for several
            columns.
        columns: those that an example is made of, where there may be several; none else.
        layout: how a source that has no columns tells the labels, and what it holds; empty: they are columns.
        origin: where the rows were read; None: nobody knows.
    """

    values: Sequence[Any]
    labels: Sequence[Any]
    classes: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    layout: str = ""
    origin: Origin | None = field(default=None, compare=False)


# What a section of a recipe says of its source, an argument each.
def read_tables(
    source: str,
    *,
    modality: Modality,
    column: Wanted,
    label: str | Sequence[str],
    domain: str | None = None,
    splits: Sequence[str] = SPLITS,
    missing: Collection[str] = (),
    rules: Mapping[str, Rule] = MappingProxyType({}),
    group: str | None = None,
    key: str | Mapping[str, str] = "data",
) -> dict[str, Table]:
    """Read a source.

    Args:
        source: a packaged name, a file, a folder, or a hub id.
        modality: what an example is.
        column: that with the example, or several; `EVERY` is all those of the first split but the label.
        label: the column with the label, or several; it may be absent from an `unsupervised` split.
        domain: one part of a packaged source, or the value of a column `domain` in the rows to take.
        splits: those to read of a packaged source, a folder or a hub's data set; the first one must be there.
        missing: what stands for no label in a csv file, besides nothing and `nan`.
        rules: by split, which rows of the only one it gets; of a packaged source none.
        group: the column that says whose a row is, where there is one; it is no part of an example.
        key: the part of the recipe that says all this, or what source, label and column are called, for errors; a
            column that is not called anything cannot be another one.

    Returns:
        Tables by split name; a source without splits gives a single `train`.

    Raises:
        LimbeckError: nothing is there, or it cannot be read, or a column is missing.
    """
    keys = _keys(modality, key) if isinstance(key, str) else key
    if source in packaged.SOURCES:
        if rules:
            raise LimbeckError(
                "a packaged source has no columns to choose rows by",
                where=f"data.split.{next(iter(rules))}",
                fix="say how many rows to hold out",
            )
        labels = [LABEL, *packaged.SOURCES[source].others]
        require_no_column(keys, {"label": (label, labels)}, f"the packaged source `{source}` has no such column")
        return _packaged(source, modality, domain, splits, label, None if isinstance(key, str) else keys["source"])
    others = [name for rule in rules.values() for name in rule] + [group] + ["domain"] * (domain is not None)
    asked = Request(modality, column, label, tuple(name for name in others if name is not None), splits, missing)
    found = columns_in(source, asked, keys)
    if domain is not None:
        found = {split: (where, _of(domain, held, where, keys["domain"])) for split, (where, held) in found.items()}
    found = parted(found, rules)
    if not found.keys() & {splits[0], "train"}:
        only = f", only {', '.join(found)}" if found else ""
        named = f"a folder {splits[0]}, or " if modality.suffixes else ""
        raise LimbeckError(
            f"no `{splits[0]}` split{only}",
            where=source,
            fix=f"name {named}a file {splits[0]} with one of {', '.join(FILES)}",
        )
    if column == EVERY and modality.several:
        _, first = found.get(splits[0]) or found["train"]
        column = _every(first, [*columns_of(label), *(name for name in others if name != "domain")])
    tables = {
        split: _table(columns, modality, column, label, where, needs_label=split != "unsupervised", keys=keys)
        for split, (where, columns) in found.items()
    }
    return {
        split: replace(tables[split], origin=origin_of(columns, len(tables[split].values), where, group))
        for split, (where, columns) in found.items()
    }


def _keys(modality: Modality, section: str) -> dict[str, str]:
    """Return what a section of a recipe calls a source, its columns and its domain."""
    named = {name: f"{section}.{name}" for name in ("source", "label", "domain")}
    return {**named, "column": f"{section}.{modality.key}"}


def _packaged(
    source: str,
    modality: Modality,
    domain: str | None,
    splits: Sequence[str],
    label: str | Sequence[str],
    argument: str | None,
) -> dict[str, Table]:
    found = _read_packaged(source, modality, domain, splits, label, argument)
    if splits[0] not in found:
        raise LimbeckError(
            f"a packaged source without a `{splits[0]}` split",
            where=source,
            fix=f"give a file of rows that were not trained on, or a folder with a {splits[0]} file",
        )
    where = source if domain is None else f"{source} ({domain})"
    return {
        split: Table(cells, labels, origin=origin_of(None, len(cells), where, None))
        for split, (cells, labels) in found.items()
    }


def _read_packaged(
    source: str,
    modality: Modality,
    domain: str | None,
    splits: Sequence[str],
    label: str | Sequence[str] | None = None,
    argument: str | None = None,
) -> dict[str, tuple[Sequence[Any], Sequence[Any]]]:
    """Read a packaged source; `argument` is what a command calls it that knows what an example is, else a recipe."""
    held = packaged.SOURCES[source]
    if held.modality != modality.name:
        raise LimbeckError(
            f"`{source}` is {held.modality}{f', and {modality.noun}s are needed' if argument else ''}",
            where=argument or f"data.{modality.key}",
            fix=f"give a source of {modality.noun}s" if argument else f"set data.{held.modality} instead",
        )
    read = held.others.get(label, held.read) if isinstance(label, str) else held.read
    return {
        split: (modality.values(cells, Column(modality.name, source, f"data.{modality.name}")), labels)
        for split, (cells, labels) in read(domain, splits).items()
    }


def as_table(
    frame: Any,
    *,
    modality: Modality,
    column: Wanted,
    label: str | Sequence[str],
    where: str,
    domain: str | None = None,
    group: str | None = None,
    needs_label: bool = True,
) -> Table:
    """Take examples and labels from a data frame or anything else that gives a column by name.

    Args:
        frame: a pandas or polars frame, an Arrow table, a `datasets.Dataset`, or a mapping of columns.
        modality: what an example is.
        column: that with the example, or several; `EVERY` is all but the label.
        label: the column with the label, or several; None, NaN and NA mean that a row has none.
        where: what it is called in errors.
        domain: the value of a column `domain` in the rows to take; None: all rows.
        group: the column that says whose a row is, where there is one; it is no part of an example.
        needs_label: whether the column with the label has to be there.

    Raises:
        LimbeckError: a column is missing, the example's holds something else, or no row is of the domain.
    """
    frame = undecoded(frame)
    keys = column_names(frame) or []
    names = [str(key) for key in keys]
    if column == EVERY and modality.several:
        column = _every(names, [*columns_of(label), group])
    others = [*columns_of(label), group, None if domain is None else "domain"]
    asked = {*listed(column), *(name for name in others if name is not None)}
    wanted = Among(asked)
    refuse_repeated([name for name in names if name in wanted], where)
    columns = Columns(
        {
            name: plain_list(frame[key], f"{where}, column `{name}`")
            for name, key in zip(names, keys, strict=True)
            if name in wanted
        },
        classes_of(frame),
    )
    if len({len(values) for values in columns.values()}) > 1:
        lengths = ", ".join(f"`{name}` has {len(values):,}" for name, values in columns.items())
        raise LimbeckError(f"columns have different numbers of rows: {lengths}", where=where, fix="give each row both")
    if domain is not None:
        columns = _of(domain, columns, where, "data.domain")
    held = with_paths(Columns(columns, columns.classes, numbers=columns.numbers, names=names), asked)
    table = _table(held, modality, column, label, where, needs_label=needs_label, keys=_keys(modality, "data"))
    return replace(table, origin=origin_of(held, len(table.values), where, group))


def read_values(source: str, *, modality: Modality, column: Wanted) -> Sequence[Any]:
    """Read the examples of every split of `data.unlabelled`, labels ignored.

    Raises:
        LimbeckError: nothing is there, or it cannot be read, or the column is missing.
    """
    if source in packaged.SOURCES:
        found = _read_packaged(source, modality, None, SPLITS)
        return joined(*(values for values, _ in found.values()))
    found = columns_in(source, Request(modality, column, None), {"source": "data.unlabelled"})
    if not found:
        raise LimbeckError(f"no files with {modality.noun}s", where=source, fix=f"name one of them {', '.join(SPLITS)}")
    tables = [
        _table(held, modality, column, None, where, needs_label=False, keys=_keys(modality, "data"))
        for where, held in found.values()
    ]
    return joined(*(table.values for table in tables))


def _of(domain: str, columns: Columns, where: str, key: str) -> Columns:
    """Return the rows whose column `domain` has this value; `key` is whose value the domain is."""
    if "domain" not in columns:
        raise LimbeckError(
            f"no column `domain`, in which `{domain}` would be looked for", where=where, fix=f"set {key}=null"
        )
    found = [str(value) for value in columns["domain"]]
    if domain not in found:
        raise LimbeckError(
            f"no row of the domain `{domain}`",
            where=f"{where}, column `domain`",
            fix=nearest(domain, sorted(set(found))),
        )
    return columns.take([row for row, value in enumerate(found) if value == domain])


def _every(columns: Iterable[str], others: Sequence[str | None]) -> tuple[str, ...]:
    """Return all columns but some."""
    return tuple(name for name in columns if name not in others)


def _table(
    columns: Columns,
    modality: Modality,
    column: Wanted,
    label: str | Sequence[str] | None,
    where: str,
    *,
    needs_label: bool,
    keys: Mapping[str, str],
) -> Table:
    wanted, own, several = listed(column), columns_of(label), not isinstance(column, str)
    if both := [name for name in own if name in wanted]:
        told, fix = f"column `{both[0]}` is the label, and cannot be read too", f"set {keys['label']}"
        if "column" in keys:
            one, either = f"leave it out of {keys['column']}, or {fix}", f"set {keys['column']} or {keys['label']}"
            fix = one if wanted[1:] else either
        raise LimbeckError(told, where=where, fix=fix)
    for kind, names, taken in (("column", wanted, own), ("label", own, () if several else wanted)):
        absent = [name for name in names if name not in columns]
        if absent and (kind == "column" or needs_label):
            # Without a label they are more rows, which are to have the columns of the source.
            raise no_column(columns, absent, kind, where, keys if own else {}, taken)
    folder = Path(where).parent if Path(where).is_file() else None
    cells: Any = {name: columns[name] for name in wanted} if several else columns[wanted[0]]
    values = modality.values(cells, Column(next(iter(wanted), ""), where, keys.get("column"), folder))
    parts = wanted if several else ()
    if not own or not columns.keys() >= set(own):
        return Table(values, [None] * len(values), columns=parts)
    for name in own:
        if len(columns[name]) != len(values):  # the arrays of a file may have any length
            raise LimbeckError(
                f"`{', '.join(wanted)}` has {len(values):,} rows, and `{name}` has {len(columns[name]):,}",
                where=where,
                fix=f"set {' and '.join(keys[name] for name in ('column', 'label') if name in keys)} to columns of the "
                "same rows",
            )
    known = [_labels(columns, name, where) for name in own]
    if isinstance(label, str):
        return Table(values, known[0], columns.classes.get(label), parts, columns.layout)
    return Table(values, list(zip(*known, strict=True)), columns=parts)


def _labels(columns: Columns, name: str, where: str) -> list[Any]:
    names = columns.classes.get(name)
    place = f"{where}, column `{name}`"
    known: dict[str, str] = {}  # one object a class, however many rows have it
    cells = [known.setdefault(cell, cell) if isinstance(cell, str) else cell for cell in columns[name]]
    return written_labels(cells if names is None else named_labels(cells, names, place), place)
