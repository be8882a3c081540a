"""What the verdict alone would hide, a sentence each."""

from limbeck.evaluation.figures import ClassTable, ColumnTable, Confusion
from limbeck.evaluation.records import Difference, MetricRecord
from limbeck.evaluation.schema import Findings
from limbeck.report.words.floors import hears, network_adds_nothing
from limbeck.report.words.groups import losing_groups
from limbeck.report.words.names import BASELINE, FLOOR, STUDENT, TEACHER, metric_of, model
from limbeck.report.words.numbers import (
    ahead,
    apart,
    capital,
    count,
    difference,
    interval_of,
    is_beside,
    listed,
    percent,
    score,
    shorten,
    side,
    unit,
    unit_of,
)
from limbeck.report.words.verdict import at_chance

BEWARE = "Beware:"
"""Every warning begins with it, wherever it is printed."""
_NAMED = 8
"""At most so many classes are named in one sentence; the report's table has all."""
_WEAK = 3
"""At most so many weak classes are named."""
_APART = 0.05
"""Shares kept of the teacher in two metrics that differ by more are a warning."""


def warnings(findings: Findings) -> list[str]:
    """Return what the verdict alone would hide, a sentence each."""
    found = [
        _chance(findings),
        _unheard(findings),
        teacher_behind(findings),
        _teacher_below_floor(findings),
        _floor_near(findings),
        network_adds_nothing(findings),
        _never_decided(findings),
        _constant_columns(findings),
        losing_groups(findings),
        *(_other_gain(findings, other) for other in findings.other_gains),
        *(_other_retention(findings, metric) for metric in findings.metrics[1:]),
    ]
    return [text for text in found if text is not None]


def weak_classes(findings: Findings) -> str | None:
    """Return the student's classes with less than half of its mean F1, the weakest first; None where there is none."""
    table = findings.figure(ClassTable, STUDENT)
    rows = [one for one in table.classes if one.rows] if table else []
    weak = [one for one in rows if one.f1 < sum(row.f1 for row in rows) / len(rows) / 2]
    if not weak:
        return None
    weak.sort(key=lambda one: (one.f1, one.name))
    named = [
        f"{shorten(one.name, 40)} (F1 {percent(one.f1)}, recall {percent(one.recall or 0.0)} of {count(one.rows)} rows)"
        for one in weak[:_WEAK]
    ]
    return ", ".join(named) + (f" and {len(weak) - _WEAK:,} more" if weak[_WEAK:] else "")


def teacher_behind(findings: Findings) -> str | None:
    """Return that the teacher is worse than the baseline; None where it is not, or where chance may have done it."""
    teacher, baseline = findings.score(TEACHER), findings.score(BASELINE)
    if teacher is None or baseline is None or not teacher_loses(findings, BASELINE):
        return None
    texts = score(teacher, findings.metric), score(baseline, findings.metric)
    worse, better = apart(teacher, baseline) if findings.metric.quantity == "share" else texts
    return f"The teacher ({worse}) is worse than the baseline ({better}{_sure(findings, BASELINE)})."


def teacher_loses(findings: Findings, name: str) -> bool:
    """Return whether the teacher is worse than another model, and the interval of the difference excludes 0."""
    teacher, other, over = findings.score(TEACHER), findings.score(name), findings.teacher_over.get(name)
    if teacher is None or other is None or not ahead(other, teacher, findings.metric):
        return False
    return over is None or over.ci95[1] < 0  # an earlier version wrote no interval


def _sure(findings: Findings, name: str) -> str:
    """Return the interval of the teacher's difference from another model, after a semicolon; nothing without one."""
    over, metric = findings.teacher_over.get(name), findings.metric
    if over is None:
        return ""
    return f"; 95 % interval of the difference {interval_of(over.ci95, metric)} {unit(metric)}"


def _teacher_below_floor(findings: Findings) -> str | None:
    """Return that the teacher is worse than a model without a network; None where it is not, or where more is said."""
    teacher, floor, metric = findings.score(TEACHER), findings.score(FLOOR), findings.metric
    if teacher is None or floor is None or not teacher_loses(findings, FLOOR):
        return None
    if teacher_behind(findings) is not None or floor_ahead(findings) is not None:
        return None
    own, other = score(teacher, metric), score(floor, metric)
    return (
        None
        if own == other
        else f"The teacher ({own}) is worse than {_floor(findings, f'{other}{_sure(findings, FLOOR)}')}."
    )


def floor_ahead(findings: Findings) -> str | None:
    """Return that a linear model of the same labels beats the student; None where it does not."""
    floor, student, metric = findings.score(FLOOR), findings.score(STUDENT), findings.metric
    if floor is None or student is None or not ahead(floor, student, metric):
        return None
    own, other = score(floor, metric), score(student, metric)
    # Figures that read the same are no difference to point at, nor is less than one right decision more.
    decisions = (floor - student) * findings.test_examples if findings.metric.name == "accuracy" else 1
    if own == other or decisions < 1 - 1e-6:
        return None
    return f"{capital(_floor(findings, own))} is better than the student ({other})."


