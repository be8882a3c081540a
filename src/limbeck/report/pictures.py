"""A picture on the page: small and in whole pixels, or as wide as its place."""

from collections.abc import Sequence

from markupsafe import Markup

from limbeck.evaluation.figures import ImageSample

SIDE = 96
"""CSS pixels of a thumbnail's longer side: a smaller one is enlarged by a whole number."""
WIDTH = 200
"""CSS pixels that pictures beside each other, none higher than `SIDE`, are wide at most: spectrograms are long."""


def thumbnail(sample: ImageSample, name: str, times: int | None = None) -> Markup:
    """Return an image, called by its row.

    Args:
        sample: the image.
        name: of its row.
        times: by which it is enlarged; None: see `SIDE`.
    """
    times = times or max(1, SIDE // max(sample.width, sample.height, 1))
    size = times * sample.width, times * sample.height
    return Markup('<img class="thumbnail" src="{}" alt="{}" width="{}" height="{}">').format(sample.data, name, *size)


def together(pictures: Sequence[ImageSample]) -> int:
    """Return by which whole number pictures that stand beside each other are all enlarged."""
    width, height = (max(1, *(getattr(one, side) for one in pictures)) for side in ("width", "height"))
    return max(1, min(SIDE // height, WIDTH // width))


def strip(sample: ImageSample, name: str) -> Markup:
    """Return a picture as wide as its place and of one height, such as a spectrogram below its outline."""
    return Markup('<img class="strip" src="{}" alt="{}">').format(sample.data, name)
