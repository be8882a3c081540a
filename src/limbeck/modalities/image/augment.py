"""Copies of images as a batch shows them: shifted, mirrored, turned, lit, with a part left out.

All rows are drawn at once. What a row becomes depends on its key, its copy and the settings, and on no other row.
"""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from limbeck.data.copies import DrawnCopySettings
from limbeck.data.counter import uniform

_PARTS = 16
"""Of a pixel, between which a turned image is bilinear: the weights of four pixels add up to 256."""
_AT_ONCE = 10_000
"""Pixels that are turned together: what a processor keeps near takes a third of the time of a whole batch."""
_HALF = np.uint64(0x0080_0080_0080_0080)
"""A half of 256 in each of four channels."""


class ImageAugmentSettings(DrawnCopySettings):
    """Copies of the transfer set's images, drawn when a batch is made; student, teacher and baseline see the same."""

    kind: Literal["image"] = "image"
    crop: Annotated[
        float,
        Field(ge=0, description="largest shift, up or down and to either side: pixels, or below 1 a share of the side"),
    ] = 0.0
    flip: Annotated[float, Field(ge=0, le=1, description="probability that left and right are exchanged")] = 0.0
    rotate: Annotated[float, Field(ge=0, le=180, description="largest turn to either side, in degrees")] = 0.0
    zoom: Annotated[
        float, Field(ge=0, lt=1, description="largest change of the size, to larger or smaller, as a share")
    ] = 0.0
    brightness: Annotated[float, Field(ge=0, lt=1, description="largest change of the brightness, as a share")] = 0.0
    erase: Annotated[float, Field(ge=0, lt=1, description="share of the area that a square covers")] = 0.0

    @model_validator(mode="after")
    def _something_changes(self) -> "ImageAugmentSettings":
        if not any((self.crop, self.flip, self.rotate, self.zoom, self.brightness, self.erase)):
            raise ValueError(
                "crop, flip, rotate, zoom, brightness and erase are all 0, which leaves every copy as its image is; "
                "raise one of them"
            )
        if self.crop >= 1 and self.crop != int(self.crop):
            raise ValueError(f"crop {self.crop} is no whole number of pixels, and no share below 1")
        return self


