"""Sounds, decoded within limits: files, bytes and arrays become one channel of samples in [-1, 1].

Only what begins as a wav, flac or ogg file reaches the decoder. No more than the limits below is ever decoded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck import installed
from limbeck.errors import LimbeckError, first_line
from limbeck.files import named_path
from limbeck.runtime.content import content_of

SUFFIXES = (".wav", ".flac", ".ogg")
MAX_BYTES = 2**28
"""Of a file: ten minutes of float32 in two channels at 48 kHz."""
MAX_SAMPLES = 2**26
"""In all channels together: 256 MiB as float32."""
MAX_SECONDS = 600
MAX_CHANNELS = 16
RATES = (1_000, 384_000)
"""Samples a second, lowest and highest."""
LOUDEST = 8.0
"""Lossy formats and mixing go a little above 1, which is cut off; what goes above this has another scale."""

_MAGIC = (b"RIFF", b"fLaC", b"OggS")
_AGAIN = "write the file again"
_CUT_OFF = "is cut off: it says that it is longer than it is"
_UNKNOWN = (0, 2**32 - 1)
"""Sizes in a wav file whose writer did not know them."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound where it lies. It is decoded when it is asked for, and not kept.

    Attributes:
        source: a file, its bytes or a view of them, or samples, (frames,) or (frames, channels).
        rate: of samples, a second; None: of a file, which says it itself, or not known.
        where: which row it is, for errors; empty: its path says it.
    """

    source: Path | bytes | memoryview | NDArray[Any]
    rate: int | None
    where: str

    @property
    def name(self) -> str:
        """What it is called in errors."""
        if isinstance(self.source, Path):
            return f"`{self.source}`" if self.where else "the file"
        return "the array in the cell" if isinstance(self.source, np.ndarray) else "the file in the cell"

    def refused(self, what: str, fix: str = _AGAIN) -> LimbeckError:
        """Return the error that says what is wrong with it; `what` goes on from its name, and `fix` is one way out."""
        if self.where:
            return LimbeckError(f"{self.name} {what}", where=self.where, fix=f"{fix}, or remove the row")
        return LimbeckError(f"{self.name} {what}", where=str(self.source), fix=f"{fix}, or leave it out")


def sound_of(cell: Any, where: str, folder: Path | None = None) -> Sound:
    """Return the sound that a cell holds, without a look into it.

    Args:
        cell: a path; the bytes of a file; samples, one axis or two, of which the shorter one is that of the channels;
            or a mapping of the hub, `{bytes, path}` or `{array, sampling_rate}`.
        where: which row it is, for errors; empty: of a path, which says it.
        folder: in which relative paths begin; None: the working directory.

    Raises:
        LimbeckError: it is something else.
    """
    if isinstance(cell, Sound):
        return cell
    if isinstance(cell, Mapping):
        return _of_mapping(cell, where, folder)
    if isinstance(cell, str | Path) and str(cell).strip():
        path = named_path(cell, where or None)
        return Sound(path if folder is None else folder / path, None, where)
    if isinstance(cell, bytes | bytearray | memoryview):
        return Sound(content_of(cell), None, where)
    if isinstance(cell, np.ndarray) or (isinstance(cell, Sequence) and not isinstance(cell, str)):
        return Sound(_array(cell, where), None, where)
    raise LimbeckError(
        "no sound" if cell is None or cell == "" else f"a value of type {type(cell).__name__}, where a sound belongs",
        where=where,
        fix="give a path, the bytes of a wav, flac or ogg file, or an array; or remove the row",
    )


def _of_mapping(cell: Mapping[str, Any], where: str, folder: Path | None) -> Sound:
    if cell.get("array") is not None:
        rate = cell.get("sampling_rate")
        if isinstance(rate, bool) or not isinstance(rate, int | np.integer):
            raise LimbeckError(
                f"`sampling_rate` is {rate!r}, no whole number", where=where, fix="give the samples a second"
            )
        sound = Sound(_array(cell["array"], where), int(rate), where)
        _require_rate(sound, int(rate))
        return sound
    found = cell["bytes"] if cell.get("bytes") is not None else cell.get("path")
    if isinstance(found, Mapping) or found is None:
        raise LimbeckError(
            f"a mapping of {', '.join(map(str, cell)) or 'nothing'}, in which no sound is",
            where=where,
            fix="give {bytes, path} or {array, sampling_rate}",
        )
    return sound_of(found, where, folder)


def _array(cell: Any, where: str) -> NDArray[Any]:
    """Return samples as float32, (frames,) or (frames, channels)."""
    try:
        samples = np.asarray(cell)
    except ValueError:  # channels of different lengths
        samples = np.zeros((), object)
    if np.issubdtype(samples.dtype, np.floating):
        plain = samples.astype(np.float32)
    elif samples.dtype == np.int16:
        plain = samples.astype(np.float32) / 32768
    else:
        raise LimbeckError(
            f"an array of {samples.dtype}, which says no scale", where=where, fix="give floats in [-1, 1], or int16"
        )
    if plain.ndim not in (1, 2):
        raise LimbeckError(f"an array of {plain.ndim} axes", where=where, fix="give samples, or samples and channels")
    return plain.T if plain.ndim == 2 and plain.shape[0] < plain.shape[1] else plain


def content(sound: Sound) -> bytes:
    """Return what it is, byte by byte: its file, or its samples and their rate.

    Raises:
        LimbeckError: the file cannot be read, or is too large.
    """
    if isinstance(sound.source, np.ndarray):
        return f"{sound.rate} {sound.source.shape} ".encode() + np.ascontiguousarray(sound.source).tobytes()
    return _bytes(sound, sound.source)


def _bytes(sound: Sound, source: Path | bytes | memoryview) -> bytes:
    try:
        if isinstance(source, Path) and source.exists() and not source.is_file():  # a pipe may have no end
            raise sound.refused("is no file", "name the file")
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        if size > MAX_BYTES:
            raise sound.refused(f"has {size:,} bytes, and at most {MAX_BYTES:,} are read", "cut it into shorter ones")
        return source.read_bytes() if isinstance(source, Path) else bytes(source)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        why = getattr(error, "strerror", None) or first_line(error)
        raise sound.refused(f"cannot be read ({why})", "mend the path") from None


def decoded(sound: Sound, data: bytes | None = None) -> tuple[NDArray[np.float32], int | None]:
    """Return its samples, (frames,) in [-1, 1], the mean of its channels, and how many a second there are.

    Args:
        sound: to decode.
        data: its `content`, where that is at hand.

    Raises:
        LimbeckError: it is no sound, is cut off, has no frames, exceeds a limit, or has samples that are not finite or
            not in [-1, 1]. Or the extra `audio` is missing.
    """
    if isinstance(sound.source, np.ndarray):
        samples, rate = sound.source if sound.source.ndim == 2 else sound.source[:, None], sound.rate
        _require_size(sound, samples.shape[0], samples.shape[1], rate)
    else:
        samples, rate = _decode(sound, _bytes(sound, sound.source) if data is None else data)
    if not np.isfinite(samples).all():
        raise sound.refused("has samples that are NaN or infinite")
    if (peak := float(np.abs(samples).max())) > LOUDEST:
        raise sound.refused(f"has samples up to {peak:,.0f}, and they belong into [-1, 1]", "scale them, or give int16")
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    return np.clip(mono, -1, 1, dtype=np.float32), rate


def duration(path: str | Path) -> float | None:
    """Return the seconds of a file by its header; None where it is none that is read, which decoding tells more of."""
    soundfile = _soundfile()
    try:
        if not Path(path).is_file():  # a pipe would be waited for
            return None
        with Path(path).open("rb") as file:
            known = file.read(max(map(len, _MAGIC))).startswith(_MAGIC)
        return float(soundfile.info(str(path)).duration) if known else None
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError, OSError):
        return None


def _decode(sound: Sound, data: bytes) -> tuple[NDArray[np.float32], int]:
    """Return the samples of a file, (frames, channels), and its rate."""
    import io

    soundfile = _soundfile()
    if not data.startswith(_MAGIC):
        raise sound.refused("is no wav, flac or ogg file")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            frames, rate = file.frames, file.samplerate
            _require_rate(sound, rate)
            if not _whole(data):  # of an ogg file without its end, the library says that it has no frames
                raise sound.refused(_CUT_OFF)
            _require_size(sound, frames, file.channels, rate)
            samples = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError) as error:
        why = getattr(error, "error_string", None) or first_line(error)
        if "SF_INFO" in why:  # what the library says of a header that it cannot work with
            why = "a rate of 0, or no channels"
        raise sound.refused(f"cannot be decoded ({why.strip().removeprefix('Error : ').rstrip('.')})") from None
    if len(samples) < frames:
        raise sound.refused(_CUT_OFF)
    return samples, rate


def _whole(data: bytes) -> bool:
    """Return False of a file whose end is missing where its own frame says so: the decoder passes over that.

    A wav file names its size at its start, and that of its samples before them. Where the first is not known, as in
    what is written to a pipe, the second may be unknown too. The last page of an ogg file has the flag 4.
    """
    if data.startswith(b"RIFF"):
        size, samples = _size(data, 4), _samples(data)
        if size in _UNKNOWN:
            return samples is None or samples[1] in _UNKNOWN or sum(samples) <= len(data)
        return size + 8 <= len(data) and (samples is None or sum(samples) <= len(data))
    if data.startswith(b"OggS"):
        page = data[data.rfind(b"OggS") :]
        lengths = page[27 : 27 + page[26]] if len(page) > 26 else b""
        return bool(lengths) and bool(page[5] & 4) and len(page) >= 27 + len(lengths) + sum(lengths)
    return True


def _size(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "little")


def _samples(data: bytes) -> tuple[int, int] | None:
    """Return where the samples of a wav file begin, and how many bytes it says they have; None: it has no such chunk.

    Chunks have a name and a size of 4 bytes each, and begin at even places. Source: Multimedia Programming Interface
    and Data Specifications 1.0, chapter 2.
    """
    place = 12
    while place + 8 <= len(data):
        size = _size(data, place + 4)
        if data[place : place + 4] == b"data":
            return place + 8, size
        place += 8 + size + size % 2
    return None


def _require_rate(sound: Sound, rate: int) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise sound.refused(f"has a rate of {rate:,}, and {RATES[0]:,} to {RATES[1]:,} samples a second are read")


def _require_size(sound: Sound, frames: int, channels: int, rate: int | None) -> None:
    if not frames or not channels:
        raise sound.refused("has no samples")
    if channels > MAX_CHANNELS:
        raise sound.refused(f"has {channels:,} channels, and at most {MAX_CHANNELS} are read")
    if frames * channels > MAX_SAMPLES or (rate is not None and frames > MAX_SECONDS * rate):
        lasts = f"{frames:,} frames" if rate is None else f"{frames / rate:,.0f} seconds"
        of = f" of {channels} channels" if channels > 1 else ""
        raise sound.refused(f"has {lasts}{of}, and at most {MAX_SECONDS} seconds are read",
                            "cut it into shorter ones")  # fmt: skip


def resampled(samples: NDArray[np.float32], rate: int, to: int) -> NDArray[np.float32]:
    """Return the same sound at another rate, (frames,) float32, at least one frame.

    Raises:
        LimbeckError: the extra `audio` is missing.
    """
    if rate == to:
        return samples
    found = _soxr().resample(samples, rate, to, quality="HQ").astype(np.float32)
    return found if len(found) else np.zeros(1, np.float32)


def versions() -> dict[str, str]:
    """Return the versions of all that decides which samples a file becomes.

    Raises:
        LimbeckError: the extra `audio` is missing.
    """
    soundfile, soxr = _soundfile(), _soxr()
    return {
        "soundfile": soundfile.__version__,
        "libsndfile": soundfile.__libsndfile_version__,
        "soxr": soxr.__version__,
    }


def _soundfile() -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the package without its library
        raise LimbeckError(f"sound files need soundfile ({first_line(error)})", fix=installed.line("audio")) from None
    return soundfile


def _soxr() -> Any:
    try:
        import soxr
    except ImportError as error:
        raise LimbeckError(f"another rate needs soxr ({first_line(error)})", fix=installed.line("audio")) from None
    return soxr
