"""A run on a folder of sounds, from files to a bundle that answers a file."""

import json
import subprocess
import sys

import numpy as np
import pytest
from audio_cases import encoded, tone

import limbeck
from limbeck.pipeline import run
from limbeck.recipe import parse_recipe

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
HERTZ = {"low": 300, "high": 1500}
NETWORK = {
    "model": {"name": "audio_cnn", "width": 8},
    "reads": {"kind": "audio"},
    "train": {"steps": 30, "batch_size": 16, "lr": 0.02, "validations": 2},
}


def sound(name, row):
    return tone(500 + 7 * row, hertz=HERTZ[name] + 3 * row, seed=row)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run on class folders of wav and flac files."""
    folder = tmp_path_factory.mktemp("sounds")
    for name in HERTZ:
        (folder / "clips" / name).mkdir(parents=True)
        for row in range(60):
            kind = ("wav", "flac")[row % 2]
            (folder / f"clips/{name}/{row}.{kind}").write_bytes(encoded(sound(name, row), kind=kind))
    recipe = {
        "name": "tones",
        "seeds": [0],
        "data": {
            "source": str(folder / "clips"),
            "audio": "audio",
            "split": {"test": 30, "validation": 20},
            "labelled": 30,
            "labelled_per_batch": 4,
        },
        "teacher": {"kind": "network", **NETWORK},
        "student": NETWORK,
        "baseline": False,
        "losses": [{"name": "kd"}, {"name": "cross_entropy"}],
    }
    run(parse_recipe(recipe, "a test"), folder / "out")
    return folder


def test_the_run_speaks_of_sounds_and_plays_them(finished):
    evaluation = json.loads((finished / "out/evaluation.json").read_text())
    assert evaluation["modality"] == "audio"
    assert {one["sample"]["kind"] for one in evaluation["samples"]} == {"audio"}
    assert all((finished / "clips" / one["name"]).is_file() for one in evaluation["samples"])
    assert all(one["seen"]["height"] == 40 for one in evaluation["samples"])
    report = (finished / "out/report.html").read_text()
    assert report.count("<audio ") == min(12, report.count('<li class="card">'))
    assert len(report) < 500_000
    assert "sound" in (finished / "out/bundle/README.md").read_text()


def test_the_bundle_answers_files_bytes_and_arrays_alike(finished):
    student = limbeck.load(finished / "out")
    samples, file = sound("high", 2), finished / "clips/high/2.wav"
    forms = [str(file), file, file.read_bytes(), samples, {"array": samples, "sampling_rate": 8000}]
    together = student.logits(forms)
    np.testing.assert_allclose(together, np.repeat(together[:1], len(forms), axis=0), atol=1e-5)
    for row, form in enumerate(forms):
        np.testing.assert_allclose(student.logits([form]), together[row : row + 1], atol=1e-5)
    slow = {"array": np.repeat(samples, 2), "sampling_rate": 16_000}  # the same sound at another rate, to a few samples
    assert np.abs(student.logits([slow]) - together[:1]).max() < 0.5 * np.abs(together[:1]).max()


def test_the_bundle_answers_without_what_makes_students(finished):
    script = (
        f"import sys, limbeck\nprint(limbeck.load({str(finished / 'out')!r}).predict([{str(finished)!r} + "
        "'/clips/low/4.wav']))\nassert not {'torch', 'pydantic', 'scipy', 'sklearn'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Prediction" in done.stdout
