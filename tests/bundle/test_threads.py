"""The number of threads that a bundle is served with is counted, not measured: the same file, the same number."""

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, load, numpy_helper, save

import limbeck
from limbeck.bundle import threads
from limbeck.bundle.threads import multiplications, threads_that_pay
from limbeck.modalities.text import TextReads
from limbeck.modalities.text.reads import build_reader
from limbeck.runtime.bundle import complete
from limbeck.runtime.network import OnnxNetwork


def model_of(nodes: list, constants: dict[str, np.ndarray], shape: list) -> object:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def weights(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("nodes", "constants", "given", "expected"),
    [
        ([helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": weights(3, 5)}, (2, 7, 3), 2 * 7 * 3 * 5),
        ([helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], {"w": weights(5, 3)}, (2, 3), 2 * 3 * 5),
        (
            [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], group=2)],
            {"w": weights(4, 1, 3, 3)},
            (1, 2, 6, 6),
            4 * 6 * 6 * 9,
        ),
        (
            [helper.make_node("LSTM", ["x", "w", "r"], ["all", "y"], hidden_size=4)],
            {"w": weights(1, 16, 3), "r": weights(1, 16, 4)},
            (6, 2, 3),
            6 * 2 * (16 * 3 + 16 * 4),
        ),
        ([helper.make_node("Abs", ["x"], ["y"])], {}, (2, 3), 0),
    ],
)
def test_multiplications_are_counted(nodes, constants, given, expected) -> None:
    model = model_of(nodes, constants, ["batch", *(f"axis {place}" for place in given[1:])])
    assert multiplications(model, {"x": np.zeros(given, np.float32)}) == expected


def test_a_bundle_is_served_with_the_threads_that_it_names(tmp_path: Path, monkeypatch) -> None:
    reader = build_reader(TextReads(max_length=5), ["good bad film"])
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["real", "last"], ["length"], keepdims=1),
        helper.make_node("MatMul", ["length", "w"], ["logits"]),
    ]
    constants = {"last": np.array([1]), "w": np.array([[0.1, -0.2]], np.float32)}
    graph = helper.make_graph(
        nodes,
        "length",
        [helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    path = tmp_path / "model.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    assert load(path).graph.input[0].type.tensor_type.shape.dim[1].dim_param == "tokens"
    assert threads_that_pay(path, reader, ["good", "good film", "bad"]) == 1
    monkeypatch.setattr(threads, "MUCH", 2)
    assert threads_that_pay(path, reader, ["good", "good film", "bad"]) == 0
    info = {"format": 2, "task": "classification", "labels": ["short", "long"], "precision": "fp32"}
    asked = []
    monkeypatch.setattr(
        "limbeck.runtime.bundle.OnnxNetwork", lambda *a, **k: asked.append(k["threads"]) or OnnxNetwork(*a, **k)
    )
    for number in (3, 0):
        told = complete(tmp_path, info | {"threads": number, "reads": {"kind": "text", **reader.save(tmp_path)}})
        (tmp_path / "bundle.json").write_text(json.dumps(told))
        asked.clear()
        limbeck.load(tmp_path)
        limbeck.load(tmp_path, threads=2)
        assert asked == [number, 2]
    for wrong in (-1, True, 1.5, 10**6):
        with pytest.raises(ValueError, match="a number from 0 to 1024"):
            limbeck.load(tmp_path, threads=wrong)
