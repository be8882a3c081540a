"""Quality against a budget of steps or labels."""

import math
from collections.abc import Sequence
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from limbeck.evaluation.records import Budget, BudgetCurve
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Drawing
from limbeck.report.figures.chart import gutter, name_ends, value_axis
from limbeck.report.style import Look, looks
from limbeck.report.svg import INK, MUTED, WIDTH, canvas, colour, finish, name_axes, style
from limbeck.report.words import prose
from limbeck.report.words.names import STUDENT, role
from limbeck.report.words.training import BUDGETS, final

_METRIC = "accuracy"
"""What the points of a curve are measured in."""


def budgets(evaluation: Evaluation) -> list[Drawing]:
    """Draw every curve of the run."""
    drawn = (budget(evaluation, kind) for kind in BUDGETS)
    return [drawing for drawing in drawn if drawing is not None]


@style()
def budget(evaluation: Evaluation, kind: Budget) -> Drawing | None:
    """Draw accuracy on the test split against a budget, and where the student is as good as the baseline with all."""
    drawn = evaluation.curves.get(kind)
    if drawn is None:
        return None
    arms, metric = list(drawn.points[0].accuracy), words.metric_of(_METRIC, evaluation.metrics)
    look = looks([*evaluation.models, *arms])
    named = [name for name in arms if not role(name).dotted]
    figure, axes = canvas(250, right=gutter(map(words.model, named)))
    amounts, level = [point.amount for point in drawn.points], 100 * final(drawn)
    axes.set_xscale("log")
    axes.axhline(level, color=MUTED, linewidth=1, dashes=(4, 3))
    ends = []
    for name in arms:
        end = _seeds(axes, drawn, name, look[name], dotted=name not in named)
        ends += [(words.model(name), end, look[name])] * (name in named)
    axes.margins(x=0.06, y=0.08)
    axes.autoscale_view()
    value_axis(axes, metric)
    ticks = apart(amounts, [axes.transData.transform((amount, level))[0] for amount in amounts], 50)
    axes.set_xticks(ticks, [words.count(amount) for amount in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    if drawn.ratio is not None:
        place, ink = drawn.ratio * amounts[-1], colour(look[STUDENT])
        axes.plot([place, place], [axes.get_ylim()[0], level], color=ink, linewidth=1, dashes=(1, 2))
        axes.plot([place], [level], "o", color=INK, markersize=8, fillstyle="none")
    name_ends(axes, ends)
    name_axes(figure, axes, x=f"{BUDGETS[kind]} (log)", y=f"{words.capital(metric.title)} on the test split")
    title = f"Quality against {kind}"
    label = f"{title}: {words.curve_sentence(drawn, kind)}"
    svg = finish(figure, key=f"budgets-{kind}", label=label)
    return Drawing(title, prose.budget_caption(drawn, kind), svg, WIDTH)


def _seeds(axes: Axes, drawn: BudgetCurve, name: str, look: Look, *, dotted: bool) -> float:
    """Draw an arm's mean over seeds and the band of their range, a dotted one alone; return where the line ends."""
    points = [
        (point.amount, [100 * one for one in point.accuracy[name]]) for point in drawn.points if name in point.accuracy
    ]
    amounts, seeds = [amount for amount, _ in points], [values for _, values in points]
    means, ink = [mean(values) for values in seeds], colour(look)
    if dotted:
        axes.plot(amounts, means, color=ink, linewidth=1.6, dashes=(1, 1))
    else:
        axes.fill_between(amounts, [*map(min, seeds)], [*map(max, seeds)], color=ink, alpha=0.2, linewidth=0)
        axes.plot(amounts, means, look.marker, linestyle="-", color=ink, linewidth=2, markersize=6)
    return means[-1]


def apart(values: Sequence[int], places: Sequence[float], gap: float) -> list[int]:
    """Return those of ascending values whose labels have room, the largest always."""
    kept, last = [], math.inf
    for value, place in zip(reversed(values), reversed(places), strict=True):
        if last - place >= gap:
            kept, last = [value, *kept], place
    return kept
