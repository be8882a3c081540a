"""What a teacher saves, in words: the same in the terminal, the report and the card."""

from statistics import mean

from limbeck.evaluation import first_reached
from limbeck.evaluation.schema import Budget, BudgetCurve, BudgetPoint, Evaluation
from limbeck.report import format

WORDS: dict[Budget, str] = {"steps": "training steps", "labels": "labels"}


def of(evaluation: Evaluation, kind: Budget) -> BudgetCurve | None:
    """Return a curve of the run; None where it has none."""
    return None if evaluation.curves is None else getattr(evaluation.curves, kind)


def final(curve: BudgetCurve) -> float:
    """Return the baseline's seed mean at the largest budget: the level that the student is to reach."""
    return mean(curve.points[-1].accuracy["baseline"])


def sentences(evaluation: Evaluation) -> list[str]:
    """Return what each curve of the run says; nothing without curves."""
    return [sentence(curve, kind) for kind in WORDS if (curve := of(evaluation, kind)) is not None]


def sentence(curve: BudgetCurve, kind: Budget) -> str:
    """Say with how much of a budget the student is as good as the baseline with all of it, or that it never is.

    Where the baseline is better with less than all, at its end it is not the baseline that a user would take: the same
    is then said of its best.
    """
    whole, wanted = curve.points[-1].amount, final(curve)
    every = f"what the baseline makes of all {format.count(whole)} {kind}"
    if curve.ratio is None:
        asked, best = format.apart(wanted, max(mean(point.accuracy["student"]) for point in curve.points))
        return f"The student does not reach {every}, {asked} accuracy, with any of these budgets: {best} at best."
    share = f"{curve.ratio:.2g} of the {kind}"
    share = f"at most {share}, {format.count(curve.points[0].amount)}" if curve.at_most else share
    return f"The student reaches {every}, {format.percent(wanted)} accuracy, with {share}.{_peak(curve, kind)}"


def peak(curve: BudgetCurve) -> BudgetPoint | None:
    """Return where the baseline is better than at its end, at its best; None where its end is its best."""
    best = max(curve.points, key=lambda point: mean(point.accuracy["baseline"]))
    return best if mean(best.accuracy["baseline"]) > final(curve) else None


def _peak(curve: BudgetCurve, kind: Budget) -> str:
    """Return what the student needs for the baseline's best; nothing where that is its last."""
    if (best := peak(curve)) is None:
        return ""
    level = mean(best.accuracy["baseline"])
    means = [mean(point.accuracy["student"]) for point in curve.points]
    share = first_reached([point.budget for point in curve.points], means, level)
    reached = "which the student does not reach" if share is None else f"and the student there with {share:.2g}"
    known, better = format.apart(final(curve), level)
    return f" With {format.count(best.amount)} {kind} the baseline is better, {better} to {known}, {reached}."


def teachers(curve: BudgetCurve) -> str:
    """Return how good the teachers along a curve over labels are: `71.0 % with 100 labels, 84.8 % with 1,000`."""
    found = [(format.count(point.amount), point.teacher) for point in curve.points if point.teacher is not None]
    return ", ".join(f"{format.percent(quality)} with {amount}" for amount, quality in found)
