"""What `limbeck predict` is given: lines, files, folders; and a file that cannot be read among others."""

import io

import pytest

from limbeck.errors import LimbeckError
from limbeck.runtime import takes
from limbeck.runtime.tablefiles import TableFiles
from limbeck.runtime.takes import Asked, Files, Lines, WithContent, answered

FILES = Files("image", (".png", ".jpg"))


def typed(monkeypatch, text):
    """Standard input as a program gets it where the locale knows ASCII alone."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(text.encode())), encoding="ascii"))


def test_lines_of_files_and_of_standard_input(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("one\r\ntwo\n\nthree")
    typed(monkeypatch, "four\n")
    shown = [one.shown for one in Lines().asked([str(tmp_path / "a.txt"), "-"])]
    assert shown == ["one", "two", "", "three", "four"]
    typed(monkeypatch, "five \u00e9\n")
    assert list(Lines().asked([])) == [Asked("five \u00e9", "five \u00e9", "standard input, line 1")]


def test_blank_texts_are_left_out_and_counted(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\n \t\ntwo\n\n")
    content = WithContent()
    assert [one.value for one in content.of(Lines().asked([str(tmp_path / "a.txt")]))] == ["one", "two"]
    assert content.said == f"left out: 3 empty texts, the first in {tmp_path / 'a.txt'}, line 2"
    content = WithContent()
    asked = Lines().asked([table(tmp_path / "rows.csv", "text,x", "a,1", ",2")])
    assert [one.value for one in content.of(asked)] == ["a"]
    assert content.said == f"left out: 1 empty text, the first in {tmp_path / 'rows.csv'}, row 2"
    content, row = WithContent(), Asked("row 1", {"a": None})
    assert (list(content.of([row])), content.said) == ([row], "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("clips.csv", "clips.csv: the rows of a .csv file cannot be read as images"),
        ("clips.parquet", "clips.parquet: the rows of a .parquet file cannot"),
        ("clips.npz", "clips.npz: the rows of a .npz file cannot"),
        ("-", "^-: standard input cannot be read as images, only files that are images"),
    ],
)
def test_what_holds_rows_is_no_file_of_images(name, said):
    with pytest.raises(LimbeckError, match=rf"{said}.*; name these, or folders of them; .* in Python"):
        FILES.asked([name])


def test_a_folder_is_expanded_in_the_order_of_its_paths(tmp_path):
    for name in ("b/2.PNG", "b/1.jpg", "a.png", "notes.txt", ".hidden.png", "b/.cache/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    said = []
    found = [one.value for one in FILES.asked([str(tmp_path), str(tmp_path / "notes.txt")], (), said.append)]
    assert found == [str(tmp_path / name) for name in ("a.png", "b/1.jpg", "b/2.PNG", "notes.txt")]
    assert said == [f"{tmp_path}: 1 file is not read (.txt)"]


def test_nothing_to_ask_for_is_refused(tmp_path):
    with pytest.raises(LimbeckError, match=r"no image is given; name files or folders of images"):
        FILES.asked([])
    with pytest.raises(LimbeckError, match=r"no image in this folder; .* \.png, \.jpg"):
        FILES.asked([str(tmp_path)])
    (tmp_path / "a.wav").touch()
    with pytest.raises(LimbeckError, match=r"no image in this folder, only \.wav; give"):
        FILES.asked([str(tmp_path)])


def test_the_others_are_answered(monkeypatch):
    """A value that cannot be read costs no other one its answer, and the others are asked together where they can."""
    calls = []

    def predict(values):
        calls.append(len(values))
        if "bad" in values:
            raise LimbeckError("cannot be read", where="bad")
        return [value.upper() for value in values]

    monkeypatch.setattr(takes, "_AT_ONCE", 3)
    asked = [Asked(name, name) for name in ("a", "b", "c", "d", "bad", "e", "f")]
    found = {one.shown: answer for one, answer in answered(asked, predict)}
    assert str(found.pop("bad")) == "bad: cannot be read"
    assert found == {name: name.upper() for name in "abcdef"}
    assert calls == [3, 3, 1, 1, 1, 1]


# --- files with columns


def table(path, *rows):
    path.write_text("".join(row + "\n" for row in rows))
    return str(path)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("a.csv", ("kind,text", 'x,"one, two"', "y,")),
        ("a.TSV", ("kind\ttext", "x\tone, two", "y\t")),
        ("a.jsonl", ('{"kind": "x", "text": "one, two"}', '{"kind": "y"}')),
    ],
)
def test_texts_of_a_file_with_columns_are_those_of_one(tmp_path, name, rows):
    file = table(tmp_path / name, *rows)
    assert [one.value for one in Lines().asked([file])] == ["one, two", ""]
    assert [one.value for one in Lines().asked([file], ["kind"])] == ["x", "y"]


def test_a_column_is_called_as_in_the_training_or_as_what_it_holds(tmp_path):
    lines, both = Lines().trained_on(["body"]), table(tmp_path / "a.csv", "text,body", "a,b")
    assert [one.value for one in lines.asked([both])] == ["b"]
    assert [one.value for one in lines.asked([both], ["text"])] == ["a"]
    assert [one.value for one in lines.asked([table(tmp_path / "b.csv", "text,x", "a,b")])] == ["a"]
    with pytest.raises(LimbeckError, match="no column `body`; set --column to one of: kind, x"):
        list(lines.asked([table(tmp_path / "c.csv", "kind,x", "a,b")]))
    assert FILES.trained_on(["body"]) == FILES


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        ("a.csv", None, r"a.csv: no column `text`; set --column to one of: body, kind; or give lines of text"),
        ("a.csv", "bodi", "a.csv: no column `bodi`; set --column to one of: body, kind"),
        ("a.txt", "body", "a.txt: --column=body, and lines of text have no columns; leave it out, or give csv"),
        ("a.parquet", None, "a.parquet: not readable as parquet"),
        ("a.jsonl", "n", "a.jsonl, row 1: column `n` has a value of type int, where a text belongs"),
    ],
)
def test_lines_of_a_file_with_columns_are_no_texts(tmp_path, name, column, said):
    file = table(tmp_path / name, *(['{"n": 3}'] if name == "a.jsonl" else ["body,kind", "one,x"]))
    with pytest.raises(LimbeckError, match=said):
        list(Lines().asked([file], [column] if column else ()))


def test_a_table_without_a_column_is_refused_once(tmp_path):
    file = table(tmp_path / "a.csv", "size,kind", "1,x", "2,y")
    with pytest.raises(LimbeckError, match=r"a.csv: no column `age` \(nor job\); add it; there are: size, kind$"):
        list(TableFiles(("size", "age", "job")).asked([file]))
    assert len(list(TableFiles(("size",)).asked([file]))) == 2
    some = table(tmp_path / "b.jsonl", '{"age": 1}', "{}")
    assert [one.value for one in TableFiles(("age",)).asked([some])] == [{"age": 1}, {"age": None}]


@pytest.mark.parametrize("asks", [FILES, TableFiles(("a",))])
def test_a_column_is_refused_where_none_is_read(asks, tmp_path):
    with pytest.raises(LimbeckError, match=r"^--column: .*; leave it out$"):
        asks.asked([str(tmp_path)], ["a"])


def test_what_cannot_be_read_is_called_by_its_file_and_row(tmp_path):
    """Whatever place a reader counts in what it was given."""

    def predict(values):
        if bad := [row for row, value in enumerate(values) if value["a"] == "x"]:
            raise LimbeckError("a text", where=f"row {bad[0] + 1}", fix="mend it")
        return values

    asked = TableFiles(("a",)).asked([table(tmp_path / "t.csv", "a", "1", "2", "x")])
    *_, (_, error) = answered(asked, predict)
    assert str(error) == f"{tmp_path / 't.csv'}, row 3: a text; mend it"


def test_what_is_not_installed_is_said_once():
    def predict(values):
        raise LimbeckError("images need Pillow", fix="pip install it")

    with pytest.raises(LimbeckError, match="images need Pillow"):
        list(answered([Asked("a", "a"), Asked("b", "b")], predict))
