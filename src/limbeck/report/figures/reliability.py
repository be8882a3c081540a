"""Confidence against accuracy of one model."""

import math

from matplotlib.ticker import FuncFormatter, MaxNLocator

from limbeck.evaluation.figures import Reliability
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Drawing
from limbeck.report.style import looks
from limbeck.report.svg import LINE, MUTED, WIDTH, canvas, colour, finish, name_axes, style
from limbeck.report.words import prose


@style()
def reliability(evaluation: Evaluation, bins: Reliability) -> Drawing | None:
    """Draw how often a model is right when it is so sure."""
    if not bins.count:
        return None
    look = looks(evaluation.models)[bins.model]
    figure, axes = canvas(310, right=24)
    # One scale for all models, so that two diagrams can be compared.
    drawn = [one for one in evaluation.figures if isinstance(one, Reliability) and one.count]
    low = min(min(one.confidence + one.accuracy) for one in drawn)
    low = math.floor(10 * min(low, 0.9)) * 10
    axes.plot([low, 100], [low, 100], color=MUTED, linewidth=1, dashes=(4, 3))
    x, y = ([100 * value for value in values] for values in (bins.confidence, bins.accuracy))
    axes.plot(x, y, color=colour(look), linewidth=1.6)
    # Few examples, small mark: the eye should not follow a bin that hardly counts.
    sizes = [12 + 60 * number / max(bins.count) for number in bins.count]
    axes.scatter(x, y, s=sizes, marker=look.marker, color=colour(look), linewidths=0, clip_on=False, zorder=3)
    axes.set(xlim=(low, 100), ylim=(low, 100))
    for axis, prune in ((axes.yaxis, None), (axes.xaxis, "lower")):  # the y axis labels the corner
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], prune=prune))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    name_axes(figure, axes, x="confidence in the decision", y="Share of decisions that are right")
    error = prose.calibration_error(bins)
    label = f"Reliability diagram of the {words.model(bins.model, evaluation)}: {prose.reliability_caption(error)}"
    svg = finish(figure, key=f"reliability-{bins.model}", label=label)
    return Drawing(prose.of_seed(evaluation, bins.model), prose.reliability_caption(error), svg, WIDTH)
