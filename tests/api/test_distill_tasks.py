"""`limbeck.distill` on loaders whose labels are values or label sets: a live teacher, a bundle that reads arrays."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import limbeck
from limbeck.errors import LimbeckError
from limbeck.losses import KD, BinaryCrossEntropy, BinaryKD, RegressionKD, SquaredError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
WAY = torch.tensor([[2.0, -1.0], [1.0, 0.5], [0.0, 1.0]])


class Network(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(3, width), nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.body(x)))


class Exact(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.way = nn.Parameter(WAY.clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.way


def loader(rows: int, seed: int, make, *, missing: bool = False) -> DataLoader:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, generator=draw)
    labels = make(x @ WAY + 0.3 * torch.randn(rows, 2, generator=draw))
    if missing:
        labels[::2] = float("nan")
    return DataLoader(TensorDataset(x, labels), batch_size=20)


def go(out, task: str, losses, make):
    return limbeck.distill(
        Exact(), lambda: Network(4), loader(200, 0, make, missing=True),
        validation=loader(60, 1, make), test=loader(80, 2, make), seeds=[0], losses=losses, classes=["left", "right"],
        settings={"task": task, "student.train": {"steps": 40, "lr": 0.05, "validations": 2}}, out=out,
    )  # fmt: skip


def test_values(tmp_path) -> None:
    done = go(tmp_path, "regression", 0.9 * RegressionKD() + 0.1 * SquaredError(), lambda values: values.clone())
    found = done.evaluation
    assert found.data.classes == ["left", "right"]
    assert found.models["teacher"].scores["r2"] > 0.9
    assert found.models["student"].chance.value > 0.3
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    said = limbeck.load(done.bundle).predict({"x": x})
    own = done.student.cpu()(x=torch.from_numpy(x)).detach().numpy()
    assert np.allclose([[one["left"], one["right"]] for one in said], own, atol=1e-4)


def test_label_sets(tmp_path) -> None:
    losses = 0.9 * BinaryKD() + 0.1 * BinaryCrossEntropy()
    done = go(tmp_path, "multilabel", losses, lambda values: (values > 0).float())
    assert done.evaluation.models["student"].scores["f1_micro"] > 0.6
    (said,) = limbeck.load(done.bundle).predict({"x": np.array([[9.0, 0.0, 0.0]], np.float32)})
    assert "left" in said.labels


def test_what_does_not_fit_is_refused(tmp_path) -> None:
    with pytest.raises(LimbeckError, match="kd compares predictions of one of several classes"):
        go(tmp_path, "regression", 1.0 * KD(), lambda values: values)
    with pytest.raises(LimbeckError, match="a loader gives no labels of a multioutput"):
        go(tmp_path, "multioutput", 1.0 * KD(), lambda values: (values > 0).long().float())
    with pytest.raises(LimbeckError, match="a label is neither 0 nor 1"):
        go(tmp_path, "multilabel", 1.0 * BinaryKD(), lambda values: values)
    with pytest.raises(LimbeckError, match="label sets of 3 classes stand beside 2 outputs"):
        go(tmp_path, "multilabel", 1.0 * BinaryKD(), lambda values: (values[:, [0, 1, 1]] > 0).float())
