"""A label of several columns: read from every source, each column as it is alone, rows together."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_cases import refused

from limbeck.data import DataOptions, load_splits
from limbeck.data.folders import read_folders
from limbeck.data.tables import as_table, read_tables
from limbeck.recipe import DataSettings
from limbeck.tasks import MultioutputSettings, RegressionSettings
from made_rows import TEXT

COLUMNS = {"text": ["one", "two", "three"], "a": [1, 2, 3], "b": [True, False, True], "c": [0.5, None, 1.5]}
CELLS = [(1, True, 0.5), (2, False, None), (3, True, 1.5)]
LABEL = ("a", "b", "c")


def write(folder, suffix):
    path = folder / f"mine{suffix}"
    frame = pd.DataFrame(COLUMNS)
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    elif suffix == ".parquet":
        pq.write_table(pa.table(COLUMNS), path)
    else:
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_row_is_a_tuple_of_its_cells(tmp_path, suffix):
    """Of a csv file each column is typed by itself: a word in one leaves the numbers of another."""
    path = write(tmp_path, suffix)
    table = read_tables(str(path), modality=TEXT, column="text", label=LABEL)["train"]
    assert table.labels == CELLS
    assert [type(cell) for cell in table.labels[0]] == [int, bool, float]
    turned = read_tables(str(path), modality=TEXT, column="text", label=("c", "a"))["train"]
    assert turned.labels == [(0.5, 1), (None, 2), (1.5, 3)]
    assert read_tables(str(path), modality=TEXT, column="text", label=("a",))["train"].labels == [(1,), (2,), (3,)]


def test_of_a_frame():
    table = as_table(
        pd.DataFrame(COLUMNS)[["c", "text", "a"]], modality=TEXT, column="text", label=("a", "c"), where="it"
    )
    assert [cells[0] for cells in table.labels] == [1, 2, 3]
    assert table.labels[2] == (3, 1.5)


def test_a_column_that_is_missing_is_named(tmp_path):
    path = write(tmp_path, ".csv")
    with refused("no column `d`", str(path), "data.label", "one of: a, b, c"):
        read_tables(str(path), modality=TEXT, column="text", label=("a", "d"))


def test_an_unlabelled_split_needs_none_of_them(tmp_path):
    write(tmp_path, ".csv").rename(tmp_path / "train.csv")
    (tmp_path / "unsupervised.csv").write_text("text,a\nfour,1\n")
    found = read_tables(str(tmp_path), modality=TEXT, column="text", label=LABEL)
    assert found["unsupervised"].labels == [None]


def test_folders_tell_one_column_only(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/1.png").write_bytes(b"x")
    ((_, found),) = read_folders(tmp_path, (".png",), ["train"], "file", ("a", "b")).values()
    assert list(found) == ["file"]
    ((_, found),) = read_folders(tmp_path, (".png",), ["train"], "file", "a").values()
    assert found["a"] == ["cat"]


def made(tmp_path, rows=80):
    lines = [f"text number {row},{row % 3},{'xy'[row % 2]},{row / 7:.3f}" for row in range(rows)]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["text,a,b,score", *lines, "nothing is known,,,", ""]))
    return path


def settings(path, label):
    return DataSettings(source=str(path), label=label, labelled=20, split={"test": 20, "validation": 12})


def test_splits_of_several_columns(tmp_path):
    """A row without a label is unlabelled; what loses its label shows nothing of it; the same rows each time."""
    path = made(tmp_path)
    splits = load_splits(settings(path, ("a", "b")), MultioutputSettings())
    assert [len(part) for part in splits.parts.values()] == [20, 29, 12, 20]
    assert splits.labelled.labels.values.shape == (20, 2)
    assert not splits.unlabelled.labels.present.any()
    assert not splits.unlabelled.labels.values.any()
    assert "nothing is known" in splits.unlabelled.values
    assert any("1 of 49 training rows have no label" in note for note in splits.notes)
    again = load_splits(settings(path, ("a", "b")), MultioutputSettings())
    assert again.digest == splits.digest
    assert load_splits(settings(path, ("b", "a")), MultioutputSettings()).digest != splits.digest
    for part in (splits.labelled, splits.test):
        for text, label in zip(part.values, part.labels.values.tolist(), strict=True):
            number = int(text.split()[-1])
            assert label == [number % 3, number % 2], "labels stay with their rows"


def test_splits_of_values(tmp_path):
    splits = load_splits(settings(made(tmp_path), "score"), RegressionSettings())
    for text, label in zip(splits.test.values, splits.test.labels.values[:, 0].tolist(), strict=True):
        assert label == pytest.approx(int(text.split()[-1]) / 7, abs=1e-3)
    fewer = splits.keeping(5)
    assert fewer.labelled.ids.tolist() == splits.labelled.ids[:5].tolist()
    assert fewer.digest != splits.digest


def test_the_ratings_of_snippets_are_values_too(monkeypatch, tmp_path):
    """`data.label=score` of the packaged source: what `negative` and `positive` were made of."""
    from limbeck.data import packaged

    (tmp_path / "movieReviewSnippets_GroundTruth.txt").write_text("1_1\t-2.5\tdull\n2_1\t1.25\twarm\n")
    monkeypatch.setattr(packaged, "asset", lambda name: tmp_path)
    given = {"modality": TEXT, "column": "text", "domain": "movie"}
    assert read_tables("sentiment-ratings", label="score", **given)["train"].labels == [-2.5, 1.25]
    assert read_tables("sentiment-ratings", label="label", **given)["train"].labels == ["negative", "positive"]
    assert DataOptions(source="x").labelled_by == "column `label`"
