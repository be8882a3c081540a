"""What people bring, as it is: separators, encodings, packed files, sheets, folders of texts, nested objects."""

import gzip
import io
import json
import sys

import datasets
import numpy as np
import openpyxl
import pandas as pd
import pytest
from data_cases import refused

from limbeck.data.readers import read_file
from limbeck.data.tables import as_table, read_tables, read_values
from limbeck.runtime.records import texts
from limbeck.runtime.records.delimited import delimiter_of
from limbeck.runtime.textfiles import Lines
from made_rows import TEXT

ROWS = [("good film", "good"), ("a bad one, and long", "bad")]


def rows(source, column="text", label="label", split="train", **options):
    table = read_tables(str(source), modality=TEXT, column=column, label=label, **options)[split]
    return list(zip(table.values, table.labels, strict=True))


def asked(file, columns=()):
    return [one.value for one in Lines().asked([str(file)], columns)]


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


CSV = 'text,label\ngood film,good\n"a bad one, and long",bad\n'
OBJECTS = "\n".join(json.dumps({"text": text, "label": label}) for text, label in ROWS)
SEMICOLONS = "text;label\ngood film;good\na bad one, and long;bad\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", SEMICOLONS, "a.csv: fields are separated by a semicolon"),
        ("a.csv", SEMICOLONS.replace(";", "\t"), "a.csv: fields are separated by a tab"),
        ("a.tsv", CSV, "a.tsv: fields are separated by a comma"),
        ("a.csv", f"sep=;\r\n{SEMICOLONS}", "a.csv: fields are separated by a semicolon"),
        ("a.csv", f'"sep=|"\n{SEMICOLONS}'.replace(";", "|").encode("utf-8-sig"), "fields are separated by `|`"),
        ("a.csv", f"sep=\t\n{SEMICOLONS}".replace(";", "\t").encode("utf-16"), "fields are separated by a tab"),
        ("a.csv", f"sep=,\n{CSV}", ""),
        ("a.csv", CSV.encode("utf-16"), "a.csv: read as UTF-16, as its first bytes say"),
        ("a.CSV", SEMICOLONS.encode("utf-32"), "a.CSV: read as UTF-32, as its first bytes say"),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0), ""),
        ("a.csv.GZ", gzip.compress(CSV.encode("utf-16"), mtime=0), "read as UTF-16"),
        ("a.jsonl.gz", gzip.compress(OBJECTS.encode(), mtime=0), ""),
        ("a.ndjson", OBJECTS, ""),
    ],
)  # fmt: skip
def test_a_file_is_read_as_it_is_and_that_is_said(tmp_path, capsys, name, content, said):
    file = written(tmp_path / name, content)
    assert rows(file) == ROWS
    found = capsys.readouterr().out
    assert said in found if said else not found
    assert asked(file) == [text for text, _ in ROWS]


@pytest.mark.parametrize(
    ("lines", "usual", "found"),
    [
        (["a,b\n", "1,2\n"], ",", ","),
        (["a;b\n", "1,5;2\n"], ",", ";"),
        (["title, or so;label\n", "x;1\n", "y;2\n"], ",", ";"),  # the header alone has a comma
        (["a,b\n", '"x;y",1\n', "broken\n"], ",", ","),  # a row that is too short is the file's fault
        (["text\n", "a;b\n", "c\n"], ",", ","),
        (["text;more,label\n", "a;b,1\n", "c,2\n"], ",", ","),
        (["a;b\n", '1;"an open\n'], ",", ";"),
        ([], ",", ","),
    ],
)
def test_the_separator_is_the_one_that_divides_every_row_alike(lines, usual, found):
    assert delimiter_of(lines, usual) == found


def test_under_a_line_that_says_the_separator_lines_keep_their_numbers(tmp_path):
    with refused("a.csv, line 4: a row of 3 fields under a header of 2"):
        rows(written(tmp_path / "a.csv", "sep=;\ntext;label\na;b\na;b;c\n"))
    with refused("b.csv, line 2: two columns are named `text`"):
        rows(written(tmp_path / "b.csv", "sep=;\ntext;text\na;b\n"))


