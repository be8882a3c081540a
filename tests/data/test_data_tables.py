"""Sources: what a file of one's own may look like, and what is said when it may not."""

import json
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_cases import refused

from limbeck.data.readers import read_file
from limbeck.data.tables import Table, as_table, read_tables, read_values
from made_rows import TEXT, rows_in

ROWS = [("good film", 1), ("bad film", 0)]


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(source, column="text", label="label", split="train"):
    table = read_tables(str(source), modality=TEXT, column=column, label=label)[split]
    return list(zip(table.values, table.labels, strict=True))


# --- formats -------------------------------------------------------------------------------------------------------


def write_rows(path, table=ROWS):
    """Write (text, label) rows in the format of the suffix."""
    match path.suffix:
        case ".csv" | ".tsv":
            separator = "," if path.suffix == ".csv" else "\t"
            write(path, "\n".join(separator.join(map(str, row)) for row in [("text", "label"), *table]) + "\n")
        case ".jsonl":
            write(path, "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in table))
        case ".json":
            write(path, json.dumps([{"text": text, "label": label} for text, label in table], indent=1))
        case ".parquet":
            pq.write_table(pa.table({"text": [row[0] for row in table], "label": [row[1] for row in table]}), path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_every_format_gives_the_same_rows(tmp_path, suffix):
    assert rows(write_rows(tmp_path / f"mine{suffix}")) == ROWS


def test_suffix_in_capitals(tmp_path):
    assert rows(write(tmp_path / "MINE.TSV", "text\tlabel\ngood, film\t1\nbad\t0\n")) == [("good, film", 1), ("bad", 0)]
    write_rows(tmp_path / "train.csv").rename(tmp_path / "Train.CSV")
    assert rows(tmp_path) == ROWS


def test_columns_of_ones_own(tmp_path):
    file = write(tmp_path / "mine.csv", "kind,id,message\nham,7,hello\nspam,8,buy now\n")
    assert rows(file, column="message", label="kind") == [("hello", "ham"), ("buy now", "spam")]


def test_words_for_missing_values_are_texts_and_labels(tmp_path):
    words = ["NA", "null", "None", "nan", "NaN", "N/A"]
    file = write(tmp_path / "mine.csv", "text,label\n" + "".join(f"{word},{word}\n" for word in words))
    assert rows(file) == [(word, None if word.lower() == "nan" else word) for word in words]


def test_quotes_and_newlines_inside_csv_fields(tmp_path):
    file = write(tmp_path / "mine.csv", 'text,label\r\n"a, ""quoted""\nline",1\r\nit\'s "fine",0\r\n')
    assert rows(file) == [('a, "quoted"\nline', 1), ('it\'s "fine"', 0)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json"])
def test_byte_order_mark_as_excel_writes_it(tmp_path, suffix):
    file = write_rows(tmp_path / f"mine{suffix}")
    write(file, b"\xef\xbb\xbf" + file.read_bytes())
    assert rows(file) == ROWS


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_csv_file_may_be_separated_by_semicolons_or_tabs(tmp_path, mark):
    rows = [("text", "label", "price"), ("good, bad", "a", '"1,5"'), (f'"a{mark}b"', "b", "2,5")]
    file = tmp_path / "rows.csv"
    file.write_text("".join(f"{mark.join(row)}\r\n" for row in rows), encoding="utf-8-sig")
    expected = {"text": ["good, bad", f"a{mark}b"], "label": ["a", "b"], "price": ["1,5", "2,5"]}
    assert read_file(file) == expected
    served = rows_in(file)
    assert {name: [row[name] for row in served] for name in expected} == expected


def test_a_comma_in_the_header_separates(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("text;more,label\na;b,1\nc,2\n", encoding="utf-8")
    assert read_file(file) == {"text;more": ["a;b", "c"], "label": ["1", "2"]}
    file.write_text("text\na;b\nc\n", encoding="utf-8")
    assert read_file(file) == {"text": ["a;b", "c"]} == {"text": [row["text"] for row in rows_in(file)]}


def test_texts_that_look_like_numbers_or_dates_stay_texts(tmp_path):
    """`datasets` read the first as integers and the second as dates, and both were refused."""
    assert rows(write(tmp_path / "a.csv", "text,label\n007,a\n12,b\n")) == [("007", "a"), ("12", "b")]
    dates = write_rows(tmp_path / "b.jsonl", [("2020-01-01", "a"), ("2020-01-02", "b")])
    assert rows(dates) == [("2020-01-01", "a"), ("2020-01-02", "b")]


def test_label_of_another_kind_far_down_the_file(tmp_path):
    """`datasets` decided a column's type on its first 10,000 rows and refused this."""
    body = "".join(f"text {row},1\n" for row in range(11_000)) + "last,a\n"
    assert rows(write(tmp_path / "mine.csv", "text,label\n" + body))[-2:] == [("text 10999", "1"), ("last", "a")]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["1", "", "10"], [1, None, 10]),
        (["1.0", "0.0", ""], [1.0, 0.0, None]),
        (["True", "false", ""], [True, False, None]),
        (["0.5", "1"], [0.5, 1.0]),
        (["01", "10"], ["01", "10"]),
        (["1", "b"], ["1", "b"]),
        (["1", "nan", "NaN", "2"], [1, None, None, 2]),
        (["1", "NA"], ["1", "NA"]),
        ([" a", "a\t", "b"], ["a", "a", "b"]),
    ],
)
def test_kinds_of_csv_labels(tmp_path, written, read):
    file = write(tmp_path / "mine.csv", "text,label\n" + "".join(f"some text,{label}\n" for label in written))
    got = [label for _, label in rows(file)]
    assert got == read
    assert list(map(type, got)) == list(map(type, read))


def test_a_text_longer_than_the_csv_library_allows_by_default(tmp_path):
    assert rows(write(tmp_path / "mine.csv", f"text,label\n{'a' * 200_000},1\nb,0\n"))[0] == ("a" * 200_000, 1)


def test_json_lines_may_lack_keys_and_hold_line_separators(tmp_path):
    file = write(tmp_path / "mine.jsonl", '{"text": "a\u2028b"}\n\n{"label": "x", "text": "c"}\n')
    assert rows(file) == [("a\u2028b", None), ("c", "x")]


def test_half_a_surrogate_pair_is_replaced(tmp_path):
    """JSON allows it, no tokenizer and no report can take it."""
    assert rows(write(tmp_path / "mine.jsonl", '{"text": "cut \\ud83d", "label": 1}\n')) == [("cut \ufffd", 1)]


# --- folders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev"])
def test_folder_with_splits_and_aliases(tmp_path, name):
    for split in ("train", "test", name):
        write_rows(tmp_path / f"{split}.csv", [(f"{split} a", 0), (f"{split} b", 1)])
    write(tmp_path / "unlabelled.csv", "text\nno label column\n")
    write(tmp_path / "notes.txt", "not data")
    tables = read_tables(str(tmp_path), modality=TEXT, column="text", label="label")
    assert {split: table.values[0] for split, table in tables.items()} == {
        "train": "train a",
        "test": "test a",
        "validation": f"{name} a",
        "unsupervised": "no label column",
    }
    assert tables["unsupervised"].labels == [None]


def test_texts_of_all_splits_need_no_labels_and_no_training_file(tmp_path):
    write(tmp_path / "unlabelled.csv", "text\na\n")
    write(tmp_path / "test.csv", "text\nb\n")
    assert sorted(read_values(str(tmp_path), modality=TEXT, column="text")) == ["a", "b"]


def test_files_of_a_folder_that_are_not_read_are_named(tmp_path, capsys):
    """300 unlabelled texts in `unlabeled.csv` and 700 rows in `train2.csv` vanished without a word."""
    for name in ("train.csv", "train2.csv", "unlabeled.csv", "notes.md"):
        write_rows(tmp_path / name)
    tables = read_tables(str(tmp_path), modality=TEXT, column="text", label="label")
    assert tables.keys() == {"train", "unsupervised"}
    said = " ".join(capsys.readouterr().out.split())
    assert "not read, as their names are none of train, validation, test, unsupervised: train2.csv" in said
    assert "notes.md" not in said
    write_rows(tmp_path / "test.csv")
    read_tables(str(tmp_path), modality=TEXT, column="text", label="label", splits=["test"])
    assert not capsys.readouterr().out, "whoever asks for one split knows that the others are not read"


def test_a_missing_column_names_some_of_very_many(tmp_path):
    write(tmp_path / "wide.csv", ",".join(f"c{number}" for number in range(300)) + "\n" + ",".join(["1"] * 300) + "\n")
    with refused("set data.text to one of: c0, c1, ", "c19 and 280 more"):
        read_tables(str(tmp_path / "wide.csv"), modality=TEXT, column="text", label="label")


def test_two_files_for_one_split(tmp_path):
    for name in ("dev.csv", "valid.jsonl"):
        write_rows(tmp_path / name)
    with refused(tmp_path, "two files for `validation`", "dev.csv and valid.jsonl"):
        read_tables(str(tmp_path), modality=TEXT, column="text", label="label")


def test_folder_without_a_training_file(tmp_path):
    write_rows(tmp_path / "test.csv")
    with refused(tmp_path, "no `train` split, only test", "name a folder train, or a file train"):
        read_tables(str(tmp_path), modality=TEXT, column="text", label="label")


def test_only_the_splits_asked_for_are_read(tmp_path):
    write_rows(tmp_path / "test.csv")
    (tmp_path / "unsupervised.csv").write_bytes(b"text\n\xff\n")
    assert list(read_tables(str(tmp_path), modality=TEXT, column="text", label="label", splits=["test"])) == ["test"]
    with refused(tmp_path / "unsupervised.csv", "not UTF-8"):
        read_tables(str(tmp_path), modality=TEXT, column="text", label="label")
    with refused(tmp_path, "no `validation` split; name a folder validation, or a file validation"):
        read_tables(str(tmp_path), modality=TEXT, column="text", label="label", splits=["validation"])


def test_folder_without_any_data(tmp_path):
    with refused(tmp_path, "no files"):
        read_values(str(tmp_path), modality=TEXT, column="text")


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_not_utf8(tmp_path, suffix):
    file = write_rows(tmp_path / f"mine{suffix}", [("caf_", 1), ("b", 0)])
    write(file, file.read_bytes().replace(b"_", b"\xe9"))
    with refused(file, "not UTF-8", "0xe9", "save it as UTF-8"):
        rows(file)


def test_missing_column_lists_those_there(tmp_path):
    file = write(tmp_path / "mine.csv", "review,stars\na,1\n")
    with refused(file, "no column `text`", "set data.text to one of: review, stars"):
        rows(file)
    with refused(file, "no column `label`", "set data.label=stars"):
        rows(file, column="review")


@pytest.mark.parametrize("cell", ["true", "3", '["a"]'])
def test_cell_that_is_no_text(tmp_path, cell):
    file = write(tmp_path / "mine.jsonl", f'{{"text": "a", "label": 1}}\n{{"text": {cell}, "label": 0}}\n')
    with refused(file, "column `text`", "row 2", "remove the row"):
        rows(file)


@pytest.mark.parametrize("content", ["", "\n\n", "text,label\n"])
def test_no_rows(tmp_path, content):
    file = write(tmp_path / "mine.csv", content)
    with refused(file, "no rows"):
        rows(file)


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("a.csv", "text,label\na, b,1\n", ["line 2", "3 fields under a header of 2", "double quotes"]),
        ("b.csv", "text,label\na,1\nb\n", ["line 3", "1 fields under a header of 2"]),
        ("c.csv", 'text,label\n"a,1\nb,0\n', ["line 3", "close every quote"]),
        ("d.csv", "text,label,label\na,1,2\n", ["line 1", "two columns are named `label`"]),
        ("e.jsonl", '{"text": "a"}\n{"text": "b"\n', ["line 2", "not valid JSON"]),
        ("f.jsonl", '{"text": "a"}\n["b"]\n', ["line 2", "not a JSON object"]),
        ("g.json", '[{"text": "a"}, 3]', ["item 2", "not a JSON object"]),
        ("h.parquet", "text,label\n", ["not readable as parquet"]),
    ],
)
def test_malformed_files(tmp_path, name, content, parts, capfd):
    file = write(tmp_path / name, content)
    with refused(file, *parts):
        rows(file)
    assert capfd.readouterr() == ("", ""), "the error is the only thing that is said"


