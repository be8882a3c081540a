"""A frozen network's features of the run's rows: each row is asked once, whichever heads are put on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from limbeck.cache import CachedTeacher, CacheIdentity, label
from limbeck.data import Splits
from limbeck.digest import digest
from limbeck.logits import WholeForm
from limbeck.pipeline.stages.stage import Stage, once
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.start import own_start
from limbeck.pipeline.training.views import View
from limbeck.ranks import ALONE, Ranks
from limbeck.teachers import ModuleTeacher, Teacher
from limbeck.teachers.module import weights_digest
from limbeck.teachers.work import ROWS, Split
from limbeck.trainer import History
from limbeck.types import Batch, Outputs, Tap, best_device
from limbeck.version import __version__

FEATURES = "features"
"""The folder of a run that keeps them."""


@dataclass(frozen=True)
class FrozenNetwork:
    """A network that answers with features, and those that it has given.

    Attributes:
        network: called with what the view reads, returns (rows, features).
        view: what it reads.
        splits: of the run.
        cache: features by content id.
        digest: names whose features these are.
    """

    network: nn.Module
    view: View
    splits: Splits
    cache: CachedTeacher
    digest: str

    def ask(self, split: Split, among: Ranks) -> None:
        """Ask for the rows of a split that have no features yet."""
        rows, encoded = getattr(self.splits, split), getattr(self.view, split)
        label(self.live, rows, encoded, self.cache, among=among, title=f"features, {ROWS[split]}")

    def features(self, split: Split) -> NDArray[np.float32]:
        """Return the features of a split, (rows, width)."""
        self.ask(split, ALONE)
        ids = torch.from_numpy(getattr(self.splits, split).ids)
        return self.cache.predict(Batch(ids, {})).dense.numpy()

    def under(self, head: nn.Module, digest: str) -> "Headed":
        """Return what answers with the outputs of a head."""
        model = Together(self.network, head.to(best_device())).eval()
        return Headed(model, History(0), self.view, digest, code=self.digest, frozen=self, head=head)

    @property
    def live(self) -> Teacher:
        """The network, as something that is asked."""
        return ModuleTeacher(self.network, self.digest)


class Together(nn.Module):
    """A frozen network and the head on its features."""

    def __init__(self, network: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.network, self.head = network, head
        if hasattr(network, "no_onnx"):
            self.no_onnx = network.no_onnx

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return the outputs of the head, (rows, outputs)."""
        return self.head(self.network(**inputs))


@dataclass(frozen=True, kw_only=True)
class Headed(Trained):
    """A head on a frozen network, which answers from the features that are kept.

    Attributes:
        frozen: the network, and its features.
        head: called with these.
    """

    frozen: FrozenNetwork
    head: nn.Module

    def live(self, taps: Sequence[Tap] = (), form: WholeForm = "dense") -> Teacher:
        """Return what asks the network only for rows without features; it has nothing else to give."""
        return _Answers(self.frozen, self.head, self.answers_as)

    def prepare(self, split: Split, among: Ranks, folder: Path, missing: NDArray[np.bool_]) -> None:
        """Ask the network for the features of a split."""
        self.frozen.ask(split, among)


@dataclass(frozen=True)
class _Answers:
    """A head that is asked with the features of each row, by its id."""

    frozen: FrozenNetwork
    head: nn.Module
    digest: str

    def predict(self, batch: Batch) -> Outputs:
        """Return the head's outputs, (rows, outputs) float32, on the batch's device."""
        known = not self.frozen.cache.missing(batch.ids.cpu().numpy()).any()
        features = (self.frozen.cache if known else self.frozen.live).predict(batch).dense
        with torch.no_grad():
            outputs = self.head(features.to(next(self.head.buffers()).device))
        return Outputs(outputs.float().to(batch.device))


def freeze(network: nn.Module, material: Material, view: View, width: int, folder: Path, name: str) -> FrozenNetwork:
    """Return a network with the features that the folder keeps of it.

    Args:
        network: finished.
        material: of the run.
        view: what it reads.
        width: number of features.
        folder: for the features of every network of the run.
        name: of the teacher, for errors.
    """
    network = network.to(best_device()).eval()
    start = own_start(network, None, material, view, title=name)
    inputs = {"version": __version__, "view": view.digest, **start}
    stage, _ = once(folder / name, inputs, _nothing, _nothing)
    named = digest([weights_digest(network), stage.digest])
    identity = CacheIdentity(named, view.digest, width)
    return FrozenNetwork(network, view, material.splits, CachedTeacher(folder / identity.name, identity), named)


def _nothing(stage: Stage) -> None:
    """Leave the stage's record only."""
