"""What a run does for its teachers: see `limbeck.teachers.Work`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from limbeck.data import Examples, Task
from limbeck.data.modality import Modality
from limbeck.errors import about
from limbeck.lastlayer import last_layer
from limbeck.losses import objective_from
from limbeck.models import build_model, check_model
from limbeck.networks import HasReads, NetworkSettings
from limbeck.pipeline.stages.stage import Stage, once
from limbeck.pipeline.training.frozen import FEATURES, FrozenNetwork, freeze
from limbeck.pipeline.training.learn import Trained, learn
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.pretrain import check_pretraining
from limbeck.pipeline.training.probe import FROM_OUTSIDE, require_steady
from limbeck.pipeline.training.start import own_start
from limbeck.pipeline.training.views import View
from limbeck.recipe import Recipe
from limbeck.runtime.readers import Form
from limbeck.runtime.rows import Rows
from limbeck.taps import Taps
from limbeck.teachers import Single
from limbeck.trainer import History
from limbeck.types import Tap, device_of
from limbeck.version import __version__

_T = TypeVar("_T")


@dataclass(frozen=True)
class RunWork:
    """The work for the teacher of a run, or for one member of it.

    Args:
        recipe: of the run.
        material: the rows that this teacher learns from.
        folder: in which its folder stands; None where it is settled and checked only.
        note: tells its training from that of another teacher in the run.
        number: of the member; None: the whole teacher.
    """

    recipe: Recipe
    material: Material
    folder: Path | None = None
    note: str = ""
    number: int | None = None

    @property
    def key(self) -> str:
        """Where the teacher's settings stand in the recipe."""
        return "teacher" if self.number is None else f"teacher.members.{self.number}"

    @property
    def name(self) -> str:
        """Name of the teacher's folder, which is that of its network."""
        return "teacher" if self.number is None else f"teacher-{self.number}"

    @property
    def classes(self) -> Sequence[str]:
        """Names of the data's classes."""
        return self.material.splits.task.names

    @property
    def task(self) -> Task:
        """What is predicted; it has seen the labelled training rows."""
        return self.material.splits.task.fit(self.material.splits.labelled.labels)

    @property
    def given(self) -> Any:
        """The finished teacher that was handed to `limbeck.distill`."""
        return self.material.given.teacher

    @property
    def modality(self) -> Modality:
        """What an example is."""
        return self.material.splits.modality

    @property
    def asked(self) -> Examples:
        """Every row that the teacher is asked about."""
        splits = self.material.splits
        return (splits.transfer + splits.validation + splits.test).without_labels()

    @property
    def fewest(self) -> int:
        """How many labelled rows the run learns from at the smallest of its budgets."""
        budgets = self.recipe.curves.labels if self.recipe.curves is not None else None
        return min([len(self.material.splits.labelled), *(budgets or [])])

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """(labelled rows,) the number of each one's fold; None: nobody asks for them, or one would leave one class."""
        return self.material.splits.parted(self.recipe.teacher.folds)

    def examples(self, split: Literal["labelled", "validation"]) -> Examples:
        """Return the rows of a split."""
        return getattr(self.material.splits, split)

    def labels(self, split: Literal["labelled", "validation"]) -> NDArray[np.int64]:
        """Return the classes of the rows of a split."""
        return self.examples(split).labels.values

    def view(self, settings: HasReads) -> View:
        """Return the rows as something with these settings reads them."""
        return self.material.view(settings)

    def build(self, settings: NetworkSettings, outputs: int | None = None) -> nn.Module:
        """Return a new network, in the run's first seed."""
        return self.material.build(settings, seed=self.recipe.seeds[0], outputs=outputs)

    def built(self, settings: NetworkSettings, form: Form, outputs: int) -> nn.Module:
        """Return a new network as one that is trained is saved: of the task's units, in the run's first seed."""
        torch.manual_seed(self.recipe.seeds[0])
        return self.task.finish(build_model(settings.model, outputs=outputs, form=form))

    def try_out(self, settings: HasReads, build: Callable[[], nn.Module], features: int | None = None) -> None:
        """Refuse a network that the run could not train, ask or read activations of."""
        taps = [pair.taps[1] for pair in objective_from(self.recipe.losses).pairs]
        self.material.view(settings)
        if isinstance(settings, NetworkSettings):
            with about(f"{self.key}.model"):
                check_model(settings.model)
            if not (taps or settings.pretrain or _from_outside(settings) or self.recipe.codec.of_states):
                return
        with about(f"{self.key}.model"):
            network = build()
        if self.recipe.codec.of_states:
            self._last_layer(network, settings)
        if features is None:
            try_out(network, settings, self.material, taps, self.name)
        else:
            rows = _tried(self.material, settings)
            last_id = _last_id(self.material, settings)
            require_steady(network, rows, self.name, outputs=features, logits=False, last_id=last_id)

    def hidden_width(self, member: Single) -> int | None:
        """Return how many numbers of a settled teacher's hidden state are stored; None where its logits are."""
        if not self.recipe.codec.of_states:
            return None
        network = member.finished(self) or (None if member.network is None else self.build(member.network))
        return None if network is None else self._last_layer(network, member.read_as).in_features

    def _last_layer(self, network: nn.Module, settings: HasReads) -> nn.Linear:
        device = device_of(network)
        return last_layer(network, {name: value.to(device) for name, value in self.view(settings).example[0].items()})

    def train(self, network: nn.Module, settings: HasReads) -> Trained:
        """Train a network on the labelled rows, or load it."""
        lesson = replace(self.material.from_labels(settings, "teachers"), folds=self.folds)
        title = self.name.replace("-", " ") + self.note
        seed = self.recipe.seeds[0]
        return learn(network, settings, self.material, lesson, seed=seed, folder=self._place, title=title)

    def keep(self, network: nn.Module, settings: HasReads) -> Trained:
        """Return a network as it is; the folder keeps what it is, from one run to the next."""
        view = self.material.view(settings)
        start = own_start(network, None, self.material, view, title=self.name)
        stage, _ = once(self._place, {"view": view.digest, **start}, _nothing, _nothing)
        return Trained(network, History(0), view, stage.digest, stage.digest)

    def frozen(self, network: nn.Module, settings: HasReads, width: int) -> FrozenNetwork:
        """Return a network that is not trained and answers with features; each row of the run is asked once."""
        place = (self.material.folder or self._place.parent) / FEATURES
        return freeze(network, self.material, self.material.view(settings), width, place, self.name)

    def once(self, inputs: Mapping[str, Any], make: Callable[[Path], _T], load: Callable[[Path], _T]) -> tuple[str, _T]:
        """Return what the teacher's stage holds, and the digest of the stage."""
        place, named = self._place, {"version": __version__, **inputs}
        stage, result = once(place, named, lambda stage: make(place), lambda stage: load(place))
        return stage.digest, result

    def member(self, number: int) -> "RunWork":
        """Return the work for a member of an ensemble."""
        return replace(self, number=number)

    @property
    def _place(self) -> Path:
        if self.folder is None:
            raise ValueError("a teacher is made in a folder")
        return self.folder / self.name


