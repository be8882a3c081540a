"""What several figures share: axes in percent or nats, names at the ends of lines, labels that do not overlap."""

import math
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from limbeck.report import words
from limbeck.report.style import Look
from limbeck.report.svg import LINE, MUTED, TEXT, colour, part
from limbeck.report.words.numbers import Measured, scale

Place = tuple[float, float]
Box = tuple[float, float, float, float]

CHARACTER = 7.4
"""Width of a character of a label in a wide font, in pixels."""
_FIGURE = 8.6
"""Width of a digit of a label in a wide font, in pixels."""
GAP = 10
"""Between a drawing and the texts beside its rows, in pixels."""
_LINE = 15.0
"""Height of a label, in pixels, with what keeps it apart from the next one."""


def value_axis(axes: Axes, metric: Measured) -> None:
    """Give the y axis a few round values of a metric and faint lines across; a share ends at 100 %."""
    if metric.quantity == "share":
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -5), min(high, 100))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color=LINE, linewidth=0.8)


def scaled(values: Iterable[float], metric: Measured) -> list[float]:
    """Return values as the axis of their metric has them: a share in percent."""
    return [scale(metric) * value for value in values]


def counted(axes: Axes) -> None:
    """Give the x axis a few whole numbers."""
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.count(value)))


def decades(axes: Axes, values: Sequence[float]) -> None:
    """Make x logarithmic, with room for labels and ticks on both sides of the values that read as plain numbers."""
    low, high = min(values) / 2.2, max(values) * 2.2
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    # Written as a person would: 10 ** -1 is not quite 0.1.
    ticks = {step: [float(f"{digit}e{power}") for power in powers for digit in step] for step in ((1,), (1, 2, 5))}
    inside = {step: [tick for tick in found if low <= tick <= high] for step, found in ticks.items()}
    axes.xaxis.set_major_locator(FixedLocator(inside[(1,)] if len(inside[(1,)]) > 2 else inside[(1, 2, 5)]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def gutter(names: Iterable[str]) -> int:
    """Return the pixels on the right that names at the ends of lines take."""
    return 16 + math.ceil(7 * max(map(len, names)))


def beside_rows(texts: Iterable[str]) -> int:
    """Return the pixels that texts beside the rows of a drawing take, with their gap; figures are wide."""
    return GAP + math.ceil(_FIGURE * max(map(len, texts))) + 2


def name_ends(axes: Axes, ends: Sequence[tuple[str, float, Look | None]]) -> None:
    """Write every line's name at its end, on the right, where it hides no other."""
    _, bottom, _, height = axes.bbox.bounds
    heights = [axes.transData.transform((axes.get_xlim()[0], end))[1] for _, end, _ in ends]
    for (name, _, look), place in zip(ends, part(heights, _LINE, bottom + height), strict=True):
        axes.text(
            1.02,
            (place - bottom) / height,
            name,
            transform=axes.transAxes,
            va="center",
            size=TEXT,
            color=colour(look) if look else MUTED,
        )


def label_points(axes: Axes, where: Mapping[str, Place], looks: Mapping[str, Look]) -> list[Box]:
    """Name every point near it, where the name hides neither a point nor another name; return the names' boxes.

    A name that has no room beside its point stands above or below, tied to the point by a line.

    Args:
        axes: on which the points are drawn.
        where: the points, by name.
        looks: of the points, by name.
    """
    spots: dict[str, Place] = {name: tuple(axes.transData.transform(point)) for name, point in where.items()}
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in spots.values()]
    placed = []
    for name, spot in spots.items():
        box = _free(spot, CHARACTER * len(name), taken, axes)
        taken.append(box)
        placed.append(box)
        middle = (box[1] + box[3]) / 2
        if abs(middle - spot[1]) > _LINE:
            near = min(max(spot[0], box[0]), box[2])
            edge = box[1] if middle > spot[1] else box[3]
            ends = axes.transData.inverted().transform([spot, (near, edge)])
            axes.plot(*ends.T, color=colour(looks[name]), linewidth=0.8, zorder=1)
        # Fonts differ in width: the end that is near the point is where it is.
        x, side = (box[2], "right") if box[2] < spot[0] else (box[0], "left")
        axes.text(x, middle, name, transform=None, ha=side, va="center", size=TEXT, color=colour(looks[name]))
    return placed


def _free(spot: Place, width: float, taken: Sequence[Box], axes: Axes) -> Box:
    """Return the box nearest to a point that overlaps none; the first one where there is no room at all."""
    (x, y), area = spot, axes.bbox
    boxes = [
        (left, y + up - 7, left + width, y + up + 7)
        for row in range(40)
        for up in ((0.0,) if row == 0 else (6.0 * row, -6.0 * row))
        # A long name may fit neither side of its point nor its middle, only the width of the whole drawing.
        for left in (x + 10, x - 10 - width, x - width / 2, *((area.x1 - width - 1, area.x0 + 1) if row > 1 else ()))
    ]
    inside = [b for b in boxes if b[0] > area.x0 and b[2] < area.x1 and b[1] > area.y0 and b[3] < area.y1 + 8]
    inside.sort(key=lambda box: math.hypot(max(box[0] - x, x - box[2], 0), max(box[1] - y, y - box[3], 0)))
    free = (box for box in inside if not any(overlap(box, other) for other in taken))
    return next(free, next(iter(inside), boxes[0]))


def overlap(a: Box, b: Box) -> bool:
    """Return whether two boxes (left, bottom, right, top) share an area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
