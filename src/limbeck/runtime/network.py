"""An ONNX file as a function of rows."""

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from limbeck.runtime.failures import failed, in_words
from limbeck.runtime.rows import Rows, by_length

MOST_PADDING = 2048
"""Tokens: to compute more of it costs more than another call, which takes some 50 microseconds."""
_FIRST = np.zeros(1, np.int64)
_FATAL = 4
"""The level of onnxruntime's log at which nothing is printed: what goes wrong is raised too."""
_UPGRADE = f"upgrade onnxruntime ({ort.__version__} is installed), or copy the bundle again"
_networks: WeakSet["OnnxNetwork"] = WeakSet()


def _leave_sessions() -> None:
    """Let go of every session in a process that was forked off, without taking one down: that waits for its threads."""
    for network in _networks:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(network.session))
        network.session = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_sessions)


class OnnxNetwork:
    """An exported network: rows in, logits (or values) out.

    A process that is forked off makes a session of its own at its first question: onnxruntime's threads are not copied,
    and whoever waits for them waits for ever.

    Args:
        model: path of the ONNX file.
        threads: threads for one prediction; 0 lets onnxruntime decide.

    Attributes:
        outputs: how many logits a row has; None where the file does not say it.
        session: onnxruntime's; None in a process that was forked off and has not asked yet.

    Raises:
        LimbeckError: onnxruntime cannot load the file.
    """

    def __init__(self, model: Path, *, threads: int = 0) -> None:
        self._model, self._threads = model, threads
        self._file = str(model.absolute())  # a process that is forked off may go elsewhere
        session = self._opened()
        self.session: ort.InferenceSession | None = session
        _networks.add(self)
        with in_words("it is no network of one output", where=str(model), fix=_UPGRADE):
            self._inputs: dict[str, Any] = {entry.name: entry.shape for entry in session.get_inputs()}
            first = session.get_outputs()[0]
            self._given, shape = [first.name], first.shape or [None]
        self.outputs: int | None = shape[-1] if isinstance(shape[-1], int) else None

    def _opened(self) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1  # one operator at a time, as the execution mode is sequential
        options.log_severity_level = _FATAL
        with in_words("onnxruntime cannot load it", where=str(self._model), fix=_UPGRADE):
            return ort.InferenceSession(self._file, options, providers=["CPUExecutionProvider"], enable_fallback=0)

    def require(self, shapes: Mapping[str, tuple[int | None, ...]]) -> None:
        """Refuse a reader whose arrays are none that the network takes.

        Args:
            shapes: of the reader; no array of a size that it claims has been made yet.

        Raises:
            ValueError: one is missing, or has another size along an axis that may not have any.
        """
        for name, shape in self._inputs.items():
            if name not in shapes:
                raise ValueError(f"the network takes `{name}`, and the reader gives {', '.join(shapes)}")
            given = (None, *shapes[name])
            if shape and len(shape) != len(given):
                raise ValueError(f"`{name}` has {len(given)} axes, and the network takes {len(shape)}")
            for axis, (size, own) in enumerate(zip(shape, given, strict=False)):
                if isinstance(size, int) and own is not None and size != own:
                    raise ValueError(f"`{name}` has {own} along axis {axis}, and the network takes {size}")

    def logits(self, rows: Rows, *, batch_size: int = 64) -> NDArray[np.float32]:
        """Return (rows, outputs) float32, in the order of the rows.

        Rows of similar length are asked together, at most `batch_size` of them, so that little of it is padding.

        Raises:
            ValueError: there are no rows.
            LimbeckError: onnxruntime cannot compute them.
        """
        if not len(rows):
            raise ValueError("there are no rows")
        if len(rows) == 1:  # what a service asks
            return self._run(rows.batch(_FIRST))
        order, parts = [], []
        for some in by_length(rows, batch_size, most_padding=MOST_PADDING):
            parts.append(self._run(rows.batch(some)))
            order.append(some)
        logits = np.concatenate(parts)
        result = np.empty_like(logits)
        result[np.concatenate(order)] = logits
        return result

    def _run(self, given: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        session = self.session = self.session or self._opened()
        feed = {name: given[name] for name in self._inputs}
        try:
            return np.asarray(session.run(self._given, feed)[0], np.float32)
        except Exception as error:  # onnxruntime raises classes of its own, one a reason
            raise failed("onnxruntime cannot compute an answer", error, where=str(self._model), fix=_UPGRADE) from error
