"""`limbeck predict`: where answers go, how sure they are, and files that are larger than memory."""

import csv
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from test_bundle_edits import DECISIONS, bundle

from limbeck.errors import LimbeckError
from limbeck.evaluation import confidences
from limbeck.runtime import predict
from limbeck.runtime.bundle import complete
from limbeck.runtime.decisions import RULES, LabelSet, Prediction
from limbeck.runtime.predict import Wish, predict_files
from limbeck.runtime.takes import Asked
from limbeck.runtime.textfiles import Lines
from limbeck.runtime.written import Saying

CONFIDENCES = {"0.8": {"probability": 0.0, "answered": 1.0}, "0.95": {"probability": 0.5, "answered": 0.25}}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A student of texts, and a file of rows: one is empty, and one text holds a tab and a line's end."""
    folder = tmp_path_factory.mktemp("texts")
    target, info = bundle(folder, "text", "classification")
    info = {key: value for key, value in info.items() if key not in ("checksum", "probe", "files")}
    (target / "bundle.json").write_text(
        json.dumps(complete(target, {**info, "decision": {"confidences": CONFIDENCES}}))
    )
    (folder / "rows.csv").write_text('id,review\n1,good\n2,"a\tb\nc"\n3,\n', encoding="utf-8")
    return target


def said(capsys, texts, *given, **wish):
    assert predict_files(texts, [str(texts / name) for name in given], Wish(**wish))
    return capsys.readouterr()


def test_a_line_holds_one_answer(texts, capsys):
    found = said(capsys, texts, "rows.csv")
    first, second = (line.split("\t") for line in found.out.splitlines())
    assert (first[2], second[2]) == ("good", r"a\tb\nc")
    assert found.err == f"left out: 1 empty text, the first in {texts / 'rows.csv'}, row 3\n"
    found = said(capsys, texts, "rows.csv", top=3)
    assert [len(line.split("\t")) for line in found.out.splitlines()] == [9, 9]
    found = said(capsys, texts, "rows.csv", columns=["id"], as_json=True)
    records = [json.loads(line) for line in found.out.splitlines()]
    assert [list(one.items())[:2] for one in records] == [[("row", n), ("id", str(n))] for n in (1, 2, 3)]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("top", [None, 2])
def test_a_file_holds_a_row_an_answer(texts, capsys, tmp_path, suffix, top):
    out = tmp_path / "new" / f"answers.{suffix}"
    assert "2 answers in" in said(capsys, texts, "rows.csv", out=out, top=top).err
    if suffix == "parquet":
        rows = pq.read_table(out).to_pylist()
    elif suffix == "jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert [len(row["probabilities"]) for row in rows] == [top or 4] * 2
    else:
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t" if suffix == "tsv" else ","))
    assert [row["review"] for row in rows] == ["good", "a\tb\nc"]
    assert [int(row["row"]) for row in rows] == [1, 2]
    assert all(row["label"] in "xyzw" for row in rows)
    assert suffix == "jsonl" or ("top_2" in rows[0]) == (top is not None)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_answers_find_their_rows_in_several_files(texts, capsys, tmp_path, suffix):
    """Empty texts and files that cannot be read leave nothing, and so no answer stands beside another's row."""
    for name, content in (("a.txt", b"\none\n"), ("b.txt", b"caf\xe9\n"), ("folder/c.txt", b"whole")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    given = [str(tmp_path / name) for name in ("folder", "b.txt", "a.txt", "missing.txt")] + [str(texts / "rows.csv")]
    out = tmp_path / f"answers.{suffix}"
    assert not predict_files(texts, given, Wish(out=out))
    err = capsys.readouterr().err
    assert err.count("error: ") == 2
    assert f"error: {given[1]}, line 1: not UTF-8" in err
    if suffix == "parquet":
        rows = pq.read_table(out).to_pylist()
    elif suffix == "jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
    assert [(Path(row["file"]).name, str(row["row"] or ""), row["review"] or "") for row in rows] == [
        ("c.txt", "", ""),
        ("a.txt", "2", "one"),
        ("rows.csv", "1", "good"),
        ("rows.csv", "2", "a\tb\nc"),
    ]
    before = out.read_bytes()
    with pytest.raises(LimbeckError, match=r"nothing is written, as nothing could be read"):
        predict_files(texts, [given[1], given[3]], Wish(out=out))
    assert out.read_bytes() == before


def test_a_row_that_abstains_has_no_label_that_could_be_taken_for_one(texts, capsys, tmp_path):
    out = tmp_path / "answers.csv"
    said(capsys, texts, "rows.csv", out=out, top=2, threshold="1")
    with out.open(newline="") as file:
        row = next(csv.DictReader(file))
    assert list(row) == ["row", "review", "label", "probability", "top_1", "probability_1", "top_2", "probability_2"]
    assert (row["label"], row["top_1"] in "xyzw", row["probability"]) == ("", True, row["probability_1"])
    line = said(capsys, texts, "rows.csv", top=2, threshold="1").out.splitlines()[0].split("\t")
    assert (line[0], line[2] in "xyzw", len(line)) == ("-", True, 7)


def test_an_answer_under_the_name_of_the_text_gets_another_one(texts, capsys, tmp_path):
    (tmp_path / "rows.csv").write_text("label\ngood\n")
    assert predict_files(texts, [str(tmp_path / "rows.csv")], Wish(columns=["label"], as_json=True))
    found = json.loads(capsys.readouterr().out)
    assert (found["label"], found["label_answer"] in "xyzw") == ("good", True)


def test_a_student_that_is_not_sure_abstains(texts, capsys):
    lines = said(capsys, texts, "rows.csv", threshold="1").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["-", "-"]
    assert json.loads(said(capsys, texts, "rows.csv", threshold="1", as_json=True).out.splitlines()[0])["label"] is None
    sure = said(capsys, texts, "rows.csv", threshold="80%").out
    assert "-" not in [line.split("\t")[0] for line in sure.splitlines()]
    for threshold, told in (
        (
            "90%",
            r"--threshold=90%: validation has shown no probability .*; give 80% \(of 100% of the rows\), 95% \(of 25%",
        ),
        ("1.5", r"--threshold=1.5: no probability, and no share of right answers in percent; give 0.8, or 95%"),
        ("much", "--threshold=much: no probability"),
        ("42%", "--threshold=42%: a bundle records the probabilities for 80%, 90%, 95%, 99% alone; give 80%"),
    ):
        with pytest.raises(LimbeckError, match=told):
            predict_files(texts, [str(texts / "rows.csv")], Wish(threshold=threshold))


@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("rows.csv", "this file is read; give another name"),
        ("a.txt", "cannot write `.txt` files; give a name with .csv, .tsv, .jsonl or .parquet"),
        ("", "cannot write `` files"),
    ],
)
def test_a_file_that_answers_cannot_go_to(texts, out, told):
    with pytest.raises(LimbeckError, match=told):
        predict_files(texts, [str(texts / "rows.csv")], Wish(out=texts / out))


