"""Convolutions over the log-mel spectrogram of a sound: from samples to logits in one file."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from limbeck.modalities.audio.mel import FLOOR, LEVEL, SILENCE
from limbeck.models.catalogue import ModelOptions, register
from limbeck.models.embedding import Rate
from limbeck.models.logmel import LogMel, within
from limbeck.runtime.readers.audio import AudioForm


class AudioCNNSettings(ModelOptions):
    """Options of `audio_cnn`."""

    name: Literal["audio_cnn"] = "audio_cnn"
    bands: Annotated[int, Field(ge=8, le=128, description="bands of pitch of the log-mel spectrogram")] = 40
    width: Annotated[int, Field(ge=4, le=1024, description="channels of the last two of three convolutions")] = 64
    subtract: Annotated[
        Literal["mean", "band_means"],
        Field(
            description="from a sound's spectrogram: its mean, or each band's own, which takes away how a voice or a "
            "microphone colours all that is said: for speakers whom nobody has heard, not to tell speakers apart"
        ),
    ] = "mean"
    dropout: Annotated[Rate, Field(description="share of the pooled features that is dropped in training")] = 0.3


class AudioCNN(nn.Module):
    """Three convolutions over time, and mean and maximum of what they find over the frames of the sound.

    Source: after Kim 2014, "Convolutional Neural Networks for Sentence Classification" (arXiv 1408.5882), with the
    frames of a spectrogram in the place of words, and layers of stride 2. The means of the
    bands are subtracted as in Atal 1974, "Effectiveness of Linear Prediction Characteristics of the Speech Wave for
    Automatic Speaker Identification and Verification", of cepstra there.

    Args:
        settings: see `AudioCNNSettings`.
        outputs: number of logits.
        form: of the samples.

    Raises:
        LimbeckError: the bands are too many for the rate.
    """

    def __init__(self, settings: AudioCNNSettings, *, outputs: int, form: AudioForm) -> None:
        super().__init__()
        self.settings = settings
        self.logmel = LogMel(form.rate, settings.bands)
        channels = [settings.bands, max(1, 3 * settings.width // 4), settings.width, settings.width]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels[i], channels[i + 1], 3, padding=1, stride=stride) for i, stride in enumerate((1, 2, 2))
        )
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(2 * settings.width, outputs)

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """Return logits (batch, outputs) of samples (batch, samples), of which the first `lengths` are the sound's."""
        found, mask = self.logmel(levelled(samples, lengths), lengths)
        real = mask.unsqueeze(1).to(found.dtype)
        found = standardised(found, real, by_band=self.settings.subtract == "band_means")
        for convolution in self.convolutions:
            real = real[:, :, :: convolution.stride[0]]
            # No frame behind the end is seen by the next layer, nor is one of these below the maximum.
            found = torch.relu(convolution(found)) * real
        mean = found.sum(2) / real.sum(2).clamp(min=1)
        return self.head(self.dropout(torch.cat([mean, found.amax(2)], dim=1)))


def levelled(samples: Tensor, lengths: Tensor) -> Tensor:
    """Return sounds at one mean power, as `mel.levelled` does.

    Args:
        samples: (batch, samples).
        lengths: (batch,) how many of them are the sound's.
    """
    inside = within(samples.shape[1], lengths)
    power = (samples.square() * inside.to(samples.dtype)).sum(1, keepdim=True) / lengths.unsqueeze(1)
    # Divided by SILENCE: the exporter takes a sum with less than 1e-8 for a sum with 0, and leaves it out.
    return samples * torch.sqrt(LEVEL * FLOOR / SILENCE / (power / SILENCE + 1))


def standardised(values: Tensor, real: Tensor, *, by_band: bool = False) -> Tensor:
    """Return a spectrogram of mean 0 and variance 1 over bands and real frames.

    Args:
        values: (batch, bands, frames).
        real: (batch, 1, frames), 1 where a frame is the sound's.
        by_band: whether the mean of each band is 0.

    Returns:
        (batch, bands, frames), 0 behind the end of the sound.
    """
    frames, bands = real.sum((1, 2), keepdim=True).clamp(min=1), values.shape[1]
    means = (values * real).sum(2, keepdim=True) / frames
    centred = (values - (means if by_band else means.mean(1, keepdim=True))) * real
    # Of silence the variance is 0.
    return centred * torch.rsqrt(centred.square().sum((1, 2), keepdim=True) / (frames * bands) + 1e-2)


register(
    "convolutions over a log-mel spectrogram, mean and maximum over time: from samples to logits",
    AudioCNNSettings,
    AudioCNN,
    reads="audio",
    per="example",
)
