"""Every kind of the catalogue keeps the contract."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
from kind_cases import CASES
from kind_contract import CONTRACT, Bench, ask

from limbeck.teachers import CATALOGUE


def test_every_kind_has_a_case():
    assert {name.split()[0] for name in CASES} == CATALOGUE.keys()


@pytest.mark.parametrize("claim", CONTRACT, ids=lambda claim: claim.__name__)
@pytest.mark.parametrize("name", CASES)
def test_contract(name, claim, tmp_path, monkeypatch):
    bench = Bench(CASES[name](tmp_path), tmp_path)
    assert type(bench.teacher) is CATALOGUE[name.split()[0]]
    ask(claim, bench, monkeypatch)
