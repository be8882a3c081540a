"""What the numbers of metrics are of, where their names alone do not say it."""

from collections.abc import Iterable, Sequence

from limbeck.evaluation.figures import ValueScores
from limbeck.report.words.numbers import listed


def units(known: Iterable[tuple[str, str | None]]) -> str | None:
    """Return what the numbers of some metrics are of; None where their names say it.

    Args:
        known: title and unit of each metric, see `MetricRecord`.
    """
    titles: dict[str, list[str]] = {}
    for title, unit in known:
        if unit is not None:
            titles.setdefault(unit, []).append(title)
    said = [f"{listed(names)}: {unit}." for unit, names in titles.items()]
    return " ".join(said) or None


def about_values(columns: Sequence[ValueScores], *, averaged: bool) -> str:
    """Return what the table of the columns of values shows."""
    means = "Means of the seeds. " if averaged else ""
    return (
        f"{means}RMSE is in the units of each column. R² is the share of a column's variance that is explained; 0: as "
        f"good as its mean. The {len(columns)} columns count alike in the scores above, whatever their units."
    )
