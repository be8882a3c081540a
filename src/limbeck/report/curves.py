"""What a teacher saves, in words: the same in the terminal, the report and the card."""

from statistics import mean
from typing import Literal

from limbeck.evaluation.schema import BudgetCurve, Evaluation
from limbeck.report import format


def sentences(evaluation: Evaluation) -> list[str]:
    """Return a sentence for each curve of the run; none without curves."""
    curves = evaluation.curves
    if curves is None:
        return []
    found: list[tuple[Literal["steps", "labels"], BudgetCurve | None]] = [
        ("steps", curves.steps),
        ("labels", curves.labels),
    ]
    return [sentence(curve, kind) for kind, curve in found if curve is not None]


def final(curve: BudgetCurve) -> float:
    """Return the baseline's seed mean at the largest budget: the level that the student is to reach."""
    return mean(curve.points[-1].accuracy["baseline"])


def sentence(curve: BudgetCurve, kind: Literal["steps", "labels"]) -> str:
    """Say with how much of a budget the student is as good as the baseline with all of it, or that it never is."""
    whole, wanted = curve.points[-1].amount, final(curve)
    every = f"the baseline makes of all {format.count(whole)} {kind}"
    if curve.ratio is None:
        asked, best = format.apart(wanted, max(mean(point.accuracy["student"]) for point in curve.points))
        return f"The student does not reach what {every} ({asked} accuracy) with any of these budgets: {best} at best."
    least = "at most " if curve.at_most else ""
    about = format.count(curve.points[0].amount if curve.at_most else curve.ratio * whole)
    return (
        f"The student reaches what {every} ({format.percent(wanted)} accuracy) with {least}{curve.ratio:.2f} of the "
        f"{kind}, {'' if curve.at_most else 'about '}{about}."
    )
