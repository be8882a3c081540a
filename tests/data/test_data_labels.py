"""Labels as they stand: which are missing, which are one class, and what is refused until somebody says it."""

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from data_cases import refused
from test_data_splits import having_labels, load, many, texts, write_rows

from limbeck.data import SplitSettings, as_table
from limbeck.data.tables import read_tables
from limbeck.modalities.arrays.loaders import BatchForm
from limbeck.recipe import DataSettings
from limbeck.tasks.classification.labels import learn_classes, respelled
from limbeck.tasks.classification.numbers import read_numbers
from made_rows import TEXT, classified, numbers_of

NAMES = {"modality": TEXT, "column": "text", "label": "label", "where": "train"}


def write_csv(path, labels, rows=60):
    path.parent.mkdir(exist_ok=True)
    path.write_text("text,label\n" + "".join(f"text {row},{labels[row % len(labels)]}\n" for row in range(rows)))
    return path


def of_tables(**tables):
    return classified(DataSettings(source="python", split=SplitSettings(test=4, validation=4)), tables)


def shown(splits, part):
    return {splits.task.names[label] for label in numbers_of(splits.parts[part])}


# --- missing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blank", ["", "  ", "nan", "NaN", "NAN", "\u200b"])
@pytest.mark.parametrize("labels", [("good", "bad"), (0, 1)])
def test_blanks_and_nan_are_missing_in_a_csv_file(tmp_path, blank, labels):
    """`NaN` was a class."""
    splits = load(write_csv(tmp_path / "mine.csv", [*labels, blank]))
    assert splits.task.names == tuple(sorted(map(str, labels)))
    assert len(splits.unlabelled) == 20
    assert splits.notes == ("20 of 52 training rows have no label",)


def test_rows_without_a_label_are_counted_after_dropping(tmp_path):
    rows = [*many(60, labels=("good", "bad", None)), *[(text, None) for text in ("", " ", "again", "again")]]
    splits = load(write_rows(tmp_path / "mine.jsonl", rows))
    assert sum(splits.dropped.values()) == 3
    assert splits.notes[0] == "21 of 53 training rows have no label"


def test_nan_and_null_are_missing_in_json(tmp_path):
    rows = many(60, labels=("good", "bad", None, float("nan"), "NaN", " "))
    assert len(having_labels(load(write_rows(tmp_path / "mine.jsonl", rows)))) == 20


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([0, 1, pd.NA] * 20, dtype="Int64"),
        pd.Series(["a", "b", pd.NA] * 20, dtype="string"),
        pd.Series([True, False, pd.NA] * 20, dtype="boolean"),
        pd.Series([0, 1, None] * 20, dtype="float32"),
        pd.Series(["a", "b", None] * 20, dtype="category"),
        pd.Series([0, 1, pd.NaT] * 20, dtype="object"),
        pa.array([0, 1, None] * 20),
        pa.array(["a", "b", None] * 20).dictionary_encode(),
    ],
    ids=["Int64", "string", "boolean", "float", "categories", "NaT", "Arrow", "Arrow dictionary"],
)
def test_na_is_missing_in_frames(column):
    """NA was refused: it can be compared with nothing."""
    written = [f"text {row}" for row in range(60)]
    frame = pd.DataFrame({"text": written, "label": column}) if isinstance(column, pd.Series) else None
    table = as_table(pa.table({"text": written, "label": column}) if frame is None else frame, **NAMES)
    splits = of_tables(train=table)
    assert len(splits.task.names) == 2
    assert texts(splits.unlabelled) == set(written[2::3])


def test_texts_that_are_missing_are_empty():
    frame = pd.DataFrame({"text": pd.Series([*[f"text {row}" for row in range(40)], pd.NA, None], dtype="string")})
    frame["label"] = [0, 1] * 21
    splits = of_tables(train=as_table(frame, **NAMES))
    assert splits.dropped == {"empty": 2}
    tested = pd.DataFrame({"text": ["tested", None], "label": [0, 1]})
    splits = of_tables(train=as_table(frame, **NAMES), test=as_table(tested, **NAMES))
    assert splits.test.values in (["tested", ""], ["", "tested"])
    assert splits.notes == ("1 test rows have an empty text",)


