"""The recipe of CIFAR-10 at full size, on a few hundred of its images; without them it says what is missing."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from limbeck.errors import LimbeckError
from limbeck.models.resnet import ResNet, ResNetSettings
from limbeck.pipeline import order, run
from limbeck.pipeline.check import check
from limbeck.recipe import Recipe, load_recipe
from limbeck.runtime.readers.image import ImageForm

SHARED = Path(__file__).parents[3] / "shared/data/cifar10"
needs_cifar = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data/cifar10")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def small(tmp_path: Path) -> Recipe:
    """The recipe on 300 and 60 images, with a teacher of eight layers that has learned nothing, and two views."""
    for split, rows in (("train", 300), ("test", 60)):
        table = pq.read_table(SHARED / f"{split}.parquet")
        some = np.linspace(0, len(table) - 1, rows).astype(int)  # they are sorted by class
        pq.write_table(table.take(pa.array(some)), tmp_path / f"{split}.parquet")
    torch.manual_seed(0)
    form = ImageForm.of(32, 32, 3, (0.5,) * 3, (0.2,) * 3)
    network = ResNet(ResNetSettings(depth=8, width=4), outputs=10, form=form)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    return load_recipe(
        "cifar10-full",
        [
            f"data.source={tmp_path}",
            "data.image=jpeg",
            "data.split.validation=40",
            "data.augment.copies=2",
            f"teacher.weights={tmp_path / 'weights.safetensors'}",
            "teacher.build.depth=8",
            "teacher.build.width=4",
            "teacher.accept_bad=true",
            "student.model.depth=8",
            "student.model.width=4",
            "student.train.steps=12",
            "student.train.batch_size=16",
            "student.train.validations=2",
            "seeds=[0]",
        ],
    )


@needs_cifar
def test_all_labels_are_known_and_views_are_of_teacher_student_and_baseline(
    small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = order.export_all
    monkeypatch.setattr(order, "export_all", lambda _, arms, at: every({}, {"student": arms["student"]}, at))
    found = run(small, tmp_path / "run").evaluation
    assert (found.data.labelled, found.data.validation, found.data.test) == (260, 40, 60)
    assert (found.data.unlabelled, found.data.augmented) == (0, 2 * 260)
    assert {"teacher", "student", "baseline", "floor", "distilled_floor"} == set(found.models)
    assert found.bundle is not None, found.bundle_error


@needs_cifar
def test_it_can_be_checked(small: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(small) > 0
    rows = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines() if len(line.split()) == 3)
    assert (rows["labelled"], rows["augmented"], rows["test"]) == ("260", "520", "60")


def test_without_weights_it_says_which_are_missing(tmp_path: Path) -> None:
    rows = {"img": [[[[n, 0, n]] * 8] * 8 for n in range(200)], "label": [n % 2 for n in range(200)]}
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")
    recipe = load_recipe(
        "cifar10-full",
        [
            f"data.source={tmp_path / 'rows.parquet'}",
            "data.split={test: 40, validation: 40}",
            "teacher.weights=none.pt",
        ],
    )
    with pytest.raises(LimbeckError, match="no such file of weights"):
        check(recipe)


def test_without_the_hub_it_asks_for_a_folder() -> None:
    with pytest.raises(LimbeckError, match="give a local file or folder instead"):
        check(load_recipe("cifar10-full"))
