"""Finished classifiers of images and sounds of transformers, as networks that are called with a reader's arrays."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from limbeck.models.pixels import Pixels
from limbeck.models.pretrained import load_pretrained
from limbeck.runtime.readers.image import ImageForm

_RAW = "Wav2Vec2FeatureExtractor"
"""Hands samples through, of mean 0 and variance 1 where it says so. Others work out features of their own."""
_VARIANCE = 1e-7
"""Added to a variance before its root divides a sound. Source: transformers, `Wav2Vec2FeatureExtractor`."""


class ImageClassifier(nn.Module):
    """A classifier of images, called with pixels.

    Args:
        encoder: the network of transformers, head included.
        form: of the images, with the mean and std that the network was trained with.

    Attributes:
        encoder: the same.
    """

    def __init__(self, encoder: nn.Module, form: ImageForm) -> None:
        super().__init__()
        self.pixels, self.encoder = Pixels(form), encoder

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (batch, outputs) of pixels (batch, height, width, channels) uint8."""
        return self.encoder(pixel_values=self.pixels(pixels)).logits


class SoundClassifier(nn.Module):
    """A classifier of sounds, called with samples.

    Each sound is heard at its own length, without a sample of padding: some of these networks answer otherwise to a
    sound that is followed by silence. Sounds of one length are heard together. A sound of fewer samples than the
    network takes is followed by silence.

    Args:
        encoder: the network of transformers, head included.
        extractor: its feature extractor.

    Attributes:
        encoder: the network.
    """

    no_onnx = "it hears each sound at its own length"

    def __init__(self, encoder: nn.Module, extractor: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.normalise = bool(extractor.do_normalize)
        self.fewest = _fewest(encoder.config)

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """Return logits (batch, outputs) of samples (batch, samples), of which the first `lengths` are the sound's."""
        inputs = [self._heard(row[:length]) for row, length in zip(samples, lengths.tolist(), strict=True)]
        return _by_form(self.encoder, [{"input_values": each} for each in inputs])

    def _heard(self, sound: Tensor) -> Tensor:
        """Return samples (1, samples) as the network takes them."""
        if self.normalise:
            whole = sound.double()
            sound = ((whole - whole.mean()) / (whole.var(correction=0) + _VARIANCE).sqrt()).float()
        return nn.functional.pad(sound, (0, max(0, self.fewest - len(sound))))[None]


class FeatureClassifier(nn.Module):
    """A classifier of sounds that works on features: its own feature extractor computes them, of each sound alone.

    Args:
        encoder: the network of transformers, head included.
        extractor: its feature extractor.

    Attributes:
        encoder: the network.
    """

    no_onnx = "its features are computed by transformers' own extractor"

    def __init__(self, encoder: nn.Module, extractor: Any) -> None:
        super().__init__()
        self.encoder, self.extractor = encoder, extractor

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """Return logits (batch, outputs) of samples (batch, samples), of which the first `lengths` are the sound's."""
        device, rate = samples.device, self.extractor.sampling_rate
        sounds = (row[:length].cpu().numpy() for row, length in zip(samples, lengths.tolist(), strict=True))
        found = [self.extractor(sound, sampling_rate=rate, return_tensors="pt") for sound in sounds]
        return _by_form(self.encoder, [{name: value.to(device) for name, value in each.items()} for each in found])


def image_classifier(source: str, config: Any, form: ImageForm) -> nn.Module:
    """Return a checkpoint of images with its own head, see `load_pretrained`."""
    from transformers import AutoModelForImageClassification

    return around_images(load_pretrained(source, config, AutoModelForImageClassification), form).eval()


def sound_classifier(source: str, config: Any, extractor: Any) -> nn.Module:
    """Return a checkpoint of sounds with its own head, see `load_pretrained`."""
    from transformers import AutoModelForAudioClassification

    return around_sounds(load_pretrained(source, config, AutoModelForAudioClassification), extractor).eval()


def around_images(encoder: nn.Module, form: ImageForm) -> nn.Module:
    """Return a network of transformers as one that is called with pixels."""
    return ImageClassifier(encoder, form)


def around_sounds(encoder: nn.Module, extractor: Any) -> nn.Module:
    """Return a network of transformers as one that is called with samples, by what its feature extractor does."""
    return (SoundClassifier if type(extractor).__name__ == _RAW else FeatureClassifier)(encoder, extractor)


def _by_form(encoder: nn.Module, inputs: list[Mapping[str, Tensor]]) -> Tensor:
    """Return the logits of rows, (rows, outputs): those whose inputs have the same shapes are asked together."""
    groups: dict[Any, list[int]] = {}
    for row, each in enumerate(inputs):
        groups.setdefault(tuple((name, tuple(value.shape)) for name, value in each.items()), []).append(row)
    order, parts = [], []
    for rows in groups.values():
        together = {name: torch.cat([inputs[row][name] for row in rows]) for name in inputs[rows[0]]}
        parts.append(encoder(**together).logits)
        order += rows
    logits = torch.cat(parts)
    return logits[torch.tensor(order, device=logits.device).argsort()]


def _fewest(config: Any) -> int:
    """Return how many samples the convolutions of a network make one frame of."""
    fewest = 1
    layers = zip(getattr(config, "conv_kernel", ()), getattr(config, "conv_stride", ()), strict=True)
    for kernel, stride in reversed([*layers]):
        fewest = (fewest - 1) * stride + kernel
    return fewest
