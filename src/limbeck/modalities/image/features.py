"""An image as a row of a matrix, for the linear floor: its pixels, and histograms of its edges' directions."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.modality import Fits
from limbeck.runtime.pictures import Picture, is_grey
from limbeck.runtime.readers.image import PIXELS, ImageReader

GREY_SIDE, COLOUR_SIDE = 16, 8
"""Sides of the raw pixels that are kept at most: 256 greys, or 192 numbers in colour."""
SIDE, CELL, BINS = 32, 8, 9
"""Of the histograms: pixels of the image's side and of a cell's, and directions between 0 and 180 degrees."""
_CLIP = 0.2
_AT_ONCE = 512


def _reader(height: int, width: int, channels: int) -> ImageReader:
    return ImageReader(height, width, channels, resize="stretch", mean=[0.0] * channels, std=[1.0] * channels)


class ImageFeatures:
    """Numbers of an image that are the same for every data set: none is learned.

    Args:
        name: of the way, of what is tried.

    Attributes:
        title: what it is called in the floor's name.
        fits: a linear model.
        settings: the way.
    """

    title: str
    fits: Fits = "linear"

    def __init__(self, name: str) -> None:
        self.settings: dict[str, float | int | str | bool | None] = {"features": name}
        self._reader: ImageReader | None = None

    @property
    def parameters(self) -> int:
        """None."""
        return 0

    @property
    def size_bytes(self) -> int:
        """Nothing has to be shipped."""
        return 0

    def fit(self, values: Sequence[Picture]) -> Any:
        """Return the (images, features) matrix; None where all images are the same to it."""
        self._reader = self.reader(values)
        matrix = self.matrix(values)
        return matrix if len(matrix) and np.ptp(matrix, axis=0).any() else None

    def matrix(self, values: Sequence[Picture]) -> NDArray[np.float64]:
        """Return the (images, features) matrix of other images."""
        return np.concatenate([self.numbers(pixels) for pixels in self._encoded(values)] or [np.zeros((0, 1))])

    def _encoded(self, values: Sequence[Picture]) -> Iterator[NDArray[np.uint8]]:
        if self._reader is None:
            raise RuntimeError("fit comes first")
        for start in range(0, len(values), _AT_ONCE):
            yield self._reader.encode(values[start : start + _AT_ONCE]).arrays[PIXELS]

    def reader(self, values: Sequence[Picture]) -> ImageReader:
        """Return what makes all images one size."""
        raise NotImplementedError

    def numbers(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the features, (images, features), of images of that size."""
        raise NotImplementedError


class PixelFeatures(ImageFeatures):
    """The pixels, in [0, 1], of images scaled down to at most 16 x 16 greys, or to 8 x 8 where there is colour."""

    title = "pixels"

    def reader(self, values: Sequence[Picture]) -> ImageReader:
        """Return a reader in colour where an image of these shows one."""
        sizes = {value.pixels().shape[:2] for value in values[:1] if not value.empty}
        height, width = next(iter(sizes), (GREY_SIDE, GREY_SIDE))
        self._reader = _reader(min(COLOUR_SIDE, height), min(COLOUR_SIDE, width), 3)
        if all(is_grey(pixels) for pixels in self._encoded(values)):
            return _reader(min(GREY_SIDE, height), min(GREY_SIDE, width), 1)
        return self._reader

    def numbers(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the pixels."""
        return pixels.reshape(len(pixels), -1) / 255


class GradientFeatures(ImageFeatures):
    """Histograms of oriented gradients: 9 directions in 4 x 4 cells of 8 x 8 greys, in blocks of 2 x 2 cells.

    Source: Dalal and Triggs 2005, "Histograms of Oriented Gradients for Human Detection": unsigned directions, central
    differences, L2-Hys; without the spread over neighbouring cells.
    """

    title = "HOG"

    def reader(self, values: Sequence[Picture]) -> ImageReader:
        """Return a reader in grey."""
        return _reader(SIDE, SIDE, 1)

    def numbers(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the histograms, (images, 324)."""
        greys = np.pad(pixels[..., 0].astype(np.float64) / 255, ((0, 0), (1, 1), (1, 1)), mode="edge")
        down = greys[:, 2:, 1:-1] - greys[:, :-2, 1:-1]
        across = greys[:, 1:-1, 2:] - greys[:, 1:-1, :-2]
        strength = np.hypot(down, across)
        direction = np.mod(np.arctan2(down, across), np.pi) * (BINS / np.pi)
        cells = SIDE // CELL
        histograms = np.empty((len(pixels), cells, cells, BINS))
        for number in range(BINS):
            # Each direction counts for the two nearest of the nine, which go round.
            apart = np.abs(direction - number - 0.5)
            share = np.maximum(0, 1 - np.minimum(apart, BINS - apart))
            histograms[..., number] = (strength * share).reshape(-1, cells, CELL, cells, CELL).sum(axis=(2, 4))
        blocks = [
            histograms[:, row : row + 2, column : column + 2].reshape(len(pixels), -1)
            for row in range(cells - 1)
            for column in range(cells - 1)
        ]
        return np.concatenate([_normal(np.minimum(_normal(block), _CLIP)) for block in blocks], axis=1)


def _normal(block: NDArray[np.float64]) -> NDArray[np.float64]:
    return block / np.sqrt((block**2).sum(axis=1, keepdims=True) + 1e-6)


FEATURES: dict[str, Callable[[str], ImageFeatures]] = {"pixels": PixelFeatures, "gradients": GradientFeatures}
"""Ways of turning an image into numbers, by the name under which they are tried."""
