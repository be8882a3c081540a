"""The teacher of a run: made, asked once, and from then on answering from its cache, alone or as an ensemble."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.bundle import Runner
from limbeck.cache import CachedTeacher, CacheIdentity, label
from limbeck.cache.codecs import DEFAULT, Codec, exactly
from limbeck.cache.identity import TORCH
from limbeck.data import Splits
from limbeck.digest import digest
from limbeck.evaluation import Pool
from limbeck.evaluation.records import ServedRecord
from limbeck.losses import objective_from
from limbeck.pipeline.training.engine import by_engine
from limbeck.pipeline.training.folds import cross_answers
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.work import RunWork
from limbeck.ranks import ALONE, Ranks, ranks
from limbeck.recipe import Recipe
from limbeck.teachers import Made, Moving, Teacher
from limbeck.teachers.combined import Ensemble, Scaled, how_mixed, mix
from limbeck.teachers.work import ROWS, Split
from limbeck.trainer import predict_logits
from limbeck.types import Batch


@dataclass(frozen=True)
class Member:
    """One that answers.

    Attributes:
        trained: what was made.
        cache: its exact answers, for the rows on which it is judged; opened once.
        taught: its answers for the transfer set, as the recipe keeps them; the same one where that is exactly.
        name: of its network.
        temperature: its logits are divided by; None: they stay as they are.
    """

    trained: Made
    cache: CachedTeacher
    taught: CachedTeacher
    name: str
    temperature: float | None = None

    def of(self, splits: Splits, split: Split, *, among: Ranks = ALONE) -> CachedTeacher:
        """Return a teacher that answers for a split, asking the network only for rows that it never saw."""
        kept = self.taught if split == "transfer" else self.cache
        if kept is not self.cache and len(splits.labelled):  # of which it has said all: nobody is asked twice
            known, view = self.of(splits, "labelled", among=among), self.trained.view.labelled
            title = f"{self.name} answers, {ROWS['labelled']}, as students learn from them"
            label(known, splits.labelled, view, kept, among=among, title=title)
        examples, view = getattr(splits, split), getattr(self.trained.view, split)
        self.trained.prepare(split, among, self.cache.folder, kept.missing(examples.ids))
        title = f"{self.name} answers, {ROWS[split]}"
        return label(self.live(), examples, view, kept, among=among, title=title)

    def logits(self, splits: Splits, split: Split) -> NDArray[np.float32]:
        """Return its logits for a split on which it is judged, (rows, outputs), at its temperature."""
        batch = Batch(ids=torch.from_numpy(getattr(splits, split).ids), student_inputs={})
        return self.scaled(self.of(splits, split, among=ranks())).predict(batch).dense.numpy()

    def live(self) -> Teacher:
        """Return the teacher itself, for batches that it has not seen."""
        return self.trained.live(self.cache.identity.taps, self.cache.identity.codec.asks)

    def scaled(self, teacher: Teacher) -> Teacher:
        """Return the teacher at this member's temperature."""
        return teacher if self.temperature is None else Scaled(teacher, self.temperature)


