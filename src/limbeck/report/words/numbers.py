"""Numbers as people read them: each kind of quantity is rounded in one way, on the page, on the terminal and the card.

A number and its unit are joined by a no-break space, a minus is a minus sign.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from limbeck.evaluation.metric import Better, Quantity

ABSENT = "–"
"""What a table shows where there is no figure."""

_NBSP = "\u00a0"
# Characters that no page can hold: controls, halves of a surrogate pair, non-characters.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BYTE_UNITS = ("kB", "MB", "GB", "TB")


class Measured(Protocol):
    """What is needed of a metric to write its values: `MetricRecord` and `Metric` both have it."""

    @property
    def title(self) -> str:  # noqa: D102
        ...

    @property
    def quantity(self) -> Quantity:  # noqa: D102
        ...

    @property
    def better(self) -> Better:  # noqa: D102
        ...


# --- metrics --------------------------------------------------------------------------------------------------------


def score(value: float, metric: Measured) -> str:
    """Return a metric's value: a share as percent, nats with three decimals, another with four digits."""
    return {"share": percent, "nats": nats, "value": plain}[metric.quantity](value)


def score_range(values: Sequence[float], metric: Measured) -> str:
    """Return the smallest and the largest of a metric's values, without unit and sign."""
    return (
        spread(values) if metric.quantity == "share" else f"{score(min(values), metric)}–{score(max(values), metric)}"
    )


def difference(value: float, metric: Measured) -> str:
    """Return a signed difference of a metric's values, without its unit."""
    if metric.quantity == "value":
        return f"{value:+.3g}".replace("-", "−")
    return points(value) if metric.quantity == "share" else _signed(value, (3, 4, 5))


def size_of(value: float, metric: Measured) -> str:
    """Return how large a difference is, with the unit and the metric: `9.1 points of accuracy`."""
    return f"{_bare(value, metric)} {unit_of(metric)}"


def beside(value: float, metric: Measured, other: str, *, only: bool = False, metric_told: bool = False) -> str:
    """Return where a model is beside another one: `9.1 points above its teacher`, `RMSE lower by 2.1 than its teacher`.

    Args:
        value: the difference, more being better.
        metric: that differs.
        other: the other model.
        only: whether the difference is small.
        metric_told: whether points are said to be points of the metric.
    """
    size = f"{'only ' * only}{_bare(value, metric)}"
    if metric.quantity != "value":
        return f"{size} {unit_of(metric) if metric_told else unit(metric)} {side(value, metric)} {other}"
    higher = (value > 0) == (metric.better == "higher")
    return f"{metric.title} {'higher' if higher else 'lower'} by {size} than {other}"


def is_beside(value: float, metric: Measured, other: str, *, only: bool = False, metric_told: bool = False) -> str:
    """Return the same with its verb: `is 9.1 points above its teacher`, `has an RMSE lower by 2.1 than its teacher`."""
    verb = "has an" if metric.quantity == "value" else "is"  # RMSE, MAE and R² begin with a vowel when they are said
    return f"{verb} {beside(value, metric, other, only=only, metric_told=metric_told)}"


def _bare(value: float, metric: Measured) -> str:
    return difference(abs(value), metric).removeprefix("+")


def unit(metric: Measured) -> str:
    """Return the unit of a difference, in words; of a value, whose unit nobody knows, the metric itself."""
    return {"share": "points", "nats": "nats", "value": metric.title}[metric.quantity]


def unit_of(metric: Measured) -> str:
    """Return the unit of a difference and the metric: `points of accuracy`; of a value the metric alone."""
    return unit(metric) if metric.quantity == "value" else f"{unit(metric)} of {metric.title}"


def side(difference: float, metric: Measured) -> str:
    """Return on which side of another model one is whose difference, more being better, is this: `above`."""
    words = ("above", "below") if metric.better == "higher" else ("better than", "worse than")
    return words[difference < 0]


def interval_of(bounds: tuple[float, float], metric: Measured) -> str:
    """Return an interval of differences, without its unit."""
    return " to ".join(difference(bound, metric) for bound in bounds)


def ahead(value: float, other: float, metric: Measured) -> bool:
    """Return whether a value is better than another."""
    return value > other if metric.better == "higher" else value < other


def scale(metric: Measured) -> float:
    """Return what a metric is multiplied by on an axis: 100 for a share, which is drawn in percent."""
    return 100.0 if metric.quantity == "share" else 1.0


def plain(value: float) -> str:
    """Return a number of whatever unit with four digits."""
    return f"{value:,.4g}".replace("-", "−")


# --- shares and differences -----------------------------------------------------------------------------------------


def percent(fraction: float) -> str:
    """Return a share as percent with one decimal; only an exact 1 reads 100.0, only an exact 0 reads 0.0."""
    value = f"{100 * fraction:.1f}"
    if value == "100.0" and fraction < 1:
        value = f">{_NBSP}99.9"
    elif value in ("0.0", "-0.0") and fraction != 0:
        value = f"<{_NBSP}0.1" if fraction > 0 else f">{_NBSP}-0.1"
    return f"{value.replace('-', '−')}{_NBSP}%"


def whole_percent(fraction: float) -> str:
    """Return a share as percent without decimals."""
    return f"{100 * fraction:.0f}{_NBSP}%".replace("-", "−")


def apart(fraction: float, other: float) -> tuple[str, str]:
    """Return two shares as percent, with the decimals that it takes to tell unequal ones apart, at most six."""
    texts = percent(fraction), percent(other)
    for decimals in range(2, 7):
        if texts[0] != texts[1]:
            break
        texts = f"{100 * fraction:.{decimals}f}{_NBSP}%", f"{100 * other:.{decimals}f}{_NBSP}%"
    return texts


