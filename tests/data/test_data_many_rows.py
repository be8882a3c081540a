"""Many rows: what splits take in memory, and that arrays say what loops over single rows say."""

import gc
import tracemalloc

import numpy as np
import pytest
from data_cases import refused
from hypothesis import given, strategies as st

from limbeck.data import Examples, Labels, Table, load_splits
from limbeck.data.lookup import Lookup, among
from limbeck.data.origin import Origin
from limbeck.data.sieve import Sieve, alike
from limbeck.digest import content_id, identity_of
from limbeck.errors import LimbeckError
from limbeck.modalities.table import TableModality
from limbeck.modalities.text import TextModality
from limbeck.recipe import DataSettings
from limbeck.tasks import TASKS
from made_rows import TEXT, classified, rows_of

ROWS = 10_000
MOST_BYTES = 210
"""A row at the peak, beyond texts and labels as they were read. It is about 170; a dictionary has 100 or more."""
IDS = st.lists(st.integers(-3, 3), max_size=12)


def tables_of(rows: int, extra: int = 0) -> dict[str, Table]:
    made = {"train": Table([f"text {row}" for row in range(rows)], [f"{row % 2}" for row in range(rows)])}
    if extra:
        made["unsupervised"] = Table([f"more {row}" for row in range(extra)], [None] * extra)
    return made


SETTINGS = DataSettings(source="made", text="text", split={"test": 400, "validation": 100}, labelled=100)


def peak_of(tables: dict[str, Table], settings: DataSettings = SETTINGS) -> float:
    """Return the most bytes that splitting took at once."""
    classified(settings, tables_of(1_000, 10))  # what is imported and made once
    gc.collect()
    tracemalloc.start()
    try:
        classified(settings, tables)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("options", [{}, {"labelled": None}, {"split": {"test": 400, "validation": 100, "draw": 1}}])
def test_splits_take_few_bytes_a_row(options):
    settings = SETTINGS.model_validate({**SETTINGS.model_dump(exclude_unset=True), **options})
    assert peak_of(tables_of(ROWS), settings) / ROWS < MOST_BYTES