@dataclass(frozen=True)
class RunTeacher:
    """The trained teacher and its answers.

    Attributes:
        members: one network, or those of an ensemble.
        weights: one each, see `limbeck.teachers.combined.mix`.
        splits: what it is asked about.
        pool: how their answers are pooled.
        by_confidence: whether a weight is also by how sure a member is of each prediction.
        moving: how it is made beside each student; it has no members then. None: it was made before.
    """

    members: tuple[Member, ...]
    weights: tuple[float, ...]
    splits: Splits
    pool: Pool = "mean"
    by_confidence: bool = False
    moving: Moving | None = None

    @property
    def names(self) -> list[str]:
        """Name what was answered and by whom, for whatever depends on it."""
        if self.moving is not None:
            return self.moving.names
        (first, *others) = self.members
        if not others and first.temperature is None:
            return [first.cache.digest, first.cache.identity.view]
        known = [[each.cache.digest, each.cache.identity.view, each.temperature] for each in self.members]
        how = how_mixed(self.pool, self.splits.task.predicts, by_confidence=self.by_confidence)
        return [digest([known, list(self.weights), *how])]

    @property
    def kept(self) -> dict[str, str]:
        """Name how the answers are stored, for whatever depends on it; nothing where that is as by default."""
        if self.moving is not None:
            return {}
        stored = {} if self.codec == DEFAULT else {"cache.codec": self.codec.title}
        engine = self.members[0].cache.identity.engine
        return stored if engine == TORCH else stored | {"cache.engine": engine}

    @property
    def codec(self) -> Codec:
        """How the answers for the transfer set are stored."""
        return self.members[0].taught.identity.codec

    @property
    def made(self) -> dict[str, Trained]:
        """Every network that was made, by name: also those that do not count."""
        named = zip(member_names(len(self.members)), self.members, strict=True)
        return {name: one.trained for name, one in named if isinstance(one.trained, Trained)}

    @property
    def networks(self) -> dict[str, Trained]:
        """What is a network, by name: `teacher`, or `teacher-0`, `teacher-1` ... of those of an ensemble that count."""
        return {name: one.trained for name, one, _ in self._counting if isinstance(one.trained, Trained)}

    @property
    def settings(self) -> dict[str, float | int | str | bool | None]:
        """What was fitted on validation: temperatures, and the weights of an ensemble."""
        names = member_names(len(self.members))
        fitted = {f"{n} temperature": m.temperature for n, m in zip(names, self.members, strict=True) if m.temperature}
        said = ["by confidence"] * len(names) if self.by_confidence else self.weights
        weights = dict(zip((f"{name} weight" for name in names), said, strict=True)) if names[1:] else {}
        return {**fitted, **weights}

    @property
    def served(self) -> list[ServedRecord]:
        """What is recorded of members that a server answers for."""
        return [found for member in self.members if (found := member.trained.served) is not None]

    def of(self, split: Split, *, among: Ranks = ALONE) -> Teacher:
        """Return a teacher that answers for a split from its cache; processes share what is still to be asked."""
        return self._together([member.of(self.splits, split, among=among) for _, member, _ in self._counting])

    def live(self) -> Teacher:
        """Return a teacher that answers for batches it has not seen, each with the inputs of its only network."""
        return self._together([member.live() for _, member, _ in self._counting])

    def logits(self, split: Split) -> NDArray[np.float32]:
        """Return the logits for a split, (rows, classes).

        Raises:
            LimbeckError: of the transfer set, where not every logit is kept.
        """
        batch = Batch(ids=torch.from_numpy(getattr(self.splits, split).ids), student_inputs={})
        return self.of(split).predict(batch).dense.numpy()

    def runner(self, exported: Mapping[str, Runner]) -> Runner | None:
        """Return the teacher as a function of samples, from its networks by name.

        Args:
            exported: its networks that have an ONNX form; the others are called as they are, in PyTorch.

        Returns:
            None where one is missing that is no network.
        """
        networks = self.networks
        parts = [
            exported.get(name) or (_called(networks[name]) if name in networks else None)
            for name, _, _ in self._counting
        ]
        if any(part is None for part in parts):
            return None
        divisors = [member.temperature or 1.0 for _, member, _ in self._counting]

        def answer(samples: Sequence[Any]) -> NDArray[np.float32]:
            logits = [torch.from_numpy(part(samples)) / T for part, T in zip(parts, divisors, strict=True) if part]
            return self.mixed(logits, [weight for _, _, weight in self._counting]).numpy()

        return answer

    def mixed(self, outputs: Sequence[Tensor], weights: Sequence[float] | None = None) -> Tensor:
        """Return members' outputs as those of the whole teacher.

        Args:
            outputs: of each member, (rows, outputs), at its temperature.
            weights: one each; None: of all members.
        """
        if len(self.members) == 1:
            return outputs[0]
        predicts = self.splits.task.predicts
        return mix(outputs, weights or self.weights, self.pool, predicts=predicts, by_confidence=self.by_confidence)

    def _together(self, teachers: Sequence[Teacher]) -> Teacher:
        scaled = [each.scaled(teacher) for (_, each, _), teacher in zip(self._counting, teachers, strict=True)]
        if len(self.members) == 1:
            return scaled[0]
        weights = [weight for _, _, weight in self._counting]
        predicts = self.splits.task.predicts
        return Ensemble(scaled, weights, self.pool, predicts=predicts, by_confidence=self.by_confidence)

    @property
    def _counting(self) -> list[tuple[str, Member, float]]:
        """The members whose weight is not 0, with their names and weights: the others are not asked."""
        named = zip(member_names(len(self.members)), self.members, self.weights, strict=True)
        return [(name, member, weight) for name, member, weight in named if weight]