def _from_outside(settings: HasReads) -> bool:
    return not isinstance(settings, NetworkSettings) or isinstance(settings.model, FROM_OUTSIDE)


def try_out(network: nn.Module, settings: HasReads, material: Material, taps: Sequence[Tap], who: str) -> None:
    """Refuse a network that the run could not train, ask or read activations of.

    Args:
        network: built, untrained or finished.
        settings: of the network.
        material: of the run.
        taps: paths of the activations that are compared.
        who: names it, for errors.

    Raises:
        LimbeckError: it has no such activation, it cannot be pretrained, or, where it comes from outside, see
            `require_steady`.
    """
    Taps(network, taps)
    if isinstance(settings, NetworkSettings):
        check_pretraining(network, settings)
    if _from_outside(settings):
        outputs, last_id = material.splits.task.outputs, _last_id(material, settings)
        require_steady(network, _tried(material, settings), who, outputs=outputs, last_id=last_id)


def _tried(material: Material, settings: HasReads) -> Rows:
    """Return the rows that a network from outside is tried on."""
    view = material.view(settings)
    return view.transfer if len(material.splits.transfer) else view.validation


def _last_id(material: Material, settings: HasReads) -> int | None:
    """Return the largest number of a token that a network may be asked about; None: it reads no tokens."""
    words = getattr(material.view(settings).form, "vocabulary", None)
    return None if words is None else words.size - 1


def _nothing(stage: Stage) -> None:
    """Leave the stage's record only."""


def works(recipe: Recipe, material: Material) -> list[tuple[RunWork, Single]]:
    """Return the teachers that answer in a run, each with the work for it."""
    work, members = RunWork(recipe, material), recipe.teacher.members
    return [(work if len(members) == 1 else work.member(number), each) for number, each in enumerate(members)]
