"""A small recipe that reads images, and images that nobody can read."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

Prepare = Callable[[Path], None]

NETWORK = """
from torch import nn


class Network(nn.Module):
    def __init__(self, outputs, form):
        super().__init__()
        self.head = nn.Linear(form.height * form.width * form.channels, outputs)

    def forward(self, pixels):
        return self.head(pixels.flatten(1).float() / 255)


def build(outputs, form):
    return Network(outputs, form)
"""
RECIPE = """
seeds: [0]
data: {source: pictures.csv, image: file, split: {test: 10, validation: 6}, labelled: 8, labelled_per_batch: 4}
teacher: {kind: network, model: "picture_net:build", reads: {kind: image}, train: {steps: 4}}
student: {model: "picture_net:build", reads: {kind: image}, train: {steps: 4, batch_size: 8}}
losses: [{name: kd, weight: 1.0}]
"""


def picture(seed: int = 0, height: int = 8, width: int = 8) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def huge() -> bytes:
    """Return a PNG that says that it has 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def images(seventh: str | None = None, content: bytes | None = None) -> Prepare:
    """Return what writes the recipe, its network and a table of 40 images.

    Args:
        seventh: the path in the seventh row; None: an image like the others.
        content: what lies there; None: nothing.
    """

    def write(folder: Path) -> None:
        (folder / "images.yaml").write_text(RECIPE, encoding="utf-8")
        (folder / "picture_net.py").write_text(NETWORK, encoding="utf-8")
        names = [f"{row}.png" for row in range(40)]
        for row, name in enumerate(names):
            picture(row).save(folder / name)
        if seventh is not None:
            names[6] = seventh
        if seventh is not None and content is not None:
            (folder / seventh).write_bytes(content)
        lines = [f"{name},{'ab'[row % 2]}" for row, name in enumerate(names)]
        (folder / "pictures.csv").write_text("\n".join(["file,label", *lines, ""]), encoding="utf-8")

    return write


def also(prepare: Prepare, more: Prepare) -> Prepare:
    def write(folder: Path) -> None:
        prepare(folder)
        more(folder)

    return write


def object_arrays(folder: Path) -> None:
    np.savez(folder / "rows.npz", pixels=np.zeros((4, 8, 8), np.uint8), label=np.array([1, "a", None, 2], object))


def one_class(folder: Path) -> None:
    (folder / "all/cat").mkdir(parents=True)
    for row in range(40):
        picture(row).save(folder / f"all/cat/{row}.png")


def no_images(folder: Path) -> None:
    (folder / "all/cat").mkdir(parents=True)
    (folder / "all/cat/notes.txt").write_text("none", encoding="utf-8")
