"""What a pretrained network of images reads, as the image processor in its folder says it."""

from collections.abc import Mapping
from typing import Any

from limbeck.errors import LimbeckError, first_line
from limbeck.modalities.image.reads import ImageReads
from limbeck.modalities.pretrained import PROCESSOR, agreeing

_PLAIN = frozenset(
    {
        "BeitImageProcessor",
        "BitImageProcessor",
        "CLIPImageProcessor",
        "DeiTImageProcessor",
        "MobileNetV1ImageProcessor",
        "MobileNetV2ImageProcessor",
        "PvtImageProcessor",
        "SiglipImageProcessor",
        "ViTImageProcessor",
    }
)
"""Processors that scale, cut out the middle, rescale and normalise, each as its key says, and do nothing else."""
_EFFICIENT, _LEVIT, _CONVNEXT = "EfficientNetImageProcessor", "LevitImageProcessor", "ConvNextImageProcessor"
_KNOWN = (*sorted(_PLAIN), _CONVNEXT, _EFFICIENT, _LEVIT)
_FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""By the number that Pillow gives them, which `resample` holds."""
_STRETCHED = 384
"""Sides from which on a ConvNext processor stretches an image, and cuts nothing off."""
_READ = {
    "size",
    "resample",
    "crop_size",
    "rescale_factor",
    "image_mean",
    "image_std",
    "do_resize",
    "do_center_crop",
    "do_rescale",
    "do_normalize",
    "do_convert_rgb",
}
_SAYS_NOTHING = {
    "image_processor_type",
    "feature_extractor_type",
    "processor_class",
    "_processor_class",
    "default_to_square",
    "data_format",
    "input_data_format",
    "return_tensors",
    "disable_grouping",
    "device",
    "pad_size",
    "do_reduce_labels",
    "num_channels",
}
"""Keys that change no pixel: of how it is called, of padding that is off, of maps of labels."""
_OWN = {_CONVNEXT: {"crop_pct"}, _EFFICIENT: {"rescale_offset", "include_top"}}


def image_reads(source: str, reads: ImageReads, channels: int, key: str) -> ImageReads:
    """Return what a pretrained network reads of an image, with nothing left open.

    Each key of its `preprocessor_config.json` is met exactly, but for two that come before it: a transparent pixel is
    laid on white, and an image is turned as its EXIF data say. Pixels are scaled by Pillow.

    Args:
        source: a folder or a hub id.
        reads: what the recipe says of it.
        channels: of the network, 1 or 3.
        key: of `reads` in the recipe, for errors.

    Raises:
        LimbeckError: it has no image processor, one that does something that no reader here does, or one that
            contradicts the recipe.
    """
    return agreeing(reads, _translated(_declared(source), channels, source), source, key)


def _declared(source: str) -> dict[str, Any]:
    """Return the keys of an image processor, with the defaults of its class."""
    from transformers import AutoImageProcessor  # slow to import

    try:
        found = AutoImageProcessor.from_pretrained(source, trust_remote_code=False)
    except Exception as error:  # a damaged file raises whatever its reader raises
        raise LimbeckError(
            f"cannot load its image processor: {first_line(error).rstrip('.')}", where=source, fix=PROCESSOR
        ) from error
    return found.to_dict()


def _translated(declared: Mapping[str, Any], channels: int, source: str) -> ImageReads:
    name = str(declared.get("image_processor_type", "")).removesuffix("Fast").removesuffix("Pil")
    if name not in _KNOWN:
        raise _foreign("image_processor_type", name, source, f"these are known: {', '.join(_KNOWN)}")
    known = _READ | _SAYS_NOTHING | _OWN.get(name, set())
    for each, value in declared.items():
        if each not in known and value not in (None, False):
            raise _foreign(each, value, source)
    if not declared.get("do_resize"):
        raise _foreign("do_resize", False, source, "each image would keep its own size")
    filter = int(declared.get("resample", 2))
    if filter not in range(len(_FILTERS)):
        raise _foreign("resample", filter, source)
    mean, std = _normalised(declared, name, channels, source)
    return ImageReads(
        kind="image", channels=3 if channels == 3 else 1, mean=mean, std=std, filter=_FILTERS[filter],
        **_sized(declared, name, source),
    )  # fmt: skip


def _sized(declared: Mapping[str, Any], name: str, source: str) -> dict[str, Any]:
    """Return `size`, `resize` and `scaled`."""
    size = {each: value for each, value in dict(declared.get("size") or {}).items() if value is not None}
    cropped = bool(declared.get("do_center_crop"))
    crop = dict(declared.get("crop_size") or {})
    if cropped and not crop.keys() >= {"height", "width"}:
        raise _foreign("crop_size", crop, source)
    frame = (int(crop.get("height", 0)), int(crop.get("width", 0)))
    if size.keys() == {"shortest_edge"}:
        short = int(size["shortest_edge"])
        if name == _CONVNEXT and not cropped:
            if short >= _STRETCHED:
                return {"size": short, "resize": "stretch", "scaled": None}
            pct = declared.get("crop_pct") or 224 / 256
            return {"size": short, "resize": "crop", "scaled": int(short / pct)}
        if name == _CONVNEXT or not cropped:
            what = "do_center_crop"
            raise _foreign(what, cropped, source, "`size` gives images of one shorter side, whose longer one differs")
        scaled: int | tuple[int, int] = int(256 / 224 * short) if name == _LEVIT else short
    elif size.keys() == {"height", "width"} and name != _CONVNEXT:
        scaled = (int(size["height"]), int(size["width"]))
        if not cropped:
            return {"size": _one(scaled), "resize": "stretch", "scaled": None}
    else:
        raise _foreign("size", size, source)
    sides = (scaled, scaled) if isinstance(scaled, int) else scaled
    if any(side < own for side, own in zip(sides, frame, strict=True)):
        raise _foreign("crop_size", crop, source, "it is larger than `size`, and would be filled with black")
    if isinstance(scaled, tuple) and scaled == frame:
        return {"size": _one(scaled), "resize": "stretch", "scaled": None}
    return {"size": _one(frame), "resize": "crop", "scaled": scaled}


def _normalised(
    declared: Mapping[str, Any], name: str, channels: int, source: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and std of pixels of which 1 is 255, whatever they are rescaled by."""
    scale = float(declared.get("rescale_factor") or 1 / 255) * 255 if declared.get("do_rescale") else 255.0
    mean, std = [0.0] * channels, [1.0] * channels
    if declared.get("do_normalize"):
        mean, std = (_each(declared.get(each), channels, each, source) for each in ("image_mean", "image_std"))
    if name == _EFFICIENT:
        if declared.get("do_rescale") and declared.get("rescale_offset"):
            mean = [value + 1 for value in mean]
        if declared.get("include_top", True):
            again = _each(declared.get("image_std"), channels, "image_std", source)
            std = [one * other for one, other in zip(std, again, strict=True)]
    return tuple(value / scale for value in mean), tuple(value / scale for value in std)


def _each(found: Any, channels: int, key: str, source: str) -> list[float]:
    values = [float(found)] * channels if isinstance(found, int | float) else [float(value) for value in found or ()]
    if len(values) != channels:
        raise _foreign(key, values, source, f"the network has {channels} channels")
    return values


def _one(sides: tuple[int, int]) -> int | tuple[int, int]:
    return sides[0] if sides[0] == sides[1] else sides


def _foreign(key: str, value: Any, source: str, why: str = "") -> LimbeckError:
    return LimbeckError(
        f"preprocessor_config.json says {key}: {value}, which no reader of images here does exactly"
        + (f" ({why})" if why else ""),
        where=source,
        fix="ask the network in a function of your own that is given pixels: teacher.kind=module (docs/images.md)",
    )