def test_minus_one_is_missing_beside_integers_from_0(tmp_path):
    for name, mark in (("one", -1), ("two", -100)):
        splits = load(write_csv(tmp_path / f"{name}.csv", [0, 1, mark, 2]))
        assert splits.task.names == ("0", "1", "2")
        assert len(splits.unlabelled) == 15
        assert splits.notes == (
            f"15 of 52 training rows have no label (`{mark}` counts as none; a class with data.missing=[])",
        )
    assert load(tmp_path / "one.csv", missing=[]).task.names == ("-1", "0", "1", "2")
    write_csv(tmp_path / "split" / "train.csv", [0, 1, 2])
    write_rows(tmp_path / "split" / "validation.jsonl", [("a", -1), ("b", 0)])
    with refused("validation split", "1 of 2 rows without a label"):
        load(tmp_path / "split")


@pytest.mark.parametrize(
    ("labels", "doubtful", "line", "classes"),
    [
        ((-1, 1), "`-1` (30)", "data.missing=[-1]", None),
        ((-1, 0, 1), "`-1` (20)", "data.missing=[-1]", ("0", "1")),
        ((-1, 1, 2, 3), "`-1` (15)", "data.missing=[-1]", ("1", "2", "3")),
        ((-100, -2, -1, 0), "`-100` (15)", "data.missing=[-100]", ("-2", "-1", "0")),
        (("None", "a", "b"), "`None` (20)", "'data.missing=[\"None\"]'", ("a", "b")),
        (("n/a", "a", "b", "?"), "`?` (15), `n/a` (15)", '\'data.missing=["?", "n/a"]\'', ("a", "b")),
        (("-", "+", "x"), "`-` (20)", "'data.missing=[\"-\"]'", ("+", "x")),
        (("NA", 10, 9), "`NA` (20)", "'data.missing=[\"NA\"]'", ("9", "10")),
        (("null", "true", "false"), "`null` (20)", "'data.missing=[\"null\"]'", ("false", "true")),
    ],
)
def test_what_may_be_missing_is_refused_until_that_is_said(tmp_path, labels, doubtful, line, classes):
    path = write_csv(tmp_path / "mine.csv", labels)
    with refused("mine.csv, column `label`", doubtful, f"set {line} if they have no label, data.missing=[]"):
        load(path)
    assert set(load(path, missing=[]).task.names) == set(map(str, labels))
    said = json.loads(line.strip("'").removeprefix("data.missing="))
    if classes is None:
        with refused("every label is `1`"):
            load(path, missing=said)
    else:
        splits = load(path, missing=said)
        assert splits.task.names == classes, "numbers beside words for none stay numbers, in their order"
        assert len(splits.unlabelled) == 60 - 60 // len(labels) * len(classes)


def test_the_same_of_frames_and_json(tmp_path):
    for labels, line in (((-1, 0, 1), "data.missing=[-1]"), (("?", "a", "b"), "'data.missing=[\"?\"]'")):
        rows = many(60, labels=labels)
        frame = pd.DataFrame(rows, columns=["text", "label"])
        with refused("python, column `label`", line):
            of_tables(train=as_table(frame, **NAMES))
        with refused("mine.jsonl, column `label`", line):
            load(write_rows(tmp_path / "mine.jsonl", rows))
    with refused("mine.jsonl, column `label`", "`NA` (1)"):
        load(write_rows(tmp_path / "mine.jsonl", [*many(60, labels=(0, 1)), ("last", "NA")]))


def test_another_spelling_of_a_word_for_none_is_no_class():
    """`missing: [none]` left `None` as a class."""
    for merge in (False, True):
        with refused("class `None` (2) is `none` of data.missing but for case", "name both there"):
            learn_classes(["none", "None", "None", "a", "b"], "here", missing=["none"], merge=merge)
    assert learn_classes(["none", "None", "a", "b"], "here", missing=["none", "None"]).names == ("a", "b")
    with refused("class `NONE` (1)"):
        learn_classes(["none", "None", "NONE", "a", "b"], "here", missing=["none", "None"])


