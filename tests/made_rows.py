"""Rows as a test wants them: labels by number, -1 where there is none, and a classification of so many classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from limbeck.data import NO_ROWS, Examples, Labels, Splits, load_splits
from limbeck.digest import content_id
from limbeck.modalities.text import TextModality
from limbeck.pipeline.judging.floor import Floor, fit_floor
from limbeck.tasks import ClassificationSettings
from limbeck.tasks.classification import Classification
from limbeck.tasks.classification.labels import Classes

TEXT = TextModality()


def labels_of(numbers: Any) -> Labels:
    """Return class indices as labels; -1 is none."""
    numbers = np.asarray(numbers, np.int64)
    return Labels(numbers.clip(0), numbers >= 0)


def rows_of(ids: Any, values: Sequence[Any], numbers: Any) -> Examples:
    """Return examples of these classes; -1 is none."""
    return Examples(np.asarray(ids, np.int64), values, labels_of(numbers))


def numbers_of(rows: Examples) -> np.ndarray:
    """Return the class of every row; -1 is none."""
    return np.where(rows.labels.present, rows.labels.values, -1)


def task_of(classes: int | Sequence[str], **options: Any) -> Classification:
    """Return the classification of these classes, or of so many."""
    names = tuple(map(str, range(classes))) if isinstance(classes, int) else tuple(classes)
    return Classification(Classes(names), **options)


def classified(data: Any, tables: Any = None) -> Any:
    """Return the splits of data whose labels are classes."""
    return load_splits(data, ClassificationSettings(), tables)


def splits_of(recipe: Any) -> Any:
    """Return the splits of a recipe."""
    return load_splits(recipe.data, recipe.task)


def id_of(text: str) -> int:
    """Return the content id of a text."""
    return content_id(TEXT.identity(text))


def tfidf_floor(
    texts: Sequence[str],
    labels: Any,
    held_out: Sequence[str],
    held_out_labels: Any,
    test: Sequence[str],
    **options: Any,
) -> Floor | None:
    """Return the floor of texts and their classes; the options are those of `task_of`."""
    parts = [rows_of(range(len(part)), part, told) for part, told in ((texts, labels), (held_out, held_out_labels))]
    test_rows = rows_of(range(len(test)), test, [0] * len(test))
    return fit_floor(Splits(parts[0], NO_ROWS, parts[1], test_rows, task_of(**options), TEXT, {}))


def rows_in(file):
    """Return the rows of a file as `limbeck predict` reads them."""
    from limbeck.runtime.records import parts

    return [
        dict(zip(part.cells, row, strict=True))
        for part in parts(file)
        for row in zip(*part.cells.values(), strict=True)
    ]
