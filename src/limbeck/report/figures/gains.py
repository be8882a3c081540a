"""The gain of each seed."""

from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Drawing, TableBlock
from limbeck.report.figures.chart import GAP, beside_rows
from limbeck.report.style import looks
from limbeck.report.svg import INK, MUTED, TEXT, WIDTH, canvas, colour, finish, name_axes, style
from limbeck.report.words import prose
from limbeck.report.words.names import BASELINE, STUDENT
from limbeck.report.words.numbers import scale


@style()
def gains(evaluation: Evaluation, table: TableBlock | None = None) -> Drawing | None:
    """Draw each seed's gain, their mean and its interval."""
    gain = evaluation.gain
    if gain is None or evaluation.are_solved(STUDENT, BASELINE):
        return None
    metric = words.metric_of(gain.metric, evaluation.metrics)
    look, by = looks(evaluation.models)[STUDENT], scale(metric)
    labels = [f"seed {seed}" for seed in evaluation.seeds]
    texts = [words.difference(value, metric) for value in [*gain.per_seed, gain.mean]]
    margins = beside_rows([*labels, "mean"]), beside_rows(texts)
    figure, axes = canvas(60 + 26 * (len(labels) + 1), left=margins[0], right=margins[1], top=4)
    axes.axvline(0, color=MUTED, linewidth=1)
    rows = range(len(gain.per_seed), 0, -1)
    values, (low, high) = [by * value for value in gain.per_seed], (by * bound for bound in gain.ci95)
    axes.plot(values, list(rows), look.marker, color=colour(look), markersize=7, clip_on=False)
    axes.plot([low, high], [0, 0], color=INK, linewidth=2.5, solid_capstyle="round")
    axes.plot([by * gain.mean], [0], "D", color=INK, markersize=7)
    area = axes.bbox
    for row, label, text in zip([*rows, 0], [*labels, "mean"], texts, strict=True):
        height = axes.get_yaxis_transform()
        ink = INK if row == 0 else MUTED
        axes.text(-GAP / area.width, row, label, transform=height, ha="right", va="center", size=TEXT, color=ink)
        axes.text(1 + GAP / area.width, row, text, transform=height, va="center", size=TEXT, color=INK)
    axes.set_ylim(-0.6, len(values) + 0.6)
    edge = [0.0, low, high, *values]
    room = 0.08 * (max(edge) - min(edge)) or 1.0
    axes.set_xlim(min(edge) - room, max(edge) + room)
    axes.yaxis.set_major_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(5 if metric.quantity == "share" else 3, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))
    name_axes(figure, axes, x=f"gain over the baseline, {words.unit(metric)}", y="")
    mean, interval = words.difference(gain.mean, metric), words.interval_of(gain.ci95, metric)
    label = f"Gain of each seed in {words.unit(metric)}; mean {mean}, interval {interval}"
    svg = finish(figure, key="gains", label=label)
    return Drawing("Gain of each seed", prose.gains_caption(), svg, WIDTH, table)
