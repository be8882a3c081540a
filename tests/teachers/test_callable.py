"""A function of somebody's own as a teacher, and what every teacher has that is asked with values as they were read."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from tiny import GOOD, recipe, write_csv

import limbeck
from limbeck.errors import LimbeckError
from limbeck.pipeline import run
from limbeck.pipeline.check import check
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Given, Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import parse_recipe
from limbeck.types import Batch
from made_rows import numbers_of, splits_of

pytestmark = pytest.mark.usefixtures("quick_exports")

ASKED: list[str] = []
SURE = 0.9


def says(values):
    """Return probabilities of bad and good, and remember what was asked."""
    ASKED.extend(values)
    return [[1 - SURE, SURE] if set(GOOD) & set(value.split()) else [SURE, 1 - SURE] for value in values]


def turned(values):
    return np.array(says(values))[:, ::-1]


def as_margins(values):
    return np.log(says(values))


def as_tensor(values):
    return torch.tensor(says(values), requires_grad=True)


class Stubborn:
    """What has numbers and does not give them."""

    def __array__(self, *about, **more):
        raise RuntimeError("ask me no more")


def three(values):
    return np.hstack([np.zeros((len(values), 1)), says(values)])


@pytest.fixture(autouse=True)
def _nothing_asked():
    ASKED.clear()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("rows") / "rows.csv")


def parsed(source, function="says", about=(), **teacher):
    values = recipe(source, seeds=[0], baseline=False, **dict(about))
    values["student"]["train"] |= {"steps": 4, "validations": 1}
    named = {"kind": "callable", "function": function and f"test_callable:{function}", "version": 1}
    return parse_recipe(values | {"teacher": named | teacher}, "test")


def answered(loaded, folder, given=None):
    """Return the run's teacher, asked for all that the student learns from."""
    material = Material(splits_of(loaded), Given(given))
    settled = settle(loaded, material)
    settled.teacher.check(_work(settled, material))
    return ask_teacher(settled, train_teacher(settled, material, folder), material.splits, folder)


def _work(loaded, material):
    from limbeck.pipeline.training.work import RunWork

    return RunWork(loaded, material)


def test_a_run_from_a_cold_start(source, tmp_path, capsys):
    result = run(parsed(source), tmp_path / "run")
    assert result.evaluation.score("teacher") == 1.0
    assert result.evaluation.models["teacher"].scores["nll"] == pytest.approx(-np.log(SURE), abs=1e-6)
    said = capsys.readouterr().out
    assert "outputs in the order of the classes: 0 is 0, 1 is 1" in said
    assert "version 1 names its answers; nothing else can" in said
    (manifest,) = (tmp_path / "run/cache").glob("*/manifest.json")
    identity = json.loads(manifest.read_text())["identity"]
    assert (identity["version"], identity["unverifiable"], identity["view"]) == ("1", True, "raw")
    assert "version: '1'" in (tmp_path / "run/recipe.yaml").read_text()
    ASKED.clear()
    again = run(limbeck.recipe.load_recipe(str(tmp_path / "run/recipe.yaml")), tmp_path / "run")
    assert again.evaluation == result.evaluation
    assert len(ASKED) <= 8, "a check asks for a few; the answers are there"


def test_each_row_is_asked_once_in_bounded_batches(source, tmp_path, monkeypatch):
    sizes = []

    def counted(values):
        sizes.append(len(values))
        return says(values)

    monkeypatch.setitem(globals(), "counted", counted)
    loaded = parsed(source, "counted")
    material = Material(splits_of(loaded))
    settled = settle(loaded, material)
    made = train_teacher(settled, material, tmp_path)
    ask_teacher(settled, made, material.splits, tmp_path)
    own = material.splits.transfer.values + material.splits.validation.values
    assert sorted(ASKED) == sorted(own)
    assert max(sizes) <= 32


def test_a_killed_labelling_goes_on(source, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["limbeck.cache.label"], "SHARD_BATCHES", 1)
    calls = []

    def ends(values):
        calls.append(len(values))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return says(values)

    monkeypatch.setitem(globals(), "ends", ends)
    loaded = parsed(source, "ends")
    material = Material(splits_of(loaded))
    settled = settle(loaded, material)
    with pytest.raises(KeyboardInterrupt):
        ask_teacher(settled, train_teacher(settled, material, tmp_path), material.splits, tmp_path)
    answers = ask_teacher(settled, train_teacher(settled, material, tmp_path), material.splits, tmp_path)
    assert sorted(ASKED) == sorted(material.splits.transfer.values + material.splits.validation.values)
    decided = answers.logits("transfer").argmax(1)
    assert decided.tolist() == [int(bool(set(GOOD) & set(text.split()))) for text in material.splits.transfer.values]


