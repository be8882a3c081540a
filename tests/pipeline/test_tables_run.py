"""A table through every stage: csv in, verdict, report and a bundle that answers rows without PyTorch."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from test_command_line import call
from tiny import FLOORS

import limbeck
from limbeck.pipeline import run
from limbeck.pipeline.check import check
from limbeck.pipeline.training.material import Material
from limbeck.recipe import parse_recipe
from made_rows import splits_of
from without import limbeck_alone

TRAIN = {"steps": 60, "batch_size": 16, "lr": 0.02, "validations": 3}


def write_table(path, rows=400, seed=0):
    """Write rows whose label follows from a number, a category and a hole; with more holes that say nothing."""
    rng = np.random.default_rng(seed)
    size, job, gone = rng.normal(50, 20, rows).round(2), rng.integers(4, size=rows), rng.random(rows) < 0.3
    label = (size + 30 * (job % 2) + 20 * gone > 70).astype(int)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["size", "job", "age", "label"])
        for row in range(rows):
            age = "" if gone[row] else rng.integers(20, 60)
            writer.writerow([size[row], "" if rng.random() < 0.05 else f"job {job[row]}", age, label[row]])
    return path


def recipe_of(source, **changes):
    values = {
        "name": "rows",
        "seeds": [0],
        "data": {"source": str(source), "features": "*", "split": {"test": 80, "validation": 60}, "labelled": 60},
        "teacher": {"kind": "network", "model": {"name": "mlp", "hidden": 32}, "train": TRAIN},
        "student": {"model": {"name": "mlp", "hidden": 8, "layers": 1}, "train": TRAIN},
        "losses": [{"name": "kd", "weight": 0.9, "temperature": 2}, {"name": "cross_entropy", "weight": 0.1}],
    }
    return parse_recipe({**values, **changes}, "test")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("table") / "rows.csv")


@pytest.fixture(scope="module")
def done(source, tmp_path_factory):
    return run(recipe_of(source), tmp_path_factory.mktemp("run") / "out")


def test_it_is_compared_with_both_floors(done):
    found = done.evaluation
    assert list(found.models) == ["teacher", "student", "baseline", *FLOORS]
    assert found.modality == "table"
    assert [found.models[name].features for name in FLOORS] == ["columns", "columns"]
    assert found.models["floor"].method in ("logistic regression", "gradient boosting")
    assert found.models["distilled_floor"].method == "logistic regression"
    over = found.score("student") - found.score("distilled_floor")
    assert found.over_distilled_floor.mean == pytest.approx(over)
    assert found.teacher_over.keys() == {"baseline", "floor"}
    for name, over in found.teacher_over.items():
        assert over.mean == pytest.approx(found.score("teacher") - found.score(name))
        assert over.ci95[0] <= over.mean <= over.ci95[1]


def test_the_card_shows_a_row_as_the_columns_have_it(done):
    card = (done.bundle / "README.md").read_text(encoding="utf-8")
    assert re.search(r'student\.predict\(\[\{"size": \d+\.\d, "age": \d+, "job": "job 0"\}\]\)', card), card
    assert "of csv, tsv, jsonl, parquet or xlsx files with these columns." in card
    assert done.evaluation.usage.keeps == "scales, categories"


def test_the_bundle_answers_as_the_student_does(done, source):
    bundle = limbeck.load(done.bundle)
    splits = splits_of(recipe_of(source))
    view = Material(splits).view(recipe_of(source).student)
    with torch.no_grad():
        expected = done.student(**{name: torch.from_numpy(value) for name, value in view.test.arrays.items()}).numpy()
    np.testing.assert_allclose(bundle.logits(splits.test.values), expected, atol=1e-4)
    rows = [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in splits.test.values]
    np.testing.assert_allclose(bundle.logits(rows), expected, atol=1e-4)
    columns = {name: [row[name] for row in splits.test.values] for name in splits.test.values[0]}
    assert bundle.predict(columns) == bundle.predict(splits.test.values)
    odd = bundle.predict([{"size": 1e300, "job": "astronaut", "age": None, "more": 1}])
    assert np.isfinite(odd[0].probability)


def test_the_report_shows_rows_and_says_how_to_ask(done):
    page = re.sub("<[^>]*>", "", done.report.read_text()).replace(f"{done.folder.as_posix()}/", "")
    assert re.search(r"size: [0-9.]+, job: (job [0-3]|–), age: ", page)
    assert 'limbeck.load("bundle").predict([{"size":' in page.replace("&#34;", '"')
    assert "limbeck predict bundle rows.csv" in page
    assert "TF-IDF" not in page
    card = (done.bundle / "README.md").read_text()
    assert 'student.predict([{"size": ' in card


def test_the_command_line_answers_files_of_rows(done, source, tmp_path, monkeypatch, capsys):
    lines = source.read_text().splitlines()
    (tmp_path / "few.csv").write_text("\n".join(lines[:4]) + "\n")
    objects = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:4]]
    (tmp_path / "few.jsonl").write_text("\n".join(map(json.dumps, objects)) + "\n")
    expected = [one.label for one in limbeck.load(done.bundle).predict(objects)]
    for name in ("few.csv", "few.jsonl"):
        code, out, err = call(monkeypatch, capsys, "predict", str(done.bundle), str(tmp_path / name))
        assert (code, err) == (0, "")
        assert [line.split("\t")[0] for line in out.splitlines()] == expected
        assert [line.split("\t")[-1] for line in out.splitlines()] == ["row 1", "row 2", "row 3"]
    (tmp_path / "few.csv").write_text("size,job\n1,cook\n")
    code, _, err = call(monkeypatch, capsys, "predict", str(done.bundle), str(tmp_path / "few.csv"))
    assert code == 2
    assert "no column `age`" in err


def test_the_command_line_scores_a_file(done, source, monkeypatch, capsys):
    code, out, err = call(monkeypatch, capsys, "evaluate", str(done.bundle), str(source), "--json")
    assert code == 0, err
    assert json.loads(out)["accuracy"] > 0.6
    bare = limbeck_alone("evaluate", str(done.bundle), str(source), "--json")
    assert (bare.stdout, bare.returncode) == (out, 0), bare.stderr


def test_a_bundle_needs_no_torch(done):
    code = (
        "import sys, limbeck; limbeck.load(sys.argv[1]).predict([{'size': 1, 'job': 'job 1', 'age': 3}]);"
        "print(sorted({'torch', 'sklearn', 'scipy', 'pydantic', 'pandas'} & sys.modules.keys()))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(done.bundle)], capture_output=True, text=True, timeout=120, check=True
    )
    assert found.stdout.strip() == "[]"


def test_check_says_what_a_run_would_do(source, capsys):
    check(recipe_of(source, data={**recipe_of(source).data.model_dump(mode="json"), "features": ["size", "job"]}))
    assert "the recipe is fine" in capsys.readouterr().out


def test_frames_end_with_the_bits_of_the_file(done, source, tmp_path):
    import pandas as pd

    recipe = recipe_of(source).model_dump(mode="json")
    found = limbeck.distill(
        recipe["teacher"],
        "mlp",
        pd.read_csv(source),
        losses=recipe["losses"],
        seeds=[0],
        settings={
            "data.features": ["size", "job", "age"],
            **{f"data.{key}": recipe["data"][key] for key in ("split", "labelled")},
            **{f"student.{key}": recipe["student"][key] for key in ("model", "train")},
        },
        out=tmp_path / "frames",
    )
    for name, value in done.student.state_dict().items():
        assert torch.equal(found.student.state_dict()[name], value), name
    assert found.evaluation.gain == done.evaluation.gain


def test_other_columns_than_all_are_read(source, tmp_path):
    with pytest.raises(limbeck.LimbeckError, match="no column `sizes`"):
        splits_of(recipe_of(source, data={"source": str(source), "features": ["sizes"]}))
    splits = splits_of(recipe_of(source, data={**recipe_of(source).data.model_dump(mode="json"), "features": "size"}))
    assert list(splits.test.values[0]) == ["size"]


def test_a_teacher_that_is_a_function_is_timed_by_its_own_call(source, tmp_path):
    """Of what it holds, nothing is known."""
    (tmp_path / "of_columns.py").write_text(
        "import numpy as np\n\n\ndef features(numbers, categories):\n"
        "    return np.concatenate([numbers, numbers**2, categories == 1], axis=1)\n",
        encoding="utf-8",
    )
    sys.path.append(str(tmp_path))
    teacher = {"kind": "embedding", "model": "of_columns:features", "reads": {"kind": "table"}}
    found = run(recipe_of(source, teacher=teacher, baseline=False), tmp_path / "out")
    cost = found.evaluation.models["teacher"].cost
    assert (cost.parameters, cost.size_bytes, cost.exported) == (None, None, False)
    assert cost.latency_ms > 0
    assert found.evaluation.models["student"].cost.exported
    assert "by its own call" in found.report.read_text(encoding="utf-8")
