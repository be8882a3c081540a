"""Every answer of a server, on disk as soon as it is there: a file that grows by one line a request.

answers.jsonl    a line is a checksum and a JSON object: first whose answers they are; then for each request that it is
                 sent, and after that what came of it. A killed process leaves requests without an end.
"""

import errno
import json
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from limbeck.errors import LimbeckError, unwritable
from limbeck.files import parsed_json, require_ours
from limbeck.teachers.served.spending import Spending
from limbeck.written import record_of

FILE = "answers.jsonl"
FORMAT = 1
_LINE = re.compile(rb"([0-9a-f]{8}) (.*)", re.DOTALL)
_Count = Annotated[int, Field(ge=0)]
Way = Literal["scores", "few", "bare"]
"""What came of asking for log-probabilities: those of the labels; codes that hold too little; or none at all."""


@dataclass
class Told:
    """What is known of a row.

    Attributes:
        scores: log-probabilities of its labels; None: there are none.
        way: what came of asking for log-probabilities; None: nobody asked for them.
        votes: (labels,) how often each label was named; None: nobody asked for votes.
        unnamed: answers that named no label.
    """

    scores: NDArray[np.float32] | None = None
    way: Way | None = None
    votes: NDArray[np.int64] | None = None
    unnamed: int = 0

    @property
    def voted(self) -> int:
        """How many votes were asked for."""
        return self.unnamed + (0 if self.votes is None else int(self.votes.sum()))


class _Line(BaseModel):
    """What came of a request, or that it is sent.

    Attributes:
        row: the key of the text.
        sent: the tokens that it may take, until its end is known; of the prompt and of the answer.
        tokens: that it took.
        way: what came of a request for log-probabilities.
        scores: of the labels.
        votes: numbers of the labels that were named.
        unnamed: answers that named none.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    row: Annotated[str, Field(pattern=r"\A[0-9a-f]{16}\z")]
    sent: tuple[_Count, _Count] | None = None
    tokens: tuple[_Count, _Count] = (0, 0)
    way: Way | None = None
    scores: list[float] | None = None
    votes: list[_Count] | None = None
    unnamed: _Count = 0


def row_key(text: str) -> str:
    """Return what names a text: 16 hex digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class Journal:
    """The answers of one server to one question, for any texts.

    Only one process may write to it at a time; see `AskedServer.prepare`.

    Args:
        folder: where it is, or will be; None: in memory.
        of: whose answers they are, and to what: JSON.
        labels: how many there are.

    Attributes:
        rows: what is known, by the key of the text.
        spent: on all requests; of those without an end, as much as they may have taken.

    Raises:
        LimbeckError: the file is damaged, or holds the answers of another teacher.
    """

    def __init__(self, folder: Path | None, of: Mapping[str, Any], labels: int) -> None:
        self.path, self._labels = None if folder is None else folder / FILE, labels
        self.rows: dict[str, Told] = {}
        self.spent = Spending()
        self._open: dict[str, Spending] = {}
        self._handle: int | None = None
        self._head = {"format": FORMAT, **of}
        self._read()

    def sent(self, row: str, most: Spending) -> None:
        """Write that a request is sent.

        Args:
            row: the key of its text.
            most: what it takes at most.
        """
        self._add(_Line(row=row, sent=(most.read, most.written)))

    def failed(self, row: str, spent: Spending) -> None:
        """Write that a request came to nothing, and what it may have taken."""
        self._add(_Line(row=row, tokens=(spent.read, spent.written)))

    def scored(self, row: str, way: Way, scores: NDArray[np.float32] | None, spent: Spending) -> None:
        """Write what came of a request for log-probabilities."""
        values = None if scores is None else [round(float(value), 6) for value in scores]
        self._add(_Line(row=row, way=way, scores=values, tokens=(spent.read, spent.written)))

    def voted(self, row: str, votes: list[int], unnamed: int, spent: Spending) -> None:
        """Write the labels that were named, by number, and how many answers named none."""
        self._add(_Line(row=row, votes=votes, unnamed=unnamed, tokens=(spent.read, spent.written)))

    def close(self) -> None:
        """Force what was written to disk."""
        if self._handle is not None:
            os.fsync(self._handle)
            os.close(self._handle)
            self._handle = None

    # --- a line -----------------------------------------------------------------------------------------------------

    def _add(self, line: _Line) -> None:
        if self.path is not None:
            self._write(self.path, line.model_dump_json(exclude_defaults=True))
        self._count(line)

    def _count(self, line: _Line) -> None:
        told = self.rows.setdefault(line.row, Told())
        if line.sent is not None:
            # One of before that was never ended is spent for good.
            self._open[line.row] = Spending(0, *line.sent)
            self.spent += Spending(1, *line.sent)
            return
        self.spent = self.spent - self._open.pop(line.row, Spending()) + Spending(0, *line.tokens)
        if line.way is not None:
            told.way = line.way
            told.scores = None if line.scores is None else np.array(line.scores, np.float32)
        if line.votes is not None:
            counts = np.bincount(np.array(line.votes, np.int64), minlength=self._labels)
            told.votes = counts if told.votes is None else told.votes + counts
            told.unnamed += line.unnamed

    def _write(self, path: Path, text: str) -> None:
        content = text.encode()
        line = b"%08x %s\n" % (zlib.crc32(content), content)
        try:
            if self._handle is None:
                self._handle = self._begun(path)
            if os.write(self._handle, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise unwritable(path, error) from error

    def _begun(self, path: Path) -> int:
        """Open the file; a new one goes on record, and gets its first line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() and (record := record_of(path)) is not None:
            record.add([path])
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        content = path.read_bytes()
        os.ftruncate(handle, content.rfind(b"\n") + 1)  # a power cut, or a full disk, left half a line
        if not path.stat().st_size:
            self._handle = handle
            self._write(path, json.dumps(self._head, ensure_ascii=False, sort_keys=True))
        return handle

    # --- reading ----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        if self.path is None or not self.path.is_file():
            return
        require_ours(self.path)
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]  # another process may be writing the last line
        first, *others = whole.split(b"\n")[:-1] or [b""]
        if whole:
            self._require_ours(self._parsed(first, 1))
        for number, line in enumerate(others, 2):
            try:
                found = _Line.model_validate(self._parsed(line, number))
            except ValidationError:
                raise self._damaged(number) from None
            if len(found.scores or self._labels * [0.0]) != self._labels or max(found.votes or [0]) >= self._labels:
                raise self._damaged(number)
            self._count(found)

    def _parsed(self, line: bytes, number: int) -> Any:
        parts = _LINE.fullmatch(line)
        if parts is None or zlib.crc32(parts[2]) != int(parts[1], 16):
            raise self._damaged(number)
        return parsed_json(parts[2].decode())

    def _require_ours(self, found: Any) -> None:
        for key in sorted(self._head.keys() | found.keys()):
            if found.get(key) != self._head.get(key):
                raise LimbeckError(
                    f"these are answers of another teacher: its {key} is `{found.get(key)}`, not "
                    f"`{self._head.get(key)}`",
                    where=str(self.path),
                    fix="give another folder",
                )

    def _damaged(self, number: int) -> LimbeckError:
        return LimbeckError(
            "damaged", where=f"{self.path}, line {number}", fix="remove this line, and what it says is asked again"
        )
