"""What the student's network adds over a linear model that learned the same teacher's answers."""

from limbeck.evaluation.records import Difference
from limbeck.evaluation.schema import Findings
from limbeck.report.words.names import DISTILLED, STUDENT, metric_of, model, the
from limbeck.report.words.numbers import capital, difference, interval_of, score, unit


def behind_distilled(findings: Findings) -> bool:
    """Return whether the linear model of the teacher's answers is better than the student, beyond chance."""
    over = findings.over_distilled_floor
    return over is not None and over.ci95[1] < 0 and hears(findings)


def hears(findings: Findings) -> bool:
    """Return whether the student learned from its teacher's answers, as a linear model of them did."""
    return findings.student is None or findings.student.hears_teacher


def network_adds(findings: Findings) -> str | None:
    """Return what the student's network adds; None where it adds nothing, or nothing to compare it with was fitted.

    Of a student that is solved, and as good as the linear model within chance, that is told: it is such a model too,
    and nothing to beware of.
    """
    over, own = findings.over_distilled_floor, findings.score(DISTILLED)
    if over is None or own is None or not hears(findings):
        return None
    if over.mean <= 0:
        return _level(findings) if _solved_alike(findings, over) else None
    metric, (low, high) = metric_of(over.metric, findings.metrics), over.ci95
    holds = ", which holds 0" if low <= 0 <= high else ""
    size = difference(over.mean, metric).removeprefix("+")
    if metric.quantity == "value":
        adds = f"{'raises' if metric.better == 'higher' else 'lowers'} the {metric.title} by {size}"
    else:
        adds = f"adds {size} {unit(metric)}"
    return (
        f"Over {the(DISTILLED, findings)} ({score(own, metric)}), which learned the same teacher's answers, the "
        f"student's network {adds} (95 % interval {interval_of(over.ci95, metric)}{holds})."
    )


def network_adds_nothing(findings: Findings) -> str | None:
    """Return that the linear model of the teacher's answers is as good as the student or better; None where not.

    It adds nothing where the interval excludes that it adds something; else that is not shown.
    """
    over = findings.over_distilled_floor
    if over is None or over.mean > 0 or not hears(findings) or _solved_alike(findings, over):
        return None
    return _level(findings)


def _solved_alike(findings: Findings, over: Difference) -> bool:
    """Return whether the student is solved, as the linear model is, and not shown to be worse."""
    return findings.are_solved(STUDENT) and over.ci95[1] >= 0


def _level(findings: Findings) -> str | None:
    """Return the scores of both, and what they show of the student."""
    over, own, student = findings.over_distilled_floor, findings.score(DISTILLED), findings.score(STUDENT)
    if over is None or own is None or student is None:
        return None
    metric, sure = metric_of(over.metric, findings.metrics), over.ci95[1] < 0
    scores = f"{score(own, metric)}, the student {score(student, metric)}"
    interval = f"95 % interval of the difference {interval_of(over.ci95, metric)} {unit(metric)}"
    linear = model(DISTILLED, findings).removeprefix("distilled ")
    if findings.are_solved(STUDENT):
        says = f"the student, which is solved too, is {'worse' if sure else 'not shown to differ'}"
    else:
        says = f"the student's network {'adds nothing' if sure else 'is not shown to add anything'} to {linear}"
    return (
        f"{capital(the(DISTILLED, findings))} learned the same teacher's answers and has {scores} ({interval}): {says}."
    )
