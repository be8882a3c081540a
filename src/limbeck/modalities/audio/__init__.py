"""Sound: a recording an example, of any rate and length."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from limbeck.data.cells import is_missing
from limbeck.data.modality import Column, Features, Modality
from limbeck.errors import Faults, LimbeckError
from limbeck.evaluation.figures import AudioSample, ImageSample
from limbeck.evaluation.records import Usage
from limbeck.modalities.audio.augment import AudioAugmentSettings, augment_sounds
from limbeck.modalities.audio.clips import Clip
from limbeck.modalities.audio.features import MelStatistics
from limbeck.modalities.audio.reads import AudioReads
from limbeck.modalities.audio.sample import audio_sample
from limbeck.modalities.audio.spectrogram import spectrogram
from limbeck.runtime.readers.audio import LENGTHS, SAMPLES
from limbeck.runtime.sounds import SUFFIXES, sound_of

__all__ = ["AudioAugmentSettings", "AudioModality", "AudioReads"]


class AudioModality(Modality):
    """A sound: a wav, flac or ogg file, or samples."""

    name: ClassVar[str] = "audio"
    recipe: ClassVar[str | None] = "spoken-digits"
    noun: ClassVar[str] = "sound"
    column: ClassVar[str] = "the column with the sound: a path from the file's folder, bytes, or an array"
    usage: ClassVar[Usage] = Usage(
        noun="sound",
        line=None,
        file="sound.wav",
        files="sound files and folders of them",
        python='["sound.wav"]',
        in_files=True,
        extra="audio",
    )
    reads: ClassVar[type[AudioReads]] = AudioReads
    augment: ClassVar[type[AudioAugmentSettings]] = AudioAugmentSettings
    keeps_label: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    looked_at: ClassVar[bool] = True
    int8_by_metric: ClassVar[bool] = True

    def values(self, cells: Sequence[Any], column: Column) -> list[Clip]:
        """Return the sounds, each decoded once and not kept.

        Raises:
            LimbeckError: a cell holds no sound, or one that cannot be decoded; it names the row and the file.
        """
        # In a folder of sounds, a path says it all.
        rows = None if Path(column.where).is_dir() else column.where
        faults, found = Faults(), []
        for row, cell in enumerate(cells):
            with faults.noted():
                where = "" if rows is None else f"{rows}, row {row + 1}"
                found.append(Clip.of(sound_of(None if is_missing(cell) else cell, where, column.folder)))
        faults.refuse()
        return found

    def identity(self, value: Clip) -> bytes:
        """Return the digest of its file, or of its samples and their rate."""
        return value.identity

    def likeness(self, value: Clip) -> bytes:
        """Return the digest of what is heard of it, see `Clip`."""
        return value.likeness

    def draw(
        self, arrays: Mapping[str, NDArray[Any]], keys: NDArray[np.int64], copies: NDArray[np.int64], settings: Any
    ) -> dict[str, NDArray[Any]]:
        """Return copies that say the same, see `augment_sounds`."""
        return augment_sounds(arrays, keys, copies, settings)

    def disagreement(self, readers: Sequence[Any], values: Sequence[Any]) -> LimbeckError | None:
        """Return the error of samples without a rate that are of one rate to one network and of another to the next."""
        rates = sorted({reader.rate for reader in readers})
        if len(rates) < 2 or all(value.rate is not None for value in values):
            return None
        return LimbeckError(
            f"the arrays come without a rate, and networks take them at {' and at '.join(f'{r:,}' for r in rates)}",
            where="data.audio",
            fix="give {array, sampling_rate} or files, which say their rate, or reads.rate the same in all networks",
        )

    def features(self) -> Sequence[Features]:
        """Return log-mel statistics, without and with changes."""
        return [MelStatistics(changes=False), MelStatistics(changes=True)]

    def sample(self, value: Clip, name: str) -> AudioSample:
        """Return its beginning to play, and its outline."""
        return audio_sample(value)

    def picture(self, arrays: Mapping[str, NDArray[Any]], reader: Any, name: str) -> ImageSample:
        """Return the log-mel spectrogram of what is read of it, without the silence that fills the row."""
        return spectrogram(arrays[SAMPLES][: max(1, int(arrays[LENGTHS]))], reader.rate, name)

    def file(self, value: Clip) -> Path | None:
        """Return the file of a sound that lies in one."""
        return value.source if isinstance(value.source, Path) else None
