"""Whole runs of the tasks that are no classification: trained, judged, shipped, and served as they were judged."""

import csv
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from tiny import FILLER, recipe
from typer.testing import CliRunner

import limbeck
from limbeck.cli import app
from limbeck.evaluation.figures import ValueTable
from limbeck.evaluation.schema import Evaluation
from limbeck.pipeline import Run, order, run
from limbeck.pipeline.check import check
from limbeck.pipeline.summary import print_summary
from limbeck.recipe import parse_recipe
from limbeck.score import score_bundle
from without import limbeck_alone

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
MARKS = {"gem": 2.0, "warm": 1.0, "flat": -1.0, "mess": -2.0}
KINDS = {"gem": "up", "warm": "up", "flat": "down", "mess": "down"}


@dataclass(frozen=True)
class Way:
    """A task as a recipe has it.

    Attributes:
        task: its settings.
        label: the columns.
        losses: of the student.
        figure: the kind that its report shows.
        words: a section of the report.
        changes: of the recipe.
        tables: kinds of figures that its report shows besides.
    """

    task: Any
    label: Any
    losses: list[dict[str, Any]]
    figure: str
    words: str
    changes: dict[str, Any]
    tables: tuple[str, ...] = ()


WAYS = {
    "regression": Way(
        "regression", "score", [{"name": "regression_kd"}, {"name": "squared_error", "weight": 0.1}], "scatter",
        "Predictions against true values", {"seeds": [0, 1]},
    ),
    "regression of columns": Way(
        {"kind": "regression", "metric": "r2", "delta": 1.0}, ["score", "length"],
        [{"name": "logit_mse", "weight": 0.9}, {"name": "teacher_bounded", "weight": 0.1}], "scatter",
        "Predictions against true values", {}, ("values_by_column",),
    ),
    "multilabel": Way(
        {"kind": "multilabel", "separator": "|"}, "tags",
        [{"name": "binary_kd", "temperature": 2}, {"name": "binary_cross_entropy", "weight": 0.1}], "thresholds",
        "Label by label", {},
    ),
    "multioutput": Way(
        "multioutput", ["first", "mood"], recipe(Path())["losses"], "by_column", "Column by column",
        {"arms": ["student", "baseline", "hard_labels"]},
    ),
}  # fmt: skip
every_way = pytest.mark.parametrize("name", WAYS)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts of marks, in three files: the test split is the source's own."""
    folder, rng = tmp_path_factory.mktemp("data"), random.Random(0)
    number = 0
    for split, rows in (("train", 220), ("validation", 60), ("test", 80)):
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "score", "length", "tags", "first", "mood"])
            for _ in range(rows):
                number += 1
                marks = rng.sample(list(MARKS), rng.randint(1, 3))
                words = marks + rng.choices(FILLER, k=rng.randint(2, 8))
                score = 1950 + 10 * sum(MARKS[mark] for mark in marks) + rng.gauss(0, 4)
                writer.writerow([
                    f"{' '.join(words)} {number}", f"{score:.3f}", f"{len(words) + rng.gauss(0, 0.5):.2f}",
                    "|".join(marks), marks[0], KINDS[marks[0]],
                ])  # fmt: skip
    return folder


def values_of(source: Path, way: Way) -> dict[str, Any]:
    train = {"steps": 60, "batch_size": 16, "lr": 0.05, "validations": 3}
    made = recipe(source, task=way.task, losses=way.losses, **{"seeds": [0], **way.changes})
    made["data"] |= {"label": way.label, "labelled": 80}
    made["teacher"]["train"] = train | {"lr": 0.03}
    made["student"]["train"] = train
    return made


class Runs(dict[str, Run]):
    """Finished runs by the name of their way, each made when it is first asked for."""

    def __init__(self, folder: Path, source: Path) -> None:
        super().__init__()
        self.folder, self.source = folder, source

    def __missing__(self, name: str) -> Run:
        place = self.folder / name.replace(" ", "-")
        every = order.export_all
        with pytest.MonkeyPatch.context() as patched:  # the exporter takes most of a small run: the student's does
            patched.setattr(order, "export_all", lambda _, arms, out: every({}, {"student": arms["student"]}, out))
            self[name] = run(parse_recipe(values_of(self.source, WAYS[name]), "test"), place)
        return self[name]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"), source)