def test_unknown_suffix(tmp_path):
    with refused("mine.doc", "cannot read `.doc` files", ".csv", ".parquet"):
        rows(write(tmp_path / "mine.doc", "x"))
    with refused("mine.pkl", "cannot read `.pkl` files", "nothing is unpickled"):
        rows(write(tmp_path / "mine.pkl", "x"))
    with refused("mine.parquet.gz", "cannot read `.gz` files"):
        rows(write(tmp_path / "mine.parquet.gz", "x"))
    with refused("mine", "without a suffix", ".csv"):
        rows(write(tmp_path / "mine", "x"))


@pytest.mark.parametrize("source", ["sentiment-rating", "missing.csv", "./folder", "some/where/else"])
def test_unknown_source(source):
    with refused(f"data.source={source}", "no such file or folder"):
        rows(source)


def test_unknown_source_names_the_nearest_packaged_one():
    with refused("did you mean `sentiment-ratings`?"):
        rows("sentiment-rating")


def of_domain(source, domain, key="data"):
    return read_tables(str(source), modality=TEXT, column="text", label="label", domain=domain, key=key)


def test_a_domain_is_the_rows_with_it_in_a_column(tmp_path):
    shops = write(tmp_path / "mine.csv", "domain,text,label\nbooks,a,1\ndvd,b,0\nbooks,c,0\n")
    assert of_domain(shops, "books")["train"].values == ["a", "c"]
    assert of_domain(shops, "books")["train"].labels == [1, 0]
    assert of_domain(shops, "dvd")["train"].values == ["b"]
    years = {"text": ["a", "b"], "label": [0, 1], "domain": [1999, 2000]}
    pq.write_table(pa.table(years), tmp_path / "mine.parquet")
    assert of_domain(tmp_path / "mine.parquet", "2000")["train"].values == ["b"]


