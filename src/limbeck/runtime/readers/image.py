"""Images as arrays of pixels, uint8: what a network is called with."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.runtime.pictures import MAX_PIXELS, SUFFIXES, Picture, decoder, grey, picture_of, pillow
from limbeck.runtime.readers import PROBED, Form, require_list
from limbeck.runtime.rows import Stacked
from limbeck.runtime.takes import Files, Takes

PIXELS = "pixels"
"""The argument of a network that reads images: (rows, height, width, channels) uint8, red first."""

BILINEAR = "bilinear"
FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
"""What a pixel of a scaled picture is worked out by, as Pillow calls it."""
Scaled = int | tuple[int, int] | None
"""Pixels of the shorter side, or (height, width); see `ImageReader`."""
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ImageForm(Form):
    """What a network that reads pixels has to know.

    Attributes:
        height: in pixels.
        width: in pixels.
        channels: 1 or 3.
        mean: of each channel of the training images, in [0, 1], of which 1 is 255.
        std: likewise, above 0.
    """

    height: int
    width: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, height: int, width: int, channels: int, mean: tuple[float, ...], std: tuple[float, ...]) -> "ImageForm":
        """Return the form of images of this size; its example holds every value from 0 to 255 in turn."""
        shape = (2, height, width, channels)
        example = (np.arange(np.prod(shape)) % 256).astype(np.uint8).reshape(shape)
        return cls("image", {PIXELS: example}, {PIXELS: {0: "batch"}}, height, width, channels, mean, std)


class ImageReader:
    """Turns images into pixels of one size.

    Args:
        height: in pixels, at least 1.
        width: in pixels, at least 1.
        channels: 1 or 3; a colour image is read as its luma, a grey one as three equal channels.
        resize: how an image of another size is fitted, a key of `RESIZES`.
        mean: of each channel, where 1 is 255; for the network, nothing is done with it here.
        std: likewise, above 0.
        filter: of the scaling, a key of `FILTERS`.
        scaled: of `crop`, the size in whole pixels that the image is scaled to before its middle is cut out: the
            shorter side, or (height, width). None: the largest middle of the frame's shape is scaled to the frame.

    Raises:
        ValueError: an argument is out of range.
    """

    kind: ClassVar[str] = "image"
    needs: ClassVar[Mapping[str, type]] = {"height": int, "width": int, "channels": int, "resize": str} | {
        "mean": list,
        "std": list,
    }
    files: ClassVar[tuple[str, ...]] = ()
    takes: Takes | None = Files("image", SUFFIXES)

    def __init__(
        self,
        height: int,
        width: int,
        channels: int,
        *,
        resize: str,
        mean: Sequence[float],
        std: Sequence[float],
        filter: str = BILINEAR,
        scaled: Scaled = None,
    ) -> None:
        if min(height, width) < 1 or channels not in (1, 3) or resize not in RESIZES or filter not in FILTERS:
            raise ValueError(f"no images of {height} x {width} x {channels} are made by `{resize}` and `{filter}`")
        _require_scaled(scaled, resize, height, width)
        if len(mean) != channels or len(std) != channels or not all(value > 0 for value in std):
            raise ValueError(f"mean {list(mean)} and std {list(std)} are not those of {channels} channels")
        self.height, self.width, self.channels, self.resize = height, width, channels, resize
        self.mean, self.std = tuple(map(float, mean)), tuple(map(float, std))
        self.filter, self.scaled = filter, scaled

    @cached_property
    def digest(self) -> str:
        """Names size, channels, resizing, what networks scale by, and the versions of what decodes and resizes."""
        return digest([_FORMAT, self.save(Path()), decoder()])

    @property
    def form(self) -> ImageForm:
        """Two images, and what networks scale them by."""
        return ImageForm.of(self.height, self.width, self.channels, self.mean, self.std)

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Height, width, channels."""
        return {PIXELS: (self.height, self.width, self.channels)}

    def encode(self, values: Sequence[Any]) -> Stacked:
        """Return the pixels of images, (images, height, width, channels) uint8.

        Args:
            values: in any form that `picture_of` knows; relative paths begin in the working directory. Where an example
                of a data set holds no image, its pixels are black.

        Raises:
            TypeError: a single image, or something among them that is none.
            ValueError: an array of another type or shape.
            LimbeckError: a file that cannot be read or decoded.
        """
        expected = "a list of images is needed; wrap a single one: [image]"
        require_list(values, expected)
        if isinstance(values, Mapping) or (isinstance(values, np.ndarray) and values.ndim < 4):
            raise TypeError(expected)
        pixels = np.zeros((len(values), self.height, self.width, self.channels), np.uint8)
        for row, value in enumerate(values):
            picture = _picture(value, row)
            if not picture.empty:
                pixels[row] = self.fitted(picture.pixels(), picture.where)
        return Stacked({PIXELS: pixels})

    def probe(self) -> NDArray[np.uint8]:
        """Return stripes of other widths and slopes, of its own size."""
        shape = (self.height, self.width, self.channels)
        places = np.arange(math.prod(shape), dtype=np.uint32).reshape(shape)
        return np.stack([(places * (2 * row + 1) + 37 * row).astype(np.uint8) for row in range(PROBED)])

    def fitted(self, pixels: NDArray[np.uint8], where: str = "") -> NDArray[np.uint8]:
        """Return (height, width, channels) of the pixels of a picture of any size, of 1 channel or 3.

        Args:
            pixels: (any height, any width, 1 or 3).
            where: names the picture in errors.

        Raises:
            LimbeckError: it is so long and narrow that too many pixels would be made of it.
        """
        if self.scaled is not None:
            inner = _inner(pixels, self.scaled)
            if inner[0] * inner[1] > MAX_PIXELS:
                raise LimbeckError(
                    f"a picture of {pixels.shape[0]:,} x {pixels.shape[1]:,} pixels becomes {inner[0]:,} x {inner[1]:,}"
                    f" where its shorter side has {min(inner):,}, and at most {MAX_PIXELS:,} are made",
                    where=where,
                    fix="leave it out",
                )
            pixels = _middle(pixels, self.height, self.width, inner, self.filter)
        elif pixels.shape[:2] != (self.height, self.width):
            pixels = RESIZES[self.resize](pixels, self.height, self.width, self.filter)
        if pixels.shape[2] == self.channels:
            return pixels
        return grey(pixels) if self.channels == 1 else pixels.repeat(3, axis=2)

    def save(self, folder: Path) -> dict[str, Any]:
        """Return what it is made of; there is no file."""
        sizes = {"height": self.height, "width": self.width, "channels": self.channels, "resize": self.resize}
        found = {**sizes, "mean": list(self.mean), "std": list(self.std)}
        if self.filter != BILINEAR:
            found["filter"] = self.filter
        if self.scaled is not None:
            found["scaled"] = self.scaled if isinstance(self.scaled, int) else list(self.scaled)
        return found

    @classmethod
    def load(cls, folder: Path, info: Mapping[str, Any]) -> "ImageReader":
        """Return the reader that was saved."""
        sizes = (int(info[name]) for name in ("height", "width", "channels"))
        scaled = info.get("scaled")
        return cls(
            *sizes,
            resize=info["resize"],
            mean=info["mean"],
            std=info["std"],
            filter=info.get("filter", BILINEAR),
            scaled=tuple(scaled) if isinstance(scaled, list) else scaled,
        )


