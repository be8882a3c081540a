"""What a sound is to a run: an exact name, what it shares with those that sound alike, a floor, a sample."""

import base64
import csv
import io
import wave

import numpy as np
import pytest
import soundfile
import torch
from audio_cases import digits, encoded, tone
from PIL import Image

from limbeck.data import load_splits
from limbeck.data.modality import Column, ReadsError
from limbeck.errors import LimbeckError
from limbeck.modalities.audio import AudioModality, AudioReads, clips as module
from limbeck.modalities.audio.features import BANDS, MelStatistics
from limbeck.modalities.audio.mel import FLOOR
from limbeck.modalities.audio.sample import SECONDS
from limbeck.modalities.audio.spectrogram import COLOUR
from limbeck.models.audio_cnn import AudioCNN, AudioCNNSettings, levelled
from limbeck.recipe import parse_recipe
from limbeck.runtime.readers.audio import AudioReader

AUDIO = AudioModality()
COLUMN = Column("clip", "rows.csv", "data.audio")
TONE = tone()


def clip(cell):
    (found,) = AUDIO.values([cell], COLUMN)
    return found


def silent(before, samples, after, level=0.0):
    rng = np.random.default_rng(0)
    return np.concatenate([level * rng.uniform(-1, 1, before), samples, level * rng.uniform(-1, 1, after)]).astype("f4")


# --- likeness, identity ----------------------------------------------------------------------------------------------

ALIKE = {
    "flac": encoded(TONE, kind="flac"),
    "float": encoded(TONE, kind="float"),
    "an array": {"array": TONE, "sampling_rate": 8000},
    "silence at both ends": encoded(silent(500, TONE, 90)),
    "hiss at both ends": encoded(silent(500, TONE, 90, level=9e-4), kind="float"),
    "two channels": encoded(np.stack([TONE, TONE], axis=1)),
}
OTHERS = {
    "another rate": encoded(TONE, 16000),
    "another sound": encoded(tone(seed=1)),
    "silence in the middle": encoded(np.concatenate([TONE[:400], np.zeros(50, np.float32), TONE[400:]])),
    "louder": encoded(np.float32(1.5) * TONE, kind="float"),
    "a part of it": encoded(TONE[:700]),
}


@pytest.mark.parametrize("name", ALIKE)
def test_sounds_alike_share_their_likeness_and_not_their_identity(name):
    one, other = clip(encoded(TONE)), clip(ALIKE[name])
    assert AUDIO.likeness(one) == AUDIO.likeness(other)
    assert AUDIO.identity(one) != AUDIO.identity(other)


@pytest.mark.parametrize("name", OTHERS)
def test_other_sounds_are_not_alike(name):
    assert AUDIO.likeness(clip(encoded(TONE))) != AUDIO.likeness(clip(OTHERS[name]))


def test_the_identity_is_that_of_the_content_wherever_it_lies(tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded(TONE))
    assert AUDIO.identity(clip(str(tmp_path / "a.wav"))) == AUDIO.identity(clip(encoded(TONE)))
    same, other = ({"array": TONE, "sampling_rate": rate} for rate in (8000, 8001))
    assert AUDIO.identity(clip(same)) == AUDIO.identity(clip(dict(same)))
    assert AUDIO.identity(clip(same)) != AUDIO.identity(clip(other))


def test_nothing_but_silence_is_an_empty_example():
    for samples in (np.zeros(300), np.full(300, 9e-4)):
        assert AUDIO.likeness(clip({"array": samples, "sampling_rate": 8000})) == b""


def test_a_sound_is_decoded_once_for_both_and_not_kept(monkeypatch):
    count = []
    real = module.decoded
    monkeypatch.setattr(module, "decoded", lambda *given: count.append(1) or real(*given))
    held = clip(encoded(TONE))
    for _ in range(3):
        AUDIO.identity(held), AUDIO.likeness(held)
    assert len(count) == 1
    assert not any(isinstance(getattr(held, name), np.ndarray) for name in ("source", "frames", "identity", "likeness"))


# --- columns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "what"),
    [(None, "no sound"), (float("nan"), "no sound"), ("7.wav", "`.*7.wav` cannot be read"), (7, "int")],
)
def test_the_row_of_a_bad_cell_is_named(cell, what, tmp_path):
    cells = [encoded(tone(seed=row)) for row in range(6)] + [cell]
    with pytest.raises(LimbeckError, match=rf"^rows.csv, row 7: .*{what}"):
        AUDIO.values(cells, Column("clip", "rows.csv", "data.audio", tmp_path))


