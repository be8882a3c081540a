"""`limbeck label`: the answers of a run in advance, once each, however often it is killed."""

import json
import re
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import yaml
from kill_harness import start
from safetensors.numpy import load_file
from tiny import recipe, write_csv

from limbeck.errors import LimbeckError
from limbeck.pipeline import order, run
from limbeck.pipeline.judging.export import Exported
from limbeck.pipeline.label import label_rows
from limbeck.recipe import parse_recipe
from typed import call

ROWS = 260
SHARD = "cache/*-*-*/shard-0000{}.safetensors"
POINTS = [
    ("teacher: step 3", 1),
    ("labelling: entered", 1),
    ("labelling: teacher answered", 1),
    (f"{SHARD.format(0)}: half written", 1),
    (f"{SHARD.format(0)}: in place", 1),
    ("cache/*-*-*/manifest.json: half written", 2),
    ("labelling: teacher answered", 3),
    (f"{SHARD.format(3)}: in place", 1),
    ("labelling: teacher answered", 4),
    ("labelling: left", 1),
]
"""Where a labelling is killed, one place after the other, in one folder."""


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    found = recipe(write_csv(tmp_path_factory.mktemp("data") / "rows.csv", ROWS), seeds=[0], baseline=False)
    return found | {"arms": ["student"]}


def answers(folder):
    """Return what the caches of a run hold: by folder, and by id."""
    found = {}
    for cache in (folder / "cache").iterdir():
        shards = [load_file(file) for file in sorted(cache.glob("*.safetensors"))]
        ids, logits = (np.concatenate([shard[name] for shard in shards]) for name in ("ids", "logits"))
        assert len(set(ids.tolist())) == len(ids)
        found[cache.name] = dict(zip(ids.tolist(), map(tuple, logits.tolist()), strict=True))
    return found


def said(folder):
    """Return how many rows the last labelling has asked, and how many had an answer."""
    lines = folder.with_name(f"{folder.name}.log").read_text().splitlines()
    last = [line for line in lines if "rows asked" in line or "nothing to ask" in line][-1]
    found = re.search(r"([\d,]+) rows asked(?:, ([\d,]+) had an answer)?|nothing to ask: ([\d,]+) rows", last)
    asked, known, all_known = (int((part or "0").replace(",", "")) for part in found.groups())
    return asked, known + all_known


def durable(folder):
    """Return how many rows the manifests name."""
    return sum(json.loads(path.read_text())["count"] for path in folder.glob("cache/*/manifest.json"))


def test_killed_at_one_point_after_the_other_no_row_is_missed_or_asked_again(tmp_path, values):
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    start(values, whole, door="label")
    assert said(whole) == (ROWS, 0)
    for event, nth in POINTS:
        before = durable(folder)
        start(values, folder, door="label", kill_at=event, nth=nth)
        assert durable(folder) >= before, "what was durably written stays"
    before = durable(folder)
    start(values, folder, door="label")
    assert said(folder) == (ROWS - before, before)
    assert answers(folder) == answers(whole)
    assert [len(each) for each in answers(whole).values()] == [ROWS]


def test_what_was_written_before_a_kill_is_not_asked_again(tmp_path, values):
    folder = tmp_path / "run"
    start(values, folder, door="label", kill_at=f"{SHARD.format(3)}: in place")
    known = durable(folder)
    assert 0 < known < ROWS
    events = start(values, folder, door="label")
    assert said(folder) == (ROWS - known, known)
    batches = events.count("labelling: teacher answered")
    assert batches <= -(-(ROWS - known) // 32) + 1, "nobody else is asked: a batch holds 32 rows"
    start(values, folder, door="label")
    assert said(folder) == (0, ROWS)


def test_a_run_afterwards_asks_nothing(tmp_path, values, monkeypatch):
    parsed = parse_recipe(values, "test")
    labelled = label_rows(parsed, tmp_path / "run", command="limbeck label")
    assert (labelled.asked, labelled.known) == (ROWS, 0)
    assert labelled.folder == tmp_path / "run/cache"
    assert labelled.size == sum(file.stat().st_size for file in labelled.folder.rglob("*") if file.is_file()) > 0
    before = answers(tmp_path / "run")
    monkeypatch.setattr(sys.modules["limbeck.cache.label"], "_asked", lambda *_: pytest.fail("a row is asked again"))
    monkeypatch.setattr(order, "export_all", lambda *_: Exported({}, {"student": "it stays here"}))
    result = run(parsed, tmp_path / "run")
    assert result.evaluation.score("teacher") > 0.6
    assert len(result.evaluation.test_evaluations) == 1, "to be asked for answers is no evaluation"
    assert answers(tmp_path / "run") == before


def test_where_students_learn_from_a_part_of_each_answer_nobody_is_asked_twice(tmp_path):
    values = recipe(write_csv(tmp_path / "rows.csv", ROWS, classes=4), seeds=[0])
    values |= {"cache": {"codec": {"kind": "topk", "k": 2}, "path": str(tmp_path / "kept")}}
    values["teacher"]["accept_bad"] = True
    first = label_rows(parse_recipe(values, "test"), tmp_path / "run", command="limbeck label")
    assert (first.asked, first.known, first.folder) == (ROWS, 0, tmp_path / "kept")
    again = label_rows(parse_recipe(values, "test"), tmp_path / "run", command="limbeck label")
    assert (again.asked, again.known) == (0, ROWS)


def test_what_does_not_fit_on_the_disk_is_refused_before_a_teacher_is_trained(tmp_path, values, monkeypatch):
    usage = namedtuple("usage", "free")
    needed = 2 * ROWS * (2 * 4 + 8)  # twice: while shards are joined
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(needed - 1))
    with pytest.raises(LimbeckError) as caught:
        label_rows(parse_recipe(values, "test"), tmp_path / "run", command="limbeck label")
    assert re.search(
        r"run/cache: the answers take up to 8.3\skB while they are written, and 8.3\skB are free; free",
        str(caught.value),
    )
    assert not (tmp_path / "run/teacher").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(needed))
    assert label_rows(parse_recipe(values, "test"), tmp_path / "run", command="limbeck label").asked == ROWS
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0))
    assert label_rows(parse_recipe(values, "test"), tmp_path / "run", command="limbeck label").asked == 0


