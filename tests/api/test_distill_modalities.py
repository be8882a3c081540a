"""`limbeck.distill` of modules that read rows of a table or images, from frames."""

import sys
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import torch
from torch import nn

import limbeck
from limbeck.errors import LimbeckError

sys.path += [str(Path(__file__).parent.parent / folder) for folder in ("pipeline", "bad_input")]
from workshop import export_quickly

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
ROWS = 260
SIZES = {
    "data.split.test": 80,
    "data.split.validation": 40,
    "data.labelled": 60,
    "student.train": {"steps": 40, "lr": 0.02, "validations": 2},
}


class OfNumbers(nn.Module):
    """Knows the rule: the sum of the scaled numbers, and one category, tell the class."""

    def forward(self, numbers: torch.Tensor, categories: torch.Tensor) -> torch.Tensor:
        far = numbers.sum(1) + 2.0 * (categories[:, 0] == 1)
        return torch.stack([-far, far], dim=1)


class OfPixels(nn.Module):
    """Knows the rule: bright pictures are of the second class."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        far = (pixels.float().mean(dim=(1, 2, 3)) - 128) / 8
        return torch.stack([-far, far], dim=1)


def rows():
    draw = np.random.default_rng(0)
    size, age, job = draw.normal(100, 20, ROWS), draw.normal(40, 10, ROWS), draw.integers(0, 3, ROWS)
    far = (size - 100) / 20 + (age - 40) / 10 + 2.0 * (job == 0)
    return {"size": size, "age": age, "job": [f"job {each}" for each in job], "label": (far > 0).astype(int)}


def test_a_table(tmp_path) -> None:
    settings = {**SIZES, "data.features": "*"}
    done = limbeck.distill(OfNumbers(), "mlp", pyarrow.table(rows()), seeds=[0], settings=settings, out=tmp_path)
    assert done.evaluation.modality == "table"
    assert done.evaluation.score("teacher") > 0.9
    found = limbeck.load(done.bundle).predict([{"size": 160.0, "age": 70.0, "job": "job 0"}])
    assert found[0].label == "1"


def test_images(tmp_path, monkeypatch) -> None:
    export_quickly(monkeypatch)
    draw = np.random.default_rng(0)
    label = np.arange(ROWS) % 2
    images = [draw.integers(40, 160, (8, 8), dtype=np.uint8) + np.uint8(80 * each) for each in label]
    done = limbeck.distill(
        OfPixels(), "convnet", {"image": images, "label": label.tolist()}, seeds=[0],
        settings={**SIZES, "data.image": "image"}, out=tmp_path,
    )  # fmt: skip
    assert done.evaluation.modality == "image"
    assert done.evaluation.score("teacher") == 1.0


def test_a_module_without_a_tokenizer_may_read_something_else(tmp_path) -> None:
    with pytest.raises(
        LimbeckError, match=r"give teacher_tokenizer; or name the columns of .*: data.image, .*features"
    ):
        limbeck.distill(OfNumbers(), "mlp", pyarrow.table(rows()), out=tmp_path)


def test_what_networks_read_of_several_sizes_is_asked_for_as_settings(tmp_path) -> None:
    draw = np.random.default_rng(0)
    images = [draw.integers(0, 256, (8 + row % 2, 8), dtype=np.uint8) for row in range(ROWS)]
    frame = {"image": images, "label": [row % 2 for row in range(ROWS)]}
    with pytest.raises(LimbeckError) as found:
        limbeck.distill(OfPixels(), "convnet", frame, settings={**SIZES, "data.image": "image"}, out=tmp_path)
    assert str(found.value).endswith("; add to `settings`: {'teacher.reads.size': 8, 'student.reads.size': 8}")