def points(fraction: float) -> str:
    """Return a difference of shares in percentage points, signed, without the unit.

    It has one decimal; up to three where fewer would hide on which side of 0 it is.
    """
    return _signed(100 * fraction, (1, 2, 3))


def size(fraction: float) -> str:
    """Return how large a difference of shares is, in percentage points, without sign and unit."""
    return points(abs(fraction)).removeprefix("+")


def interval(bounds: tuple[float, float]) -> str:
    """Return an interval of differences in percentage points."""
    return f"{points(bounds[0])} to {points(bounds[1])}"


def spread(fractions: Sequence[float]) -> str:
    """Return the smallest and the largest of some shares, in percent without the sign."""
    return f"{100 * min(fractions):.1f}–{100 * max(fractions):.1f}"


def _signed(value: float, decimals: Sequence[int]) -> str:
    for places in decimals:
        text = f"{value:+.{places}f}"
        if float(text):
            return text.replace("-", "−")
    return f"{0:.{decimals[0]}f}"


# --- other quantities -----------------------------------------------------------------------------------------------


def p_value(p: float) -> str:
    """Return a p value with three decimals, or that it is smaller than those can say."""
    return f"<{_NBSP}0.001" if p < 0.001 else f"{p:.3f}"


def p_text(p: float) -> str:
    """Return a p value as `p = 0.012` or `p < 0.001`."""
    text = p_value(p)
    return f"p{_NBSP}{text}" if text.startswith("<") else f"p{_NBSP}={_NBSP}{text}"


def nats(value: float) -> str:
    """Return a likelihood or divergence with three decimals, without the unit."""
    return f"{value:.3f}".replace("-", "−")


def count(number: float) -> str:
    """Return a whole number with thousands separators."""
    return f"{number:,.0f}".replace("-", "−")


def several(number: int, noun: str) -> str:
    """Return a number of things: `1 row`, `2,000 rows`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def several_of(number: int, nouns: str) -> str:
    """Return a number of things whose plural is given: `2 classes`, `1 value`."""
    return f"{count(number)} {nouns.removesuffix('s') if number == 1 else nouns}"


def offset(number: float) -> str:
    """Return what is added to a logit, signed, with two decimals."""
    return _signed(number, (2,))


def decimal(number: float) -> str:
    """Return a number with one decimal."""
    return f"{number:.1f}".replace("-", "−")


def file_size(size: float) -> str:
    """Return a file size in decimal units (1 kB is 1,000 bytes)."""
    if size < 1000:
        return f"{size:.0f}{_NBSP}B"
    for name in _BYTE_UNITS:
        size /= 1000
        if size < 999.5 or name == _BYTE_UNITS[-1]:
            break
    return f"{size:.1f}{_NBSP}{name}" if size < 99.95 else f"{size:,.0f}{_NBSP}{name}"


def milliseconds(duration: float) -> str:
    """Return a latency with about three digits that mean something."""
    if duration == 0 or duration >= 99.95:
        value = f"{duration:,.0f}"
    elif duration >= 9.995:
        value = f"{duration:.1f}"
    else:
        value = f"{duration:.2f}" if duration >= 0.0995 else f"{duration:.2g}"
    return f"{value}{_NBSP}ms"


def rate(per_second: float) -> str:
    """Return a throughput, without the unit."""
    return f"{per_second:.1f}" if per_second < 99.95 else count(per_second)


def magnitude(number: float) -> str:
    """Return a large number to about three digits: thousand, million or billion."""
    for name, scale in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * scale:
            value = number / scale
            return f"{value:.1f}{_NBSP}{name}" if value < 99.95 else f"{value:,.0f}{_NBSP}{name}"
    return count(number)


def seconds(duration: float) -> str:
    """Return a wall time: seconds, minutes or hours, whichever is read at a glance."""
    if duration < 59.95:
        return f"{duration:.1f}{_NBSP}s"
    minutes, rest = divmod(round(duration), 60)
    if minutes < 60:
        return f"{minutes}{_NBSP}min {rest:02d}{_NBSP}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}{_NBSP}h {minutes:02d}{_NBSP}min"


def times(ratio: float) -> str:
    """Return a factor of at least 1, such as `41×`."""
    return f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:,.0f}×"


def small(value: float) -> str:
    """Return a numerical error, such as `3.1e-06`."""
    return f"{value:.1e}"


def date(stamp: str) -> str:
    """Return a UTC time in ISO 8601 to the minute: `2026-03-01 09:12 UTC`."""
    day, _, clock = stamp.partition("T")
    return f"{day} {clock[:5]} UTC" if clock else day


# --- texts ----------------------------------------------------------------------------------------------------------


def capital(text: str) -> str:
    """Return a text with a capital first letter, the rest as it is: `macro F1` reads Macro F1."""
    return text[:1].upper() + text[1:]


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: `a, b and c`."""
    return " and ".join([part for part in (", ".join(names[:-1]), *names[-1:]) if part])


def squeeze(text: str, limit: int) -> str:
    """Return a name on one line, cut in the middle beyond `limit` characters: its ends tell it apart."""
    line = _one_line(text)
    half = limit // 2
    return line if len(line) <= limit else f"{line[: limit - half - 1]}…{line[-half:]}"


def shorten(text: str, limit: int) -> str:
    """Return a text on one line, cut with an ellipsis when it is longer than `limit` characters."""
    line = _one_line(text)
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _one_line(text: str) -> str:
    return " ".join(_UNPRINTABLE.sub(" ", text).split())