def _picture(value: Any, row: int) -> Picture:
    if isinstance(value, Picture):
        return value
    named = isinstance(value, str | Path)
    try:
        return picture_of(value, "" if named else f"image {row + 1}")
    except (TypeError, ValueError) as error:
        raise type(error)(f"item {row}: {error}") from None


def _require_scaled(scaled: Scaled, resize: str, height: int, width: int) -> None:
    """Refuse a size to scale to out of which the frame cannot be cut.

    Raises:
        ValueError: it is none, or smaller than the frame.
    """
    if scaled is None:
        return
    sides = (scaled, scaled) if isinstance(scaled, int) else scaled
    if resize != "crop" or len(sides) != 2 or not all(type(side) is int for side in sides):
        raise ValueError(f"nothing is cut out of {scaled!r} by `{resize}`")
    needed = (height, width)
    if isinstance(scaled, int) and scaled < max(needed):
        raise ValueError(f"a shorter side of {scaled} does not hold {height} x {width}")
    if any(side < wanted for side, wanted in zip(sides, needed, strict=True)):
        raise ValueError(f"{sides[0]} x {sides[1]} do not hold {height} x {width}")


def _inner(pixels: NDArray[np.uint8], scaled: int | tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) that a picture is scaled to before its middle is cut out."""
    if not isinstance(scaled, int):
        return scaled
    tall, wide = pixels.shape[:2]
    # The longer side is rounded down, as torchvision and transformers do.
    return (scaled, int(scaled * wide / tall)) if tall <= wide else (int(scaled * tall / wide), scaled)


def _middle(pixels: NDArray[np.uint8], height: int, width: int, inner: tuple[int, int], filter: str) -> Any:
    """Return the middle (height, width, channels) of a picture that was scaled to `inner` before."""
    whole = _scaled(pixels, *inner, None, filter)
    top, left = (inner[0] - height) // 2, (inner[1] - width) // 2
    return whole[top : top + height, left : left + width]


def _stretch(pixels: NDArray[np.uint8], height: int, width: int, filter: str) -> NDArray[np.uint8]:
    """Return all of the picture, its sides scaled by themselves."""
    return _scaled(pixels, height, width, None, filter)


def _crop(pixels: NDArray[np.uint8], height: int, width: int, filter: str) -> NDArray[np.uint8]:
    """Return the middle of the picture: both sides are scaled alike until it fills the frame."""
    tall, wide = pixels.shape[:2]
    scale = max(height / tall, width / wide)
    left, top = (wide - width / scale) / 2, (tall - height / scale) / 2
    # Rounding may have put the frame a little outside of the picture.
    box = (max(0.0, left), max(0.0, top), min(float(wide), wide - left), min(float(tall), tall - top))
    return _scaled(pixels, height, width, box, filter)


def _pad(pixels: NDArray[np.uint8], height: int, width: int, filter: str) -> NDArray[np.uint8]:
    """Return all of the picture in a black frame: both sides are scaled alike until it fits."""
    tall, wide = pixels.shape[:2]
    scale = min(height / tall, width / wide)
    inner = min(height, max(1, round(tall * scale))), min(width, max(1, round(wide * scale)))
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    framed = np.zeros((height, width, pixels.shape[2]), np.uint8)
    framed[top : top + inner[0], left : left + inner[1]] = _scaled(pixels, *inner, None, filter)
    return framed


def _scaled(
    pixels: NDArray[np.uint8], height: int, width: int, box: tuple[float, float, float, float] | None, filter: str
) -> NDArray[np.uint8]:
    """Return what lies in a box (left, top, right, bottom); of a larger picture all pixels are averaged."""
    if box is None and pixels.shape[:2] == (height, width):
        return pixels
    image_module = pillow()
    image = image_module.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
    chosen = image_module.Resampling[filter.upper()]
    return np.asarray(image.resize((width, height), chosen, box=box)).reshape(height, width, pixels.shape[2])


RESIZES = {"stretch": _stretch, "crop": _crop, "pad": _pad}
"""How a picture of another size is fitted, by the name that recipes use."""
