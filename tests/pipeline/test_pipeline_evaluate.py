"""What the evaluation refuses, and what it reports."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch
from tiny import recipe, write_csv
from torch import nn

from limbeck.pipeline import order, run
from limbeck.pipeline.evaluate import _fidelity
from limbeck.pipeline.export import export_all
from limbeck.pipeline.summary import print_summary
from limbeck.recipe import parse_recipe


def test_a_teacher_that_gets_nothing_right_has_no_retention() -> None:
    logits = np.zeros((3, 2), np.float32)
    own = _fidelity(SimpleNamespace(accuracy=0.5), SimpleNamespace(accuracy=0.0), [logits], logits)  # type: ignore[arg-type]
    assert own.retention is None
    assert own.agreement == 1


def test_a_run_whose_teacher_gets_no_test_row_right_ends_with_a_report(tmp_path, monkeypatch, capsys) -> None:
    asked = order.answer_test

    def wrong(splits, *others, **options):
        return replace(asked(splits, *others, **options), teacher=np.eye(2, dtype=np.float32)[1 - splits.test.labels])

    monkeypatch.setattr(order, "answer_test", wrong)
    done = run(parse_recipe(recipe(write_csv(tmp_path / "rows.csv"), seeds=[0]), "test"), tmp_path / "run")
    assert done.evaluation.retention is None
    print_summary(done)
    said = capsys.readouterr().out
    assert "retention -, agreement" in said
    for text in (said, done.report.read_text(), (tmp_path / "run/bundle/README.md").read_text()):
        assert "has no retention, as the teacher gets no test row right" in " ".join(text.split())


def test_a_floor_above_the_student_is_in_the_verdict(tmp_path, monkeypatch) -> None:
    asked = order.answer_test

    def right(splits, *others, **options):
        answers = asked(splits, *others, **options)
        perfect = np.eye(2, dtype=np.float32)[splits.test.labels]
        student = {"student": {0: perfect[::-1].copy()}}
        return replace(answers, floor=replace(answers.floor, test_logits=perfect), arms={**answers.arms, **student})

    monkeypatch.setattr(order, "answer_test", right)
    done = run(parse_recipe(recipe(write_csv(tmp_path / "rows.csv"), seeds=[0]), "test"), tmp_path / "run")
    assert "TF-IDF + LR on the same labels (100.0 %) is better than the student (" in done.evaluation.sentence


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