def test_nothing_is_half_written(texts, tmp_path, monkeypatch, capsys):
    """Neither by an error far down the file nor by an interrupt, which says how far it came."""
    (tmp_path / "rows.jsonl").write_text('{"review": "good"}\n' * 3000 + "[]\n")
    out = tmp_path / "out" / "a.csv"
    with pytest.raises(LimbeckError, match=r"rows.jsonl, line 3001: not a JSON object"):
        predict_files(texts, [str(tmp_path / "rows.jsonl")], Wish(out=out))
    assert list(out.parent.iterdir()) == []

    def interrupted(asked, answer, **options):
        yield Asked("good", "good"), Prediction("x", 1.0, {"x": 1.0})
        raise KeyboardInterrupt

    monkeypatch.setattr(predict, "answered", interrupted)
    with pytest.raises(KeyboardInterrupt):
        predict_files(texts, [str(texts / "rows.csv")], Wish(out=out))
    assert list(out.parent.iterdir()) == []
    assert "1 answered before the interrupt; nothing was written" in capsys.readouterr().err


def test_memory_does_not_grow_with_the_file(tmp_path):
    """Rows are read some at a time, and let go."""
    peaks = []
    for count in (20_000, 80_000):
        file = tmp_path / f"{count}.csv"
        file.write_text("text,label\n" + "a text of some words,x\n" * count)
        tracemalloc.start()
        assert sum(1 for _ in Lines().asked([str(file)])) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_what_other_tasks_say():
    sets = RULES["multilabel"](DECISIONS["multilabel"])
    (found,) = sets.answers(np.array([[2.0, -3.0, 0.5, -1.0]], np.float32), ["x", "y", "z", "w"])
    assert isinstance(found, LabelSet)
    answer = Saying(sets, top=2, least=0.6).answer(found)
    assert (answer.labels, list(answer.probabilities), set(answer.thresholds.values())) == (
        ("x", "z"),
        ["x", "z"],
        {0.6},
    )
    values = RULES["regression"](DECISIONS["regression"])
    assert values.sure is None
    assert values.likeliest is None
    assert Saying(values).cells(Asked("good", "good", source={"row": 1, "x": "good"}), {"x": 1.5, "y": 2.0}) == {
        "row": 1,
        "x": "good",
        "x_answer": 1.5,
        "y": 2.0,
    }


# --- from which probability answers may be believed


def test_the_lowest_probability_from_which_so_many_are_right():
    probabilities = np.repeat([0.9, 0.8, 0.7, 0.6], 50)
    right = np.concatenate([np.ones(50), np.arange(50) < 45, np.arange(50) < 40, np.zeros(50)]).astype(bool)
    found = confidences(probabilities, right)
    assert found["0.99"] == {"probability": 0.9, "answered": 0.25}
    assert found["0.95"] == {"probability": 0.8, "answered": 0.5}
    assert found["0.9"] == {"probability": 0.7, "answered": 0.75}
    assert found["0.8"] == {"probability": 0.7, "answered": 0.75}
    assert confidences(probabilities, np.ones(200, bool))["0.99"] == {"probability": 0.0, "answered": 1.0}
    assert confidences(probabilities, np.zeros(200, bool)) == {}
    assert confidences(probabilities[:29], np.ones(29, bool)) == {}, "of so few rows nothing is said"


def test_rows_of_one_probability_stand_together():
    """Their order in the data decides nothing."""
    probabilities, right = np.full(100, 0.5), np.arange(100) < 90
    for order in (np.arange(100), np.arange(100)[::-1]):
        assert confidences(probabilities, right[order]).keys() == {"0.8", "0.9"}
