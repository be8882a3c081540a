"""What a folder's image processor says becomes a reader: the same pixels, bit for bit, or a line that names the key."""

import json
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest
import torch
from PIL import Image

from limbeck.errors import LimbeckError
from limbeck.modalities import ImageReads
from limbeck.modalities.image.pretrained import image_reads
from limbeck.models.pixels import Pixels
from limbeck.runtime.pictures import picture_of
from limbeck.types import tensors

DRAW = np.random.default_rng(0)
SIZES = [(40, 40), (24, 24), (37, 91), (90, 31), (25, 200), (7, 5), (300, 299), (224, 224)]
"""Height and width: larger and smaller than any frame below, square or not, odd or even."""
NAMED = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}


def folder(place: Path, **keys: object) -> str:
    """Return a folder that holds nothing but a processor's file."""
    place.mkdir(exist_ok=True)
    (place / "preprocessor_config.json").write_text(json.dumps(keys))
    return str(place)


def pictures() -> list[Image.Image]:
    """Return pictures of every size with smooth and with sharp parts."""
    made = []
    for height, width in SIZES:
        noise = DRAW.integers(0, 256, (height, width, 3))
        ramp = np.linspace(0, 255, width)[None, :, None] * np.linspace(0.2, 1, height)[:, None, None]
        made.append(Image.fromarray(np.where(DRAW.random((height, width, 1)) < 0.5, noise, ramp).astype(np.uint8)))
    return made


def read(source: str, images: list[Image.Image], channels: int = 3) -> torch.Tensor:
    """Return what a network gets of pictures, (rows, channels, height, width)."""
    reads = image_reads(source, ImageReads(kind="image"), channels, "teacher.reads")
    reader = reads.fit([picture_of(image, "picture") for image in images])
    return Pixels(reader.form)(**tensors(reader.encode(images).batch(np.arange(len(images)))))


def theirs(source: str, images: list[Image.Image]) -> torch.Tensor:
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(source)
    return torch.cat([processor(image, return_tensors="pt")["pixel_values"].float() for image in images])


SQUARE = {"size": {"height": 24, "width": 32}}
SHORT = {"size": {"shortest_edge": 28}, "do_center_crop": True, "crop_size": {"height": 24, "width": 26}}
CONFIGS = {
    "ViT": {"image_processor_type": "ViTImageProcessor", **SQUARE},
    "ViT of old": {"feature_extractor_type": "ViTFeatureExtractor", "size": 24},
    "ViT, lanczos": {"image_processor_type": "ViTImageProcessor", **SQUARE, "resample": 1},
    "ViT, nearest": {"image_processor_type": "ViTImageProcessor", **SQUARE, "resample": 0},
    "ViT, box": {"image_processor_type": "ViTImageProcessor", **SQUARE, "resample": 4},
    "ViT, not normalised": {"image_processor_type": "ViTImageProcessor", **SQUARE, "do_normalize": False},
    "ViT, not rescaled": {
        "image_processor_type": "ViTImageProcessor",
        **SQUARE,
        "do_rescale": False,
        "image_mean": [120, 110, 100],
        "image_std": [50, 60, 70],
    },
    "ViT, other numbers": {
        "image_processor_type": "ViTImageProcessor",
        **SQUARE,
        "rescale_factor": 1 / 127.5,
        "image_mean": NAMED["mean"],
        "image_std": NAMED["std"],
    },
    "DeiT": {
        "image_processor_type": "DeiTImageProcessor",
        "size": {"height": 30, "width": 28},
        "crop_size": {"height": 24, "width": 24},
    },
    "Beit": {
        "image_processor_type": "BeitImageProcessor",
        "size": {"height": 26, "width": 26},
        "do_center_crop": True,
        "crop_size": {"height": 24, "width": 23},
    },
    "Bit": {"image_processor_type": "BitImageProcessor", **SHORT},
    "CLIP": {"image_processor_type": "CLIPImageProcessor", **SHORT},
    "CLIP of old": {"image_processor_type": "CLIPImageProcessor", "size": 28, "crop_size": 24},
    "MobileNetV1": {"image_processor_type": "MobileNetV1ImageProcessor", **SHORT},
    "MobileNetV2": {"image_processor_type": "MobileNetV2ImageProcessor", **SHORT},
    "Pvt": {"image_processor_type": "PvtImageProcessor", **SQUARE},
    "Siglip": {"image_processor_type": "SiglipImageProcessor", **SQUARE},
    "Levit": {
        "image_processor_type": "LevitImageProcessor",
        "size": {"shortest_edge": 28},
        "crop_size": {"height": 28, "width": 28},
    },
    "ConvNext": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 28}, "crop_pct": 0.9},
    "ConvNext by default": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 28}},
    "ConvNext, large": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}},
    "EfficientNet": {"image_processor_type": "EfficientNetImageProcessor", **SQUARE, "image_std": NAMED["std"]},
    "EfficientNet, offset": {
        "image_processor_type": "EfficientNetImageProcessor",
        **SQUARE,
        "rescale_factor": 1 / 127.5,
        "rescale_offset": True,
        "include_top": False,
    },
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_reader_gives_what_the_processor_gives(name, tmp_path):
    source, images = folder(tmp_path / "m", **CONFIGS[name]), pictures()
    expected = theirs(source, images)
    found = read(source, images)
    assert found.shape == expected.shape
    # Of pixels that are not rescaled, rounding is that of larger numbers.
    torch.testing.assert_close(found, expected, rtol=2e-6, atol=2e-6 * max(1.0, float(expected.abs().max())))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "CMYK"])
