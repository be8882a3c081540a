"""Sounds that were decoded once: what names them, how long they are, and what those share that sound alike."""

import hashlib
from dataclasses import dataclass

import numpy as np

from limbeck.runtime.sounds import Sound, content, decoded

SILENCE = 2.0**-10
"""Samples up to this, 60 dB below full scale, are silence at the ends of a sound."""


@dataclass(frozen=True, slots=True)
class Clip(Sound):
    """A sound that can be decoded.

    Attributes:
        frames: samples of a channel.
        identity: digest of its file's bytes, or of its samples and their rate: exact, whoever decodes it.
        likeness: digest of its rate and its samples in 16 bits, the mean of its channels, without the silence at its
            ends; no byte where there is nothing else.
    """

    frames: int
    identity: bytes
    likeness: bytes

    @classmethod
    def of(cls, sound: Sound) -> "Clip":
        """Return a sound after decoding it once; its samples are not kept, so that memory holds one at a time.

        Raises:
            LimbeckError: it cannot be decoded; see `sounds.decoded`.
        """
        data = content(sound)
        samples, rate = decoded(sound, data)
        return cls(sound.source, rate, sound.where, len(samples), _digest(data), _likeness(samples, rate))

    def seconds(self, rate: int) -> float:
        """Return how long it is; `rate` is that of a sound that comes without."""
        return self.frames / (self.rate or rate)


def _likeness(samples: np.ndarray, rate: int | None) -> bytes:
    heard = np.flatnonzero(np.abs(samples) > SILENCE)
    if not len(heard):
        return b""
    kept = np.rint(samples[heard[0] : heard[-1] + 1] * 32767).astype("<i2")
    return _digest(f"{rate} ".encode() + kept.tobytes())


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
