"""What the report shows of rows: the copies that networks saw, pixel by pixel."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from limbeck.data import load_splits
from limbeck.networks import NetworkSettings
from limbeck.pipeline.judging.samples import copies_drawn
from limbeck.pipeline.training.material import Material
from limbeck.recipe import parse_recipe

NETWORK = {"model": {"name": "convnet", "width": 2}, "train": {"steps": 2, "batch_size": 16}}


def material(**augment) -> Material:
    """The packaged digits, of which 20 keep their label, and 30 others are asked about."""
    recipe = parse_recipe(
        {
            "data": {
                "source": "digits",
                "image": "image",
                "split": {"test": 100, "validation": 50},
                "labelled": 20,
                "max_unlabelled": 30,
                **({"augment": augment} if augment else {}),
            },
            "teacher": {"kind": "network", **NETWORK},
            "student": NETWORK,
            "losses": [{"name": "kd"}],
        },
        "a test",
    )
    return Material(load_splits(recipe.data, recipe.task))


def pixels(picture) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(picture.data.partition(",")[2]))) as opened:
        return np.asarray(opened)[..., None]


def drawn(run: Material):
    view = run.view(NetworkSettings.model_validate({**NETWORK, "reads": {"kind": "image"}}))
    return view, copies_drawn(run.splits, view, view)


@pytest.mark.parametrize("only_teacher", [False, True])
def test_the_copies_are_those_that_the_networks_got(only_teacher):
    run = material(copies=5, crop=2, seed=3, only_teacher=only_teacher)
    view, found = drawn(run)
    examples, rows = (run.splits.teachers, view.teachers) if only_teacher else (run.splits.transfer, view.transfer)
    assert len(found) == 3
    for place, one in enumerate(found):
        key = int(examples.ids[place])
        assert one.name == run.splits.labelled.origin.named(place, None)
        own = [row for row, value in enumerate(examples.values) if getattr(value, "of", None) == key]
        assert [examples.values[row].number for row in own] == [1, 2, 3, 4, 5]
        batch = rows.batch([place, *own[:3]])["pixels"]
        for picture, seen in zip([one.original, *one.copies], batch, strict=True):
            assert np.array_equal(pixels(picture), seen)
        assert not np.array_equal(pixels(one.original), pixels(one.copies[0]))
        assert [copy.name for copy in one.copies] == ["copy 1", "copy 2", "copy 3"]
    assert found == drawn(material(copies=5, crop=2, seed=3, only_teacher=only_teacher))[1]


def test_there_are_no_more_than_were_drawn():
    assert [len(one.copies) for one in drawn(material(copies=1, crop=1))[1]] == [1, 1, 1]
    assert drawn(material())[1] == []
