"""Whole runs of every modality and every task: one rank = two, and killed = not killed."""

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml
from house import DIAGONAL, values_of, write_rows
from safetensors.torch import load_file

sys.path += [str(Path(__file__).parent.parent / "ranks"), str(Path(__file__).parent.parent / "pipeline")]
from kill_harness import start
from launching import launch
from same_run import differences

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=DIAGONAL, ids=lambda case: "-".join(case))
def recipe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("-".join(request.param))
    file = folder / "made.yaml"
    file.write_text(yaml.safe_dump(values_of(*request.param, write_rows(folder))))
    return file


@pytest.fixture(scope="module")
def alone(recipe: Path) -> Path:
    launch(1, ["-m", "limbeck", "run", str(recipe), "--out", str(recipe.parent / "one")])
    return recipe.parent / "one"


@pytest.mark.parametrize("network", ["teacher", "student/seed-0", "baseline/seed-0"])
def test_two_ranks_train_the_network_of_one(recipe: Path, alone: Path, network: str) -> None:
    two = recipe.parent / "two"
    if not two.is_dir():
        launch(2, ["-m", "limbeck", "run", str(recipe), "--out", str(two)])
    one, other = (load_file(run / network / "model.safetensors") for run in (alone, two))
    torch.testing.assert_close(other, one, rtol=5e-3, atol=5e-4)


def test_a_run_that_was_killed_ends_as_one_that_never_was(recipe: Path, alone: Path) -> None:
    """It is killed in the student's training and in the export, and started again."""
    values, killed = yaml.safe_load(recipe.read_text()), recipe.parent / "killed"
    whole = recipe.parent / "whole"
    start(values, whole)
    for event in ("student/seed-0: recorded", "export/student: recorded"):
        start(values, killed, kill_at=event)
    start(values, killed)
    assert differences(whole, killed) == []
    scores = [
        json.loads((run / "evaluation.json").read_text())["models"]["student"]["scores"] for run in (whole, killed)
    ]
    assert scores[0] == scores[1]
