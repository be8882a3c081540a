"""A second modality and a second task move in: a run of both in a copy of the house, and what they touched."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import limbeck

HOUSE = Path(limbeck.__file__).parent
HERE = Path(__file__).parent
RULE = """
RULES["point"] = lambda decision: Rule(
    lambda outputs, names: [dict(zip(names, row.tolist(), strict=True)) for row in outputs],
    lambda one, other: (abs(one - other) > 1e-3).any(axis=1),
    lambda outputs: (outputs == outputs).all(axis=1),
)
"""
FILES = {
    "modalities/squares.py": "modality_squares.py",
    "runtime/readers/squares.py": "squares.py",
    "tasks/point.py": "task_point.py",
}
"""New files of the house, and where they are here."""
LINES = {
    "modalities/__init__.py": {
        ", ArraysModality())": ", ArraysModality(), SquaresModality())",
        "from limbeck.settings import": "from limbeck.modalities.squares import SquaresModality\n{}",
    },
    "runtime/bundle.py": {
        ", ArraysReader)": ", ArraysReader, SquaresReader)",
        "from limbeck.runtime.takes import": "from limbeck.runtime.readers.squares import SquaresReader\n{}",
    },
    "tasks/__init__.py": {
        "TASKS = {": 'TASKS = {"point": PointSettings, ',
        "from limbeck.tasks.classification import": "from limbeck.tasks.point import PointSettings\n{}",
    },
    "runtime/decisions.py": {'"""By the task that `bundle.json` names."""': "{}" + RULE},
}
"""Lines of the house that change: what each new tenant is called in a catalogue."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house with both tenants, and a folder with squares beside it."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(HOUSE, folder / "src/limbeck", ignore=shutil.ignore_patterns("__pycache__"))
    for place, name in FILES.items():
        shutil.copy(HERE / name, folder / "src/limbeck" / place)
    for place, changes in LINES.items():
        file = folder / "src/limbeck" / place
        text = file.read_text(encoding="utf-8")
        for old, new in changes.items():
            assert text.count(old) == 1, (place, old)
            text = text.replace(old, new.replace("{}", old))
        file.write_text(text, encoding="utf-8")
    _write_squares(folder / "squares.csv")
    (folder / "net.py").write_text((HERE / "pixels.py").read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def _write_squares(path: Path) -> None:
    draw, rows = np.random.default_rng(0), set()
    while len(rows) < 300:
        rows.add("".join(draw.choice(["#", "."], 16)))
    places = np.arange(4)
    lines = ["square,black,middle"]
    for row in sorted(rows):
        ink = np.array([sign == "#" for sign in row]).reshape(4, 4)
        middle = [float((ink.sum(axis=axis) * places).sum() / max(1, ink.sum())) for axis in (1, 0)]
        lines.append(f"{row},{'yes' if ink.sum() > 8 else 'no'},{middle[0]:.4f} {middle[1]:.4f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


NETWORK = {"model": "net:build", "reads": {"kind": "squares"}, "train": {"steps": 60, "lr": 0.05, "validations": 3}}
RECIPE = {
    "seeds": [0, 1],
    "data": {"source": "squares.csv", "squares": "square", "label": "black", "labelled": 40, "labelled_per_batch": 4,
             "split": {"test": 60, "validation": 30}},
    "teacher": {"kind": "network", **NETWORK, "accept_bad": True},
    "student": NETWORK,
    "losses": [{"name": "logit_mse", "weight": 1.0}],
}  # fmt: skip


def run(house: Path, name: str, recipe: dict) -> dict:
    """Carry out a recipe in the copy; return its evaluation."""
    (house / f"{name}.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    asked = [sys.executable, "-m", "limbeck", "run", f"{name}.yaml", "--out", name]
    done = subprocess.run(asked, cwd=house, env=_environment(house), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((house / name / "evaluation.json").read_text(encoding="utf-8"))


def _environment(house: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(house / "src"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def answers(house: Path, name: str, squares: list[str]) -> list:
    """Ask a bundle in a process that has no torch."""
    code = (
        "import sys, json; sys.modules['torch'] = None; import limbeck; "
        f"print(json.dumps([str(one) for one in limbeck.load({name!r}).predict({squares!r})]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=house, env=_environment(house), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_modality_is_two_files_and_two_lines(house: Path) -> None:
    """It is read, split, taught, judged and shipped as text is."""
    found = run(house, "classes", RECIPE)
    assert (found["modality"], found["task"]) == ("squares", "classification")
    assert found["data"]["classes"] == ["no", "yes"]
    assert found["samples"][0]["sample"]["text"].strip("#.") == ""
    assert found["bundle"]["max_abs_error"] <= 1e-4
    said = answers(house, "classes", ["#" * 16, "." * 16])
    assert "label='yes'" in said[0]
    assert "label='no'" in said[1]


@pytest.mark.slow
def test_a_task_is_a_file_a_rule_and_a_line(house: Path) -> None:
    """It learns, chooses, judges (less is better) and ships numbers."""
    recipe = {**RECIPE, "task": "point", "data": {**RECIPE["data"], "label": "middle"}}
    found = run(house, "points", recipe)
    assert (found["modality"], found["task"]) == ("squares", "point")
    assert found["metrics"] == [{"name": "rmse", "title": "RMSE", "quantity": "value", "better": "lower", "unit": None}]
    student, baseline = (found["models"][arm]["scores"]["rmse"] for arm in ("student", "baseline"))
    assert found["gain"]["mean"] == pytest.approx(baseline - student), "more is better"
    teacher = found["models"]["teacher"]["scores"]["rmse"]
    assert found["retention"] == pytest.approx(teacher / student)
    assert found["agreement"] is None
    assert found["models"]["student"]["chance"] is None
    page = (house / "points/report.html").read_text(encoding="utf-8")
    assert "RMSE" in page
    assert "decisions equal to the teacher" not in page
    (said,) = answers(house, "points", ["#" * 16])
    assert said.startswith("{'row': ")
    asked = [sys.executable, "-m", "limbeck", "predict", "points", "-"]
    for options in ([], ["--json"]):
        told = {"cwd": house, "env": _environment(house), "input": "#" * 16 + "\n"}
        done = subprocess.run([*asked, *options], **told, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "row" in done.stdout
        assert done.stdout.count("\n") == 1
    card = (house / "points/bundle/README.md").read_text(encoding="utf-8")
    assert "A student for the point of squares (2 numbers)" in card
    assert "classif" not in card.partition("## How it was made")[0]


def test_what_they_touched(house: Path) -> None:
    """DESIGN, section 7: a modality two files and two lines; a task one file, one rule, one line."""
    theirs = {str(file.relative_to(house / "src/limbeck")): file for file in (house / "src/limbeck").rglob("*.py")}
    ours = {str(file.relative_to(HOUSE)): file for file in HOUSE.rglob("*.py")}
    assert theirs.keys() - ours.keys() == FILES.keys()
    changed = {name for name in ours if ours[name].read_bytes() != theirs[name].read_bytes()}
    assert changed == LINES.keys()
    modality = [name for name in [*FILES, *LINES] if "task" not in name and "decisions" not in name]
    assert sorted(modality) == [
        "modalities/__init__.py", "modalities/squares.py", "runtime/bundle.py", "runtime/readers/squares.py",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_foreign_column_is_refused(house: Path) -> None:
    """Two modalities, a network that reads another one, a share of an error: one line each."""
    for change, line in (
        ({"data": {**RECIPE["data"], "text": "square"}}, "contradict each other"),
        (
            {"student": {**NETWORK, "model": "ngrams", "reads": {}}},
            "`ngrams` reads text, and `reads` is of kind squares",
        ),
        (
            {"task": "point", "data": {**RECIPE["data"], "label": "middle"}, "until": {"retention": 0.9}},
            "a share of RMSE says nothing",
        ),
    ):  # fmt: skip
        (house / "odd.yaml").write_text(yaml.safe_dump({**RECIPE, **change}), encoding="utf-8")
        asked = [sys.executable, "-m", "limbeck", "check", "odd.yaml"]
        done = subprocess.run(asked, cwd=house, env=_environment(house), capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert line in done.stderr + done.stdout
