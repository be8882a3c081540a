"""A bundle: the folder that a distillation delivers, and how to ask it."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from limbeck.errors import LimbeckError
from limbeck.runtime.encoder import Encoder, as_texts

FORMAT = 1
_REQUIRED = {"format": int, "labels": list, "files": dict}
_TEXTS = {"max_length": int, "tail": int, "pad_id": int}
_FILES = {"model.onnx", "tokenizer.json"}
_ANEW = "copy the bundle again, or export it anew"


@dataclass(frozen=True, slots=True)
class Prediction:
    """A decision.

    Attributes:
        label: the class with the highest probability, as it was written in the training data.
        probability: its probability, in [0, 1].
        probabilities: of every class.
    """

    label: str
    probability: float
    probabilities: dict[str, float]


class OnnxTensors:
    """An exported classifier: arrays in, logits out.

    Args:
        model: path of the ONNX file.
        threads: threads for one prediction; 0 lets onnxruntime decide.
    """

    def __init__(self, model: Path, *, threads: int = 0) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1  # one operator at a time, as the execution mode is sequential
        options.log_severity_level = 3
        self._session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.wanted = tuple(entry.name for entry in self._session.get_inputs())

    def logits(self, inputs: Mapping[str, NDArray[Any]], *, batch_size: int = 64) -> NDArray[np.float32]:
        """Return (rows, classes) float32 logits.

        Args:
            inputs: by the name of the student's argument, (rows, ...) each.
            batch_size: rows asked at once.

        Raises:
            ValueError: an input is missing, their numbers of rows differ, or there are none.
        """
        if missing := [name for name in self.wanted if name not in inputs]:
            raise ValueError(f"the student needs {', '.join(missing)}; given: {', '.join(inputs) or 'nothing'}")
        feed = {name: np.asarray(inputs[name]) for name in self.wanted}
        sizes = {len(value) for value in feed.values()}
        if len(sizes) != 1 or 0 in sizes:
            raise ValueError(f"inputs need the same number of rows, above 0, not {sorted(sizes)}")
        rows = sizes.pop()
        parts = [
            self._session.run(None, {name: value[start : start + batch_size] for name, value in feed.items()})[0]
            for start in range(0, rows, batch_size)
        ]
        return np.concatenate([np.asarray(part, np.float32) for part in parts])


_MOST_PADDING = 2048
"""Tokens: to compute more of it costs more than another call, which takes some 50 microseconds."""


def _alike(order: Sequence[int], sequences: Sequence[Sequence[int]], batch_size: int) -> Iterator[list[int]]:
    """Yield row numbers, which are ordered by length, in parts of which none has more padding than that."""
    part: list[int] = []
    real = 0
    for row in order:
        length = len(sequences[row])
        if part and (len(part) == batch_size or length * len(part) - real > _MOST_PADDING):
            yield part
            part, real = [], 0
        part.append(row)
        real += length
    if part:
        yield part


class OnnxClassifier:
    """An exported text classifier: text in, logits out.

    Args:
        model: path of the ONNX file.
        encoder: the preprocessing it was trained with.
        threads: threads for one prediction; 0 lets onnxruntime decide.
    """

    def __init__(self, model: Path, encoder: Encoder, *, threads: int = 0) -> None:
        self._network = OnnxTensors(model, threads=threads)
        self._encoder = encoder

    def logits(self, texts: Sequence[str], *, batch_size: int = 64) -> NDArray[np.float32]:
        """Return (texts, classes) float32 logits in the order of `texts`.

        Texts of similar length are asked together, at most `batch_size` of them, so that little of it is padding.

        Raises:
            TypeError: `texts` is a single string, or holds something that is no string.
            ValueError: there are no texts.
        """
        sequences, _ = self._encoder.encode(texts)
        if not sequences:
            raise ValueError("there are no texts")
        order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
        parts = [
            self._network.logits(self._encoder.pad([sequences[index] for index in part]), batch_size=batch_size)
            for part in _alike(order, sequences, batch_size)
        ]
        logits = np.concatenate(parts)
        result = np.empty_like(logits)
        result[order] = logits
        return result


class Bundle(OnnxClassifier):
    """A delivered student. Use `load`.

    Attributes:
        labels: the classes, in the order of the logits.
        info: the content of `bundle.json`.
    """

    def __init__(self, folder: Path, info: dict[str, Any], *, threads: int = 0) -> None:
        encoder = Encoder.from_file(
            folder / "tokenizer.json",
            max_length=int(info["max_length"]),
            tail=int(info["tail"]),
            pad_id=int(info["pad_id"]),
        )
        super().__init__(folder / "model.onnx", encoder, threads=threads)
        self.labels: tuple[str, ...] = tuple(info["labels"])
        self.info = info

    def predict(self, texts: Sequence[str], *, batch_size: int = 64) -> list[Prediction]:
        """Return one prediction a text, in order.

        Raises:
            TypeError: `texts` is a single string, or holds something that is no string.
        """
        wanted = as_texts(texts)
        return list(_decide(self.logits(wanted, batch_size=batch_size), self.labels)) if wanted else []


class TensorBundle(OnnxTensors):
    """A delivered student that reads arrays. Use `load_tensors`.

    Attributes:
        labels: the classes, in the order of the logits.
        info: the content of `bundle.json`; `inputs` says names, types and shapes.
    """

    def __init__(self, folder: Path, info: dict[str, Any], *, threads: int = 0) -> None:
        super().__init__(folder / "model.onnx", threads=threads)
        self.labels: tuple[str, ...] = tuple(info["labels"])
        self.info = info

    def predict(self, inputs: Mapping[str, NDArray[Any]], *, batch_size: int = 64) -> list[Prediction]:
        """Return one prediction a row, in order.

        Raises:
            ValueError: an input is missing, or their numbers of rows differ.
        """
        return list(_decide(self.logits(inputs, batch_size=batch_size), self.labels))


def _decide(logits: NDArray[np.float32], labels: Sequence[str]) -> Iterator[Prediction]:
    for row in softmax(logits):
        best = int(row.argmax())
        every = {label: float(value) for label, value in zip(labels, row, strict=True)}
        yield Prediction(labels[best], float(row[best]), every)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probabilities of logits (rows, classes)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def load(path: str | os.PathLike[str], *, threads: int = 0) -> Bundle:
    """Load a student that reads texts, after checking every file against the checksums in `bundle.json`.

    Args:
        path: the bundle's folder, or a run folder that contains `bundle/`.
        threads: threads for one prediction; 0 lets onnxruntime decide.

    Raises:
        LimbeckError: no bundle there, one that reads arrays, a newer format, or a file that is missing or was changed.
    """
    folder, info = _checked(path)
    if "inputs" in info:
        raise LimbeckError("this student reads arrays, not texts", where=str(folder), fix="use limbeck.load_tensors")
    return Bundle(folder, info, threads=threads)


def load_tensors(path: str | os.PathLike[str], *, threads: int = 0) -> TensorBundle:
    """Load a student that reads arrays, as `load` does one that reads texts."""
    folder, info = _checked(path)
    if "inputs" not in info:
        raise LimbeckError("this student reads texts, not arrays", where=str(folder), fix="use limbeck.load")
    return TensorBundle(folder, info, threads=threads)


def _checked(path: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """Return a bundle's folder and what `bundle.json` says, when every file is the one that was exported."""
    folder = Path(path)
    if not (folder / "bundle.json").is_file() and (folder / "bundle" / "bundle.json").is_file():
        folder = folder / "bundle"
    info = _read_info(folder)
    for name, expected in info["files"].items():
        file = folder / name
        if Path(name).name != name:
            raise LimbeckError(f"bundle.json names a file outside the bundle: `{name}`", where=str(folder), fix=_ANEW)
        if not file.is_file():
            raise LimbeckError(f"the bundle lacks `{name}`", where=str(folder), fix="copy the whole folder again")
        if hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            raise LimbeckError(
                f"`{name}` is not the file that was exported (its checksum differs)",
                where=str(folder),
                fix=_ANEW,
            )
    return folder, info


def _read_info(folder: Path) -> dict[str, Any]:
    try:
        info = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    except OSError:
        raise LimbeckError(
            "no bundle here (no bundle.json)", where=str(folder), fix="give the `bundle` folder of a run"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LimbeckError(f"bundle.json is not valid JSON ({error})", where=str(folder), fix=_ANEW) from None
    keys = info if isinstance(info, dict) else {}
    if keys.get("format", FORMAT) != FORMAT:
        raise LimbeckError(
            f"bundle format {keys['format']} is not {FORMAT}, which this version reads",
            where=str(folder),
            fix="upgrade limbeck, or export the bundle again",
        )
    reads_texts = "inputs" not in keys
    required = _REQUIRED | (_TEXTS if reads_texts else {"inputs": dict})
    if wrong := [key for key, kind in required.items() if not isinstance(keys.get(key), kind)]:
        raise LimbeckError(f"bundle.json lacks {', '.join(wrong)}", where=str(folder), fix=_ANEW)
    if unchecked := sorted((_FILES if reads_texts else {"model.onnx"}) - keys["files"].keys()):
        raise LimbeckError(f"bundle.json has no checksum of {', '.join(unchecked)}", where=str(folder), fix=_ANEW)
    return keys
