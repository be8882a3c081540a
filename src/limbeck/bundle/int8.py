"""An int8 twin of an exported file, whose answer for a row depends on that row alone."""

import platform
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from limbeck.bundle.export import quiet
from limbeck.files import staged

PRODUCTS = ["Conv", "MatMul"]
"""What is computed in int8. Not `Gemm`: these are the heads. They take next to no time, and their inputs are sums over
a text, whose last bit depends on the padding; rounding to int8 would make a step of it."""
_SMALL = 1000  # numbers: a table of fewer saves nothing

_VECTORS = {
    "avx2": "avx2",
    "avx512f": "avx512",
    "avx512_vnni": "avx512_vnni",
    "avx_vnni": "avx_vnni",
    "amx_int8": "amx_int8",
    "asimddp": "dotprod",
    "i8mm": "i8mm",
}
"""Flags of /proc/cpuinfo that decide which int8 kernels onnxruntime takes, and what they are called here."""


def quantize_int8(source: Path, target: Path, batches: Iterable[Mapping[str, NDArray[Any]]]) -> None:
    """Write an int8 twin with constant ranges.

    Ranges of activations are what the given batches reach, and are written into the file. (`quantize_dynamic` takes
    them from the batch at hand, so that a row's answer depends on its neighbours.) Weights of products use 7 bits, as
    8 can saturate on x86 without VNNI and nobody knows where the file will run. Tables that are looked up enter no
    product: they use all 8, and become float32 after the look-up. Recurrent layers stay in float32, and so do products
    that end in a logarithm, such as those of a log-mel spectrogram.

    Args:
        source: the fp32 file.
        target: the int8 file.
        batches: inputs by name, (rows, ...) each: real ones.

    Raises:
        Exception: whatever onnxruntime raises for a graph that it cannot quantize.
    """
    with quiet(), staged(target) as aside:
        folded, products = (aside.with_name(f"{name}.onnx") for name in ("folded", "products"))
        quant_pre_process(str(source), str(folded), skip_symbolic_shape=True)  # or weights are not found
        quantize_static(
            str(folded),
            str(products),
            _Batches(batches),
            op_types_to_quantize=PRODUCTS,
            nodes_to_exclude=_before_logarithms(onnx.load(str(folded)).graph),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={
                "MatMulConstBOnly": True,
                # What follows a product reads its float32 sums: one rounding less, and faster.
                "OpTypesToExcludeOutputQuantization": ["MatMul"],
            },
        )
        model = onnx.load(str(products))
        _quantize_tables(model.graph)
        onnx.checker.check_model(model)
        onnx.save(model, str(aside))


def _before_logarithms(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the products that end in a logarithm: of a spectrum it shows what 8 bits round to 0."""
    makers = {name: node for node in graph.node for name in node.output}
    waiting = [node for node in graph.node if node.op_type == "Log"]
    found: dict[str, str] = {}
    while waiting:
        for node in (makers[name] for name in waiting.pop().input if name in makers):
            if node.name not in found:
                found[node.name] = node.op_type
                waiting.append(node)
    return [name for name, kind in found.items() if kind in PRODUCTS]


class _Batches(CalibrationDataReader):
    def __init__(self, batches: Iterable[Mapping[str, NDArray[Any]]]) -> None:
        self._batches: Iterator[Mapping[str, NDArray[Any]]] = iter(batches)

    def get_next(self) -> Any:  # a batch; None at the end, which the base class does not declare
        batch = next(self._batches, None)
        return None if batch is None else dict(batch)


def _quantize_tables(graph: onnx.GraphProto) -> None:
    """Look up int8 rows, and scale what was found, wherever nothing but `Gather` reads a constant float table."""
    lookups = [node for node in graph.node if node.op_type == "Gather"]
    others = {name for node in graph.node if node.op_type != "Gather" for name in node.input}
    tables = {
        each.name: onnx.numpy_helper.to_array(each)
        for each in graph.initializer
        if each.data_type == onnx.TensorProto.FLOAT and each.name in {node.input[0] for node in lookups} - others
    }
    tables = {name: table for name, table in tables.items() if table.size >= _SMALL}
    nodes = list(graph.node)
    for lookup in lookups:
        name, found = lookup.input[0], lookup.output[0]
        if name in tables:
            lookup.output[0] = f"{found}_int8"
            scaled = onnx.helper.make_node("DequantizeLinear", [lookup.output[0], f"{name}_scale"], [found])
            nodes.insert(nodes.index(lookup) + 1, scaled)
    kept = [each for each in graph.initializer if each.name not in tables]
    for name, table in tables.items():
        scale = np.float32(max(float(np.abs(table).max()), np.finfo(np.float32).tiny) / 127)
        kept.append(onnx.numpy_helper.from_array(np.rint(table / scale).astype(np.int8), name))
        kept.append(onnx.numpy_helper.from_array(np.asarray(scale), f"{name}_scale"))
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def instructions() -> str:
    """Return this machine's architecture, and those of its vector instructions that int8 kernels differ by."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    listed = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    flags = next(listed, "").split()
    return ", ".join([platform.machine(), *(name for flag, name in _VECTORS.items() if flag in flags)])
