"""Plain convolutions: the first network to try on small images."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from limbeck.models.catalogue import register
from limbeck.models.pixels import ImageOptions, MeanOfPlaces, Pixels, strides
from limbeck.runtime.readers.image import ImageForm


class ConvNetSettings(ImageOptions):
    """Options of `convnet`."""

    name: Literal["convnet"] = "convnet"
    width: Annotated[
        int, Field(ge=1, le=1024, description="features of the first stage; the others have 2, 4 and 4 times as many")
    ] = 16


class ConvNet(nn.Module):
    """Four convolutions of 3 x 3, each with batch norm and ReLU; three halve the image; the mean is classified.

    It has 61,338 parameters for ten classes of RGB images. An axis of fewer than six pixels is not halved.

    Source: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (arXiv
    1409.1556): windows of 3 x 3, maxima of 2 x 2, and twice the features for half the size. Batch norm is of Ioffe and
    Szegedy 2015 (arXiv 1502.03167); the mean in place of dense layers of Lin et al. 2014, "Network In Network" (arXiv
    1312.4400), section 3.2.

    Args:
        settings: see `ConvNetSettings`.
        outputs: number of logits.
        form: of the images.

    Raises:
        LimbeckError: `normalise` is for another number of channels.
    """

    def __init__(self, settings: ConvNetSettings, *, outputs: int, form: ImageForm) -> None:
        super().__init__()
        widths = [settings.width * times for times in (1, 2, 4, 4)]
        shapes = zip([form.channels, *widths[:-1]], widths, [*strides(form, 3), (1, 1)], strict=True)
        self.pixels = Pixels(form, settings.normalise)
        self.stages = nn.Sequential(*(_stage(before, after, stride) for before, after, stride in shapes))
        self.pool = MeanOfPlaces()
        self.head = nn.Linear(widths[-1], outputs)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (batch, outputs) of pixels (batch, height, width, channels) uint8."""
        return self.head(self.pool(self.stages(self.pixels(pixels))))


def _stage(before: int, after: int, stride: tuple[int, int]) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
    halves = [nn.MaxPool2d(stride)] if max(stride) > 1 else []
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(), *halves)


register(
    "four plain convolutions: fast, good on small images",
    ConvNetSettings,
    ConvNet,
    reads="image",
    per="example",
)
