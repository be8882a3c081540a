"""The log-mel spectrogram as layers of a network: it is exported with it, so that what serves reads samples."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limbeck.modalities.audio.mel import FLOOR, Mel


def within(count: int, lengths: Tensor) -> Tensor:
    """Return (batch, count) bool, True where a sample is one of the sound's `lengths`, (batch,) int64."""
    # An exported file holds these positions, and of int64 they would be twice as large.
    return torch.arange(count, dtype=torch.int32, device=lengths.device) < lengths.int().unsqueeze(1)


class LogMel(nn.Module):
    """Return the log-mel spectrogram of `Mel`, and which of its frames are the sound's.

    The Fourier transform is a convolution with windowed cosines and sines: in an exported file it is closer to float64
    than the operator STFT and 2 to 3 times as fast. What stands behind the end of a sound is taken for zeros.

    Args:
        rate: samples a second.
        bands: of pitch.

    Raises:
        LimbeckError: the bands are too many.
    """

    bases: Tensor
    filters: Tensor

    def __init__(self, rate: int, bands: int) -> None:
        super().__init__()
        mel = Mel(rate, bands)
        self.hop, self.window = mel.hop, mel.window
        angles = 2 * np.pi * np.outer(np.arange(mel.size // 2 + 1), np.arange(mel.window)) / mel.size
        bases = np.concatenate([np.cos(angles), np.sin(angles)]) * mel.weights
        # Not persistent: they are a function of the settings, and weights alone belong into a file of weights.
        self.register_buffer("bases", torch.tensor(bases[:, None], dtype=torch.float32), persistent=False)
        filters = torch.tensor(mel.filters.T[:, :, None].copy(), dtype=torch.float32)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return (batch, bands, frames) float32 and (batch, frames) bool, True where a frame begins within the sound.

        Args:
            samples: (batch, samples) float32.
            lengths: (batch,) int64, how many of them are the sound's.
        """
        count = samples.shape[1]
        inside = within(count, lengths)
        frames = -(-count // self.hop)
        # As many zeros behind the end as the last frame sees.
        padded = F.pad(samples * inside.to(samples.dtype), (0, (frames - 1) * self.hop + self.window - count))
        real, imaginary = F.conv1d(padded.unsqueeze(1), self.bases, stride=self.hop).chunk(2, dim=1)
        mel = F.conv1d(real.square() + imaginary.square(), self.filters)
        mask = torch.arange(frames, device=samples.device) * self.hop < lengths.unsqueeze(1)
        return torch.log(mel + FLOOR), mask
