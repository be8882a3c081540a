"""Residual networks of the form that He et al. gave them for CIFAR."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.files import named_path
from limbeck.models.catalogue import register
from limbeck.models.pixels import ImageOptions, MeanOfPlaces, Pixels
from limbeck.models.weights import Published, load_weights
from limbeck.runtime.readers.image import ImageForm

_HEAD = re.compile(r"^(linear|fc)\.")
"""What the last layer is called in published files; here it is `head.`."""
_COUNTS = "num_batches_tracked"
"""Batches that a batch norm has seen: nothing here depends on it, and published files leave it out."""


def _blocks(depth: int) -> int:
    if (depth - 2) % 6:
        below = depth - (depth - 2) % 6
        nearest = " or ".join(str(each) for each in (below, below + 6) if each >= 8)
        raise ValueError(f"a depth is 6n + 2, such as 8, 20 or 56; take {nearest}")
    return depth


class ResNetSettings(ImageOptions):
    """Options of `resnet`."""

    name: Literal["resnet"] = "resnet"
    depth: Annotated[int, Field(ge=8, le=1202, description="layers with weights: 6n + 2"), AfterValidator(_blocks)] = 20
    width: Annotated[
        int, Field(ge=1, le=1024, description="features of the first stage; the others have 2 and 4 times as many")
    ] = 16
    shortcut: Annotated[
        Literal["A", "B"],
        Field(description="past a block that changes the size: A pads with zeros, B projects by a 1 x 1 convolution"),
    ] = "A"
    weights: Annotated[
        str | None,
        Field(min_length=1, description="initial weights: a file of safetensors, or of torch; null: random ones"),
    ] = None

    @property
    def blank(self) -> Self:
        """The same without the file."""
        return self.model_copy(update={"weights": None})


class ResNet(Published):
    """Convolutions of 3 x 3 in pairs, each pair added to what came in: three stages, each of half the size before it.

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition" (arXiv 1512.03385), section 4.2, for images
    of any size. The zeros of shortcut A stand on both sides of the features, as in the published weights; the paper
    does not say where.

    Args:
        settings: see `ResNetSettings`.
        outputs: number of logits.
        form: of the images.

    Raises:
        LimbeckError: `weights` cannot be read or do not fit, or `normalise` is for another number of channels.
    """

    def __init__(self, settings: ResNetSettings, *, outputs: int, form: ImageForm) -> None:
        super().__init__()
        self.settings = settings
        width, blocks = settings.width, (settings.depth - 2) // 6
        self.pixels = Pixels(form, settings.normalise)
        self.conv1 = _three(form.channels, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, blocks, settings.shortcut)
        self.layer2 = _stage(width, 2 * width, blocks, settings.shortcut)
        self.layer3 = _stage(2 * width, 4 * width, blocks, settings.shortcut)
        self.pool = MeanOfPlaces()
        self.head = nn.Linear(4 * width, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        if settings.weights is not None:
            load_weights(self, named_path(settings.weights))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (batch, outputs) of pixels (batch, height, width, channels) uint8."""
        states = torch.relu(self.bn1(self.conv1(self.pixels(pixels))))
        return self.head(self.pool(self.layer3(self.layer2(self.layer1(states)))))

    def own(self, weights: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
        """Return a file's weights under the names of this network.

        They are equal, but for the last layer, which may be `linear` or `fc`. A file that says by what pixels are
        normalised, as those of a run do, is believed unless the settings say it.

        Args:
            weights: tensors by name.
            where: names the file.

        Raises:
            LimbeckError: they are of another depth, width or shortcut.
        """
        renamed = {_HEAD.sub("head.", name): value for name, value in weights.items()}
        found = _shape(renamed)
        if wrong := [f"{key}: {value}" for key, value in found.items() if value != getattr(self.settings, key)]:
            raise LimbeckError(
                f"weights of a resnet of depth {found['depth']}, width {found['width']} and shortcut "
                f"{found['shortcut']}",
                where=where,
                fix=f"set {', '.join(wrong)}",
            )
        own = self.state_dict()
        pixels = {name: value for name, value in own.items() if name.startswith("pixels.")}
        counts = {name: value for name, value in own.items() if name.endswith(_COUNTS)}
        return pixels | counts | renamed | ({} if self.settings.normalise is None else pixels)


class _Block(nn.Module):
    """Two convolutions, added to what came in."""

    def __init__(self, before: int, after: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = _three(before, after, 1 if before == after else 2)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = _three(after, after)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        if before != after:
            self.shortcut = _Zeros(after - before) if shortcut == "A" else _projection(before, after)

    def forward(self, states: Tensor) -> Tensor:
        inner = torch.relu(self.bn1(self.conv1(states)))
        return torch.relu(self.bn2(self.conv2(inner)) + self.shortcut(states))


class _Zeros(nn.Module):
    """Shortcut A: every second place, and `more` features of zeros."""

    def __init__(self, more: int) -> None:
        super().__init__()
        self.sides = (more // 2, more - more // 2)

    def forward(self, states: Tensor) -> Tensor:
        return F.pad(states[:, :, ::2, ::2], (0, 0, 0, 0, *self.sides))


def _three(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, stride, padding=1, bias=False)


class _EverySecond(nn.Conv2d):
    """A 1 x 1 convolution of every second place.

    It is one of stride 2, whose gradient oneDNN (3.12 at least, on a CPU without AVX-512) gets wrong or writes past its
    memory where fewer than 8 features come in, channels last: github.com/uxlfoundation/oneDNN, issue 6035.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 1, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input[:, :, ::2, ::2])


def _projection(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(_EverySecond(before, after), nn.BatchNorm2d(after))


def _stage(before: int, after: int, blocks: int, shortcut: str) -> nn.Sequential:
    return nn.Sequential(*(_Block(after if number else before, after, shortcut) for number in range(blocks)))


def _shape(weights: Mapping[str, Tensor]) -> dict[str, int | str]:
    """Return the settings of the network that has these weights; nothing if they are of another kind of network."""
    blocks = {name.split(".")[1] for name in weights if name.startswith("layer1.")}
    first = weights.get("conv1.weight")
    if not blocks or first is None or not first.ndim:
        return {}
    shortcut = "B" if any(".shortcut." in name for name in weights) else "A"
    return {"depth": 6 * len(blocks) + 2, "width": len(first), "shortcut": shortcut}


register(
    "a residual network: the strongest of images, and the slowest",
    ResNetSettings,
    ResNet,
    reads="image",
    per="example",
)