def test_another_version_refuses_the_old_answers_and_shows_both(source, tmp_path):
    about = {"cache": {"path": str(tmp_path / "kept")}}
    run(parsed(source, about=about), tmp_path / "one")
    count = len(ASKED)
    run(parsed(source, about=about), tmp_path / "two")
    assert len(ASKED) <= count + 8, "of the same version, all answers are there"
    for go in (lambda loaded: run(loaded, tmp_path / "three"), check):
        with pytest.raises(LimbeckError, match="belongs to another version: it has `1`, this run needs `1b`"):
            go(parsed(source, about=about, version="1b"))
    with pytest.raises(LimbeckError, match=r"belongs to another teacher: it has `[0-9a-f]{16}`, this run needs"):
        run(parsed(source, "as_margins", about=about, answers="logits"), tmp_path / "four")


def test_logits_are_taken_as_they_are(source, tmp_path):
    one = answered(parsed(source), tmp_path / "one").logits("validation")
    other = answered(parsed(source, "as_margins", answers="logits"), tmp_path / "other").logits("validation")
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert one.dtype == np.float32


def test_a_tensor_is_taken_with_its_gradient(source, tmp_path):
    one = answered(parsed(source), tmp_path / "one").logits("validation")
    other = answered(parsed(source, "as_tensor"), tmp_path / "other").logits("validation")
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_columns_in_another_order(source, tmp_path):
    with pytest.raises(LimbeckError, match=r"seem to be named wrong: 0.0% .*set 'teacher.labels=\{0: 1, 1: 0\}'"):
        answered(parsed(source, "turned"), tmp_path / "wrong")
    one = answered(parsed(source, "turned", labels={0: 1, 1: 0}), tmp_path / "right")
    assert one.logits("validation").argmax(1).tolist() == numbers_of(one.splits.validation).tolist()
    more = answered(parsed(source, "three", outputs=3, labels={1: 0, 2: 1}), tmp_path / "more")
    assert np.array_equal(more.logits("validation"), one.logits("validation"))
    with pytest.raises(LimbeckError, match=r"teacher.labels: the teacher has 3 outputs .*, and the data 2 classes"):
        answered(parsed(source, "three", outputs=3), tmp_path / "which")


