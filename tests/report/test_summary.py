"""The terminal says what the page says."""

import importlib.util
import io
from pathlib import Path
from types import SimpleNamespace

import example
import pytest
from rich.console import Console

import limbeck
from limbeck import console, installed
from limbeck.report import words


@pytest.fixture
def printed(monkeypatch):
    """Return what a run prints on a terminal, of 80 columns where nothing else is said."""
    # By its file: what is printed needs no run, and nothing of what makes one.
    path = Path(limbeck.__file__).parent / "pipeline" / "summary.py"
    spec = importlib.util.spec_from_file_location("summary", path)
    summary = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(summary)

    def show(run, width=80) -> str:
        target = io.StringIO()
        monkeypatch.setattr(console, "console", Console(file=target, width=width, soft_wrap=True, highlight=False))
        folder = Path("runs/demo")
        bundle = folder / "bundle" if run.bundle else None
        summary.print_summary(
            SimpleNamespace(evaluation=run, bundle=bundle, folder=folder, report=folder / "report.html")
        )
        return target.getvalue()

    return show


def test_it_says_the_sentence_and_every_line_after_it(printed):
    run = example.said_again(example.with_ceiling())
    lines = printed(run).splitlines()
    said = [run.sentence, *words.said(run), run.next_step]
    assert [line for line in lines if line in said] == said


def test_every_metric_is_a_column_and_every_model_has_its_one_name(printed):
    run = example.with_ceiling()
    head, *rows = [line for line in printed(run).splitlines() if line.strip()][1:]
    assert [head.index(metric.title) for metric in run.metrics] == sorted(head.index(m.title) for m in run.metrics)
    for name, record in run.models.items():
        row = next(line for line in rows if line.strip().startswith(words.model(name)))
        assert all(words.score(record.scores[metric.name], metric) in row for metric in run.metrics)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_tables_fit_a_terminal_and_no_score_is_cut(printed, width):
    run = example.with_ceiling()
    run.models["student"].scores["ece"] = 0.0004
    lines = printed(run, width).splitlines()
    tables = lines[: next(index for index, line in enumerate(lines) if "agreement with the teacher" in line)]
    assert max(map(len, tables)) <= width
    assert any("parameters" in line for line in tables)
    for name, record in run.models.items():
        said = " ".join(line for line in tables if line.strip().startswith(words.model(name, run)))
        assert all(words.score(record.scores[metric.name], metric) in said for metric in run.metrics)


def test_a_model_without_cost_has_dashes(printed):
    run = example.changed(example.complete(), "student", cost=None)
    assert any(line.split() == ["student", "–", "–", "–", "–"] for line in printed(run).splitlines())


def test_what_to_do_next_is_typed_as_the_shell_finds_it(printed, monkeypatch):
    monkeypatch.setattr(installed, "command", lambda: ".venv/bin/limbeck")
    assert "(`.venv/bin/limbeck evaluate BUNDLE DATA`)" in printed(example.complete())
    assert "(try: echo 'a text of yours' | .venv/bin/limbeck predict runs/demo/bundle)" in printed(example.complete())


def test_a_run_without_a_bundle_says_why(printed):
    assert "no bundle: no ONNX form" in printed(
        example.complete().model_copy(update={"bundle": None, "bundle_error": "no ONNX form"})
    )
