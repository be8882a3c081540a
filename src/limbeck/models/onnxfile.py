"""An ONNX file of somebody's: what it takes, what it gives, and onnxruntime's answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from limbeck.digest import digest, file_digest
from limbeck.errors import LimbeckError, first_line, nearest

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int16)": np.int16,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


@dataclass(frozen=True)
class Slot:
    """An input or output of an ONNX file.

    Attributes:
        name: in the file.
        dtype: of its array; None where it is no array, or of a type that no reader gives.
        shape: its sizes; None where any fits.
        kind: the type in the words of the file.
    """

    name: str
    dtype: Any
    shape: tuple[int | None, ...]
    kind: str


class OnnxFile:
    """An ONNX file, loaded into onnxruntime.

    Args:
        path: the file; what it names as external data lies beside it.

    Attributes:
        digest: names the bytes of the file and of its external data.
        inputs: by name, in their order.
        outputs: by name, in their order.

    Raises:
        LimbeckError: there is no such file, it is damaged, no ONNX model, or asks for what onnxruntime does not have.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise LimbeckError("no such file", where=str(path), fix="give the path of an ONNX file")
        self.path = path
        self.digest = _digest(path)
        options = ort.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Threads that wait by spinning would take the processor from torch's.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises classes of its own, one a reason
            raise LimbeckError(
                f"onnxruntime cannot load it ({_reason(error)})",
                where=str(path),
                fix="export it again, in one file or with its external data beside it, of standard operators",
            ) from None
        self.inputs, self.outputs = (
            {entry.name: _slot(entry) for entry in entries}
            for entries in (self._session.get_inputs(), self._session.get_outputs())
        )

    @property
    def batch(self) -> int | None:
        """How many rows it takes at once; None: any number."""
        sizes = {slot.shape[0] for slot in self.inputs.values() if slot.shape and slot.shape[0]}
        return max(sizes) if sizes else None

    @property
    def longest(self) -> int | None:
        """How many tokens of a text it takes, where its inputs for token ids have a fixed length; None: any number."""
        found = [
            slot.shape[1]
            for slot in self.inputs.values()
            if len(slot.shape) == 2 and slot.shape[1] and slot.dtype in (np.int64, np.int32)
        ]
        return min(found, default=None)

    def require_output(self, name: str | None, where: str) -> Slot:
        """Return the output that is meant.

        Raises:
            LimbeckError: there is none of this name, several where none is named, or it is no array of numbers.
        """
        if name is None and len(self.outputs) > 1:
            raise LimbeckError(
                f"{self.path.name} has the outputs {', '.join(self.outputs)}, and nothing says which one is meant",
                where=where,
                fix="name one",
            )
        if name is not None and name not in self.outputs:
            raise LimbeckError(f"{self.path.name} has no output `{name}`", where=where, fix=nearest(name, self.outputs))
        slot = self.outputs[name or next(iter(self.outputs))]
        if slot.dtype is None:
            raise LimbeckError(
                f"the output `{slot.name}` of {self.path.name} is a {slot.kind}, where an array of numbers belongs",
                where=where,
                fix="name another one, or export it without ZipMap (skl2onnx: zipmap=False)",
            )
        return slot

    def run(self, feed: Mapping[str, NDArray[Any]], output: str) -> NDArray[Any]:
        """Return an output of the file.

        Raises:
            LimbeckError: it fails on these inputs.
        """
        try:
            return np.asarray(self._session.run([output], dict(feed))[0])
        except Exception as error:
            shapes = ", ".join(f"{name} {value.dtype} {value.shape}" for name, value in feed.items())
            raise LimbeckError(
                f"it fails on {shapes} ({_reason(error)})", where=str(self.path), fix="export it with dynamic axes"
            ) from None


def _slot(entry: Any) -> Slot:
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in entry.shape or ())
    return Slot(entry.name, _TYPES.get(entry.type), shape, entry.type)


def _digest(path: Path) -> str:
    """Return the digest of a file and of its external data.

    Raises:
        LimbeckError: it is no ONNX model, or its external data is missing or lies elsewhere.
    """
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception:  # of protobuf, whose classes move between versions
        raise LimbeckError("damaged, or no ONNX model", where=str(path), fix="export or copy it again") from None
    if not model.graph.node:
        raise LimbeckError("an ONNX model without a graph", where=str(path), fix="export or copy it again")
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    tensors = [*model.graph.initializer, *_tensors(nodes)]
    outside = {entry.value for each in tensors for entry in each.external_data if entry.key == "location"}
    found = [file_digest(path)]
    for name in sorted(outside):
        beside = path.parent / name
        if Path(name).is_absolute() or ".." in Path(name).parts or not beside.is_file():
            raise LimbeckError(
                f"its weights are in `{name}`, and there is no such file beside it",
                where=str(path),
                fix="copy that file too, or export the model as one file",
            )
        found.append(file_digest(beside))
    return found[0] if len(found) == 1 else digest(found)


def _tensors(nodes: Any) -> Iterator[Any]:
    """Yield the tensors in the attributes of nodes, and in their subgraphs."""
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for graph in (attribute.g, *attribute.graphs):
            yield from graph.initializer
            yield from _tensors(graph.node)


def _reason(error: Exception) -> str:
    """Return what onnxruntime says, without its own prefix."""
    return first_line(error).rpartition(" : ")[2].strip().rstrip(".")
