"""A second one of everything that can be added: what it takes, counted in files."""

import json
from pathlib import Path

import numpy as np
import pixels
import pytest
import squares
import torch
from torch import nn

import limbeck
from limbeck.bundle import Student, export_onnx, write_bundle
from limbeck.errors import LimbeckError
from limbeck.modalities.text import TextModality
from limbeck.models import MODELS, CustomSettings, NgramsSettings, build_model
from limbeck.runtime import TextForm, Vocabulary, bundle
from limbeck.runtime.network import OnnxNetwork
from limbeck.types import tensors

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
CARD = {
    "served": [],
    "name": "toy", "sentence": "", "table": [["", "accuracy"]], "test_examples": 0, "seeds": [0], "seed": 0,
    "recipe_yaml": "", "until": None, "citations": [], "units": "",
    "usage": TextModality.usage, "outputs": "2 classes", "noun": "classes",
    "data": {"source": "", "target": None, "labelled": 0, "unlabelled": 0, "augmented": 0, "validation": 0, "test": 0},
}  # fmt: skip


class Black(nn.Module):
    """More black than white, or not."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        black = self.scale * pixels.mean((1, 2, 3))
        return torch.stack([0.5 - black, black - 0.5], dim=1)


def images(count: int) -> list[str]:
    draw = np.random.default_rng(0)
    return ["".join(draw.choice(["#", "."], 16)) for _ in range(count)]


def test_a_reader_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It exports, ships and loads; the file is `squares.py`, the line is the one below."""
    monkeypatch.setitem(bundle.READERS, "squares", squares.SquaresReader)
    reader, network = squares.SquaresReader(), Black().eval()
    export_onnx(network, tmp_path / "m.onnx", tensors(reader.form.example), reader.form.axes)

    def says(values):
        with torch.no_grad():
            return network(**tensors(reader.encode(values).batch(range(len(values))))).numpy()

    def runner(file):
        session = OnnxNetwork(file, threads=1)
        return lambda values: session.logits(reader.encode(values))

    student = Student(tmp_path / "m.onnx", says, runner, reader, ("white", "black"), "classification")
    write_bundle(tmp_path / "out", student, samples=images(20), unlabelled=[], card=CARD, scratch=tmp_path)
    assert json.loads((tmp_path / "out/bundle.json").read_text())["reads"] == {"kind": "squares", "ink": "#"}
    loaded = limbeck.load(tmp_path / "out")
    expected = ["black" if image.count("#") > 8 else "white" for image in images(20)]
    assert [one.label for one in loaded.predict(images(20))] == expected


def test_without_the_line_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text(
        json.dumps({"format": 2, "task": "classification", "labels": [], "files": {}, "reads": {"kind": "squares"}})
    )
    with pytest.raises(LimbeckError, match="this version has no reader `squares`"):
        limbeck.load(tmp_path)


TEXT = TextForm.of(Vocabulary(("[PAD]", "good"), 0))


@pytest.mark.parametrize("settings", [CustomSettings(name="pixels:build"), pixels.PixelsSettings()])
def test_a_network_is_one_file_and_one_line(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is `pixels.py`, the line the one below; a user's own needs no line."""
    if isinstance(settings, pixels.PixelsSettings):
        monkeypatch.setitem(MODELS, "pixels", pixels.MODEL)
    reader = squares.SquaresReader()
    network = build_model(settings, outputs=3, form=reader.form)
    assert network(**tensors(reader.encode(images(5)).batch(range(5)))).shape == (5, 3)


def test_a_network_of_another_kind_of_reader_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the catalogue's record; a user's own, which has none, by what it does with the example."""
    of_images = squares.SquaresReader().form
    with pytest.raises(LimbeckError, match=r"`ngrams` reads text, .* of kind squares; .* \(none of the"):
        build_model(NgramsSettings(), outputs=2, form=of_images)
    monkeypatch.setitem(MODELS, "pixels", pixels.MODEL)
    with pytest.raises(LimbeckError, match=r"take one that reads squares \(pixels\) or one of your own"):
        build_model(NgramsSettings(), outputs=2, form=of_images)
    with pytest.raises(
        LimbeckError, match=r"`pixels` reads squares, .* of kind text; take one that reads text \(ngrams, "
    ):
        build_model(pixels.PixelsSettings(), outputs=2, form=TEXT)
    with pytest.raises(LimbeckError, match="`pixels:build` failed \\(KeyError"):
        build_model(CustomSettings(name="pixels:build"), outputs=2, form=TEXT)