def _floor(findings: Findings, text: str) -> str:
    return f"{model(FLOOR, findings)} on the same labels ({text})"


def _floor_near(findings: Findings) -> str | None:
    """Return that a linear model beats the student, or is what most of its gain disappears against."""
    if (beaten := floor_ahead(findings)) is not None:
        return beaten
    metric = findings.metric
    floor, student, baseline = (findings.score(name) for name in (FLOOR, STUDENT, BASELINE))
    if floor is None or student is None or baseline is None or not ahead(floor, baseline, metric):
        return None
    if not ahead(student, floor, metric) or abs(student - floor) >= abs(student - baseline) / 2:
        return None
    below = f"the baseline ({score(baseline, metric)}) is {side(-1, metric)} it"
    near = is_beside(abs(student - floor), metric, _floor(findings, score(floor, metric)), only=True)
    return f"The student {near}, and {below}."


def _chance(findings: Findings) -> str | None:
    if findings.retention is not None or (found := at_chance(findings)) is None:
        return None
    who, chance = found
    own, constant = percent(chance.value), percent(chance.constant)
    low, high = (percent(bound) for bound in chance.ci95)
    return (
        f"The {who} is at chance on the test split: {chance.title} {own} (95 % interval {low} to {high}), and a "
        f"constant answer has {constant}. There is no retention, as a share of chance says nothing."
    )


def _unheard(findings: Findings) -> str | None:
    if hears(findings):
        return None
    return (
        "No loss hears the teacher: whatever the student gains does not come from it, and what is kept "
        "of its score was not learned from it."
    )


def _never_decided(findings: Findings) -> str | None:
    """Return the classes that the shipped student never decides for."""
    matrix, table = findings.figure(Confusion, STUDENT), findings.figure(ClassTable, STUDENT)
    if matrix is None:
        return None
    names = findings.data.classes
    missing = [name for index, name in enumerate(names) if not any(row[index] for row in matrix.counts)]
    if not missing:
        return None
    rows = {one.name: one.rows for one in table.classes} if table else {}
    named = [f"{shorten(name, 40)} ({count(rows.get(name, 0))} test rows)" for name in missing[:_NAMED]]
    more = f" and {len(missing) - _NAMED:,} more classes" if missing[_NAMED:] else ""
    seed = "" if findings.are_solved(STUDENT) else f" of seed {findings.models[STUDENT].shown_seed}, which ships,"
    return f"The student{seed} never decides for {', '.join(named)}{more}."


def _constant_columns(findings: Findings) -> str | None:
    """Return the columns in which the student is no better than their commonest class; None where there is none."""
    table = findings.figure(ColumnTable, STUDENT)
    alike = [one for one in table.columns if one.accuracy <= one.commonest] if table else []
    if not alike:
        return None
    named = listed([f"{shorten(one.name, 40)} ({percent(one.accuracy)})" for one in alike[:_NAMED]])
    more = f" and {len(alike) - _NAMED:,} more columns" if alike[_NAMED:] else ""
    return f"The student is no better than a constant answer in {named}{more}: there it may have learned nothing."


def _other_gain(findings: Findings, other: Difference) -> str | None:
    """Return that two metrics disagree about the gain: in sign beside a verdict, else where one alone is clear."""
    gain = findings.gain
    if gain is None:
        return None
    clear, own_clear = (one.ci95[0] > 0 or one.ci95[1] < 0 for one in (other, gain))
    opposite = gain.mean * other.mean < 0
    open_verdict = clear and not own_clear and findings.verdict == "no_difference"
    if not open_verdict and not (opposite and (clear or findings.verdict in ("helps", "hurts"))):
        return None
    own, metric = metric_of(gain.metric, findings.metrics), metric_of(other.metric, findings.metrics)
    this, that = (f"{difference(one.mean, of)} {unit_of(of)}" for one, of in ((gain, own), (other, metric)))
    bounds = f"95 % interval {interval_of(other.ci95, metric)}"
    if not opposite:
        return (
            f"By {metric.title} there is a difference that {own.title} does not show: over the baseline, the student "
            f"has {that} ({bounds}), and {this}."
        )
    return (
        f"{capital(own.title)} and {metric.title} disagree: over the baseline, the student has {this}, and {that} "
        f"({bounds})."
    )


def _other_retention(findings: Findings, metric: MetricRecord) -> str | None:
    """Return that much less is kept of the teacher in another metric than in the run's."""
    if metric.quantity != "share" or metric.better != "higher" or findings.retention is None:
        return None
    student, teacher = (findings.models[name].scores[metric.name] for name in (STUDENT, TEACHER))
    if not student or not teacher or student / teacher >= min(findings.retention, 1) - _APART:
        return None
    return (
        f"Of the teacher's {metric.title} the student keeps {percent(student / teacher)} only "
        f"({percent(student)} of {percent(teacher)})."
    )
