"""Copies of sounds that say what the sound says: a little earlier or later, louder, faster, with noise.

They are drawn for a whole batch at once, and each row from its own key alone: whoever asks again, in any order or
company, gets the same bits.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from limbeck.data.copies import DrawnCopySettings
from limbeck.data.counter import uniform
from limbeck.runtime.readers.audio import LENGTHS, SAMPLES

_NOISE = 2**18
"""Numbers of the one noise of which every copy gets a part of its own: drawing so many for each row takes longer."""
_QUIETER = 20.0
"""Decibels by which noise may be quieter than its loudest."""


class AudioAugmentSettings(DrawnCopySettings):
    """Copies of the transfer set's sounds, with their labels where they have one."""

    kind: Literal["audio"] = "audio"
    shift: Annotated[
        float, Field(ge=0, lt=1, description="at most so much earlier or later, as a share of the sound's length")
    ] = 0.1
    gain: Annotated[float, Field(ge=0, le=60, description="at most so many decibels louder or quieter")] = 6.0
    noise: Annotated[
        float | None,
        Field(
            ge=-20,
            le=100,
            description="white noise at least so many decibels below the sound's mean power, and up to 20 more; "
            "null: none",
        ),
    ] = None
    speed: Annotated[
        float, Field(ge=0, le=0.5, description="at most so much faster or slower, as a share; its pitch goes along")
    ] = 0.1

    @model_validator(mode="after")
    def _something_changed(self) -> "AudioAugmentSettings":
        if not (self.shift or self.gain or self.speed) and self.noise is None:
            raise ValueError("shift, gain, noise and speed leave every copy as its sound is; raise one of them")
        return self


def augment_sounds(
    arrays: Mapping[str, NDArray[Any]], keys: NDArray[np.int64], copies: NDArray[np.int64], settings: Any
) -> dict[str, NDArray[Any]]:
    """Return encoded sounds as copies of them, of the same shapes and types.

    A copy plays `1 + u * speed` times as fast, read along the straight line between two samples. It begins `u * shift`
    of its sound's length later, or without so much of its beginning. It is `u * gain` decibels louder, and then gets
    white noise. Every u is uniform in [-1, 1), a number of its own. What goes beyond the end of the row or beyond
    [-1, 1] is cut off. A copy ends where its sound does, at the earliest after one sample.

    Source: Ko et al. 2015, "Audio Augmentation for Speech Recognition", for the speed.

    Args:
        arrays: `samples`, (rows, samples) float32, zeros behind the end of a sound, and `lengths`, (rows,) int64.
        keys: (rows,) content ids.
        copies: (rows,) which copy each row is.
        settings: see `AudioAugmentSettings`.
    """
    samples, lengths = arrays[SAMPLES], arrays[LENGTHS]
    drawn = uniform(keys, copies, settings.seed, 5)
    sped, shifted, louder, noisier, place = drawn.T[:, :, None]
    speed = 1 + (2 * sped - 1) * settings.speed
    shift = np.rint((2 * shifted - 1) * settings.shift * lengths[:, None])
    moved, ends = _moved(samples, lengths, speed, shift)
    moved *= (10 ** ((2 * louder - 1) * settings.gain / 20)).astype(np.float32)
    if settings.noise is not None:
        moved += _noise(moved, ends, settings.noise + _QUIETER * noisier, place, settings.seed)
    return {SAMPLES: np.clip(moved, -1, 1, out=moved), LENGTHS: ends}


def _moved(
    samples: NDArray[np.float32], lengths: NDArray[np.int64], speed: NDArray[np.float64], shift: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the samples faster and later, and where each row ends now."""
    rows, width = samples.shape
    ends = np.clip(np.ceil(lengths / speed[:, 0] + shift[:, 0]), 1, width).astype(np.int64)
    # Two zeros on either side stand for everything outside of a row; flat, as a gather along an axis takes longer.
    padded = np.zeros((rows, width + 4), np.float32)
    padded[:, 2:-2] = samples
    source = (np.arange(width) - shift) * speed
    source += 2
    np.clip(source, 0, width + 2, out=source)
    before = source.astype(np.int64)
    source -= before
    before += np.arange(rows)[:, None] * (width + 4)
    found = padded.ravel().take(before)
    before += 1
    change = padded.ravel().take(before)
    change -= found
    change *= source.astype(np.float32)
    found += change
    found *= np.arange(width) < ends[:, None]
    return found, ends


def _noise(
    samples: NDArray[np.float32],
    lengths: NDArray[np.int64],
    below: NDArray[np.float64],
    place: NDArray[np.float64],
    seed: int,
) -> NDArray[np.float32]:
    """Return white noise under each sound, `below` decibels below its mean power; nothing behind its end."""
    width = samples.shape[1]
    power = np.square(samples).sum(axis=1, keepdims=True, dtype=np.float64) / lengths[:, None]
    level = np.sqrt(power * 10 ** (-below / 10)).astype(np.float32)
    start = (place[:, 0] * _NOISE).astype(np.int64)
    found = np.lib.stride_tricks.sliding_window_view(_white(seed, width), width)[start]
    found *= level
    found *= np.arange(width) < lengths[:, None]
    return found


@lru_cache(maxsize=2)
def _white(seed: int, width: int) -> NDArray[np.float32]:
    """Return normal noise of variance 1, (_NOISE + width,), which begins anew after `_NOISE` numbers."""
    pairs = uniform(np.arange(_NOISE), np.zeros(_NOISE, np.int64), seed, 2)
    # Box and Muller 1958; 1 - u, as the logarithm of 0 is none.
    once = np.sqrt(-2 * np.log(1 - pairs[:, 0])) * np.cos(2 * np.pi * pairs[:, 1])
    return np.resize(once.astype(np.float32), _NOISE + width)