def test_how_a_file_of_windows_becomes_one_of_utf_8_is_said(tmp_path):
    latin = b"text,label\ncaf\xe9,b\n"
    with refused("a.csv, line 2: not UTF-8", 'in Excel as "CSV UTF-8"; or iconv -f cp1252 -t utf-8'):
        rows(written(tmp_path / "a.csv", latin))
    with refused("b.csv.gz: not UTF-8; save it as UTF-8", 'in Excel as "CSV UTF-8"'):
        rows(written(tmp_path / "b.csv.gz", gzip.compress(latin)))
    with refused("c.txt, line 2: not UTF-8", "save it as UTF-8 (iconv -f cp1252"):
        asked(written(tmp_path / "c.txt", latin))


def test_a_sheet_is_read_as_its_csv(tmp_path, capsys):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [
        ("text", "label", "n", None),
        ("good film", 1, 2.0, None),
        (None, None, None, None),
        (7, 0, True, None),
    ]:
        sheet.append(row)
    book.create_sheet("Notes")
    book.save(tmp_path / "a.xlsx")
    assert rows(tmp_path / "a.xlsx") == [("good film", 1), ("7", 0)]
    assert "the first sheet, `Sheet`, is read; not read: Notes" in capsys.readouterr().out
    assert read_file(tmp_path / "a.xlsx")["n"] == ["2", "true"]
    assert asked(tmp_path / "a.xlsx") == ["good film", "7"]
    sheet.append(("x", 1, 2, "beside"))
    book.save(tmp_path / "b.xlsx")
    with refused("b.xlsx, line 5: a cell beside the columns that have a name; name every column"):
        rows(tmp_path / "b.xlsx")
    with refused("c.xlsx: not readable as an Excel workbook", "save it again as .xlsx"):
        rows(written(tmp_path / "c.xlsx", b"PK"))


def test_a_file_that_unpacks_to_far_more_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "_LARGE", 1 << 20)
    file = written(tmp_path / "a.csv.gz", gzip.compress(b"text,label\n" + b"a,b\n" * 2_000_000))
    with refused("a.csv.gz: unpacks to more than 300 times its size"):
        rows(file)
    with refused("b.csv.gz: not readable as gzip", "pack it again"):
        rows(written(tmp_path / "b.csv.gz", file.read_bytes()[:40]))
    with refused("c.csv.gz: not readable as gzip"):
        rows(written(tmp_path / "c.csv.gz", b"text,label\na,b\n"))


@pytest.mark.parametrize("splits", [True, False])
def test_a_folder_with_a_subfolder_a_class_of_text_files(tmp_path, splits):
    place = tmp_path / "train" if splits else tmp_path
    written(place / "good" / "1.txt", " good film\r\n")
    written(place / "bad" / "2.TXT", "b\u00e4d\nfilm".encode("utf-16"))
    written(place / "3.txt", "nobody knows")
    if splits:
        written(tmp_path / "test" / "good" / "1.txt", "another")
    else:
        written(tmp_path / "README.txt", "these are films")
    assert rows(tmp_path) == [("nobody knows", None), ("b\u00e4d\nfilm", "bad"), ("good film", "good")]
    assert rows(tmp_path, split="test") == [("another", "good")] if splits else True
    names = [one.shown for one in Lines().asked([str(place)])]
    assert str(place / "good" / "1.txt") in names
    with refused("2.txt", "not UTF-8"):
        rows(written(place / "bad" / "2.txt", b"\xff").parents[1])


def test_what_save_to_disk_wrote(tmp_path):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    held = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    held.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": held, "dev": held.select([1])}).save_to_disk(tmp_path / "several")
    assert rows(tmp_path / "one") == rows(tmp_path / "several") == [("a", "good"), ("b", "bad")]
    assert rows(tmp_path / "several", split="validation") == [("b", "bad")]
    (tmp_path / "one" / "state.json").write_text("{}")
    with refused("one: not readable as a folder of save_to_disk", "save it again"):
        rows(tmp_path / "one")


NESTED = [{"review": {"body": "good film", "by": {"name": "ada"}}, "y": 1}, {"review": None, "y": 0}, {"y": 0}]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "frame"])
def test_a_path_into_nested_objects(tmp_path, kind):
    expected = [("good film", 1), ("", 0), ("", 0)]
    if kind == "frame":
        table = as_table(pd.DataFrame(NESTED), modality=TEXT, column="review.body", label="y", where="it")
        assert list(zip(table.values, table.labels, strict=True)) == expected
        return
    file = tmp_path / f"a.{kind}"
    if kind == "jsonl":
        written(file, "\n".join(map(json.dumps, NESTED)))
    else:
        pd.DataFrame(NESTED).to_parquet(file)
    assert rows(file, column="review.body", label="y") == expected
    assert asked(file, ["review.body"]) == ["good film", "", ""]
    assert [one for one, _ in rows(file, column="review.by.name", label="y")] == ["ada", "", ""]
    with refused("no column `review.text`", "set data.text to one of: review.body, review.by"):
        rows(file, column="review.text", label="y")


