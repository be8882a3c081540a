"""The report's figures: one function a figure, each None when the evaluation lacks what it shows."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Affine2D

from limbeck.evaluation.metric import METRICS
from limbeck.evaluation.schema import Budget, BudgetCurve, Evaluation, LearningCurve
from limbeck.report import curves, format
from limbeck.report.svg import (
    COLOURS,
    HEAT,
    INK,
    LINE,
    MARKERS,
    MUTED,
    TEXT,
    WIDTH,
    Drawing,
    canvas,
    finish,
    name_axes,
    part,
    style,
)

NUMBERED_CLASSES = 20
"""Up to so many classes, a confusion matrix has names and numbers."""

_SHADES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
"""Shares of the true class: cells up to each have one opacity."""


@style()
def gains(evaluation: Evaluation) -> Drawing | None:
    """Draw each seed's gain, their mean and its interval."""
    gain = evaluation.gain
    if gain is None:
        return None
    labels = [f"seed {seed}" for seed in evaluation.seeds]
    figure, axes = canvas(60 + 26 * (len(labels) + 1), left=62, right=56, top=4)
    axes.axvline(0, color=MUTED, linewidth=1)
    rows = range(len(gain.per_seed), 0, -1)
    values = [100 * value for value in gain.per_seed]
    axes.plot(values, list(rows), MARKERS["student"], color=COLOURS["student"], markersize=7, clip_on=False)
    low, high = (100 * bound for bound in gain.ci95)
    axes.plot([low, high], [0, 0], color=INK, linewidth=2.5, solid_capstyle="round")
    axes.plot([100 * gain.mean], [0], "D", color=INK, markersize=7)
    for row, label, value in zip([*rows, 0], [*labels, "mean"], [*gain.per_seed, gain.mean], strict=True):
        ink = INK if row == 0 else MUTED
        axes.text(
            -0.03, row, label, transform=axes.get_yaxis_transform(), ha="right", va="center", size=TEXT, color=ink
        )
        axes.text(
            1.04, row, format.points(value), transform=axes.get_yaxis_transform(), va="center", size=TEXT, color=INK
        )
    axes.set_ylim(-0.6, len(values) + 0.6)
    edge = [0.0, low, high, *values]
    room = 0.08 * (max(edge) - min(edge)) or 1.0
    axes.set_xlim(min(edge) - room, max(edge) + room)
    axes.yaxis.set_major_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))
    name_axes(figure, axes, x="gain over the baseline, points", y="")
    caption = (
        "A dot is one seed, the diamond their mean, the bar its 95 % interval. Right of zero, the student is better."
    )
    label = f"Gain of each seed in points; mean {format.points(gain.mean)}, interval {format.interval(gain.ci95)}"
    return Drawing("Gain of each seed", caption, finish(figure, key="gains", label=label))


@style()
def cost(evaluation: Evaluation) -> Drawing | None:
    """Draw accuracy against the processor time of one example."""
    measured = {name: block for name, block in evaluation.models.items() if block.cost and block.cost.time_ms > 0}
    if not measured:
        return None
    figure, axes = canvas(270)
    times = {name: block.cost.time_ms for name, block in measured.items() if block.cost}
    _decades(axes, list(times.values()))
    of, title = evaluation.metric, format.capital(METRICS[evaluation.metric].title)
    means = {name: getattr(block, of) for name, block in measured.items()}
    ranges = {name: [100 * getattr(scores, of) for scores in block.per_seed] for name, block in measured.items()}
    edge = [value for values in ranges.values() for value in values]
    edge += [100 * value for value in means.values()]
    room = max(0.12 * (max(edge) - min(edge)), 0.5)
    axes.set_ylim(min(edge) - room, max(edge) + room)
    _percents(axes)
    for name in measured:
        x, colour = times[name], COLOURS[name]
        if len(ranges[name]) > 1:
            axes.plot([x, x], [min(ranges[name]), max(ranges[name])], color=colour, linewidth=2, alpha=0.45)
        axes.plot([x], [100 * means[name]], MARKERS[name], color=colour, markersize=9)
    _label_points(axes, {name: (times[name], 100 * value) for name, value in means.items()})
    name_axes(figure, axes, x="processor time of one example, ms (log)", y=f"{title} on the test split")
    caption = "Up and to the left is better: a higher score, sooner. A bar runs from the worst seed to the best."
    if missing := [name for name in evaluation.models if name not in measured]:
        caption += f" Not measured: {', '.join(map(format.words, missing))}."
    label = f"{title} against processor time: " + "; ".join(
        f"{format.words(name)} {format.percent(value)} in {format.milliseconds(times[name])}"
        for name, value in means.items()
    )
    return Drawing(f"{title} against processor time", caption, finish(figure, key="cost", label=label))


