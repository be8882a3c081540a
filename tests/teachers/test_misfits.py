"""A finished teacher that does not fit the data, of every kind: a line says what does not, and how to map it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kind_cases import Bag, Case, answers_file, built, bundle, earlier, encoder, endpoint, estimator, onnx_file
from kind_contract import Bench
from onnx_files import bag as bag_file
from safetensors.torch import save_file
from skops.io import dump
from torch import nn

from limbeck.errors import LimbeckError
from limbeck.pipeline.training.arms import preflight
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.teachers import CATALOGUE


class Short(Bag):
    """A bag that knows ten words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 2)


def short(outputs: int, form: object) -> nn.Module:
    return Short()


def three(texts):
    return np.full((len(texts), 3), 1 / 3)


def halves(texts):
    return np.full((len(texts), 2), 0.7)


def renamed(case: Case, names: list[str]) -> Case:
    """Give the outputs of a folder of transformers other names."""
    file = Path(case.teacher["model"]) / "config.json"
    config = json.loads(file.read_text())
    file.write_text(
        json.dumps(config | {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}})
    )
    return case


def keys(case: Case, **more: Any) -> Case:
    return replace(case, teacher=case.teacher | more)


def of_words(folder: Path) -> Case:
    """Return a pipeline whose classes are called by words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts = ["a gem", "a bore", "superb", "dull"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, ["good", "bad", "good", "bad"])
    dump(model, folder / "teacher.skops")
    return Case({"kind": "sklearn", "path": str(folder / "teacher.skops")})


def other_columns(folder: Path) -> Case:
    """Return a file whose columns are called by words."""
    case = answers_file(folder)
    file = Path(case.teacher["path"])
    file.write_text(file.read_text().replace("text,1,0", "text,good,bad"))
    return case


def lacking(folder: Path) -> Case:
    """Return a file without an answer for one of three rows."""
    case = answers_file(folder)
    head, *rows = Path(case.teacher["path"]).read_text().splitlines()
    Path(case.teacher["path"]).write_text("\n".join([head, *(row for n, row in enumerate(rows) if n % 3)]) + "\n")
    return case


def few_words(folder: Path) -> Case:
    """Return an ONNX file that knows ten words."""
    case = onnx_file(folder)
    bag_file(Path(case.teacher["path"]), np.zeros((10, 2), np.float32))
    return case


def few_of_a_module(folder: Path) -> Case:
    save_file(Short().state_dict(), folder / "short.safetensors")
    return keys(built(folder), build=f"{__name__}:short", weights=str(folder / "short.safetensors"))


def of_images(make: Callable[[Path], Case]) -> Callable[[Path], Case]:
    """Return a teacher of texts beside images."""

    def made(folder: Path) -> Case:
        from folders_of_transformers import write_images

        data = {"source": str(write_images(folder / "pictures", 150)), "image": "image"}
        data |= {"split": {"test": 24, "validation": 24}, "labelled": 30}
        student = {"model": "convnet", "reads": {"kind": "image", "size": 8}}
        return replace(make(folder), about={"data": data, "student": student})

    return made


ORDER = r"say which is which: 'teacher\.labels=\{good: \w+, bad: \w+\}' \(\d+\.\d%\) or 'teacher\.labels=\{"
MISFITS: dict[str, tuple[Callable[[Path], Case], str]] = {
    "transformers, names": (
        lambda folder: renamed(encoder(folder, finetune=False), ["good", "bad"]),
        rf"teacher\.labels: the teacher's outputs `good`, `bad` are not the names of the classes `0`, `1`; {ORDER}",
    ),
    "transformers, number": (
        lambda folder: keys(encoder(folder, finetune=False), labels={"0": "0"}),
        r"teacher\.labels: no output is called the class `1`; the teacher's outputs: `0`, `1`",
    ),
    "transformers, modality": (
        of_images(lambda folder: keys(encoder(folder, finetune=False), reads={"kind": "image"})),
        r"classifies texts, and the data are images; take one of images, or name the column with the texts in data",
    ),
    "given, vocabulary": (
        lambda folder: Case({"kind": "given", "model": {"name": "given"}}, Short()),
        r"its forward failed on 2 rows \(IndexError.*; tokens have numbers up to \d+ and more: give the tokenizer that",
    ),
    "module, vocabulary": (
        few_of_a_module,
        r"failed on 2 rows \(IndexError.*; tokens have numbers up to \d+: give the tokenizer that the network",
    ),
    "module, weights": (
        lambda folder: keys(few_of_a_module(folder), build="kind_cases:bag"),
        r"words\.weight",
    ),
    "module, number": (
        lambda folder: keys(built(folder), outputs=3),
        r"the teacher has 3 outputs \(`0`, `1`, `2`\), and the data 2 classes .*; say which are meant",
    ),
    "module, tokenizer": (
        lambda folder: keys(built(folder), reads={}),
        r"reads\.tokenizer: a finished network reads the token ids of its own tokenizer, and the recipe names none;",
    ),
    "onnx, vocabulary": (few_words, r"its (forward failed|tokenizer numbers tokens up to \d+)"),
    "onnx, answers": (
        lambda folder: keys(onnx_file(folder), answers="probabilities"),
        r"teacher\.answers: its answers to 30 validation rows are no probabilities; set it to logits",
    ),
    "onnx, labels": (
        lambda folder: keys(onnx_file(folder), labels={"0": "0", "5": "1"}),
        r"teacher\.labels: the teacher has no output `5`",
    ),
    "run, names": (
        lambda folder: earlier(folder, names=["good", "bad"]),
        rf"outputs `good`, `bad` are not .*; {ORDER}",
    ),
    "run, task": (
        lambda folder: earlier(folder, task="regression"),
        r"`student` of that run predicts a regression, and the task is classification; take one of a class",
    ),
    "bundle, names": (
        lambda folder: bundle(folder, labels=["good", "bad"]),
        rf"outputs `good`, `bad` are not .*; {ORDER}",
    ),
    "bundle, modality": (
        of_images(bundle),
        r"teacher\.path: the bundle reads texts, and the data are images; take one that reads images, or name another",
    ),
    "sklearn, names": (
        of_words,
        r"outputs `bad`, `good` are not the names of the classes `0`, `1`; say which is which",
    ),
    "callable, number": (
        lambda folder: Case({"kind": "callable", "function": f"{__name__}:three", "version": "1"}),
        r"teacher: its answers have the shape \(8, 3\), and 8 rows of 2 outputs are needed",
    ),
    "callable, probabilities": (
        lambda folder: Case({"kind": "callable", "function": f"{__name__}:halves", "version": "1"}),
        r"8 of 8 rows of its answers are no probabilities, as 0\.7, 0\.7 \(sum 1\.4\); return probabilities, or set",
    ),
    "file, names": (other_columns, r"outputs `bad`, `good` are not .*say which is which: 'teacher\.labels="),
    "file, rows": (
        lacking,
        r"it has no row for \d+ of 260 examples, such as `.*; let the teacher answer for every row",
    ),
    "endpoint, names": (
        lambda folder: keys(endpoint(folder), labels={"bad": "0"}),
        r"teacher\.labels: .*no output is called the class `1`",
    ),
    "embedding, tokenizer": (
        lambda folder: Case({"kind": "embedding", "model": "kind_cases:features"}),
        r"reads\.tokenizer: a finished network reads the token ids of its own tokenizer, and the recipe names none",
    ),
    "ensemble, a member's names": (
        lambda folder: Case(
            {"kind": "ensemble", "members": [estimator(folder).teacher, other_columns(folder).teacher]}
        ),
        r"teacher\.members\.1\.labels: the teacher's outputs `bad`, `good` are not the names of the classes",
    ),
}
"""By kind and what does not fit: the teacher, and what is said."""
TRAINED = {"network", "nblr", "tfidf", "boosting", "mean_teacher", "mutual"}
"""They learn the data's own classes from the data's own rows."""


def test_every_finished_kind_has_a_misfit():
    assert {name.split(",")[0] for name in MISFITS} == CATALOGUE.keys() - TRAINED


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_refused_before_anything_long_starts(name, tmp_path):
    make, line = MISFITS[name]

    def begin() -> None:
        bench = Bench(make(tmp_path), tmp_path)
        preflight(bench.recipe, bench.material())

    with pytest.raises(LimbeckError, match=line) as caught:
        begin()
    assert caught.value.fix, "how to mend it"
    assert "\n" not in str(caught.value)


def test_a_teacher_at_chance_says_what_else_it_may_be(tmp_path):
    """Another tokenizer of as many tokens cannot be told from the right one but by the answers."""
    bench = Bench(built(tmp_path), tmp_path)
    place = tmp_path / "run"
    with pytest.raises(LimbeckError, match=r"see that teacher\.reads has the tokenizer that it was trained with, take"):
        ask_teacher(bench.recipe, train_teacher(bench.recipe, bench.material(), place), bench.splits, place)
