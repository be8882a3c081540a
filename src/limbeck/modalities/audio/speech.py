"""A packaged encoder of speech: Google's speech embedding in the two ONNX files that openWakeWord distributes.

Source: Lin et al. 2020, "Training Keyword Spotters with Limited and Synthesized Speech Data" (arXiv 2002.01322).
"""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from limbeck.assets import asset
from limbeck.errors import LimbeckError, first_line
from limbeck.modalities.audio.reads import AudioReads

NAME = "speech-embedding"
RATE = 16_000
"""Samples a second of the speech that the encoder was trained on."""
_SILENCE = RATE // 2
_BANDS, _FRAMES, _STEP = 32, 76, 8
"""Of a window: bands of pitch, frames of 10 ms, and frames until the next window begins."""

_AT_ONCE = 8
"""Windows that the second file is asked for at once: of more, what lies between its layers leaves the cache."""


def heard(reads: Any, key: str) -> AudioReads:
    """Return what the encoder reads: sounds at its own rate.

    Raises:
        LimbeckError: other examples are read than sounds, or sounds of another rate.
    """
    if not isinstance(reads, AudioReads):
        raise LimbeckError(
            f"`{NAME}` reads sounds, not {reads.kind}",
            where=f"{key}.reads.kind",
            fix="name data.audio, or take another",
        )
    if reads.rate not in (None, RATE):
        raise LimbeckError(
            f"`{NAME}` hears {RATE:,} samples a second, not {reads.rate:,}",
            where=f"{key}.reads.rate",
            fix="leave it out: sounds of another rate are brought to it",
        )
    return reads.model_copy(update={"rate": RATE})


def features(samples: NDArray[np.float32], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return mean and maximum of the embeddings of a sound's windows.

    Half a second of silence is put on either side, as most words are shorter than a window (0.78 s), and no window may
    cut all of a word.

    Args:
        samples: (rows, samples) in [-1, 1], at 16 kHz.
        lengths: (rows,) how many of them are the sound's.

    Returns:
        (rows, 192).
    """
    mel, embedding = _files()
    windows, starts = [], [0]
    for row, length in zip(samples, lengths, strict=True):
        # The first file was made for samples in the range of int16, and the second for its output over 10, plus 2.
        wave = np.pad(row[:length] * np.float32(32767), _SILENCE)[None]
        frames = mel.run(None, {"input": wave})[0].reshape(-1, _BANDS) / 10 + 2
        windows += [frames[start : start + _FRAMES] for start in range(0, len(frames) - _FRAMES + 1, _STEP)]
        starts.append(len(windows))
    asked = [np.stack(windows[first : first + _AT_ONCE])[..., None] for first in range(0, len(windows), _AT_ONCE)]
    found = np.concatenate([embedding.run(None, {"input_1": some})[0].reshape(len(some), -1) for some in asked])
    parts = [found[start:end] for start, end in pairwise(starts)]
    return np.stack([np.concatenate([part.mean(axis=0), part.max(axis=0)]) for part in parts])


@cache
def _files() -> tuple[Any, Any]:
    """Return the network of spectrograms and that of embeddings."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # files as small as these are slower on several
    folder = asset(NAME)
    try:
        mel, embedding = (
            onnxruntime.InferenceSession(folder / name, options, providers=["CPUExecutionProvider"])
            for name in ("melspectrogram.onnx", "embedding_model.onnx")
        )
    except Exception as error:  # the library has a class of its own for each way in which a file is broken
        raise LimbeckError(
            f"a file of `{NAME}` cannot be read ({first_line(error)})",
            where=str(folder),
            fix="remove the folder, and it is fetched again",
        ) from None
    return mel, embedding
