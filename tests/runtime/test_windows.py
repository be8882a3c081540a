"""Long sounds, answered piece by piece, without torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from onnx import TensorProto, helper, numpy_helper

import limbeck
from limbeck.errors import LimbeckError
from limbeck.runtime.bundle import complete
from limbeck.runtime.readers.audio import LENGTHS, SAMPLES, AudioReader
from limbeck.runtime.readers.image import ImageReader
from limbeck.runtime.windows import answered_by_window
from typed import call

RATE, HEARD = 1000, 400


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Path:
    """A student of 0.4 s that says whether a sound is loud, and recordings beside it."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "bundle").mkdir()
    nodes = [
        helper.make_node("Abs", [SAMPLES], ["size"]),
        helper.make_node("ReduceMean", ["size"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("MatMul", ["mean", "weights"], ["scores"]),
        helper.make_node("Add", ["scores", "bias"], ["logits"]),
    ]
    weights = [
        numpy_helper.from_array(np.array([[0, 20]], np.float32), "weights"),
        numpy_helper.from_array(np.array([0, -5], np.float32), "bias"),
    ]
    inputs = [
        helper.make_tensor_value_info(SAMPLES, TensorProto.FLOAT, ["batch", HEARD]),
        helper.make_tensor_value_info(LENGTHS, TensorProto.INT64, ["batch"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])]
    graph = helper.make_graph(nodes, "loud", inputs, outputs, weights)
    model = folder / "bundle/model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(model))
    info = {
        "format": 2,
        "task": "classification",
        "labels": ["quiet", "loud"],
        "precision": "fp32",
        "threads": 1,
        "reads": {"kind": "audio", **AudioReader(RATE, HEARD).save(folder)},
    }
    (folder / "bundle/bundle.json").write_text(json.dumps(complete(model.parent, info)), encoding="utf-8")
    soundfile.write(folder / "long.wav", recording(), RATE)
    soundfile.write(folder / "short.wav", recording()[:100], RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


def recording() -> np.ndarray:
    """Return 1.15 s of noise that is quiet, loud from 0.5 s to 0.9 s, and quiet again; values that int16 can hold."""
    levels = np.where((np.arange(1150) >= 500) & (np.arange(1150) < 900), 0.8, 0.05)
    noise = np.random.default_rng(0).uniform(-1, 1, 1150) * levels
    return (np.round(noise * 32768) / 32768).astype(np.float32)


def lines(monkeypatch, capsys, *arguments: str) -> tuple[int, list[str], str]:
    code, out, err = call(monkeypatch, capsys, *arguments)
    return code, out.splitlines(), err


STARTS = [0, 200, 400, 600, 750]
"""Samples at which pieces begin, 0.2 s apart; the last one ends with the sound."""


def test_pieces_are_answered_as_the_files_that_they_would_be(house, tmp_path):
    student = limbeck.load(house / "bundle")
    windows = student.reader.windows(house / "long.wav", hop=0.2)
    assert [round(one.start * RATE) for one in windows] == STARTS
    assert all(one.end - one.start == pytest.approx(0.4) for one in windows)
    for start in STARTS:
        soundfile.write(tmp_path / f"{start}.wav", recording()[start : start + HEARD], RATE)
    cut = student.predict([tmp_path / f"{start}.wav" for start in STARTS])
    assert student.predict([one.sound for one in windows]) == cut
    assert [answer.label for answer in cut] == ["quiet", "quiet", "loud", "loud", "quiet"]


def test_a_sound_of_another_rate_is_brought_to_the_readers_as_a_whole():
    slow = {"array": np.repeat(recording(), 2), "sampling_rate": 2 * RATE}
    reader = AudioReader(RATE, HEARD)
    windows = reader.windows(slow, 0.25)
    assert [(one.start, one.end) for one in windows] == [(0.0, 0.4), (0.25, 0.65), (0.5, 0.9), (0.75, 1.15)]
    whole = AudioReader(RATE, 1150).encode([slow]).batch([0])[SAMPLES][0]
    found = reader.encode([one.sound for one in windows]).batch(range(4))[SAMPLES]
    np.testing.assert_allclose(found, [whole[start : start + HEARD] for start in (0, 250, 500, 750)], atol=1e-6)


def test_pieces_do_not_drift_where_a_hop_is_no_whole_number_of_samples():
    starts = [one.start for one in AudioReader(RATE, HEARD).windows(recording(), 1 / 30)][:-1]
    np.testing.assert_allclose(starts, np.arange(len(starts)) / 30, atol=0.5 / RATE)
    assert len(starts) > 20


@pytest.mark.parametrize("hop", [None, "0.5", True, [0.5]])
def test_a_hop_is_a_number(hop):
    with pytest.raises(ValueError, match="a hop of"):
        AudioReader(RATE, HEARD).windows(recording(), hop)


@pytest.mark.parametrize("length", [1, 399, 400])
def test_a_sound_that_is_not_longer_is_one_piece(length):
    (only,) = AudioReader(RATE, HEARD).windows(recording()[:length], 0.1)
    assert (only.start, only.end) == (0, length / RATE)


def test_the_command_names_each_piece_and_goes_on_after_a_file_that_is_none(house, monkeypatch, capsys):
    monkeypatch.chdir(house)
    code, out, err = lines(
        monkeypatch, capsys, "predict", "bundle", "broken.wav", "long.wav", "short.wav", "--hop", "0.5"
    )
    assert (code, len(err.splitlines())) == (2, 1)
    assert "broken.wav" in err
    named = [line.split("\t")[-1] for line in out]
    assert named == ["long.wav#t=0,0.4", "long.wav#t=0.5,0.9", "long.wav#t=0.75,1.15", "short.wav#t=0,0.1"]
    code, out, _ = lines(monkeypatch, capsys, "predict", "bundle", "long.wav", "--hop=0.5", "--json")
    assert code == 0
    assert [(said["file"], said["label"]) for said in map(json.loads, out)] == [
        ("long.wav#t=0,0.4", "quiet"),
        ("long.wav#t=0.5,0.9", "loud"),
        ("long.wav#t=0.75,1.15", "quiet"),
    ]


def test_a_sound_of_which_most_is_not_heard_is_pointed_out(house, monkeypatch, capsys):
    monkeypatch.chdir(house)
    soundfile.write(house / "twice.wav", recording()[: 2 * HEARD], RATE)
    code, out, err = lines(monkeypatch, capsys, "predict", "bundle", "twice.wav", "long.wav", "short.wav")
    assert (code, len(out)) == (0, 3)
    said = "1 sound is more than twice as long as the 0.4 s that the student hears, such as long.wav; --hop SECONDS"
    assert err.startswith(said)
    assert lines(monkeypatch, capsys, "predict", "bundle", "twice.wav", "short.wav")[2] == ""
    soundfile.write(house / "long.aiff", recording(), RATE)
    os.mkfifo(house / "pipe.wav")
    for unread in ("long.aiff", "pipe.wav"):  # whatever its header says; of a pipe one would wait for it
        code, _, err = lines(monkeypatch, capsys, "predict", "bundle", unread)
        assert (code, "twice as long" in err) == (2, False)
    assert "twice as long" not in lines(monkeypatch, capsys, "predict", "bundle", "broken.wav")[2]


@pytest.mark.parametrize("hop", ["0", "-1", "nan", "inf", "1e-9"])
def test_a_hop_that_is_none_is_refused(house, monkeypatch, capsys, hop):
    monkeypatch.chdir(house)
    code, out, err = lines(monkeypatch, capsys, "predict", "bundle", "long.wav", f"--hop={hop}")
    assert (code, out) == (2, [])
    assert err.startswith("error: --hop: a hop of")


def test_a_student_of_something_else_has_no_pieces():
    reader = ImageReader(4, 6, 3, resize="stretch", mean=[0.5] * 3, std=[0.5] * 3)
    with pytest.raises(
        LimbeckError, match="--hop: only sounds have pieces, and this student reads another kind \\(image\\); leave it"
    ):
        list(answered_by_window([], reader, lambda values: values, 0.5))


def test_it_needs_nothing_that_makes_students(house):
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['scipy'] = None\n"
        f"sys.argv = ['limbeck', 'predict', {str(house / 'bundle')!r}, {str(house / 'long.wav')!r}, '--hop', '0.5']\n"
        "from limbeck.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 3
