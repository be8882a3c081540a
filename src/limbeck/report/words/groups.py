"""Results by group in words: by speaker, by hospital, by source."""

from limbeck.evaluation.groups import LEAST, GroupResults, GroupScores
from limbeck.evaluation.schema import Findings
from limbeck.report.words.numbers import (
    capital,
    difference,
    interval_of,
    several,
    shorten,
    unit,
)

_NAMED = 4
"""At most so many groups in which the student loses are named in one sentence."""


def title(results: GroupResults) -> str:
    """Return the heading of a column's results."""
    return f"Results by {shorten(results.column, 40)}"


def group_name(group: GroupScores) -> str:
    """Return what a group's rows are called."""
    if group.name is not None:
        return shorten(group.name, 40)
    return several(group.values, "other") if group.values else "no value"


def about_groups(findings: Findings, results: GroupResults) -> str:
    """Return what the table of the groups shows."""
    metric, column = findings.metric, shorten(results.column, 40)
    text = f"{capital(metric.title)} on the test rows by the column `{column}`."
    gains = [group.gain for group in results.groups if group.gain is not None]
    if not gains:
        return text
    text += f" Gain: student minus baseline, in {unit(metric)}, with its 95 % interval within the group."
    if len(gains) > 1:
        text += " Where nothing differs, one interval in twenty leaves 0 out all the same."
    if any(group.gain is None for group in results.groups):
        text += f" A dash: fewer than {LEAST} rows."
    return text


def losing_groups(findings: Findings) -> str | None:
    """Return the groups in which the student is worse than the baseline, and the interval leaves 0 out; None: none."""
    results, metric = findings.groups, findings.metric
    groups = [] if results is None else results.groups
    lost = [(group, gain) for group in groups if (gain := group.gain) is not None and gain.ci95[1] < 0]
    if results is None or not lost:
        return None
    named = [
        f"{group_name(group)} ({difference(gain.mean, metric)} {unit(metric)}, 95 % interval "
        f"{interval_of(gain.ci95, metric)}, {several(group.rows, 'row')})"
        for group, gain in lost[:_NAMED]
    ]
    more = f" and {len(lost) - _NAMED:,} more" if lost[_NAMED:] else ""
    return f"By {shorten(results.column, 40)}, the student is worse than the baseline for {', '.join(named)}{more}."
