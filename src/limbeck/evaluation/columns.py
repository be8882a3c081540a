"""The metrics of several decisions a row; the first two can be what a run is judged by.

A sheet has `logits` (rows, columns, most classes), with `ABSENT` where a column has fewer classes, and `decided` and
`labels`, both (rows, columns) class indices.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limbeck.evaluation.chance import balanced
from limbeck.evaluation.metric import Metric, Sheet, share
from limbeck.evaluation.metrics import agreement, confusion, kl, log_softmax
from limbeck.evaluation.records import Chance
from limbeck.runtime.decisions import ABSENT

ColumnsMetric = Literal["mean_accuracy", "all_right"]
"""What a run can be judged by."""


def columns_sheet(outputs: NDArray, labels: NDArray[np.int64], sizes: Sequence[int]) -> Sheet:
    """Return a model's answers.

    Args:
        outputs: (rows, sum of sizes), the logits of one column after the other.
        labels: (rows, columns).
        sizes: classes of each column.
    """
    outputs = np.asarray(outputs)
    logits = np.full((len(outputs), len(sizes), max(sizes)), ABSENT, np.float32)
    for column, part in enumerate(np.split(outputs, np.cumsum(sizes)[:-1], axis=1)):
        logits[:, column, : part.shape[1]] = part
    return {"logits": logits, "decided": logits.argmax(axis=2), "labels": labels}


def flat(sheet: Sheet) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the decisions of all rows and columns as rows: logits (rows * columns, classes), and labels."""
    return sheet["logits"].reshape(-1, sheet["logits"].shape[2]), sheet["labels"].reshape(-1)


def _right(sheet: Sheet) -> NDArray[np.int64]:
    right = sheet["decided"] == sheet["labels"]
    return np.stack([right.sum(axis=1), np.full(len(right), right.shape[1])], axis=1)


def _all_right(sheet: Sheet) -> NDArray[np.int8]:
    right = np.all(sheet["decided"] == sheet["labels"], axis=1)
    return np.stack([right, np.ones_like(right)], axis=1).astype(np.int8)


def _surprise(sheet: Sheet) -> NDArray[np.float64]:
    logits, labels = flat(sheet)
    found = -log_softmax(logits.astype(np.float64))[np.arange(len(labels)), labels]
    rows = found.reshape(sheet["labels"].shape).mean(axis=1)
    return np.stack([rows, np.ones_like(rows)], axis=1)


MEAN_ACCURACY = Metric("mean_accuracy", "mean accuracy", "share", "higher", _right, share, linear=True)
"""Share of decisions equal to the label, over all columns."""
ALL_RIGHT = Metric("all_right", "rows all right", "share", "higher", _all_right, share, linear=True)
"""Share of rows of which every decision is right."""
COLUMNS_NLL = Metric(
    "nll", "NLL", "nats", "lower", _surprise, share, value=lambda sheet: float(_surprise(sheet)[:, 0].mean())
)
"""Mean negative log-likelihood of the true class, over all columns."""

COLUMNS_METRICS: dict[str, Metric] = {one.name: one for one in (MEAN_ACCURACY, ALL_RIGHT, COLUMNS_NLL)}


def against_constants(sheet: Sheet, sizes: Sequence[int]) -> Chance:
    """Return the mean over columns of the balanced accuracy, beside that of one answer for all; see `balanced`."""
    return balanced(
        [confusion(sheet["logits"][:, column, :size], sheet["labels"][:, column]) for column, size in enumerate(sizes)]
    )


def columns_beside(teacher: Sheet, arm: Sheet) -> dict[str, float]:
    """Return the share of equal decisions, and the mean over rows of KL(teacher || arm), summed over the columns."""
    one, other = flat(teacher)[0], flat(arm)[0]
    # In float64, where the padding's probability is exactly 0 and its logarithms differ by 0.
    return {"agreement": agreement(one, other), "kl_to_teacher": kl(one, other) * teacher["labels"].shape[1]}
