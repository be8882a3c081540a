"""Every kind of the catalogue keeps the contract."""

import os
import re

os.environ["HF_HUB_OFFLINE"] = "1"

from pathlib import Path

import pytest
from kind_cases import CASES
from kind_contract import CONTRACT, Bench, ask

import limbeck
from limbeck.teachers import CATALOGUE

MOVING = {"mean_teacher", "mutual"}
"""Made beside a student, and of no use before: `tests/trainer/test_mean_teacher.py`, `test_mutual.py`."""


def test_every_kind_has_a_case():
    assert {name.split()[0] for name in CASES} == CATALOGUE.keys() - MOVING


@pytest.mark.parametrize("claim", CONTRACT, ids=lambda claim: claim.__name__)
@pytest.mark.parametrize("name", CASES)
def test_contract(name, claim, tmp_path, monkeypatch):
    bench = Bench(CASES[name](tmp_path), tmp_path)
    assert type(bench.teacher) is CATALOGUE[name.split()[0]]
    ask(claim, bench, monkeypatch)


def test_nobody_else_knows_a_kind():
    """What is done to a teacher is asked of it: outside of `teachers/` no kind is named, or told from another."""
    package = Path(limbeck.__file__).parent
    branch = re.compile(r"(teacher|member)\.kind (==|!=|in |not )|isinstance\([\w.]*(teacher|member)\b, [^)]*Teacher")
    for file in package.rglob("*.py"):
        if package / "teachers" not in file.parents:
            text = file.read_text()
            named = [kind.__name__ for kind in CATALOGUE.values() if re.search(rf"\b{kind.__name__}\b", text)]
            assert not named, file
            assert not branch.search(text), file
