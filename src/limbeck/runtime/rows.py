"""Many encoded examples, from which batches of arrays are taken by row number: the one place that pads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray


class Rows(Protocol):
    """Examples as a network reads them."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(rows,) how long each is: rows of like length share a batch."""
        ...

    def __len__(self) -> int: ...

    def first(self, count: int) -> "Rows":
        """Return the first rows, as a view of the same memory."""
        ...

    def take(self, rows: NDArray[np.int64]) -> "Rows":
        """Return some of the rows, in that order."""
        ...

    def batch(self, rows: Sequence[int] | NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return what a network is called with for the given rows, the rows' axis first."""
        ...

    def stored(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return everything that they are, as arrays and as values of JSON; see `restored`."""
        ...


@dataclass(frozen=True, slots=True)
class Ragged:
    """Token ids of many texts in one flat array, so that a batch is a few slices and no Python objects.

    Attributes:
        tokens: (all tokens,) int32.
        offsets: (texts + 1,) int64; text i is `tokens[offsets[i]:offsets[i + 1]]`, never empty.
        pad_id: fills the end of shorter rows of a batch.
        cut: (texts,) bool, True where a text was longer than what is kept of it.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    pad_id: int
    cut: NDArray[np.bool_]

    def stored(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return tokens, offsets and cuts; and what pads."""
        return {"tokens": self.tokens, "offsets": self.offsets, "cut": self.cut}, {"pad_id": self.pad_id}

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        """Return the token ids of a text."""
        if not 0 <= row < len(self):
            raise IndexError(row)
        return self.tokens[self.offsets[row] : self.offsets[row + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(texts,) tokens of each text."""
        return np.diff(self.offsets)

    def first(self, count: int) -> "Ragged":
        """Return the first texts, as a view of the same memory."""
        offsets = self.offsets[: count + 1]
        return Ragged(self.tokens[: offsets[-1]], offsets, self.pad_id, self.cut[:count])

    def take(self, rows: NDArray[np.int64]) -> "Ragged":
        """Return some of the texts, in that order."""
        offsets = np.zeros(len(rows) + 1, np.int64)
        self.lengths[rows].cumsum(out=offsets[1:])
        tokens = np.empty(offsets[-1], np.int32)
        for place, row in enumerate(rows.tolist()):
            tokens[offsets[place] : offsets[place + 1]] = self[row]
        return Ragged(tokens, offsets, self.pad_id, self.cut[rows])

    def batch(self, rows: Sequence[int] | NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Return `input_ids` and `attention_mask`, (rows, longest) int64, padded on the right.

        The one padding token that stands for an empty text is real: its mask is 1.
        """
        if len(rows) == 1:
            ids = self[rows[0]][None].astype(np.int64)
            return {"input_ids": ids, "attention_mask": np.ones(ids.shape, np.int64)}
        start = self.offsets[rows]
        length = self.offsets[1:][rows] - start
        column = np.arange(length.max())
        inside = column < length[:, None]
        position = np.where(inside, start[:, None] + column, 0)
        ids = np.where(inside, self.tokens[position], self.pad_id).astype(np.int64)
        return {"input_ids": ids, "attention_mask": inside.astype(np.int64)}


@dataclass(frozen=True, slots=True)
class Stacked:
    """Arrays of many examples of one shape, by the name of the argument, (rows, ...) each."""

    arrays: Mapping[str, NDArray[Any]]

    def stored(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the arrays."""
        return dict(self.arrays), {}

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(rows,) ones: there is no padding to save."""
        return np.ones(len(self), np.int64)

    def first(self, count: int) -> "Stacked":
        """Return the first rows, as a view of the same memory."""
        return Stacked({name: value[:count] for name, value in self.arrays.items()})

    def take(self, rows: NDArray[np.int64]) -> "Stacked":
        """Return some of the rows, in that order."""
        return Stacked({name: value[rows] for name, value in self.arrays.items()})

    def batch(self, rows: Sequence[int] | NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the arrays of the given rows."""
        index = np.asarray(rows, np.int64)
        return {name: value[index] for name, value in self.arrays.items()}


@dataclass(frozen=True, slots=True)
class Raw:
    """Values of many examples as they were read: no arrays are made of them, and no network reads them."""

    values: Sequence[Any]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(rows,) ones: there is no padding to save."""
        return np.ones(len(self), np.int64)

    def first(self, count: int) -> "Raw":
        """Return the first rows."""
        return Raw(self.values[:count])

    def take(self, rows: NDArray[np.int64]) -> "Raw":
        """Return some of the rows, in that order."""
        return Raw(self.values_of(rows))

    def values_of(self, rows: NDArray[np.int64]) -> list[Any]:
        """Return the values of the given rows."""
        return [self.values[row] for row in rows.tolist()]

    def batch(self, rows: Sequence[int] | NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Refuse: there are no arrays."""
        raise TypeError("values as they were read are no arrays")

    def stored(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Refuse: they are not kept."""
        raise TypeError("values as they were read are not kept")


def is_raw(rows: Rows) -> TypeGuard[Raw]:
    """Return whether rows are values as they were read."""
    return isinstance(rows, Raw)


def is_ragged(rows: Rows) -> TypeGuard[Ragged]:
    """Return whether rows are token ids of any length, which a batch pads."""
    return isinstance(rows, Ragged)


def restored(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> Rows:
    """Return the rows of which `stored` gave this."""
    if "pad_id" not in about:
        return Stacked(arrays)
    return Ragged(arrays["tokens"], arrays["offsets"], about["pad_id"], arrays["cut"])


def by_length(
    rows: Rows, batch_size: int, *, longest_first: bool = False, most_padding: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Yield all row numbers in batches of similar length.

    Args:
        rows: says how long each is.
        batch_size: most rows of a batch.
        longest_first: begin with the batch that needs most memory; else with the shortest rows.
        most_padding: positions of padding above which a batch is cut short; None: however many.
    """
    lengths = rows.lengths
    order = np.argsort(-lengths if longest_first else lengths, kind="stable")
    if most_padding is None:
        for start in range(0, len(order), batch_size):
            yield order[start : start + batch_size]
        return
    start, real = 0, 0
    for place, length in enumerate(lengths[order].tolist()):
        count = place - start
        if count and (count == batch_size or length * count - real > most_padding):
            yield order[start:place]
            start, real = place, 0
        real += length
    yield order[start:]
