"""Which arms a recipe trains, and on what."""

import pytest
from recipe_cases import write

from limbeck.recipe import RecipeError, load_recipe


@pytest.fixture
def load(tmp_path):
    path = write(tmp_path)
    return lambda *overrides: load_recipe(path, overrides)


@pytest.mark.parametrize(
    ("overrides", "trained"),
    [
        ([], ("student", "baseline")),
        (["arms=[baseline, student]"], ("student", "baseline")),
        (["arms=[hard_labels, baseline, student]"], ("student", "baseline", "hard_labels")),
        (["arms=[hard_labels, student]"], ("student", "hard_labels")),
        (["arms=[student]"], ("student",)),
        (["baseline=false"], ("student",)),
        (["arms=[student, baseline, hard_labels]", "baseline=false"], ("student", "hard_labels")),
        (["arms=[student]", "baseline.train.lr=1"], ("student",)),
        (["arms=[ceiling, baseline, student]", "data.target.source=b.csv"], ("student", "baseline", "ceiling")),
    ],
)
def test_the_arms_that_are_trained(load, overrides, trained):
    assert load(*overrides).trained_arms == trained


def test_a_ceiling_needs_the_labels_of_a_target(load):
    with pytest.raises(RecipeError, match=r"`arms`: ceiling learns the labels of data.target, which is not set"):
        load("arms=[student, ceiling]")


def test_the_ceiling_is_the_student_before_tuning(load):
    recipe = load("arms=[student, baseline, ceiling]", "data.target.source=b.csv", "baseline.train.lr=1")
    assert recipe.arm("ceiling") == recipe.student != recipe.arm("baseline")
    assert recipe.candidates("ceiling") == recipe.candidates("student")


def test_the_order_of_the_arms_means_nothing(load):
    assert load("arms=[hard_labels, student]").digest == load("arms=[student, hard_labels]").digest
    assert load("arms=[student, hard_labels]").digest != load("arms=[student]").digest


def test_hard_labels_is_the_student_with_other_targets(load):
    recipe = load("arms=[student, baseline, hard_labels]", "baseline.train.lr=1", "grid.model.dim=[3, 4]")
    assert recipe.arm("hard_labels") == recipe.student != recipe.arm("baseline")
    assert recipe.candidates("hard_labels") == recipe.candidates("student")
    assert recipe.losses_of("student") == recipe.losses
    assert [(loss.name, loss.weight) for loss in recipe.losses_of("hard_labels")] == [
        ("hard_labels", 0.9),
        ("cross_entropy", 0.1),
    ]
