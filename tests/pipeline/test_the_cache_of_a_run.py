"""Where a run keeps its teacher's answers, how, and who else may use them."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import GOOD, recipe, write_csv

from limbeck.cache import shards
from limbeck.errors import LimbeckError
from limbeck.pipeline import run
from limbeck.pipeline.check import check
from limbeck.pipeline.stages.claim import shared
from limbeck.recipe import Recipe
from limbeck.teachers import ModuleTeacher

sys.path.append(str(Path(__file__).parent.parent / "bad_input"))
from workshop import export_quickly


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    export_quickly(monkeypatch)


def wanted(folder: Path, **changes: object) -> Recipe:
    source = folder / "rows.csv"
    values = recipe(source if source.is_file() else write_csv(source), seeds=[0], baseline=False)
    return Recipe.model_validate(values | changes)


def kept(folder: Path) -> dict[str, object]:
    (manifest,) = folder.glob("*/manifest.json")
    return json.loads(manifest.read_text())


def scores(done):
    return {name: model.scores for name, model in done.evaluation.models.items()}


def test_a_changed_codec_redoes_what_depends_on_it_and_says_so(tmp_path, capsys):
    out = tmp_path / "run"
    run(wanted(tmp_path), out)
    first = kept(out / "cache")
    weights = (out / "student/seed-0/model.safetensors").read_bytes()
    capsys.readouterr()
    run(wanted(tmp_path, cache={"codec": {"kind": "dense", "dtype": "float16"}}), out)
    said = capsys.readouterr().out
    assert re.search(r"kept as dense, dtype float16: a logit differs by [\d.e-]+ at most", said)
    assert "seed-0: cache.codec changed, done again" in said
    assert re.search(r"evaluation: .*recipe.* changed, done again", said)
    assert "teacher: done after" not in said, "its training does not depend on it"
    assert (out / "student/seed-0/model.safetensors").read_bytes() != weights
    second = [json.loads(path.read_text()) for path in (out / "cache").glob("*/manifest.json")]
    (new,) = [each for each in second if each["identity"]["codec"]["dtype"] == "float16"]
    assert new["count"] == 170, "the transfer set; what judges the teacher is exact"
    assert first["count"] == 260
    assert 0 < new["error"] < 0.01
    assert first["error"] == 0
    run(wanted(tmp_path), out)
    assert (out / "student/seed-0/model.safetensors").read_bytes() == weights


def test_answers_elsewhere_serve_a_second_run(tmp_path, capsys, monkeypatch):
    answers = tmp_path / "answers"
    settings = wanted(tmp_path, cache={"path": str(answers)})
    one = run(settings, tmp_path / "one")
    said = re.findall("  teacher answers, (.*): done", capsys.readouterr().out)
    assert said == ["validation rows", "labelled rows", "transfer set", "test rows"], "each once, and of what"
    assert not (tmp_path / "one/cache").exists()
    checked, checksum = [], shards.file_digest
    monkeypatch.setattr(shards, "file_digest", lambda path: checked.append(path) or checksum(path))
    other = run(settings, tmp_path / "two")
    assert "teacher answers" not in capsys.readouterr().out
    assert checked == sorted(answers.glob("teacher/shard-*")), "opened once, and each file checked once"
    assert scores(other) == scores(one)
    here = run(wanted(tmp_path), tmp_path / "three")
    assert scores(here) == scores(one)
    assert not [*answers.rglob(".locks")]


def test_a_foreign_cache_is_refused_with_both_values(tmp_path):
    answers = tmp_path / "answers"
    run(wanted(tmp_path, cache={"path": str(answers)}), tmp_path / "one")
    had = kept(answers)["identity"]["teacher"]
    before = {path: path.read_bytes() for path in answers.rglob("*.*") if path.is_file() and path.name != "written.txt"}
    with pytest.raises(LimbeckError) as caught:
        run(wanted(tmp_path, seeds=[1], cache={"path": str(answers)}), tmp_path / "two")
    assert re.match(
        rf"{re.escape(str(answers / 'teacher'))}: the cache belongs to another teacher: it has `{had}`, this run needs "
        r"`[0-9a-f]{16}`; use the run that made it, give another cache.path, or delete the cache folder",
        str(caught.value),
    )
    changed = {"path": str(answers), "codec": {"kind": "dense", "dtype": "float16"}}
    with pytest.raises(
        LimbeckError, match="another codec: it has `kind: dense, dtype: float32`, this run needs `kind: d"
    ):
        run(wanted(tmp_path, cache=changed), tmp_path / "three")
    assert {path: path.read_bytes() for path in before} == before


def test_what_is_no_cache_is_not_written_to(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "years.txt").write_text("of work")
    settings = wanted(tmp_path, cache={"path": str(folder)})
    for use in (lambda: run(settings, tmp_path / "out"), lambda: check(settings)):
        with pytest.raises(LimbeckError, match=r"something else than a cache is there; give cache\.path a new folder"):
            use()
    assert [path.name for path in folder.iterdir()] == ["years.txt"]


def test_a_runs_folder_and_a_caches_are_not_taken_for_each_other(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(LimbeckError, match=r"something else than a cache is there; give cache\.path a new folder"):
        run(wanted(tmp_path, cache={"path": str(out)}), out)
    with shared(tmp_path / "answers"):
        (tmp_path / "answers/teacher").mkdir()  # a folder in which nothing is left is taken back
    with pytest.raises(LimbeckError, match=r"something else than a run is there; give --out a new folder"):
        run(wanted(tmp_path), tmp_path / "answers")


def test_a_file_of_somebody_elses_in_a_cache_is_not_replaced(tmp_path):
    answers = tmp_path / "answers"
    with shared(answers):
        (answers / "teacher").mkdir()
    own = answers / "teacher/shard-00000.safetensors"
    own.write_text("somebody's own")
    with pytest.raises(LimbeckError, match="Limbeck did not write this, and has to write there"):
        run(wanted(tmp_path, cache={"path": str(answers)}), tmp_path / "out")
    assert own.read_text() == "somebody's own"


ASKED = []


def says(values):
    """Return probabilities of bad and good, and remember what was asked."""
    ASKED.extend(values)
    return [[0.1, 0.9] if set(GOOD) & set(value.split()) else [0.9, 0.1] for value in values]


def test_a_source_that_grows_asks_for_its_new_rows_alone(tmp_path):
    teacher = {"kind": "callable", "function": "test_the_cache_of_a_run:says", "version": 1}
    shared = {"teacher": teacher, "cache": {"path": str(tmp_path / "answers")}}
    write_csv(tmp_path / "rows.csv", 200)
    run(wanted(tmp_path, **shared), tmp_path / "one")
    before, tried = set(ASKED), 8  # before a run starts, a function is tried on so many rows
    assert len(before) == 200
    assert len(ASKED) == 200 + tried
    ASKED.clear()
    write_csv(tmp_path / "rows.csv", 230)
    run(wanted(tmp_path, **shared), tmp_path / "two")
    assert len(set(ASKED) - before) == 30
    assert len(ASKED) == 30 + tried
    assert kept(tmp_path / "answers")["count"] == 230


def test_runs_share_a_cache(tmp_path):
    answers = tmp_path / "answers"
    with shared(answers):
        with shared(answers):
            assert len([*(answers / ".limbeck/.locks").iterdir()]) == 2
        assert (answers / ".limbeck/written.txt").is_file(), "somebody may be about to write"
        run(wanted(tmp_path, cache={"path": str(answers)}), tmp_path / "out")
        assert len([*(answers / ".limbeck/.locks").iterdir()]) == 1
    assert not [*answers.rglob(".locks")]
    assert kept(answers)["count"] == 260


def test_a_cache_that_nothing_was_written_to_leaves_nothing(tmp_path):
    with shared(tmp_path / "runs/answers"):
        assert (tmp_path / "runs/answers/.limbeck/written.txt").is_file()
    assert not [*tmp_path.iterdir()]


def test_half_a_line_of_the_record_is_mended_when_nobody_else_may_be_writing_it(tmp_path):
    record = tmp_path / ".limbeck/written.txt"
    record.parent.mkdir()
    record.write_text("limbeck cache, format 1\n+ a/b\n+ a/")
    (tmp_path / "a").mkdir()
    with shared(tmp_path):
        record.write_text(record.read_text() + "+ a/")
        with shared(tmp_path):
            assert record.read_text().endswith("+ a/b\n+ a/")
    with shared(tmp_path):
        assert record.read_text().endswith("+ a/b\n")


def test_check_says_how_large_the_answers_are(tmp_path, capsys):
    check(wanted(tmp_path))
    said = capsys.readouterr().out
    assert re.search(r"the teacher's answers: 260 of 8 bytes \(dense, dtype float32\), 4\.2.kB with their ids\n", said)
    check(wanted(tmp_path, cache={"codec": {"kind": "dense", "dtype": "float16"}, "path": str(tmp_path / "answers")}))
    said = capsys.readouterr().out
    place = re.escape(str(tmp_path / "answers"))
    exact = r"130 of 8 bytes \(dense, dtype float32\) to judge it by"
    assert re.search(rf"answers in {place}: 170 of 4 bytes \(dense, dtype float16\) and {exact}, 4\.1.kB with", said)
    assert not (tmp_path / "answers").exists()
    check(wanted(tmp_path, cache={"codec": {"kind": "topk", "k": 1}}))
    said = capsys.readouterr().out
    assert re.search(rf"170 of 7 bytes \(topk, k 1, dtype float16, temperatures 1 2\) and {exact}, 4\.6.kB with", said)
    check(wanted(tmp_path, cache={"codec": "hidden"}))
    said = capsys.readouterr().out
    states = r"130 of 96 bytes \(hidden, dtype float32\) to judge it by"
    assert re.search(rf"170 of 48 bytes \(hidden, dtype float16\) and {states}, 23\.4.kB with their ids and the", said)


# --- answers of which a part is kept ---------------------------------------------------------------------------------

CODECS = {
    "topk": {"kind": "topk", "k": 2, "dtype": "float32"},
    "sampled": {"kind": "sampled", "draws": 20, "temperature": 2},
    "bytes": {"kind": "dense", "dtype": "uint8"},
    "states": {"kind": "hidden"},
}


def of_three(folder: Path, **changes: object) -> Recipe:
    source = folder / "three.csv"
    values = recipe(source if source.is_file() else write_csv(source, 400, classes=3), seeds=[0], baseline=False)
    values["data"]["labelled"] = 100
    return Recipe.model_validate(values | changes)


class Asked:
    """Counts the rows that networks are asked about as teachers."""

    def __init__(self, monkeypatch):
        self.rows, predict = 0, ModuleTeacher.predict

        def counting(teacher, batch):
            self.rows += len(batch.ids)
            return predict(teacher, batch)

        monkeypatch.setattr(ModuleTeacher, "predict", counting)

    def again(self):
        before, self.rows = self.rows, 0
        return before


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_run_learns_from_a_part_and_is_judged_by_all(tmp_path, capsys, monkeypatch, codec):
    whole = run(of_three(tmp_path), tmp_path / "whole")
    capsys.readouterr()
    asked = Asked(monkeypatch)
    part = run(of_three(tmp_path, cache={"codec": codec, "path": str(tmp_path / "answers")}), tmp_path / "part")
    said = capsys.readouterr().out
    rows = {"labelled": 100, "transfer": 310, "validation": 30, "test": 60}
    assert asked.again() == 310 + 30 + 60, "and none of them twice"
    assert re.search(rf"kept as {codec['kind']}, .* at most", said)
    exact = pytest.approx(scores(whole)["teacher"], rel=1e-6)  # of states, but for the order of a sum
    assert scores(part)["teacher"] == exact, "the teacher is judged by its exact answers"
    manifests = {
        name: json.loads((tmp_path / "answers" / name / "manifest.json").read_text())
        for name in ("teacher", "teacher-exact")
    }
    assert manifests["teacher"]["count"] == rows["transfer"]
    assert manifests["teacher"]["identity"]["codec"]["kind"] == codec["kind"]
    assert manifests["teacher"]["error"] > 0
    assert manifests["teacher-exact"]["count"] == rows["labelled"] + rows["validation"] + rows["test"]
    assert manifests["teacher-exact"]["error"] == 0
    same = {name: abs(scores(part)["student"][name] - value) for name, value in scores(whole)["student"].items()}
    assert same["accuracy"] <= 0.1
    floors = {name for name in part.evaluation.models if name not in ("teacher", "student")}
    assert floors == ({"floor"} if codec["kind"] in ("topk", "sampled") else {"floor", "distilled_floor"})
    run(of_three(tmp_path, cache={"codec": codec, "path": str(tmp_path / "answers")}), tmp_path / "again")
    assert not asked.again(), "a second run finds both"


def test_two_of_three_and_a_rest_teach_what_all_three_do(tmp_path):
    whole = run(of_three(tmp_path), tmp_path / "whole")
    two = {"codec": {"kind": "topk", "k": 2, "dtype": "float32"}}
    part = run(of_three(tmp_path, cache=two), tmp_path / "part")
    for one, other in zip(*(_weights(tmp_path / name) for name in ("whole", "part")), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
    assert scores(part)["student"]["accuracy"] == scores(whole)["student"]["accuracy"]


def _weights(folder: Path) -> list[torch.Tensor]:
    return [value for _, value in sorted(load_file(folder / "student/seed-0/model.safetensors").items())]


def test_the_arm_hard_labels_learns_decisions_from_the_largest_logit(tmp_path):
    arms = {"arms": ["student", "hard_labels"], "losses": [{"name": "kd", "temperature": 1}]}
    part = run(of_three(tmp_path, **arms, cache={"codec": {"kind": "topk", "k": 1}}), tmp_path / "part")
    whole = run(of_three(tmp_path, **arms), tmp_path / "whole")
    assert scores(part)["hard_labels"] == pytest.approx(scores(whole)["hard_labels"], abs=1e-4)
