"""Folds of the labelled rows, and rows to hold out where nothing says how many."""

import json

import numpy as np
import pytest

from limbeck.data import SplitSettings
from limbeck.data.sizes import sizes_for
from limbeck.recipe import DataSettings
from made_rows import classified, numbers_of


def write_rows(path, rows, labels):
    path.write_text(
        "".join(json.dumps({"text": f"text {row}", "label": labels[row % len(labels)]}) + "\n" for row in range(rows)),
        encoding="utf-8",
    )
    return path


def load(source, *, test, validation, **settings):
    return classified(
        DataSettings(source=str(source), split=SplitSettings(test=test, validation=validation), **settings)
    )


@pytest.mark.parametrize("count", [2, 3, 4])
def test_folds_part_the_labelled_rows_and_hide_their_labels(tmp_path, count):
    whole = load(write_rows(tmp_path / "mine.jsonl", 100, [0, 0, 0, 1, 1]), test=10, validation=10, labelled=60)
    held_out = [whole.fold(number, count) for number in range(count)]
    assert sorted(np.concatenate([fold.validation.ids for fold in held_out])) == sorted(whole.labelled.ids)
    for fold in held_out:
        assert not set(fold.validation.ids) & set(fold.labelled.ids)
        assert set(fold.labelled.ids) | set(fold.validation.ids) == set(whole.labelled.ids)
        assert set(fold.transfer.ids) == set(whole.transfer.ids)
        hidden = np.isin(fold.transfer.ids, fold.validation.ids)
        assert not fold.transfer.labels.present[hidden].any()
        ones = [int(numbers_of(part).sum()) for part in (fold.validation, whole.labelled)]
        assert ones[0] * count == pytest.approx(ones[1], abs=count)
        assert len(fold.validation) * count == 60
    assert len({fold.digest for fold in held_out} | {whole.digest}) == count + 1


@pytest.mark.parametrize(
    ("rows", "labelled", "test", "validation"),
    [
        (40, None, 12, 7),
        (100, None, 30, 17),
        (500, None, 150, 35),
        (2_000, None, 600, 280),
        (20_000, None, 2_000, 400),
        (20_000, 500, 2_000, 55),
        (20_000, 90, 2_000, 20),
    ],
)
def test_rows_to_hold_out_where_nothing_says_how_many(rows, labelled, test, validation):
    found = sizes_for(rows, labelled, ["test", "validation"], {})
    assert (found["test"], found["validation"]) == (test, validation)
    alone = sizes_for(rows, labelled, ["validation"], {"test": test})
    assert alone == {"validation": validation}


def test_open_splits_are_those_of_the_numbers_that_they_come_to(tmp_path):
    file = write_rows(tmp_path / "mine.jsonl", 200, ["neg", "pos"])
    whole = load(file, test=None, validation=None)
    assert (len(whole.test), len(whole.validation)) == (60, 20)
    assert whole.digest == load(file, test=60, validation=20).digest
