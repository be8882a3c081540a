"""What the report shows of rows: the copies that networks saw, pixel by pixel, and mistakes in the weakest classes."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import f1_score

from limbeck.data import load_splits
from limbeck.networks import NetworkSettings
from limbeck.pipeline.judging.models import Judged, figures_of
from limbeck.pipeline.judging.samples import Samples, copies_drawn, named
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


def judged(task, splits, logits) -> Judged:
    return Judged({None: task.sheet(logits.astype(np.float32), splits.test.labels)}, {None: task}, None)


def samples(wrong: dict[int, tuple[int, float]]):
    """A student that is right on all test rows but some, which it takes for another class with that logit."""
    run = material()
    splits, view = run.splits, drawn(run)[0]
    task = splits.task.fit(splits.labelled.labels)
    right = 5.0 * np.eye(10)[splits.test.labels.values]
    logits = right.copy()
    for row, (taken, sure) in wrong.items():
        logits[row] = sure * np.eye(10)[taken]
    models = {"teacher": judged(task, splits, right), "student": judged(task, splits, logits)}
    return splits, Samples(splits, view, task, models), figures_of(models)


def rows_of(digit: int) -> list[int]:
    return np.flatnonzero(material().splits.test.labels.values == digit).tolist()


def test_the_weakest_classes_show_their_surest_mistakes():
    threes, fives, ones, twos = (rows_of(digit) for digit in (3, 5, 1, 2))
    wrong = {row: (4, 1.0 + place) for place, row in enumerate(threes[:5])}
    wrong |= dict.fromkeys(fives[:3], (6, 2.0)) | dict.fromkeys(ones[:2], (7, 2.0)) | {twos[0]: (8, 9.0)}
    splits, found, figures = samples(wrong)
    weak = found.weak_classes(figures, [])
    assert [one.wrong for one in weak] == [5, 3, 2]
    assert [one.name for one in weak] == ["3", "5", "1"]
    assert [one.f1 for one in weak] == sorted(one.f1 for one in weak)
    sheet = found.models["student"].sheet
    by_hand = f1_score(sheet["labels"], sheet["decided"], average=None)
    assert [one.f1 for one in weak] == pytest.approx([by_hand[int(one.name)] for one in weak]), "of the one that ships"
    assert weak[0].rows == len(threes)
    names = [named(splits, splits.test, row) for row in threes]
    assert [one.name for one in weak[0].samples] == [names[4], names[3]], "the surest first"
    assert all(one.label == "3" and one.answers["student"].decided == "4" for one in weak[0].samples)
    assert all(one.answers["teacher"].decided == "3" for one in weak[0].samples)


def test_what_is_shown_already_is_not_shown_again():
    threes = rows_of(3)
    splits, found, figures = samples(dict.fromkeys(threes[:4], (4, 2.0)))
    (weak,) = found.weak_classes(figures, threes[:3])
    assert (weak.wrong, [one.name for one in weak.samples]) == (4, [named(splits, splits.test, threes[3])])
    (weak,) = found.weak_classes(figures, threes)
    assert (weak.wrong, len(weak.samples)) == (4, 2), "rather twice than never"
    assert set(found.apart()) >= set(threes[:4])


def test_without_mistakes_or_classes_there_is_none():
    _, found, figures = samples({})
    assert found.weak_classes(figures, []) == []
    _, found, figures = samples({rows_of(3)[0]: (4, 2.0)})
    assert found.weak_classes([one for one in figures if one.kind != "classes"], []) == []
