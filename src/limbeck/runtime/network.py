"""An ONNX file as a function of rows."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from limbeck.runtime.failures import in_words
from limbeck.runtime.rows import Rows, by_length

MOST_PADDING = 2048
"""Tokens: to compute more of it costs more than another call, which takes some 50 microseconds."""
_FATAL = 4
"""The level of onnxruntime's log at which nothing is printed: what goes wrong is raised too."""
_UPGRADE = f"upgrade onnxruntime ({ort.__version__} is installed), or copy the bundle again"
_of_parents: list[ort.InferenceSession] = []
"""Sessions that a fork copied. To take one down waits for its threads, of which the copy has none."""


class OnnxNetwork:
    """An exported network: rows in, logits (or values) out.

    A process that is forked off makes a session of its own at its first question: onnxruntime's threads are not copied,
    and whoever waits for them waits for ever.

    Args:
        model: path of the ONNX file.
        threads: threads for one prediction; 0 lets onnxruntime decide.

    Attributes:
        outputs: how many logits a row has; None where the file does not say it.

    Raises:
        LimbeckError: onnxruntime cannot load the file.
    """

    def __init__(self, model: Path, *, threads: int = 0) -> None:
        self._model, self._threads = model, threads
        self._file = str(model.absolute())  # a process that is forked off may go elsewhere
        self._session, self._process = self._opened(), os.getpid()
        with in_words("it is no network of one output", where=str(model), fix=_UPGRADE):
            self._wanted = tuple(entry.name for entry in self._session.get_inputs())
            first = self._session.get_outputs()[0]
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
        for entry in self._session.get_inputs():
            if entry.name not in shapes:
                raise ValueError(f"the network takes `{entry.name}`, and the reader gives {', '.join(shapes)}")
            given = (None, *shapes[entry.name])
            if entry.shape and len(entry.shape) != len(given):
                raise ValueError(f"`{entry.name}` has {len(given)} axes, and the network takes {len(entry.shape)}")
            for axis, (size, own) in enumerate(zip(entry.shape, given, strict=False)):
                if isinstance(size, int) and own is not None and size != own:
                    raise ValueError(f"`{entry.name}` has {own} along axis {axis}, and the network takes {size}")

    def logits(self, rows: Rows, *, batch_size: int = 64) -> NDArray[np.float32]:
        """Return (rows, outputs) float32, in the order of the rows.

        Rows of similar length are asked together, at most `batch_size` of them, so that little of it is padding.

        Raises:
            ValueError: there are no rows.
            LimbeckError: onnxruntime cannot compute them.
        """
        if not len(rows):
            raise ValueError("there are no rows")
        if self._process != os.getpid():
            _of_parents.append(self._session)
            self._session, self._process = self._opened(), os.getpid()
        order, parts = [], []
        for some in by_length(rows, batch_size, most_padding=MOST_PADDING):
            given = rows.batch(some)
            parts.append(self._run({name: given[name] for name in self._wanted}))
            order.append(some)
        if len(parts) == 1 and len(rows) == 1:
            return parts[0]
        logits = np.concatenate(parts)
        result = np.empty_like(logits)
        result[np.concatenate(order)] = logits
        return result

    def _run(self, feed: Mapping[str, NDArray]) -> NDArray[np.float32]:
        with in_words("onnxruntime cannot compute an answer", where=str(self._model), fix=_UPGRADE):
            return np.asarray(self._session.run(self._given, feed)[0], np.float32)