@every_way
def test_the_evaluation_says_what_the_task_is(runs: Runs, name: str) -> None:
    found, way = runs[name].evaluation, WAYS[name]
    written = json.loads((runs[name].folder / "evaluation.json").read_text(encoding="utf-8"))
    jsonschema.validate(written, Evaluation.model_json_schema())
    assert {"teacher", "student", "baseline", "floor"} <= found.models.keys()
    assert all(one.chance is not None and not one.chance.at_chance for one in found.models.values())
    assert {one.kind for one in found.figures} == {way.figure, *way.tables}
    assert {one.model for one in found.figures} == found.models.keys()
    assert found.verdict != "no_baseline"
    assert found.bundle is not None, found.bundle_error
    assert found.bundle.max_abs_error <= 1e-4
    page = (runs[name].folder / "report.html").read_text(encoding="utf-8")
    assert way.words in page
    assert found.metrics[0].title in found.sentence
    said = f"{found.sentence} {found.statistics}"
    assert ("points" in said) == (found.metric.quantity == "share"), "values have a unit that nobody knows"


@every_way
def test_retention_agreement_and_gain_have_the_right_side(runs: Runs, name: str) -> None:
    found = runs[name].evaluation
    metric = found.metric
    own, teacher, baseline = (found.models[who].scores[metric.name] for who in ("student", "teacher", "baseline"))
    lower = metric.better == "lower"
    assert found.gain.mean == pytest.approx(baseline - own if lower else own - baseline)
    assert found.retention == pytest.approx(teacher / own if lower else own / teacher)
    assert (found.agreement is None) == (metric.quantity == "value")


@every_way
def test_the_bundle_answers_as_it_was_judged(runs: Runs, source: Path, name: str, capsys) -> None:
    """Its scores on the test split are those of the evaluation: decision, units and order of outputs included."""
    done, way = runs[name], WAYS[name]
    label = [way.label] if isinstance(way.label, str) else way.label[::-1]  # columns in any order
    found = score_bundle(done.bundle, str(source), column="text", label=label, as_json=True)
    record = done.evaluation.models["student"]
    (judged,) = [one.scores for one in record.per_seed if one.seed == record.shown_seed]
    assert found == pytest.approx(judged, rel=1e-4)
    assert score_bundle(done.bundle, str(source), column=None, label=(), as_json=True) == found, "names are known"
    bare = limbeck_alone("evaluate", str(done.bundle), str(source), "--json")
    assert json.loads(bare.stdout) == found, bare.stderr


@every_way
def test_the_card_says_what_an_answer_is(runs: Runs, name: str) -> None:
    card = " ".join((runs[name].bundle / "README.md").read_text(encoding="utf-8").split())
    assert f"The answer is {limbeck.load(runs[name].bundle).rule.python}. On the command line: `limbeck predict" in card


@every_way
def test_a_line_a_text(runs: Runs, name: str) -> None:
    folder = runs[name].folder
    texts = ["gem film 1", "a mess of a plot", ""]
    for options in ([], ["--json"]):
        done = CliRunner().invoke(app, ["predict", str(folder), "-", *options], input="\n".join(texts) + "\n")
        assert done.exit_code == 0, done.output
        assert done.stderr == "left out: 1 empty text, the first in standard input, line 3\n"
        lines = done.stdout.splitlines()
        assert len(lines) == 2
        if options:
            assert [json.loads(line)["text"] for line in lines] == texts[:2]
            assert json.loads(lines[0]).keys() - {"text"}
    assert len(limbeck.load(folder).predict(texts)) == 3


def test_values_are_in_the_labels_units_everywhere(runs: Runs) -> None:
    """In the bundle, in the teacher's cached answers, and in the network that is returned."""
    done = runs["regression"]
    (said,) = limbeck.load(done.folder).predict(["gem warm film"])
    assert 1900 < said["score"] < 2000
    drawn = done.evaluation.figures[0]
    assert 1900 < np.mean(drawn.predicted) < 2000
    info = json.loads((done.bundle / "bundle.json").read_text(encoding="utf-8"))
    assert 5 < info["decision"]["spread"][0] < 40
    assert "pipeline_tag" not in (done.bundle / "README.md").read_text(encoding="utf-8")


