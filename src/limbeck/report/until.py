"""Whether trainings reached the level of `until`, in words: the same in the terminal, the report and the card."""

from collections.abc import Sequence
from dataclasses import dataclass

from limbeck.evaluation.metric import METRICS
from limbeck.evaluation.schema import Evaluation, Level
from limbeck.report import format
from limbeck.trainer import History


@dataclass(frozen=True)
class StepsToLevel:
    """How the seeds of one arm fared.

    Attributes:
        name: of the arm.
        steps: each seed's steps to the level, in the order of the seeds; None: not reached.
        best: the highest of the level's quantity on validation among the seeds that did not reach it; 0 where all did.
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


def level(until: Level) -> str:
    """Return the level in words."""
    wanted = f"{format.percent(until.level)} {METRICS[until.quantity].title} on validation"
    return wanted if until.metric == "accuracy" else f"{wanted} (retention {format.percent(until.value)})"


def outcome(until: Level, history: History) -> str:
    """Say whether one training reached the level, and after how many steps."""
    planned = f"{history.steps:,} steps"
    if history.reached_step is not None:
        return (
            f"level of {format.percent(until.level)} on validation reached after {history.reached_step:,} of {planned}"
        )
    best = max(record[until.quantity] for record in history.validations)
    asked, found = format.apart(until.level, best)
    done = planned if history.done == history.steps else f"{history.done:,} of {planned}"
    return f"level of {asked} on validation not reached: {found} at best after {done}"


def arms(evaluation: Evaluation) -> list[StepsToLevel]:
    """Return how every arm fared; nothing without `until`."""
    found, until = [], evaluation.until
    if until is None:
        return []
    for name, steps in (evaluation.steps_until or {}).items():
        curves = zip(getattr(evaluation, name).curves, steps, strict=True)
        short = [curve for curve, taken in curves if taken is None]
        best = max((max(getattr(curve, until.quantity)) for curve in short), default=0.0)
        found.append(StepsToLevel(name, steps, best, max((curve.steps[-1] for curve in short), default=0)))
    return found


def sentence(arm: StepsToLevel, until: Level) -> str:
    """Say how an arm fared."""
    _, best = format.apart(until.level, arm.best)
    if not arm.reached:
        return f"the {arm.name} did not reach it: {best} at best after {format.count(arm.longest)} steps"
    steps = " and ".join([", ".join(map(format.count, arm.reached[:-1])), format.count(arm.reached[-1])])
    text = f"the {arm.name} reached it after {steps.removeprefix(' and ')} steps"
    if arm.mean is not None:
        return text
    return f"{text}, in {len(arm.reached)} of {len(arm.steps)} seeds; the others got to {best} at best"


def ratio(evaluation: Evaluation) -> float | None:
    """Return the student's mean steps / the baseline's; None unless every seed of both reached the level."""
    means = {arm.name: arm.mean for arm in arms(evaluation)}
    student, baseline = means.get("student"), means.get("baseline")
    return student / baseline if student and baseline else None
