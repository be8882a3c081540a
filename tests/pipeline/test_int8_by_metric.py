"""What int8 is judged by: the run's metric for images and sounds, equal decisions for everything else."""

import dataclasses

import numpy as np
import pytest

from limbeck.data import NO_ROWS, Splits
from limbeck.modalities import MODALITIES
from limbeck.pipeline.judging.delivery import metric_gains
from limbeck.runtime.pictures import Picture
from limbeck.tasks import RegressionSettings
from made_rows import rows_of, task_of


def pictures(rows: int) -> list[Picture]:
    draw = np.random.default_rng(0)
    return [Picture(draw.integers(0, 256, (8, 8, 1), dtype=np.uint8), f"row {row}") for row in range(rows)]


def splits(values: list, name: str = "image", **options) -> Splits:
    rows = rows_of(range(len(values)), values, np.arange(len(values)) % 2)
    return Splits(rows, NO_ROWS, rows, rows, task_of(2, **options), MODALITIES[name], {})


def logits(right: np.ndarray) -> np.ndarray:
    """Return the outputs of a model that is right in these rows, whose classes alternate."""
    decided = np.where(right, np.arange(len(right)) % 2, 1 - np.arange(len(right)) % 2)
    return np.eye(2, dtype=np.float32)[decided]


@pytest.mark.parametrize("metric", ["accuracy", "f1_macro"])
def test_of_images_it_is_the_runs_metric_with_a_paired_interval(metric):
    found = splits(pictures(1000), by=metric)
    gains = metric_gains(found.task, found)
    right = np.ones(1000, np.bool_)
    right[:300] = False
    other = right.copy()
    other[:4] = True
    other[300:306] = False
    gain = gains(logits(other), logits(right))
    assert gain.metric == metric
    assert gain.mean == pytest.approx(-0.002, abs=1e-4)
    assert gain.ci95[0] == pytest.approx(-0.008, abs=0.0015), "of ten rows that differ, not of a thousand"
    assert gains(logits(right), logits(right)).ci95 == (0, 0)


def test_images_that_look_alike_are_no_further_evidence():
    once = pictures(200)
    right = np.ones(200, np.bool_)
    right[:4] = False
    lone, twice = splits(once), splits([*once, *once])
    ends = [
        metric_gains(found.task, found)(logits(np.tile(right, times)), logits(np.tile(~right | right, times))).ci95
        for found, times in ((lone, 1), (twice, 2))
    ]
    assert ends[0] == pytest.approx(ends[1])


def test_of_texts_and_of_values_decisions_are_compared():
    texts = splits([f"text {row}" for row in range(10)], name="text")
    assert metric_gains(texts.task, texts) is None
    values = dataclasses.replace(splits(pictures(10)), task=RegressionSettings().served(("age",), {"spread": [1.0]}))
    assert metric_gains(values.task, values) is None


def test_images_and_sounds_are_judged_so():
    assert {name for name, modality in MODALITIES.items() if modality.int8_by_metric} == {"image", "audio"}
