"""A bundle: the folder that a distillation delivers, and how to ask it."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from limbeck.errors import LimbeckError, first_line
from limbeck.files import named_path, parsed_json
from limbeck.runtime.decisions import RULES, Rule
from limbeck.runtime.readers import Reader
from limbeck.runtime.readers.arrays import ArraysReader
from limbeck.runtime.readers.audio import AudioReader
from limbeck.runtime.readers.image import ImageReader
from limbeck.runtime.readers.table import TableReader
from limbeck.runtime.readers.text import TextReader
from limbeck.runtime.rows import Rows, by_length
from limbeck.runtime.takes import Takes

FORMAT = 2
MODEL = "model.onnx"
READERS: dict[str, type[Reader]] = {
    reader.kind: reader for reader in (TextReader, ImageReader, AudioReader, TableReader, ArraysReader)
}
"""By the kind that `bundle.json` names."""

_REQUIRED = {"format": int, "task": str, "labels": list, "files": dict, "reads": dict}
_WRONG = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
"""What a reader or a rule may raise that is made from something else than what was exported."""
_ANEW = "copy the bundle again, or export it anew"


Values = Sequence[str] | Mapping[str, Any]
"""Texts, or (rows, ...) arrays by argument."""


class OnnxNetwork:
    """An exported network: rows in, logits (or values) out.

    Args:
        model: path of the ONNX file.
        threads: threads for one prediction; 0 lets onnxruntime decide.

    Attributes:
        outputs: how many logits a row has; None where the file does not say it.

    Raises:
        LimbeckError: onnxruntime cannot load the file.
    """

    def __init__(self, model: Path, *, threads: int = 0) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1  # one operator at a time, as the execution mode is sequential
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises classes of its own, one a reason
            found = f"onnxruntime cannot load it ({first_line(error)})"
            raise LimbeckError(found, where=str(model), fix=_ANEW) from None
        self._wanted = tuple(entry.name for entry in self._session.get_inputs())
        outputs = self._session.get_outputs()[0].shape[-1]
        self.outputs: int | None = outputs if isinstance(outputs, int) else None

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
        """
        if not len(rows):
            raise ValueError("there are no rows")
        order, parts = [], []
        for some in by_length(rows, batch_size, most_padding=_MOST_PADDING):
            given = rows.batch(some)
            feed = {name: given[name] for name in self._wanted}
            parts.append(np.asarray(self._session.run(None, feed)[0], np.float32))
            order.append(some)
        if len(parts) == 1 and len(rows) == 1:
            return parts[0]
        logits = np.concatenate(parts)
        result = np.empty_like(logits)
        result[np.concatenate(order)] = logits
        return result


_MOST_PADDING = 2048
"""Tokens: to compute more of it costs more than another call, which takes some 50 microseconds."""


class Bundle:
    """A delivered student. Use `load`.

    Attributes:
        labels: what the outputs stand for, in their order: the classes, or the columns of values.
        reader: its preprocessing.
        rule: how its outputs are read.
        info: the content of `bundle.json`.
    """

    def __init__(self, folder: Path, info: dict[str, Any], *, threads: int = 0) -> None:
        self._network = OnnxNetwork(folder / MODEL, threads=threads)
        try:
            self.reader: Reader = READERS[info["reads"]["kind"]].load(folder, info["reads"])
            self._network.require(self.reader.shapes)
        except _WRONG as error:
            found = f"bundle.json: `reads` is not what was exported ({type(error).__name__}: {first_line(error)})"
            raise LimbeckError(found, where=str(folder), fix=_ANEW) from error
        self.labels: tuple[str, ...] = tuple(info["labels"])
        if self._network.outputs not in (None, len(self.labels)):
            found = f"bundle.json names {len(self.labels)} labels, and the network has {self._network.outputs} outputs"
            raise LimbeckError(found, where=str(folder), fix=_ANEW)
        try:
            self.rule: Rule = RULES[info["task"]](info.get("decision", {}))
            self.rule.answers(np.zeros((1, len(self.labels)), np.float32), self.labels)
        except _WRONG as error:
            found = f"bundle.json: `decision` is not what was exported ({type(error).__name__}: {first_line(error)})"
            raise LimbeckError(found, where=str(folder), fix=_ANEW) from error
        self.info = info

    def logits(self, values: Values, *, batch_size: int = 64) -> NDArray[np.float32]:
        """Return (values, outputs) float32, in order: of a classifier the logits of the classes.

        Args:
            values: texts; of a student that reads arrays, a mapping of (rows, ...) arrays by argument.
            batch_size: most values asked at once.

        Raises:
            TypeError: it is not what the student reads: a list of texts, or a mapping of arrays.
            ValueError: there are none, or an array is missing, of another shape or type, or of another number of rows.
        """
        return self._network.logits(self.reader.encode(_plain(values)), batch_size=batch_size)

    def predict(self, values: Values, *, batch_size: int = 64) -> list[Any]:
        """Return one answer a value, in order; none of no values. Raises what `logits` does.

        Of a classifier an answer is a `Prediction`, of a multilabel student a `LabelSet`, of a regression a mapping of
        values by column, of several decisions a row a mapping of a `Prediction` a column; see `runtime.decisions`.
        """
        rows = self.reader.encode(_plain(values))
        if not len(rows):
            return []
        outputs = self._network.logits(rows, batch_size=batch_size)
        if len(odd := np.flatnonzero(~np.isfinite(outputs).all(axis=1))):
            raise LimbeckError(
                f"the student's answer to value {odd[0] + 1:,} of {len(rows):,} is no number",
                where=MODEL,
                fix="look at that value; if nothing is wrong with it, do the run again with fp32",
            )
        return self.rule.answers(outputs, self.labels)