FAULTS = {
    "a row too few": (lambda values: says(values)[1:], r"shape \(7, 2\), and 8 rows of 2 outputs are needed"),
    "a column too many": (three, r"shape \(8, 3\), and 8 rows of 2 outputs"),
    "a column": (
        lambda values: [0.5] * 8,
        r"shape \(8,\), and 8 rows of 2 .*; of a probability p of the second",
    ),
    "no numbers": (lambda values: values, "returned no array of numbers"),
    "rows of several lengths": (lambda values: [[0.5, 0.5]] * 7 + [[1]], "returned no array of numbers"),
    "what does not become an array": (lambda values: Stubborn(), r"no array of numbers \(RuntimeError: ask me no more"),
    "complex numbers": (lambda values: np.full((8, 2), 0.5 + 0j), r"no array of numbers \(TypeError: complex numbers"),
    "not finite": (lambda values: [[np.nan, 1]] * len(values), "8 of its answers to 8 rows are not finite numbers"),
    "infinite in float32": (lambda values: np.full((8, 2), 1e300), "not finite numbers"),
    "no probabilities": (lambda values: [[2, -1]] * 8, r"no probabilities, as 2, -1 \(sum 1\)"),
    "a sum of 2": (lambda values: np.ones((8, 2)), r"teacher: 8 of 8 rows .* as 1, 1 \(sum 2\); return probabilities"),
    "an error": (lambda values: 1 / 0, r"`test_callable:faulty` failed on 8 values \(ZeroDivisionError"),
    "an exit": (lambda values: sys.exit(3), r"failed on 8 values \(SystemExit: 3\)"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_it_gets_wrong_is_said_before_anything_is_labelled(source, tmp_path, monkeypatch, fault):
    function, line = FAULTS[fault]
    monkeypatch.setitem(globals(), "faulty", function)
    logits = {"answers": "logits"} if "infinite" in fault else {}
    with pytest.raises(LimbeckError, match=line):
        answered(parsed(source, "faulty", **logits), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_function_that_is_not_there(source):
    with pytest.raises(LimbeckError, match=r"teacher.function: .* has no function `sayz`; did you mean `says`"):
        check(parsed(source, "sayz"))


def test_the_function_itself(source, tmp_path):
    settings = {"data.split": {"test": 60, "validation": 30}, "data.labelled": 40, "baseline": False}
    settings |= {"student.train": {"steps": 4, "batch_size": 16, "validations": 1}}
    student = {"name": "ngrams", "dim": 4, "buckets": 64}

    def go(function, version, out="run"):
        given = settings | ({"teacher.version": version} if version else {})
        return limbeck.distill(function, student, source, seeds=[0], settings=given, out=tmp_path / out)

    with pytest.raises(LimbeckError, match=r"`teacher.version` is missing"):
        go(says, None)
    result = go(says, "1")
    assert result.evaluation.score("teacher") == 1.0
    ASKED.clear()
    assert go(says, "1").evaluation == result.evaluation
    assert len(ASKED) <= 8
    with pytest.raises(LimbeckError, match=r"the teacher of this recipe was a Python object"):
        check(parsed(source, None))


def test_the_same_function_by_name_and_itself_has_the_same_answers(source, tmp_path):
    named = answered(parsed(source), tmp_path / "named")
    given = answered(parsed(source, function=None), tmp_path / "given", given=says)
    assert named.members[0].cache.digest == given.members[0].cache.digest


def test_loaders_need_a_module():
    batches = [{"x": torch.zeros(2, 3), "labels": torch.tensor([0, 1])}]
    loader = {"train": batches, "validation": batches, "test": batches}
    with pytest.raises(LimbeckError, match=r"loaders need a teacher and a student that are modules.*needs a table"):
        limbeck.distill(says, lambda: torch.nn.Linear(3, 2), settings={"teacher.version": "1"}, **loader)


def test_a_batch_without_values_is_no_question(source, tmp_path):
    live = answered(parsed(source), tmp_path).members[0].live()
    with pytest.raises(ValueError, match="no teacher_values"):
        live.predict(Batch(torch.arange(2), {}, teacher_inputs={}))


def test_a_member_of_an_ensemble_that_is_calibrated(source, tmp_path):
    own = {"kind": "callable", "function": "test_callable:says", "version": 1, "calibrate": True}
    nblr = {"kind": "nblr", "regression": {"orders": 1, "min_texts": 1, "strengths": [1]}}
    values = recipe(source, seeds=[0], teacher={"kind": "ensemble", "members": [nblr, own]})
    answers = answered(parse_recipe(values, "test"), tmp_path)
    assert len(answers.members) == 2
    assert answers.members[1].temperature is None, "sure enough: it is never made surer"
    right = answers.logits("validation").argmax(1) == numbers_of(answers.splits.validation)
    assert right.mean() == 1.0


def test_copies_of_texts_are_texts(source, tmp_path):
    values = recipe(source, seeds=[0], teacher={"kind": "callable", "function": "test_callable:says", "version": 1})
    values["data"]["augment"] = {"copies": 1, "mask": 0.2}
    answers = answered(parse_recipe(values, "test"), tmp_path)
    assert len(answers.logits("transfer")) > 170
    assert set(answers.splits.transfer.values) <= set(ASKED)


def values_of(values):
    """Return a number a text."""
    return np.array([len(value.split()) for value in values])


def test_values_of_a_regression(tmp_path):
    rows = [line.split(",")[0] for line in write_csv(tmp_path / "texts.csv").read_text().splitlines()[1:]]
    lines = [f"{text},{len(text.split())}" for text in rows]
    (tmp_path / "rows.csv").write_text("\n".join(["text,words", *lines]) + "\n")
    about = {"task": "regression", "losses": [{"name": "regression_kd"}]}
    loaded = parsed(tmp_path / "rows.csv", "values_of", about=about)
    loaded = loaded.model_copy(update={"data": loaded.data.model_copy(update={"label": "words"})})
    result = run(loaded, tmp_path / "run")
    assert result.evaluation.score("teacher") == pytest.approx(0, abs=1e-5)
