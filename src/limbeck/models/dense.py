"""Fully connected layers on pixels: the networks of the first paper on distillation."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from limbeck.models.catalogue import register
from limbeck.models.embedding import Rate
from limbeck.models.pixels import ImageOptions, Pixels
from limbeck.runtime.readers.image import ImageForm


class DenseSettings(ImageOptions):
    """Options of `dense`."""

    name: Literal["dense"] = "dense"
    width: Annotated[int, Field(ge=1, le=65536, description="units of each hidden layer")] = 800
    layers: Annotated[int, Field(ge=1, le=64, description="hidden layers")] = 2
    dropout: Annotated[Rate, Field(description="share of a hidden layer's units that is dropped in training")] = 0.0
    input_dropout: Annotated[Rate, Field(description="share of the pixels that is dropped in training")] = 0.0


class Dense(nn.Module):
    """Hidden layers of rectified units, each connected to all pixels or units before it; nothing knows of neighbours.

    Source: Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531), section 3:
    2 layers of 1,200 units with dropout, and 2 of 800 without. Dropout of pixels and units: Hinton et al. 2012,
    "Improving neural networks by preventing co-adaptation of feature detectors" (arXiv 1207.0580).

    Args:
        settings: see `DenseSettings`.
        outputs: number of logits.
        form: of the images.

    Raises:
        LimbeckError: `normalise` is for another number of channels.
    """

    def __init__(self, settings: DenseSettings, *, outputs: int, form: ImageForm) -> None:
        super().__init__()
        self.pixels = Pixels(form, settings.normalise)
        sizes = [form.height * form.width * form.channels, *[settings.width] * settings.layers]
        layers: list[nn.Module] = [nn.Dropout(settings.input_dropout)]
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(settings.dropout)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], outputs)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (batch, outputs) of pixels (batch, height, width, channels) uint8."""
        # With an axis more, layers are exported as products, which int8 takes; of two axes they are as a head is.
        return self.head(self.layers(self.pixels(pixels).flatten(1).unsqueeze(1)).squeeze(1))


register(
    "hidden layers on all pixels at once: for digits and the like, small and centred",
    DenseSettings,
    Dense,
    reads="image",
    per="example",
)
