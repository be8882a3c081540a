"""Copies that show what their example shows, such as a picture moved by two pixels: drawn when a batch is made.

A copy is a row of the transfer set with an id of its own, so that the teacher cache knows it, and with its example's
label. What it looks like is worked out from the encoded example whenever it is asked for, by teacher and student alike:
nothing is kept but the example.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limbeck.data.examples import NO_ROWS, Examples, Labels
from limbeck.data.lookup import among
from limbeck.digest import content_id, digest, identity_of
from limbeck.runtime.rows import Rows
from limbeck.settings import Settings
from limbeck.version import __version__


class DrawnCopySettings(Settings):
    """What copies that keep their label have in common."""

    copies: Annotated[int, Field(ge=1, description="copies of each example")]
    only_teacher: Annotated[
        bool,
        Field(
            description="copies of labelled rows for a teacher that is trained here, and for nobody else: the transfer "
            "set stays as it is"
        ),
    ] = False
    seed: Annotated[int, Field(ge=0, lt=2**32, description="other copies for another one")] = 0


Draw = Callable[[Mapping[str, NDArray[Any]], NDArray[np.int64], NDArray[np.int64], Any], dict[str, NDArray[Any]]]
"""See `Modality.draw`."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of an example.

    Attributes:
        of: the content id of the example.
        number: which of its copies it is, from 1.
        settings: of `data.augment`.
    """

    of: int
    number: int
    settings: Settings

    @property
    def identity(self) -> bytes:
        """What names it: its example, its number, and how copies are drawn; never what comes out."""
        return _identity(self.of, self.number, _name(self.settings))


def copies_of(rows: Examples, settings: Any) -> Examples:
    """Return the copies of examples, each with its example's label: the first of every example, the second, ...

    Args:
        rows: the examples.
        settings: of `data.augment`; `copies` says how many each has.
    """
    name = _name(settings)
    values = [Copy(key, number, settings) for number in range(1, settings.copies + 1) for key in rows.ids.tolist()]
    ids = (content_id(_identity(copy.of, copy.number, name)) for copy in values)
    labels = sum([rows.labels] * (settings.copies - 1), rows.labels)
    return Examples(np.fromiter(ids, np.int64, len(values)), values, labels)


def rehearsed(labelled: Examples, omitted: Examples, settings: Any) -> Examples:
    """Return the copies that a teacher alone learns: of all labelled rows, or of those that nobody else has.

    Args:
        labelled: rows of the transfer set.
        omitted: rows that are not in it.
        settings: of `data.augment`; those whose copies keep no label, and None: there are none.
    """
    if not isinstance(settings, DrawnCopySettings):
        return NO_ROWS
    return copies_of(labelled + omitted if settings.only_teacher else omitted, settings)


def keeping(copies: Examples, labelled: NDArray[np.int64]) -> Examples:
    """Return the same copies, of which only those of some examples keep their label.

    Args:
        copies: of examples.
        labelled: content ids of the examples whose copies do.
    """
    kept = among(np.fromiter((copy.of for copy in copies.values), np.int64, len(copies)), labelled)
    present = copies.labels.present & kept
    values = np.where(present.reshape(-1, *[1] * (copies.labels.values.ndim - 1)), copies.labels.values, 0)
    return Examples(copies.ids, copies.values, Labels(values.astype(copies.labels.values.dtype), present))


def _name(settings: Settings) -> str:
    # Another version may draw others.
    return digest([settings.model_dump(mode="json", exclude={"copies", "only_teacher"}), __version__])


def _identity(of: int, number: int, name: str) -> bytes:
    return identity_of({"copy of": str(of), "number": str(number), "drawn": name})


@dataclass(frozen=True)
class Drawn:
    """Encoded examples, and copies of them that exist only in batches.

    Attributes:
        base: the encoded examples.
        place: (rows,) of each row, which of the examples it is, or is a copy of.
        number: (rows,) 0 for the example itself, else which copy.
        keys: (rows,) content id of the example.
        draw: makes copies of arrays, see `Modality.draw`.
        settings: of the copies.
    """

    base: Rows
    place: NDArray[np.int64]
    number: NDArray[np.int64]
    keys: NDArray[np.int64]
    draw: Draw
    settings: Any

    @classmethod
    def of(cls, base: Rows, ids: NDArray[np.int64], copies: Sequence[Copy], draw: Draw) -> "Drawn":
        """Return encoded examples and, after them, copies.

        Args:
            base: the examples.
            ids: their content ids.
            copies: of any of them, at least one.
            draw: makes arrays of copies.
        """
        where = {key: place for place, key in enumerate(ids.tolist())}
        place = np.array([*range(len(ids)), *(where[copy.of] for copy in copies)], np.int64)
        number = np.array([*[0] * len(ids), *(copy.number for copy in copies)], np.int64)
        return cls(base, place, number, ids[place], draw, copies[0].settings)

    def __len__(self) -> int:
        return len(self.place)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(rows,) those of the examples."""
        return self.base.lengths[self.place]

    def first(self, count: int) -> "Rows":
        """Return the first rows, as a view of the same memory."""
        if not self.number[:count].any() and np.array_equal(self.place[:count], np.arange(count)):
            return self.base.first(count)
        return self.take(np.arange(count))

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Return some of the rows, in that order."""
        parts = (self.place[rows], self.number[rows], self.keys[rows])
        return type(self)(self.base, *parts, self.draw, self.settings)

    def batch(self, rows: Sequence[int] | NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the arrays of the given rows."""
        index = np.asarray(rows, np.int64)
        arrays, number = self.base.batch(self.place[index]), self.number[index]
        copied = np.flatnonzero(number)
        if not len(copied):
            return arrays
        some = {name: value[copied] for name, value in arrays.items()}
        for name, value in self.draw(some, self.keys[index][copied], number[copied], self.settings).items():
            arrays[name][copied] = value
        return arrays

    def stored(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Refuse: copies are not kept."""
        raise TypeError("copies exist in batches only")
