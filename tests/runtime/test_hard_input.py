"""Files that nobody writes by hand: each is one line that says what is wrong, and no traceback."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_bundle_edits import READS, bundle, edited

from limbeck.data.cells import written_labels
from limbeck.data.readers import read_file
from limbeck.errors import LimbeckError
from limbeck.files import named_path
from limbeck.runtime import load
from limbeck.runtime.decisions import RULES, Prediction
from limbeck.runtime.description import sealed
from limbeck.runtime.pictures import decoded as pixels_of, picture_of
from limbeck.runtime.sounds import decoded, sound_of
from limbeck.runtime.tablefiles import TableFiles
from limbeck.runtime.textfiles import Lines
from made_rows import rows_in

DEEP = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"
LONG = '{"a": ' + "7" * 5_000 + "}"
TWICE = '{"a": 1, "b": {"c": 1, "c": 2}}'


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (DEEP, "nested too deep"),
        (LONG, "a number of too many digits"),
        (TWICE, "the key 'c' stands twice"),
    ],
    ids=["deep", "long", "twice"],
)
def test_json_that_python_cannot_hold(tmp_path, line, said):
    said = rf"not valid JSON \({said}"
    with pytest.raises(LimbeckError, match=f"line 2: {said}"):
        rows_in(written(tmp_path / "a.jsonl", "{}\n" + line))
    with pytest.raises(LimbeckError, match=f"line 2: {said}"):
        read_file(written(tmp_path / "b.jsonl", "{}\n" + line))
    with pytest.raises(LimbeckError, match=said):
        read_file(written(tmp_path / "b.json", f"[{line}]"))
    written(tmp_path / "bundle.json", line)
    with pytest.raises(LimbeckError, match=f"bundle.json is {said}"):
        load(tmp_path)


def test_a_csv_file_with_an_odd_header(tmp_path):
    file = written(tmp_path / "a.csv", '"first"x,b\n1,2\n')
    with pytest.raises(LimbeckError, match=r"a.csv, line 1: malformed row"):
        rows_in(file)
    file = written(tmp_path / "b.csv", "a,b, a\n1,2,3\n")
    for read in (read_file, rows_in):
        with pytest.raises(LimbeckError, match=r"b.csv, line 1: two columns are named `a`; rename one"):
            read(file)
    long = "x" * 200_000
    (row,) = rows_in(written(tmp_path / "c.csv", f"{long},b\n1,{long}\n"))
    assert row == {long: "1", "b": long}


@pytest.mark.parametrize("text", ["", "a,b\n", "\n\n"])
@pytest.mark.parametrize("takes", [Lines(), TableFiles(("a",))])
def test_a_file_without_a_row_is_refused(tmp_path, text, takes):
    with pytest.raises(LimbeckError, match=r"a.csv: no rows; give a file with rows"):
        list(takes.asked([str(written(tmp_path / "a.csv", text))]))


@pytest.mark.parametrize("name", ["fifo.png", "fifo.csv", "fifo.txt"])
@pytest.mark.parametrize("takes", [Lines(), TableFiles(("a",))])
def test_a_pipe_is_not_waited_for(tmp_path, name, takes):
    os.mkfifo(tmp_path / name)
    with pytest.raises(LimbeckError, match="no file, but a pipe or a device"):
        takes.asked([str(tmp_path / name)])


def test_paths_that_are_none():
    assert named_path("~nobodyx/a") == Path("~nobodyx/a")
    assert named_path("~/a") == Path.home() / "a"
    for read in (named_path, load, rows_in, lambda path: Lines().asked([path])):
        with pytest.raises(LimbeckError, match="a path with a NUL"):
            read("a\0b")
    with pytest.raises(LimbeckError, match=r"row 3: .*[Nn]o such file"):
        decoded(sound_of("~nobodyx/x.wav", "row 3"))
    with pytest.raises(LimbeckError, match=r"row 3, ~nobodyx/x.png: no such file"):
        picture_of("~nobodyx/x.png", "row 3").pixels()


# --- bundles


@pytest.mark.parametrize("keep", [0, 0.5, -1])
def test_a_model_that_onnxruntime_cannot_load(tmp_path, keep):
    import hashlib

    folder, info = bundle(tmp_path, "table", "classification")
    whole = (folder / "model.onnx").read_bytes()
    found = b"garbage" * 20 if keep < 0 else whole[: int(len(whole) * keep)]
    (folder / "model.onnx").write_bytes(found)
    info["files"]["model.onnx"] = hashlib.sha256(found).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(sealed(info)))
    with pytest.raises(
        LimbeckError, match=r"model.onnx: .*(empty file|onnxruntime cannot load it \(.*; upgrade onnxruntime \()"
    ):
        load(folder)


@pytest.mark.parametrize(
    ("kind", "task", "path", "value"),
    [
        ("table", "multilabel", ("decision", "separator"), 3),
        ("audio", "classification", ("reads", "rate"), 10**30),
        ("audio", "classification", ("reads", "rate"), 1),
    ],
)
def test_values_that_fail_when_a_row_is_answered(tmp_path, kind, task, path, value):
    folder, info = bundle(tmp_path, kind, task)
    (folder / "bundle.json").write_text(json.dumps(sealed(edited(info, path, value))))
    with pytest.raises(LimbeckError, match=f"bundle.json: `{path[0]}` is not what was exported"):
        load(folder)


# --- values from Python


@pytest.mark.parametrize("kind", READS)
@pytest.mark.parametrize("given", [None, 3, b"ab", "ab", {"a"}], ids=repr)
def test_what_is_no_list_of_values_is_a_type_error_in_words(kind, given):
    with pytest.raises(TypeError, match=r"is needed|student reads|give a list"):
        READS[kind][0].encode(given)


@pytest.mark.parametrize(
    "cells", [1, "30", b"30", None, {30}, {"a": 30}, np.array(30), iter([30])], ids=lambda cells: type(cells).__name__
)
def test_what_is_no_column_is_a_type_error_in_words(cells):
    with pytest.raises(TypeError, match="column `age` has to be a list of cells, not a"):
        READS["table"][0].encode({"age": cells, "job": ["cook"]})


# --- what is printed


def test_an_error_and_an_answer_are_one_line():
    error = LimbeckError("no `a\nb`", where="x\udcff.png", fix="mend\tit")
    assert str(error) == r"x\udcff.png: no `a\nb`; mend\tit"
    line = RULES["classification"]({}).line
    assert line(Prediction("a\nb", 0.5, {})) == "a\\nb\t0.5000"
    assert RULES["multioutput"]({"columns": {}}).line({"a": Prediction("a\tb", 0.5, {})}) == r"a\tb"


@pytest.mark.parametrize("label", ["\ud800", ("x", "\udcfe")])
def test_labels_that_no_file_can_hold_are_refused(label):
    with pytest.raises(LimbeckError, match=r"rows.csv: row 2 has the label `\\ud.*, which is no text of UTF-8"):
        written_labels(["\u00e9", label], "rows.csv")


@pytest.mark.parametrize("compression", ["group4", "jpeg", "tiff_lzw"])
def test_a_damaged_tiff_is_refused_and_nothing_else_is_said(compression, capfd):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    held = io.BytesIO()
    (image.convert("1") if compression == "group4" else image).save(held, "TIFF", compression=compression)
    whole, middle = held.getvalue(), len(held.getvalue()) // 2
    assert pixels_of(whole, "x.tif").shape[:2] == (64, 64)
    with pytest.raises(LimbeckError, match=r"^x.tif: damaged image \("):
        pixels_of(whole[:middle] + b"\xff" * 40 + whole[middle + 40 :], "x.tif")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_name_of_a_file_may_be_no_text(tmp_path, options):
    folder, info = bundle(tmp_path, "table", "classification")
    (folder / "bundle.json").write_text(json.dumps(sealed(info)))
    name = os.path.join(os.fsencode(tmp_path), b"\xff.csv")
    Path(os.fsdecode(name)).write_text("age,job\n30,cook\n")
    command = [sys.executable, "-m", "limbeck", "predict", *options, str(folder), name, name]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b'\\udcff.csv", "row": 1' if options else b"\\udcff.csv, row 1") == 2
