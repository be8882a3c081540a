"""Small ONNX files, made by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

TEXT = {"input_ids": TensorProto.INT64, "attention_mask": TensorProto.INT64}


def write(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, tuple[int, Sequence[object]]],
    outputs: dict[str, tuple[int, Sequence[object]]],
    weights: dict[str, NDArray],
    **options: object,
) -> Path:
    """Write a graph; inputs and outputs are (type, shape) by name, weights arrays by name."""
    places = [
        [helper.make_tensor_value_info(name, kind, list(shape)) for name, (kind, shape) in each.items()]
        for each in (inputs, outputs)
    ]
    held = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(list(nodes), "network", *places, held)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path), **options)
    return path


def bag(
    path: Path,
    words: NDArray[np.float32],
    *,
    shape: Sequence[object] = ("batch", "tokens"),
    dtype: int = TensorProto.INT64,
    probabilities: bool = False,
    segments: bool = False,
    **options: object,
) -> Path:
    """Write a network that averages a vector a word, (vocabulary, outputs), over the words that the mask shows."""
    node = helper.make_node
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if segments else [])]
    shown = node("Sub", ["attention_mask", "token_type_ids"], ["shown"])
    nodes = [
        shown if segments else node("Identity", ["attention_mask"], ["shown"]),
        node("Gather", ["words", "input_ids"], ["states"], axis=0),
        node("Cast", ["shown"], ["numbers"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["numbers", "last"], ["mask"]),
        node("Mul", ["states", "mask"], ["kept"]),
        node("ReduceSum", ["kept", "second"], ["sum"], keepdims=0),
        node("ReduceSum", ["mask", "second"], ["count"], keepdims=0),
        node("Div", ["sum", "count"], ["mean"]),
        node("Softmax", ["mean"], ["answers"], axis=-1) if probabilities else node("Identity", ["mean"], ["answers"]),
    ]
    weights = {"words": words, "last": np.array([2], np.int64), "second": np.array([1], np.int64)}
    outputs = {"answers": (TensorProto.FLOAT, (shape[0], words.shape[1]))}
    return write(path, nodes, dict.fromkeys(names, (dtype, shape)), outputs, weights, **options)


def pixels(
    path: Path,
    weights: NDArray[np.float32],
    shape: Sequence[object],
    *,
    dtype: int = TensorProto.FLOAT,
    **options: object,
) -> Path:
    """Write a linear network, (values, outputs), over an input `image` of a shape."""
    nodes = [
        helper.make_node("Cast", ["image"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["numbers"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
    ]
    outputs = {"logits": (TensorProto.FLOAT, (shape[0], weights.shape[1]))}
    return write(path, nodes, {"image": (dtype, shape)}, outputs, {"weights": weights}, **options)
