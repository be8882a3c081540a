"""Numbers as people read them: the same words in the report and on the terminal.

A number and its unit are joined by a no-break space, a minus is a minus sign.
"""

import re
from collections.abc import Sequence

_NBSP = "\u00a0"
# Characters that no page can hold: controls, halves of a surrogate pair, non-characters.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BYTE_UNITS = ("kB", "MB", "GB", "TB")


def percent(fraction: float) -> str:
    """Return a share as percent with one decimal; only an exact 1 reads 100.0, only an exact 0 reads 0.0."""
    value = f"{100 * fraction:.1f}"
    if value == "100.0" and fraction < 1:
        value = f">{_NBSP}99.9"
    elif value in ("0.0", "-0.0") and fraction != 0:
        value = f"<{_NBSP}0.1" if fraction > 0 else f">{_NBSP}-0.1"
    return f"{value.replace('-', '−')}{_NBSP}%"


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
    for decimals in (1, 2, 3):
        value = f"{100 * fraction:+.{decimals}f}"
        if float(value):
            return value.replace("-", "−")
    return "0.0"


def size(fraction: float) -> str:
    """Return how large a difference of shares is, in percentage points, without sign and unit."""
    return points(abs(fraction)).removeprefix("+")


def interval(bounds: tuple[float, float]) -> str:
    """Return an interval of differences in percentage points."""
    return f"{points(bounds[0])} to {points(bounds[1])}"


def spread(fractions: Sequence[float]) -> str:
    """Return the smallest and the largest of some shares, in percent without the sign."""
    return f"{100 * min(fractions):.1f}–{100 * max(fractions):.1f}"


def p_value(p: float) -> str:
    """Return a p value with three decimals, or that it is smaller than those can say."""
    return f"<{_NBSP}0.001" if p < 0.001 else f"{p:.3f}"


def nats(value: float) -> str:
    """Return a likelihood or divergence with three decimals, without the unit."""
    return f"{value:.3f}".replace("-", "−")


def count(number: float) -> str:
    """Return a whole number with thousands separators."""
    return f"{number:,.0f}".replace("-", "−")


def bytes(size: float) -> str:
    """Return a file size in decimal units (1 kB is 1,000 bytes)."""
    if size < 1000:
        return f"{size:.0f}{_NBSP}B"
    for unit in _BYTE_UNITS:
        size /= 1000
        if size < 999.5 or unit == _BYTE_UNITS[-1]:
            break
    return f"{size:.1f}{_NBSP}{unit}" if size < 99.95 else f"{size:,.0f}{_NBSP}{unit}"


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
    for unit, scale in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * scale:
            value = number / scale
            return f"{value:.1f}{_NBSP}{unit}" if value < 99.95 else f"{value:,.0f}{_NBSP}{unit}"
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


def capital(text: str) -> str:
    """Return a text with a capital first letter, the rest as it is: `macro F1` reads Macro F1."""
    return text[:1].upper() + text[1:]


def words(name: str) -> str:
    """Return a model's name as it is said: `hard_labels` reads hard labels."""
    return name.replace("_", " ")


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
