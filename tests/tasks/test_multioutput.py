"""Several decisions a row: each column's losses are those of a classification of its own, exactly."""

import numpy as np
import pytest
import torch

from limbeck.data import DataOptions
from limbeck.errors import LimbeckError
from limbeck.losses import CATALOG, KD, CrossEntropy, HardLabels, LogitMSE
from limbeck.tasks import MultioutputSettings
from limbeck.types import Batch, Outputs

OPTIONS = DataOptions(source="made", label=("a", "b", "c"))
CELLS = [(row % 4, "xy"[row % 2], row % 3) for row in range(24)]
SIZES = (4, 2, 3)


@pytest.fixture
def task():
    return MultioutputSettings().learn(CELLS, None, OPTIONS, "made")


@pytest.mark.parametrize(
    "loss",
    [KD(temperature=1.0), KD(temperature=10_000.0), KD(temperature=0.1), LogitMSE(), HardLabels(), CrossEntropy()],
    ids=repr,
)
@pytest.mark.parametrize("size", [1.0, 100.0, 1e4])
def test_a_loss_is_the_sum_of_its_columns(task, loss, size: float) -> None:
    """Values and gradients, bit for bit: padding contributes exactly nothing, at any temperature and any logits."""
    draw = torch.Generator().manual_seed(0)
    labels = task.labels(CELLS, "made")
    teacher = size * torch.randn(24, sum(SIZES), generator=draw)
    whole = (size * torch.randn(24, sum(SIZES), generator=draw)).requires_grad_()
    alone = whole.detach().clone().requires_grad_()
    batch = task.frame(Batch(torch.arange(24), {}, torch.from_numpy(labels.values)))
    assert loss.count(batch) == 72
    value = loss.sum(Outputs(task.seen(whole)), Outputs(task.seen(teacher)), batch)
    value.backward()
    parts = []
    for column, (own, other) in enumerate(zip(alone.split(SIZES, 1), teacher.split(SIZES, 1), strict=True)):
        single = Batch(torch.arange(24), {}, torch.from_numpy(labels.values[:, column].copy()))
        parts.append(loss.sum(Outputs(own), Outputs(other), single))
    torch.stack(parts).sum().backward()
    torch.testing.assert_close(value, torch.stack(parts).sum(), rtol=1e-6, atol=0)
    assert torch.equal(whole.grad, alone.grad) or torch.allclose(whole.grad, alone.grad, rtol=1e-6, atol=0)
    assert torch.isfinite(whole.grad).all()


OTHERS = [
    loss
    for loss in CATALOG.values()
    if "distribution" in loss.card.fits and loss.card.scope == "prediction" and loss.card.tap is None
]


@pytest.mark.parametrize("loss", OTHERS, ids=lambda loss: loss.card.name)
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_no_loss_of_the_catalogue_counts_the_padding(task, loss, size: float) -> None:
    """Classes that a column does not have: not among those that a virtual teacher or a correlation counts."""
    draw = torch.Generator().manual_seed(0)
    own, other = (size * torch.randn(24, sum(SIZES), generator=draw) for _ in range(2))
    labels = torch.from_numpy(task.labels(CELLS, "made").values)
    whole = loss().sum(
        Outputs(task.seen(own)), Outputs(task.seen(other)), task.frame(Batch(torch.arange(24), {}, labels))
    )
    parts = 0.0
    for column, (one, two) in enumerate(zip(own.split(SIZES, 1), other.split(SIZES, 1), strict=True)):
        parts += loss().sum(Outputs(one), Outputs(two), Batch(torch.arange(24), {}, labels[:, column].clone()))
    torch.testing.assert_close(whole, parts, rtol=1e-5, atol=1e-5)


def test_strata_are_of_the_rarest_class(task) -> None:
    labels = task.labels(CELLS, "made")
    assert np.array_equal(task.strata(labels), labels.values[:, 0]), "of four classes each is rarer than of two"


def test_one_column_is_a_classification() -> None:
    for label in ("a", ("a",)):
        with pytest.raises(LimbeckError, match="several columns, and one is named"):
            MultioutputSettings().learn(CELLS, None, DataOptions(source="made", label=label), "made")


def test_a_row_with_some_of_its_labels_is_refused() -> None:
    with pytest.raises(LimbeckError, match="row 25 has a label in `a` and none in `b`"):
        MultioutputSettings().learn([*CELLS, (1, None, 2)], None, OPTIONS, "made")


def test_a_class_that_one_column_never_had_is_named_with_its_column(task) -> None:
    with pytest.raises(LimbeckError, match="test split, column `b`: label `z` does not occur in the training rows"):
        task.labels([(1, "z", 2)], "test split")
    assert "no test row of 1 of 9 classes: a: 3" in task.remarks("test", task.labels(CELLS[:3], ""), learned=False)[0]
