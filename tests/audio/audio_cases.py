"""What the tests of sounds share: made tones, files of them, and the recorded digits."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

DIGITS = Path(__file__).parents[3] / "shared/data/spoken_digits/fsdd.parquet"
FORMATS = {"wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS"), "float": ("WAV", "FLOAT")}


def tone(frames=800, *, hertz=440.0, rate=8000, seed=0):
    """Return a tone with a little noise, (frames,) float32, whose values 16 bits hold exactly."""
    rng = np.random.default_rng(seed)
    wave = 0.4 * np.sin(2 * np.pi * hertz / rate * np.arange(frames)) + 0.05 * rng.standard_normal(frames)
    return (np.rint(wave * 32768) / 32768).astype(np.float32)


def encoded(samples, rate=8000, kind="wav"):
    """Return the bytes of a file."""
    held = io.BytesIO()
    form, subtype = FORMATS[kind]
    soundfile.write(held, samples, rate, format=form, subtype=subtype)
    return held.getvalue()


def patched(data, place, value):
    """Return bytes with others in the place of some."""
    return data[:place] + value + data[place + len(value) :]


def digits(count, *, seed=0):
    """Return so many recorded digits: samples, digit and speaker; skip where they are not at hand."""
    if not DIGITS.is_file():
        pytest.skip("needs ../shared/data/spoken_digits, a copy of the recorded digits for development")
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(DIGITS) as file:
        table = file.read().to_pydict()
    rows = np.random.default_rng(seed).permutation(len(table["digit"]))[:count]
    return [
        (
            np.frombuffer(table["pcm16"][row], "<i2").astype(np.float32) / 32768,
            table["digit"][row],
            table["speaker"][row],
        )
        for row in rows
    ]