def _plain(values: Any) -> Any:
    """Return values of Arrow as Python has them, whose own cells are objects that no reader knows."""
    if isinstance(values, Mapping):
        return {name: _plain(column) for name, column in values.items()}
    return values.to_pylist() if hasattr(values, "to_pylist") else values


def load(path: str | os.PathLike[str], *, threads: int = 0) -> Bundle:
    """Load a student, after checking every file against the checksums in `bundle.json`.

    Args:
        path: the bundle's folder, or a run folder that contains `bundle/`.
        threads: threads for one prediction; 0 lets onnxruntime decide.

    Raises:
        LimbeckError: no bundle there, another format, or a file that is missing or was changed.
    """
    return Bundle(*checked(path), threads=threads)


def load_for_files(path: str | os.PathLike[str]) -> tuple[Bundle, Takes]:
    """Load a student that is to be asked for what files hold, as `load` does; and how it is asked.

    Raises:
        LimbeckError: no file holds what it reads.
    """
    student = load(path)
    if student.reader.takes is None:
        fix = "ask it from Python: limbeck.load(...).predict({name: array})"
        raise LimbeckError(f"this student reads {student.reader.kind}, which no file holds", where=str(path), fix=fix)
    columns, _ = named_columns(student.info)
    return student, student.reader.takes.trained_on(columns) if columns else student.reader.takes


def named_columns(info: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the data of the training called the columns with the example, and those with the label.

    Args:
        info: what `bundle.json` says.

    Returns:
        No column, where it says nothing of them: of columns without a name, and of older bundles.
    """
    columns = info.get("columns", {})
    example, label = ((name,) if isinstance(name := columns.get(key, []), str) else tuple(name) for key in _COLUMNS)
    return example, label


_COLUMNS = ("example", "label")


def _wrong_columns(columns: Any) -> list[str]:
    """Return the keys of what `bundle.json` says of columns that hold something else."""
    if not isinstance(columns, dict):
        return ["columns"]
    held = {key: [name] if isinstance(name := columns.get(key, []), str) else name for key in _COLUMNS}
    right = {
        key: isinstance(names, list) and all(isinstance(name, str) for name in names) for key, names in held.items()
    }
    return [f"columns.{key}" for key, fits in right.items() if not fits]


def checked(path: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """Return a bundle's folder and what `bundle.json` says, when every file is the one that was exported.

    Raises:
        LimbeckError: as `load`.
    """
    folder = named_path(path)
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
        info = parsed_json((folder / "bundle.json").read_text(encoding="utf-8"))
    except OSError:
        raise LimbeckError(
            "no bundle here (no bundle.json)", where=str(folder), fix="give the `bundle` folder of a run"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LimbeckError(f"bundle.json is not valid JSON ({error})", where=str(folder), fix=_ANEW) from None
    keys = info if isinstance(info, dict) else {}
    if keys.get("format", FORMAT) != FORMAT:
        older = isinstance(keys["format"], int) and keys["format"] < FORMAT
        raise LimbeckError(
            f"bundle format {keys['format']} is not {FORMAT}, which this version reads",
            where=str(folder),
            fix="run its recipe again with this version" if older else "upgrade limbeck, or export the bundle again",
        )
    wrong = [key for key, form in _REQUIRED.items() if not isinstance(keys.get(key), form)]
    reads = {} if "reads" in wrong else keys["reads"]
    kind: str | None = reads["kind"] if isinstance(reads.get("kind"), str) else None
    if kind is not None and kind not in READERS:
        raise LimbeckError(f"this version has no reader `{kind}`", where=str(folder), fix="upgrade limbeck")
    if "task" not in wrong and keys["task"] not in RULES:
        raise LimbeckError(f"this version has no task `{keys['task']}`", where=str(folder), fix="upgrade limbeck")
    needed = {} if "reads" in wrong else {"kind": str, **({} if kind is None else READERS[kind].needs)}
    wrong += [f"reads.{key}" for key, form in needed.items() if not isinstance(reads.get(key), form)]
    wrong += _wrong_columns(keys.get("columns", {}))
    wrong += [] if isinstance(keys.get("checksum"), str) else ["checksum"]
    if wrong:
        raise LimbeckError(f"bundle.json lacks {', '.join(wrong)}", where=str(folder), fix=_ANEW)
    if unchecked := sorted({MODEL, *READERS[reads["kind"]].files} - keys["files"].keys()):
        raise LimbeckError(f"bundle.json has no checksum of {', '.join(unchecked)}", where=str(folder), fix=_ANEW)
    if keys["checksum"] != sealed(keys)["checksum"]:
        raise LimbeckError("bundle.json is not what was exported (its checksum differs)", where=str(folder), fix=_ANEW)
    return keys


def sealed(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `bundle.json` says with a checksum of the rest of it.

    It holds what turns inputs into the network's and its outputs into answers: two labels that are exchanged by hand
    would go unnoticed, as everything still fits.
    """
    rest = {key: value for key, value in info.items() if key != "checksum"}
    return {**rest, "checksum": hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()}
