"""Copies for a teacher that is trained here, and for nobody else."""

import pytest

from limbeck.data import load_splits
from limbeck.networks import NetworkSettings
from limbeck.pipeline.training.material import Material
from limbeck.recipe import Recipe, parse_recipe
from limbeck.settings.errors import RecipeError

NETWORK = {"model": {"name": "convnet", "width": 2}, "train": {"steps": 2, "batch_size": 16}}


def recipe(**augment) -> Recipe:
    """Return a recipe for the packaged digits, of which 20 keep their label, and 30 others are asked about."""
    copies = {"augment": {"copies": 2, "crop": 1, **augment}} if augment else {}
    data = {"source": "digits", "image": "image", "split": {"test": 100, "validation": 50}, "labelled": 20}
    return parse_recipe(
        {
            "data": {**data, "max_unlabelled": 30, **copies},
            "teacher": {"kind": "network", **NETWORK},
            "student": NETWORK,
            "losses": [{"name": "kd"}],
        },
        "a test",
    )


def splits(**augment):
    found = recipe(**augment)
    return load_splits(found.data, found.task)


def test_the_transfer_set_stays_as_it_is():
    bare, own, all_ = splits(), splits(only_teacher=True), splits(seed=0)
    assert own.digest == bare.digest
    assert (len(own.transfer), len(own.taught), len(own.teachers)) == (50, 20, 60)
    assert (len(all_.transfer), len(all_.taught), len(all_.teachers)) == (150, 60, 60)
    assert sorted(own.rehearsed.ids) == sorted(all_.taught.ids[20:]), "the same copies, whoever sees them"
    assert own.rehearsed.labels.values.tolist() == [*own.labelled.labels.values] * 2


def test_fewer_labels_have_fewer_copies():
    few = splits(only_teacher=True).keeping(12)
    assert (len(few.taught), len(few.teachers), len(few.transfer)) == (12, 36, 50)
    assert {copy.of for copy in few.rehearsed.values} == set(few.labelled.ids.tolist())


def test_the_teacher_learns_them_and_no_other_network_does():
    own, all_ = (Material(splits(**augment)) for augment in ({"only_teacher": True}, {"seed": 0}))
    settings = NetworkSettings.model_validate({**NETWORK, "reads": {"kind": "image"}})
    assert len(own.from_labels(settings, "taught").rows) == 20
    lesson, shared = own.from_labels(settings, "teachers"), all_.from_labels(settings, "teachers")
    assert lesson.examples.labels.values.tolist() == shared.examples.labels.values.tolist()
    assert lesson.inputs["labelled"] != own.from_labels(settings, "taught").inputs["labelled"]
    for name, pixels in lesson.rows.batch(range(60)).items():
        assert (pixels == shared.rows.batch(range(60))[name]).all()
    assert (pixels[20:40] != pixels[:20]).any()


@pytest.mark.parametrize("kind", [{"kind": "embedding", "model": "mine:features"}, {"kind": "onnx", "path": "a.onnx"}])
def test_a_teacher_that_is_not_trained_here_has_none(kind):
    values = recipe(only_teacher=True).model_dump(mode="json", exclude_unset=True)
    with pytest.raises(RecipeError, match="only_teacher makes copies for a teacher that is trained here"):
        parse_recipe({**values, "teacher": kind}, "a test")
