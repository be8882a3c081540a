"""What `limbeck predict` is given: lines, files, folders; and a file that cannot be read among others."""

import io

import pytest

from limbeck.errors import LimbeckError
from limbeck.runtime import takes
from limbeck.runtime.tablefiles import TableFiles
from limbeck.runtime.takes import Asked, Files, WithContent, answered
from limbeck.runtime.textfiles import Lines
from limbeck.runtime.written import _beside

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
    source = {"row": 1, "text": "five \u00e9"}
    assert list(Lines().asked([])) == [Asked("five \u00e9", "five \u00e9", "standard input, line 1", source)]


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


def test_a_file_that_cannot_be_read_costs_the_others_nothing(tmp_path):
    """Of texts, of table rows and of files, in either order; in a folder too, also in one that is given alone."""
    good, latin = table(tmp_path / "good.csv", "text", "a"), str(tmp_path / "latin.csv")
    (tmp_path / "latin.csv").write_bytes(b"text\ncaf\xe9\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/1.txt").write_bytes(b"caf\xe9")
    (tmp_path / "folder/2.txt").write_text("b")
    (tmp_path / "folder/more.pdf").touch()
    missing, bare, folder = str(tmp_path / "no.csv"), str(tmp_path / "rows.txt"), str(tmp_path / "folder")
    said = []
    for takes_, given, whole in (
        (Lines(), [good, missing, latin], 1),
        (Lines(), [latin, missing, good], 1),
        (Lines(), [folder], 1),
        (Lines(), [folder, good], 2),
        (TableFiles(("text",)), [latin, good, missing, bare], 1),
        (FILES, [str(tmp_path / "a.png"), folder, good], 1),
    ):
        found = list(takes_.asked(given, (), said.append))
        wrong = [one for one in found if isinstance(one.value, LimbeckError)]
        assert len(found) - len(wrong) == whole
        assert all(str(one.value.where).startswith(one.shown) for one in wrong)
        assert [answer for _, answer in answered(found, list)] == [one.value for one in found]
    assert said == [f"{folder}: 1 file is not read (.pdf)"] * 2
    with pytest.raises(LimbeckError, match=r"no.csv: cannot be read"):
        Lines().asked([missing])


def test_a_record_says_its_file_its_row_and_the_text_under_its_column(tmp_path):
    first, other = table(tmp_path / "a.csv", "body,id", ",1", "x,2"), table(tmp_path / "b.txt", "y")
    lines = Lines().trained_on(["body"])
    assert [one.source for one in lines.asked([first])] == [{"row": 1, "body": ""}, {"row": 2, "body": "x"}]
    assert [one.source for one in lines.asked([first, other])][1:] == [
        {"file": first, "row": 2, "body": "x"},
        {"file": other, "row": 1, "body": "y"},
    ]
    assert [one.source for one in lines.asked([other])] == [{"row": 1, "text": "y"}]
    assert [one.source for one in lines.asked([str(tmp_path)])] == [{"file": other}]
    assert next(lines.asked([str(tmp_path), first])).source == {"file": other, "row": None, "body": None}
    odd = table(tmp_path / "odd.csv", "row", "z")
    assert [one.source for one in Lines().asked([odd], ["row"])] == [{"row": 1, "row_text": "z"}]
    assert _beside({"label": "a", "label_answer": "b"}, {"label": "c"}) == {
        "label": "a", "label_answer": "b", "label_answer_": "c",
    }  # fmt: skip
    rows = TableFiles(("id",))
    assert [one.source for one in rows.asked([first])] == [{"row": 1}, {"row": 2}]
    assert [one.source for one in rows.asked([first, first])][2:] == [{"file": first, "row": n} for n in (1, 2)]


def test_a_text_of_several_columns(tmp_path):
    """Lines and text files cannot tell its parts apart."""
    pair, file = Lines().trained_on(["title", "body"]), table(tmp_path / "a.csv", "title,body,text", "a,b,c")
    (one,) = pair.asked([file])
    assert (one.value, one.source) == ("a\x1eb", {"row": 1, "title": "a", "body": "b"})
    (one,) = pair.asked([file], ["text", "title"])
    assert one.value == "c\x1ea"
    lines = table(tmp_path / "a.txt", "a")
    for given, columns, told in (
        ([lines], [], "a.txt: lines and text files have one part, and this student reads 2: title, body; give csv"),
        ([], [], "standard input: lines and text files have one part"),
        ([str(tmp_path)], [], "lines and text files have one part"),
        ([file], ["text"], "--column: 1 column named, and a text of the training had 2: title, body; name one for"),
        ([table(tmp_path / "b.csv", "text", "a")], [], "b.csv: no column `title`; name 2 with --column, of: text$"),
    ):
        with pytest.raises(LimbeckError, match=told):
            list(pair.asked(given, columns))


def test_what_is_not_installed_is_said_once():
    def predict(values):
        raise LimbeckError("images need Pillow", fix="pip install it")

    with pytest.raises(LimbeckError, match="images need Pillow"):
        list(answered([Asked("a", "a"), Asked("b", "b")], predict))
