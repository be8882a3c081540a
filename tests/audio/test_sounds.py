"""Sounds are decoded within limits, whatever holds them; what is wrong with one is one line that names row and file."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_cases import encoded, patched, tone

from limbeck.errors import LimbeckError
from limbeck.runtime import sounds
from limbeck.runtime.sounds import Sound, decoded, resampled, sound_of

TONE = tone()
WAV = encoded(TONE)


def heard(cell, **options):
    return decoded(sound_of(cell, "rows.csv, row 7", **options))


@pytest.mark.parametrize(
    "cell",
    [
        WAV,
        bytearray(WAV),
        encoded(TONE, kind="flac"),
        encoded(TONE, kind="float"),
        {"bytes": WAV, "path": None},
        {"bytes": WAV, "path": "nowhere.wav"},
        {"array": TONE, "sampling_rate": 8000},
        {"array": TONE.tolist(), "sampling_rate": np.int64(8000)},
        {"array": (TONE * 32768).astype(np.int16), "sampling_rate": 8000, "path": "tone.wav"},
        {"array": TONE.astype(np.float64)[:, None], "sampling_rate": 8000},
    ],
    ids=["bytes", "bytearray", "flac", "float", "hub", "hub with path", "array", "list", "int16", "one channel"],
)
def test_the_same_sound_in_every_form(cell):
    samples, rate = heard(cell)
    assert rate == 8000
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, TONE)


def test_a_path_begins_in_its_own_folder(tmp_path, monkeypatch):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/tone.wav").write_bytes(WAV)
    (tmp_path / "elsewhere/clips").mkdir(parents=True)
    for other in ("elsewhere/tone.wav", "elsewhere/clips/tone.wav"):
        (tmp_path / other).write_bytes(encoded(TONE[:100]))
    monkeypatch.chdir(tmp_path / "elsewhere")
    for cell, folder in (
        ("clips/tone.wav", tmp_path),
        (Path("tone.wav"), tmp_path / "clips"),
        (str(tmp_path / "clips/tone.wav"), Path("/nowhere")),
        ({"bytes": None, "path": "clips/tone.wav"}, tmp_path),
    ):
        np.testing.assert_array_equal(heard(cell, folder=folder)[0], TONE)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(heard("clips/tone.wav")[0], TONE)


def test_channels_are_averaged_whichever_axis_they_are():
    left, right = TONE, tone(seed=1)
    mean = (left + right) / 2
    both = np.stack([left, right], axis=1)
    assert np.abs(heard(encoded(both))[0] - mean).max() < 1e-6
    for array in (both, both.T):
        assert np.abs(heard({"array": array, "sampling_rate": 8000})[0] - mean).max() < 1e-7


def test_an_array_may_come_without_a_rate():
    samples, rate = heard(TONE)
    assert rate is None
    np.testing.assert_array_equal(samples, TONE)


def test_what_is_a_little_too_loud_is_cut_off():
    samples, _ = heard(np.array([0.5, 1.3, -2.0], np.float32))
    assert samples.tolist() == [0.5, 1.0, -1.0]


def test_another_rate_keeps_what_is_heard():
    """A tone of 440 Hz at 16 kHz is one of 440 Hz at 8 kHz; one of 6 kHz is gone, and does not come back as another."""
    low, high = (tone(16000, hertz=hertz, rate=16000) for hertz in (440.0, 6000.0))
    low, high = low - tone(16000, hertz=0, rate=16000), high - tone(16000, hertz=0, rate=16000)  # without the noise
    found = resampled(low, 16000, 8000)
    assert len(found) == 8000
    wanted = 0.4 * np.sin(2 * np.pi * 440 / 8000 * np.arange(8000))
    assert np.abs(found - wanted)[200:-200].max() < 1e-3
    assert np.abs(resampled(high, 16000, 8000))[200:-200].max() < 1e-3
    assert resampled(low, 16000, 16000) is low
    assert len(resampled(np.ones(1, np.float32), 48000, 8000)) == 1


def header(*, rate=8000, channels=1, frames=400):
    """Return a wav file whose header says this of 16-bit samples."""
    body = np.zeros(frames * channels, np.int16).tobytes()
    about = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, 2 * rate * channels, 2 * channels, 16)
    data = about + struct.pack("<4sI", b"data", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WAVE" + data


LONG = header(rate=1000, frames=601_000)
BAD = {
    "a text": (b"this is no sound at all", "is no wav, flac or ogg file"),
    "an mp3": (b"ID3\x03" + bytes(400), "is no wav, flac or ogg file"),
    "nothing": (b"", "is no wav, flac or ogg file"),
    "a magic and no more": (b"RIFF", "cannot be decoded"),
    "no frames": (encoded(np.zeros(0, np.float32)), "has no samples"),
    "a wav cut off": (WAV[: len(WAV) // 2], "is cut off"),
    "a wav without its last frame": (WAV[:-2], "is cut off"),
    "a wav with fewer samples than it says": (patched(WAV, 40, struct.pack("<I", 1602)), "is cut off"),
    "a cut wav of no known size": (patched(WAV[:-200], 4, bytes(4)), "is cut off"),
    "a wav of no known number of samples": (patched(WAV, 40, b"\xff" * 4), "is cut off"),
    "a flac cut off": (encoded(TONE, kind="flac")[:-40], "cannot be decoded"),
    "an ogg cut off": (encoded(tone(20_000), kind="ogg")[:-40], "is cut off"),
    "an ogg without its last page": ((OGG := encoded(tone(20_000), kind="ogg"))[: OGG.rfind(b"OggS")], "is cut off"),
    "NaN": (encoded(np.array([0, np.nan, 0]), kind="float"), "NaN or infinite"),
    "infinite": (encoded(np.array([0, np.inf, 0]), kind="float"), "NaN or infinite"),
    "an infinite array": (np.array([0, -np.inf]), "NaN or infinite"),
    "another scale": (np.array([0.0, 30000.0]), "samples up to 30,000"),
    "rate 0": (header(rate=0), "a rate of 0"),
    "a rate too high": (header(rate=1_000_000), "rate of 1,000,000"),
    "a rate of an array that is 0": ({"array": TONE, "sampling_rate": 0}, "rate of 0"),
    "a rate in words": ({"array": TONE, "sampling_rate": "8k"}, "`sampling_rate` is '8k'"),
    "no rate in a mapping": ({"array": TONE}, "`sampling_rate` is None"),
    "too many channels": (header(channels=40), "has 40 channels"),
    "too long": (LONG, "has 601 seconds"),
    "no array": (np.zeros((2, 3, 4)), "array of 3 axes"),
    "an empty array": (np.zeros(0), "has no samples"),
    "whole numbers of no scale": (np.arange(9), "array of int64"),
    "ragged channels": ([[0.0, 0.1], [0.0]], "array of object"),
    "a number": (3.5, "a value of type float"),
    "nothing in a cell": (None, "no sound"),
    "an empty path": ("", "no sound"),
    "a path that is not there": ("clips/7.wav", "`clips/7.wav` cannot be read"),
    "a path with a NUL": ("a\0b.wav", "cannot be read"),
    "a folder": ("/", "`/` is no file"),
    "an empty mapping": ({}, "a mapping of nothing"),
    "a mapping of something else": ({"text": "a"}, "a mapping of text"),
    "a mapping in a mapping": ({"bytes": {"bytes": b""}}, "a mapping of bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_sounds_are_refused_in_one_line_that_names_the_row(name):
    cell, what = BAD[name]
    with pytest.raises(LimbeckError, match=what) as caught:
        heard(cell)
    line = str(caught.value)
    assert line.startswith("rows.csv, row 7: ")
    assert "\n" not in line
    assert caught.value.fix


def test_a_pipe_is_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(LimbeckError, match="is no file"):
        heard(tmp_path / "pipe.wav")


def test_a_size_that_its_writer_did_not_know_is_no_damage():
    """As a program writes that sends a file into a pipe."""
    unknown = patched(patched(WAV, 4, b"\xff" * 4), 40, b"\xff" * 4)
    np.testing.assert_array_equal(heard(unknown)[0], TONE)


def test_a_small_file_that_holds_too_much_is_not_decoded(monkeypatch):
    """Silence in flac takes next to nothing: what a file says of its size is asked first."""
    monkeypatch.setattr(sounds, "MAX_SAMPLES", 50_000)
    read = []
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: read.append(1))
    bomb = encoded(np.zeros(60_000, np.float32), kind="flac")
    assert len(bomb) < 10_000
    with pytest.raises(LimbeckError, match="has 8 seconds, and at most"):
        heard(bomb)
    assert not read


def test_a_large_file_is_not_read(monkeypatch, tmp_path):
    monkeypatch.setattr(sounds, "MAX_BYTES", 100)
    (tmp_path / "tone.wav").write_bytes(WAV)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read"))
    with pytest.raises(LimbeckError, match=f"has {len(WAV):,} bytes, and at most 100"):
        heard("tone.wav", folder=tmp_path)


def test_a_missing_extra_is_said_with_the_line_that_brings_it(monkeypatch):
    import sys

    for name, ask in (("soundfile", lambda: heard(WAV)), ("soxr", lambda: resampled(TONE, 8000, 16000))):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(LimbeckError, match=r"pip install .*\[audio\]'"):
                ask()
    monkeypatch.setitem(sys.modules, "soundfile", None)
    np.testing.assert_array_equal(heard({"array": TONE, "sampling_rate": 8000})[0], TONE)  # needs neither


def test_a_sound_is_handed_through():
    sound = Sound(WAV, None, "here")
    assert sound_of(sound, "elsewhere") is sound


def test_what_goes_above_eight_has_another_scale():
    assert heard(np.array([0.5, -8.0]))[0].tolist() == [0.5, -1.0]
    with pytest.raises(LimbeckError, match="samples up to 9, and they belong into"):
        heard(np.array([0.5, -9.0]))


def test_another_rate_keeps_what_is_near_its_limit():
    """3,400 of 4,000 Hz, as high as a telephone goes: simpler filters leave less than half of it."""
    high = (0.4 * np.sin(2 * np.pi * 3400 / 16000 * np.arange(16000))).astype(np.float32)
    wanted = 0.4 * np.sin(2 * np.pi * 3400 / 8000 * np.arange(8000))
    assert np.abs(resampled(high, 16000, 8000) - wanted)[300:-300].max() < 1e-3
