"""The files that the guides to images and sound speak of, made small."""

import csv
from pathlib import Path

import numpy as np
import soundfile
import torch
from onnx import TensorProto, helper, numpy_helper, save
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    ViTConfig,
    ViTForImageClassification,
    Wav2Vec2Config,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2Model,
)

from limbeck.models.resnet import ResNet, ResNetSettings
from limbeck.runtime.readers.image import ImageForm

RATE = 8000


def photos(place: Path) -> None:
    """Write dark cats and bright dogs, and three teachers that have learned nothing."""
    rng = np.random.default_rng(0)

    def write(path: Path, shade: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((rng.integers(0, 100, (24, 20, 3)) + shade).astype(np.uint8)).save(path)

    for row in range(100):
        name = ("cat", "dog")[row % 2]
        write(place / "photos" / name / f"{row + 1:04}.{('jpg', 'png')[row % 2]}", 120 * (row % 2))
    for row in range(20):
        write(place / "more-photos" / f"{row}.png", 120 * (row % 2))
        write(place / "later-photos" / ("cat", "dog")[row % 2] / f"{row}.png", 120 * (row % 2))
    write(place / "new/one.jpg", 120)
    torch.manual_seed(0)
    form = ImageForm.of(32, 32, 3, (0.5,) * 3, (0.2,) * 3)
    network = ResNet(ResNetSettings(depth=8, width=4), outputs=2, form=form)
    save_file(network.state_dict(), place / "resnet56.safetensors")
    config = ViTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, patch_size=56, num_labels=2
    )
    for name in ("my-vit", "own-vit"):
        ViTForImageClassification(config).save_pretrained(place / name)
    (place / "my-vit/preprocessor_config.json").write_text('{"image_processor_type": "ViTImageProcessor"}')
    _mean_onnx(place / "teacher.onnx", "image", ["batch", 3, "height", "width"], axes=[1, 2, 3])


def clips(place: Path) -> None:
    """Write low and high tones, of two voices, and teachers that have learned nothing."""
    rng, time = np.random.default_rng(0), np.arange(RATE // 4) / RATE
    rows = []

    def write(path: Path, pitch: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The higher ones are cut off at full scale, which is what the made encoder hears.
        wave = np.clip(pitch / 800 * np.sin(2 * np.pi * pitch * time + 6 * rng.random()), -1, 1)
        soundfile.write(path, wave, RATE)

    for row in range(100):
        word = ("yes", "no")[row % 2]
        path = Path("clips") / word / f"{row + 1:04}.{('wav', 'flac')[row % 2]}"
        write(place / path, (440, 1200)[row % 2])
        rows.append([str(path), word, ("ada", "bob", "cleo")[row // 2 % 3]])
    with (place / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["file", "word", "speaker"], *rows])
    for row in range(20):
        write(place / "more-clips" / f"{row}.wav", (440, 1200)[row % 2])
        write(place / "later-clips" / ("yes", "no")[row % 2] / f"{row}.wav", (440, 1200)[row % 2])
    for row in range(90):
        write(place / "words" / ("yes", "no", "bed")[row % 3] / f"{row}.wav", (440, 1200, 2000)[row % 3])
    write(place / "new/one.wav", 440)
    soundfile.write(place / "new/long.wav", rng.uniform(-1, 1, 2 * RATE), RATE)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, conv_dim=(4, 4),
        conv_kernel=(10, 8), conv_stride=(80, 8), num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=1,
    )  # fmt: skip
    Wav2Vec2Model(config).save_pretrained(place / "my-wav2vec2")
    config.num_labels = 2
    Wav2Vec2ForSequenceClassification(config).save_pretrained(place / "my-commands")
    keys = '{"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16000}'
    (place / "my-commands/preprocessor_config.json").write_text(keys)
    _mean_onnx(place / "teacher.onnx", "wave", ["batch", "samples"], axes=[1])


def _mean_onnx(path: Path, name: str, shape: list[str | int], axes: list[int]) -> None:
    """Write a classifier whose second logit is the mean of the squares of its input."""
    nodes = [
        helper.make_node("Mul", [name, name], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["mean"], axes=axes, keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("MatMul", ["column", "weights"], ["logits"]),
    ]
    held = {"last": np.array([1], np.int64), "weights": np.array([[0, 1]], np.float32)}
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, key) for key, value in held.items()],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
