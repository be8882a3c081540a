"""Images as arrays of pixels, uint8: what a network is called with."""

from dataclasses import dataclass

import numpy as np

from limbeck.runtime.readers import Form

PIXELS = "pixels"
"""The argument of a network that reads images: (rows, height, width, channels) uint8, red first."""


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
