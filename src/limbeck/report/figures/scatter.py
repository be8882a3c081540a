"""Predicted values of one model against the true ones."""

from matplotlib.ticker import FuncFormatter, MaxNLocator

from limbeck.evaluation.figures import Scatter
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Drawing
from limbeck.report.style import looks
from limbeck.report.svg import LINE, MUTED, WIDTH, canvas, colour, finish, name_axes, style
from limbeck.report.words import prose


@style()
def scatter(evaluation: Evaluation, points: Scatter) -> Drawing | None:
    """Draw what a model predicts for each row, against what is true."""
    if not points.true:
        return None
    look = looks(evaluation.models)[points.model]
    figure, axes = canvas(310, left=62, right=24)
    columns = list(dict.fromkeys(one.column for one in evaluation.figures if isinstance(one, Scatter)))
    # One scale for both axes and all models, so that two drawings can be compared.
    drawn = [one for one in evaluation.figures if isinstance(one, Scatter) and one.column == points.column]
    every = [value for one in drawn for value in (*one.true, *one.predicted)]
    room = 0.04 * (max(every) - min(every)) or 1.0
    low, high = min(every) - room, max(every) + room
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1, dashes=(4, 3))
    axes.scatter(
        points.true, points.predicted, s=14, marker=look.marker, color=colour(look), alpha=0.55, linewidths=0, zorder=3
    )
    axes.set(xlim=(low, high), ylim=(low, high))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: words.plain(value)))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    name = words.squeeze(points.column, 30)
    name_axes(figure, axes, x=f"true {name}", y=f"Predicted {name}")
    caption = prose.scatter_caption(points)
    label = f"{words.capital(words.model(points.model, evaluation))}: predicted against true {name}. {caption}"
    title = prose.of_seed(evaluation, points.model) + (f": {name}" if columns[1:] else "")
    key = f"scatter-{points.model}-{columns.index(points.column)}"
    return Drawing(title, caption, finish(figure, key=key, label=label), WIDTH)
