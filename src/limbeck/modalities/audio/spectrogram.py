"""The log-mel spectrogram of a sound as a small picture for the report."""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import LimbeckError
from limbeck.evaluation.figures import ImageSample
from limbeck.modalities.audio.mel import FLOOR, Mel, levelled

BANDS = (40, 20, 8)
"""Of pitch: as many as `audio_cnn` has, or fewer where a low rate leaves some of them empty."""
COLUMNS = 160
"""Of the picture at most: several frames of a longer sound are one."""
COLOUR = (0x2A, 0x80, 0xD8)
"""Seen on a light page and on a dark one; how loud a band is, is how little of the page shines through."""
_LEVELS = 16


def spectrogram(samples: NDArray[np.float32], rate: int, name: str) -> ImageSample:
    """Return the spectrogram that `audio_cnn` computes, time to the right and pitch upwards, as a PNG.

    Args:
        samples: (samples,), at least one.
        rate: samples a second.
        name: of the sound.
    """
    loud = _log_mel(levelled(samples), rate).T[::-1] - np.log(FLOOR)
    frames = loud.shape[1]
    starts = np.unique(np.arange(min(COLUMNS, frames)) * frames // min(COLUMNS, frames))
    loud = np.add.reduceat(loud, starts, axis=1) / np.diff([*starts, frames])
    levels = np.rint(loud.clip(0) / max(float(loud.max()), 1e-9) * (_LEVELS - 1)).astype(np.uint8)
    height, width = levels.shape
    data = f"data:image/png;base64,{base64.b64encode(_png(levels)).decode('ascii')}"
    return ImageSample(name=name, data=data, width=width, height=height)


def _log_mel(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    for bands in BANDS[:-1]:
        try:
            return Mel(rate, bands).spectrogram(samples)
        except LimbeckError:  # of this rate so many are too many
            continue
    return Mel(rate, BANDS[-1]).spectrogram(samples)


def _png(levels: NDArray[np.uint8]) -> bytes:
    """Return a PNG of one colour in 16 degrees of opacity: 4 bits a pixel; Pillow is none of the extra `audio`."""
    height, width = levels.shape
    even = np.pad(levels, ((0, 0), (0, width % 2)))
    lines = np.pad(even[:, ::2] << 4 | even[:, 1::2], ((0, 0), (1, 0)))  # a line begins with its filter: none
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0),
        b"PLTE": bytes(COLOUR) * _LEVELS,
        b"tRNS": bytes(255 * level // (_LEVELS - 1) for level in range(_LEVELS)),
        b"IDAT": zlib.compress(lines.tobytes(), 9),
        b"IEND": b"",
    }
    chunks = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
