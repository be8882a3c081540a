"""Stratified draws: classes in proportion in every split, by content alone; and the draws without."""

import itertools
import random

import numpy as np
import pytest
from data_cases import refused
from hypothesis import given, settings, strategies as st
from test_data_splits import PARTS, load, many, texts, write_rows

from limbeck.data import SplitSettings
from limbeck.data.drawing import apportion, hold_out
from limbeck.data.sieve import Sieve, content_ids
from limbeck.data.tables import Table
from limbeck.recipe import DataSettings
from made_rows import TEXT, classified, id_of, numbers_of, rows_of, task_of


def of_classes(path, *counts):
    """Write so many rows of class 0, 1, 2 ..."""
    rows = [(f"row {row} of class {label}", label) for label, count in enumerate(counts) for row in range(count)]
    return write_rows(path, rows)


def shown(part, classes):
    return np.bincount(numbers_of(part), minlength=classes).tolist()


def test_largest_remainders_by_hand():
    def shares(counts, size, most=None):
        return apportion(np.array(counts), np.array(most or counts), size).tolist()

    assert shares([53, 27, 20], 10) == [5, 3, 2]  # 5.3, 2.7, 2.0
    assert shares([990, 6, 4], 100) == [98, 1, 1]  # 99, 0.6, 0.4: each class has a row
    assert shares([5, 3, 2, 2], 2) == [1, 1, 0, 0]  # fewer rows than classes: the largest
    assert shares([50, 50], 20, [8, 50]) == [8, 12]


