"""Sounds as arrays of samples, float32: what a network is called with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from limbeck.digest import digest
from limbeck.runtime.readers import PROBED, Form, require_list
from limbeck.runtime.rows import Stacked
from limbeck.runtime.sounds import RATES, SUFFIXES, Sound, decoded, duration, resampled, sound_of, versions
from limbeck.runtime.takes import Files, Takes

SAMPLES, LENGTHS = "samples", "lengths"
"""The arguments of a network that reads sounds: (rows, samples) float32 in [-1, 1], zeros behind the end of a sound;
and (rows,) int64, how many samples of each row are the sound's, at least 1."""

_STARTS = {"centre": lambda spare: spare // 2, "start": lambda spare: 0}
"""Where what is kept of a longer sound begins, by `crop`, from the samples that it has too many."""


@dataclass(frozen=True, slots=True)
class AudioForm(Form):
    """What a network that reads samples has to know.

    Attributes:
        rate: samples a second.
        samples: of a row.
    """

    rate: int
    samples: int

    @classmethod
    def of(cls, rate: int, samples: int) -> "AudioForm":
        """Return the form of sounds of this length; its example holds a rising tone, whole and its first half."""
        seconds = np.arange(samples) / rate
        tone = (np.sin(2 * np.pi * rate / 16 * seconds * (1 + seconds)) / 2).astype(np.float32)
        lengths = np.array([samples, (samples + 1) // 2], np.int64)
        example = {SAMPLES: np.where(np.arange(samples) < lengths[:, None], tone, np.float32(0)), LENGTHS: lengths}
        return cls("audio", example, {name: {0: "batch"} for name in example}, rate, samples)


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a sound.

    Attributes:
        start: where it begins in the sound, in seconds.
        end: where it ends.
        sound: what a student is asked for.
    """

    start: float
    end: float
    sound: Mapping[str, Any]


class AudioReader:
    """Decodes sounds, brings them to one rate, and cuts or fills them to one length.

    Args:
        rate: samples a second.
        samples: of a row. A shorter sound is followed by zeros.
        crop: which part is kept of a longer one: its `centre`, or its `start`.
    """

    kind: ClassVar[str] = "audio"
    needs: ClassVar[Mapping[str, type]] = {"rate": int, "samples": int, "crop": str}
    files: ClassVar[tuple[str, ...]] = ()
    takes: Takes | None = Files("sound", SUFFIXES)

    def __init__(self, rate: int, samples: int, crop: str = "centre") -> None:
        if not RATES[0] <= rate <= RATES[1] or samples < 1:
            raise ValueError(f"{samples} samples at {rate} a second are no sound")
        self.rate, self.samples, self.crop = rate, samples, crop
        self._start = _STARTS[crop]

    @property
    def digest(self) -> str:
        """Names rate, length, which part is kept, and the versions of the libraries that decode and resample."""
        return digest([self.save(Path()), versions()])

    @property
    def seconds(self) -> float:
        """The length of a row."""
        return self.samples / self.rate

    @property
    def form(self) -> AudioForm:
        """Rate and length; the rows are the only axis of any size."""
        return AudioForm.of(self.rate, self.samples)

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Its length."""
        return {SAMPLES: (self.samples,), LENGTHS: ()}

    def encode(self, values: Sequence[Any]) -> Stacked:
        """Return sounds as rows of `samples` and `lengths`, in order.

        Args:
            values: sounds as `sound_of` takes them: paths, bytes, arrays, mappings. An array that comes without a rate
                has the reader's.

        Raises:
            TypeError: one path or file in the place of a sequence of them.
            LimbeckError: a sound that cannot be read; see `sounds.decoded`.
        """
        expected = "give a list of sounds: paths, bytes of files, or arrays"
        require_list(values, expected)
        if isinstance(values, Mapping):
            raise TypeError(expected)
        samples = np.zeros((len(values), self.samples), np.float32)
        lengths = np.zeros(len(values), np.int64)
        for row, value in enumerate(values):
            kept = self._kept(sound_of(value, "" if isinstance(value, str | Path) else f"sound {row + 1}"))
            samples[row, : len(kept)], lengths[row] = kept, len(kept)
        return Stacked({SAMPLES: samples, LENGTHS: lengths})

    def probe(self) -> list[NDArray[np.float32]]:
        """Return saw teeth of other pitches, from an eighth of its length to the whole."""
        places = np.arange(self.samples)
        teeth = [((places * (row + 1)) % 201 - 100).astype(np.float32) / np.float32(101) for row in range(PROBED)]
        return [tooth[: max(1, self.samples * (row + 1) // PROBED)] for row, tooth in enumerate(teeth)]

    def windows(self, value: Any, hop: float) -> list[Window]:
        """Return the pieces of a long sound that a network hears one after the other, each as long as it hears.

        A piece begins every `hop` seconds, as long as a whole one is left. What is left after the last of them is heard
        in one more, which ends where the sound does. A sound that is not longer than a piece is one.

        Args:
            value: a sound as `sound_of` takes it; it is decoded and brought to the reader's rate as a whole.
            hop: seconds from the beginning of a piece to that of the next one.

        Raises:
            ValueError: `hop` is no finite number, or less than a sample.
            LimbeckError: the sound cannot be read; see `sounds.decoded`.
        """
        if isinstance(hop, bool) or not isinstance(hop, Real) or not 1 / self.rate <= hop < float("inf"):
            raise ValueError(f"a hop of {hop!r} seconds, and at least a sample is needed: {1 / self.rate:g}")
        samples = self._at_rate(sound_of(value, "" if isinstance(value, str | Path) else "the sound"))
        last = max(len(samples) - self.samples, 0)
        starts = [round(turn * hop * self.rate) for turn in range(int(last / (hop * self.rate)) + 2)]
        starts = [*(start for start in starts if start < last), last]
        pieces = [samples[start : start + self.samples] for start in starts]
        return [
            Window(start / self.rate, (start + len(piece)) / self.rate, {"array": piece, "sampling_rate": self.rate})
            for start, piece in zip(starts, pieces, strict=True)
        ]

    def much_longer(self, path: Any) -> bool:
        """Return whether a file's header tells of more than twice the length of a row; False where it cannot be read.

        Args:
            path: of a file.
        """
        seconds = duration(path)
        return seconds is not None and seconds > 2 * self.seconds

    def _kept(self, sound: Sound) -> NDArray[np.float32]:
        samples = self._at_rate(sound)
        start = self._start(max(len(samples) - self.samples, 0))
        return samples[start : start + self.samples]

    def _at_rate(self, sound: Sound) -> NDArray[np.float32]:
        samples, rate = decoded(sound)
        return resampled(samples, self.rate if rate is None else rate, self.rate)

    def save(self, folder: Path) -> dict[str, Any]:
        """Return rate, length, and which part is kept; there is no file."""
        return {"rate": self.rate, "samples": self.samples, "crop": self.crop}

    @classmethod
    def load(cls, folder: Path, info: Mapping[str, Any]) -> "AudioReader":
        """Return the reader that was saved."""
        return cls(info["rate"], info["samples"], info["crop"])
