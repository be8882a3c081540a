"""Trainings in words: whether they reached the level of `until`, and what a teacher saves of a budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING

from limbeck.evaluation import first_reached
from limbeck.evaluation.records import Budget, BudgetCurve, BudgetPoint, Level, MetricRecord
from limbeck.evaluation.schema import Findings
from limbeck.report.words.names import BASELINE, STUDENT, metric_of, the
from limbeck.report.words.numbers import apart, capital, count, listed, percent

if TYPE_CHECKING:
    from limbeck.trainer import History

BUDGETS: dict[Budget, str] = {"steps": "training steps", "labels": "labels"}
"""Kinds of budget, in the order in which they are shown, as an axis names them."""


# --- until ----------------------------------------------------------------------------------------------------------


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


def level(until: Level, metrics: Sequence[MetricRecord] = ()) -> str:
    """Return the level in words; its metric has the title of the run's record, where that is given."""
    wanted = f"{percent(until.level)} {metric_of(until.quantity, metrics).title} on validation"
    return f"{wanted} (retention {percent(until.value)})" if until.metric == "retention" else wanted


def outcome(until: Level, history: "History") -> str:
    """Return whether one training reached the level, and after how many steps."""
    planned = f"{count(history.steps)} steps"
    if history.reached_step is not None:
        return f"level of {percent(until.level)} on validation reached after {count(history.reached_step)} of {planned}"
    best = max(record[until.quantity] for record in history.validations)
    asked, found = apart(until.level, best)
    done = planned if history.done == history.steps else f"{count(history.done)} of {planned}"
    return f"level of {asked} on validation not reached: {found} at best after {done}"


def steps_to_level(findings: Findings) -> list[StepsToLevel]:
    """Return how every arm fared; nothing without `until`."""
    found, until = [], findings.until
    if until is None:
        return []
    for name, record in findings.models.items():
        if (steps := record.steps_until) is None:
            continue
        short = [curve for curve, taken in zip(record.learning, steps, strict=True) if taken is None]
        best = max((max(curve.scores[until.quantity]) for curve in short), default=0.0)
        found.append(StepsToLevel(name, steps, best, max((curve.steps[-1] for curve in short), default=0)))
    return found


def reached(arm: StepsToLevel, until: Level) -> str:
    """Return how an arm fared, without a full stop."""
    _, best = apart(until.level, arm.best)
    if not arm.reached:
        return f"{the(arm.name)} did not reach it: {best} at best after {count(arm.longest)} steps"
    text = f"{the(arm.name)} reached it after {listed([count(steps) for steps in arm.reached])} steps"
    if arm.mean is not None:
        return text
    return f"{text}, in {len(arm.reached)} of {len(arm.steps)} seeds; the others got to {best} at best"


def steps_ratio(findings: Findings) -> float | None:
    """Return the student's mean steps / the baseline's; None unless every seed of both reached the level."""
    means = {arm.name: arm.mean for arm in steps_to_level(findings)}
    student, baseline = means.get(STUDENT), means.get(BASELINE)
    return student / baseline if student and baseline else None


def until_text(findings: Findings) -> str | None:
    """Return what `until` asked for and how every arm fared; None without `until`."""
    until = findings.until
    if until is None:
        return None
    parts = [f"A training that reached the level of `until` ended there: {level(until, findings.metrics)}."]
    parts += [f"{capital(reached(arm, until))}." for arm in steps_to_level(findings)]
    if ratio := steps_ratio(findings):
        parts.append(f"On average the student took {ratio:.2f} times the baseline’s steps.")
    return " ".join([*parts, "Scores and gain are of the networks as they stopped."])


# --- curves ---------------------------------------------------------------------------------------------------------


def final(curve: BudgetCurve) -> float:
    """Return the baseline's seed mean at the largest budget: the level that the student is to reach."""
    return mean(curve.points[-1].accuracy[BASELINE])


def curve_sentences(findings: Findings) -> list[str]:
    """Return what each curve of the run says; nothing without curves."""
    return [curve_sentence(findings.curves[kind], kind) for kind in BUDGETS if kind in findings.curves]


def curve_sentence(curve: BudgetCurve, kind: Budget) -> str:
    """Return with how much of a budget the student is as good as the baseline with all of it, or that it never is.

    Where the baseline is better with less than all, at its end it is not the baseline that a user would take: the same
    is then said of its best.
    """
    whole, wanted = curve.points[-1].amount, final(curve)
    every = f"what the baseline makes of all {count(whole)} {kind}"
    if curve.ratio is None:
        asked, best = apart(wanted, max(mean(point.accuracy[STUDENT]) for point in curve.points))
        return f"The student does not reach {every}, {asked} accuracy, with any of these budgets: {best} at best."
    share = f"{curve.ratio:.2g} of the {kind}"
    share = f"at most {share}, {count(curve.points[0].amount)}" if curve.at_most else share
    return f"The student reaches {every}, {percent(wanted)} accuracy, with {share}.{_peak(curve, kind)}"


def peak(curve: BudgetCurve) -> BudgetPoint | None:
    """Return where the baseline is better than at its end, at its best; None where its end is its best."""
    best = max(curve.points, key=lambda point: mean(point.accuracy[BASELINE]))
    return best if mean(best.accuracy[BASELINE]) > final(curve) else None


def _peak(curve: BudgetCurve, kind: Budget) -> str:
    """Return what the student needs for the baseline's best; nothing where that is its last."""
    if (best := peak(curve)) is None:
        return ""
    top = mean(best.accuracy[BASELINE])
    means = [mean(point.accuracy[STUDENT]) for point in curve.points]
    share = first_reached([point.budget for point in curve.points], means, top)
    there = "which the student does not reach" if share is None else f"and the student there with {share:.2g}"
    known, better = apart(final(curve), top)
    return f" With {count(best.amount)} {kind} the baseline is better, {better} to {known}, {there}."


def teachers(curve: BudgetCurve) -> str:
    """Return how good the teachers along a curve over labels are: `71.0 % with 100 labels, 84.8 % with 1,000`."""
    found = [(count(point.amount), point.teacher) for point in curve.points if point.teacher is not None]
    return ", ".join(f"{percent(quality)} with {amount}" for amount, quality in found)


def about_curves(findings: Findings) -> str:
    """Return how the points of the curves were trained."""
    text = "Every point is trained and tuned by itself, with the whole schedule of its own number of steps."
    if "labels" not in findings.curves:
        return text
    known = teachers(findings.curves["labels"])
    if not known:
        same = "The teacher came finished and is the same at every number of labels"
        return f"{text} {same}; the other rows are unlabelled."
    return (
        f"{text} At fewer labels the teacher, as far as it is trained in the run, has seen those labels only; the "
        "other rows are unlabelled. "
        f"Teachers’ accuracy on validation by labels: {known}."
    )