def test_missing_numbers_and_words_of_numpy():
    """`missing: [9.0]` left 9 as a class, and a word of NumPy beside one of Python was "of mixed kinds"."""
    assert learn_classes([0, 1.0, 9], "here", missing=[9.0]).names == ("0", "1")
    assert learn_classes([np.str_("a"), "b", Decimal("sNaN")], "here").names == ("a", "b")


def test_the_word_null_needs_no_quotes():
    data = DataSettings(source="mine.csv", missing=[None, "NA", -1, True])
    assert data.missing == ("null", "NA", -1, True)
    assert learn_classes(["null", "NA", "a", "b"], "here", missing=data.missing).names == ("a", "b")


def test_missing_labels_of_a_target_and_of_held_out_files(tmp_path):
    write_csv(tmp_path / "source" / "train.csv", ["a", "b", "?"])
    (tmp_path / "source" / "test.csv").write_text("text,label\ntested,a\nbare,?\n")
    with refused("test split", "1 of 2 rows without a label"):
        load(tmp_path / "source", missing=["?"])
    target = tmp_path / "target.csv"
    target.write_text("text,label\n" + "".join(f"there {row},{'ab?'[row % 3]}\n" for row in range(30)))
    splits = load(tmp_path / "source", missing=["?"], target={"source": str(target)})
    assert (len(splits.test), len(splits.ceiling)) == (4, 16)
    assert {f"there {row}" for row in range(2, 30, 3)} <= texts(splits.unlabelled)


# --- one class, several spellings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["GOOD", " good ", "go\u200bod", "ｇood", "Good"])
def test_classes_that_differ_in_their_spelling_are_refused_and_merged(tmp_path, other):
    """`good/GOOD/Good` were three classes."""
    rows = many(60, labels=("bad", "good", "good", other))
    path = write_rows(tmp_path / "mine.jsonl", rows)
    with refused("classes that differ in case, blanks or Unicode form only", "`good` (30)", "data.merge_classes=true"):
        load(path)
    splits = load(path, merge_classes=True)
    assert splits.task.names == ("bad", "good")
    assert len(having_labels(splits)) == 60


def test_a_spelling_of_two_classes_is_of_neither():
    assert respelled("GOOD", ("good", "bad")) == "good"
    assert respelled("GOOD", ("good", "Good")) is None


def test_merged_classes_are_in_the_order_of_their_names_and_ties_go_to_the_smallest(tmp_path):
    splits = load(write_csv(tmp_path / "mine.csv", ["GOOD", "good", "bad", "Bad", "bad", "so-so"]), merge_classes=True)
    assert splits.task.names == ("GOOD", "bad", "so-so")


def test_spellings_in_held_out_files_and_in_a_target(tmp_path):
    write_csv(tmp_path / "source" / "train.csv", ["good", "bad"])
    (tmp_path / "source" / "test.csv").write_text("text,label\ntested 1,Good\ntested 2,BAD\n")
    (tmp_path / "target.csv").write_text(
        "text,label\n" + "".join(f"t {row},{('Good', 'bad')[row % 2]}\n" for row in range(9))
    )
    with refused("label `BAD` does not occur", "it is `bad` but for case", "set data.merge_classes=true"):
        load(tmp_path / "source")
    with refused("target.csv, train split", "label `Good` does not occur", "data.merge_classes=true"):
        load(tmp_path / "source", target={"source": str(tmp_path / "target.csv")})
    assert shown(load(tmp_path / "source", merge_classes=True), "test") == {"good", "bad"}
    to = {"source": str(tmp_path / "target.csv")}
    assert shown(load(tmp_path / "source", merge_classes=True, target=to), "test") == {"good", "bad"}


# --- classes that the data names --------------------------------------------------------------------------------------


def declared(labels, names=("positive", "negative", "unused"), start=0):
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=list(names))})
    rows = {"text": [f"text {start + row}" for row in range(len(labels))], "label": labels}
    return datasets.Dataset.from_dict(rows, features=features)


