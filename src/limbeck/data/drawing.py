"""Which rows are held out, and in which order the others show their labels: by stratum, and by content digest alone."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from limbeck.data.examples import NO_ROWS, Examples
from limbeck.data.settings import DataOptions, SplitSettings
from limbeck.data.sieve import Sieve
from limbeck.data.tables import Table
from limbeck.data.task import Task
from limbeck.digest import digest
from limbeck.errors import LimbeckError

Index = NDArray[np.int64]


def hold_out(
    rows: Examples, table: Table, sizes: Mapping[str, int], split: SplitSettings, task: Task, sieve: Sieve, who: str
) -> tuple[dict[str, Examples], Examples]:
    """Return the rows of each held-out split, and the rest, all ordered by content id.

    A split has as many rows as asked for, or what is there. In whole blocks of the table it may have more: blocks
    follow each other by their first content id. Of rows that look alike one is held out, the others are dropped.

    Args:
        rows: with a label each, ordered by content id.
        table: the rows as they were read.
        sizes: rows of each split.
        split: how to draw.
        task: says which groups of rows splits keep in proportion.
        sieve: counts what is dropped.
        who: whose rows these are, in the reasons.
    """
    parts: dict[str, Examples] = {}
    blocks = rows.ids if split.block == 1 else _blocks(rows, table, split.block, sieve)
    for name, size in sizes.items():
        if split.block == 1:
            alone = np.sort(np.unique(sieve.looks(rows), return_index=True)[1])
            # One row of each stratum is left to learn from, and one for each split after this one if there are three.
            left = len(sizes) - len(parts)
            strata = task.strata(rows.labels.take(alone)) if split.stratify else None
            chosen = alone[slice(size) if strata is None else _in_proportion(strata, size, left)]
        else:
            chosen = _whole_blocks(rows, blocks, size)
        parts[name] = rows.take(chosen)
        others = np.delete(np.arange(len(rows)), chosen)
        rows, blocks = rows.take(others), blocks[others]
        kept = np.flatnonzero(sieve.keeps(rows, parts[name], who, name))
        rows, blocks = rows.take(kept), blocks[kept]
    return parts, rows


def _in_proportion(strata: Index, size: int, left: int) -> Index:
    """Return the first rows of each stratum, so many that the strata are in proportion, in ascending order."""
    # Strata as large as each other take turns by their first row, not by their number.
    first, which = np.unique(strata, return_index=True, return_inverse=True)[1:]
    strata = np.argsort(np.argsort(first))[which]
    counts = np.bincount(strata, minlength=1)
    for spared in range(left, -1, -1):  # where there are too few rows for that, sizes matter more
        most = np.maximum(counts - spared, np.clip(counts - min(spared, 1), 0, 1))
        if most.sum() >= size:
            break
    shares = apportion(counts, most, min(size, len(strata)))
    return np.flatnonzero(_ranks(strata) < shares[strata])


def apportion(counts: Index, most: Index, size: int) -> Index:
    """Return rows of each stratum, (strata,) int64, that add up to `size`, in proportion by largest remainder.

    A stratum has at least one row where `most` allows and there are rows enough, else the largest ones have one.

    Args:
        counts: rows that each stratum has.
        most: rows that each stratum may give; they add up to at least `size`.
        size: rows in all.
    """
    total = int(counts.sum())
    least = np.minimum(most, 1)
    if size <= least.sum():
        return np.where(np.isin(np.arange(len(counts)), np.argsort(-counts * least, kind="stable")[:size]), least, 0)
    shares = np.clip(size * counts // total, least, most)
    while (missing := size - int(shares.sum())) != 0:
        short = size * counts - total * shares  # times `total`: whole numbers, the same on every machine
        if missing > 0:
            shares[np.argmax(np.where(shares < most, short, np.iinfo(np.int64).min))] += 1
        else:
            shares[np.argmin(np.where(shares > least, short, np.iinfo(np.int64).max))] -= 1
    return shares


def _whole_blocks(rows: Examples, blocks: Index, size: int) -> Index:
    """Return the rows of the first blocks, whole ones until there are so many, in ascending order."""
    if not len(rows):
        return np.arange(0)
    order = np.lexsort((rows.ids, blocks))
    end = np.searchsorted(blocks[order], blocks[order[min(size, len(rows)) - 1]], side="right")
    return np.sort(order[:end])


def without_blocks(
    rows: Examples, table: Table, parts: Mapping[str, Examples], block: int, sieve: Sieve, who: str
) -> Examples:
    """Return the rows that stand in no block of a held-out row: those without a label are of the same film as well.

    Args:
        rows: those that are not held out.
        table: the rows as they were read.
        parts: what is held out, by split.
        block: rows of a block; 1: each row is held out alone.
        sieve: counts what is dropped.
        who: whose rows these are, in the reasons.
    """
    for name, part in parts.items() if block > 1 else ():
        beside = np.isin(_numbers(rows, table, block, sieve), _numbers(part, table, block, sieve))
        sieve.count(f"{who}, in a block of {name}", int(beside.sum()))
        rows = rows.take(np.flatnonzero(~beside))
    return rows


def _blocks(rows: Examples, table: Table, block: int, sieve: Sieve) -> Index:
    """Return the first content id of each row's block."""
    number = _numbers(rows, table, block, sieve)
    key = np.full(len(table.values) // block + 1, np.iinfo(np.int64).max)
    np.minimum.at(key, number, rows.ids)
    return key[number]


def _numbers(rows: Examples, table: Table, block: int, sieve: Sieve) -> Index:
    """Return the number of each row's block; a block is so many rows of the table."""
    # Of a repeated example, where it stands first.
    first, place = np.unique(sieve.ids_of(table), return_index=True)
    return place[np.searchsorted(first, rows.ids)] // block


def in_turn(rows: Examples, split: SplitSettings, task: Task) -> Examples:
    """Return labelled rows in the order in which they show their label: the first n are the labelled ones of n.

    Stratified, one row of each stratum comes first, and then row r of a stratum of n (from 0) at (r + 0.5) / n, so that
    any first ones have the strata in proportion. Within a stratum, and between rows of one place, the order is that of
    the content ids, or of a digest of id and `split.draw`.
    """
    keys = rows.ids
    if split.draw:
        drawn = (int(digest([int(key), split.draw]), 16) for key in rows.ids)
        keys = np.fromiter(drawn, np.uint64, len(rows))
    rows = rows.take(np.argsort(keys))
    strata = task.strata(rows.labels) if split.stratify else None
    if strata is None:
        return rows
    ranks = _ranks(strata)
    places = np.where(ranks == 0, 0.0, (ranks + 0.5) / np.bincount(strata, minlength=1)[strata])
    return rows.take(np.argsort(places, kind="stable"))


def _ranks(strata: Index) -> Index:
    """Return how many rows of its stratum stand before each row, (n,) int64."""
    order = np.argsort(strata, kind="stable")
    starts = np.searchsorted(strata[order], strata[order])
    ranks = np.empty(len(strata), np.int64)
    ranks[order] = np.arange(len(strata)) - starts
    return ranks


def omit(rows: Examples, task: Task, settings: DataOptions) -> tuple[Examples, Examples]:
    """Return the rows that are of none of `data.omitted_classes`, and those that are.

    Raises:
        LimbeckError: there is no such class.
    """
    if not settings.omitted_classes:
        return rows, NO_ROWS
    gone = task.of_classes(rows.labels, settings.omitted_classes, "data.omitted_classes")
    if len(left := set(task.names) - set(settings.omitted_classes)) < 2:
        what = f"omitted are all classes but {len(left)}, and a student needs two"
        raise LimbeckError(what, where="data.omitted_classes", fix="name fewer")
    return rows.take(np.flatnonzero(~gone)), rows.take(np.flatnonzero(gone))


def rest_of(having: Examples, bare: Examples, settings: DataOptions) -> Examples:
    """Return training rows whose label is not used, and those that have none.

    The first ones stay in turn, so that rows which lose their label keep their place in the transfer set. Where only
    some of them are taken, and where nothing is drawn by class, all are ordered by content id: labels that are hidden
    do not choose the unlabelled rows.
    """
    rows = having + bare
    if settings.max_unlabelled is None and (settings.split.stratify or settings.split.draw):
        return rows
    return rows.take(np.argsort(rows.ids))


def in_order(rest: Examples, extra: Examples, settings: DataOptions) -> Examples:
    """Return as many unlabelled rows as are asked for, the source's own first, or the target's."""
    rows = rest + extra if settings.target is None else extra + rest
    return rows if settings.max_unlabelled is None else rows.take(range(min(settings.max_unlabelled, len(rows))))
