"""The sets that rivals are compared on: no test row in training, the same test in every draw, rows in proportion."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from text_sets import (
    SETS,
    Rows as TextRows,
    TextSet,
    cleaned,
    drawn,
    held_out,
    packed,
    parted,
    read_set,
    unpacked,
    write_set,
)

from limbeck.data import load_splits
from limbeck.modalities.text.likeness import plain
from limbeck.recipe import load_recipe

ROWS = 4000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with film snippets of two classes, sorted by class, some of which stand twice."""
    folder = tmp_path_factory.mktemp("data")
    texts = [f"film number {row % (ROWS - 100)}" for row in range(ROWS)]
    labels = [int(row % (ROWS - 100) % 4 == 0) for row in range(ROWS)]
    order = np.argsort(labels, kind="stable")
    columns = {
        "text": [texts[row] for row in order],
        "label": [labels[row] for row in order],
        "source": ["movie"] * ROWS,
    }
    (folder / "sentiment_ratings").mkdir()
    pq.write_table(pa.table(columns), folder / "sentiment_ratings" / "ratings.parquet")
    return folder


@pytest.mark.parametrize("development", [False, True])
def test_no_test_row_is_learned_from_and_all_draws_have_one_test(data: Path, tmp_path: Path, development: bool) -> None:
    sets = [read_set(write_set("film-500", draw, data, tmp_path, development=development)) for draw in (0, 1)]
    first, second = sets
    assert first.test == second.test
    assert set(first.labelled) != set(second.labelled)
    assert {*first.labelled, *first.unlabelled} == {*second.labelled, *second.unlabelled}
    for one in sets:
        assert len(one.labelled) == 500
        assert Counter(one.labels.tolist()) == {0: 375, 1: 125}
        looks = {plain(text) for text in one.test}
        assert len(looks) == len(one.test) == (400 if development else 1300)
        assert not looks & {plain(text) for text in [*one.labelled, *one.unlabelled]}
        assert not (np.diff(one.truth) >= 0).all(), "sorted by class"


def test_a_set_in_development_holds_no_test_row(data: Path, tmp_path: Path) -> None:
    test = set(read_set(write_set("film-500", 0, data, tmp_path)).test)
    tuned = read_set(write_set("film-500", 0, data, tmp_path, development=True))
    assert not test & {*tuned.labelled, *tuned.unlabelled, *tuned.test}


def test_limbeck_reads_the_same_rows_and_leaves_none_out(data: Path, tmp_path: Path) -> None:
    folder = write_set("film-500", 0, data, tmp_path)
    given = [f"data.source={folder}", "data.split={validation: 100}", "data.labelled=null"]
    splits = load_splits((recipe := load_recipe("sentiment", given)).data, recipe.task)
    found = read_set(folder)
    assert splits.dropped == {}
    assert len(splits.labelled) + len(splits.validation) == len(found.labelled)
    assert sorted(splits.test.values) == sorted(found.test)


def test_even_draws_have_as_many_of_each_class() -> None:
    labels = ["often"] * 90 + ["seldom"] * 10
    assert Counter(labels[row] for row in drawn(labels, 8, 0, even=True)) == {"often": 4, "seldom": 4}
    assert Counter(labels[row] for row in drawn(labels, 3, 0)) == {"often": 2, "seldom": 1}
    assert SETS["banking77-154"] == TextSet("banking77", 2 * 77, even=True)


def test_look_alikes_are_one_row_and_contradictions_none() -> None:
    rows = TextRows(["Good", "good ", "bad", "Bad", "", "fine"], [1, 1, 0, 1, 0, 1])
    assert cleaned(rows) == TextRows(["Good", "fine"], [1, 1])


def test_look_alikes_of_test_rows_are_neither_labelled_nor_unlabelled() -> None:
    train = TextRows(["one", "TWO", "three"], [0, 1, 1])
    left, test, extra = parted(train, TextRows(["two"], [1]), ["One", "two", "four", "Four", ""])
    assert (left.texts, test.texts, extra) == (["one", "three"], ["two"], ["four"])


def test_one_row_of_each_class_is_left_to_learn_from() -> None:
    rows = TextRows(list("abcdefgh"), [0, 0, 1, 1, 1, 1, 1, 1])
    left, test = held_out(rows, 6)
    assert len(test) == 6
    assert set(left.labels) == {0, 1}


def test_what_is_right_can_be_unpacked() -> None:
    right = np.array([1, 0, 0, 1, 1, 0, 1, 0, 1, 1], bool)
    assert np.array_equal(unpacked(packed(right), 10), right)