def test_two_columns_are_one_text(tmp_path):
    file = written(tmp_path / "a.csv", "title,body,label\nA,one,x\n,two,y\n,,y\n")
    assert rows(file, column=("title", "body")) == [("A\x1eone", "x"), ("\x1etwo", "y"), ("", "y")]
    found = list(Lines(("title", "body")).asked([str(file)]))
    assert [one.value for one in found] == ["A\x1eone", "\x1etwo", ""]
    assert found[0].shown == "A\none"
    with refused("no column `text`", "set data.text to one of: title, body"):
        rows(file, column=("title", "text"))


def test_more_texts_without_a_label(tmp_path):
    file = written(tmp_path / "more.txt", "one\ntwo, with a comma\n\n")
    assert read_values(str(file), modality=TEXT, column="review")[:2] == ["one", "two, with a comma"]
    written(tmp_path / "folder" / "a.txt", "three")
    assert read_values(str(tmp_path / "folder"), modality=TEXT, column="text") == ["three"]
    with refused("more.txt: a text file holds texts without labels", "give a csv file with a column of labels"):
        rows(file)


# --- columns of other kinds


@pytest.mark.parametrize(
    "label",
    [
        pd.array([1, None, 0], dtype="Int64"),
        pd.array(["1", None, "0"], dtype="string"),
        pd.array([True, None, False], dtype="boolean"),
        [np.int64(1), np.float32("nan"), np.int64(0)],
        pd.Categorical(["1", None, "0"]),
        pd.array([1, None, 0], dtype=pd.ArrowDtype(__import__("pyarrow").int64())),
    ],
    ids=["Int64", "string", "boolean", "numpy", "categorical", "arrow"],
)
def test_nothing_in_a_column_of_any_kind_is_no_label(label):
    frame = {"text": pd.array(["a", "b", None], dtype="string"), "label": label}
    table = as_table(pd.DataFrame(frame), modality=TEXT, column="text", label="label", where="it")
    assert table.values == ["a", "b", ""]
    from limbeck.data.cells import label_name

    names = [label_name(cell) for cell in table.labels]
    assert names[1] is None
    assert names[0] != names[2]
    assert None not in (names[0], names[2])


# --- causes


def test_a_file_without_a_line_of_names_is_called_that(tmp_path):
    file = written(tmp_path / "a.csv", "good film,1\nbad film,0\n")
    with refused("a.csv: no column `text`: its first line is a row (good film, 1)", "text,label"):
        rows(file)
    repeated = written(tmp_path / "b.csv", "fine,good\nworse,bad\nnice,good\n")
    with refused("its first line is a row (fine, good)", "such as: text,label"):
        rows(repeated)
    named = written(tmp_path / "c.csv", "review,kind\nfine,good\nworse,bad\n")
    with refused("no column `text`; set data.text to one of: review, kind"):
        rows(named)


def test_a_column_cannot_be_text_and_label(tmp_path):
    file = written(tmp_path / "a.csv", "text,kind\nx,y\n")
    with refused("column `text` is the label, and cannot be read too; set data.text or data.label"):
        rows(file, label="text")


def test_a_test_file_without_labels_is_said_to_have_none(tmp_path):
    written(tmp_path / "train.csv", CSV)
    written(tmp_path / "test.csv", "id,text\n1,a\n2,b\n")
    with refused("test.csv: no column `label`: the test split has no labels; add it, or remove", "there are: id, text"):
        rows(tmp_path)


def test_standard_input_may_be_utf_16(monkeypatch):
    raw = io.BufferedReader(io.BytesIO("b\u00e4d\n".encode("utf-16")))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(raw, encoding="ascii"))
    assert [one.value for one in Lines().asked([])] == ["b\u00e4d"]


def test_a_parquet_file_without_pyarrow_is_refused_in_one_line(tmp_path, monkeypatch):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1")
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with refused("parquet files need pyarrow, which is not installed", path):
        read_file(path)