def drawn(
    pixels: NDArray[np.uint8], keys: NDArray[np.int64], copies: NDArray[np.int64], settings: ImageAugmentSettings
) -> NDArray[np.uint8]:
    """Return copies of images, of the same shape, (rows, height, width, channels) uint8.

    In this order, each by a uniform draw of the row's own: turned about the middle by up to `rotate` degrees, and made
    1 - `zoom` to 1 + `zoom` times as large, bilinear; shifted by up to `crop`; mirrored with probability `flip`;
    multiplied by 1 - `brightness` to 1 + `brightness`; covered by a square of the share `erase` of the area, anywhere,
    partly outside too, of the image's mean colour. What comes in from outside is black. Another setting changes no draw
    of the others.

    Source: shift and mirror as in He et al. 2016, "Deep Residual Learning for Image Recognition" (arXiv 1512.03385),
    section 4.2, with 4 of 32 pixels; the square as in DeVries and Taylor 2017, "Improved Regularization of
    Convolutional Neural Networks with Cutout" (arXiv 1708.04552).

    Args:
        pixels: (rows, height, width, channels) uint8.
        keys: (rows,) content ids.
        copies: (rows,) which copy of its image a row is.
        settings: what is drawn.
    """
    draws = uniform(keys, copies, settings.seed, 8)
    if (settings.rotate or settings.zoom) and len(pixels):
        some = max(1, _AT_ONCE // (pixels.shape[1] * pixels.shape[2]))
        degrees = settings.rotate * (2 * draws[:, 0] - 1)
        factors = 1 + settings.zoom * (2 * draws[:, 7] - 1)
        parts = (slice(start, start + some) for start in range(0, len(pixels), some))
        pixels = np.concatenate([_turned(pixels[part], degrees[part], factors[part]) for part in parts])
    if settings.crop or settings.flip:
        height, width = pixels.shape[1:3]
        down = _shift(draws[:, 1], settings.crop, height)
        right = _shift(draws[:, 2], settings.crop, width)
        pixels = _moved(pixels, down, right, draws[:, 3] < settings.flip)
    if settings.brightness:
        factor = (1 + settings.brightness * (2 * draws[:, 4] - 1)).astype(np.float32)
        lit = pixels * factor[:, None, None, None]
        pixels = np.minimum(np.rint(lit, out=lit), 255, out=lit).astype(np.uint8)
    if settings.erase:
        pixels = _covered(pixels, draws[:, 5], draws[:, 6], settings.erase)
    return pixels


def _shift(draw: NDArray[np.float64], crop: float, side: int) -> NDArray[np.int64]:
    """Return whole pixels, (rows,), each shift as probable as any other; a share is one pixel at least."""
    most = int(crop) if crop >= 1 or not crop else max(1, round(crop * side))
    most = min(most, side - 1)
    return np.floor(draw * (2 * most + 1)).astype(np.int64) - most


def _moved(
    pixels: NDArray[np.uint8], down: NDArray[np.int64], right: NDArray[np.int64], mirrored: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return the images moved by whole pixels, and then mirrored where that is said."""
    rows, height, width, channels = pixels.shape
    tall, wide = int(np.abs(down).max(initial=0)), int(np.abs(right).max(initial=0))
    framed = np.zeros((rows, height + 2 * tall, width + 2 * wide, channels), np.uint8)
    framed[:, tall : tall + height, wide : wide + width] = pixels
    across = np.arange(width)
    columns = np.where(mirrored[:, None], across[::-1], across) + (wide - right)[:, None]
    lines = np.arange(height) + (tall - down)[:, None] + (np.arange(rows) * framed.shape[1])[:, None]
    places = lines[:, :, None] * framed.shape[2] + columns[:, None, :]
    return _whole(framed).take(places.ravel()).view(np.uint8).reshape(pixels.shape)


def _turned(pixels: NDArray[np.uint8], degrees: NDArray[np.float64], factors: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the images turned about their middle, counter-clockwise where degrees are above 0, and enlarged.

    Bilinear between sixteenths of a pixel: in whole numbers, which are the same everywhere.
    """
    rows, height, width, channels = pixels.shape
    angle = np.deg2rad(degrees)
    # Of few bits, so that no library's last digit of a sine decides between two greys.
    cosine, sine = (np.round(value(angle) / factors * 2**16) / 2**16 for value in (np.cos, np.sin))
    cosine, sine = (value.astype(np.float32)[:, None, None] for value in (cosine, sine))
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2)[None, :, None].astype(np.float32)
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2)[None, None, :].astype(np.float32)
    # What lies further outside is as black as the frame.
    from_y, from_x = (
        np.rint(np.clip(place + np.float32((size - 1) / 2), -1, size) * _PARTS).astype(np.int64)
        for place, size in ((cosine * y + sine * x, height), (cosine * x - sine * y, width))
    )
    down, right = ((parts & 15).astype(np.uint64) for parts in (from_y, from_x))
    # A pixel is one number of 64 bits, in which each channel has 16: more than the sum of four weighted bytes.
    framed = np.zeros((rows, height + 3, width + 3, 4), np.uint16)
    framed[:, 1 : height + 1, 1 : width + 1, :channels] = pixels
    flat = framed.reshape(-1).view(np.uint64)
    line = np.arange(rows)[:, None, None] * (height + 3) + (from_y >> 4) + 1
    place = line * (width + 3) + (from_x >> 4) + 1
    total = np.full(place.shape, _HALF)
    for below, vertical in ((0, _PARTS - down), (width + 3, down)):
        for beside, horizontal in ((0, _PARTS - right), (1, right)):
            total += flat[below + beside :].take(place) * (vertical * horizontal)
    lanes = total.view(np.uint16).reshape(rows, height, width, 4)
    return (lanes[..., :channels] >> 8).astype(np.uint8)


def _covered(
    pixels: NDArray[np.uint8], down: NDArray[np.float64], right: NDArray[np.float64], share: float
) -> NDArray[np.uint8]:
    """Return the images with a square in their mean colour; its middle lies anywhere in the image."""
    rows, height, width, channels = pixels.shape
    side = max(1, round((share * height * width) ** 0.5))
    inside = [
        np.abs(np.arange(size) + 0.5 - draw[:, None] * size) <= side / 2
        for draw, size in ((down, height), (right, width))
    ]
    # Column by column first, in few bits: a quarter of the time.
    columns = pixels.reshape(rows, height, width * channels).sum(axis=1, dtype=np.uint32)
    mean = columns.reshape(rows, width, channels).sum(axis=1, dtype=np.int64) // (height * width)
    places = np.flatnonzero(inside[0][:, :, None] & inside[1][:, None, :])
    found = _whole(pixels).copy()
    found[places] = _whole(mean.astype(np.uint8)).take(places // (height * width))
    return found.view(np.uint8).reshape(pixels.shape)


def _whole(pixels: NDArray[np.uint8]) -> NDArray[np.void]:
    """Return pixels one after the other, each whole: to move one is several times faster than its channels."""
    channels = pixels.shape[-1]
    return np.ascontiguousarray(pixels).reshape(-1, channels).view(np.dtype((np.void, channels)))[:, 0]
