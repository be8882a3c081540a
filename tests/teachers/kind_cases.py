"""A tiny teacher of every kind: a kind without a row in `CASES` fails `test_kinds.py`."""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from skops.io import dump
from torch import nn

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from classifiers import save_classifier
from onnx_files import bag as bag_file
from tiny import write_csv

from limbeck.modalities.text.tokenizers import WordTokenizerSettings, word_tokenizer
from limbeck.models import build_model
from limbeck.networks import NetworkSettings
from limbeck.runtime import TextReader
from limbeck.runtime.bundle import complete
from limbeck.teachers.handed_on import hand_on

LENGTH = 24
TRAIN = {"steps": 6, "batch_size": 16, "lr": 0.05, "validations": 1}
NETWORK = {"kind": "network", "model": {"name": "textcnn", "filters": 4, "dim": 4}, "reads": {"max_length": LENGTH}}
NBLR = {"kind": "nblr", "regression": {"orders": 2, "min_texts": 1, "strengths": [0.01, 1]}}


class Bag(nn.Module):
    """A module of somebody's: the mean of the words' logits."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.words = nn.Embedding(2000, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        real = attention_mask.unsqueeze(-1).float()
        return (self.words(input_ids) * real).sum(1) / real.sum(1).clamp(min=1)


def bag(outputs: int, form: object) -> nn.Module:
    """Return a network whose weights come from elsewhere."""
    network = Bag()
    with torch.no_grad():
        network.words.weight.zero_()
    return network


class Wide(nn.Module):
    """Say the number of each output, whatever the text."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.numbers = nn.Parameter(torch.arange(outputs).float())

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.numbers.expand(len(input_ids), -1)


def wide(outputs: int) -> nn.Module:
    """Return a network of so many outputs."""
    return Wide(outputs)


@dataclass(frozen=True)
class Case:
    """A teacher of a kind.

    Attributes:
        teacher: as in a recipe.
        module: what was handed to `limbeck.distill`.
        edit: changes a weight that it is made of, whatever the labels; None: it is made of labels alone.
        tap: path of an activation; None where it has none to give.
        about: other parts of the recipe, where its data are no texts.
        student: path of an activation of the recipe's student.
    """

    teacher: dict[str, Any]
    module: nn.Module | None = None
    edit: Callable[[], None] | None = None
    tap: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    student: str = "dropout"


def encoder(folder: Path, **keys: object) -> Case:
    """Return the case of a folder of transformers."""
    from transformers import BertConfig, BertForSequenceClassification

    texts = [line.split(",")[0] for line in write_csv(folder / "words.csv").read_text().splitlines()[1:]]
    reader = TextReader(word_tokenizer(texts, WordTokenizerSettings(min_frequency=2)), max_length=LENGTH, pad_id=0)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(2)
    network = BertForSequenceClassification(
        BertConfig(vocab_size=len(reader.tokens), id2label={0: "0", 1: "1"}, label2id={"0": 0, "1": 1}, **sizes)
    )

    def edit() -> None:
        with torch.no_grad():
            network.classifier.weight[0, 0] += 1
            network.bert.encoder.layer[0].output.dense.bias[0] += 1
        network.save_pretrained(folder / "classifier")

    save_classifier(folder / "classifier", network, reader)
    teacher = {"kind": "transformers", "model": str(folder / "classifier"), "reads": {"max_length": LENGTH}}
    return Case(teacher | keys, edit=edit, tap="encoder.bert.pooler")


def given(folder: Path) -> Case:
    """Return the case of a module."""
    module = Bag()

    def edit() -> None:
        with torch.no_grad():
            module.words.weight[7, 0] += 1

    reads = {"tokenizer": {"kind": "words"}, "max_length": LENGTH}
    return Case({"kind": "given", "model": {"name": "given"}, "reads": reads}, module, edit, "words")


def tokenizer(folder: Path) -> dict[str, str]:
    """Return the tokenizer of a folder: the words of the rows."""
    texts = [line.split(",")[0] for line in write_csv(folder / "words.csv").read_text().splitlines()[1:]]
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own/tokenizer.json").write_text(word_tokenizer(texts, WordTokenizerSettings(min_frequency=2)).to_str())
    return {"kind": "transformers", "path": str(folder / "own")}


