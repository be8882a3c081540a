"""The packaged encoder of speech: which windows of a sound it is asked for, and what it refuses to hear."""

from pathlib import Path

import numpy as np
import pytest

from limbeck.errors import LimbeckError
from limbeck.modalities.audio import AudioReads, speech
from limbeck.modalities.text.reads import TextReads
from made_speech import HOP, Embedding, Mel


@pytest.fixture(autouse=True)
def _made_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "_files", lambda: (Mel(), Embedding()))


def test_a_row_is_heard_up_to_its_length_with_half_a_second_of_silence_on_either_side():
    samples = np.zeros((3, 16_000), np.float32)
    samples[0, :800], samples[1:] = 1.0, 1.0
    lengths = np.array([1600, 16_000, 11_520])  # the frames of the last one end where a window does
    found = speech.features(samples, lengths)
    for row, length in enumerate(lengths.tolist()):
        wave = np.concatenate([np.zeros(8000), samples[row, :length], np.zeros(8000)])
        frames = (wave.reshape(-1, HOP) == 1).sum(axis=1) / 10 + 2
        windows = [frames[start : start + 76] for start in range(0, len(frames) - 75, 8)]
        sums, firsts = [32 * window.sum() for window in windows], [window[0] for window in windows]
        wanted = [np.mean(sums), np.mean(firsts), np.max(sums), np.max(firsts)]
        np.testing.assert_allclose(found[row], wanted, rtol=1e-5)
    np.testing.assert_array_equal(speech.features(samples[1:], lengths[1:]), found[1:])
    assert (16_000 + 11_520) // HOP == 76 + 12 * 8


def test_sounds_are_read_at_its_rate_and_nothing_else_is():
    assert speech.heard(AudioReads(kind="audio", seconds=1.0), "teacher").rate == 16_000
    with pytest.raises(LimbeckError, match=r"hears 16,000 samples a second, not 8,000") as refused:
        speech.heard(AudioReads(kind="audio", rate=8000), "teacher")
    assert refused.value.where == "teacher.reads.rate"
    with pytest.raises(LimbeckError, match="reads sounds, not text"):
        speech.heard(TextReads(), "teacher")


def test_a_broken_file_of_it_names_the_folder_that_is_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the made files
    monkeypatch.setattr(speech, "asset", lambda _: tmp_path)
    for name in ("melspectrogram.onnx", "embedding_model.onnx"):
        (tmp_path / name).write_bytes(b"\x08\x08half")
    with pytest.raises(LimbeckError, match=r"cannot be read .*; remove the folder, and it is fetched again") as refused:
        speech._files.__wrapped__()
    assert refused.value.where == str(tmp_path)
