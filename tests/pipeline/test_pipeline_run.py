import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from tiny import recipe, write_csv

import limbeck
from limbeck.evaluation.schema import Evaluation
from limbeck.pipeline import Run, run
from limbeck.recipe import parse_recipe
from limbeck.runtime import TextReader
from made_rows import numbers_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def go(folder: Path, source: Path, **changes: object) -> Run:
    return run(parse_recipe(recipe(source, **changes), "test"), folder)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Run:
    return go(tmp_path_factory.mktemp("run") / "tiny", source, grid={"train.lr": [0.01, 0.03]})


def test_the_run_folder_holds_what_the_design_promises(finished: Run) -> None:
    names = {path.name for path in finished.folder.iterdir()}
    assert {"recipe.yaml", "environment.json", "teacher", "student", "baseline", "cache", "tuning"} <= names
    assert {"evaluation.json", "bundle", "report.html", "metrics.jsonl"} <= names
    assert {path.name for path in (finished.folder / "bundle").iterdir()} == {
        "README.md",
        "bundle.json",
        "model.onnx",
        "tokenizer.json",
    }


def edited_score(bundle: Path) -> None:
    record = bundle.parent / "evaluation.json"
    result = json.loads(record.read_text())
    result["models"]["student"]["scores"]["accuracy"] = 0.9999
    record.write_text(json.dumps(result))


def cut_score(bundle: Path) -> None:
    record = bundle.parent / "evaluation.json"
    record.write_bytes(record.read_bytes()[:100])


def edited_card(bundle: Path) -> None:
    (bundle / "README.md").write_text("hi")


def changed_format(bundle: Path) -> None:
    info = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps(info | {"format": 1}))


@pytest.mark.parametrize(
    "lost",
    [
        shutil.rmtree,
        lambda bundle: (bundle / "model.onnx").unlink(),
        changed_format,
        edited_score,
        cut_score,
        edited_card,
    ],
)
def test_what_is_lost_older_or_edited_is_made_again(finished: Run, source: Path, tmp_path: Path, lost) -> None:
    folder = Path(shutil.copytree(finished.folder, tmp_path / "run"))
    lost(folder / "bundle")
    again = go(folder, source, grid={"train.lr": [0.01, 0.03]})
    assert again.bundle is not None
    for name in ("model.onnx", "tokenizer.json"):
        assert (again.bundle / name).read_bytes() == (finished.folder / "bundle" / name).read_bytes()
    assert limbeck.load(again.bundle).predict(["a gem"])
    assert again.evaluation.models["student"].scores == finished.evaluation.models["student"].scores
    assert (again.bundle / "README.md").read_text().startswith("---")


def test_evaluation_json_is_valid_against_its_published_schema(finished: Run) -> None:
    value = json.loads((finished.folder / "evaluation.json").read_text())
    jsonschema.validate(value, Evaluation.model_json_schema())
    assert value["test_examples"] == 60
    assert value["seeds"] == [0, 1]
    assert len(value["gain"]["per_seed"]) == 2
    assert value["models"]["student"]["settings"].keys() == {"train.lr"}
    assert value["data"]["views"].keys() == value["data"]["same_tokens"].keys() == {"teacher", "student"}
    # A number ends each text, known from training to the teacher, whose `min_frequency` is 1.
    assert value["data"]["views"]["teacher"]["unknown"] == 0 < value["data"]["views"]["student"]["unknown"]


def test_scores_can_be_recomputed_from_the_bundle(finished: Run, source: Path) -> None:
    """The shipped file, the saved weights and evaluation.json speak of the same student."""
    from limbeck.data import load_splits

    loaded = parse_recipe(recipe(source), "test")
    splits = load_splits(loaded.data, loaded.task)
    student = limbeck.load(finished.folder)
    assert finished.evaluation.bundle is not None
    seed = finished.evaluation.bundle.seed
    expected = next(
        one.scores["accuracy"] for one in finished.evaluation.models["student"].per_seed if one.seed == seed
    )
    answers = student.logits(splits.test.values).argmax(1)
    # int8 ships where it is faster on the day; it may decide a row near the boundary differently.
    tolerance = 1e-9 if finished.evaluation.bundle.precision == "fp32" else 0.05
    assert np.mean(answers == numbers_of(splits.test)) == pytest.approx(expected, abs=tolerance)
    assert list(student.labels) == list(splits.task.names) == ["0", "1"]


def test_the_bundle_runs_where_torch_cannot_be_imported(finished: Run) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'yaml', 'scipy', 'datasets'): sys.modules[name] = None\n"
        "from limbeck.cli import main\n"
        f"sys.argv = ['limbeck', 'predict', {str(finished.bundle)!r}, '-', '--json']\n"
        "main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], input="a superb gem\n\nawful mess\n", capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["text"] for record in records] == ["a superb gem", "awful mess"]
    for record in records:
        assert sum(record["probabilities"].values()) == pytest.approx(1.0)


def test_parity_holds_on_real_rows(finished: Run) -> None:
    assert finished.evaluation.bundle is not None
    assert finished.evaluation.bundle.max_abs_error <= 1e-4
    assert finished.evaluation.bundle.exceptions == 0


