"""A small vision transformer."""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.models.catalogue import register
from limbeck.models.pixels import ImageOptions, Pixels
from limbeck.runtime.readers.image import ImageForm


class ViTSettings(ImageOptions):
    """Options of `vit`."""

    name: Literal["vit"] = "vit"
    patch: Annotated[int, Field(ge=1, le=64, description="side of a patch in pixels; it divides height and width")] = 4
    dim: Annotated[int, Field(ge=1, le=4096, description="width of a patch's vector")] = 64
    depth: Annotated[int, Field(ge=1, le=64, description="blocks of attention and a hidden layer")] = 4
    heads: Annotated[int, Field(ge=1, le=64, description="heads of attention; their number divides dim")] = 4

    @model_validator(mode="after")
    def _heads_divide(self) -> "ViTSettings":
        if self.dim % self.heads:
            raise ValueError(f"{self.heads} heads do not divide dim: {self.dim}; take {_divisor(self.dim, self.heads)}")
        return self


class ViT(nn.Module):
    """Cut an image into patches, let each look at all others, and classify their mean.

    Positions are learned, one for each patch of the form's size: the network reads images of that size only.

    Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words" (arXiv 2010.11929), equations 1 to 4, with a hidden
    layer of 2 dim in place of 4, without dropout, and with the mean of the patches in place of a class token, as in
    Beyer et al. 2022, "Better plain ViT baselines for ImageNet-1k" (arXiv 2205.01580). Queries, keys and
    values have no bias: that of the keys would cancel in the softmax.

    Args:
        settings: see `ViTSettings`.
        outputs: number of logits.
        form: of the images.

    Raises:
        LimbeckError: the patch does not divide the image, or `normalise` is for another number of channels.
    """

    def __init__(self, settings: ViTSettings, *, outputs: int, form: ImageForm) -> None:
        super().__init__()
        _require_patches(settings.patch, form)
        dim, patch = settings.dim, settings.patch
        self.pixels = Pixels(form, settings.normalise)
        self.patches = nn.Conv2d(form.channels, dim, patch, patch)
        self.positions = nn.Parameter(torch.empty((form.height // patch) * (form.width // patch), dim))
        nn.init.normal_(self.positions, std=0.02)
        self.blocks = nn.Sequential(*(_Block(dim, settings.heads) for _ in range(settings.depth)))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, outputs)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (batch, outputs) of pixels (batch, height, width, channels) uint8."""
        patches = self.patches(self.pixels(pixels)).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(patches + self.positions)).mean(1))


class _Block(nn.Module):
    """Attention and a hidden layer, each added to what came in; (batch, patches, dim) in and out."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(dim)
        self.attend = nn.Linear(dim, 3 * dim, bias=False)
        self.mix = nn.Linear(dim, dim)
        self.hidden = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, states: Tensor) -> Tensor:
        parts = self.attend(self.before(states)).chunk(3, 2)
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        states = states + self.mix(seen)
        return states + self.hidden(states)


def _require_patches(patch: int, form: ImageForm) -> None:
    if form.height % patch or form.width % patch:
        raise LimbeckError(
            f"patches of {patch} pixels do not fill an image of {form.height} x {form.width}",
            where="model.patch",
            fix=f"set patch: {_divisor(form.height, patch, form.width)}, or another size of the images",
        )


def _divisor(number: int, near: int, also: int = 0) -> int:
    """Return what divides a number, and another one, without rest, and is nearest to `near`."""
    fitting = [each for each in range(1, number + 1) if number % each == also % each == 0]
    return min(fitting, key=lambda each: (abs(each - near), -each))


register(
    "a small vision transformer: attention over patches, for much data or a good teacher",
    ViTSettings,
    ViT,
    reads="image",
    per="example",
)
