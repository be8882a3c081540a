"""Ensembles of any kinds: mixed as the task says, with weights that are given, fitted, or of each example."""

import csv
from pathlib import Path

import numpy as np
import pytest
from kind_cases import Case, answers_file, bundle, earlier, estimator, onnx_file
from kind_contract import Bench
from scipy.special import expit, softmax
from tiny import recipe

from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import Recipe
from made_rows import numbers_of, splits_of

ROWS = 200


def write(file: Path, labels: list[str], rows: list[list[object]]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["text", *labels])
        writer.writerows(rows)
    return file


def asked(folder: Path, teacher: dict, file: Path, **about):
    """Return what answers for the rows of a file, after the way through a recipe."""
    data = recipe(file)["data"] | about.pop("data", {})
    loaded = Recipe.model_validate(recipe(file, seeds=[0], teacher=teacher, data=data, **about))
    splits = splits_of(loaded)
    settled = settle(loaded, Material(splits))
    return ask_teacher(settled, train_teacher(settled, Material(splits), folder / "run"), splits, folder / "run")


# --- classes: experts of a half each --------------------------------------------------------------------------------


def _expert(texts: list[str], side: str) -> np.ndarray:
    """Return probabilities of somebody who knows one side only: 0.95 for the class there, a half elsewhere."""
    good = [(0.95 if text.endswith("good") else 0.05) if text.startswith(side) else 0.5 for text in texts]
    return np.stack([1 - np.array(good), good], axis=1)


def left(texts):
    return _expert(texts, "left")


def right_turned(texts):
    """The expert of the other side, whose outputs stand in another order."""
    return _expert(texts, "right")[:, ::-1]


EXPERTS = [
    {"kind": "callable", "function": f"{__name__}:left", "version": "1"},
    {"kind": "callable", "function": f"{__name__}:right_turned", "version": "1", "labels": {"0": "good", "1": "bad"}},
]


def nll(logits, labels):
    return -np.log(softmax(logits.astype(np.float64), axis=1)[np.arange(len(labels)), labels]).mean()


