"""Copies that keep their label: what a batch sees of them, and what names them."""

from typing import Annotated

import numpy as np
import pytest
from pydantic import Field

from limbeck.data.copies import Copy, Drawn, copies_of, keeping
from limbeck.data.counter import mixed, uniform
from limbeck.data.examples import Examples, Labels
from limbeck.modalities.image import ImageAugmentSettings
from limbeck.runtime.rows import Stacked
from limbeck.settings import Settings


class Shift(Settings):
    copies: Annotated[int, Field(ge=1)]
    by: float = 1.0


def draw(arrays, keys, copies, settings):
    """Add a number that belongs to example and copy."""
    return {"x": arrays["x"] + settings.by + uniform(keys, copies, 0, 1).astype(np.float32)}


def examples(rows: int = 5, labelled: int = 3) -> Examples:
    present = np.arange(rows) < labelled
    labels = Labels(np.where(present, np.arange(rows) % 2, 0), present)
    return Examples(np.arange(rows, dtype=np.int64) * 7 - 3, [f"v{row}" for row in range(rows)], labels)


def drawn(rows: Examples, settings: Shift) -> Drawn:
    base = Stacked({"x": np.arange(len(rows), dtype=np.float32)[:, None] * 100})
    return Drawn.of(base, rows.ids, list(copies_of(rows, settings).values), draw)


def test_every_example_has_its_copies_with_its_label():
    rows = examples()
    made = copies_of(rows, Shift(copies=2))
    assert len(made) == 10
    assert [(copy.of, copy.number) for copy in made.values[:6]] == [
        *((key, 1) for key in rows.ids.tolist()),
        (rows.ids[0], 2),
    ]
    assert made.labels.present.tolist() == rows.labels.present.tolist() * 2
    assert made.labels.values.tolist() == rows.labels.values.tolist() * 2


def test_what_names_a_copy_is_its_example_its_number_and_the_settings():
    few, more, other = (copies_of(examples(), s) for s in (Shift(copies=1), Shift(copies=3), Shift(copies=1, by=2.0)))
    assert len(set(more.ids.tolist())) == 15
    assert few.ids.tolist() == more.ids[:5].tolist(), "more copies add to fewer"
    assert not set(few.ids.tolist()) & set(other.ids.tolist())
    assert not set(few.ids.tolist()) & set(examples().ids.tolist())
    copy = few.values[0]
    assert copy == Copy(int(examples().ids[0]), 1, Shift(copies=1))
    assert copy.identity != more.values[5].identity


def test_copies_of_rows_that_lose_their_label_lose_it_too():
    rows = examples()
    made = keeping(copies_of(rows, Shift(copies=2)), rows.ids[:2])
    assert made.labels.present.tolist() == [True, True, False, False, False] * 2
    assert made.labels.values[~made.labels.present].tolist() == [0] * 6


def test_a_batch_holds_examples_as_they_are_and_copies_as_they_are_drawn():
    rows = examples()
    all_rows = drawn(rows, Shift(copies=2, by=10.0))
    assert len(all_rows) == 15
    assert all_rows.lengths.tolist() == [1] * 15
    x = all_rows.batch(np.arange(15))["x"][:, 0]
    assert x[:5].tolist() == [0, 100, 200, 300, 400]
    for start in (5, 10):
        moved = x[start : start + 5] - x[:5]
        assert ((moved >= 10) & (moved < 11)).all()
    assert not np.array_equal(x[5:10], x[10:15]), "two copies are two"
    one_by_one = [all_rows.batch([row])["x"][0, 0] for row in range(15)]
    assert one_by_one == x.tolist(), "whatever stands beside it in the batch"
    assert all_rows.batch([7, 2, 7])["x"][:, 0].tolist() == [x[7], x[2], x[7]]


def test_the_examples_are_not_changed():
    rows = examples()
    all_rows = drawn(rows, Shift(copies=1))
    all_rows.batch(np.arange(10))
    assert all_rows.base.batch(np.arange(5))["x"][:, 0].tolist() == [0, 100, 200, 300, 400]


def test_some_of_the_rows():
    all_rows = drawn(examples(), Shift(copies=2))
    whole = all_rows.batch(np.arange(15))["x"]
    taken = all_rows.take(np.array([12, 0, 6]))
    assert np.array_equal(taken.batch(np.arange(3))["x"], whole[[12, 0, 6]])
    assert isinstance(all_rows.first(5), Stacked), "the examples alone are encoded rows"
    assert np.array_equal(all_rows.first(8).batch(np.arange(8))["x"], whole[:8])
    with pytest.raises(TypeError, match="batches only"):
        all_rows.stored()


def test_numbers_of_a_row_are_its_own():
    keys, copies = np.array([3, -5, 2**62], np.int64), np.array([1, 1, 2], np.int64)
    found = uniform(keys, copies, 0, 4)
    assert ((found >= 0) & (found < 1)).all()
    for row in range(3):
        assert np.array_equal(uniform(keys[[row]], copies[[row]], 0, 4)[0], found[row])
    assert np.array_equal(uniform(keys, copies, 0, 2), found[:, :2]), "more numbers add to fewer"
    for other in (uniform(keys, copies, 1, 4), uniform(keys, copies + 1, 0, 4), uniform(keys + 1, copies, 0, 4)):
        assert not np.isin(other, found).any()


def test_numbers_are_uniform_and_independent():
    rows = np.arange(20_000, dtype=np.int64)
    found = uniform(rows, np.ones_like(rows), 0, 3)
    counts = np.stack([np.histogram(found[:, place], 20, (0, 1))[0] for place in range(3)])
    assert (abs(counts - 1000) < 160).all(), "five standard deviations"
    between = np.corrcoef(found.T)
    assert (abs(between[np.triu_indices(3, 1)]) < 0.036).all()
    assert abs(np.corrcoef(found[:-1, 0], found[1:, 0])[0, 1]) < 0.036, "neighbours tell nothing of each other"


def test_mixing_is_the_finaliser_of_splitmix64():
    """The first outputs of the reference generator with seed 1234567."""
    state = np.uint64(1234567)
    step = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        states = np.array([state + np.uint64(k) * step for k in range(3)], np.uint64)
    assert mixed(states).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_another_seed_or_version_draws_other_copies(monkeypatch):
    first = copies_of(examples(), ImageAugmentSettings(copies=1, crop=1))
    other = copies_of(examples(), ImageAugmentSettings(copies=1, crop=1, seed=1))
    assert not set(first.ids.tolist()) & set(other.ids.tolist())
    monkeypatch.setattr("limbeck.data.copies.__version__", "0")
    newer = copies_of(examples(), ImageAugmentSettings(copies=1, crop=1))
    assert not set(first.ids.tolist()) & set(newer.ids.tolist())
