"""A sound on the page: its outline, what a network sees of it, and a player."""

from markupsafe import Markup

from limbeck.evaluation.figures import AudioSample, ImageSample
from limbeck.report.pictures import strip
from limbeck.report.words import prose, shown

HEIGHT = 40
"""Of the outline, in units of its parts; the page sets its size."""


def player(sample: AudioSample, seen: ImageSample | None = None) -> Markup:
    """Return the outline of a sound as an SVG, loudest as high as the box, above a player of what is at hand.

    Args:
        sample: the sound.
        seen: its spectrogram, which stands between the two.
    """
    top = max([*sample.outline, 1e-9])
    bars = [(place, max(1.0, HEIGHT * peak / top)) for place, peak in enumerate(sample.outline)]
    path = "".join(f"M{place} {(HEIGHT - high) / 2:.1f}h.8v{high:.1f}h-.8z" for place, high in bars)
    below = "" if seen is None else strip(seen, shown.seen("sound"))
    return Markup(
        '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}"><path d="{}"/></svg>'
        '{}<audio controls preload="none" src="{}"></audio>'
    ).format(len(bars), HEIGHT, prose.OUTLINE, path, below, sample.wav)
