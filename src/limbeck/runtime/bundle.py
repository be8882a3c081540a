"""A bundle: the folder that a distillation delivers, and how to ask it."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import LimbeckError, one_line
from limbeck.files import named_path
from limbeck.runtime import probe
from limbeck.runtime.decisions import RULES, Rule
from limbeck.runtime.description import INFO, MODEL, MOST_THREADS, checksum, described, sealed
from limbeck.runtime.failures import ANEW, in_words
from limbeck.runtime.network import OnnxNetwork
from limbeck.runtime.readers import Reader
from limbeck.runtime.readers.arrays import ArraysReader
from limbeck.runtime.readers.audio import AudioReader
from limbeck.runtime.readers.image import ImageReader
from limbeck.runtime.readers.table import TableReader
from limbeck.runtime.readers.text import TextReader
from limbeck.runtime.rows import Rows
from limbeck.runtime.takes import Takes

READERS: dict[str, type[Reader]] = {
    reader.kind: reader for reader in (TextReader, ImageReader, AudioReader, TableReader, ArraysReader)
}
"""By the kind that `bundle.json` names."""

_SHOWN = 6
_LARGEST = 1 << 25
"""Numbers of a row, at most: what is claimed takes memory as soon as a row is asked for."""

Values = Sequence[str] | Mapping[str, Any]
"""Texts, or (rows, ...) arrays by argument."""


class Bundle:
    """A delivered student. Use `load`.

    Attributes:
        labels: what the outputs stand for, in their order: the classes, or the columns of values.
        reader: its preprocessing.
        rule: how its outputs are read.
        info: the content of `bundle.json`.
    """

    def __init__(self, folder: Path, info: dict[str, Any], *, threads: int) -> None:
        self._folder, self._threads, self.info = folder.absolute(), threads, info
        self.labels: tuple[str, ...] = tuple(info["labels"])
        self._where = where = str(folder)
        with in_words("bundle.json: `reads` is not what was exported", where=where, fix=ANEW):
            self.reader: Reader = READERS[info["reads"]["kind"]].load(folder, info["reads"])
            _require_small(self.reader.shapes)
        self._columns, _ = named_columns(info)
        self._in_parts = getattr(self.reader, "in_parts", None)
        self._network = OnnxNetwork(folder / MODEL, threads=threads)
        with in_words("bundle.json: `reads` is not what was exported", where=where, fix=ANEW):
            self._network.require(self.reader.shapes)
        if self._network.outputs not in (None, len(self.labels)):
            found = f"bundle.json names {len(self.labels)} labels, and the network has {self._network.outputs} outputs"
            raise LimbeckError(found, where=where, fix=ANEW)
        with in_words("bundle.json: `decision` is not what was exported", where=where, fix=ANEW):
            self.rule: Rule = RULES[info["task"]](info.get("decision", {}))
            self.rule.answers(np.zeros((1, len(self.labels)), np.float32), self.labels)

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how a process that is given it makes one of its own: from the same folder, which is checked again."""
        return _loaded, (self._folder, self._threads)

    def __repr__(self) -> str:
        """Say in one line where it is, and what it answers with."""
        many = len(self.labels)
        more = f", ... {many} in all" if many > _SHOWN else ""
        labels = one_line(", ".join(self.labels[:_SHOWN]))
        return (
            f"Bundle({str(self._folder)!r}, {self.info['task']} of {self.reader.kind}: {labels}{more}; "
            f"{self.info['precision']})"
        )

    def probed(self) -> dict[str, Any]:
        """Return what `bundle.json` is to say under `probe`.

        Raises:
            ValueError: to no synthetic value does the network answer with a number.
        """
        try:
            outputs = self._network.logits(self.reader.encode(self.reader.probe()))
        except LimbeckError as error:
            raise ValueError(error.what) from error
        answers = probe.recorded(outputs, self.rule, self.labels)
        return {"around": probe.around(self.info, self.reader.files), "answers": answers}

    def require_probed(self) -> None:
        """Refuse to be another student than the one whose answers stand in `bundle.json`.

        Raises:
            LimbeckError: it answers otherwise, or what is around the network is not what was exported.
        """
        expected, where = self.info["probe"], self._where
        if expected["around"] != probe.around(self.info, self.reader.files):
            found = "labels, task, decision, columns, `reads` or its files are not those that the probe was made with"
            raise LimbeckError(f"bundle.json: {found}", where=where, fix=ANEW)
        with in_words("the student cannot be asked for its probe", where=where, fix=ANEW):
            outputs = self._network.logits(self.reader.encode(self.reader.probe()))
            error = probe.apart(outputs, self.rule, self.labels, expected["answers"])
        allowed = probe.TOLERANCES[self.info["precision"]]
        if not error <= allowed:
            found = (
                f"its answers to the probe are not those that were exported ({error:.2g} apart, {allowed:g} allowed)"
            )
            raise LimbeckError(found, where=where, fix=ANEW)

    def logits(self, values: Values, *, batch_size: int = 64) -> NDArray[np.float32]:
        """Return (values, outputs) float32, in order: of a classifier the logits of the classes.

        Args:
            values: texts, each a tuple where the training had several columns; of a student that reads arrays, a
                mapping of (rows, ...) arrays by argument.
            batch_size: most values asked at once.

        Raises:
            TypeError: it is not what the student reads: a list of texts, or a mapping of arrays.
            ValueError: there are none, or an array is missing, of another shape or type, or of another number of rows.
            LimbeckError: a value cannot be read, or a text has other parts than those of the training.
        """
        return self._network.logits(self._rows(values), batch_size=batch_size)

    def predict(self, values: Values, *, batch_size: int = 64) -> list[Any]:
        """Return one answer a value, in order; none of no values. Raises what `logits` does.

        An empty text is a value too: its answer is what the student says when nothing is said, whatever that is worth.
        Of such the command line gives none.

        Of a classifier an answer is a `Prediction`, of a multilabel student a `LabelSet`, of a regression a mapping of
        values by column, of several decisions a row a mapping of a `Prediction` a column; see `runtime.decisions`.
        """
        rows = self._rows(values)
        if not len(rows):
            return []
        outputs = self._network.logits(rows, batch_size=batch_size)
        if np.count_nonzero(np.isfinite(outputs)) < outputs.size:  # `all` takes three times as long, of one row
            odd = np.flatnonzero(~np.isfinite(outputs).all(axis=1))[0]
            raise LimbeckError(
                f"the student's answer to value {odd + 1:,} of {len(rows):,} is no number",
                where=MODEL,
                fix="look at that value; if nothing is wrong with it, do the run again with fp32",
            )
        return self.rule.answers(outputs, self.labels)

    def _rows(self, values: Values) -> Rows:
        plain, columns = _plain(values), self._columns
        return self.reader.encode(self._in_parts(plain, columns) if columns and self._in_parts else plain)


