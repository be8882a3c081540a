"""A matplotlib figure as an inline SVG that belongs to its page: the page's fonts, colours and width."""

import io
import itertools
import re
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from limbeck.report.style import PLACES, Look

# Placeholders, replaced by the page's CSS variables so that one drawing serves light, dark and print.
INK, MUTED, LINE, HEAT = "#fe0101", "#fe0102", "#fe0103", "#fe0104"
_MODEL = "#fe02{:02x}"
_VARIABLES = {INK: "--ink", MUTED: "--muted", LINE: "--line", HEAT: "--heat"} | {
    _MODEL.format(place): f"--c{place}" for place in range(PLACES)
}

WIDTH = 360
"""Drawn for a phone, in CSS pixels; wider screens enlarge it."""

TEXT, SMALL = 13.0, 12.0


def colour(look: Look) -> str:
    """Return the placeholder of a model's colour."""
    return _MODEL.format(look.place)


@contextmanager
def style() -> Generator[None]:
    """Draw independently of the user's matplotlibrc; also a decorator."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "limbeck", "path.simplify": False})
        # The page's fonts draw the text, so a glyph that matplotlib's own font lacks is no loss.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def canvas(
    height: int, *, width: int = WIDTH, left: int = 50, right: int = 14, top: int = 26, bottom: int = 42
) -> tuple[Figure, Axes]:
    """Return an empty figure whose units are CSS pixels, and its one pair of axes inside the margins."""
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    figure.patch.set_visible(False)
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box)
    axes.patch.set_visible(False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=MUTED, linewidth=0.8)
    axes.tick_params(length=0, pad=6, labelsize=SMALL, labelcolor=MUTED)
    axes.set_axisbelow(True)
    return figure, axes


def name_axes(figure: Figure, axes: Axes, *, x: str, y: str) -> None:
    """Write what the axes show: y above the axis, where it reads without turning the head, x below its end."""
    width, height = figure.get_size_inches() * 72
    box = axes.get_position()
    figure.text(2 / width, 1 - 14 / height, y, size=SMALL, color=MUTED)
    figure.text(box.x1, 6 / height, x, size=SMALL, color=MUTED, ha="right")


def part(wanted: Sequence[float], gap: float, highest: float) -> list[float]:
    """Return positions close to `wanted`, in the same order, at least `gap` apart and at most `highest`."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = list(wanted)
    for before, after in itertools.pairwise(order):
        placed[after] = max(placed[after], placed[before] + gap)
    limit = highest
    for index in reversed(order):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - gap
    return placed


def finish(figure: Figure, *, key: str, label: str) -> Markup:
    """Return the figure as SVG markup.

    Args:
        figure: the finished drawing.
        key: unique on the page; prefixes every id.
        label: what the drawing shows, for those who do not see it.
    """
    target = io.StringIO()
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    drawn = ElementTree.fromstring(target.getvalue())  # noqa: S314  matplotlib wrote it
    root = ElementTree.Element("svg", {"viewBox": drawn.attrib["viewBox"], "role": "img", "aria-label": label})
    root.extend(child for element in drawn for child in _plain(element, key))
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704  escaped by the serialiser


def _plain(element: ElementTree.Element, key: str) -> list[ElementTree.Element]:
    """Return an element without namespaces and empty groups, its ids prefixed, its colours the page's."""
    tag = _local(element.tag)
    if tag in ("metadata", "style"):
        return []
    children = [child for inner in element for child in _plain(inner, key)]
    attributes = {
        _local(name): _value(_local(name), value, key)
        for name, value in element.attrib.items()
        if not (tag == "g" and name == "id") and not value.startswith("rotate(-0 ")
    }
    if tag == "g" and not attributes:
        return children
    if tag in ("g", "defs") and not children:
        return []
    plain = ElementTree.Element(tag, attributes)
    plain.text = element.text if tag == "text" else None
    plain.extend(children)
    return [plain]


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _value(name: str, value: str, key: str) -> str:
    """Return an attribute's value in the page's terms; lengths keep two decimals of a pixel."""
    match name:
        case "id":
            return f"{key}-{value}"
        case "href":
            return value.replace("#", f"#{key}-", 1)
        case "clip-path":
            return value.replace("url(#", f"url(#{key}-", 1)
        case "style":
            value = re.sub(r"font-family:[^;]*;? ?", "", value)
            return re.sub("|".join(_VARIABLES), lambda found: f"var({_VARIABLES[found[0]]})", value)
        case "d" | "x" | "y" | "transform":
            value = " ".join(value.split())
            return re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value)
    return value
