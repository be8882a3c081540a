"""Whether trainings reached the recipe's target, in words: the same in the terminal, the report and the card."""

from collections.abc import Sequence
from dataclasses import dataclass

from limbeck.evaluation.metric import METRICS
from limbeck.evaluation.schema import Evaluation, Target
from limbeck.report import format
from limbeck.trainer import History


@dataclass(frozen=True)
class Arm:
    """How the seeds of one arm fared.

    Attributes:
        name: of the arm.
        steps: each seed's steps to the target, in the order of the seeds; None: not reached.
        best: the highest of the target's quantity on validation among the seeds that did not reach it; 0 where all did.
        longest: the steps after which the last of those ended; 0 where all reached it.
    """

    name: str
    steps: Sequence[int | None]
    best: float
    longest: int

    @property
    def reached(self) -> list[int]:
        """The steps of the seeds that reached it."""
        return [steps for steps in self.steps if steps is not None]

    @property
    def mean(self) -> float | None:
        """The mean steps of all seeds; None where one did not reach it."""
        return sum(self.reached) / len(self.steps) if len(self.reached) == len(self.steps) else None


def level(target: Target) -> str:
    """Return the target in words."""
    wanted = f"{format.percent(target.level)} {METRICS[target.quantity].title} on validation"
    return wanted if target.metric == "accuracy" else f"{wanted} (retention {format.percent(target.value)})"


def outcome(target: Target, history: History) -> str:
    """Say whether one training reached the target, and after how many steps."""
    planned = f"{history.steps:,} steps"
    if history.target_step is not None:
        return (
            f"target of {format.percent(target.level)} on validation reached after {history.target_step:,} of {planned}"
        )
    best = max(record[target.quantity] for record in history.validations)
    asked, found = format.apart(target.level, best)
    done = planned if history.done == history.steps else f"{history.done:,} of {planned}"
    return f"target of {asked} on validation not reached: {found} at best after {done}"


def arms(evaluation: Evaluation) -> list[Arm]:
    """Return how every arm fared; nothing without a target."""
    found, target = [], evaluation.target
    if target is None:
        return []
    for name, steps in (evaluation.steps_to_target or {}).items():
        curves = zip(getattr(evaluation, name).curves, steps, strict=True)
        short = [curve for curve, taken in curves if taken is None]
        best = max((max(getattr(curve, target.quantity)) for curve in short), default=0.0)
        found.append(Arm(name, steps, best, max((curve.steps[-1] for curve in short), default=0)))
    return found


def sentence(arm: Arm, target: Target) -> str:
    """Say how an arm fared."""
    _, best = format.apart(target.level, arm.best)
    if not arm.reached:
        return f"the {arm.name} did not reach it: {best} at best after {format.count(arm.longest)} steps"
    steps = " and ".join([", ".join(map(format.count, arm.reached[:-1])), format.count(arm.reached[-1])])
    text = f"the {arm.name} reached it after {steps.removeprefix(' and ')} steps"
    if arm.mean is not None:
        return text
    return f"{text}, in {len(arm.reached)} of {len(arm.steps)} seeds; the others got to {best} at best"


def ratio(evaluation: Evaluation) -> float | None:
    """Return the student's mean steps / the baseline's; None unless every seed of both reached the target."""
    means = {arm.name: arm.mean for arm in arms(evaluation)}
    student, baseline = means.get("student"), means.get("baseline")
    return student / baseline if student and baseline else None