OF_COLUMNS = (
    "R² and Spearman: mean over the 2 columns.",
    "RMSE and MAE: over the 2 columns together, in standard deviations of the training labels.",
)


def test_what_the_numbers_of_several_columns_are_of_is_said_wherever_they_are_read(
    runs: Runs, source: Path, capsys
) -> None:
    done = runs["regression of columns"]
    card = (done.bundle / "README.md").read_text(encoding="utf-8")
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("mean over the 2 columns; ") == 3, "with the key figure, and the rows of the table"
    assert (
        page.count("over the 2 columns together, in standard deviations of the training labels; lower is better") == 2
    )
    capsys.readouterr()
    print_summary(done)
    printed = capsys.readouterr().out
    score_bundle(done.bundle, str(source), column="text", label=["score", "length"], as_json=False)
    scored = capsys.readouterr().out
    for text in OF_COLUMNS:
        assert all(text in one for one in (card, printed, scored))
    alone = runs["regression"]
    assert all(metric.unit is None for metric in alone.evaluation.metrics)
    assert "standard deviations" not in (alone.bundle / "README.md").read_text(encoding="utf-8")


def test_every_column_has_its_own_errors_in_its_own_unit(runs: Runs, source: Path) -> None:
    found = runs["regression of columns"].evaluation
    with (source / "test.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    spread = {name: np.std([float(row[name]) for row in rows]) for name in ("score", "length")}
    for name, record in found.models.items():
        score, length = found.figure(ValueTable, name).columns
        assert (score.name, length.name) == ("score", "length")
        assert np.mean([score.r2, length.r2]) == pytest.approx(record.scores["r2"])
        assert len(record.per_seed) == 1, "of several seeds, a mean of roots is no root of a mean"
        for one in (score, length):
            assert one.rmse == pytest.approx(spread[one.name] * np.sqrt(1 - one.r2))


def test_thresholds_are_fitted_for_every_model_on_validation(runs: Runs) -> None:
    done = runs["multilabel"]
    info = json.loads((done.bundle / "bundle.json").read_text(encoding="utf-8"))
    tables = {one.model: [row.threshold for row in one.classes] for one in done.evaluation.figures}
    assert info["decision"]["thresholds"] == tables["student"], "the shipped seed's, as it was judged"
    assert info["decision"]["separator"] == "|"
    card = (done.bundle / "README.md").read_text(encoding="utf-8")
    shown = zip(info["labels"], info["decision"]["thresholds"], strict=True)
    assert (
        f"at least its threshold, chosen on validation: {', '.join(f'{name} {at:.3g}' for name, at in shown)}." in card
    )
    assert len({tuple(each) for each in tables.values()}) == len(tables), "each model has its own"
    assert all(row.fitted for one in done.evaluation.figures for row in one.classes)


def test_a_run_of_the_same_recipe_is_reused(runs: Runs, source: Path, capsys) -> None:
    done = runs["regression"]
    before = (done.folder / "evaluation.json").read_bytes()
    again = run(parse_recipe(values_of(source, WAYS["regression"]), "test"), done.folder)
    assert (done.folder / "evaluation.json").read_bytes() == before
    assert again.evaluation == done.evaluation
    assert "evaluation: unchanged, reused" in capsys.readouterr().out


@every_way
def test_check_finds_nothing(source: Path, name: str, capsys) -> None:
    assert check(parse_recipe(values_of(source, WAYS[name]), "test")) > 0
    assert "the recipe is fine" in capsys.readouterr().out


def test_a_teacher_that_explains_nothing_is_refused(source: Path, tmp_path: Path) -> None:
    """As a classifier at chance is: before the transfer set is asked for."""
    values = values_of(source, WAYS["regression"])
    values["teacher"]["train"] = {"steps": 1, "lr": 1e-9, "validations": 1}
    with pytest.raises(limbeck.LimbeckError, match="not better than chance: explained variance") as refused:
        run(parse_recipe(values, "test"), tmp_path / "out")
    assert "macro" not in str(refused.value), "classes are none of its business"
