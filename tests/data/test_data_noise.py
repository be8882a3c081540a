"""Equal examples with different labels: a contradiction of classes, and noise of values."""

import numpy as np
import pytest

from limbeck.data import Table, load_splits
from limbeck.recipe import DataSettings
from limbeck.tasks import TASKS


@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_a_text_with_two_values_is_noise_and_one_with_two_classes_is_a_contradiction(kind):
    texts = [f"a text of number {row}" for row in range(60)]
    tables = {"train": Table([*texts, *texts[:6]], [*np.arange(60) % 2, *([1, 0] * 2), *([0, 1])])}
    settings = DataSettings(source="python", text="text", split={"test": 10, "validation": 5})
    splits = load_splits(settings, TASKS[kind](), tables)
    labels = {}
    for text, label in zip(splits.labelled.values, splits.labelled.labels.values.ravel().tolist(), strict=True):
        labels.setdefault(text, []).append(label)
    both = [text for text, found in labels.items() if len(found) == 2]
    held_out = {*splits.test.values, *splits.validation.values}
    assert not held_out & set(labels)
    assert splits.dropped["repeated"] == (6 if kind == "classification" else 2)
    if kind == "classification":
        assert splits.dropped["contradicting labels"] == 4
        assert not both
        return
    assert "contradicting labels" not in splits.dropped
    assert set(both) == set(texts[:4]) - held_out
    assert both
    line = f"{len(both)} training rows have the text of another one and a different value; each counts"
    assert line in splits.notes
