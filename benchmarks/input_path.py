"""What the input path of images costs a step of training: drawing rows and copies, and looking up a cached teacher.

Beside it stand the two ways in which people feed such a network: a loop that opens each file with Pillow, and torch's
DataLoader over pictures that are decoded once, with the same crop and flip of each row.

    python benchmarks/input_path.py [--steps 60]

The student is `convnet` on 50,000 images of CIFAR's size, in batches of 128, on one thread. Pixels, labels and answers
are random: the time depends on none of them. In each `fit` the parts of every step are timed, so that each share is of
the very steps that it stands beside; the arms take turns, and what is told is processor time, the median of the rounds.
Writes benchmarks/results/input_path.json.
"""

import argparse
import io
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from training_phases import phases

from limbeck.cache import CachedTeacher, CacheIdentity, label
from limbeck.console import console
from limbeck.data import Examples, Labels
from limbeck.data.batches import Batches
from limbeck.data.copies import Drawn, copies_of
from limbeck.distiller import Distiller
from limbeck.files import write_json
from limbeck.losses import KD, CrossEntropy
from limbeck.modalities.image import ImageAugmentSettings, ImageModality
from limbeck.models import build_model
from limbeck.models.convnet import ConvNetSettings
from limbeck.networks import TrainSettings
from limbeck.pipeline.order import describe_environment
from limbeck.runtime.readers.image import PIXELS, ImageForm
from limbeck.runtime.rows import Rows, Stacked
from limbeck.types import Batch, Outputs

RESULT = Path(__file__).parent / "results" / "input_path.json"
ROWS, SIDE, CLASSES, BATCH, COPIES, ROUNDS = 50_000, 32, 10, 128, 3, 5
CROP_AND_FLIP = ImageAugmentSettings(copies=COPIES, crop=4, flip=0.5)
EVERYTHING = ImageAugmentSettings(copies=COPIES, crop=4, flip=0.5, rotate=10, brightness=0.2, erase=0.1)


@dataclass(frozen=True)
class Set:
    """Rows to train on."""

    examples: Examples
    rows: Rows


def images() -> Set:
    """Return random images with random labels."""
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (ROWS, SIDE, SIDE, 3), dtype=np.uint8)
    ids = np.unique(draw.integers(-(2**63), 2**63 - 1, 2 * ROWS))[:ROWS]
    draw.shuffle(ids)
    labels = Labels(draw.integers(0, CLASSES, ROWS), np.ones(ROWS, np.bool_))
    return Set(Examples(ids, [None] * ROWS, labels), Stacked({PIXELS: pixels}))


def with_copies(found: Set, settings: ImageAugmentSettings) -> Set:
    """Return the images and copies of them, as a run has them."""
    copies = copies_of(found.examples, settings)
    drawn = Drawn.of(found.rows, found.examples.ids, copies.values, ImageModality().draw)
    return Set(found.examples + copies, drawn)


class RandomAnswers:
    """Fills a cache."""

    digest = "random"

    def predict(self, batch: Batch) -> Outputs:
        """Return logits of the right shape."""
        return Outputs(torch.randn(len(batch.ids), CLASSES))


def cached(found: Set, folder: Path) -> CachedTeacher:
    """Return a teacher that reads a cache written by the library."""
    no_pixels = Stacked({PIXELS: np.zeros((len(found.examples), 1), np.uint8)})
    cache = CachedTeacher(folder, CacheIdentity("random", "benchmark", CLASSES))
    return label(RandomAnswers(), found.examples, no_pixels, cache)


def arm(found: Set, teacher: CachedTeacher | None, steps: int) -> Callable[[], dict[str, Any]]:
    """Return what trains a network for so many steps and tells where their time went."""
    objective = 1.0 * CrossEntropy() if teacher is None else 0.9 * KD(temperature=4) + 0.1 * CrossEntropy()
    form = ImageForm.of(SIDE, SIDE, 3, (0.5,) * 3, (0.25,) * 3)
    settings = TrainSettings(steps=steps, batch_size=BATCH, validations=1, threads=1)

    def trained() -> dict[str, Any]:
        torch.manual_seed(0)
        network = build_model(ConvNetSettings(), outputs=CLASSES, form=form)
        batches = Batches(found.examples, found.rows, batch_size=BATCH, labelled_per_batch=0, seed=0)
        return phases(Distiller(network, objective, teacher), batches, settings, steps=steps)

    return trained


class Pictures(Dataset[Tensor]):
    """Decoded pictures of which each row is cropped and flipped when it is asked for."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels = torch.from_numpy(pixels).permute(0, 3, 1, 2)

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> Tensor:
        """Return (channels, height, width) float32."""
        padded = torch.nn.functional.pad(self._pixels[index], (4, 4, 4, 4))
        top, left = random.randrange(9), random.randrange(9)
        found = padded[:, top : top + SIDE, left : left + SIDE]
        return (found.flip(2) if random.random() < 0.5 else found).float() / 255


def loaded(pixels: NDArray[np.uint8]) -> Iterable[Any]:
    """Return batches of torch's loader."""
    return DataLoader(Pictures(pixels), batch_size=BATCH, shuffle=True)


