"""What only a CUDA GPU shows: equal bits each time, and an exported file that says what its network says."""

import pytest
import torch
from safetensors.torch import load_file

from limbeck.pipeline import Run, run
from limbeck.recipe import load_recipe
from limbeck.types import Batch

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
SMALL = [
    "seeds=[0]",
    "data.split={test: 60, validation: 40}",
    "data.augment.copies=2",
    "teacher.accept_bad=true",
    "teacher.train={steps: 60, batch_size: 32, lr: 0.01, validations: 2}",
    "student.train={steps: 60, batch_size: 32, lr: 0.01, validations: 2}",
    "grid={}",
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    folder = tmp_path_factory.mktemp("runs")
    return [run(load_recipe("digits", SMALL), folder / name) for name in ("one", "two")]


@pytest.mark.parametrize("network", ["teacher", "student/seed-0", "baseline/seed-0"])
def test_two_runs_end_with_equal_bits(runs: list[Run], network: str) -> None:
    one, two = (load_file(each.folder / network / "model.safetensors") for each in runs)
    assert all(torch.equal(value, two[name]) for name, value in one.items())


def test_the_exported_file_says_what_the_network_says(runs: list[Run]) -> None:
    assert runs[0].evaluation.bundle is not None, runs[0].evaluation.bundle_error
    assert next(runs[0].student.parameters()).is_cuda


def test_a_pinned_batch_is_the_same_there_and_its_ids_stay() -> None:
    batch = Batch(torch.arange(3), {"x": torch.randn(3, 2)}, torch.tensor([0, 1, 0]))
    there = batch.pinned().to(torch.device("cuda"))
    assert (there.ids.device.type, there.device.type, there.labels.device.type) == ("cpu", "cuda", "cuda")
    assert torch.equal(there.student_inputs["x"].cpu(), batch.student_inputs["x"])