def written(folder, sounds):
    """Write sounds as files, and a csv of their paths; return the splits of it."""
    with (folder / "rows.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["clip", "label"])
        for name, (data, label) in sounds.items():
            (folder / name).write_bytes(data)
            lines.writerow([name, label])
    recipe = parse_recipe(
        {
            "data": {"source": str(folder / "rows.csv"), "audio": "clip", "split": {"test": 20, "validation": 10}},
            "teacher": {"kind": "network", "model": "audio_cnn", "reads": {"kind": "audio"}},
            "student": {"model": "audio_cnn", "reads": {"kind": "audio"}},
            "losses": [{"name": "kd"}],
        },
        "a test",
    )
    return load_splits(recipe.data, recipe.task)


def test_sounds_alike_are_never_on_two_sides(tmp_path):
    sounds = {}
    for row in range(60):
        samples = tone(400, hertz=200 + 10 * row, seed=row)
        sounds[f"{row}.wav"] = encoded(samples), row % 2
        if row % 3 == 0:
            sounds[f"{row}.flac"] = encoded(silent(row, samples, 7), kind="flac"), row % 2
    sounds["silence.wav"] = encoded(np.zeros(100, np.float32)), 0
    splits = written(tmp_path, sounds)
    looks = [{AUDIO.likeness(value) for value in part.values} for part in splits.parts.values()]
    for place, some in enumerate(looks):
        for others in looks[place + 1 :]:
            assert not some & others
    assert splits.dropped["empty"] == 1
    assert sum(count for reason, count in splits.dropped.items() if "looks like a row in" in reason) > 0


# --- the floor -------------------------------------------------------------------------------------------------------


def test_features_tell_sounds_apart_whatever_their_rate_and_length():
    low, high = (
        [clip(encoded(tone(500 + 40 * row, hertz=hertz, seed=row))) for row in range(8)] for hertz in (300, 2000)
    )
    for features in AUDIO.features():
        matrix = features.fit(low + high)
        assert matrix.shape[0] == 16
        assert features.parameters == 2 * matrix.shape[1]
        np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(np.square(matrix).sum(axis=1).mean(), 1, atol=1e-6)
        np.testing.assert_array_equal(features.matrix(low + high), matrix)
        wide = np.repeat(tone(500, hertz=300, seed=0), 2)
        (row,) = features.matrix([clip(encoded(wide, 16000))])
        near, far = (np.linalg.norm(row - matrix[part].mean(axis=0)) for part in (slice(8), slice(8, 16)))
        assert near < far
        assert np.isfinite(features.matrix([clip(np.ones(1, np.float32)), clip(np.zeros(50, np.float32))])).all()


def test_a_quiet_recording_has_the_features_of_a_loud_one():
    loud = [
        tone(4000, hertz=300 + 100 * row, seed=row) * np.linspace(0.05, 1, 4000, dtype=np.float32) for row in range(6)
    ]
    for features in AUDIO.features():
        matrix = features.fit([clip(samples) for samples in loud])
        np.testing.assert_allclose(features.matrix([clip(samples / 64) for samples in loud]), matrix, atol=2e-3)


# --- the sample ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("frames", "rate"), [(800, 8000), (100_000, 44_100), (4000, 4000), (1, 8000)])
def test_a_sample_is_a_short_wav_and_an_outline(frames, rate):
    samples = tone(frames, rate=rate)
    shown = AUDIO.sample(clip({"array": samples, "sampling_rate": rate}), "test row 1")
    data = base64.b64decode(shown.wav.removeprefix("data:audio/wav;base64,"))
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, min(rate, 8000))
        assert file.getnframes() / file.getframerate() == pytest.approx(min(frames / rate, SECONDS), abs=1e-3)
    assert shown.seconds == frames / rate
    assert shown.played == pytest.approx(min(frames / rate, SECONDS), abs=1e-3)
    assert len(shown.wav) < 45_000
    assert len(shown.outline) == min(frames, 120)
    assert max(shown.outline) == pytest.approx(np.abs(samples).max(), abs=1e-3)
    if rate == 8000:
        found, _ = soundfile.read(io.BytesIO(data))
        assert np.abs(found - samples).max() < 1e-4


def pixels_of(picture):
    """How opaque each pixel of a picture is, (height, width), and the one colour that it has."""
    with Image.open(io.BytesIO(base64.b64decode(picture.data.removeprefix("data:image/png;base64,")))) as opened:
        found = np.asarray(opened.convert("RGBA"))
    assert (picture.height, picture.width) == found.shape[:2]
    (colour,) = np.unique(found[..., :3].reshape(-1, 3), axis=0).tolist()
    return found[..., 3], tuple(colour)