def test_a_domain_of_a_data_frame():
    """`limbeck.distill` took all its rows, whatever `data.domain` said."""
    frame = {"text": ["a", "b", "c"], "label": [1, 0, 0], "domain": ["books", "dvd", "books"], "other": [1, 2, 3]}
    names = {"modality": TEXT, "column": "text", "label": "label", "where": "train"}
    assert as_table(frame, domain="books", **names).values == ["a", "c"]
    assert as_table(frame, domain="books", **names).labels == [1, 0]
    assert as_table(frame, **names).values == ["a", "b", "c"]
    with refused("train, column `domain`", "no row of the domain `bocks`", "did you mean `books`?"):
        as_table(frame, domain="bocks", **names)


class Frame:
    """Names its columns as polars does, which has neither `keys` nor `column_names`."""

    columns = ("text", "label")

    def __getitem__(self, name):
        return np.array(["a", "b"] if name == "text" else [1, 0])


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        # The names of the columns became texts.
        (pd.DataFrame([["a", "b", 1]], columns=["text", "text", "label"]), "two columns are named `text`"),
        (pd.DataFrame([["a", 0, 1]], columns=["text", "label", "label"]), "two columns are named `label`"),
        ({"text": ["a", "b"], "label": [1]}, "different numbers of rows: `text` has 2, `label` has 1"),
        ([("a", 1)], "no column `text`"),
    ],
)
def test_frames_that_are_refused(frame, said):
    with refused("frame", said):
        as_table(frame, modality=TEXT, column="text", label="label", where="frame")


