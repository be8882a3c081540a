"""A sound as a row of a matrix, for the linear floor: what its log-mel spectrogram is like as a whole."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.modality import Fits
from limbeck.modalities.audio.clips import Clip
from limbeck.modalities.audio.mel import Mel, levelled
from limbeck.runtime.sounds import decoded, resampled

BANDS = 40
_NO_RATE = 16_000
"""Of arrays that come without one: the bands are then wrong by a factor, the same for all."""


class MelStatistics:
    """Mean and standard deviation of each band over a sound's frames, and of the change from frame to frame if asked.

    Loudness is divided out, as `audio_cnn` does.

    Columns are standardised by the training sounds and divided by the root of their number, so that a row has a length
    of about 1, as a row of TF-IDF has.

    Args:
        changes: whether the changes are looked at too.

    Attributes:
        title: what it is called in the floor's name.
        fits: a linear model.
        settings: what it is called, of what is tried.
        size_bytes: nothing but its parameters has to be shipped.
    """

    title = "log-mel statistics"
    fits: Fits = "linear"
    size_bytes = 0

    def __init__(self, *, changes: bool) -> None:
        self.settings: dict[str, float | int | str | bool | None] = {
            "features": "log-mel statistics and changes" if changes else "log-mel statistics"
        }
        self._changes = changes
        self._mel = Mel(_NO_RATE, BANDS)
        self._mean = self._scale = np.zeros(0)

    @property
    def parameters(self) -> int:
        """Mean and scale of every column."""
        return 2 * self._mean.size

    def fit(self, values: Sequence[Clip]) -> NDArray[np.float64]:
        """Return the (sounds, columns) matrix, at the rate that most of the sounds have."""
        rates = Counter(clip.rate for clip in values if clip.rate is not None)
        self._mel = Mel(min(rates, key=lambda rate: (-rates[rate], rate), default=_NO_RATE), BANDS)
        rows = self._rows(values)
        self._mean = rows.mean(axis=0)
        spread = rows.std(axis=0)
        self._scale = np.where(spread > 0, spread, 1) * np.sqrt(rows.shape[1])
        return (rows - self._mean) / self._scale

    def matrix(self, values: Sequence[Clip]) -> NDArray[np.float64]:
        """Return the (sounds, columns) matrix of other sounds."""
        return (self._rows(values) - self._mean) / self._scale

    def _rows(self, values: Sequence[Any]) -> NDArray[np.float64]:
        return np.stack([self._row(clip) for clip in values])

    def _row(self, clip: Clip) -> NDArray[np.float64]:
        samples, rate = decoded(clip)
        frames = self._mel.spectrogram(levelled(resampled(samples, rate or self._mel.rate, self._mel.rate)))
        parts = [frames.mean(axis=0), frames.std(axis=0)]
        if self._changes:
            # Of a sound of one frame there is none.
            change = np.diff(frames, axis=0) if len(frames) > 1 else np.zeros((1, BANDS))
            parts += [np.abs(change).mean(axis=0), change.std(axis=0)]
        return np.concatenate(parts)
