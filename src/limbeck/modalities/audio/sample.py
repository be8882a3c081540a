"""A sound as the report shows it: short enough to keep the report small, in a form that every browser plays."""

import base64
import io
import wave

import numpy as np
from numpy.typing import NDArray

from limbeck.evaluation.figures import AudioSample
from limbeck.runtime.sounds import Sound, decoded, resampled

RATE, SECONDS = 8_000, 2.0
"""Of the player: a dozen of them take 0.5 MB of a report."""
COLUMNS = 120
"""Of the waveform."""
_NO_RATE = 16_000


def audio_sample(sound: Sound) -> AudioSample:
    """Return the beginning of a sound as 16-bit samples in a data URI, and the outline of all of it."""
    samples, rate = decoded(sound)
    rate = rate or _NO_RATE
    played = min(rate, RATE)
    heard = resampled(samples[: round(SECONDS * rate)], rate, played)
    return AudioSample(
        wav=_data_uri(heard, played),
        seconds=len(samples) / rate,
        played=len(heard) / played,
        outline=_outline(samples),
    )


def _data_uri(samples: NDArray[np.float32], rate: int) -> str:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return f"data:audio/wav;base64,{base64.b64encode(held.getvalue()).decode('ascii')}"


def _outline(samples: NDArray[np.float32]) -> list[float]:
    """Return the highest magnitude in each of at most `COLUMNS` equal parts."""
    count = min(COLUMNS, len(samples))
    starts = np.arange(count) * len(samples) // count
    return [round(float(peak), 3) for peak in np.maximum.reduceat(np.abs(samples), starts)]