def _plain(values: Any) -> Any:
    """Return values of Arrow as Python has them, whose own cells are objects that no reader knows."""
    if isinstance(values, list):
        return values
    if isinstance(values, Mapping):
        return {name: _plain(column) for name, column in values.items()}
    return values.to_pylist() if hasattr(values, "to_pylist") else values


def _require_small(shapes: Mapping[str, tuple[int | None, ...]]) -> None:
    """Refuse rows that no memory would hold.

    Raises:
        ValueError: `bundle.json` claims such.
    """
    for name, shape in shapes.items():
        if (count := math.prod(size for size in shape if size is not None)) > _LARGEST:
            raise ValueError(f"a row of {count:,} numbers in `{name}`, and at most {_LARGEST:,} are read")


def load(path: str | os.PathLike[str], *, threads: int | None = None) -> Bundle:
    """Load a student, after checking every file against the checksums in `bundle.json`, and its answers to a probe.

    It can be pickled, and asked in a process that is forked off; there it is loaded anew.

    Args:
        path: the bundle's folder, or a run folder that contains `bundle/`.
        threads: threads for one prediction; 0 lets onnxruntime decide; None: what the export found to pay.

    Raises:
        ValueError: `threads` is no such number.
        LimbeckError: no bundle there, another format, a file that is missing or was changed, or another student.
    """
    if threads is not None and (type(threads) is not int or not 0 <= threads <= MOST_THREADS):
        raise ValueError(f"threads={threads!r}, and a number from 0 to {MOST_THREADS} is needed")
    folder, info = checked(path)
    student = Bundle(folder, info, threads=info["threads"] if threads is None else threads)
    student.require_probed()
    return student


def _loaded(folder: Path, threads: int) -> Bundle:
    return load(folder, threads=threads)


def complete(folder: Path, info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `bundle.json` says, with what damage and partial edits are found by: checksums and the probe.

    Args:
        folder: with the model and the reader's files in it.
        info: the rest.

    Raises:
        ValueError: to no synthetic value does the network answer with a number.
        LimbeckError: they are no bundle.
    """
    names = (MODEL, *READERS[info["reads"]["kind"]].files)
    kept = json.loads(json.dumps(info))  # tuples are lists where it is read
    found: dict[str, Any] = {**kept, "files": {name: checksum(folder / name) for name in names}}
    return sealed({**found, "probe": Bundle(folder, found, threads=found["threads"]).probed()})


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
    columns = info.get("columns") or {}
    example, label = ((name,) if isinstance(name := columns.get(key) or [], str) else tuple(name) for key in _COLUMNS)
    return example, label


_COLUMNS = ("example", "label")


def checked(path: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """Return a bundle's folder and what `bundle.json` says, when every file is the one that was exported.

    Raises:
        LimbeckError: as `load`.
    """
    folder = named_path(path)
    if not os.path.lexists(folder / INFO) and os.path.lexists(folder / "bundle" / INFO):
        folder = folder / "bundle"
    return folder, described(folder, READERS)
