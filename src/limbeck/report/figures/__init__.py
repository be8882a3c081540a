"""The report's figures: a module a figure; those of `evaluation.figures` are found by their kind."""

from collections.abc import Callable, Sequence
from typing import Any

from limbeck.evaluation.figures import Confusion, Reliability, Scatter
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Block, Drawing, Folded, Section
from limbeck.report.class_tables import class_section, column_section, confused_pairs, threshold_section, value_section
from limbeck.report.figures.budgets import budgets
from limbeck.report.figures.confusion import confusion
from limbeck.report.figures.cost import cost
from limbeck.report.figures.gains import gains
from limbeck.report.figures.learning import learning
from limbeck.report.figures.reliability import reliability
from limbeck.report.figures.scatter import scatter
from limbeck.report.words import prose

__all__ = ["KINDS", "budgets", "confusion", "cost", "gains", "learning", "of_models", "reliability", "scatter"]

_SHOWN = 2
"""So many drawings of a kind are shown, teacher and student; the others on request."""


def of_models(evaluation: Evaluation) -> list[Section]:
    """Return a part of the page for each kind of figure that the evaluation holds."""
    found, order = [], list(evaluation.models)
    by_model = sorted(evaluation.figures, key=lambda one: order.index(one.model))
    for kind, show in KINDS.items():
        if figures := [one for one in by_model if one.kind == kind]:
            found.append(show(evaluation, figures))
    return [part for part in found if not part.empty]


def _reliability(evaluation: Evaluation, figures: Sequence[Reliability]) -> Section:
    drawings = [reliability(evaluation, one) for one in figures]
    return Section("Confidence against accuracy", blocks=_some(drawings), note=prose.about_reliability())


def _confusion(evaluation: Evaluation, figures: Sequence[Confusion]) -> Section:
    drawings = [confusion(evaluation, one) for one in figures]
    pairs = confused_pairs(evaluation, figures)
    blocks = [*([pairs] if pairs else []), *_some(drawings)]
    return Section("Confusion matrices", blocks=blocks, note=prose.about_confusion(len(evaluation.data.classes)))


def _scatter(evaluation: Evaluation, figures: Sequence[Scatter]) -> Section:
    columns = list(dict.fromkeys(one.column for one in figures))
    # Of several columns, teacher and student of the first are beside each other.
    drawings = [scatter(evaluation, one) for one in sorted(figures, key=lambda one: columns.index(one.column))]
    return Section("Predictions against true values", blocks=_some(drawings), note=prose.about_scatter())


def _some(drawings: Sequence[Drawing | None]) -> list[Block]:
    drawn = [one for one in drawings if one is not None]
    rest = drawn[_SHOWN:]
    more = [Folded(f"{words.count(len(rest))} more: {words.listed([one.title for one in rest])}", rest)] if rest else []
    return [*drawn[:_SHOWN], *more]


KINDS: dict[str, Callable[[Evaluation, Sequence[Any]], Section]] = {
    "classes": class_section,
    "reliability": _reliability,
    "confusion": _confusion,
    "thresholds": threshold_section,
    "by_column": column_section,
    "values_by_column": value_section,
    "scatter": _scatter,
}
"""How each kind of figure is shown, in the order of the page."""
