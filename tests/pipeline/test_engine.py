"""A teacher that onnxruntime answers for: the same answers, under a name of their own, or none."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny import recipe, write_csv

from limbeck.errors import LimbeckError
from limbeck.models.onnxfile import OnnxFile
from limbeck.pipeline.order import material_of
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import parse_recipe

sys.path.append(str(Path(__file__).parent.parent / "teachers"))
from kind_cases import encoder


class Case:
    """A finished folder of transformers, in one run's folder for every test: it is exported once."""

    def __init__(self, folder):
        self.folder, teacher = folder, encoder(folder).teacher
        self.values = recipe(write_csv(folder / "rows.csv"), seeds=[0]) | {"teacher": teacher | {"accept_bad": True}}
        self.material = material_of(parse_recipe(self.values, "test"))

    def asked(self, engine, kept):
        cache = {"engine": engine, "path": str(self.folder / kept)}
        settled = settle(parse_recipe(self.values | {"cache": cache}, "test"), self.material)
        made = train_teacher(settled, self.material, self.folder / "run")
        return ask_teacher(settled, made, self.material.splits, self.folder / "run", kept=settled.cache.folder)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return Case(tmp_path_factory.mktemp("engine"))


def test_onnxruntime_says_what_pytorch_says_and_the_cache_says_who_answered(case, capsys):
    torchs = case.asked("torch", "torch")
    assert "onnxruntime" not in capsys.readouterr().out
    found = case.asked("onnxruntime", "onnx")
    said = capsys.readouterr().out
    assert re.search(
        r"  teacher: onnxruntime differs from PyTorch by [\d.]+e-0\d at most in a logit, on 30 rows, and", said
    )
    assert said.count("differs from PyTorch") == 1, "compared once, and not for every split"
    for split in ("validation", "labelled", "transfer"):
        np.testing.assert_allclose(found.logits(split), torchs.logits(split), rtol=0, atol=1e-4)
    assert not np.array_equal(found.logits("transfer"), torchs.logits("transfer")), "or both were asked of one engine"
    identities = [
        json.loads((case.folder / kept / "teacher/manifest.json").read_text())["identity"] for kept in ("torch", "onnx")
    ]
    assert [identity.get("engine") for identity in identities] == [None, "onnxruntime"]
    assert torchs.kept == {}
    assert found.kept == {"cache.engine": "onnxruntime"}
    assert torchs.members[0].cache.identity.name != found.members[0].cache.identity.name


@pytest.mark.parametrize(("kept", "engine", "has"), [("a", "torch", "onnxruntime"), ("b", "onnxruntime", "torch")])
def test_the_answers_of_the_other_engine_are_refused(case, kept, engine, has):
    case.asked(has, kept)
    line = f"the cache belongs to another engine: it has `{has}`, this run needs `{engine}`"
    with pytest.raises(LimbeckError, match=line):
        case.asked(engine, kept)


def test_an_engine_that_says_something_else_is_refused_before_it_answers(case, monkeypatch):
    exact = OnnxFile.run

    def off(self, feed, output):
        logits = exact(self, feed, output).copy()
        logits[0, 0] += 2e-3
        return logits

    monkeypatch.setattr(OnnxFile, "run", off)
    with pytest.raises(LimbeckError) as caught:
        case.asked("onnxruntime", "off")
    assert str(caught.value) == (
        "cache.engine: teacher: onnxruntime differs from PyTorch by 2.0e-03 at most in a logit, on 30 rows, and 1e-04 "
        "is allowed; set cache.engine=torch"
    )
    assert not list((case.folder / "off").rglob("*.safetensors"))


def test_what_has_all_answers_exports_nothing(case, monkeypatch):
    case.asked("onnxruntime", "full")
    monkeypatch.setattr("limbeck.pipeline.training.engine.exported", lambda *_: pytest.fail("nobody is asked"))
    case.asked("onnxruntime", "full")


def test_the_engine_is_part_of_what_names_a_result(case):
    digests = {parse_recipe(case.values | {"cache": cache}, "test").digest for cache in ({}, {"engine": "torch"})}
    assert digests == {parse_recipe(case.values, "test").digest}
    assert parse_recipe(case.values | {"cache": {"engine": "onnxruntime"}}, "test").digest not in digests


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"teacher": {"kind": "nblr"}}, r"exports a network of PyTorch, and teacher\.kind=nblr is none"),
        (
            {"losses": [{"name": "fitnet", "student": "dropout", "teacher": "encoder"}]},
            r"fitnet compares activations, which cache\.engine=onnxruntime does not give",
        ),
    ],
)
def test_what_cannot_be_asked_through_it_is_refused_as_the_recipe_is_read(case, changes, line):
    with pytest.raises(LimbeckError, match=line):
        parse_recipe(case.values | {"cache": {"engine": "onnxruntime"}} | changes, "test")
