"""Files of stored answers: mapped into memory, not read into it.

A safetensors file; its rows are in the order of their ids:

ids                 (rows,) int64
NAME                (rows, ...) of a codec; or, where a row has several predictions, (predictions, ...) and beside it
offsets             (rows + 1,) int64; row i has the predictions `offsets[i]` to `offsets[i + 1]`
tap/NAME            (rows, width) float32, an activation; or (tokens, width), and `offsets/NAME`
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from limbeck.arrayfile import header, read_arrays, wide_first
from limbeck.digest import file_digest
from limbeck.errors import LimbeckError

IDS, OFFSETS, TAP = "ids", "offsets", "tap/"
ANEW = "delete the cache folder and run again"
ID_BYTES = 8
"""Of an example, beside what the codec stores of it."""
_CHUNK_BYTES = 1 << 24
_FEW = 4
"""Numbers of an answer that an error shows."""

Arrays = Mapping[str, NDArray]


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of some rows.

    Attributes:
        values: by name: (rows, ...), or (predictions, ...) where there are offsets.
        offsets: (rows + 1,) int64, by `offsets_of` a name.
    """

    values: Arrays
    offsets: Arrays

    @property
    def names(self) -> set[str]:
        """What is stored, and of what a row may have several."""
        return {*self.values, *self.offsets}

    def take(self, rows: NDArray[np.int64], names: Collection[str] | None = None) -> "Stored":
        """Return some rows in that order, copied; of the values those of the names, or all."""
        offsets: dict[str, NDArray] = {}
        places: dict[str, NDArray] = {}
        for name, ends in self.offsets.items():
            lengths = ends[1:][rows] - ends[rows]
            offsets[name] = _cumulated(lengths)
            places[name] = np.repeat(ends[rows] - offsets[name][:-1], lengths) + np.arange(offsets[name][-1])
        wanted = self.values if names is None else names
        return Stored({name: self.values[name].take(places.get(offsets_of(name), rows), 0) for name in wanted}, offsets)


@dataclass(frozen=True, slots=True)
class Shard:
    """Stored answers of many examples.

    Attributes:
        ids: (rows,) int64 content ids; of a file they ascend.
        stored: of those rows.
    """

    ids: NDArray[np.int64]
    stored: Stored

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return which ids are here, and the row of each that is."""
        # Torch's search takes half the time of numpy's.
        rows = torch.searchsorted(torch.from_numpy(self.ids), torch.from_numpy(ids)).numpy()
        return self.ids.take(rows, mode="clip") == ids, rows


def offsets_of(name: str) -> str:
    """Return the name of the offsets of a stored value: those of the predictions, or of an activation's tokens."""
    return f"{OFFSETS}/{name.removeprefix(TAP)}" if name.startswith(TAP) else OFFSETS


def gathered(
    shards: Sequence[Shard], number: NDArray[np.intp], rows: NDArray[np.int64], names: Collection[str] | None = None
) -> Stored:
    """Return rows of several shards, copied: `rows[i]` of the shard `number[i]`, in that order."""
    used = np.unique(number)
    members = [np.flatnonzero(number == each) for each in used]
    parts = [shards[each].stored.take(rows[own], names) for each, own in zip(used, members, strict=True)]
    joined = Stored(
        {name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values},
        {name: _cumulated(np.concatenate([np.diff(p.offsets[name]) for p in parts])) for name in parts[0].offsets},
    )
    place = np.empty(len(rows), np.int64)
    place[np.concatenate(members)] = np.arange(len(rows))
    return joined.take(place)


