"""A whole run in two processes: every stage, one report."""

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml
from launching import launch
from safetensors.torch import load_file

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from tiny import recipe, write_csv


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return the folder of a run in one process and of the same run in two."""
    out = tmp_path_factory.mktemp("runs")
    feature = {"name": "fitnet", "weight": 0.01, "student": "dropout", "teacher": "dropout"}
    values = recipe(write_csv(out / "rows.csv"), seeds=[0])
    values["losses"] = [*values["losses"], feature]
    for network in ("teacher", "student"):
        values[network]["model"]["dropout"] = 0.0  # units dropped are other ones on every process
    (out / "tiny.yaml").write_text(yaml.safe_dump(values))
    for world in (1, 2):
        launch(world, ["-m", "limbeck", "run", str(out / "tiny.yaml"), "--out", str(out / str(world))])
    return out / "1", out / "2"


@pytest.mark.parametrize("network", ["teacher", "student/seed-0", "baseline/seed-0"])
def test_two_processes_train_the_networks_of_one(runs, network):
    one, two = (load_file(run / network / "model.safetensors") for run in runs)
    torch.testing.assert_close(two, one, rtol=1e-3, atol=1e-4)


def test_they_leave_one_report(runs):
    one, two = runs
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
    assert json.loads((two / "environment.json").read_text())["processes"] == "2"
    scores = [
        json.loads((run / "evaluation.json").read_text())["models"]["student"]["scores"]["accuracy"] for run in runs
    ]
    assert scores[0] == pytest.approx(scores[1], abs=0.04)  # a row or two of 60 near the boundary
    assert (two / "train.log").read_text().count("evaluation\n") == 1
    assert (two / "report.html").is_file()
