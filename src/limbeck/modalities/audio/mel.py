"""The log-mel spectrogram by its definition, in numpy: how loud a sound is, by moment and band of pitch."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import LimbeckError

FLOOR = 1e-6
"""Added to a band's power before the logarithm: white noise 60 dB below full scale. What is below it is silence."""
LEVEL = 1e3
"""Mean power over `FLOOR` that sounds are brought to where loudness is no matter: what is 30 dB fainter is hidden."""
SILENCE = 1e-9
"""Mean power, 90 dB below full scale, from which on a sound is brought to that level."""
WINDOW, HOP = 0.025, 0.010
"""Seconds that a frame sees, and from one frame to the next: the usual ones for speech."""


@dataclass(frozen=True, slots=True)
class Mel:
    """A log-mel spectrogram.

    Frame i holds the samples from `i * hop` on, `window` of them, with zeros behind the end of the sound; a sound of n
    samples has ceil(n / hop) frames. A frame is multiplied by a Hann window (periodic) of unit power, the squared
    magnitudes of its Fourier transform of `size` points are added up in triangles over the mel scale, and of `FLOOR`
    plus that the natural logarithm is taken. White noise of variance v has a mean power of v in every bin.

    The mel scale is HTK's: mel(f) = 2595 log10(1 + f / 700). Triangle b rises from the edge b to a height of 1 at the
    edge b + 1 and falls to the edge b + 2; the `bands + 2` edges are equally far apart in mel, from 0 to rate / 2. It
    is read at the frequencies of the bins. Source: Young et al. 2006, "The HTK Book" 3.4, section 5.6.

    Attributes:
        rate: samples a second.
        bands: of pitch.
    """

    rate: int
    bands: int

    @property
    def window(self) -> int:
        """Samples that a frame sees."""
        return max(2, round(WINDOW * self.rate))

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return max(1, round(HOP * self.rate))

    @property
    def size(self) -> int:
        """Points of the Fourier transform: the next power of two."""
        return 2 ** (self.window - 1).bit_length()

    @property
    def weights(self) -> NDArray[np.float64]:
        """The window, (window,)."""
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window) / self.window)
        return hann / np.sqrt(np.square(hann).sum())

    @property
    def filters(self) -> NDArray[np.float64]:
        """The triangles, (size / 2 + 1, bands).

        Raises:
            LimbeckError: there are so many bands that one lies between two bins.
        """
        edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + self.rate / 1400), self.bands + 2) / 2595) - 1)
        bins = (np.arange(self.size // 2 + 1) * self.rate / self.size)[:, None]
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        found = np.maximum(0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))
        if not found.any(axis=0).all():
            raise LimbeckError(
                f"{self.bands} bands are too many for {self.size} points at {self.rate:,} samples a second",
                where="model.bands",
                fix="lower it: some bands would hold nothing",
            )
        return found

    def spectrogram(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (frames, bands) of a sound, (samples,)."""
        frames = -(-len(samples) // self.hop)
        padded = np.concatenate([samples, np.zeros(self.window)])
        cut = np.lib.stride_tricks.sliding_window_view(padded, self.window)[:: self.hop][:frames]
        weights, filters = _tables(self)
        return np.log(np.square(np.abs(np.fft.rfft(cut * weights, self.size))) @ filters + FLOOR)


def levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a sound, (samples,), at the mean power `LEVEL * FLOOR`, so that its loudness changes nothing."""
    power = float(np.square(samples, dtype=np.float64).mean())
    return samples * np.float32(np.sqrt(LEVEL * FLOOR / (power + SILENCE)))


@lru_cache(maxsize=8)
def _tables(mel: Mel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return mel.weights, mel.filters