def seen(samples, rate=8000, length=8000):
    reader = AudioReader(rate, length)
    arrays = reader.encode([{"array": samples, "sampling_rate": rate}]).batch([0])
    return AUDIO.picture({name: value[0] for name, value in arrays.items()}, reader, "row 1")


def test_a_spectrogram_is_what_audio_cnn_computes():
    samples = np.concatenate([tone(3200, hertz=300), np.zeros(1600, np.float32), tone(1700, hertz=2500)])
    found, colour = pixels_of(seen(samples))
    assert colour == COLOUR
    assert found.shape == (40, 82), "a frame each 10 ms of the sound, and none of what fills the row"
    network = AudioCNN(AudioCNNSettings(), outputs=2, form=AudioReader(8000, len(samples)).form)
    batch, lengths = torch.tensor(samples[None]), torch.tensor([len(samples)])
    own = network.logmel(levelled(batch, lengths), lengths)[0][0].numpy()[::-1] - np.log(FLOOR)
    np.testing.assert_allclose(found / 255, own / own.max(), atol=0.5 / 15 + 1e-3)
    loudest = found.argmax(axis=0)
    assert loudest[:30].min() > 25 > 10 > loudest[-10:].max(), "a low tone is low, a high one high"
    assert not found[:, 42:58].any(), "silence"


def test_a_long_sound_and_one_of_a_low_rate_have_small_pictures():
    long = seen(tone(240_000), length=240_000)
    assert long.width == 160
    assert len(long.data) < 8_000
    assert pixels_of(seen(tone(4000, rate=2000, hertz=400), rate=2000))[0].shape[0] < 40
    assert pixels_of(seen(np.zeros(1, np.float32)))[0].shape == (40, 1), "one sample of silence"


# --- recorded digits -------------------------------------------------------------------------------------------------


def test_recorded_digits_are_read_and_told_apart_by_the_floor():
    """Means and spreads tell a zero from a six by far more often than not: the features see the recordings."""
    found = [(clip({"array": samples, "sampling_rate": 8000}), digit) for samples, digit, _ in digits(600)]
    kept = [(sound, digit) for sound, digit in found if digit in (0, 6)]
    assert len({AUDIO.likeness(sound) for sound, _ in kept}) == len(kept)
    (features, _), labels = AUDIO.features(), np.array([digit == 6 for _, digit in kept])
    matrix = features.fit([sound for sound, _ in kept])
    means = [matrix[labels == side].mean(axis=0) for side in (False, True)]
    nearer = np.linalg.norm(matrix - means[1], axis=1) < np.linalg.norm(matrix - means[0], axis=1)
    assert (nearer == labels).mean() > 0.8


def test_arrays_without_a_rate_are_of_one_rate_to_all_networks():
    eight, sixteen = AudioReader(8000, 800), AudioReader(16_000, 1600)
    bare = [clip(TONE)]
    rated = [clip({"array": TONE, "sampling_rate": 8000})]
    assert AUDIO.disagreement([eight, AudioReader(8000, 400)], bare) is None
    assert AUDIO.disagreement([eight, sixteen], rated) is None
    error = AUDIO.disagreement([eight, sixteen], [*rated, *bare])
    assert "without a rate, and networks take them at 8,000 and at 16,000" in str(error)


def test_of_long_sounds_a_length_is_asked_for_that_most_have():
    with pytest.raises(ReadsError) as found:
        AudioReads(kind="audio", rate=8000).fit([clip(tone(8000 * seconds)) for seconds in [*range(1, 21), 31]])
    assert (found.value.key, found.value.value) == ("seconds", 20)
    with pytest.raises(ReadsError) as found:
        AudioReads(kind="audio", rate=8000).fit([clip(tone(8000 * 31))])
    assert found.value.value == 30


def test_changes_count_in_both_directions():
    """A sound that trembles changes more than one that swells, however loud it is in the end."""
    noise = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    trembling = noise * (1 + 0.9 * np.sign(np.sin(np.arange(8000) / 150))).astype(np.float32)
    swelling = noise * np.linspace(0.01, 1, 8000, dtype=np.float32)
    features = MelStatistics(changes=True)
    matrix = features.fit([clip({"array": one, "sampling_rate": 8000}) for one in (trembling, swelling)])
    changes = matrix[:, 2 * BANDS : 3 * BANDS]
    assert (changes[0] > changes[1]).mean() > 0.8
