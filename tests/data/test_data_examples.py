"""Rows and their labels: taken, joined, hidden, named; and rows that are one example or look alike."""

import numpy as np
import pytest
from data_cases import examples_of, refused
from test_data_splits import load, many, write_rows

from limbeck.data import NO_ROWS, Examples, Labels, SplitSettings
from limbeck.data.sieve import alike
from limbeck.recipe import DataSettings
from made_rows import TEXT, classified, labels_of, numbers_of, rows_of


def test_two_texts_with_one_id(tmp_path, monkeypatch):
    monkeypatch.setattr("limbeck.data.sieve.content_id", len)
    with refused("two different texts share the content id"):
        load(write_rows(tmp_path / "mine.jsonl", many(30)))


def test_examples_take_and_add():
    rows = examples_of(4, labelled=2)
    assert (rows.take([2, 0]) + rows.take(np.array([1]))).values == ["text 2", "text 0", "text 1"]
    assert numbers_of(rows.take([2, 0])).tolist() == [-1, 0]


def test_test_rows_that_look_alike_are_said(tmp_path):
    """They stay, as the file says what is to be tested; they are no evidence of their own."""
    write_rows(tmp_path / "train.jsonl", many(40))
    rows = [("one", "neg"), ("One", "neg"), ("two", "pos"), ("two ", "neg"), ("three", "pos")]
    write_rows(tmp_path / "test.jsonl", rows)
    splits = classified(DataSettings(source=str(tmp_path), split=SplitSettings(validation=8)))
    assert len(splits.test) == 5
    groups = alike(splits.test, TEXT)
    assert len(set(groups.tolist())) == 3
    assert groups.tolist() == [list(dict.fromkeys(groups.tolist())).index(group) for group in groups.tolist()]
    (line,) = (note for note in splits.notes if "look like another one" in note)
    assert line.startswith("2 of 5 test rows look like another one; interval and p count them as one")
    assert line.endswith("1 of these texts have more than one label")


def test_labels_of_any_form_are_taken_joined_and_hidden():
    """Class indices and rows of numbers alike; a label that is not present is none, whatever stands in its place."""
    for values in (np.array([3, 0, 5]), np.array([[1.5, 2.0], [0.0, 0.0], [3.0, 1.0]])):
        labels = Labels(values, np.array([True, False, True]))
        assert labels.known.tolist() == values[[0, 2]].tolist()
        both = labels + labels.take(np.array([2, 1]))
        assert both.values.tolist() == values[[0, 1, 2, 2, 1]].tolist()
        assert both.present.tolist() == [True, False, True, True, False]
        assert not labels.hidden().present.any()
        assert labels.hidden().values.shape == values.shape
        rows = Examples(np.arange(3), list("abc"), labels)
        assert (NO_ROWS + rows).labels.values.tolist() == values.tolist()
        assert rows.having().values == ["a", "c"]
        assert rows.bare().values == ["b"]
        assert rows.without_labels().values == ["a", "b", "c"]


def test_a_digest_names_ids_labels_and_their_order():
    rows = rows_of([1, 2, 3], ["a", "b", "c"], [0, 1, -1])
    assert rows.digest == rows_of([1, 2, 3], ["x", "y", "z"], [0, 1, -1]).digest, "an id stands for the example"
    elsewhere = Labels(np.array([0, 1, 7]), labels_of([0, 1, -1]).present)
    assert rows.digest == Examples(rows.ids, rows.values, elsewhere).digest, "what is no label names nothing"
    others = [
        rows_of([1, 2, 4], ["a", "b", "c"], [0, 1, -1]),
        rows_of([1, 2, 3], ["a", "b", "c"], [0, 1, 0]),
        rows_of([1, 2, 3], ["a", "b", "c"], [1, 1, -1]),
        rows.take([1, 0, 2]),
        rows.without_labels(),
    ]
    assert len({rows.digest, *(other.digest for other in others)}) == 6


@pytest.mark.parametrize("named", [("text", "arrays"), ("arrays",)])
def test_one_key_names_the_column(named):
    """Given two, nothing says what an example is; given one, the default is not meant."""
    asked = dict.fromkeys(named, "column")
    if len(named) == 2:
        with pytest.raises(ValueError, match="text and arrays contradict each other"):
            DataSettings(source="rows.csv", **asked)
    else:
        data = DataSettings(source="rows.csv", **asked)
        assert (data.modality.name, data.column) == ("arrays", "column")
        assert "text" not in data.model_dump()
    assert DataSettings(source="rows.csv").modality.name == "text"
    with pytest.raises(ValueError, match="no key names the column"):
        DataSettings(source="rows.csv", text=None)


def test_a_column_holds_no_arrays(tmp_path):
    write_rows(tmp_path / "mine.jsonl", many(40))
    with refused("data.arrays", "arrays are not read from a column"):
        classified(DataSettings(source=str(tmp_path / "mine.jsonl"), arrays="text"))
