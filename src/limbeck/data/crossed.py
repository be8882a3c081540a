"""Cross-validation: outputs for rows by models that were fitted without them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

_Rows = NDArray[np.int64]


def crossed_outputs(
    folds: _Rows, answer: Callable[[_Rows, _Rows], Sequence[NDArray[np.float32]]]
) -> list[NDArray[np.float32]]:
    """Return of each candidate its outputs for all rows, (rows, outputs), each by a model that has not seen the row.

    Args:
        folds: (rows,) the number of each row's fold, from 0.
        answer: row numbers to fit to and row numbers to answer for in; the outputs of every candidate out, (rows,
            outputs) each, in the same order for every fold.
    """
    every = np.arange(len(folds))
    found = [answer(every[folds != number], every[folds == number]) for number in range(folds.max() + 1)]
    return [together(folds, parts) for parts in zip(*found, strict=True)]


def together(folds: _Rows, parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return what folds have answered as one array, (rows, outputs), each row at its place.

    Args:
        folds: (rows,) the number of each row's fold.
        parts: of each fold, (its rows, outputs).
    """
    outputs = np.empty((len(folds), parts[0].shape[1]), np.float32)
    for number, part in enumerate(parts):
        outputs[folds == number] = part
    return outputs


def best_by_folds(rows: int, folds: int) -> str:
    """Return in words by what something was chosen."""
    return f"is best on {rows:,} labelled rows in {folds} folds"