def built(folder: Path) -> Case:
    """Return the case of a module that a recipe names, with its weights in a file."""
    module, file = Bag(), folder / "teacher.safetensors"

    def edit() -> None:
        with torch.no_grad():
            module.words.weight[7, 0] += 1
        save_file(module.state_dict(), file)

    save_file(module.state_dict(), file)
    reads = {"tokenizer": tokenizer(folder), "max_length": LENGTH}
    teacher = {"kind": "module", "build": "kind_cases:bag", "weights": str(file), "reads": reads}
    return Case(teacher, edit=edit, tap="words")


def onnx_file(folder: Path, **keys: object) -> Case:
    """Return the case of a classifier in an ONNX file."""
    words, file = Bag().words.weight.detach().numpy().copy(), folder / "teacher.onnx"
    as_probabilities = "answers" in keys

    def edit() -> None:
        words[7, 0] += 1
        bag_file(file, words, probabilities=as_probabilities)

    bag_file(file, words, probabilities=as_probabilities)
    reads = {"tokenizer": tokenizer(folder), "max_length": LENGTH}
    return Case({"kind": "onnx", "path": str(file), "reads": reads} | keys, edit=edit)


def features(input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
    """Return which words a text has, of the first 40: features of somebody's own."""
    shown = np.where(attention_mask != 0, input_ids, -1)
    return (shown[:, :, None] == np.arange(40)).any(axis=1)


def embedding(folder: Path, kind: str) -> Case:
    """Return the case of a linear head on an encoder of a kind."""
    keys: dict[str, Any] = {}
    if kind == "transformers":
        case = encoder(folder)
        return Case(
            {"kind": "embedding", "model": case.teacher["model"], "reads": {"max_length": LENGTH}}, edit=case.edit
        )
    if kind == "onnx":
        case = onnx_file(folder)
        keys = {"model": case.teacher["path"], "reads": case.teacher["reads"]}
        return Case({"kind": "embedding", **keys}, edit=case.edit)
    reads = {"tokenizer": tokenizer(folder), "max_length": LENGTH}
    return Case({"kind": "embedding", "model": "kind_cases:features", "reads": reads})


def saved_reader(folder: Path) -> TextReader:
    """Return a reader of the rows' words."""
    texts = [line.split(",")[0] for line in write_csv(folder / "words.csv").read_text().splitlines()[1:]]
    return TextReader(word_tokenizer(texts, WordTokenizerSettings(min_frequency=2)), max_length=LENGTH, pad_id=0)


def earlier(folder: Path, **about: object) -> Case:
    """Return the case of a network that an earlier run has handed on."""
    reader, out = saved_reader(folder), folder / "earlier"
    settings = NetworkSettings.model_validate({"model": {"name": "textcnn", "filters": 4, "dim": 4}})
    torch.manual_seed(3)
    network = build_model(settings.model, outputs=2, form=reader.form)
    told = {"task": "classification", "names": ["1", "0"], "settings": settings.model_dump(mode="json"), "shipped": 1}

    def write() -> None:
        for seed in (0, 1):
            (out / f"student/seed-{seed}").mkdir(parents=True, exist_ok=True)
            save_file(network.state_dict(), out / f"student/seed-{seed}/model.safetensors")
        files = {seed: out / f"student/seed-{seed}/model.safetensors" for seed in (0, 1)}
        hand_on(out, "student", told | about, reader, files)

    def edit() -> None:
        with torch.no_grad():
            network.head.bias[0] += 1
        write()

    write()
    (out / "recipe.yaml").write_text("name: earlier\n")
    return Case({"kind": "run", "path": str(out)}, edit=edit, tap="dropout")


def bundle(folder: Path, **about: object) -> Case:
    """Return the case of a student that was exported."""
    reader, out = saved_reader(folder), folder / "bundle"
    words = Bag().words.weight.detach().numpy().copy()
    told = {"format": 2, "task": "classification", "labels": ["1", "0"], "precision": "fp32", "threads": 1}

    def write() -> None:
        out.mkdir(exist_ok=True)
        bag_file(out / "model.onnx", words)
        info = complete(out, told | about | {"reads": {"kind": "text", **reader.save(out)}})
        (out / "bundle.json").write_text(json.dumps(info))

    def edit() -> None:
        words[7, 0] += 1
        write()

    write()
    return Case({"kind": "bundle", "path": str(out)}, edit=edit)


def boosting(folder: Path) -> Case:
    """Return the case of boosted trees, on a table."""
    file, rng = folder / "table.csv", np.random.default_rng(0)
    rows = [f"{rng.normal():.3f},town {rng.integers(5)},{row % 2}" for row in range(260)]
    file.write_text("\n".join(["size,town,label", *rows]) + "\n")
    data = {"source": str(file), "features": "*", "split": {"test": 60, "validation": 30}, "labelled": 80}
    about = {"data": data, "student": {"model": "mlp", "reads": {"kind": "table"}, "train": TRAIN}}
    return Case({"kind": "boosting", "boosting": {"trees": [5, 9], "leaves": [4]}}, about=about, student="layers")


_RUNNING = ExitStack()


@cache
def server() -> str:
    """Return the address of a server that runs as long as this process."""
    from endpoint_server import Behaviour, served

    return _RUNNING.enter_context(served(Behaviour()))


def endpoint(folder: Path) -> Case:
    """Return the case of a language model behind a server."""
    labels = {"bad": "0", "good": "1"}
    return Case({"kind": "endpoint", "base_url": server(), "model": "echo", "labels": labels})


def estimator(folder: Path) -> Case:
    """Return the case of a pipeline in a file."""
    file = folder / "teacher.skops"

    def edit(strength: float = 1.0) -> None:
        rows = [line.rsplit(",", 1) for line in write_csv(folder / "words.csv").read_text().splitlines()[1:]]
        texts, labels = zip(*rows, strict=True)
        dump(make_pipeline(TfidfVectorizer(), LogisticRegression(C=strength)).fit(texts, labels), file)

    edit()
    return Case({"kind": "sklearn", "path": str(file)}, edit=lambda: edit(0.5))


def lengths(values: list[str]) -> np.ndarray:
    """Return probabilities by the lengths of texts: a function of somebody's own."""
    long = np.array([min(len(value), 100) for value in values]) / 101
    return np.stack([1 - long, long], axis=1)


def function(folder: Path) -> Case:
    """Return the case of a function."""
    return Case({"kind": "callable", "function": "kind_cases:lengths", "version": "1"})


def answers_file(folder: Path) -> Case:
    """Return the case of a file of answers."""
    texts = [line.split(",")[0] for line in write_csv(folder / "words.csv").read_text().splitlines()[1:]]
    numbers = np.random.default_rng(0).normal(size=(len(texts), 2))

    def edit() -> None:
        numbers[:, 1] += 1
        lines = [f"{text},{one!r},{other!r}" for text, (one, other) in zip(texts, numbers.tolist(), strict=True)]
        (folder / "answers.csv").write_text("\n".join(["text,1,0", *lines]) + "\n")

    edit()
    return Case({"kind": "file", "path": str(folder / "answers.csv"), "by": "text"}, edit=edit)


CASES: dict[str, Callable[[Path], Case]] = {
    "boosting": boosting,
    "network": lambda folder: Case(NETWORK | {"train": TRAIN}, tap="dropout"),
    "nblr": lambda folder: Case(NBLR),
    "tfidf": lambda folder: Case({"kind": "tfidf", "regression": {"strengths": [1, 10]}}),
    "transformers": lambda folder: encoder(folder, finetune=True, train=TRAIN),
    "transformers as it is": lambda folder: encoder(folder, finetune=False),
    "given": given,
    "module": built,
    "onnx": onnx_file,
    "onnx of probabilities": lambda folder: onnx_file(folder, answers="probabilities"),
    "embedding of transformers": lambda folder: embedding(folder, "transformers"),
    "embedding of a file": lambda folder: embedding(folder, "onnx"),
    "endpoint": endpoint,
    "embedding of a function": lambda folder: embedding(folder, "function"),
    "run": earlier,
    "bundle": bundle,
    "sklearn": estimator,
    "callable": function,
    "file": answers_file,
    "ensemble": lambda folder: Case({"kind": "ensemble", "members": [NBLR, NETWORK | {"train": TRAIN}]}),
}
"""By kind; more words tell two cases of one kind apart."""
