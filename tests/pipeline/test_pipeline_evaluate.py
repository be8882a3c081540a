"""What the evaluation refuses, and what it reports."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from tiny import recipe, write_csv
from torch import nn

from limbeck.evaluation.classification import ACCURACY
from limbeck.evaluation.figures import Confusion
from limbeck.pipeline import order, run
from limbeck.pipeline.judging.export import export_all
from limbeck.pipeline.judging.findings import _gap_recovered
from limbeck.pipeline.judging.models import Judged, figures_of, model_records
from limbeck.pipeline.judging.testing import Said
from limbeck.pipeline.summary import print_summary
from limbeck.recipe import parse_recipe
from made_rows import labels_of, numbers_of, task_of

sys.path.append(str(Path(__file__).parent.parent / "bad_input"))
from workshop import export_quickly


def test_a_run_whose_teacher_is_at_chance_ends_with_a_report_and_no_retention(tmp_path, monkeypatch, capsys) -> None:
    asked = order.answer_test

    def constant(trained, **options):
        labels = numbers_of(trained.material.splits.test)
        said = Said(np.eye(2, dtype=np.float32)[0 * labels], None)
        return replace(asked(trained, **options), teacher=said)

    export_quickly(monkeypatch)
    monkeypatch.setattr(order, "answer_test", constant)
    done = run(parse_recipe(recipe(write_csv(tmp_path / "rows.csv"), seeds=[0]), "test"), tmp_path / "run")
    assert done.evaluation.retention is None
    assert done.evaluation.models["teacher"].chance.at_chance
    assert done.evaluation.score("teacher") > 0
    assert done.evaluation.verdict == "one_seed"
    print_summary(done)
    said = capsys.readouterr().out
    assert "no retention, as the teacher is at chance; agreement" in said
    page = re.sub("<[^>]*>", "", done.report.read_text())
    for text in (said, page, (tmp_path / "run/bundle/README.md").read_text()):
        assert "The teacher is at chance on the test split: balanced accuracy 50.0 %" in " ".join(text.split())
        assert "No verdict from one seed: the student is" in " ".join(text.split())


def test_a_floor_above_the_student_is_in_the_verdict(tmp_path, monkeypatch) -> None:
    asked = order.answer_test

    def right(trained, **options):
        answers = asked(trained, **options)
        perfect = np.eye(2, dtype=np.float32)[numbers_of(trained.material.splits.test)]
        student = {"student": {0: Said(perfect[::-1].copy(), None)}}
        floors = {**answers.floors, "floor": replace(answers.floors["floor"], test_outputs=perfect)}
        return replace(answers, floors=floors, arms={**answers.arms, **student})

    export_quickly(monkeypatch)
    monkeypatch.setattr(order, "answer_test", right)
    done = run(parse_recipe(recipe(write_csv(tmp_path / "rows.csv"), seeds=[0]), "test"), tmp_path / "run")
    warning = next(text for text in done.evaluation.warnings if "TF-IDF" in text)
    assert warning.replace("\u00a0", " ").startswith(
        "TF-IDF + LR on the same labels (100.0 %) is better than the student ("
    )


def test_what_is_shown_of_one_seed_is_of_the_seed_that_ships() -> None:
    labels = np.array([0, 1, 1])
    task = task_of(["no", "yes"])
    logits = {3: np.eye(2, dtype=np.float32)[1 - labels], 7: np.eye(2, dtype=np.float32)[labels]}
    sheets = {seed: task.sheet(one, labels_of(labels)) for seed, one in logits.items()}
    tasks = dict.fromkeys(sheets, task)
    models = {"teacher": Judged({0: sheets[7]}, {0: task}, 0), "student": Judged(sheets, tasks, 7, follows=True)}
    record = model_records(models, {})["student"]
    assert record.shown_seed == 7
    assert [one.seed for one in record.per_seed] == [3, 7]
    figures = {one.kind: one for one in figures_of(models) if one.model == "student"}
    assert figures["confusion"] == Confusion(model="student", counts=[[1, 0], [0, 2]])
    assert figures["reliability"].accuracy == [1.0]
    assert [one.recall for one in figures["classes"].classes] == [0.5, 0.5]


def test_there_is_no_way_to_a_ceiling_that_is_not_above_the_baseline() -> None:
    def way(*scores: float) -> float | None:
        records = [SimpleNamespace(scores={"accuracy": score}) for score in scores]
        return _gap_recovered(dict(zip(("student", "baseline", "ceiling"), records, strict=True)), ACCURACY)

    assert way(0.75, 0.5, 1.0) == 0.5
    assert way(0.25, 0.5, 1.0) == -0.5
    assert way(0.6, 0.5, 0.4) is way(0.6, 0.5, 0.5) is None


class Searching(nn.Module):
    def forward(self, inputs):
        return torch.searchsorted(torch.arange(4.0), inputs)


def test_a_network_that_cannot_be_exported_is_named_with_the_reason(tmp_path) -> None:
    example = ({"inputs": torch.rand(2, 3)}, {"inputs": {0: "batch"}})
    trained = SimpleNamespace(model=Searching(), digest="a", view=SimpleNamespace(example=example))
    exported = export_all({"teacher": trained}, {}, tmp_path)  # type: ignore[dict-item]
    assert not exported.files
    assert "aten.searchsorted" in exported.errors["teacher"]
    assert "\x1b" not in exported.errors["teacher"]  # the exporter colours what it says
