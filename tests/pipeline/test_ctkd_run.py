"""A run whose temperature is learned: in its records and its card, and not in the student."""

import json

import pytest
from safetensors.torch import load_file
from tiny import recipe, write_csv

from limbeck.pipeline import run
from limbeck.recipe import parse_recipe

LOSSES = [
    {"name": "kd", "weight": 0.9, "temperature": 4, "transform": {"kind": "ctkd", "until": 0.5}},
    {"name": "cross_entropy", "weight": 0.1},
]

pytestmark = pytest.mark.usefixtures("quick_exports")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ctkd")
    values = recipe(write_csv(folder / "rows.csv"), losses=LOSSES, seeds=[0])
    values["arms"] = ["student", "baseline", "hard_labels"]
    return run(parse_recipe(values, "test"), folder / "run")


def test_the_temperature_is_in_the_records_of_the_arm_that_learns_it(finished):
    records = [json.loads(line) for line in (finished.folder / "metrics.jsonl").read_text().splitlines()]
    found = [record["kd_temperature"] for record in records if "kd_temperature" in record]
    assert {record["arm"] for record in records if "kd_temperature" in record} == {"student"}
    assert len(found) == 24
    assert found[0] == pytest.approx(4)
    assert found[-1] != pytest.approx(4, abs=1e-3)


def test_it_is_in_no_network(finished):
    for file in finished.folder.glob("*/seed-0/model.safetensors"):
        assert not [name for name in load_file(file) if "critic" in name or name.endswith("raw")]
    assert len(list(finished.folder.glob("*/seed-0/model.safetensors"))) == 3


def test_the_card_cites_it(finished):
    assert "li2023curriculum" in (finished.folder / "bundle/README.md").read_text()
