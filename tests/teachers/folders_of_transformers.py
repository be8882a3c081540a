"""Tiny classifiers of images and sounds of transformers that are right, in folders as `save_pretrained` writes them."""

import json
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

CLASSES = ["bright", "dark", "grey"]
LEVELS = {"bright": 215, "dark": 40, "grey": 128}
ORDER = ["grey", "bright", "dark"]
"""Outputs of the classifiers: in another order than the data's classes, which is that of the alphabet."""
PITCHES = {"high": 2200.0, "low": 300.0, "middle": 900.0}
SOUND_ORDER = ["middle", "high", "low"]
RATE = 4000
"""Samples a second of the classifiers of sounds: another one than the data's."""
SHORT = [
    "seeds=[0]",
    "baseline=false",
    "data.labelled=30",
    "data.split={test: 24, validation: 24}",
    "data.augment=null",
    "grid={}",
    "student.train={steps: 2, batch_size: 32, validations: 1}",
]
"""What makes a run of a recipe short."""


def write_images(folder: Path, rows: int = 150, seed: int = 0) -> Path:
    """Write pictures of many sizes, in greys and in colour, into a subfolder a class."""
    draw = np.random.default_rng(seed)
    for row in range(rows):
        name = CLASSES[row % 3]
        height, width = draw.integers(20, 60, 2)
        noise = draw.normal(LEVELS[name], 25, (height, width, 3))
        image = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
        (folder / name).mkdir(parents=True, exist_ok=True)
        image.convert("RGB" if row % 2 else "L").save(folder / name / f"{row:04}.png")
    return folder