def test_unlabelled_rows_and_repeated_ones_take_no_more():
    assert peak_of(tables_of(ROWS // 2, ROWS // 2)) / ROWS < MOST_BYTES
    twice = {"train": Table([f"text {row // 2}" for row in range(ROWS)], [f"{row // 2 % 2}" for row in range(ROWS)])}
    assert peak_of(twice) / ROWS < MOST_BYTES


def test_parts_of_the_splits_are_joined_once():
    splits = classified(SETTINGS, tables_of(1_000))
    assert splits.transfer is splits.transfer
    assert splits.original is splits.transfer, "there are no copies"
    assert splits.teachers.values is splits.labelled.values, "nothing is the teacher's alone"


def test_all_rows_as_they_stand_are_not_copied():
    rows = rows_of([1, 2, 3], ["a", "b", "c"], [0, 1, 1])
    assert rows.take(range(3)) is rows
    assert rows.having() is rows
    assert rows.take([0, 2, 1]).values == ["a", "c", "b"]
    assert rows.take(range(2, 0, -1)).values == ["c", "b"]


# --- ids in arrays --------------------------------------------------------------------------------------------------


@given(IDS, IDS)
def test_which_ids_are_among_others(ids, others):
    assert among(np.array(ids, np.int64), np.array(others, np.int64)).tolist() == [key in others for key in ids]


@given(st.lists(st.tuples(IDS, st.integers(0, 9)), max_size=4), IDS)
def test_a_lookup_says_what_a_dictionary_says(puts, asked):
    lookup, expected = Lookup(), {}
    for ids, number in puts:
        lookup.put(np.array(ids, np.int64), np.arange(number, number + len(ids)))
        expected |= dict(zip(reversed(ids), reversed(range(number, number + len(ids))), strict=True))
    found, numbers = lookup.find(np.array(asked, np.int64))
    assert found.tolist() == [key in expected for key in asked]
    assert numbers[found].tolist() == [expected[key] for key in asked if key in expected]


def one_by_one(rows: Examples, empty: list[bool]) -> tuple[list[int], dict[str, int]]:
    """Return which rows stand for an example, by content id, and what is dropped, a row after the other."""
    first: dict[int, int] = {}
    contradicted = set()
    for row in range(len(rows)):
        if empty[row]:
            continue
        other = first.setdefault(int(rows.ids[row]), row)
        if other == row:
            continue
        if not rows.labels.present[other]:
            first[int(rows.ids[row])] = row
        elif rows.labels.present[row] and not np.array_equal(rows.labels.values[row], rows.labels.values[other]):
            contradicted.add(int(rows.ids[row]))
    dropped = {"empty": sum(empty), "repeated": len(rows) - sum(empty) - len(first)}
    dropped["contradicting labels"] = len(contradicted)
    kept = [first[key] for key in sorted(first.keys() - contradicted)]
    return kept, {reason: count for reason, count in dropped.items() if count}


CELLS = st.lists(st.tuples(st.sampled_from(["", "a", "b", "c", "d"]), st.integers(-1, 1)), max_size=14)


@pytest.mark.parametrize("columns", [0, 2])
@given(cells=CELLS)
def test_one_row_an_example_as_row_by_row(columns, cells):
    values, numbers = [value for value, _ in cells], np.array([number for _, number in cells], np.int64)
    told = np.stack([np.zeros(len(cells)), numbers], axis=1) if columns else numbers
    ids = np.array([content_id(TEXT.identity(value)) for value in values], np.int64)
    rows = Examples(ids, values, Labels(told, numbers >= 0), Origin("made", np.arange(len(cells))))
    sieve = Sieve(TEXT)
    kept, dropped = one_by_one(rows, [not value for value in values])
    clean = sieve.clean(rows)
    assert clean.origin.numbers.tolist() == kept
    assert clean.ids.tolist() == ids[kept].tolist()
    assert sieve.dropped == dropped


def numbered(ids, others, numbers: dict[int, int]) -> list[int]:
    """Return the ids that tell rows of one content apart, a row after the other."""
    own = []
    for key, other in zip(ids, others, strict=True):
        numbers[key] = numbers[key] + int(other) if key in numbers else 0
        named = identity_of({"content": str(key), "number": str(numbers[key])})
        own.append(content_id(named) if numbers[key] else key)
    return own


@pytest.mark.parametrize("coincident", [False, True])
@pytest.mark.parametrize("modality", [TextModality(), TableModality()], ids=lambda each: each.name)
@given(tables=st.lists(st.lists(st.tuples(st.integers(-2, 2), st.integers(-1, 1)), max_size=10), max_size=3))
def test_ids_of_rows_that_count_as_row_by_row(coincident, modality, tables):
    sieve, numbers, contents = Sieve(modality, coincident=coincident), {}, {}
    for cells in map(sorted, tables):
        ids = np.array([key for key, _ in cells], np.int64)
        told = np.array([label for _, label in cells], np.int64)
        present = told >= 0
        unlike = [False, *((told[1:] != told[:-1]) & present[1:] & present[:-1])][: len(cells)]
        others = [True] * len(cells) if modality.individual else unlike
        expected = numbered(ids.tolist(), others, numbers if coincident else {})
        own = sieve.own_ids(ids, Labels(told, present), exact=False)
        assert own.tolist() == expected
        contents |= {new: old for new, old in zip(expected, ids.tolist(), strict=True) if new != old}
        rows = Examples(own, [""] * len(own), Labels(told, present))
        assert sieve.again(rows) == sum(key in contents for key in expected)


@given(st.lists(st.sampled_from(["a", "A", "b", " b", "c"]), max_size=9))
def test_groups_are_counted_in_the_order_of_the_rows(values):
    rows = rows_of([content_id(TEXT.identity(value)) for value in values], values, [0] * len(values))
    groups: dict[str, int] = {}
    assert alike(rows, TEXT).tolist() == [groups.setdefault(value.lower().strip(), len(groups)) for value in values]


# --- each example is looked at once ---------------------------------------------------------------------------------


class Watched(TextModality):
    """Texts, of which one cannot be read; notes which were looked at."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def likeness(self, value: str) -> bytes:
        self.seen.append(value)
        if value.startswith("broken"):
            raise LimbeckError("cannot be read", where=value)
        return super().likeness(value)


def test_an_example_is_looked_at_once_however_often_it_stands_there():
    watched = Watched()
    sieve = Sieve(watched)
    first = sieve.likeness(rows_of([5, 3, 5, 5], ["b", "a", "b", "b"], [0] * 4))
    assert sorted(watched.seen) == ["a", "b"]
    both = sieve.likeness(rows_of([3, 9, 5], ["a", "c", "b"], [0] * 3))
    assert watched.seen[2:] == ["c"]
    assert both[[2, 0]].tolist() == first[:2].tolist()


def test_of_examples_that_cannot_be_read_each_copy_is_named():
    sieve = Sieve(Watched())
    with refused("cannot be read", "broken 1", "1 more cannot be read: broken 2"):
        sieve.likeness(rows_of([5, 3, 5], ["broken 1", "a", "broken 2"], [0] * 3))


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_the_order_of_many_rows_in_a_file_is_of_no_matter(kind):
    texts, labels = [f"text {row % 200}" for row in range(300)], [row % 7 for row in range(300)]
    settings = DataSettings(source="made", text="text", split={"test": 20, "validation": 10})
    orders = (np.arange(300), np.random.default_rng(0).permutation(300))
    found = [
        load_splits(
            settings, TASKS[kind](), {"train": Table([texts[row] for row in order], [labels[row] for row in order])}
        )
        for order in orders
    ]
    assert found[0].digest == found[1].digest
    assert found[0].dropped == found[1].dropped