@style()
def curve(evaluation: Evaluation, quantity: Literal["nll", "accuracy", "f1_macro"]) -> Drawing | None:
    """Draw a quantity of the validation split while the arms trained."""
    arms = {name: block.curves for name, block in evaluation.models.items() if name not in ("teacher", "floor")}
    arms = {name: curves for name, curves in arms.items() if any(len(curve.steps) > 1 for curve in curves)}
    if not arms:
        return None
    figure, axes = canvas(240, right=16 + 7 * max(map(len, [*arms, "level"])))
    ends = {name: _arm(axes, curves, quantity, COLOURS[name]) for name, curves in arms.items()}
    wanted = evaluation.until.level if evaluation.until and quantity == evaluation.until.quantity else math.inf
    if wanted <= 1:
        ends["level"] = 100 * wanted
        axes.axhline(100 * wanted, color=MUTED, linewidth=1, dashes=(4, 3))
    axes.margins(x=0.02, y=0.08)
    axes.autoscale_view()
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format.count(value)))
    if quantity != "nll":
        _percents(axes)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.grid(axis="y", color=LINE, linewidth=0.8)
    _name_ends(axes, ends)
    title, unit, better = {
        "nll": ("Validation loss", "Negative log-likelihood, nats", "Lower is better"),
        "accuracy": ("Validation accuracy", "Share of decisions that are right", "Higher is better"),
        "f1_macro": ("Validation macro F1", "Mean F1 of the classes", "Higher is better"),
    }[quantity]
    name_axes(figure, axes, x="training step", y=unit)
    several = any(len(curves) > 1 for curves in arms.values())
    seeds = "The line is the seeds’ mean, the band their range; a" if several else "A"
    if any(curve.steps != curves[0].steps for curves in arms.values() for curve in curves):
        seeds = "Seeds that stopped at different steps have a line each, others a mean and the band of their range; a"
    caption = f"{better}. {seeds} dot is a checkpoint kept."
    label = f"{title} over training steps: {', '.join(map(format.words, ends))}"
    return Drawing(title, caption, finish(figure, key=f"curve-{quantity}", label=label))


