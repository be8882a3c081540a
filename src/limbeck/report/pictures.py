"""A picture on the page: small and in whole pixels, or as wide as its place."""

from markupsafe import Markup

from limbeck.evaluation.figures import ImageSample

SIDE = 96
"""CSS pixels of a thumbnail's longer side: a smaller one is enlarged by a whole number."""


def thumbnail(sample: ImageSample, name: str) -> Markup:
    """Return an image, called by its row."""
    times = max(1, SIDE // max(sample.width, sample.height, 1))
    size = times * sample.width, times * sample.height
    return Markup('<img class="thumbnail" src="{}" alt="{}" width="{}" height="{}">').format(sample.data, name, *size)


def strip(sample: ImageSample, name: str) -> Markup:
    """Return a picture as wide as its place and of one height, such as a spectrogram below its outline."""
    return Markup('<img class="strip" src="{}" alt="{}">').format(sample.data, name)
