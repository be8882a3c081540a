"""Quality against budget: student and baseline trained again with fewer steps, and from fewer labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from limbeck.console import say
from limbeck.evaluation import accuracy, first_reached
from limbeck.evaluation.records import Budget, BudgetCurve, BudgetPoint, ModelRecord
from limbeck.pipeline.training.arms import Arm, train_arm
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import RunTeacher, train_teacher
from limbeck.recipe import CurveSettings, Recipe

FOLDER = "curves"


@dataclass(frozen=True)
class Point:
    """A budget, and what was trained with it.

    Attributes:
        name: of its folder in the run; empty for the run itself.
        budget: share of the run's own.
        amount: optimizer steps of every arm's schedule, or labels.
        arms: student, baseline, and on a curve over labels `illustration`: the student of the same few labelled rows
            whose teacher is the run's, which has seen all labels. Of a finished teacher that is the student.
        teacher: its accuracy on validation, where the budget is of labels and it was trained from them.
    """

    name: str
    budget: float
    amount: int
    arms: Mapping[str, Arm]
    teacher: float | None = None

    @property
    def digests(self) -> list[str]:
        """Name every network."""
        return [trained.digest for arm in self.arms.values() for trained in arm.trained.values()]


Points = Mapping[Budget, Sequence[Point]]
"""By kind of budget, the smallest first; the last one is the run itself."""


def train_points(
    curves: CurveSettings,
    recipe: Recipe,
    material: Material,
    answers: RunTeacher,
    arms: Mapping[str, Arm],
    folder: Path,
) -> Points:
    """Train student and baseline at every budget, each tuned as in the run itself, with all seeds.

    Fewer steps: the run's teacher and labels, and a whole schedule in those steps. Fewer labels: a teacher of its own,
    trained on those same labels, if it is trained here; the other rows are unlabelled.

    Args:
        curves: which budgets.
        recipe: of the run.
        material: of the run.
        answers: of the run's teacher.
        arms: of the run, which are the largest budget.
        folder: of the run.
    """
    own = {name: arms[name] for name in ("student", "baseline")}
    points: dict[Budget, Sequence[Point]] = {}
    if curves.steps is not None:
        shares = [share for share in curves.steps if share < 1]
        fewer = [_with_steps(share, recipe, material, answers, folder) for share in shares]
        points["steps"] = [*fewer, Point("", 1.0, _steps(own["student"]), own)]
    if curves.labels is not None:
        every = len(material.splits.labelled)
        counts = [count for count in curves.labels if count < every]
        fewer = [_with_labels(count, recipe, material, answers, folder) for count in counts]
        drawn = own | ({"illustration": own["student"]} if recipe.teacher.refits else {})
        points["labels"] = [*fewer, Point("", 1.0, every, drawn, _quality(recipe, answers))]
    return points


def _with_steps(share: float, recipe: Recipe, material: Material, answers: RunTeacher, folder: Path) -> Point:
    part = Fraction(str(share))
    name = f"{FOLDER}/steps-{part.numerator}-{part.denominator}"
    at = f"{part} of the steps"
    say(f"  {at}")
    arms = {
        arm: train_arm(arm, recipe, material, answers, folder / name, share=share, title=f"{arm} at {at}")
        for arm in ("student", "baseline")
    }
    steps = _steps(arms["student"])
    return Point(name, steps / recipe.student.train.total_steps(0), steps, arms)


def _with_labels(count: int, recipe: Recipe, material: Material, answers: RunTeacher, folder: Path) -> Point:
    name, at = f"{FOLDER}/labels-{count}", f"{count:,} labels"
    say(f"  {at}")
    fewer, place = material.keeping(count), folder / name
    trained = train_teacher(recipe, fewer, place, note=f" at {at}")
    answers_in = place if recipe.teacher.refits else folder  # a finished teacher has answered for all rows already
    own = ask_teacher(recipe, trained, fewer.splits, answers_in, warn=True)  # a point of a curve may be a bad one
    arms = {arm: train_arm(arm, recipe, fewer, own, place, title=f"{arm} at {at}") for arm in ("student", "baseline")}
    if recipe.teacher.refits:
        title = f"student of the teacher of all labels at {at}"
        arms["illustration"] = train_arm("student", recipe, fewer, answers, place / "illustration", title=title)
    return Point(name, count / len(material.splits.labelled), count, arms, _quality(recipe, own))


def _quality(recipe: Recipe, answers: RunTeacher) -> float | None:
    if not recipe.teacher.refits:
        return None
    return accuracy(answers.logits("validation"), answers.splits.validation.labels.values)


def _steps(arm: Arm) -> int:
    return arm.settings.train.total_steps(0)  # epochs are refused where there are curves


def evaluate_points(
    points: Points, material: Material, arms: Mapping[str, Arm], records: Mapping[str, ModelRecord]
) -> dict[Budget, BudgetCurve]:
    """Open the test split for every network of the curves.

    Args:
        points: the networks.
        material: of the run: every point reads the test split as the run itself does.
        arms: of the run.
        records: of the same arms, which have been evaluated.
    """
    if not points:
        return {}
    known = {
        trained.digest: one.scores["accuracy"]
        for name, arm in arms.items()
        for trained, one in zip(arm.trained.values(), records[name].per_seed, strict=True)
    }
    return {kind: _curve(along, material, known) for kind, along in points.items()}


def _curve(points: Sequence[Point], material: Material, known: Mapping[str, float]) -> BudgetCurve:
    labels = material.splits.test.labels.values

    def accuracies(arm: Arm) -> list[float]:
        test = material.view(arm.settings).test
        return [
            known[trained.digest] if trained.digest in known else accuracy(trained.logits(test), labels)
            for trained in arm.trained.values()
        ]

    found = [
        BudgetPoint(
            budget=point.budget,
            amount=point.amount,
            accuracy={name: accuracies(arm) for name, arm in point.arms.items()},
            teacher=point.teacher,
        )
        for point in points
    ]
    baseline, student = ([float(np.mean(point.accuracy[name])) for point in found] for name in ("baseline", "student"))
    ratio = first_reached([point.budget for point in found], student, baseline[-1])
    return BudgetCurve(points=found, ratio=ratio, at_most=ratio == found[0].budget < 1)
