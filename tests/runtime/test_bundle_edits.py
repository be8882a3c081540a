"""A `bundle.json` with any one value of another kind: one line, or a student that answers. Every reader, every task."""

import copy
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from limbeck.errors import LimbeckError
from limbeck.modalities.text import TextReads
from limbeck.modalities.text.reads import build_reader
from limbeck.runtime import load
from limbeck.runtime.bundle import READERS, complete, named_columns
from limbeck.runtime.decisions import RULES
from limbeck.runtime.description import FORMAT, sealed
from limbeck.runtime.readers import Reader
from limbeck.runtime.readers.arrays import ArraysReader
from limbeck.runtime.readers.audio import AudioReader
from limbeck.runtime.readers.image import ImageReader
from limbeck.runtime.readers.table import Category, Number, TableReader

READS: dict[str, tuple[Reader, Any]] = {
    "text": (build_reader(TextReads(max_length=5), ["good bad film"]), ["a film"]),
    "image": (ImageReader(4, 6, 3, resize="stretch", mean=[0.5] * 3, std=[0.5] * 3), [np.zeros((4, 6, 3), np.uint8)]),
    "audio": (AudioReader(8000, 80, "start"), [np.zeros(80, np.float32)]),
    "table": (
        TableReader([Number("age", 40.0, 0.1, True)], [Category("job", ("clerk", "cook"), False)]),
        [{"age": 30, "job": "cook"}],
    ),
    "arrays": (
        ArraysReader({"x": {"dtype": "float32", "shape": [3, 2]}, "n": {"dtype": "int64", "shape": []}}),
        {"x": np.zeros((1, 3, 2), np.float32), "n": np.zeros(1, np.int64)},
    ),
}
DECISIONS: dict[str, dict[str, Any]] = {
    "classification": {},
    "multilabel": {"thresholds": [0.5, 0.4, 0.3, 0.2], "separator": "|"},
    "multioutput": {"columns": {"a": ["x", "y"], "b": ["z", "w"]}},
    "regression": {"spread": [1.0, 2.0, 3.0, 4.0]},
}
OTHERS = [None, 3, -1, 1.5, "x", "", True, [], ["x"], [[1]], {}, {"a": 1}, 10**30, "deleted"]


def write_network(path: Path, reader: Reader) -> None:
    """Write a network of four outputs that takes what a reader gives, and adds it up."""
    form, nodes, inputs = reader.form, [], []
    for name, value in form.example.items():
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        shape = [form.axes[name].get(axis, size) for axis, size in enumerate(value.shape)]
        inputs.append(helper.make_tensor_value_info(name, kind, shape))
        nodes.append(helper.make_node("Cast", [name], [f"{name} cast"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Reshape", [f"{name} cast", "flat"], [f"{name} flat"]))
        nodes.append(helper.make_node("ReduceSum", [f"{name} flat", "last"], [f"{name} sum"], keepdims=1))
    nodes.append(helper.make_node("Sum", [f"{name} sum" for name in form.example], ["sum"]))
    nodes.append(helper.make_node("MatMul", ["sum", "weights"], ["logits"]))
    constants = {"flat": np.array([0, -1]), "last": np.array([1]), "weights": np.ones((1, 4), np.float32)}
    if all(value.ndim == 1 for value in form.example.values()):
        raise ValueError("no axis to add up")
    graph = helper.make_graph(
        nodes,
        "sum",
        inputs,
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def bundle(folder: Path, kind: str, task: str) -> tuple[Path, dict[str, Any]]:
    """Return a bundle, and what its `bundle.json` says."""
    reader, _ = READS[kind]
    write_network(folder / "model.onnx", reader)
    reads = {"kind": kind, **reader.save(folder)}
    info = {"format": FORMAT, "task": task, "labels": ["x", "y", "z", "w"], "reads": reads}
    info |= {"columns": {"example": "review", "label": ["kind"]}, "precision": "fp32", "threads": 1}
    return folder, complete(folder, info | ({"decision": DECISIONS[task]} if DECISIONS[task] else {}))


def edits(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of a JSON document; of a list to its first one."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, one in inner:
        yield from edits(one, (*path, key))


def edited(info: dict[str, Any], path: tuple[Any, ...], other: Any) -> dict[str, Any]:
    """Return the document with another value there."""
    found = copy.deepcopy(info)
    node = found
    for key in path[:-1]:
        node = node[key]
    if other == "deleted":
        del node[path[-1]]
    else:
        node[path[-1]] = other
    return found


def test_every_reader_and_every_task_is_here() -> None:
    assert READS.keys() == READERS.keys()
    assert DECISIONS.keys() == RULES.keys()


@pytest.mark.parametrize(
    ("kind", "task"), [*((kind, "classification") for kind in READS), *(("table", task) for task in DECISIONS)]
)
def test_an_edited_value_is_a_line_or_is_lived_with(tmp_path: Path, kind: str, task: str) -> None:
    folder, info = bundle(tmp_path, kind, task)
    (folder / "bundle.json").write_text(json.dumps(sealed(info)))
    assert len(load(folder).predict(READS[kind][1])) == 1
    said = []
    for path in edits(info):
        for other in OTHERS:
            (folder / "bundle.json").write_text(json.dumps(sealed(edited(info, path, other))))
            try:
                student = load(folder)
                student.predict(READS[kind][1])
                example, label = named_columns(student.info)
                assert all(isinstance(name, str) for name in (*example, *label))
            except LimbeckError as error:
                said.append(str(error))
            except Exception as error:
                raise AssertionError(f"{path} = {other!r}: {type(error).__name__}: {error}") from error
    assert len(said) > 20
    assert [line for line in said if len(line.splitlines()) != 1] == []


def test_a_bundle_whose_data_named_no_columns_is_read(tmp_path: Path) -> None:
    folder, info = bundle(tmp_path, "table", "classification")
    (folder / "bundle.json").write_text(json.dumps(complete(folder, edited(info, ("columns",), "deleted"))))
    assert named_columns(load(folder).info) == ((), ())


def test_a_reader_that_gives_other_arrays_than_the_network_takes(tmp_path: Path) -> None:
    folder, info = bundle(tmp_path, "table", "classification")
    numbers = [*info["reads"]["numbers"], {"name": "size", "mean": 1.0, "scale": 2.0, "missing": False}]
    (folder / "bundle.json").write_text(json.dumps(sealed(edited(info, ("reads", "numbers"), numbers))))
    with pytest.raises(LimbeckError, match="`numbers` has 3 along axis 1, and the network takes 2"):
        load(folder)


@pytest.mark.parametrize(
    ("kind", "path", "size"),
    [
        ("audio", ("samples",), 10**7),
        ("image", ("height",), 10**7),
        ("image", ("width",), 10**7),
        ("arrays", ("inputs", "x", "shape", 0), 10**7),
    ],
)
def test_what_is_claimed_is_compared_before_it_takes_memory(tmp_path: Path, kind: str, path: Any, size: int) -> None:
    folder, info = bundle(tmp_path, kind, "classification")
    (folder / "bundle.json").write_text(json.dumps(sealed(edited(info, ("reads", *path), size))))
    tracemalloc.start()
    try:
        with pytest.raises(LimbeckError, match=f"has {size} along axis ., and the network takes|a row of .* numbers"):
            load(folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size, "bytes"
