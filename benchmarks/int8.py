"""For which networks int8 is taken: each of the catalogue, trained for a few hundred steps, exported, tried.

    python benchmarks/int8.py FOLDER/sst2/train.parquet     # any file with columns text and label
    python benchmarks/int8.py                               # made-up texts

One thread, some minutes. Writes benchmarks/results/int8.json.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import nn

from limbeck.bundle import Student, export_onnx
from limbeck.bundle.int8 import instructions
from limbeck.bundle.precision import CALIBRATING, FASTER, MOST, try_int8
from limbeck.data import Examples, Labels, read_tables
from limbeck.data.batches import Batches
from limbeck.distiller import Distiller
from limbeck.files import write_json
from limbeck.losses import CrossEntropy
from limbeck.modalities.text import TextModality, TextReads
from limbeck.modalities.text.reads import build_reader
from limbeck.models import ModelSettings, build_model
from limbeck.networks import TrainSettings
from limbeck.pipeline.order import describe_environment
from limbeck.pipeline.training.views import View
from limbeck.runtime import TextForm
from limbeck.trainer import fit, predict_logits

RESULT = Path(__file__).parent / "results" / "int8.json"
TRAINING, VALIDATION = 40_000, 400
STUDENTS: dict[str, tuple[dict[str, Any], int, float]] = {
    "ngrams": ({"dim": 16, "buckets": 32768}, 1200, 6e-3),
    "wide_deep": (
        {
            "wide": {"dim": 1, "orders": 3, "buckets": 2097152},
            "deep": {"dim": 32, "filters": 64, "widths": [3], "pooling": "sum_max"},
        },
        600,
        3e-3,
    ),
    "textcnn": ({"dim": 100}, 500, 2e-3),
    "bigru": ({"dim": 100, "hidden": 128}, 300, 2e-3),
    "bilstm": ({"dim": 100, "hidden": 128}, 300, 2e-3),
    "transformer": ({"path": "2 layers, 128 wide"}, 400, 5e-4),
}
"""By name: settings, steps in batches of 32, learning rate."""


@dataclass(frozen=True)
class Corpus:
    """Rows to train on, to time with, and to set ranges and compare decisions on."""

    training: Examples
    validation: list[str]
    unlabelled: list[str]


def read_corpus(file: str | None) -> Corpus:
    """Return shuffled rows of a file, or made-up ones: a class has its own tenth of the words."""
    random = np.random.default_rng(0)
    if file is not None:
        table = read_tables(file, modality=TextModality(), column="text", label="label")["train"]
        order = random.permutation(len(table.values))
        texts = [table.values[row] for row in order]
        labels = np.unique([str(label) for label in table.labels], return_inverse=True)[1][order]
    else:
        labels = random.integers(0, 2, TRAINING + VALIDATION + CALIBRATING + MOST)
        texts = [_made_up(int(label), random) for label in labels]
    rest = len(texts) - VALIDATION - CALIBRATING - MOST
    count = min(rest, TRAINING)
    examples = Examples(np.arange(count), texts[:count], Labels(labels[:count], np.ones(count, np.bool_)))
    return Corpus(examples, texts[rest : rest + VALIDATION], texts[rest + VALIDATION :])


def _made_up(label: int, random: np.random.Generator) -> str:
    words = random.zipf(1.3, random.integers(1, 40)) % 10_000
    own = random.random(len(words)) < 0.1
    return " ".join(
        f"class{label}word{word % 500}" if mine else f"word{word}" for word, mine in zip(words, own, strict=True)
    )


def network(name: str, settings: dict[str, Any], form: TextForm, folder: Path) -> nn.Module:
    """Return a new network; the transformer is a small BERT with random weights."""
    torch.manual_seed(0)
    if name == "transformer":
        from transformers import BertConfig, BertModel

        shape = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}
        config = BertConfig(vocab_size=form.vocabulary.size, pad_token_id=form.vocabulary.pad_id, **shape)
        BertModel(config).save_pretrained(folder / "bert")
        settings = {"path": str(folder / "bert")}
    known = TypeAdapter(ModelSettings).validate_python({"name": name, **settings})
    return build_model(known, outputs=2, form=form)


def train(model: nn.Module, corpus: Corpus, view: View, steps: int, rate: float, name: str) -> None:
    """Train on the labels, so that there are clear decisions and unclear ones, as in a student."""
    rows = view.rows(corpus.training.values)
    batches = Batches(corpus.training, rows, batch_size=32, labelled_per_batch=0, seed=0)
    settings = TrainSettings(steps=steps, batch_size=32, lr=rate, validations=1, threads=1)
    fit(Distiller(model, 1.0 * CrossEntropy(), None), batches, settings, steps=steps, validate=None, title=name)


def attempt(name: str, corpus: Corpus, view: View, folder: Path) -> dict[str, Any]:
    """Train a network, export it, and return what came of its int8 twin."""
    settings, steps, rate = STUDENTS[name]
    form = view.form
    assert isinstance(form, TextForm)
    model = network(name, settings, form, folder)
    train(model, corpus, view, steps, rate, name)
    export_onnx(model, folder / f"{name}.onnx", *view.example)

    def says(texts: Sequence[str]) -> NDArray[np.float32]:
        return predict_logits(model, view.rows(texts)).numpy()

    student = Student(folder / f"{name}.onnx", says, view.runner, view.reader, ("0", "1"), "classification")
    trial = try_int8(student, corpus.validation, corpus.unlabelled, folder / f"{name}.int8.onnx")
    fp32, int8 = trial.speeds["fp32"], trial.speeds["int8"]
    return {
        "settings": settings,
        "size_bytes": dict(trial.sizes),
        "cpu_ms": {"fp32": fp32.cpu_ms, "int8": int8.cpu_ms},
        "share_of_processor_time": int8.share_of(fp32),
        "share_in_batches": fp32.throughput_per_s / int8.throughput_per_s,
        "agreement": trial.agreement.share,
        "agreement_low": trial.agreement.low,
        "agreement_rows": trial.agreement.rows,
        "apart": trial.apart,
        "taken": not trial.failed,
        "sentence": trial.sentence,
    }


def _wherever(file: str) -> str:
    return "/".join(["FOLDER", *Path(file).parts[-2:]])


def main(arguments: list[str]) -> None:
    """Try every network and write the record."""
    torch.set_num_threads(1)
    corpus = read_corpus(arguments[0] if arguments else None)
    reader = build_reader(TextReads(max_length=64), corpus.training.values)
    view = View(TextReads(max_length=64), reader, None)  # type: ignore[arg-type] - no split is asked for
    with tempfile.TemporaryDirectory() as folder:
        found = {name: attempt(name, corpus, view, Path(folder)) for name in STUDENTS}
    result = {
        "claim": "int8 answers a row alike whatever stands beside it, and is taken where it is faster",
        "command": " ".join(["python benchmarks/int8.py", *(_wherever(file) for file in arguments)]),
        "training_rows": len(corpus.training),
        "faster": FASTER,
        "instructions": instructions(),
        "students": found,
        "environment": describe_environment(),
    }
    write_json(RESULT, result)
    print(json.dumps({name: student["sentence"] for name, student in found.items()}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