@style()
def budgets(evaluation: Evaluation, kind: Budget) -> Drawing | None:
    """Draw accuracy on the test split against a budget, and where the student is as good as the baseline with all."""
    drawn = curves.of(evaluation, kind)
    if drawn is None:
        return None
    figure, axes = canvas(250, right=16 + 7 * len("baseline"))
    amounts, level = [point.amount for point in drawn.points], 100 * curves.final(drawn)
    axes.set_xscale("log")
    axes.axhline(level, color=MUTED, linewidth=1, dashes=(4, 3))
    illustrated = "illustration" in drawn.points[0].accuracy
    if illustrated:
        middle = [100 * mean(point.accuracy["illustration"]) for point in drawn.points]
        axes.plot(amounts, middle, color=COLOURS["student"], linewidth=1.6, dashes=(1, 1))
    ends = {name: _seeds(axes, drawn, name) for name in ("baseline", "student")}
    axes.margins(x=0.06, y=0.08)
    axes.autoscale_view()
    axes.set_ylim(axes.get_ylim())
    ticks = _apart(amounts, [axes.transData.transform((amount, level))[0] for amount in amounts], 50)
    axes.set_xticks(ticks, [format.count(amount) for amount in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    _percents(axes)
    if drawn.ratio is not None:
        place = drawn.ratio * amounts[-1]
        axes.plot([place, place], [axes.get_ylim()[0], level], color=COLOURS["student"], linewidth=1, dashes=(1, 2))
        axes.plot([place], [level], "o", color=INK, markersize=8, fillstyle="none")
    _name_ends(axes, ends)
    name_axes(figure, axes, x=f"{curves.WORDS[kind]} (log)", y="Accuracy on the test split")
    several = len(drawn.points[0].accuracy["student"]) > 1
    caption = "Lines are the seeds’ means, bands run from the worst seed to the best. " if several else ""
    caption += f"The dashed line is what the baseline makes of all {kind}"
    caption += ", the ring where the student is as good." if drawn.ratio is not None else "; the student stays below."
    if illustrated:
        caption += " The dotted curve is an illustration: the same student, whose teacher has seen all labels."
    title = f"Quality against {kind}"
    label = f"{title}: {curves.sentence(drawn, kind)}"
    return Drawing(title, caption, finish(figure, key=f"budgets-{kind}", label=label))


@style()
def reliability(evaluation: Evaluation) -> Drawing | None:
    """Draw how often the models are right when they are so sure."""
    drawn = {
        name: block.reliability
        for name, block in evaluation.models.items()
        if name != "floor" and block.reliability and block.reliability.count
    }
    if not drawn:
        return None
    figure, axes = canvas(354, right=24)
    low = min(min(bins.confidence + bins.accuracy) for bins in drawn.values())
    low = math.floor(10 * min(low, 0.9)) * 10
    axes.plot([low, 100], [low, 100], color=MUTED, linewidth=1, dashes=(4, 3))
    for name, bins in drawn.items():
        x, y = ([100 * value for value in values] for values in (bins.confidence, bins.accuracy))
        axes.plot(x, y, color=COLOURS[name], linewidth=1.6)
        # Few examples, small mark: the eye should not follow a bin that hardly counts.
        sizes = [12 + 60 * number / max(bins.count) for number in bins.count]
        axes.scatter(x, y, s=sizes, marker=MARKERS[name], color=COLOURS[name], linewidths=0, clip_on=False, zorder=3)
    axes.set(xlim=(low, 101), ylim=(low, 101))
    _percents(axes)
    # The corner is labelled once, by the y axis.
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], prune="lower"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    name_axes(figure, axes, x="confidence in the decision", y="Share of decisions that are right")
    caption = (
        "On the dashed line, a confidence is what it says; below it, the model is too sure of itself. "
        "Larger marks hold more of the test examples."
    )
    label = "Reliability diagram: " + ", ".join(
        f"{format.words(name)} with a calibration error of {format.percent(block.ece)}"
        for name, block in evaluation.models.items()
        if name in drawn
    )
    return Drawing("Confidence against accuracy", caption, finish(figure, key="reliability", label=label))


@style()
def confusion(evaluation: Evaluation, name: Literal["teacher", "student"]) -> Drawing | None:
    """Draw which classes a model takes for which."""
    counts, classes = getattr(evaluation, name).confusion, evaluation.data.classes
    if not counts:
        return None
    size, numbered = len(counts), len(counts) <= NUMBERED_CLASSES
    names = [format.squeeze(text, 13) for text in classes] if numbered else [""]
    gutter = 18 + 7 * max(map(len, names))
    across = max(WIDTH - gutter - 8, 26 * size if numbered else 0)
    flat = size * (gutter - 4) < across
    bottom = 48 if flat or not numbered else 22 + gutter
    down, width = min(across, 76 * size), gutter + across + 8
    figure, axes = canvas(28 + down + bottom, width=width, left=gutter, right=8, top=28, bottom=bottom)
    if numbered:
        _cells(axes, counts, gap=(1.5 * size / across, 1.5 * size / down), palest=0.06)
    else:
        _cells(axes, counts, gap=(0.0, 0.0), palest=0.25)
    axes.set(xlim=(0, size), ylim=(size, 0), xticks=[], yticks=[])
    axes.spines[:].set(visible=not numbered, color=LINE)
    if numbered:
        _numbers(axes, counts, min(TEXT + 1, 0.42 * across / size))
        middle = [index + 0.5 for index in range(size)]
        axes.set_yticks(middle, names, parse_math=False)
        axes.set_xticks(middle, names, parse_math=False, rotation=0 if flat else 90)
    name_axes(figure, axes, x="decision →", y="true class ↓")
    total = format.count(sum(map(sum, counts)))
    caption = f"{total} test examples. The stronger a cell’s colour, the larger its share of the row."
    if not numbered:
        caption += f" {size} classes in the order of the data; the diagonal is right."
    right = sum(counts[index][index] for index in range(size))
    label = f"Confusion matrix of the {name}: {format.count(right)} of {total} right"
    return Drawing(name.capitalize(), caption, finish(figure, key=f"confusion-{name}", label=label), width)


def _arm(axes: Axes, curves: Sequence[LearningCurve], quantity: str, colour: str) -> float:
    """Draw one arm's seeds as a band with a mean line; return where the line ends."""
    scale = 1 if quantity == "nll" else 100
    lines = [[scale * value for value in getattr(curve, quantity)] for curve in curves]
    for curve, values in zip(curves, lines, strict=True):
        kept = [(step, value) for step, value in zip(curve.steps, values, strict=True) if step == curve.best_step]
        axes.plot(*zip(*kept, strict=True), "o", color=colour, markersize=6) if kept else None
    if all(curve.steps == curves[0].steps for curve in curves):
        across = list(zip(*lines, strict=True))
        if len(curves) > 1:
            low, high = [min(values) for values in across], [max(values) for values in across]
            axes.fill_between(curves[0].steps, low, high, color=colour, alpha=0.2, linewidth=0)
        mean = [sum(values) / len(values) for values in across]
        axes.plot(curves[0].steps, mean, color=colour, linewidth=2)
        return mean[-1]
    # Seeds that stopped at different steps have no common mean.
    for curve, values in zip(curves, lines, strict=True):
        axes.plot(curve.steps, values, color=colour, linewidth=1.2)
    return max(zip(curves, lines, strict=True), key=lambda pair: pair[0].steps[-1])[1][-1]


def _seeds(axes: Axes, drawn: BudgetCurve, name: str) -> float:
    """Draw an arm's mean over seeds and the band of their range; return where the line ends."""
    amounts = [point.amount for point in drawn.points]
    seeds = [[100 * value for value in point.accuracy[name]] for point in drawn.points]
    axes.fill_between(amounts, [*map(min, seeds)], [*map(max, seeds)], color=COLOURS[name], alpha=0.2, linewidth=0)
    axes.plot(
        amounts, [*map(mean, seeds)], MARKERS[name], linestyle="-", color=COLOURS[name], linewidth=2, markersize=6
    )
    return mean(seeds[-1])


def _apart(values: Sequence[int], places: Sequence[float], gap: float) -> list[int]:
    """Return those of ascending values whose labels have room, the largest always."""
    kept, last = [], math.inf
    for value, place in zip(reversed(values), reversed(places), strict=True):
        if last - place >= gap:
            kept, last = [value, *kept], place
    return kept


def _name_ends(axes: Axes, ends: Mapping[str, float]) -> None:
    """Write every line's name at its end, on the right, where it hides no other."""
    _, bottom, _, height = axes.bbox.bounds
    heights = [axes.transData.transform((axes.get_xlim()[0], end))[1] for end in ends.values()]
    for name, place in zip(ends, part(heights, 15, bottom + height), strict=True):
        axes.text(
            1.02,
            (place - bottom) / height,
            format.words(name),
            transform=axes.transAxes,
            va="center",
            size=TEXT,
            color=COLOURS.get(name, MUTED),
        )


def _percents(axes: Axes) -> None:
    """Give the y axis a few round percents and faint lines across."""
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.grid(axis="y", color=LINE, linewidth=0.8)


def _decades(axes: Axes, values: Sequence[float]) -> None:
    """Make x logarithmic, with room for labels and ticks that read as plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 2.2, max(values) * 2.2)
    wide = max(values) / min(values) > 20
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def _label_points(axes: Axes, where: dict[str, tuple[float, float]]) -> None:
    """Name every point where its label hides neither a point nor another label."""
    spots = {name: tuple(axes.transData.transform(point)) for name, point in where.items()}
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in spots.values()]
    area = axes.bbox
    for name, (x, y) in spots.items():
        text = f"{format.words(name)} {format.percent(where[name][1] / 100)}"
        width = 6.4 * len(text)
        options = [
            (x + 10 * across - width * (1 - across) / 2, y + up, ("right", "center", "left")[across + 1])
            for across, up in (
                (1, 0),
                (-1, 0),
                (1, 12),
                (-1, 12),
                (1, -12),
                (-1, -12),
                (0, 16),
                (0, -16),
                (1, 24),
                (-1, -24),
            )
        ]
        boxes = [(left, middle - 7, left + width, middle + 7) for left, middle, _ in options]
        inside = [
            index
            for index, box in enumerate(boxes)
            if box[0] > area.x0 and box[2] < area.x1 and area.y0 < box[1] and box[3] < area.y1 + 6
        ]
        free = [index for index in inside if not any(_overlap(boxes[index], other) for other in taken)]
        best = next(iter(free or inside), 0)
        left, middle, anchor = options[best]
        taken.append(boxes[best])
        x_text = left + {"left": 0, "center": width / 2, "right": width}[anchor]
        axes.text(x_text, middle, text, transform=None, ha=anchor, va="center", size=TEXT, color=COLOURS[name])


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _cells(axes: Axes, counts: Sequence[Sequence[int]], gap: tuple[float, float], palest: float) -> None:
    """Shade the cells that hold something, one outline a shade: a matrix of 77 classes stays small."""
    below, (gap_x, gap_y) = 0.0, gap
    for limit in _SHADES:
        squares = [
            Outline.unit_rectangle().transformed(
                Affine2D().scale(1 - gap_x, 1 - gap_y).translate(x + gap_x / 2, y + gap_y / 2)
            )
            for y, row in enumerate(counts)
            for x, number in enumerate(row)
            if below < number / (sum(row) or 1) <= limit
        ]
        if squares:
            cells = Outline.make_compound_path(*squares)
            axes.add_patch(PathPatch(cells, facecolor=HEAT, alpha=palest + 0.6 * limit**0.8, linewidth=0))
        below = limit


def _numbers(axes: Axes, counts: Sequence[Sequence[int]], size: float) -> None:
    for y, row in enumerate(counts):
        for x, number in enumerate(row):
            if number:
                axes.text(x + 0.5, y + 0.5, format.count(number), ha="center", va="center", size=size, color=INK)