def check_declared(splits):
    assert splits.task.names == ("positive", "negative")
    assert {"text 0", "text 1", "text 2"} <= texts(
        splits.labelled + splits.validation + splits.test + splits.unlabelled
    )
    held = splits.labelled + splits.validation + splits.test
    assert {
        splits.task.names[label]
        for text, label in zip(held.values, numbers_of(held), strict=True)
        if int(text[5:]) % 3 == 0
    } == {"positive"}
    assert len(splits.unlabelled) == 20
    assert splits.notes == (
        "20 of 52 training rows have no label",
        "no training row has a class that the data names: unused",
    )


def test_named_classes_keep_their_names_and_their_order(tmp_path):
    """Of a data set, an Arrow table and a parquet file: the order of the logits of a module that was trained on it."""
    data = declared([0, 1, -1] * 20)
    check_declared(of_tables(train=as_table(data, **NAMES)))
    check_declared(of_tables(train=as_table(data.data.table, **NAMES)))
    data.to_parquet(str(tmp_path / "mine.parquet"))
    check_declared(load(tmp_path / "mine.parquet"))
    (tmp_path / "split").mkdir()
    (tmp_path / "mine.parquet").rename(tmp_path / "split" / "train.parquet")
    declared([1, 0], ("negative", "positive"), start=60).to_parquet(str(tmp_path / "split" / "test.parquet"))
    splits = load(tmp_path / "split")
    assert dict(zip(splits.test.values, numbers_of(splits.test).tolist(), strict=True)) == {"text 60": 0, "text 61": 1}


def test_a_label_beyond_the_names_is_refused(tmp_path):
    features = {"label": {"names": ["a", "b"], "_type": "ClassLabel"}}
    stored = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = pa.table({"text": ["x", "y"], "label": [0, 2]})
    pq.write_table(table.replace_schema_metadata(stored), tmp_path / "mine.parquet")
    with refused("mine.parquet, column `label`", "label 2, and the data names 2 classes (a, b)"):
        read_tables(str(tmp_path / "mine.parquet"), modality=TEXT, column="text", label="label")
    halves = table.set_column(1, "label", pa.array([0.0, 0.7]))
    pq.write_table(halves.replace_schema_metadata(stored), tmp_path / "mine.parquet")
    with refused("mine.parquet, column `label`", "label 0.7 is no whole number, and the data names 2 classes (a, b)"):
        read_tables(str(tmp_path / "mine.parquet"), modality=TEXT, column="text", label="label")
    pq.write_table(table.replace_schema_metadata({b"huggingface": b"{"}), tmp_path / "mine.parquet")
    assert read_tables(str(tmp_path / "mine.parquet"), modality=TEXT, column="text", label="label")["train"].labels == [
        0,
        2,
    ]


def test_words_for_none_are_classes_where_the_data_names_them():
    """Unless the recipe says otherwise: that left a class without a row, and an output without a meaning."""
    given = {"labels": ["none", "a", "b"], "where": "here", "order": ("b", "none", "a", "c")}
    assert learn_classes(**given).names == ("b", "none", "a")
    assert learn_classes(**given, missing=["none"]).names == ("b", "a")


# --- loaders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (torch.tensor([0, -1, 1, -100]), [0, -1, 1, -1]),
        ([2.0, float("nan"), 0.0], [2, -1, 0]),
        (torch.tensor([True, False]), [1, 0]),
        (torch.tensor([3, 0], dtype=torch.uint8), [3, 0]),
    ],
)
def test_labels_of_a_loader(given, read):
    batch = BatchForm("x", "x", read_numbers).read((torch.zeros(len(read), 1), given))
    assert batch.labels.tolist() == [max(label, 0) for label in read]
    assert batch.labelled.tolist() == [label >= 0 for label in read]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([0.0, 1.5], "a label is 1.5, which is no class"),
        ([0, -2], "a label is -2, which is no class"),
        (np.array([0, 2**63], np.uint64), "a label is 9.22337e+18, which is no class"),
        ([0.0, float("inf")], "a label is inf, which is no class"),
        (["good", "bad"], "labels are no numbers"),
        ([0, None], "labels are no numbers"),
    ],
)
def test_labels_of_a_loader_that_are_refused(given, said):
    """1.5 became 1, and -2 no label."""
    with refused("loader", said, "give integers from 0, and -1 where a row has none"):
        BatchForm("x", "x", read_numbers).read((torch.zeros(2, 1), given))
