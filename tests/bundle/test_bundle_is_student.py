"""Bundle = student: within the tolerance, and int8 only where it is smaller, faster and of one opinion."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tokenizers import Tokenizer

import limbeck
from limbeck.bundle import export_onnx, parity, write_bundle
from limbeck.bundle import write as writing
from limbeck.data import WordTokenizerSettings, encode
from limbeck.data.tokenizers import word_tokenizer
from limbeck.models import Vocabulary, build_model
from limbeck.models.ngrams import NgramsSettings
from limbeck.models.recurrent import BiLSTMSettings
from limbeck.pipeline.views import TextView
from limbeck.runtime import Encoder
from limbeck.trainer import predict_logits

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

WORDS = [f"word{index}" for index in range(60)]
CARD = {
    "name": "test", "sentence": "", "rows": [], "test_examples": 0, "seeds": [0], "seed": 0, "recipe_yaml": "",
    "target": None,
    "data": {"source": "", "target": None, "labelled": 0, "unlabelled": 0, "augmented": 0, "validation": 0, "test": 0},
    "citations": [],
}  # fmt: skip


def texts(rows=300):
    draw = np.random.default_rng(0)
    return [" ".join(draw.choice(WORDS, draw.integers(0, 20))) for _ in range(rows)]


class Student:
    """A network with clear opinions, exported, and what it says in PyTorch."""

    def __init__(self, settings, folder):
        encoder = Encoder(word_tokenizer(texts(), WordTokenizerSettings()), max_length=12, tail=5)
        torch.manual_seed(0)
        self.network = build_model(settings, classes=3, vocabulary=Vocabulary(encoder.tokens, encoder.pad_id)).eval()
        with torch.no_grad():
            for parameter in self.network.parameters():
                parameter.mul_(3)
        self.view, self.folder = TextView(encoder, None), folder
        self.model = folder / "fp32.onnx"
        export_onnx(self.network, self.model, *self.view.example)
        # Untrained networks are undecided about most texts; trained ones are not.
        best = np.sort(self.says(texts(400)), axis=1)
        order = np.argsort(best[:, -2] - best[:, -1], kind="stable")
        self.samples = [texts(400)[row] for row in order[:200]]

    def says(self, rows):
        return predict_logits(self.network, encode(self.view.encoder, rows)).numpy()

    def deliver(self, reference=None):
        return write_bundle(
            self.folder / "bundle", model=self.model, encoder=self.view.encoder, inputs=self.view.example[0],
            runner=self.view.runner, labels=["a", "b", "c"], samples=self.samples,
            reference=self.says(self.samples) if reference is None else reference, card=CARD, scratch=self.folder,
        )  # fmt: skip


@pytest.fixture(scope="module")
def students(tmp_path_factory):
    settings = {
        "ngrams": NgramsSettings(dim=16, buckets=512),
        "bilstm": BiLSTMSettings(dim=32, hidden=64, pooling="mean_max"),
    }
    return {name: Student(value, tmp_path_factory.mktemp(name)) for name, value in settings.items()}


@pytest.fixture
def faster(monkeypatch):
    """Say which precision is faster: that is a measurement, and no test should depend on one."""

    def say(name):
        def measured(runners, samples):
            return {each: (1.0 if each == name else 2.0, 1.0) for each in runners}

        monkeypatch.setattr(writing, "measure_all", measured)

    return say


@pytest.mark.parametrize("name", ["ngrams", "bilstm"])
def test_the_fp32_bundle_says_what_the_student_says(students, faster, name):
    faster("fp32")
    student = students[name]
    delivery = student.deliver()
    assert (delivery.choice.precision, delivery.fp32.exceptions) == ("fp32", 0)
    other = ["word1 word2", "", "unknown words only", *texts(50)]
    loaded = limbeck.load(student.folder / "bundle")
    assert parity(student.says(other), loaded.logits(other)).exact
    assert np.abs(student.says(other) - loaded.logits(other)).max() <= 1e-4


@pytest.mark.parametrize("name", ["ngrams", "bilstm"])
def test_the_int8_bundle_decides_as_the_student_does(students, faster, name):
    faster("int8")
    student = students[name]
    delivery = student.deliver()
    assert delivery.choice.precision == "int8"
    loaded = limbeck.load(student.folder / "bundle")
    assert loaded.info["precision"] == "int8"
    found = parity(student.says(student.samples), loaded.logits(student.samples))
    assert found.agreement == delivery.choice.parity.agreement >= 0.995
    assert (student.folder / "bundle/model.onnx").stat().st_size < student.model.stat().st_size


def test_int8_that_is_no_faster_is_left(students, faster):
    faster("fp32")
    assert "no faster" in students["ngrams"].deliver().choice.why


def test_int8_that_decides_otherwise_is_left(students, faster, monkeypatch):
    """2 of 200 decisions are one too many."""
    faster("int8")
    student = students["ngrams"]
    honest = student.view.runner

    def runner(file: Path):
        def answer(rows):
            logits = honest(file)(rows)
            if file.name == "int8.onnx":
                wrong = slice(0, 2)
                logits[wrong] = -logits[wrong]
            return logits

        return answer

    monkeypatch.setattr(student.view, "runner", runner)
    choice = student.deliver().choice
    assert choice.precision == "fp32"
    assert "agreed with the student on 99.0%" in choice.why


def test_an_export_that_says_something_else_is_not_delivered(students, faster):
    faster("fp32")
    student = students["ngrams"]
    reference = student.says(student.samples)
    reference[7] += np.array([0.0, 2e-4, 0.0], np.float32)
    with pytest.raises(ValueError, match=r"differs from the PyTorch student by up to 2\.0e-04"):
        student.deliver(reference)


def test_the_file_is_checked_onnx_without_pickles(students):
    onnx.checker.check_model(str(students["bilstm"].model))
    assert isinstance(Tokenizer.from_str(students["bilstm"].view.encoder.tokenizer_json), Tokenizer)
