"""Quality on validation while the arms trained, a figure a metric."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from limbeck.evaluation.records import LearningCurve, MetricRecord, ModelRecord
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Drawing
from limbeck.report.figures.chart import counted, gutter, name_ends, scaled, value_axis
from limbeck.report.style import Look, looks
from limbeck.report.svg import MUTED, WIDTH, canvas, colour, finish, name_axes, style
from limbeck.report.words import prose
from limbeck.report.words.names import role
from limbeck.report.words.numbers import scale


def learning(evaluation: Evaluation) -> list[Drawing]:
    """Draw the learning curves in every metric that they have."""
    drawn = (curve(evaluation, metric) for metric in evaluation.metrics)
    return [drawing for drawing in drawn if drawing is not None]


@style()
def curve(evaluation: Evaluation, metric: MetricRecord) -> Drawing | None:
    """Draw a metric of the validation split while the arms trained, and where models trained otherwise ended."""
    known = {name: _with(record, metric) for name, record in evaluation.models.items()}
    levels = {name: kept(curves, metric) for name, curves in known.items() if curves and role(name).level}
    arms = {name: curves for name, curves in known.items() if curves and not role(name).level}
    if not any(len(one.steps) > 1 for curves in arms.values() for one in curves):
        return None
    look, until = looks(evaluation.models), evaluation.until
    asked = until is not None and until.quantity == metric.name and until.level <= 1
    names = [words.model(name) for name in (*arms, *levels)] + ["level"] * asked
    figure, axes = canvas(240, right=gutter(names))
    ends: list[tuple[str, float, Look | None]] = [
        (words.model(name), _arm(axes, curves, metric, colour(look[name])), look[name]) for name, curves in arms.items()
    ]
    for name, value in levels.items():
        axes.axhline(value, color=colour(look[name]), linewidth=1.2, dashes=(4, 3))
        ends.append((words.model(name), value, look[name]))
    if until is not None and asked:
        value = scale(metric) * until.level
        axes.axhline(value, color=MUTED, linewidth=1, dashes=(4, 3))
        ends.append(("level", value, None))
    axes.margins(x=0.02, y=0.08)
    axes.autoscale_view()
    counted(axes)
    value_axis(axes, metric)
    name_ends(axes, ends)
    title = f"Validation {metric.title}"
    unit = ", nats" if metric.quantity == "nats" else ""
    name_axes(figure, axes, x="training step", y=f"{words.capital(metric.title)}{unit}")
    caption = prose.learning_caption(metric, arms, list(levels), asked=asked)
    label = f"{title} over training steps: {', '.join(name for name, _, _ in ends)}"
    return Drawing(title, caption, finish(figure, key=f"curve-{metric.name}", label=label), WIDTH)


def _with(record: ModelRecord, metric: MetricRecord) -> list[LearningCurve]:
    return [one for one in record.learning if one.scores.get(metric.name)]


def kept(curves: Sequence[LearningCurve], metric: MetricRecord) -> float:
    """Return the mean of the checkpoints kept; of a checkpoint that was not validated, of its last validation."""
    values = [
        one.scores[metric.name][one.steps.index(one.best_step) if one.best_step in one.steps else -1] for one in curves
    ]
    return scale(metric) * sum(values) / len(values)


def _arm(axes: Axes, curves: Sequence[LearningCurve], metric: MetricRecord, ink: str) -> float:
    """Draw one arm's seeds as a band with a mean line; return where the line ends."""
    lines = [scaled(one.scores[metric.name], metric) for one in curves]
    for one, values in zip(curves, lines, strict=True):
        kept = [(step, value) for step, value in zip(one.steps, values, strict=True) if step == one.best_step]
        axes.plot(*zip(*kept, strict=True), "o", color=ink, markersize=6) if kept else None
    if all(one.steps == curves[0].steps for one in curves):
        across = list(zip(*lines, strict=True))
        if len(curves) > 1:
            low, high = [min(values) for values in across], [max(values) for values in across]
            axes.fill_between(curves[0].steps, low, high, color=ink, alpha=0.2, linewidth=0)
        mean = [sum(values) / len(values) for values in across]
        axes.plot(curves[0].steps, mean, color=ink, linewidth=2)
        return mean[-1]
    # Seeds that stopped at different steps have no common mean.
    for one, values in zip(curves, lines, strict=True):
        axes.plot(one.steps, values, color=ink, linewidth=1.2)
    return max(zip(curves, lines, strict=True), key=lambda pair: pair[0].steps[-1])[1][-1]