def test_pictures_of_any_mode_are_read_as_in_colour(mode, tmp_path):
    """As transformers' own pipelines do, which convert what they load; none of these has a transparent pixel."""
    source = folder(tmp_path / "m", **CONFIGS["CLIP"])
    images = [image.convert("L").convert(mode) if mode == "LA" else image.convert(mode) for image in pictures()]
    torch.testing.assert_close(
        read(source, images), theirs(source, [image.convert("RGB") for image in images]), rtol=2e-6, atol=2e-6
    )


def test_greys_of_a_network_of_one_channel(tmp_path):
    source = folder(
        tmp_path / "m", image_processor_type="ViTImageProcessor", **SQUARE, image_mean=[0.3], image_std=[0.2]
    )
    images = [image.convert("L") for image in pictures()]
    torch.testing.assert_close(read(source, images, channels=1), theirs(source, images), rtol=2e-6, atol=2e-6)
    with pytest.raises(LimbeckError, match=r"says image_mean: \[0\.3\], .* \(the network has 3 channels\)"):
        read(source, images)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"image_processor_type": "ViTImageProcessor", "do_resize": False}, "do_resize: False"),
        ({"image_processor_type": "ViTImageProcessor", "size": {"shortest_edge": 24}}, "do_center_crop: False"),
        ({"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 20}}, "crop_size: "),
        ({"image_processor_type": "ViTImageProcessor", **SQUARE, "do_pad": True}, "do_pad: True"),
        ({"image_processor_type": "ViTImageProcessor", **SQUARE, "do_flip_channel_order": True}, "do_flip_channel"),
        (
            {"image_processor_type": "ViTImageProcessor", "size": {"shortest_edge": 24, "longest_edge": 48}},
            "size: {.*longest_edge",
        ),
        ({"image_processor_type": "PerceiverImageProcessor"}, "image_processor_type: PerceiverImageProcessor"),
    ],
)
def test_what_no_reader_does_is_refused_by_its_key(keys, line, tmp_path):
    source = folder(tmp_path / "m", **keys)
    with pytest.raises(LimbeckError, match=rf"preprocessor_config\.json says {line}"):
        read(source, pictures()[:1])


def test_a_folder_without_a_processor(tmp_path):
    (tmp_path / "m").mkdir()
    with pytest.raises(LimbeckError, match="cannot load its image processor"):
        read(str(tmp_path / "m"), pictures()[:1])


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"size": 32}, r"reads\.size: .* was trained with size \[24, 32\], and the recipe says 32; leave it out"),
        ({"size": 24, "resize": "crop"}, r"reads\.size"),
        ({"resize": "pad"}, r"was trained with resize stretch, and the recipe says pad"),
        ({"filter": "bicubic"}, r"was trained with filter bilinear, and the recipe says bicubic"),
        (
            {"channels": 3, "mean": [0.1, 0.1, 0.1], "std": [0.5, 0.5, 0.5]},
            r"was trained with mean \[0\.5, 0\.5, 0\.5\], and the recipe says \[0\.1",
        ),
    ],
)
def test_a_recipe_that_says_otherwise_is_refused_with_both_values(said, line, tmp_path):
    source = folder(tmp_path / "m", **CONFIGS["ViT"])
    with pytest.raises(LimbeckError, match=line):
        image_reads(source, ImageReads(kind="image", **said), 3, "teacher.reads")


def test_a_recipe_that_says_the_same_is_read(tmp_path):
    source = folder(tmp_path / "m", image_processor_type="ViTImageProcessor", size={"height": 24, "width": 24})
    settled = image_reads(source, ImageReads(kind="image", size=[24, 24]), 3, "teacher.reads")
    assert settled.size == 24
    assert image_reads(source, settled, 3, "teacher.reads") == settled
