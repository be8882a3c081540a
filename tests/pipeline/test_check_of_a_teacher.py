"""What `limbeck check` says of a teacher before a run: how good it is, beside what, and what its answers cost."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from endpoint_server import Behaviour, served
from tiny import GOOD, recipe, write_csv

from limbeck.evaluation.classification import METRICS
from limbeck.evaluation.metric import sheet_of
from limbeck.evaluation.significance import interval
from limbeck.evaluation.values import VALUES_METRICS, values_sheet
from limbeck.pipeline import check as checking
from limbeck.pipeline.check import check
from limbeck.pipeline.judging import beforehand
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import parse_recipe
from made_rows import splits_of

ASKED: list[str] = []
"""Every text that a teacher of this file was asked about."""


def _number(text: str) -> int:
    return int(text.split()[-1])


def _says(texts, right):
    """Return probabilities that are right about a text where `right` says so of its number."""
    ASKED.extend(texts)
    good = [any(word in GOOD for word in text.split()) == right(_number(text)) for text in texts]
    return np.array([[0.1, 0.9] if yes else [0.9, 0.1] for yes in good])


def knows(texts):
    return _says(texts, lambda number: True)


def guesses(texts):
    """Right about two of three."""
    return _says(texts, lambda number: number % 3 > 0)


def wanted(folder: Path, function: str, **changes):
    source = folder / "rows.csv"
    teacher = {"kind": "callable", "function": f"{__name__}:{function}", "version": "1"}
    split = {"test": 60, "validation": 80}
    data = {"source": str(source), "split": split, "labelled": 60, "labelled_per_batch": 4}
    values = recipe(source if source.is_file() else write_csv(source, 300), seeds=[0], teacher=teacher, data=data)
    return parse_recipe(values | changes, "test")


@pytest.fixture(autouse=True)
def _nobody_was_asked():
    ASKED.clear()


def test_a_good_teacher_stands_above_the_floor_and_its_answers_are_kept(tmp_path, capsys):
    kept = tmp_path / "answers"
    loaded = wanted(tmp_path, "knows", cache={"path": str(kept)})
    check(loaded)
    said = " ".join(capsys.readouterr().out.split())
    assert "on 80 validation rows" in said
    assert re.search(r"teacher 100\.0\s?% 100\.0\s?% to 100\.0\s?% 0\.105 10\.0\s?%", said), "accuracy, NLL and ECE"
    assert re.search(r"floor \d\d\.\d", said)
    assert "the floor (TF-IDF, logistic regression) learned 60 labels and is the cheap stand-in for the base" in said
    assert "no better than what labels alone" not in said
    assert f"its answers to 140 rows are kept in {kept}: the run asks for the others only" in said
    assert re.search(r"teacher: 300 answers in all take about ", said)
    splits = splits_of(loaded)
    assert not {*ASKED} & {*splits.test.values}, "test rows are the run's"
    assert json.loads((kept / "teacher/manifest.json").read_text())["count"] == 140

    ASKED.clear()
    settled = settle(loaded, Material(splits))
    made = train_teacher(settled, Material(splits), tmp_path / "run")
    answers = ask_teacher(settled, made, splits, tmp_path / "run", kept=kept)
    assert answers.logits("validation").shape == (80, 2)
    assert {*ASKED} == {*splits.unlabelled.values}, "the run asks for what the check has not asked for"


def test_a_teacher_below_the_floor_is_warned_of_in_a_line(tmp_path, capsys):
    check(wanted(tmp_path, "guesses"))
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if "no better than what labels alone are likely to teach" in line]
    assert "take a better teacher, or train on the labels" in line
    assert re.search(r"the teacher beside it: −\d+\.\d points \(95 % interval −\d", said)
    assert "its answers to 140 rows are not kept, as the recipe names no `cache.path`: the run asks again" in said


def test_a_large_split_is_sampled(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checking, "JUDGED_ROWS", 40)
    monkeypatch.setattr(beforehand, "FLOOR_ROWS", 50)
    kept = tmp_path / "answers"
    check(wanted(tmp_path, "knows", cache={"path": str(kept)}))
    said = capsys.readouterr().out
    assert "on 40 validation rows" in said
    assert "learned 50 labels and is the cheap" in said
    assert json.loads((kept / "teacher/manifest.json").read_text())["count"] == 80


def test_a_cache_of_another_teacher_is_left_alone(tmp_path):
    kept = tmp_path / "answers"
    check(wanted(tmp_path, "knows", cache={"path": str(kept)}))
    before = {file: file.read_bytes() for file in (kept / "teacher").iterdir()}
    with pytest.raises(checking.LimbeckError, match="the cache belongs to another teacher"):
        check(wanted(tmp_path, "guesses", cache={"path": str(kept)}))
    assert {file: file.read_bytes() for file in (kept / "teacher").iterdir()} == before


def test_a_teacher_without_weights_is_left_to_the_run(tmp_path, capsys):
    source = write_csv(tmp_path / "rows.csv")
    network = recipe(source)["teacher"]
    own = {"kind": "callable", "function": f"{__name__}:knows", "version": "1"}
    ensemble = {"kind": "ensemble", "members": [own, network, network]}
    for teacher, keys in ((network, "teacher is"), (ensemble, "teacher.members.1 and teacher.members.2 are")):
        check(parse_recipe(recipe(source, seeds=[0], baseline=False, teacher=teacher), "test"))
        said = capsys.readouterr().out
        assert f"{keys} not scored here: the run trains and then judges what has no weights yet" in said
        assert "95 % interval" not in said


def numbers(texts):
    return np.array([[float(_number(text) % 7)] for text in texts])


def test_values_are_scored_in_their_unit(tmp_path, capsys):
    rows = [line.rsplit(",", 1)[0] for line in write_csv(tmp_path / "w.csv", 300).read_text().splitlines()[1:]]
    lines = [f"{text},{_number(text) % 7 + 0.5}" for text in rows]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    check(wanted(tmp_path, "numbers", task="regression", losses=[{"name": "regression_kd"}]))
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"teacher 0\.5 0\.5 to 0\.5", said)
    assert re.search(r"the teacher beside it: \+[\d.]+ RMSE", said), "more is better"
    assert "no better" not in said


# --- answers that cost money ----------------------------------------------------------------------------------------


def metered(folder: Path, url: str, **changes):
    values = recipe(write_csv(folder / "rows.csv", 300), seeds=[0], **changes)
    labels = {"bad": "0", "good": "1"}
    values["teacher"] = {"kind": "endpoint", "base_url": url, "model": "echo", "labels": labels}
    return parse_recipe(values, "test")


def test_answers_that_cost_money_are_asked_for_where_they_are_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checking, "METERED_ROWS", 10)
    with served(behaviour := Behaviour()) as url:
        check(metered(tmp_path, url))
        assert len(behaviour.seen) == 1
        assert "with `cache.path=FOLDER` it is asked for 10 validation rows at most" in capsys.readouterr().out
        check(metered(tmp_path, url, cache={"path": str(tmp_path / "answers")}))
    said = capsys.readouterr().out
    assert len(behaviour.seen) == 1 + 10 + 1, "ten to score it, one to know what all cost"
    assert "on 10 validation rows" in said
    assert "learned 40 labels and is the cheap" in said


# --- intervals ------------------------------------------------------------------------------------------------------


def test_the_interval_of_a_share_is_the_binomials():
    rng = np.random.default_rng(0)
    right = rng.random(400) < 0.8
    logits = np.stack([np.zeros(400), np.where(right, 1.0, -1.0)], axis=1)
    metric = METRICS["accuracy"]
    low, high = interval(metric.parts(sheet_of(logits, np.ones(400, np.int64))), metric)
    side = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert (low, high) == pytest.approx((right.mean() - side, right.mean() + side), abs=0.004)


def test_the_interval_of_an_error_is_the_bootstraps():
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(50, 1))
    metric = VALUES_METRICS["rmse"]
    drawn = [np.sqrt((errors[rng.integers(50, size=50)] ** 2).mean()) for _ in range(10_000)]
    found = interval(metric.parts(values_sheet(errors, np.zeros((50, 1)), np.ones(1))), metric)
    assert found == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.02)
