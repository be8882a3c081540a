"""Score a finished bundle on labelled texts."""

import json
from pathlib import Path

import numpy as np

from limbeck.console import say, table
from limbeck.data import label_name, read_tables, respelled
from limbeck.errors import LimbeckError, nearest
from limbeck.evaluation import scores
from limbeck.evaluation.classification import METRICS
from limbeck.report import words
from limbeck.runtime.bundle import load_for_texts

_ARGUMENTS = {"source": "DATA", "text": "--text", "label": "--label"}
"""What the command calls them."""


def score_bundle(bundle: Path, source: str, *, text: str, label: str, as_json: bool) -> dict[str, float]:
    """Print a bundle's scores on a file, or on the test split of a folder, a hub's data set or a packaged source.

    A label is the bundle's of the same name, else the one that differs in case, blanks or Unicode form only.

    Raises:
        LimbeckError: no bundle, no test split, no rows, or a label that the bundle does not know.
    """
    student = load_for_texts(bundle)
    (rows,) = read_tables(source, text=text, label=label, splits=["test"], key=_ARGUMENTS).values()
    index = {name: position for position, name in enumerate(student.labels)}
    names = [label_name(value) for value in rows.labels]
    for other in {name for name in names if name is not None} - index.keys():
        if (known := respelled(other, student.labels)) is not None:
            index[other] = index[known]
    for row, (name, written) in enumerate(zip(names, rows.texts, strict=True)):
        if not written.strip():
            raise LimbeckError(f"row {row + 1} has no text", where=source, fix="write it, or remove the row")
        if name is None:
            raise LimbeckError(f"row {row + 1} has no label", where=source, fix="label it, or remove it")
        if name not in index:
            raise LimbeckError(
                f"row {row + 1} has the label `{name}`, which the bundle does not know",
                where=source,
                fix=nearest(name, student.labels),
            )
    result = scores(student.logits(rows.texts), np.array([index[str(name)] for name in names]))
    if as_json:
        say(json.dumps(result))
    else:
        values = [words.score(result[name], metric) for name, metric in METRICS.items()]
        table(["", *(metric.title for metric in METRICS.values())], [[f"{len(names):,} rows", *values]])
    return result
