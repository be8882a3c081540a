"""What the advice asks of a run more than once: whether its teacher has something to say, and what stands beside it."""

from limbeck.evaluation.schema import Findings
from limbeck.report.words.names import BASELINE, FLOOR, STUDENT, TEACHER, model
from limbeck.report.words.numbers import (
    ahead,
    apart,
    beside,
    is_beside,
    score,
    unit,
)
from limbeck.report.words.verdict import at_chance
from limbeck.report.words.warnings import floor_ahead, teacher_behind, teacher_loses

LOW_RETENTION = 0.9
"""Share kept of the teacher below which a student that had text enough is taken to be too small."""


def weak_teacher(findings: Findings) -> str | None:
    """Return why the teacher has little to say, beyond chance: it knows nothing, or is worse than baseline or floor.

    None where that is not shown; see `doubtful_teacher`.
    """
    found = at_chance(findings)
    if found is not None and found[0] == TEACHER:
        return "the teacher is at chance"
    over = floor_over(findings, TEACHER)
    if teacher_behind(findings) is not None:
        both = floor_ahead(findings) is not None and over is not None and over >= 0
        more = f", and {model(FLOOR, findings)} is better than teacher and student" if both else ""
        return f"{beside_baseline(findings, 'is worse than')}{more}"
    if over is None or not teacher_loses(findings, FLOOR):
        return None
    return _floor_above(findings, over)


def doubtful_teacher(findings: Findings) -> str | None:
    """Return why the teacher has little to say, by the scores alone; None where it is better than what needs none.

    The floor is as good as it, and ahead of a student that is near it; or, beside an open verdict, the baseline is.
    """
    teacher, baseline, over = findings.score(TEACHER), findings.score(BASELINE), floor_over(findings, TEACHER)
    kept = findings.retention
    if perfect(findings, TEACHER):
        return None
    if over is not None and over >= 0 and floor_ahead(findings) is not None and (kept is None or kept >= LOW_RETENTION):
        return _floor_above(findings, over)
    if findings.verdict not in ("no_difference", "hurts") or teacher is None or baseline is None:
        return None
    if ahead(teacher, baseline, findings.metric):
        return None
    return beside_baseline(findings, "is level with" if teacher == baseline else "is not better than")


def beside_baseline(findings: Findings, stands: str) -> str:
    """Return how the teacher stands to the baseline, with both scores."""
    teacher, baseline, metric = findings.score(TEACHER), findings.score(BASELINE), findings.metric
    assert teacher is not None
    assert baseline is not None
    own, other = score(teacher, metric), score(baseline, metric)
    if metric.quantity == "share" and teacher != baseline:
        own, other = apart(teacher, baseline)
    name = "" if metric.quantity == "share" else f"{metric.title} "
    return f"the teacher ({name}{own}) {stands} the baseline ({other})"


def _floor_above(findings: Findings, over: float) -> str:
    metric, name = findings.metric, model(FLOOR, findings)
    if floor_ahead(findings) is None:
        return f"{name} {is_beside(over, metric, 'the teacher')}"
    student = is_beside(floor_over(findings, STUDENT) or 0.0, metric, "the student")
    teacher = beside(over, metric, "the teacher") if over else "level with the teacher"
    told_once = teacher if metric.quantity == "value" else teacher.replace(f" {unit(metric)}", "", 1)
    return f"{name} {student} and {told_once}"


def floor_over(findings: Findings, name: str) -> float | None:
    """Return how much better the floor is than a model; None where the run does not have both."""
    floor, other = findings.score(FLOOR), findings.score(name)
    return None if floor is None or other is None else better_by(floor, other, findings)


def better_by(one: float, other: float, findings: Findings) -> float:
    """Return how much better one score is than another, whichever way the metric goes."""
    return one - other if findings.metric.better == "higher" else other - one


def labels_well(findings: Findings) -> bool:
    """Return whether the teacher has something to say of more rows."""
    teacher, baseline = findings.score(TEACHER), findings.score(BASELINE)
    behind = teacher is not None and baseline is not None and ahead(baseline, teacher, findings.metric)
    return not behind and weak_teacher(findings) is None and doubtful_teacher(findings) is None


def perfect(findings: Findings, name: str) -> bool:
    """Return whether a model is right on every test row."""
    metric = findings.metric
    return metric.quantity == "share" and metric.better == "higher" and findings.score(name) == 1


def no_room(findings: Findings) -> bool:
    """Return whether student and baseline are."""
    return perfect(findings, STUDENT) and perfect(findings, BASELINE)
