"""Which classes one model takes for which."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D

from limbeck.evaluation.figures import Confusion
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Drawing
from limbeck.report.svg import HEAT, INK, LINE, TEXT, WIDTH, canvas, finish, name_axes, style
from limbeck.report.words import prose

NUMBERED = prose.NAMED_CLASSES
"""Up to so many classes, a matrix has names and numbers."""
_SHADES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
"""Shares of the true class: cells up to each have one opacity."""


@style()
def confusion(evaluation: Evaluation, matrix: Confusion) -> Drawing | None:
    """Draw which classes a model takes for which."""
    counts = matrix.counts
    if not counts:
        return None
    size, numbered = len(counts), len(counts) <= NUMBERED
    names = [words.squeeze(text, 13) for text in evaluation.data.classes] if numbered else [""]
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
    caption = prose.confusion_caption(matrix)
    label = f"Confusion matrix of the {words.model(matrix.model, evaluation)}: {caption}"
    svg = finish(figure, key=f"confusion-{matrix.model}", label=label)
    return Drawing(prose.of_seed(evaluation, matrix.model), caption, svg, width, wide=width > 480)


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
                axes.text(x + 0.5, y + 0.5, words.count(number), ha="center", va="center", size=size, color=INK)