def opened(pixels: NDArray[np.uint8]) -> Iterable[Any]:
    """Yield batches of pictures that are opened, cropped and flipped one by one with Pillow."""
    files = []
    for each in pixels[: 8 * BATCH]:
        file = io.BytesIO()
        Image.fromarray(each).save(file, "PNG")
        files.append(file.getvalue())
    while True:
        rows = []
        for file in random.choices(files, k=BATCH):
            picture = ImageOps.expand(Image.open(io.BytesIO(file)), 4)
            top, left = random.randrange(9), random.randrange(9)
            picture = picture.crop((left, top, left + SIDE, top + SIDE))
            rows.append(np.asarray(ImageOps.mirror(picture) if random.random() < 0.5 else picture, np.float32) / 255)
        yield torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2)


def own(found: Set) -> Iterable[Any]:
    """Yield batches as a run draws them."""
    batches = Batches(found.examples, found.rows, batch_size=BATCH, labelled_per_batch=0, seed=0)
    step = 0
    while True:
        yield from batches.group(step)
        step += 1


def milliseconds(batches: Iterable[Any], steps: int) -> float:
    """Return the processor time of a batch."""
    each = iter(batches)
    for _ in range(3):
        next(each)
    start = time.process_time()
    for _ in range(steps):
        next(each)
    return 1000 * (time.process_time() - start) / steps


def told(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of an arm's rounds: milliseconds of a step, and the shares of what is no computation."""
    spent = [one["cpu"] for one in rounds]
    shares = {name: [one["shares"][name] for one in spent] for name in ("batch", "teacher", "loop")}
    path = [one["shares"]["batch"] + one["shares"]["teacher"] for one in spent]
    return {
        "ms": statistics.median(one["ms"] for one in spent),
        **{name: statistics.median(values) for name, values in shares.items()},
        "input_path": {"median": statistics.median(path), "lowest": min(path), "highest": max(path)},
    }


def as_table(result: dict[str, Any]) -> str:
    """Where the time of a step goes, by what is drawn."""
    names = {
        "images": "images as they are, labels",
        "crop_and_flip": "images and copies: `crop`, `flip`; labels",
        "everything": "the same with `rotate`, `brightness`, `erase`",
        "cached_teacher": "images as they are, cached teacher",
        "cached_teacher_crop_and_flip": "images and copies: `crop`, `flip`; cached teacher",
    }
    lines = ["| a batch of | processor time of a step | drawing it | the teacher's answers |", "|---|---|---|---|"]
    for key, name in names.items():
        arm = result["arms"][key]
        lines.append(f"| {name} | {arm['ms']:.0f} ms | {100 * arm['batch']:.1f} % | {100 * arm['teacher']:.1f} % |")
    setting = result["setting"]
    others = {
        "own": "Limbeck",
        "loader": "torch's `DataLoader`, pictures decoded once",
        "pillow": "Pillow, file by file",
    }
    lines += ["", "| who draws a batch with `crop` and `flip` | processor time | against Limbeck |", "|---|---|---|"]
    spent = result["drawing_ms"]
    for key, name in others.items():
        lines.append(f"| {name} | {spent[key]:.1f} ms | {spent[key] / spent['own']:.1f} x |")
    return "\n".join(
        [
            *lines,
            "",
            f"`{setting['student']}`, {setting['rows']:,} images of {setting['side']} x {setting['side']} colours, "
            f"{setting['copies']} copies of each, {setting['batch_size']} a batch, one thread; medians of "
            f"{setting['rounds']} rounds (`{result['command']}`).",
        ]
    )


def main() -> None:
    """Measure every arm and write the record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=60, help="timed steps of an arm in a round")
    options = parser.parse_args()
    console.quiet = True
    torch.set_num_threads(1)
    plain = images()
    moved = with_copies(plain, CROP_AND_FLIP)
    with tempfile.TemporaryDirectory() as folder:
        arms = {
            "images": arm(plain, None, options.steps),
            "crop_and_flip": arm(moved, None, options.steps),
            "everything": arm(with_copies(plain, EVERYTHING), None, options.steps),
            "cached_teacher": arm(plain, cached(plain, Path(folder) / "plain"), options.steps),
            "cached_teacher_crop_and_flip": arm(moved, cached(moved, Path(folder) / "moved"), options.steps),
        }
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in arms}
        for number in range(ROUNDS):
            for name in arms if number % 2 else reversed(arms):
                rounds[name].append(arms[name]())
    pixels = plain.rows.batch(range(ROWS))[PIXELS]
    sources = {"own": own(moved), "loader": loaded(pixels), "pillow": opened(pixels)}
    drawn = [{name: milliseconds(each, options.steps) for name, each in sources.items()} for _ in range(ROUNDS)]
    found = {name: told(each) for name, each in rounds.items()}
    setting = {"student": "convnet", "rows": ROWS, "side": SIDE, "batch_size": BATCH, "copies": COPIES}
    result = {
        "claim": "the input path takes at most a tenth of a step",
        "command": "python benchmarks/input_path.py",
        "setting": {**setting, "steps": options.steps, "rounds": ROUNDS},
        "arms": found,
        "drawing_ms": {name: statistics.median(one[name] for one in drawn) for name in sources},
        "environment": describe_environment(),
    }
    write_json(RESULT, result)
    for name, each in found.items():
        print(f"{name}: {each['ms']:.0f} ms, {100 * each['input_path']['median']:.1f} % input path")
    print("drawing:", result["drawing_ms"])


if __name__ == "__main__":
    main()
