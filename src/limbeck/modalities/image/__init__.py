"""Images: photographs, drawings, scans, one an example."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from limbeck.data.cells import is_missing
from limbeck.data.modality import Column, Features, Modality
from limbeck.errors import LimbeckError
from limbeck.evaluation.figures import ImageSample
from limbeck.evaluation.records import Usage
from limbeck.modalities.image.augment import ImageAugmentSettings, drawn
from limbeck.modalities.image.features import FEATURES
from limbeck.modalities.image.looks import looks_of, near_duplicates
from limbeck.modalities.image.reads import ImageReads
from limbeck.runtime.pictures import SUFFIXES, Picture, picture_of, pillow
from limbeck.runtime.readers.image import PIXELS

__all__ = ["ImageAugmentSettings", "ImageModality", "ImageReads"]

THUMBNAIL = 96
"""Pixels of the longer side of what the report shows, at most."""


class ImageModality(Modality):
    """An image, as a `Picture`: decoded when it is looked at."""

    name: ClassVar[str] = "image"
    recipe: ClassVar[str | None] = "digits"
    noun: ClassVar[str] = "image"
    column: ClassVar[str] = "the column with the image: the path of a file, its bytes, or pixels"
    usage: ClassVar[Usage] = Usage(
        noun="image",
        line=None,
        file="image.png",
        files="image files and folders of them",
        python='["image.png"]',
        in_files=True,
        extra="image",
    )
    reads: ClassVar[type[ImageReads]] = ImageReads
    augment: ClassVar[type[ImageAugmentSettings]] = ImageAugmentSettings
    keeps_label: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    int8_by_metric: ClassVar[bool] = True

    def values(self, cells: Sequence[Any], column: Column) -> list[Picture]:
        """Return the images, not decoded yet; an empty one where a cell holds nothing. See `picture_of`.

        Raises:
            LimbeckError: a cell holds something else.
        """
        # In a folder of images, a path says it all.
        rows = None if Path(column.where).is_dir() else column.where
        return [
            self._picture(cell, "" if rows is None else f"{rows}, row {row + 1}", column)
            for row, cell in enumerate(cells)
        ]

    def _picture(self, cell: Any, where: str, column: Column) -> Picture:
        if _holds_nothing(cell):
            return Picture(None, where)
        try:
            return picture_of(cell, where, column.folder)
        except (TypeError, ValueError) as error:
            raise LimbeckError(
                f"column `{column.name}` holds {error}",
                where=where or column.where,
                fix="mend the row" + column.or_else("set {} to the column with the image"),
            ) from None

    def identity(self, value: Picture) -> bytes:
        """Return what names the file's bytes, or the pixels of an array."""
        return value.identity()

    def likeness(self, value: Picture) -> bytes:
        """Return what names the pixels as a file of any format holds them, upright."""
        return looks_of(value).likeness

    def draw(
        self,
        arrays: Mapping[str, NDArray[Any]],
        keys: NDArray[np.int64],
        copies: NDArray[np.int64],
        settings: ImageAugmentSettings,
    ) -> dict[str, NDArray[Any]]:
        """Return the pixels of copies; see `drawn`."""
        return {PIXELS: drawn(arrays[PIXELS], keys, copies, settings)}

    def remarks(self, training: Sequence[Picture], test: Sequence[Picture], read: Sequence[Picture] = ()) -> list[str]:
        """Return the line that says how many test images are nearly training images; see `near_duplicates`."""
        found = near_duplicates(training, test)
        if not found:
            return []
        looks = "looks" if found == 1 else "look"
        return [
            f"{found:,} of {len(test):,} test images {looks} nearly like a training image, and may flatter every model"
        ]

    def features(self) -> Sequence[Features]:
        """Return pixels, and histograms of gradients."""
        return [kind(name) for name, kind in FEATURES.items()]

    def sample(self, value: Picture, name: str) -> ImageSample:
        """Return the image, scaled down where it is large, as a PNG in a data URI."""
        return ImageSample(name=name, data=None) if value.empty else _thumbnail(value.pixels(), name)

    def picture(self, arrays: Mapping[str, NDArray[Any]], reader: Any, name: str) -> ImageSample:
        """Return the pixels, as large as a network gets them, or as the report shows them at most."""
        return _thumbnail(arrays[PIXELS], name)

    def file(self, value: Picture) -> Path | None:
        """Return the file of an image that lies in one."""
        return value.source if isinstance(value.source, Path) else None


def _thumbnail(pixels: NDArray[np.uint8], name: str) -> ImageSample:
    """Return pixels, (height, width, channels), as a PNG in a data URI, scaled down where they are many."""
    image_module = pillow()
    image = image_module.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    longest = max(image.size)
    if longest > THUMBNAIL:
        sides = [max(1, round(side * THUMBNAIL / longest)) for side in image.size]
        image = image.resize(sides, image_module.Resampling.BILINEAR)
    written = io.BytesIO()
    image.save(written, "PNG")
    data = f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
    return ImageSample(name=name, data=data, width=image.size[0], height=image.size[1])


def _holds_nothing(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.strip()
    if isinstance(cell, Mapping):
        return all(cell.get(key) is None for key in ("bytes", "path"))
    return isinstance(cell, float | type(None)) and is_missing(cell)