def test_a_second_run_reuses_every_stage_and_touches_the_test_split_no_second_time(finished: Run, source: Path) -> None:
    before = (finished.folder / "evaluation.json").read_bytes()
    go(finished.folder, source, grid={"train.lr": [0.01, 0.03]})
    assert (finished.folder / "evaluation.json").read_bytes() == before


def test_texts_are_encoded_once(finished: Run, source: Path, monkeypatch) -> None:
    """A later process reads the token ids of training and validation texts, and trains on the same ones."""
    from limbeck.data import load_splits
    from limbeck.pipeline.training.material import Material

    recipe_ = parse_recipe(recipe(source), "test")
    fresh = Material(load_splits(recipe_.data, recipe_.task))
    expected = fresh.view(recipe_.student)
    rows = np.arange(len(expected.transfer))
    asked = []
    monkeypatch.setattr(TextReader, "encode", lambda _, texts: asked.append(texts))
    kept = Material(fresh.splits)
    kept.folder = finished.folder
    found = kept.view(recipe_.student)
    assert found.digest == expected.digest
    monkeypatch.undo()
    assert np.array_equal(found.transfer.batch(rows)["input_ids"], expected.transfer.batch(rows)["input_ids"])
    assert not asked


@pytest.mark.usefixtures("quick_export")
def test_a_changed_recipe_redoes_what_depends_on_it_and_nothing_else(tmp_path: Path, source: Path) -> None:
    first = go(tmp_path / "run", source)
    teacher = (tmp_path / "run/teacher/model.safetensors").stat().st_mtime_ns
    baseline = (tmp_path / "run/baseline/seed-0/model.safetensors").stat().st_mtime_ns
    student = (tmp_path / "run/student/seed-0/model.safetensors").stat().st_mtime_ns
    changed = [{"name": "kd", "weight": 0.5, "temperature": 4}, {"name": "cross_entropy", "weight": 0.5}]
    notes = [tmp_path / "run" / name / "notes.txt" for name in ("student/seed-0", "evaluation", "bundle")]
    for note in notes:
        note.write_text("years of work")
    second = go(tmp_path / "run", source, losses=changed)
    assert [note.read_text() for note in notes] == ["years of work"] * 3
    assert (tmp_path / "run/teacher/model.safetensors").stat().st_mtime_ns == teacher
    assert (tmp_path / "run/baseline/seed-0/model.safetensors").stat().st_mtime_ns == baseline
    assert (tmp_path / "run/student/seed-0/model.safetensors").stat().st_mtime_ns > student
    assert len(first.evaluation.test_evaluations) == 1
    digests = [entry.recipe_digest for entry in second.evaluation.test_evaluations]
    assert len(digests) == len(set(digests)) == 2


@pytest.mark.usefixtures("quick_export")
def test_two_runs_of_one_recipe_have_bit_equal_weights(tmp_path: Path, source: Path) -> None:
    runs = [go(tmp_path / name, source, baseline=False, seeds=[3]) for name in ("a", "b")]
    files = [(run.folder / "student/seed-3/model.safetensors").read_bytes() for run in runs]
    assert files[0] == files[1]


@pytest.mark.usefixtures("quick_export")
def test_without_a_baseline_the_verdict_is_open(tmp_path: Path, source: Path) -> None:
    result = go(tmp_path / "run", source, baseline=False, seeds=[0]).evaluation
    assert ("baseline" in result.models, result.gain, result.verdict) == (False, None, "no_baseline")


@pytest.mark.usefixtures("quick_export")
def test_string_labels_and_many_classes(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "many.csv", 400, classes=7)
    result = go(tmp_path / "run", data, seeds=[0])
    assert result.evaluation.data.classes == [f"class {index}" for index in range(7)]
    assert set(limbeck.load(result.folder).labels) == set(result.evaluation.data.classes)


def test_a_network_that_cannot_be_exported_still_gives_a_report(tmp_path: Path, source: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "stubborn.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, outputs, vocabulary):\n"
        "        super().__init__()\n"
        "        self.table = nn.Embedding(vocabulary.size, outputs)\n"
        "    def forward(self, input_ids, attention_mask):\n"
        "        if int(attention_mask.sum().item()) < 0:\n"
        "            raise ValueError\n"
        "        return (self.table(input_ids) * attention_mask.unsqueeze(-1)).sum(1)\n"
        "def build(outputs, form):\n"
        "    return Net(outputs, form.vocabulary)\n"
    )
    student = {**recipe(source)["student"], "model": "stubborn:build"}  # type: ignore[dict-item]
    result = go(tmp_path / "run", source, student=student, seeds=[0], baseline=False)
    assert result.bundle is None
    assert result.evaluation.bundle is None
    assert result.evaluation.bundle_error
    assert result.evaluation.models["student"].cost is None
    assert (tmp_path / "run/student/seed-0/model.safetensors").is_file()
    assert "Traceback" not in result.report.read_text()


def test_the_student_file_holds_the_student_alone(finished: Run) -> None:
    from safetensors.torch import load_file

    weights = load_file(finished.folder / "student/seed-1/model.safetensors")
    assert {name.split(".")[0] for name in weights} <= {"words", "hashed", "head"}
    assert all(value.dtype == torch.float32 for value in weights.values())
