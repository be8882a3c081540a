"""Separable convolutions: the smallest network of images."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from limbeck.models.catalogue import register
from limbeck.models.pixels import ImageOptions, MeanOfPlaces, Pixels, strides
from limbeck.runtime.readers.image import ImageForm


class DepthwiseSettings(ImageOptions):
    """Options of `depthwise`."""

    name: Literal["depthwise"] = "depthwise"
    width: Annotated[
        int,
        Field(ge=1, le=1024, description="features of the first layer; the blocks have 2, 4, 4 and 8 times those"),
    ] = 16


class Depthwise(nn.Module):
    """A convolution and four separable blocks with batch norm and ReLU; two halve the image; the mean is classified.

    A separable block filters each feature by itself in windows of 3 x 3, then mixes the features of each place. It has
    19,114 parameters for ten classes of RGB images. An axis of fewer than six pixels is not halved.

    Source: Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications"
    (arXiv 1704.04861), section 3.1 and figure 3, with four blocks in place of thirteen, and two halvings
    in place of five.

    Args:
        settings: see `DepthwiseSettings`.
        outputs: number of logits.
        form: of the images.

    Raises:
        LimbeckError: `normalise` is for another number of channels.
    """

    def __init__(self, settings: DepthwiseSettings, *, outputs: int, form: ImageForm) -> None:
        super().__init__()
        first, *widths = (settings.width * times for times in (1, 2, 4, 4, 8))
        early, late = strides(form, 2)
        self.pixels = Pixels(form, settings.normalise)
        self.stem = _normed(nn.Conv2d(form.channels, first, 3, padding=1, bias=False))
        shapes = zip([first, *widths[:-1]], widths, [early, (1, 1), late, (1, 1)], strict=True)
        self.blocks = nn.Sequential(*(_separable(before, after, stride) for before, after, stride in shapes))
        self.pool = MeanOfPlaces()
        self.head = nn.Linear(widths[-1], outputs)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (batch, outputs) of pixels (batch, height, width, channels) uint8."""
        return self.head(self.pool(self.blocks(self.stem(self.pixels(pixels)))))


def _normed(convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU())


def _separable(before: int, after: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        _normed(nn.Conv2d(before, before, 3, stride, padding=1, groups=before, bias=False)),
        _normed(nn.Conv2d(before, after, 1, bias=False)),
    )


register(
    "separable convolutions: a third of the weights of `convnet`",
    DepthwiseSettings,
    Depthwise,
    reads="image",
    per="example",
)