def _called(network: Trained) -> Runner:
    """Return a network as a function of samples, called in PyTorch on one thread."""

    def answer(samples: Sequence[Any]) -> NDArray[np.float32]:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return predict_logits(network.model, network.view.rows(samples)).numpy()
        finally:
            torch.set_num_threads(threads)

    return answer


def member_names(count: int) -> list[str]:
    """Return the names of a teacher's networks, which are those of their folders."""
    return ["teacher"] if count == 1 else [f"teacher-{number}" for number in range(count)]


def member_key(number: int, count: int) -> str:
    """Return where the recipe says what one of so many networks of a teacher is."""
    return "teacher" if count == 1 else f"teacher.members.{number}"


def settle(recipe: Recipe, material: Material) -> Recipe:
    """Return the recipe with what its teacher leaves open: whether it is trained, its outputs' classes, its length.

    What is settled is said, and stands in the run's `recipe.yaml`.

    Raises:
        LimbeckError: see `Kind.settle`.
    """
    return recipe.model_copy(update={"teacher": recipe.teacher.settle(RunWork(recipe, material))})


@dataclass(frozen=True)
class MadeTeacher:
    """What was made of a teacher.

    Attributes:
        members: what answers: one, or of an ensemble one a member.
        crossed: of each member the logits for the labelled rows, by networks made without them; none: not asked for.
    """

    members: tuple[Made, ...]
    crossed: Sequence[NDArray[np.float32]] = ()


def train_teacher(recipe: Recipe, material: Material, folder: Path, *, note: str = "") -> MadeTeacher:
    """Make what answers, with the first seed, see `Kind.make`; where there are folds, once more without each of them.

    A note tells their trainings from those of another teacher in the run.
    """
    made = recipe.teacher.make(RunWork(recipe, material, folder, note))
    if recipe.teacher.folds is None or not recipe.teacher.refits:
        return MadeTeacher(made)

    def ask(networks: Sequence[Made], splits: Splits, place: Path) -> list[NDArray[np.float32]]:
        return [member.logits(splits, "validation") for member in members_of(recipe, networks, splits, place)]

    return MadeTeacher(made, cross_answers(recipe, material, folder, ask, note))


def members_of(
    recipe: Recipe, made: Sequence[Made], splits: Splits, folder: Path, kept: Path | None = None
) -> list[Member]:
    """Return what was made, each with the caches of its answers: exact ones, and those that students learn from.

    Args:
        recipe: says how answers are stored, and which activations are.
        made: see `train_teacher`.
        splits: whose rows are asked about.
        folder: of the run.
        kept: the folder of the answers, for these networks alone; None: in the run.
    """
    taps = tuple(dict.fromkeys(pair.taps[1] for pair in objective_from(recipe.losses).pairs))
    members = []
    versions = [each.unverifiable for each in recipe.teacher.members] or [None] * len(made)
    for name, one, version in zip(member_names(len(made)), made, versions, strict=True):
        named = (one.answers_as, one.view.digest, splits.task.outputs, taps)
        own = CacheIdentity(*named, codec=exactly(recipe.codec), engine=recipe.cache.engine, version=version)
        taught = replace(own, codec=recipe.codec)
        places = {
            each: folder / "cache" / each.name if kept is None else kept / (name if each == taught else f"{name}-exact")
            for each in (own, taught)
        }
        opened = {each: CachedTeacher(place, each) for each, place in places.items()}
        asked = by_engine(one, recipe, splits, folder, name)
        members.append(Member(asked, opened[own], opened[taught], name))
    return members