@given(st.lists(st.integers(1, 60), min_size=2, max_size=12), st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_shares_add_up_and_stay_near_their_proportion(counts, data):
    counts = np.array(counts)
    most = np.array([data.draw(st.integers(0, int(count))) for count in counts])
    size = data.draw(st.integers(0, int(most.sum())))
    shares = apportion(counts, most, size)
    assert shares.sum() == size
    assert (shares <= most).all()
    if size >= (most > 0).sum():
        assert (shares[most > 0] >= 1).all()
    free = apportion(counts, counts, size)
    exact = size * counts / counts.sum()
    assert (np.abs(free - exact) < 1).all() or exact.min() < 1


@pytest.mark.parametrize(
    ("counts", "asked"),
    [
        ([100] * 150, {"test": 300, "validation": 200, "labelled": 150}),
        ([8] * 300, {"test": 400, "validation": 400, "labelled": 300}),
        ([594, 6], {"test": 60, "validation": 30, "labelled": 40}),
        ([200, 3, 3, 3], {"test": 10, "validation": 8, "labelled": 12}),
        ([30, 3], {"test": 24, "validation": 4, "labelled": 4}),
    ],
    ids=[
        "150 labels of 150 classes",
        "300 classes in 400 rows",
        "1 %",
        "three rows of a class",
        "two would be its share",
    ],
)
def test_every_class_is_in_every_split(tmp_path, counts, asked):
    """150 labels reached 96 of 150 classes, 400 rows 89 of 300, and at 99 : 1 the test held one class."""
    splits = load(of_classes(tmp_path / "rows.jsonl", *counts), **asked)
    assert [len(splits.parts[name]) for name in ("test", "validation", "labelled")] == list(asked.values())
    for name in ("labelled", "validation", "test"):
        assert min(shown(splits.parts[name], len(counts))) >= 1, name
    assert splits.notes == ()


def test_a_row_of_each_class_is_left_to_learn_from():
    """Of 33 rows 24 are tested on: two of the three rare ones by their share, and the third is learned from."""
    texts = [f"text {row}" for row in range(33)]
    rows = Sieve(TEXT).clean(rows_of(content_ids(texts, TEXT), texts, np.array([0] * 30 + [1] * 3)))
    table = Table(texts, [None] * len(texts))
    _, rest = hold_out(rows, table, {"test": 24, "validation": 4}, SplitSettings(), task_of(2), Sieve(TEXT), "training")
    assert shown(rest, 2) == [4, 1]


def test_classes_as_large_as_each_other_take_turns_by_their_first_row(tmp_path):
    path = of_classes(tmp_path / "rows.jsonl", 10, 10, 10, 10)
    splits = load(path, test=2, validation=4)
    every = splits.labelled + splits.validation + splits.test
    in_order = numbers_of(every)[np.argsort(every.ids)].tolist()
    first = list(dict.fromkeys(in_order))[:2]
    assert sorted(first) != [0, 1], "the rows tell it from an order of names"
    assert sorted(numbers_of(splits.test).tolist()) == sorted(first)


def test_splits_have_the_classes_in_proportion(tmp_path):
    splits = load(of_classes(tmp_path / "rows.jsonl", 600, 300, 100), test=100, validation=50, labelled=40)
    assert shown(splits.test, 3) == [60, 30, 10]
    assert shown(splits.validation, 3) == [30, 15, 5]
    assert shown(splits.labelled, 3) == [24, 12, 4]


def test_the_first_labelled_rows_are_stratified_wherever_they_end(tmp_path):
    whole = load(of_classes(tmp_path / "rows.jsonl", 60, 30, 10), test=2, validation=2).labelled
    assert sorted(numbers_of(whole)[:3].tolist()) == [0, 1, 2]
    for end in range(3, len(whole) + 1):
        share = np.bincount(numbers_of(whole), minlength=3) * end / len(whole)
        assert (np.abs(np.bincount(numbers_of(whole)[:end], minlength=3) - share) < 1.2).all(), end


def test_a_class_that_a_split_cannot_show_is_said(tmp_path):
    """The labelled rows come first, then the test rows."""
    splits = load(of_classes(tmp_path / "rows.jsonl", 100, 100, 1, 2), test=10, validation=10, labelled=20)
    assert [shown(splits.parts[name], 4)[2:] for name in ("labelled", "test", "validation")] == [[1, 1], [0, 1], [0, 0]]
    assert splits.notes == (
        "no validation row of 2 of 4 classes: 2, 3",
        "no test row of 1 of 4 classes: 2",
    )
    splits = load(of_classes(tmp_path / "rows.jsonl", *[9] * 30), test=15, validation=30)
    (line,) = splits.notes
    assert line.startswith("no test row of 15 of 30 classes: ")
    assert line.endswith(" and 7 more")
    assert line.count(",") == 7


def test_a_class_of_repeated_rows_only_is_said(tmp_path):
    rows = [*many(60), ("torn", "odd"), ("torn", "pos")]
    splits = load(write_rows(tmp_path / "rows.jsonl", rows))
    assert splits.notes[0] == "no labelled row of 1 of 3 classes: odd; no model can learn these"


def test_the_order_of_the_file_is_irrelevant(tmp_path):
    rows = [(f"row {row}", "abcd"[(row * row) % 11 % 4]) for row in range(120)]
    first = load(write_rows(tmp_path / "a.jsonl", rows), test=20, validation=12, labelled=30)
    random.Random(1).shuffle(rows)
    second = load(write_rows(tmp_path / "b.jsonl", rows), test=20, validation=12, labelled=30)
    assert first.digest == second.digest
    assert first.unlabelled.values == second.unlabelled.values


def test_without_strata_rows_are_drawn_by_content_id_alone(tmp_path):
    """As before there were any: bit by bit."""
    rows = [*many(94), *[(f"bare {row}", None) for row in range(6)]]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    split = SplitSettings(test=20, validation=10, stratify=False)
    splits = classified(DataSettings(source=str(path), split=split, labelled=30))
    ids = sorted(id_of(text) for text, label in rows if label)
    bare = [id_of(text) for text, label in rows if not label]
    assert splits.test.ids.tolist() == ids[:20]
    assert splits.validation.ids.tolist() == ids[20:30]
    assert splits.labelled.ids.tolist() == ids[30:60]
    assert splits.unlabelled.ids.tolist() == sorted(ids[60:] + bare)


@pytest.mark.parametrize("stratify", [True, False])
def test_another_draw_has_other_labels_and_the_same_held_out_rows(tmp_path, stratify):
    path = of_classes(tmp_path / "rows.jsonl", 90, 60)

    def drawn(draw, labelled=24):
        split = SplitSettings(test=20, validation=10, stratify=stratify, draw=draw)
        return classified(DataSettings(source=str(path), split=split, labelled=labelled))

    splits = [drawn(draw) for draw in range(3)]
    assert len({tuple(each.test.ids.tolist() + each.validation.ids.tolist()) for each in splits}) == 1
    labelled = [texts(each.labelled) for each in splits]
    assert max(len(one & other) for one, other in itertools.pairwise(labelled)) < 14
    assert len({tuple(sorted(each.transfer.values)) for each in splits}) == 1
    if stratify:
        assert [shown(each.labelled, 2) for each in splits] == [[14, 10]] * 3
    assert drawn(1).keeping(10).digest == drawn(1, 10).digest


def test_fewer_labels_are_the_run_of_that_number_with_rows_that_have_none(tmp_path):
    path = write_rows(tmp_path / "rows.jsonl", [*many(80), *[(f"bare {row}", None) for row in range(20)]])
    whole, few = (load(path, test=10, validation=10, labelled=labelled) for labelled in (40, 12))
    assert whole.keeping(12).digest == few.digest
    assert whole.transfer.values == few.transfer.values


def test_hidden_labels_do_not_choose_the_unlabelled_rows(tmp_path):
    """Only the rows that are held out and those that keep their label are drawn by class."""
    splits = load(of_classes(tmp_path / "rows.jsonl", 90, 10), labelled=10, max_unlabelled=30)
    assert splits.unlabelled.ids.tolist() == sorted(splits.unlabelled.ids.tolist())


def test_the_targets_test_rows_are_stratified(tmp_path):
    source, target = tmp_path / "source.jsonl", tmp_path / "target.jsonl"
    write_rows(source, many(60, "source", labels=(0, 1)))
    splits = load(source, test=20, target={"source": str(of_classes(target, 90, 10))})
    assert shown(splits.test, 2) == [18, 2]


def test_whole_blocks_are_not_stratified_and_the_labelled_rows_are(tmp_path):
    rows = [(f"row {row}", int(row % 10 == 9)) for row in range(200)]
    path = write_rows(tmp_path / "rows.jsonl", rows)

    def drawn(**more):
        split = SplitSettings(test=20, validation=10, block=5, **more)
        return classified(DataSettings(source=str(path), split=split, labelled=20))

    splits, plain = drawn(), drawn(stratify=False)
    assert (splits.test.values, splits.validation.values) == (plain.test.values, plain.validation.values)
    assert shown(splits.labelled, 2)[1] == round(20 * 17 / 170)
    assert texts(splits.transfer) == texts(plain.transfer)
    assert [len(splits.parts[name]) for name in PARTS] == [20, 150, 10, 20]


def test_more_classes_than_labels_are_refused_before_anything_is_drawn(tmp_path):
    with refused("30 classes", "only 20 labelled training rows", "raise data.labelled"):
        load(of_classes(tmp_path / "rows.jsonl", *[9] * 30), labelled=20)