def write_sounds(folder: Path, rows: int = 120, seed: int = 0, rate: int = 8000) -> Path:
    """Write tones of many lengths into a subfolder a class."""
    draw = np.random.default_rng(seed)
    for row in range(rows):
        name = list(PITCHES)[row % 3]
        seconds = np.arange(int(rate * draw.choice([0.2, 0.25, 0.3]))) / rate
        tone = 0.4 * np.sin(2 * np.pi * PITCHES[name] * draw.uniform(0.85, 1.0) * seconds + draw.uniform(0, 6))
        samples = tone + draw.normal(0, 0.05, len(seconds)) + 0.1
        (folder / name).mkdir(parents=True, exist_ok=True)
        with wave.open(str(folder / name / f"{row:04}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(np.rint(samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return folder


def save(folder: Path, network: nn.Module, **processor: Any) -> Path:
    """Write what `from_pretrained` reads of a network and of its processor."""
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def named(folder: Path, names: Sequence[str]) -> Path:
    """Give the outputs of a saved network other names."""
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = dict(enumerate(names))
    config["label2id"] = {name: number for number, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _names(order: Sequence[str]) -> dict[str, Any]:
    return {"id2label": dict(enumerate(order)), "label2id": {name: number for number, name in enumerate(order)}}


def vit(folder: Path, order: Sequence[str] = ORDER, **processor: Any) -> Path:
    """Write a ViT that tells bright, dark and grey pictures apart, trained for a few steps."""
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    network = ViTForImageClassification(
        ViTConfig(
            image_size=16,
            patch_size=8,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            **sizes,
            **_names(order),
        )
    )
    _train(network, order)
    keys = {"image_processor_type": "ViTImageProcessor", "size": {"height": 16, "width": 16}}
    return save(folder, network, **keys | processor)


def resnet(folder: Path, order: Sequence[str] = ORDER) -> Path:
    """Write a ResNet that tells them apart, whose processor cuts out the middle."""
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(0)
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 8], "depths": [1, 1], "layer_type": "basic"}
    network = ResNetForImageClassification(ResNetConfig(**sizes, **_names(order)))
    _train(network, order)
    return save(
        folder, network, image_processor_type="ConvNextImageProcessor", size={"shortest_edge": 18}, crop_pct=0.9
    )


def _train(network: nn.Module, order: Sequence[str]) -> None:
    """Teach the levels of pixels that have the mean and deviation of most processors."""
    draw = torch.Generator().manual_seed(1)
    wanted = torch.arange(48) % len(order)
    levels = torch.tensor([LEVELS.get(order[label], 128) for label in wanted.tolist()], dtype=torch.float32)
    pixels = levels[:, None, None, None] + 10 * torch.randn(48, 3, 16, 16, generator=draw)
    _fit(network, {"pixel_values": (pixels / 255 - 0.5) / 0.5}, wanted)


def _fit(network: nn.Module, inputs: dict[str, torch.Tensor], wanted: torch.Tensor, steps: int = 60) -> None:
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(network(**inputs).logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()


def wav2vec2(folder: Path, order: Sequence[str] = SOUND_ORDER, *, norm: str = "group", **processor: Any) -> Path:
    """Write a wav2vec2 that tells three pitches apart, trained for a few steps.

    Args:
        folder: that is made.
        order: names of its outputs.
        norm: of its first layers: with `group`, silence behind a sound changes the answer.
        processor: further keys of its feature extractor.
    """
    from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification

    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        conv_dim=(8, 8),
        conv_kernel=(10, 4),
        conv_stride=(4, 4),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=8,
        feat_extract_norm=norm,
        do_stable_layer_norm=norm == "layer",
        apply_spec_augment=False,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        layerdrop=0.0,
        **_names(order),
    )
    network = Wav2Vec2ForSequenceClassification(config)
    keys = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": RATE, "do_normalize": True}
    keys |= {"feature_size": 1, "padding_value": 0.0, "return_attention_mask": norm == "layer"} | processor
    draw = np.random.default_rng(1)
    wanted = torch.arange(48) % 3
    seconds = np.arange(1000) / RATE
    tones = np.stack(
        [
            0.4 * np.sin(2 * np.pi * PITCHES[order[label]] * draw.uniform(0.85, 1.0) * seconds + draw.uniform(0, 6))
            + draw.normal(0, 0.05, 1000)
            + 0.1
            for label in wanted.tolist()
        ]
    ).astype(np.float32)
    if keys["do_normalize"]:
        tones = (tones - tones.mean(1, keepdims=True)) / tones.std(1, keepdims=True)
    _fit(network, {"input_values": torch.from_numpy(tones)}, wanted, steps=120)
    return save(folder, network, **keys)


def of_features(folder: Path, order: Sequence[str] = SOUND_ORDER) -> Path:
    """Write a network that works on spectrograms of its own extractor, with random weights."""
    from transformers import ASTConfig, ASTForAudioClassification

    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = ASTConfig(
        max_length=32, num_mel_bins=16, patch_size=8, frequency_stride=8, time_stride=8, **sizes, **_names(order)
    )
    keys = {"feature_extractor_type": "ASTFeatureExtractor", "sampling_rate": 8000, "num_mel_bins": 16}
    return save(folder, ASTForAudioClassification(config), **keys, max_length=32)


def says_of_images(folder: Path, files: Sequence[Path]) -> NDArray[np.float32]:
    """Return the logits of plain transformers for files, one by one."""
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    processor, network = (
        AutoImageProcessor.from_pretrained(folder),
        AutoModelForImageClassification.from_pretrained(folder),
    )
    with torch.no_grad():
        parts = [
            network(**processor(Image.open(file).convert("RGB"), return_tensors="pt")).logits.numpy() for file in files
        ]
    return np.concatenate(parts)


def says_of_sounds(folder: Path, sounds: Sequence[NDArray[np.float32]], rate: int = RATE) -> NDArray[np.float32]:
    """Return the logits of plain transformers for sounds at the network's rate, one by one."""
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    extractor = AutoFeatureExtractor.from_pretrained(folder)
    network = AutoModelForAudioClassification.from_pretrained(folder)
    with torch.no_grad():
        parts = [
            network(**extractor(sound, sampling_rate=rate, return_tensors="pt")).logits.numpy() for sound in sounds
        ]
    return np.concatenate(parts)