def test_an_ensemble_is_better_than_its_best_member(tmp_path):
    """Each knows a half, so that together they know all; by how sure they are, they are surer of it than in a mean."""
    rows = [
        [f"{('left', 'right')[n % 2]} {n} {('bad', 'good')[n // 2 % 2]}", ("bad", "good")[n // 2 % 2]]
        for n in range(ROWS)
    ]
    file = write(tmp_path / "rows.csv", ["label"], rows)
    found = {}
    for name, weights in {"mean": [1, 1], "confidence": "confidence", "fitted": None}.items():
        teacher = {"kind": "ensemble", "members": EXPERTS, "weights": weights}
        answers = asked(tmp_path, teacher, file)
        labels, logits = numbers_of(answers.splits.validation), answers.logits("validation")
        alone = [(member.logits(answers.splits, "validation").argmax(1) == labels).mean() for member in answers.members]
        assert (logits.argmax(1) == labels).all(), name
        assert max(alone) < 0.9
        found[name] = answers, nll(logits, labels)
    assert found["confidence"][1] < found["mean"][1] - 0.02
    assert found["confidence"][0].settings == {"teacher-0 weight": "by confidence", "teacher-1 weight": "by confidence"}
    assert len({tuple(answers.names) for answers, _ in found.values()}) == 3, (
        "or a student of one is taken for another's"
    )
    answers, _ = found["confidence"]
    parts = [softmax(each.logits(answers.splits, "test").astype(np.float64), axis=1) for each in answers.members]
    sure = np.stack([np.exp((p * np.log(p)).sum(axis=1)) for p in parts])
    expected = sum(share[:, None] * p for share, p in zip(sure / sure.sum(axis=0), parts, strict=True))
    np.testing.assert_allclose(softmax(answers.logits("test"), axis=1), expected, atol=1e-6)


def test_members_of_any_kinds_answer_together(tmp_path):
    """With readers, tokenizers and orders of the outputs of their own: each is asked as it is asked alone."""
    makers = {"run": earlier, "bundle": bundle, "sklearn": estimator, "file": answers_file, "onnx": onnx_file}
    cases = {name: make(tmp_path) for name, make in makers.items()}
    members, weights = [case.teacher for case in cases.values()], [1, 2, 3, 1, 1]
    together = {"kind": "ensemble", "members": members, "weights": weights, "accept_bad": True}
    bench = Bench(Case(together), tmp_path)
    place = tmp_path / "run"
    answers = ask_teacher(bench.recipe, train_teacher(bench.recipe, bench.material(), place), bench.splits, place)
    expected = 0.0
    for member, weight in zip(members, weights, strict=True):
        own = Bench(Case(member | {"accept_bad": True}), tmp_path)
        folder = tmp_path / member["kind"]
        alone = ask_teacher(own.recipe, train_teacher(own.recipe, own.material(), folder), own.splits, folder)
        expected += weight / sum(weights) * softmax(alone.logits("test").astype(np.float64), axis=1)
    np.testing.assert_allclose(softmax(answers.logits("test").astype(np.float64), axis=1), expected, atol=1e-6)


# --- values, and label sets -----------------------------------------------------------------------------------------


def near(texts):
    return np.array([[float(text.split()[1]) + 0.1 * np.sin(7 * float(text.split()[2]))] for text in texts])


def far(texts):
    return np.array([[float(text.split()[1]) + 0.1 * np.cos(11 * float(text.split()[2]))] for text in texts])


def off(texts):
    return near(texts) + 5


def test_values_are_averaged(tmp_path):
    """Two with independent errors: their mean is nearer than either; one that is far off has no weight."""
    draw = np.random.default_rng(0)
    rows = [[f"value {value:.4f} {n}", round(value, 4)] for n, value in enumerate(draw.normal(size=ROWS))]
    file = write(tmp_path / "rows.csv", ["score"], rows)
    members = [
        {"kind": "callable", "function": f"{__name__}:{name}", "version": "1"} for name in ("near", "far", "off")
    ]
    about = {"task": "regression", "losses": [{"name": "regression_kd"}], "data": {"label": "score"}}
    answers = asked(tmp_path, {"kind": "ensemble", "members": members}, file, **about)
    assert answers.weights[2] == 0
    assert 0.3 < answers.weights[0] < 0.7
    truth = answers.splits.validation.labels.values
    parts = [member.logits(answers.splits, "validation") for member in answers.members]
    errors = [float(((each - truth) ** 2).mean()) for each in (*parts, answers.logits("validation"))]
    assert errors[3] < 0.8 * min(errors[:3])
    expected = sum(w * part.astype(np.float64) for w, part in zip(answers.weights, parts, strict=True))
    np.testing.assert_allclose(answers.logits("validation"), expected, rtol=1e-5, atol=1e-6)


def _flags(texts, known):
    """Return probabilities of two labels, of which somebody knows one."""
    found = np.full((len(texts), 2), 0.5)
    found[:, known] = [0.9 if ("one", "two")[known] in text.split() else 0.1 for text in texts]
    return found


def first(texts):
    return _flags(texts, 0)


def second(texts):
    return _flags(texts, 1)


@pytest.mark.parametrize("weights", [None, "confidence"])
def test_label_sets_are_mixed_label_by_label(tmp_path, weights):
    draw = np.random.default_rng(0)
    flags = draw.random((ROWS, 2)) < 0.5
    words = [" ".join(name for name, has in zip(("one", "two"), row, strict=True) if has) for row in flags]
    rows = [[f"{text} text {n}", *map(int, row)] for n, (text, row) in enumerate(zip(words, flags, strict=True))]
    file = write(tmp_path / "rows.csv", ["one", "two"], rows)
    members = [{"kind": "callable", "function": f"{__name__}:{name}", "version": "1"} for name in ("first", "second")]
    about = {"task": "multilabel", "losses": [{"name": "binary_kd"}], "data": {"label": ["one", "two"]}}
    answers = asked(tmp_path, {"kind": "ensemble", "members": members, "weights": weights}, file, **about)
    truth, found = answers.splits.validation.labels.values, expit(answers.logits("validation").astype(np.float64))
    assert ((found > 0.5) == truth).all(), "each member alone knows one label of two"
    parts = [expit(member.logits(answers.splits, "validation").astype(np.float64)) for member in answers.members]
    if weights is None:
        expected = sum(w * part for w, part in zip(answers.weights, parts, strict=True))
    else:
        sure = [np.exp(p * np.log(p) + (1 - p) * np.log(1 - p)) for p in parts]
        expected = sum(s * p for s, p in zip(sure, parts, strict=True)) / sum(sure)
    np.testing.assert_allclose(found, expected, atol=1e-6)
