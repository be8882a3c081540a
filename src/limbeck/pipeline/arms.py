"""The arms: ways of training the student, compared in the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from limbeck.console import say
from limbeck.data import Splits
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.evaluation.schema import Target
from limbeck.files import write_json
from limbeck.losses import objective_from
from limbeck.models import check_model
from limbeck.pipeline.material import Material
from limbeck.pipeline.networks import Trained, train_network
from limbeck.pipeline.pretrain import check_pretraining
from limbeck.pipeline.teacher import TeacherAnswers
from limbeck.ranks import ranks
from limbeck.recipe import GivenTeacher, NBLRTeacher, NetworkSettings, Recipe, SingleTeacher
from limbeck.taps import Taps
from limbeck.teachers import Teacher


@dataclass(frozen=True)
class Arm:
    """One way of training the student, over all seeds.

    Attributes:
        name: student, baseline, hard_labels or ceiling.
        settings: after tuning.
        chosen: the grid's values taken, by key.
        trained: one network a seed.
        target: the level on validation at which its trainings end; None: none.
    """

    name: str
    settings: NetworkSettings
    chosen: Mapping[str, Any]
    trained: dict[int, Trained]
    target: Target | None = None

    @property
    def best_seed(self) -> int:
        """The seed with the lowest validation NLL, of those that reached the target if any did."""

        def rank(seed: int) -> tuple[bool, float]:
            history = self.trained[seed].history
            return history.target_step is None, history.best_nll

        return min(self.trained, key=rank)


def preflight(recipe: Recipe, material: Material) -> None:
    """Make every view and build every network of the run once: what cannot be had fails before anything long starts.

    Raises:
        LimbeckError: a network, its weights or its word vectors cannot be had, labelled rows fill every batch, or the
            ceiling has nothing to learn.
    """
    splits, pairs = material.splits, objective_from(recipe.losses).pairs
    others = len(splits.transfer) > len(splits.labelled)
    if others and recipe.data.labelled_per_batch >= recipe.student.train.batch_size:
        raise LimbeckError(
            f"{recipe.data.labelled_per_batch} labelled rows fill every batch of {recipe.student.train.batch_size}, "
            "and the unlabelled ones would never be seen",
            where="data.labelled_per_batch",
            fix="lower it, raise student.train.batch_size, or set data.unlabelled=0 and data.augment=null",
        )
    if "ceiling" in recipe.trained_arms and not len(splits.ceiling):
        raise LimbeckError(
            "no row of the target has a label, beside its test rows: the arm ceiling has nothing to learn",
            where="data.target",
            fix="label some, lower data.split.test, or leave ceiling out of arms",
        )
    tuned = [settings for arm in recipe.trained_arms for _, settings in recipe.candidates(arm)]
    for settings in {digest(s.model_dump(exclude={"train"})): s for s in tuned}.values():
        check_model(settings.model)
        material.view(settings)
        network = material.build(settings, seed=0)
        Taps(network, [pair.student for pair in pairs])
        check_pretraining(network, settings)
    for member in recipe.teacher.members:
        _preflight_teacher(member, material, [pair.teacher for pair in pairs])
    if pairs and recipe.teacher.kind in ("ensemble", "nblr"):
        raise LimbeckError(
            f"a loss compares activations, and a teacher of kind {recipe.teacher.kind} has none to give",
            where="losses",
            fix="take kind network or transformers, or another loss",
        )


def _preflight_teacher(member: SingleTeacher, material: Material, taps: list[str]) -> None:
    if isinstance(member, NBLRTeacher):
        material.view(member)
        return
    settings = member.network
    check_model(settings.model)
    material.view(settings)
    if (taps or settings.pretrain) and not isinstance(member, GivenTeacher):
        network = material.build(settings, seed=0)
        Taps(network, taps)
        check_pretraining(network, settings)


def train_arm(
    name: str, recipe: Recipe, material: Material, answers: TeacherAnswers, folder: Path, target: Target | None = None
) -> Arm:
    """Tune an arm on validation with the first seed, then train every seed with the settings that won.

    The settings that reach the target in the fewest steps win; without one, or where none does, the lowest NLL.
    """
    candidates = recipe.candidates(name)
    level = None if target is None else target.validation_accuracy

    def train(settings: NetworkSettings, seed: int, place: Path, title: str) -> Trained:
        if teacher is None:
            lesson = material.from_labels(settings, "ceiling" if name == "ceiling" else "labelled")
        else:
            lesson = material.from_teacher(settings, recipe, teacher, answers.names, arm=name)
        return train_network(settings, material, lesson, seed=seed, folder=place, title=title, target=level)

    # Read and checked once an arm, not once a network.
    teacher = _teacher_of(name, material.splits, answers)
    first, best = recipe.seeds[0], 0
    if len(candidates) > 1:
        scores, reached = [], []
        for index, (point, settings) in enumerate(candidates):
            values = ", ".join(f"{key}={value}" for key, value in point.items())
            trained = train(settings, first, folder / "tuning" / f"{name}-{index}", f"{name}, {values}")
            scores.append(trained.history.best_nll)
            reached.append(trained.history.target_step)
        best = int(np.lexsort((scores, [step or np.inf for step in reached]))[0])
        record = [{"values": point, "nll": score} for (point, _), score in zip(candidates, scores, strict=True)]
        if target is not None:
            record = [entry | {"target_step": step} for entry, step in zip(record, reached, strict=True)]
        if ranks().main:
            write_json(folder / "tuning" / f"{name}.json", {"chosen": best, "seed": first, "candidates": record})
        won = "is best on validation" if reached[best] is None else "reaches the target first"
        say(f"  {name}: {', '.join(f'{k}={v}' for k, v in candidates[best][0].items())} {won}")
    point, settings = candidates[best]
    trained_by_seed = {}
    for seed in recipe.seeds:
        # The grid has trained the first seed of the winner already.
        tuned = seed == first and len(candidates) > 1
        place = folder / "tuning" / f"{name}-{best}" if tuned else folder / name / f"seed-{seed}"
        trained_by_seed[seed] = train(settings, seed, place, f"{name}, seed {seed}")
    return Arm(name, settings, point, trained_by_seed, target)


def _teacher_of(name: str, splits: Splits, answers: TeacherAnswers) -> Teacher | None:
    """Return whom an arm listens to: nobody, the cache, or the module itself where rows come from a loader."""
    if name in ("baseline", "ceiling"):
        return None
    if not len(splits.transfer):
        return answers.live()
    return answers.of("transfer")