def test_states_are_labelled_once_and_their_bytes_are_known_before(tmp_path, values, monkeypatch):
    values["cache"] = {"codec": {"kind": "hidden", "dtype": "float32"}}
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0))
    with pytest.raises(LimbeckError, match="the answers take up to"):
        label_rows(parse_recipe(values, "test"), tmp_path / "run", command="limbeck label")
    assert not (tmp_path / "run/teacher").exists()
    monkeypatch.undo()
    assert label_rows(parse_recipe(values, "test"), tmp_path / "run", command="limbeck label").asked == ROWS
    assert [*(tmp_path / "run/cache").glob("*/shared.safetensors")]
    assert label_rows(parse_recipe(values, "test"), tmp_path / "run", command="limbeck label").asked == 0


def test_a_cluster_brings_back_no_states(tmp_path, values):
    values["cache"] = {"codec": "hidden"}
    with pytest.raises(LimbeckError) as caught:
        label_rows(parse_recipe(values, "test"), tmp_path / "run", command="limbeck label", ray="")
    assert str(caught.value) == (
        "--ray: it brings back logits, and cache.codec=hidden keeps what they are computed from; take "
        "cache.codec=dense, or leave it out"
    )
    assert not (tmp_path / "run").exists()


def test_the_command_says_what_it_did_and_what_goes_on(tmp_path, values, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(values))
    line = ("label", "tiny.yaml", "teacher.train.steps=24", "--out", "runs/x")
    code, out, err = call(monkeypatch, capsys, *line)
    assert (code, err) == (0, "")
    assert re.search(r"transfer set: done after [\d.]+ s  [\d,]+ rows/s, [\d,]+ tokens/s", out)
    assert re.search(r"  260 rows asked; \d+ s, [\d,]+ rows/s; [\d.]+\skB in runs/x/cache\n", out)
    assert out.endswith("run tiny.yaml teacher.train.steps=24 --out runs/x\n")
    code, out, _ = call(monkeypatch, capsys, *line)
    assert (code, "nothing to ask: 260 rows had an answer" in out) == (0, True)
    code, _, err = call(monkeypatch, capsys, "label", "tiny.yaml", "teacher.kind=netwrk")
    assert (code, err.startswith("error: ")) == (2, True)


@pytest.mark.parametrize(
    ("line", "address"),
    [
        (("sentiment", "--ray"), ""),
        (("sentiment", "seeds=[0]", "--ray", "--out", "x"), ""),
        (("--ray", "sentiment"), ""),
        (("sentiment", "--ray", "ray://head:10001"), "ray://head:10001"),
        (("--ray", "10.0.0.7:6379", "sentiment"), "10.0.0.7:6379"),
        (("sentiment",), None),
    ],
)
def test_a_cluster_is_named_or_left_to_ray(tmp_path, monkeypatch, capsys, line, address):
    given = []

    def label_rows(recipe, out, *, command, given_as, ray):
        given.append((recipe.name, ray))
        raise LimbeckError("far enough")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("limbeck.pipeline.label.label_rows", label_rows)
    assert call(monkeypatch, capsys, "label", *line)[2] == "error: far enough\n"
    assert given == [("sentiment", address)]
