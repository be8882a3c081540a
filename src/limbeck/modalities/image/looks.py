"""How a picture looks: what pictures of equal pixels share, and a sketch that nearly equal ones share."""

from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from limbeck.runtime.pictures import Picture, named, without_colour
from limbeck.runtime.readers.image import ImageReader

SKETCH = (8, 9)
"""Height and width of a sketch, in greys."""
LEAST_SIDE = 32
"""Pixels of the shorter side of a picture that has a sketch. Of less, such as a drawn digit of 28 x 28, a sketch keeps
most of the picture, and any two tidy ones are alike: a fifth of MNIST's test digits would be called near-duplicates."""
LEAST_CONTRAST = 10.0
"""Standard deviation of a sketch's greys, of 255, below which it shows next to nothing: walls, skies, night."""
ALIKE = 0.985
"""Correlation of the sketches of near-duplicates. Of CIFAR-10, 1.2 % of the test images have one in training above it;
nine of ten of these pairs correlate above 0.9 pixel by pixel."""

_BLOCK = 256


class Looks(NamedTuple):
    """What is kept of a picture's pixels.

    Attributes:
        likeness: 32 bytes that name them; none where there is no picture.
        sketch: its greys, row by row; none of a small picture.
    """

    likeness: bytes
    sketch: bytes


_KNOWN: "WeakKeyDictionary[Picture, Looks]" = WeakKeyDictionary()
_SKETCHER = ImageReader(*SKETCH, 1, resize="stretch", mean=(0.0,), std=(1.0,))


def looks_of(picture: Picture) -> Looks:
    """Return how a picture looks; it is decoded for that once.

    A colour picture that shows nothing but greys looks like the grey one.

    Raises:
        LimbeckError: it cannot be read or decoded.
    """
    if picture not in _KNOWN:
        _KNOWN[picture] = Looks(b"", b"") if picture.empty else _look(picture.pixels())
    return _KNOWN[picture]


def _look(pixels: NDArray[np.uint8]) -> Looks:
    sketch = _SKETCHER.fitted(pixels).tobytes() if min(pixels.shape[:2]) >= LEAST_SIDE else b""
    return Looks(named(without_colour(pixels)), sketch)


def near_duplicates(training: Sequence[Picture], test: Sequence[Picture]) -> int | None:
    """Return how many test pictures look nearly like a training picture: the same one, recompressed, scaled or lit.

    Two pictures do where their sketches correlate above `ALIKE`. Sketches rather than difference hashes, of which 64
    bits are alike by chance in many pairs of 32 x 32 pixels, and of which those that are alike have to be compared
    anyway.

    Returns:
        The number; None where the pictures of one side are too small for it, or too flat.
    """
    known, asked = _units(training), _units(test)
    if not len(known) or not len(asked):
        return None
    blocks = (asked[start : start + _BLOCK] for start in range(0, len(asked), _BLOCK))
    return sum(int(((block @ known.T).max(axis=1) > ALIKE).sum()) for block in blocks)


def _units(pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """Return the sketches that show something, (sketches, greys) float32, of mean 0 and length 1."""
    sketches = b"".join(looks_of(picture).sketch for picture in pictures)
    greys = np.frombuffer(sketches, np.uint8).reshape(-1, SKETCH[0] * SKETCH[1]).astype(np.float32)
    greys = greys - greys.mean(axis=1, keepdims=True)
    greys = greys[greys.std(axis=1) >= LEAST_CONTRAST]
    return greys / np.linalg.norm(greys, axis=1, keepdims=True)
