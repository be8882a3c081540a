"""What a network reads of an image."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator, model_validator

from limbeck.data.modality import Reads, ReadsError
from limbeck.errors import LimbeckError
from limbeck.runtime.pictures import Picture, is_grey
from limbeck.runtime.readers.image import PIXELS, ImageReader

_AT_ONCE = 256
_LARGE, _EVEN = 64, 8
"""Pixels of a side that is advised: at most so many, and a multiple of this."""
_Side = Annotated[int, Field(ge=1, le=4096)]


class ImageReads(Reads):
    """Images, as pixels of one size."""

    own: ClassVar[tuple[str, ...]] = ("size", "mean", "std")

    kind: Literal["image"]
    size: Annotated[
        _Side | tuple[_Side, _Side] | None,
        Field(description="pixels of a side, or [height, width]; null: that of the training images, which is one"),
    ] = None
    channels: Annotated[
        Literal[1, 3] | None,
        Field(description="1: greys; 3: red, green, blue; null: 3 where a training image shows a colour"),
    ] = None
    resize: Annotated[
        Literal["stretch", "crop", "pad"],
        Field(
            description="images of another size: each side is scaled by itself; the middle is cut out; or all of it is "
            "put into a black frame"
        ),
    ] = "stretch"
    scaled: Annotated[
        _Side | tuple[_Side, _Side] | None,
        Field(
            description="of crop: what an image is scaled to before its middle is cut out, in whole pixels: its "
            "shorter side, or [height, width]; null: the largest middle of that shape is scaled to `size`"
        ),
    ] = None
    filter: Annotated[
        Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"],
        Field(description="what a pixel of a scaled image is worked out by"),
    ] = "bilinear"
    mean: Annotated[
        tuple[float, ...] | None,
        Field(description="of each channel, where 1 is 255: networks subtract it; null: that of the training images"),
    ] = None
    std: Annotated[
        tuple[Annotated[float, Field(gt=0)], ...] | None,
        Field(description="of each channel: networks divide by it; null: that of the training images"),
    ] = None

    @field_validator("size", "scaled", mode="before")
    @classmethod
    def _two_sides(cls, size: Any, info: ValidationInfo) -> Any:
        if isinstance(size, list | tuple) and len(size) != 2:
            raise ValueError(f"{info.field_name} {list(size)} is neither one side nor [height, width]")
        return size

    @model_validator(mode="after")
    def _go_together(self) -> "ImageReads":
        if (self.mean is None) != (self.std is None):
            raise ValueError("give mean and std, or neither")
        if self.mean is not None and not (self.channels == len(self.mean) == len(self.std or ())):
            raise ValueError("mean and std have a number a channel each, and `channels` says how many these are")
        if self.scaled is not None:
            if self.size is None or self.resize != "crop":
                raise ValueError("scaled is of resize: crop, which needs a size")
            sides = (self.scaled, self.scaled) if isinstance(self.scaled, int) else self.scaled
            if any(side < own for side, own in zip(sides, self._both(self.size), strict=True)):
                raise ValueError(f"nothing of size {self.size} can be cut out of scaled {self.scaled}")
        return self

    @property
    def kept(self) -> bool:
        """Decoding takes a while."""
        return True

    def fit(self, values: Sequence[Picture]) -> ImageReader:
        """Return the reader; what networks scale by are mean and std, or those of the training images.

        These are taken of the pixels as the reader gives them, from counts of each value: exact, in any order. Where
        size, mean and std are given, no image is looked at.

        Raises:
            LimbeckError: there is no image, or one cannot be decoded.
            ReadsError: `size` is null, and two of them differ in size.
        """
        if self.size is not None and self.mean is not None and self.std is not None:
            return self._reader(*self._both(self.size), self.mean, self.std)
        pictures = [value for value in values if not value.empty]
        if not pictures:
            raise LimbeckError("no training image, of which mean and deviation could be taken", where="data.image")
        height, width = self._sides(pictures[0])
        channels = self.channels or 3
        whole = self._reader(height, width, [0.0] * channels, [1.0] * channels)
        counts, colour = np.zeros((channels, 256), np.int64), self.channels == 3
        for pixels in self._encoded(whole, pictures):
            colour = colour or (channels == 3 and not is_grey(pixels))
            counts += [np.bincount(pixels[..., channel].ravel(), minlength=256) for channel in range(channels)]
        found = counts if colour else counts[:1]
        mean, std = zip(*(_moments(count) for count in found), strict=True)
        return self._reader(height, width, self.mean or mean, self.std or std)

    def _reader(self, height: int, width: int, mean: Sequence[float], std: Sequence[float]) -> ImageReader:
        how = {"resize": self.resize, "filter": self.filter, "scaled": self.scaled}
        return ImageReader(height, width, len(mean), mean=mean, std=std, **how)

    def _sides(self, first: Picture) -> tuple[int, int]:
        if self.size is None:
            height, width = first.pixels().shape[:2]
            return height, width
        return self._both(self.size)

    @staticmethod
    def _both(size: int | tuple[int, int]) -> tuple[int, int]:
        """Return height and width."""
        return (size, size) if isinstance(size, int) else size

    def _encoded(self, reader: ImageReader, pictures: Sequence[Picture]) -> Iterator[NDArray[np.uint8]]:
        """Yield the pixels of some images after the others."""
        for start in range(0, len(pictures), _AT_ONCE):
            some = pictures[start : start + _AT_ONCE]
            if self.size is None:
                for picture in some:
                    _check(picture, reader, pictures)
            yield reader.encode(some).arrays[PIXELS]


def _check(picture: Picture, reader: ImageReader, pictures: Sequence[Picture]) -> None:
    """Refuse a picture of another size than the first one."""
    height, width = picture.pixels().shape[:2]
    if (height, width) != (reader.height, reader.width):
        raise ReadsError(
            f"the training images have several sizes: the first one has {reader.height} x {reader.width} pixels, and "
            f"{picture.where} has {height} x {width}",
            key="size",
            value=_side(pictures),
        )


def _side(pictures: Sequence[Picture]) -> int:
    """Return a side to begin with: that of the smallest of the first pictures, which it is not blown up to.

    Networks that are trained here are made for small images, and some cut them into patches.
    """
    shortest = min(min(picture.pixels().shape[:2]) for picture in pictures[:_AT_ONCE])
    side = min(shortest, _LARGE)
    return side - side % _EVEN or side


def _moments(count: NDArray[np.int64]) -> tuple[float, float]:
    """Return mean and standard deviation, in [0, 1], of values of which there are so many each; the latter above 0."""
    levels, number = np.arange(256), int(count.sum())
    total, squares = int(count @ levels), int(count @ levels**2)
    # Whole numbers of any size, until the last division.
    deviation = ((number * squares - total * total) ** 0.5) / number
    return total / number / 255, max(deviation, 1.0) / 255
