"""`limbeck evaluate`: whose label is whose, which rows are scored, and in whose words it refuses."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from limbeck import score
from limbeck.errors import LimbeckError

GIVEN = {
    "classification": (("Good", "bad"), {}),
    "multilabel": (("good", "bad"), {"thresholds": [0.5, 0.5], "separator": "|"}),
    "multioutput": (("x=a", "x=b", "y=c", "y=d"), {"columns": {"x": ["a", "b"], "y": ["c", "d"]}}),
    "regression": (("price",), {"spread": [1.0]}),
}


def bundle(kind="classification", labels=None, reader=None, **info):
    """Return what answers the same to every example."""
    names, decision = GIVEN[kind]
    labels = labels or names
    return SimpleNamespace(
        labels=labels,
        reader=SimpleNamespace(**(reader or {"kind": "text"})),
        info={"task": kind, "decision": decision, **info},
        logits=lambda values: np.tile(np.arange(1.0, len(labels) + 1), (len(values), 1)),
    )


@pytest.fixture
def scored(tmp_path, monkeypatch):
    """Return the scores of a bundle on rows, or on a source."""

    def scored(rows, made=None, *, column=None, label=(), as_json=True):
        monkeypatch.setattr(score, "load_for_files", lambda _: (made or bundle(), None))
        source = rows
        if not isinstance(rows, str):
            path = tmp_path / "rows.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            source = str(path)
        return score.score_bundle(tmp_path, source, column=column, label=label, as_json=as_json)

    return scored


def texts(*rows):
    return [{"text": text, "label": label} for text, label in rows]


def test_a_label_in_another_spelling_is_the_bundles(scored):
    rows = texts(("a", "bad"), ("b", "BAD"), ("c", " Bad"), ("d", "good"), ("e", "Good"))
    assert scored(rows)["accuracy"] == pytest.approx(3 / 5)


@pytest.mark.parametrize("none", [None, "", "NaN"])
def test_rows_without_a_label_or_an_example_are_left_out_and_counted(scored, capsys, none):
    rows = texts(("a", "bad"), ("b", none), ("c", none), ("", "bad"), ("d", "Good"))
    assert scored(rows, as_json=False)["accuracy"] == 0.5
    said = " ".join(capsys.readouterr().out.split())
    assert "left out: 2 rows without a label (the first is row 2) and 1 row without a text (row 4)" in said
    assert "2 rows 50.0 %" in said.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("kind", "row", "bare"),
    [
        ("multilabel", {"label": "good|bad"}, {"label": ""}),
        ("multioutput", {"x": "a", "y": "c"}, {"x": "", "y": ""}),
        ("regression", {"price": 2.5}, {"price": None}),
    ],
)
def test_rows_without_a_label_are_left_out_in_every_task(scored, kind, row, bare):
    rows = [{"text": "a", **row}, {"text": "b", **row}]
    assert scored([*rows, {"text": "c", **bare}], bundle(kind)) == scored(rows, bundle(kind))


@pytest.mark.parametrize("none", [-1, -100])
def test_a_negative_number_beside_counted_classes_is_no_label(scored, none):
    made = bundle(labels=("0", "1", "2"))
    assert scored(texts(("a", 2), ("b", none), ("c", 1)), made)["accuracy"] == 0.5


def test_classes_that_nobody_asked_for_are_the_other_class(scored, capsys):
    """A folder of keywords holds more words than the student was trained to tell."""
    made = bundle(labels=("yes", "unknown"), other_class="unknown")  # it decides for the last one
    assert (
        scored(texts(("a", "bed"), ("b", "YES"), ("c", "cat"), ("d", "unknown"), ("e", None)), made)["accuracy"] == 0.75
    )
    assert "2 rows of other classes count as `unknown`: bed, cat" in " ".join(capsys.readouterr().err.split())
    assert scored(texts(("a", "unknown"), ("b", "yes")), made)["accuracy"] == 0.5
    assert "other classes" not in capsys.readouterr().err


@pytest.mark.parametrize("sign", ["none", "N/A", "?", -1, ["yes"], 0.5])
def test_what_may_be_no_label_is_not_the_other_class(scored, sign):
    """Training refuses them, or was told in `data.missing` that they are none."""
    made = bundle(labels=("yes", "unknown"), other_class="unknown")
    with pytest.raises(LimbeckError, match=r"row 2 has the label .*, which the bundle does not know"):
        scored(texts(("a", "yes"), ("b", sign), ("c", "bed")), made)


def test_what_meant_no_label_in_training_means_none(scored):
    for made in (bundle(labels=("yes", "unknown"), other_class="unknown", missing=["none"]), bundle(missing=["none"])):
        assert scored(texts(("a", made.labels[1]), ("b", "none")), made)["accuracy"] == 1.0


@pytest.mark.parametrize("other", ["other", 5, None, ["no"]])
def test_another_class_that_the_bundle_has_not_is_none(scored, other):
    with pytest.raises(LimbeckError, match="row 2 has the label `bed`, which the bundle does not know"):
        scored(texts(("a", "yes"), ("b", "bed")), bundle(labels=("yes", "no"), other_class=other))


def test_a_column_of_which_nothing_is_known_is_no_column_of_other_classes(scored):
    with pytest.raises(LimbeckError, match="row 1 has the label `bed`"):
        scored(texts(("a", "bed"), ("b", "cat")), bundle(labels=("yes", "unknown"), other_class="unknown"))


def test_names_of_other_classes_are_told_on_one_line(scored, capsys):
    made = bundle(labels=("1", "unknown"), other_class="unknown")
    assert scored(texts(("a", 1), ("b", True), ("c", "x\ny" + 60 * "z")), made)["accuracy"] == pytest.approx(2 / 3)
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "other classes" in line]
    assert "2 rows of other classes count as `unknown`: true, x" in said
    assert len(said.split("true, ")[1]) == 40


def test_what_is_said_beside_json_is_no_part_of_it(scored, capsys):
    scored(texts(("a", "bad"), ("b", None)))
    out, beside = capsys.readouterr()
    assert json.loads(out)["accuracy"] == 1.0
    assert "1 row without a label" in beside


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (texts(("a", "bad"), ("b", "gud")), "row 2 has the label `gud`, which the bundle does not know"),
        (texts(("a", "bad"), ("b", -1)), "row 2 has the label `-1`"),
        (
            texts(("a", None), ("", "bad")),
            "no row to score; .* 1 row without a label .row 1. and 1 row without a text .row 2.",
        ),
        ("digits", "DATA: `digits` is image, and texts are needed; give a source of texts"),
    ],
)
def test_what_is_refused(scored, rows, said):
    with pytest.raises(LimbeckError, match=said):
        scored(rows)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("classification", {"text": "a", "label": "gud"}),
        ("classification", {"text": "a", "kind": "bad"}),
        ("classification", {"text": 3, "label": "bad"}),
        ("classification", {"body": "a", "label": "bad"}),
        ("multilabel", {"text": "a", "label": 5}),
        ("multilabel", {"text": "a", "label": "gud"}),
        ("multioutput", {"text": "a", "x": "a", "y": "e"}),
        ("multioutput", {"text": "a", "x": "a", "y": None}),
        ("multioutput", {"text": "a", "x": "a"}),
        ("regression", {"text": "a", "price": "much"}),
        ("regression", {"text": "a", "label": 1.5}),
    ],
)
def test_an_error_speaks_of_the_commands_options_and_of_no_key_of_a_recipe(scored, kind, row):
    with pytest.raises(LimbeckError) as caught:
        scored([row], bundle(kind))
    said = str(caught.value)
    assert "data." not in said
    assert "task" not in said


def test_the_columns_of_values_and_of_several_decisions_need_no_naming(scored):
    rows = [{"text": "a", "y": "d", "x": "b"}]
    assert scored(rows, bundle("multioutput"))["all_right"] == 1.0
    assert scored(rows, bundle("multioutput"), label=["y", "x"])["all_right"] == 1.0
    with pytest.raises(LimbeckError, match="--label: the bundle's label has the columns x, y; name each of them once"):
        scored(rows, bundle("multioutput"), label=["x"])


def test_the_columns_of_label_sets_are_said(scored):
    with pytest.raises(LimbeckError, match=r"no column `label`.* set --label to one of: a, b; or give each") as said:
        scored([{"text": "a", "a": 0, "b": 1}], bundle("multilabel"))
    options = re.findall("--label=([^ ]*)", str(said.value))
    assert tuple(options) == GIVEN["multilabel"][0]


TABLE = {"kind": "table", "columns": ("size", "colour")}


def test_a_column_that_a_table_lacks_is_not_another_one(scored):
    with pytest.raises(LimbeckError, match="no column `colour`; add it; there are: size, label"):
        scored([{"size": 1, "label": "bad"}], bundle(reader=TABLE))
    with pytest.raises(LimbeckError, match="--column: the columns of a table are those of the training; leave it out"):
        scored([{"size": 1, "label": "bad"}], bundle(reader=TABLE), column="size")
    with pytest.raises(
        LimbeckError, match=r"column `size` holds .* in row 1; write a number, a text or nothing there$"
    ):
        scored([{"size": [1], "colour": "red", "label": "bad"}], bundle(reader=TABLE))


@pytest.mark.parametrize("split", ["test", "train"])
def test_of_files_by_split_the_test_split_is_scored_and_said(scored, tmp_path, capsys, split):
    for name, label in (("train", "Good"), ("test", "bad")):
        (tmp_path / f"{name}.csv").write_text(f"text,label\na {name},{label}\n")
    if split == "test":
        assert scored(str(tmp_path))["accuracy"] == 1.0
        assert "the test split is scored" in capsys.readouterr().err
    else:
        assert scored(str(tmp_path / "train.csv"))["accuracy"] == 0.0
        assert "every row is scored, as there is no test split" in capsys.readouterr().err


def test_without_a_test_split_the_training_rows_are_not_scored(scored, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\na,bad\n")
    with pytest.raises(LimbeckError, match="no `test` split"):
        scored(str(tmp_path))


def test_columns_stand_in_the_order_of_the_bundle():
    """Whatever order the command names them in: the outputs have that of the training."""
    task = SimpleNamespace(label_columns=("speaker", "digit"), in_one_column=False)
    ((first, second),) = score._asked(["digit", "speaker"], task, {})
    assert (first, second) == ("speaker", "digit")
    with pytest.raises(LimbeckError, match="the bundle's label has the columns speaker, digit"):
        score._asked(["digit", "room"], task, {})


TRAINED = {"columns": {"example": "review", "label": "kind"}}


def test_columns_are_looked_for_under_the_names_of_the_training_and_then_under_the_usual_ones(scored):
    rows = [{"review": "a", "kind": "bad", "text": "", "label": "Good"}]
    rows += [{"review": "", "kind": "Good", "text": "b", "label": "Good"}]
    assert scored(rows, bundle(**TRAINED))["accuracy"] == 1.0
    assert scored(rows, bundle(**TRAINED), label=["label"])["accuracy"] == 0.0, "what is named counts"
    assert scored(rows, bundle(**TRAINED), column="text")["accuracy"] == 0.0
    for row in ({"review": "a", "label": "bad"}, {"text": "a", "kind": "bad"}, {"text": "a", "label": "bad"}):
        assert scored([row], bundle(**TRAINED))["accuracy"] == 1.0


def test_where_no_name_fits_the_option_is_said(scored):
    with pytest.raises(LimbeckError, match="no column `review`; set --column to one of: body, stars"):
        scored([{"body": "a", "stars": "bad"}], bundle(**TRAINED))
    with pytest.raises(LimbeckError, match="no column `kind`; set --label=stars"):
        scored([{"text": "a", "stars": "bad"}], bundle(**TRAINED))
    with pytest.raises(LimbeckError, match="no column `stars`; set --label to one of: kind, label"):
        scored([{"text": "a", "kind": "bad", "label": "bad"}], bundle(**TRAINED), label=["stars"])


@pytest.mark.parametrize(
    ("kind", "label", "row"),
    [
        ("multilabel", "genres", {"genres": "good|bad"}),
        ("multilabel", ["good", "bad"], {"good": 1, "bad": 1}),
        ("multioutput", ["x", "y"], {"x": "b", "y": "d"}),
        ("regression", "price", {"price": 2.5}),
    ],
)
def test_the_labels_columns_of_every_task_need_no_naming(scored, kind, label, row):
    made = bundle(kind, columns={"example": "review", "label": label})
    assert scored([{"review": "a", **row}], made)


def test_a_folder_has_the_usual_columns_and_one_of_no_class_is_said(scored, tmp_path):
    from PIL import Image

    for name in ("bad/a.png", "Good/b.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True)
        Image.new("L", (8, 8)).save(tmp_path / "photos" / name)
    made = bundle(reader={"kind": "image"}, **TRAINED)
    assert scored(str(tmp_path / "photos"), made)["accuracy"] == 0.5
    (tmp_path / "photos/Good").rename(tmp_path / "photos/Goof")
    with pytest.raises(
        LimbeckError, match=r"photos: the folder `Goof` is called as no .*; did you mean `Good`\?; rename it, or move"
    ):
        scored(str(tmp_path / "photos"), made)


def test_of_a_folder_of_files_the_file_is_named_that_is_left_out(scored, tmp_path, capsys):
    for name, text in (("bad/1.txt", "a"), ("bad/2.txt", " "), ("good/3.txt", "b"), ("good/4.txt", "c")):
        (tmp_path / "texts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / name).write_text(text)
    folder = tmp_path / "texts"
    scored(str(folder), as_json=False)
    said = capsys.readouterr().out
    assert f"left out: 1 file without a text ({folder}/bad/2.txt)" in "".join(said.split("\n")).replace("  ", " ")
    (folder / "good/4.txt").write_text("")
    scored(str(folder), as_json=False)
    assert f"2 files without a text (the first is {folder}/bad/2.txt)" in " ".join(capsys.readouterr().out.split())


def test_a_text_of_several_columns_is_read_from_these_alone(scored):
    made = bundle(columns={"example": ["title", "body"], "label": "label"})
    assert scored([{"title": "a", "body": "b", "label": "good"}], made)["accuracy"] in (0, 1)
    with pytest.raises(LimbeckError, match=r"--column: one column is named, and a text .* had 2: title, body; leave"):
        scored([{"title": "a", "body": "b", "label": "good"}], made, column="title")
    with pytest.raises(LimbeckError, match="no column `title`"):
        scored([{"text": "a", "label": "good"}], made)


def test_what_a_reader_refuses_is_said_with_file_and_row(scored, tmp_path):
    def logits(values):
        made.reader.encode(values)

    def encode(values):
        for row, value in enumerate(values):
            if value["size"] == "x":
                raise LimbeckError("a text", where=f"row {row + 1}", fix="mend it")

    made = bundle(reader={**TABLE, "encode": encode})
    made.logits = logits
    rows = [{"size": size, "colour": "red", "label": label} for size, label in ((1, None), (2, "bad"), ("x", "bad"))]
    with pytest.raises(LimbeckError, match=r"rows.jsonl, row 3: a text; mend it$"):
        scored(rows, made)
    (tmp_path / "split").mkdir()
    (tmp_path / "rows.jsonl").rename(tmp_path / "split/test.jsonl")
    with pytest.raises(LimbeckError, match=r"split/test.jsonl, row 3: a text; mend it$"):
        scored(str(tmp_path / "split"), made)
