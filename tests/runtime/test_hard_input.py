"""Files that nobody writes by hand: each is one line that says what is wrong, and no traceback."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from test_bundle_edits import bundle, edited

from limbeck.data.readers import read_file
from limbeck.errors import LimbeckError
from limbeck.files import named_path
from limbeck.runtime import load
from limbeck.runtime.pictures import picture_of
from limbeck.runtime.records import records
from limbeck.runtime.sounds import decoded, sound_of
from limbeck.runtime.tablefiles import TableFiles
from limbeck.runtime.takes import Lines

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
        list(records(str(written(tmp_path / "a.jsonl", "{}\n" + line))))
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
        list(records(str(file)))
    file = written(tmp_path / "b.csv", "a,b, a\n1,2,3\n")
    for read in (read_file, lambda file: list(records(str(file)))):
        with pytest.raises(LimbeckError, match=r"b.csv, line 1: two columns are named `a`; rename one"):
            read(file)
    long = "x" * 200_000
    (row,) = records(str(written(tmp_path / "c.csv", f"{long},b\n1,{long}\n")))
    assert row == {long: "1", "b": long}


@pytest.mark.parametrize("text", ["", "a,b\n", "\n\n"])
@pytest.mark.parametrize("takes", [Lines(), TableFiles(("a",))])
def test_a_file_without_a_row_is_refused(tmp_path, text, takes):
    with pytest.raises(LimbeckError, match=r"a.csv: no rows; give a file with rows"):
        takes.asked([str(written(tmp_path / "a.csv", text))])


@pytest.mark.parametrize("name", ["fifo.png", "fifo.csv", "fifo.txt"])
@pytest.mark.parametrize("takes", [Lines(), TableFiles(("a",))])
def test_a_pipe_is_not_waited_for(tmp_path, name, takes):
    os.mkfifo(tmp_path / name)
    with pytest.raises(LimbeckError, match="no file, but a pipe or a device"):
        takes.asked([str(tmp_path / name)])


def test_paths_that_are_none():
    assert named_path("~nobodyx/a") == Path("~nobodyx/a")
    assert named_path("~/a") == Path.home() / "a"
    for read in (named_path, load, lambda path: list(records(path)), lambda path: Lines().asked([path])):
        with pytest.raises(LimbeckError, match="a path with a NUL"):
            read("a\0b")
    with pytest.raises(LimbeckError, match="row 3: .*no such file|No such file"):
        decoded(sound_of("~nobodyx/x.wav", "row 3"))
    with pytest.raises(LimbeckError, match="row 3, ~nobodyx/x.png: no such file"):
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
    (folder / "bundle.json").write_text(json.dumps(info))
    with pytest.raises(LimbeckError, match=r"model.onnx: onnxruntime cannot load it \(.*; copy the bundle again"):
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
    (folder / "bundle.json").write_text(json.dumps(edited(info, path, value)))
    with pytest.raises(LimbeckError, match=f"bundle.json: `{path[0]}` is not what was exported"):
        load(folder)
