"""The arm `ceiling`, in a whole run from one domain to another: what the labels of the target would have brought."""

import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from tiny import FLOORS, recipe, write_csv

from limbeck.data import load_splits
from limbeck.evaluation.schema import Evaluation
from limbeck.pipeline import Run, check, run
from limbeck.pipeline.summary import print_summary
from limbeck.pipeline.training import arms, tuning
from limbeck.pipeline.training.material import Lesson, Material
from limbeck.recipe import Recipe, parse_recipe
from limbeck.report import words
from made_rows import id_of, numbers_of

sys.path.append(str(Path(__file__).parent.parent / "bad_input"))
from workshop import export_quickly

pytestmark = [
    pytest.mark.usefixtures("quick_exports"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
ALL = ["student", "baseline", "hard_labels", "ceiling"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Rows of the source and of the target."""
    folder = tmp_path_factory.mktemp("data")
    return write_csv(folder / "here.csv"), write_csv(folder / "there.csv", 200, seed=5)


def to_there(files: tuple[Path, Path], **changes: object) -> Recipe:
    here, there = files
    values = recipe(here, arms=ALL, **changes)
    values["data"] = {**values["data"], "target": {"source": str(there)}}
    return parse_recipe(values, "test")


def go(folder: Path, settings: Recipe) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        export_quickly(patch)
        return run(settings, folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, files: tuple[Path, Path]) -> Run:
    return go(tmp_path_factory.mktemp("run") / "tiny", to_there(files))


def lesson_of(name: str, settings: Recipe, patch: pytest.MonkeyPatch) -> Lesson:
    """Return what an arm without a teacher is trained on."""
    taken = []
    patch.setattr(tuning, "train_network", lambda settings, material, lesson, **_: taken.append(lesson))
    stub = SimpleNamespace(names=[], moving=None, of=lambda split: None)
    arms.train_arm(name, settings, Material(load_splits(settings.data, settings.task)), stub, Path("nowhere"))  # type: ignore[arg-type]
    return taken[0]


def seen(lesson: Lesson, settings: Recipe, groups: int) -> set[tuple[int, int]]:
    """Return ids and labels of the first batches."""
    source = lesson.batches(settings.student.train, 0)
    batches = [batch for group in range(groups) for batch in source.group(group)]
    assert all(batch.labelled is None or batch.labelled.all() for batch in batches)
    return {pair for batch in batches for pair in zip(batch.ids.tolist(), batch.labels.tolist(), strict=True)}


def test_it_learns_every_label_of_the_target_but_those_of_the_test(files, monkeypatch) -> None:
    settings = to_there(files)
    with files[1].open(encoding="utf-8") as file:
        written = {(id_of(row["text"]), int(row["label"])) for row in csv.DictReader(file)}
    test = set(load_splits(settings.data, settings.task).test.ids.tolist())
    assert len(written) == 200
    assert len(test) == 60
    lesson = lesson_of("ceiling", settings, monkeypatch)
    assert lesson.teacher is None
    epochs = 3 * len(written) // settings.student.train.batch_size
    assert seen(lesson, settings, epochs) == {pair for pair in written if pair[0] not in test}


def test_the_baseline_learns_labels_of_the_source_only(files, monkeypatch) -> None:
    settings = to_there(files)
    labelled = load_splits(settings.data, settings.task).labelled
    expected = set(zip(labelled.ids.tolist(), numbers_of(labelled).tolist(), strict=True))
    assert seen(lesson_of("baseline", settings, monkeypatch), settings, 12) == expected


def test_every_arm_hears_the_weights_of_its_own_rows(files, monkeypatch) -> None:
    """Balanced over its own labels, so that the source's shares and the target's may differ; stages depend on them."""
    settings = to_there(files)
    split = settings.data.split.model_copy(update={"stratify": False})  # else the source's shares are the target's
    settings = settings.model_copy(update={"data": settings.data.model_copy(update={"split": split})})
    plain = {name: lesson_of(name, settings, monkeypatch) for name in ("student", "baseline", "ceiling")}
    settings = settings.model_copy(update={"data": settings.data.model_copy(update={"class_weights": "balanced"})})
    splits = load_splits(settings.data, settings.task)
    shares = [np.bincount(numbers_of(rows)) / len(rows) for rows in (splits.labelled, splits.ceiling)]
    assert shares[0] != pytest.approx(shares[1]), "or it says nothing"
    for name, rows in (("student", splits.labelled), ("baseline", splits.labelled), ("ceiling", splits.ceiling)):
        lesson = lesson_of(name, settings, monkeypatch)
        expected = len(rows) / (2 * np.bincount(numbers_of(rows)))
        assert lesson.task.class_weights == pytest.approx(expected)
        (batch,) = lesson.batches(settings.student.train, 0).group(0)
        known = batch.labelled
        assert batch.weights[known].tolist() == pytest.approx(expected[batch.labels[known]].tolist())
        assert (batch.weights[~known] == 1).all()
        assert lesson.inputs != plain[name].inputs
        assert plain[name].task.class_weights is None


def weights(folder: Path) -> dict[str, bytes]:
    return {str(path.parent.relative_to(folder)): path.read_bytes() for path in folder.rglob("model.safetensors")}


def test_no_other_model_depends_on_a_label_of_the_target(finished: Run, files, tmp_path: Path) -> None:
    here, there = files
    turned = there.read_text(encoding="utf-8").replace(",0\n", ",x\n").replace(",1\n", ",0\n").replace(",x\n", ",1\n")
    (tmp_path / "turned.csv").write_text(turned, encoding="utf-8")
    other = go(tmp_path / "run", to_there((here, tmp_path / "turned.csv"), seeds=[0]))
    before, after = weights(finished.folder), weights(other.folder)
    assert {name for name, value in after.items() if before[name] != value} == {"ceiling/seed-0"}
    assert len(after) == 5


def test_it_stands_wherever_the_other_arms_do(finished: Run, files) -> None:
    value = json.loads((finished.folder / "evaluation.json").read_text())
    jsonschema.validate(value, Evaluation.model_json_schema())
    result = finished.evaluation
    assert list(result.models) == ["teacher", *ALL, *FLOORS]
    assert [name for name, model in result.models.items() if model.fidelity] == ALL
    assert result.test_evaluations[-1].models == ["teacher", *ALL, *FLOORS]
    assert [one.seed for one in result.models["ceiling"].per_seed] == [0, 1]
    assert result.models["ceiling"].cost is not None
    assert (result.data.source, result.data.target) == tuple(map(str, files))
    assert result.data.ceiling == 140


def test_the_gap_recovered_is_the_students_share_of_the_way(finished: Run) -> None:
    result = finished.evaluation
    up = result.score("ceiling") - result.score("baseline")
    way = (result.score("student") - result.score("baseline")) / up if up > 0 else None
    assert result.gap_recovered == (way and pytest.approx(way))


def test_report_card_and_terminal_say_what_was_measured(finished: Run, files, capsys) -> None:
    said = words.transfer(finished.evaluation)
    assert said is not None
    assert said.startswith(f"Measured on {files[1]}; the labels learned from are of {files[0]}.")
    report = finished.report.read_text(encoding="utf-8").replace("&#39;", "'")
    assert said in report
    assert "Ceiling</span></th>" in report
    card = (finished.folder / "bundle" / "README.md").read_text(encoding="utf-8")
    assert said in card
    assert "| ceiling | " in card
    capsys.readouterr()
    print_summary(finished)
    shown = capsys.readouterr().out
    assert said in shown
    assert "ceiling" in shown


def test_a_second_run_reuses_everything(finished: Run, files) -> None:
    def times() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in finished.folder.rglob("model.safetensors")}

    before = (finished.folder / "evaluation.json").read_bytes(), times()
    go(finished.folder, to_there(files))
    assert ((finished.folder / "evaluation.json").read_bytes(), times()) == before


def test_the_estimate_of_the_time_counts_the_targets_labels(files, monkeypatch) -> None:
    tables: list[dict[str, str]] = []
    monkeypatch.setattr(check, "_trial", lambda *_: check.Pace(step=100.0, answer=0.0))
    monkeypatch.setattr(check, "table", lambda columns, rows: tables.append(dict(row[:2] for row in rows)))
    settings = to_there(files, student=recipe(files[0])["student"] | {"train": {"epochs": 1, "batch_size": 10}})
    check.check(settings)
    assert tables[0]["ceiling"] == "140"
    assert tables[-1]["ceiling"] == "2,800 s"  # 14 steps of 100 s in each of 2 seeds
    assert tables[-1]["baseline"] == "800 s"