def test_a_parquet_file_with_two_columns_of_one_name(tmp_path):
    columns = [pa.array(["a"]), pa.array(["b"]), pa.array([1])]
    pq.write_table(pa.Table.from_arrays(columns, names=["text", "text", "label"]), tmp_path / "mine.parquet")
    with refused("mine.parquet", "two columns are named `text`"):
        rows(tmp_path / "mine.parquet")


def test_a_frame_that_names_its_columns_in_another_way():
    assert as_table(Frame(), modality=TEXT, column="text", label="label", where="frame") == Table(["a", "b"], [1, 0])
    frame = pd.DataFrame({0: ["a", "b"], 1: [1, 0]})
    assert as_table(frame, modality=TEXT, column="0", label="1", where="frame") == Table(["a", "b"], [1, 0])


def test_a_domain_of_a_folder_is_taken_from_every_split(tmp_path):
    for split, rows_of_it in (("train", "books,a,1\ndvd,b,0\n"), ("test", "dvd,c,0\nbooks,d,1\n")):
        write(tmp_path / f"{split}.csv", f"domain,text,label\n{rows_of_it}")
    assert {split: table.values for split, table in of_domain(tmp_path, "books").items()} == {
        "train": ["a"],
        "test": ["d"],
    }


def test_a_domain_that_is_not_there(tmp_path):
    file = write_rows(tmp_path / "mine.csv")
    with refused("mine.csv", "no column `domain`", "set data.target.domain=null"):
        of_domain(file, "movie", "data.target")
    with refused("mine.csv, column `domain`", "no row of the domain `bocks`", "did you mean `books`?"):
        of_domain(write(file, "domain,text,label\nbooks,a,1\n"), "bocks")


@pytest.mark.parametrize("message", ["no network\nand more", ""])
def test_hub_out_of_reach(monkeypatch, message):
    def load_dataset(name):
        raise ConnectionError(message)

    monkeypatch.setitem(sys.modules, "datasets", type("Stub", (), {"load_dataset": staticmethod(load_dataset)}))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with refused("data.source=owner/name", "HF_HUB_OFFLINE is set", message.partition("\n")[0], "local file or folder"):
        rows("owner/name")


def test_hub_splits_are_read_by_name_and_alias(monkeypatch):
    parts = {"train": {"text": ["a"], "label": [1]}, "dev": {"text": ["b"], "label": [0]}, "odd": {"text": ["c"]}}
    splits = {name: type("Part", (), {"__getitem__": lambda _, key, part=part: part})() for name, part in parts.items()}
    monkeypatch.setitem(sys.modules, "datasets", type("Stub", (), {"load_dataset": staticmethod(lambda name: splits)}))
    tables = read_tables("owner/name", modality=TEXT, column="text", label="label")
    assert {name: table.values for name, table in tables.items()} == {"train": ["a"], "validation": ["b"]}
    del splits["train"]
    with refused("owner/name", "no `train` split, only validation"):
        rows("owner/name")
