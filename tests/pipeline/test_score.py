"""`limbeck evaluate`: whose label is whose."""

import json
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

from limbeck.errors import LimbeckError
from limbeck.pipeline import score


class Bundle:
    """Answers `bad` to every text."""

    labels = ("Good", "bad")
    reader = SimpleNamespace(kind="text")
    info = MappingProxyType({"task": "classification"})

    def logits(self, texts):
        return np.tile([1.0, 2.0], (len(texts), 1))


def accuracy(tmp_path, monkeypatch, *rows):
    monkeypatch.setattr(score, "load_for_files", lambda _: (Bundle(), None))
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    return score.score_bundle(tmp_path, str(path), column=None, label=["label"], as_json=True)["accuracy"]


def test_a_label_in_another_spelling_is_the_bundles(tmp_path, monkeypatch):
    rows = [("a", "bad"), ("b", "BAD"), ("c", " Bad"), ("d", "good"), ("e", "Good")]
    assert accuracy(tmp_path, monkeypatch, *rows) == pytest.approx(3 / 5)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a", "bad"), ("b", "gud")], "row 2 has the label `gud`, which the bundle does not know"),
        ([("a", "bad"), ("b", "NaN")], "row 2 has no label"),
        ([("a", "bad"), (None, "bad")], "row 2 has no text; write it, or remove the row"),
        ([("a", "bad"), ("b", -1)], "row 2 has the label `-1`"),
    ],
)
def test_what_is_refused(tmp_path, monkeypatch, rows, said):
    with pytest.raises(LimbeckError, match=said):
        accuracy(tmp_path, monkeypatch, *rows)
