"""How many threads a file is served with: by its work, so that the same file gets the same number each time."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import shape_inference

from limbeck.runtime.readers import Reader

MUCH = 50_000_000
"""Multiplications of one example from which several threads pay. Measured on two cores, two threads over one: networks
of 0 to 41 million, from `ngrams` to `resnet`, took 0.94 to 2.2 times as long for one example, and 1 to 2.4 times as
long for 64 of them, at up to 3.2 times the processor time. One of 75 million took 0.66 of the time."""
_ROWS = 64
_RECURRENT = ("LSTM", "GRU", "RNN")


def threads_that_pay(model: Path, reader: Reader, values: Sequence[Any]) -> int:
    """Return 1, or 0 where onnxruntime had better decide.

    Args:
        model: the ONNX file.
        reader: its preprocessing.
        values: examples; one of middle length is counted.
    """
    rows = reader.encode([values[row] for row in range(min(_ROWS, len(values)))])
    middle = np.argsort(rows.lengths, kind="stable")[len(rows) // 2]
    return 0 if multiplications(onnx.load(str(model)), rows.batch(np.array([middle]))) >= MUCH else 1


def multiplications(model: onnx.ModelProto, feed: Mapping[str, NDArray[Any]]) -> int:
    """Return how many a network does in matrix products, convolutions and recurrent layers.

    Args:
        model: its shapes are set to those of `feed`.
        feed: its inputs. What has no shape even then, and what is inside of branches, is not counted.
    """
    for entry in model.graph.input:
        for dimension, size in zip(entry.type.tensor_type.shape.dim, feed[entry.name].shape, strict=False):
            dimension.dim_value = size
    for entry in model.graph.output:
        entry.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    sizes = {each.name: list(each.dims) for each in graph.initializer}
    for entry in (*graph.value_info, *graph.input, *graph.output):
        sizes[entry.name] = [dimension.dim_value for dimension in entry.type.tensor_type.shape.dim]
    return sum(_of_node(node, sizes) for node in graph.node)


def _of_node(node: onnx.NodeProto, sizes: Mapping[str, list[int]]) -> int:
    """Return the multiplications of a node; 0 where a size is not known."""
    inputs, outputs = ([sizes.get(name, [0]) for name in names] for names in (node.input, node.output))
    if node.op_type == "Conv":
        return math.prod(outputs[0]) * math.prod(inputs[1][1:])
    if node.op_type in ("MatMul", "Gemm"):
        return math.prod(outputs[0]) * inputs[0][-1]
    if node.op_type in _RECURRENT:
        return math.prod(inputs[0][:2]) * (math.prod(inputs[1]) + math.prod(inputs[2]))
    return 0
