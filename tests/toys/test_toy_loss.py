"""A new loss: its file, its reference, and a line in the catalogue; the contract suite then holds it to all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
BEFORE = "from limbeck.losses.ranking_kl import"
LINE = "from limbeck.losses.quartic import Quartic as Quartic, quartic as quartic"
"""What a new loss takes of `losses/__init__.py`, and the line before which it stands."""


@pytest.fixture
def copy(tmp_path):
    """A copy of the package and of its contract suite, with the two files and the line."""
    shutil.copytree(ROOT / "src", tmp_path / "src")
    for folder in ("contract", "references", "toys"):
        shutil.copytree(ROOT / "tests" / folder, tmp_path / "tests" / folder)
    for file in ("tests/conftest.py", "tests/typed.py", "tests/largest.py", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path / file)
    shutil.copy(HERE / "quartic.py", tmp_path / "src/limbeck/losses/quartic.py")
    shutil.copy(HERE / "quartic_reference.py", tmp_path / "tests/references/quartic.py")
    catalogue = tmp_path / "src/limbeck/losses/__init__.py"
    text = catalogue.read_text(encoding="utf-8")
    assert text.count(BEFORE) == 1
    catalogue.write_text(text.replace(BEFORE, f"{LINE}\n{BEFORE}"), encoding="utf-8")
    return tmp_path


def contract(copy):
    """Run what the suite says of the new loss; return the exit code and what was printed."""
    asked = ["tests/contract/test_losses.py", "tests/contract/test_loss_pages.py", "tests/contract/test_chunked.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-m", "not slow"]
    done = subprocess.run(
        [*command, "-k", "quartic or every_method_file or read_in_the_source", *asked],
        cwd=copy, env=os.environ | {"PYTHONPATH": str(copy / "src")}, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_two_files_and_a_line_are_all_that_a_new_loss_takes(copy):
    code, said = contract(copy)
    assert code == 0, said
    listed = subprocess.run(
        [sys.executable, "-c", "from limbeck.cards import cards_text; print(cards_text())"],
        env=os.environ | {"PYTHONPATH": str(copy / "src")}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "quartic: a quarter of the fourth powers" in listed.stdout


@pytest.mark.slow
def test_a_loss_that_lacks_something_is_refused(copy):
    """No gradient may reach the teacher; a wrong factor is not what the reference says; no source is no docstring."""
    file = copy / "src/limbeck/losses/quartic.py"
    text = file.read_text(encoding="utf-8")
    changed = text.replace("teacher.detach()", "teacher").replace("/ 4, mask", "/ 3, mask")
    file.write_text(changed.replace("    Source:\n        Nobody: a toy.\n\n", ""), encoding="utf-8")
    code, said = contract(copy)
    assert code == 1
    for test in ("test_docstring_says_it_all", "golden", "test_no_gradient"):
        assert any(test in line for line in said.splitlines() if line.startswith("FAILED")), said
