"""A second kind of teacher: one file and one line, and it goes through a whole run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import limbeck

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
sys.path.append(str(Path(__file__).parent.parent / "teachers"))
from kind_cases import Case
from kind_contract import CONTRACT, Bench, ask
from tiny import recipe, write_csv

from limbeck.recipe import Recipe
from limbeck.settings import union
from limbeck.settings.yaml import write_yaml
from limbeck.teachers import CATALOGUE

SOURCE = Path(limbeck.__file__).parent
TOY = Path(__file__).parent / "constant.py"
LINE = "from limbeck.teachers.constant import ConstantTeacher as ConstantTeacher\n"
BEFORE = "from limbeck.teachers.given import"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Return a copy of the package that has the toy."""
    copy = tmp_path_factory.mktemp("package") / "limbeck"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TOY, copy / "teachers")
    single = copy / "teachers/single.py"
    text = single.read_text()
    assert text.count(BEFORE) == 1
    single.write_text(text.replace(BEFORE, LINE + BEFORE))
    return copy


def files(package):
    return {
        path.relative_to(package): path.read_text()
        for path in package.rglob("*")
        if path.suffix in (".py", ".json", ".html") and "__pycache__" not in path.parts
    }


def go(package, *arguments):
    """Run the copy's command line; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "limbeck", *map(str, arguments)],
        cwd=package.parent, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_it_is_one_file_and_one_line(package):
    ours, theirs = files(SOURCE), files(package)
    new = theirs.keys() - ours.keys()
    changed = [path for path in ours if ours[path] != theirs[path]]
    assert (new, changed) == ({Path("teachers/constant.py")}, [Path("teachers/single.py")])
    added = set(theirs[changed[0]].splitlines()) - set(ours[changed[0]].splitlines())
    assert added == {LINE.strip()}


@pytest.mark.slow
def test_it_goes_through_a_whole_run(package, tmp_path):
    values = recipe(write_csv(tmp_path / "rows.csv"), seeds=[0], teacher={"kind": "constant"})
    values["student"]["train"] |= {"steps": 8, "validations": 1}
    file, out = tmp_path / "toy.yaml", tmp_path / "run"
    file.write_text(write_yaml(values))
    code, said = go(package, "run", file, "--out", out)
    assert code == 2
    assert "the teacher is not better than chance" in said
    both = "teacher={kind: ensemble, members: [{kind: constant}, {kind: nblr}]}"
    code, said = go(package, "check", file, both)
    assert code == 0, said
    assert "teacher-0: " in said
    code, said = go(package, "run", file, "teacher.accept_bad=true", "--out", out)
    assert code == 0, said
    result = json.loads((out / "evaluation.json").read_text())
    teacher = result["models"]["teacher"]
    assert teacher["scores"]["accuracy"] == pytest.approx(0.5, abs=0.02), "it names one class only"
    assert teacher["cost"] is None
    assert teacher["learning"] == []
    assert sorted(path.name for path in (out / "teacher").iterdir()) == ["frequencies.json", "stage.json"]
    assert "kind: constant" in (out / "recipe.yaml").read_text()
    assert (out / "bundle/model.onnx").is_file()
    code, said = go(package, "run", out / "recipe.yaml", "--out", out)
    assert code == 0, said
    assert "evaluation: unchanged, reused" in said


@pytest.mark.parametrize("claim", CONTRACT, ids=lambda claim: claim.__name__)
def test_contract(claim, tmp_path, monkeypatch):
    from constant import ConstantTeacher

    class ToyRecipe(Recipe):
        teacher: union({**CATALOGUE, "constant": ConstantTeacher}, on="kind")

    bench = Bench(Case({"kind": "constant"}), tmp_path, ToyRecipe.model_validate)
    ask(claim, bench, monkeypatch)
