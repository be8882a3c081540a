"""A run whose metric is macro F1, on classes of 90 and 10 percent: what it chooses by, and what it says."""

import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny import recipe, write_csv

from limbeck.data import load_splits
from limbeck.evaluation import calibrated_nll, compare, confusion, nll
from limbeck.evaluation.classification import F1_MACRO, METRICS
from limbeck.evaluation.figures import ClassTable, Confusion
from limbeck.evaluation.metric import sheet_of
from limbeck.pipeline import Run, run
from limbeck.pipeline.summary import print_summary
from limbeck.pipeline.training.learn import validator
from limbeck.pipeline.training.material import Material
from limbeck.recipe import parse_recipe
from limbeck.runtime.decisions import softmax
from limbeck.trainer import predict_logits
from made_rows import labels_of, numbers_of, task_of

sys.path.append(str(Path(__file__).parent.parent / "bad_input"))
from workshop import export_quickly

pytestmark = [
    pytest.mark.usefixtures("quick_exports"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

ARMS = ("student", "baseline")
CHANGES = {"task": {"metric": "f1_macro"}, "until": {"retention": 1.9}, "grid": {"train.lr": [0.005, 0.05]}}
"""A level that is not reached: every training goes on to its end."""


NOTED = "student.model=NAME", "data.split.test=N"


def values(source: Path) -> dict:
    """Return a recipe whose teacher learns the rare class."""
    made = recipe(source, **CHANGES)
    made["data"]["labelled"] = 150
    made["teacher"]["train"] = {"steps": 80, "batch_size": 32, "lr": 0.03, "validations": 4}
    return made


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_csv(tmp_path_factory.mktemp("data") / "rows.csv", rows=500)
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *(row for index, row in enumerate(rows) if index % 2 or index % 10 == 0)])
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        export_quickly(patch)
        return run(parse_recipe(values(source), "test"), tmp_path_factory.mktemp("run") / "run")


def history(folder: Path) -> dict:
    return json.loads((folder / "history.json").read_text())


def network(finished: Run, arm: str, seed: int) -> Path:
    """Return the folder of a seed's network: the grid's winner was trained there with the first seed."""
    chosen = json.loads((finished.folder / f"tuning/{arm}.json").read_text())["chosen"]
    return finished.folder / (f"tuning/{arm}-{chosen}" if seed == 0 else f"{arm}/seed-{seed}")


def best_seed(finished: Run, arm: str) -> int:
    return max((0, 1), key=lambda seed: history(network(finished, arm, seed))["best"])


def test_macro_f1_chooses_and_the_nll_between_equals() -> None:
    frequent, rare = {"calibrated_nll": 0.1, "f1_macro": 0.5}, {"calibrated_nll": 0.4, "f1_macro": 0.8}
    surer = rare | {"calibrated_nll": 0.3, "f1_macro": 0.8 + 1e-12}
    assert task_of(2, by="f1_macro").chooses(rare) > task_of(2, by="f1_macro").chooses(frequent)
    assert task_of(2, by="f1_macro").chooses(surer) > task_of(2, by="f1_macro").chooses(rare)
    assert (
        task_of(2, by="accuracy").chooses(frequent)
        > task_of(2, by="accuracy").chooses(surer)
        > task_of(2, by="accuracy").chooses(rare)
    )


def test_classes_count_by_their_weights_in_the_likelihood_that_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((60, 2)).astype(np.float32), rng.integers(2, size=60)
    monkeypatch.setattr("limbeck.pipeline.training.learn.predict_logits", lambda model, rows: torch.from_numpy(logits))
    splits, weights = (
        SimpleNamespace(validation=SimpleNamespace(labels=labels_of(labels))),
        np.array([0.2, 1.8], np.float32),
    )
    validate = validator(SimpleNamespace(validation=None), splits, task_of(2, weights=weights))  # type: ignore[arg-type]
    found = validate(torch.nn.Identity())
    wanted = calibrated_nll(logits, labels, weights)
    assert wanted != calibrated_nll(logits, labels)
    assert (found.chooses, found.scores["calibrated_nll"]) == ([-wanted], wanted)
    assert found.scores["nll"] == nll(logits, labels)
    right = float((logits.argmax(1) == labels).mean())
    assert found.said == f"calibrated NLL {wanted:.3f}, accuracy {100 * right:.1f}\u00a0%"