def mapped(path: Path, digest: str | None) -> Shard:
    """Return the shard of a file, whose pages are read when they are needed.

    Args:
        path: the file.
        digest: of its bytes, which are checked; None: this process has just written them.

    Raises:
        LimbeckError: it is missing, or its bytes changed.
    """
    if not path.is_file():
        raise LimbeckError("the shard is missing", where=str(path), fix=ANEW)
    try:
        if digest is not None and (found := file_digest(path)) != digest:
            raise LimbeckError(
                f"the shard's bytes changed: their checksum is `{found}`, and the manifest has `{digest}`",
                where=str(path),
                fix=ANEW,
            )
        arrays, _ = read_arrays(path)
    except FileNotFoundError:  # removed this moment
        raise LimbeckError("the shard is missing", where=str(path), fix=ANEW) from None
    except SafetensorError as error:
        raise LimbeckError(f"not a safetensors file ({error})", where=str(path), fix=ANEW) from error
    offsets = {name: value for name, value in arrays.items() if name.split("/")[0] == OFFSETS}
    if (ids := arrays.pop(IDS, None)) is None:
        raise LimbeckError("no shard of a cache: it has no ids", where=str(path), fix=ANEW)
    return Shard(ids, Stored({name: value for name, value in arrays.items() if name not in offsets}, offsets))


def in_order(parts: Sequence[Shard]) -> Iterator[Shard]:
    """Yield the rows of several shards in the order of their ids, copied, some megabytes at a time."""
    number, row = _ascending(parts)
    size = sum(value.nbytes for part in parts for value in part.stored.values.values())
    step = max(1, len(row) * _CHUNK_BYTES // max(1, size))
    for start in range(0, len(row), step):
        some = slice(start, start + step)
        ids = np.empty(len(row[some]), np.int64)
        for each in np.unique(number[some]):
            own = number[some] == each
            ids[own] = parts[each].ids[row[some][own]]
        yield Shard(ids, gathered(parts, number[some], row[some]))


def write(path: Path, parts: Sequence[Shard]) -> str:
    """Write the rows of several shards as one file, in the order of their ids; return the digest of its bytes.

    Rows are copied in pieces, so that the shards may be larger than memory. What is written is on disk at the end.

    Args:
        path: of the new file, aside of the place where it is to be; see `limbeck.files.staged`.
        parts: the shards.
    """
    first, ids = parts[0].stored, np.concatenate([part.ids for part in parts])
    order = np.argsort(ids, kind="stable")
    number, row = _ascending(parts, order)
    small: dict[str, NDArray] = {IDS: ids[order]}
    for name in first.offsets:
        small[name] = _cumulated(np.concatenate([np.diff(part.stored.offsets[name]) for part in parts])[order])
    with path.open("wb") as file:
        names = wide_first(first.values)
        pieces = {name: [value] for name, value in small.items()}
        file.write(header(pieces | {name: [part.stored.values[name] for part in parts] for name in names}))
        for value in small.values():
            file.write(value.tobytes())
        for name in names:
            for some in _pieces(parts, name, len(order)):
                file.write(gathered(parts, number[some], row[some], [name]).values[name].tobytes())
        file.flush()
        os.fsync(file.fileno())
    return file_digest(path)


def _ascending(
    parts: Sequence[Shard], order: NDArray[np.intp] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return of which shard each row is, and which row of it, in the order of their ids."""
    if order is None:
        order = np.argsort(np.concatenate([part.ids for part in parts]), kind="stable")
    number = np.repeat(np.arange(len(parts)), [len(part) for part in parts])[order]
    return number, np.concatenate([np.arange(len(part)) for part in parts])[order]


def _pieces(parts: Sequence[Shard], name: str, rows: int) -> list[slice]:
    """Return the rows in pieces that take some megabytes each."""
    size = sum(part.stored.values[name].nbytes for part in parts)
    step = max(1, rows * _CHUNK_BYTES // max(1, size))
    return [slice(start, start + step) for start in range(0, rows, step)]


def _cumulated(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    return ends


def shown(stored: Stored) -> str:
    """Return the first numbers of what is stored of a row, for an error."""
    name, values = min(stored.values.items(), key=lambda entry: entry[0].startswith(TAP))
    numbers = values.reshape(-1)
    return f"{name} {', '.join(f'{number:.9g}' for number in numbers[:_FEW])}{', ...' * (len(numbers) > _FEW)}"