def test_checkpoints_grid_points_and_the_seed_are_the_best_by_macro_f1(finished: Run) -> None:
    for arm in ("teacher", *ARMS):
        for folder in (
            [finished.folder / arm] if arm == "teacher" else [network(finished, arm, seed) for seed in (0, 1)]
        ):
            found = history(folder)
            best = max(found["validations"], key=lambda record: task_of(2, by="f1_macro").chooses(record))
            assert (found["best_step"], found["best"]) == (best["step"], task_of(2, by="f1_macro").chooses(best))
    for arm in ARMS:
        record = json.loads((finished.folder / f"tuning/{arm}.json").read_text())
        scores = [history(finished.folder / f"tuning/{arm}-{index}")["best"] for index in range(2)]
        assert [candidate["best"] for candidate in record["candidates"]] == scores
        assert scores[record["chosen"]] == max(scores)
    assert finished.evaluation.bundle.seed == best_seed(finished, "student")


def test_verdict_retention_and_target_are_of_it(finished: Run, source: Path) -> None:
    result = finished.evaluation
    settings = parse_recipe(values(source), "test")
    material = Material(load_splits(settings.data, settings.task))
    labels, sums = numbers_of(material.splits.test), {}
    for arm in ARMS:
        chosen, by_seed = settings.student.changed(result.models[arm].settings, "grid."), []
        for seed in (0, 1):
            model = material.build(chosen, seed=seed)
            model.load_state_dict(load_file(network(finished, arm, seed) / "model.safetensors"))
            logits = predict_logits(model, material.view(chosen).test).numpy()
            by_seed.append(F1_MACRO.parts(sheet_of(logits, labels)))
            if seed == best_seed(finished, arm):
                assert result.models[arm].shown_seed == seed
                assert result.figure(Confusion, arm).counts == confusion(logits, labels).tolist()
            if arm == "student" and seed == result.bundle.seed:
                case = result.samples[0]
                row = material.splits.test.values.index(case.sample.text)
                assert case.answers["student"].probability == pytest.approx(softmax(logits[row : row + 1]).max())
        sums[arm] = np.stack(by_seed)
    assert result.gain == compare(sums["student"], sums["baseline"], F1_MACRO)
    assert result.gain.mean == pytest.approx(result.score("student") - result.score("baseline"))
    assert result.over_teacher.mean == pytest.approx(result.score("student") - result.score("teacher"))
    kept = result.models["student"].scores["f1_macro"] / result.models["teacher"].scores["f1_macro"]
    assert result.retention == (None if result.models["student"].chance.at_chance else kept)
    assert [one.metric for one in result.other_gains] == ["accuracy"]
    assert [metric.name for metric in result.metrics] == ["f1_macro", "accuracy", "nll", "ece"]
    own = max(record["f1_macro"] for record in history(finished.folder / "teacher")["validations"])
    assert (result.until.quantity, result.until.level) == ("f1_macro", pytest.approx(1.9 * own))
    for name in ("teacher", "student", "baseline"):
        shown = [one.f1 for one in result.figure(ClassTable, name).classes if one.rows]
        assert np.mean(shown) == pytest.approx(result.score(name))


def test_it_is_what_terminal_and_report_speak_of(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(finished)
    shown = " ".join(capsys.readouterr().out.split())
    report = " ".join(finished.report.read_text(encoding="utf-8").split())
    card = " ".join((finished.bundle / "README.md").read_text(encoding="utf-8").split())
    title = METRICS["f1_macro"].title
    assert finished.evaluation.next_step.startswith("Next: ")
    assert (finished.evaluation.student.another, finished.evaluation.data.more_test) == NOTED
    assert f"points of {title}" in shown
    assert f"{title} on validation (retention" in shown
    assert "Validation macro F1" in report
    for text in (shown, card):
        assert " ".join(finished.evaluation.sentence.split()) in text
        assert text.count(" ".join(finished.evaluation.next_step.split())) == 1
        assert all(" ".join(warning.split()) in text for warning in finished.evaluation.warnings)
