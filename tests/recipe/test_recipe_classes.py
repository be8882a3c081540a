"""Losses and transforms that teach nothing with two classes, or the wrong thing: refused once the data are read."""

import pytest
from recipe_cases import write

from limbeck.errors import LimbeckError
from limbeck.losses import CATALOG
from limbeck.recipe import load_recipe
from limbeck.recipe.fits import require_classes
from limbeck.tasks.classification import Classes, Classification
from limbeck.tasks.multioutput import Multioutput


def classes(count):
    return Classification(Classes(tuple("abcd"[:count])))


LABELS = "{name: cross_entropy}"


@pytest.fixture
def losses(tmp_path):
    path = write(tmp_path)
    return lambda *entries: load_recipe(path, [f"losses=[{', '.join(entries)}]"]).losses


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            "{name: dist_inter}",
            "losses: dist_inter has gradient 0 with 2 classes: nothing is learned from it; take kd in its place",
        ),
        (
            "{name: kd, transform: standardize}",
            "losses: kd after transform standardize has gradient 0 with 2 classes: nothing is learned from it; leave "
            "the transform out",
        ),
    ],
)
def test_refused_with_two_classes_and_with_no_more(losses, entry, line):
    asked = losses(LABELS, entry)
    with pytest.raises(LimbeckError) as caught:
        require_classes(asked, classes(2))
    assert str(caught.value) == line
    require_classes(asked, classes(3))
    require_classes(losses(LABELS, entry[:-1] + ", weight: 0}"), classes(2))
    require_classes(losses(LABELS, entry[:-1] + ", weight: {schedule: linear, start: 0, end: 0}}"), classes(2))


@pytest.mark.parametrize(
    "entry", ["{name: tf_kd, correct: 0.25}", "{name: kd, transform: {kind: label_smoothing, correct: 0.25}}"]
)
def test_a_label_gets_more_than_the_other_classes(losses, entry):
    """Else it teaches against the labels; a run ended at 11 %, of 6 classes."""
    asked = losses(LABELS, entry)
    with pytest.raises(
        LimbeckError, match=r"correct of \w+ gives the label no more than another class, with 4 classes"
    ):
        require_classes(asked, classes(4))
    require_classes(losses(LABELS, entry.replace("0.25", "0.26")), classes(4))
    with pytest.raises(LimbeckError, match="with 2 classes, which column `spam` has"):
        require_classes(
            losses(LABELS, entry.replace("0.25", "0.4")),
            Multioutput({"topic": Classes(("a", "b", "c")), "spam": Classes(("no", "yes"))}),
        )


@pytest.mark.parametrize("entry", ["{name: dist_inter}", "{name: kd, transform: standardize}"])
def test_of_several_columns_the_one_with_two_classes_is_named(losses, entry):
    asked, three, two = losses(LABELS, entry), Classes(("a", "b", "c")), Classes(("no", "yes"))
    with pytest.raises(LimbeckError, match=r"gradient 0 with 2 classes, which column `spam` has: nothing is learned"):
        require_classes(asked, Multioutput({"topic": three, "spam": two, "topic2": three}))
    require_classes(asked, Multioutput({"topic": three, "other": three}))


def test_the_others_learn_from_two_classes(losses):
    """dkd is alpha times kd then: a part of it is lost, and its card says so."""
    names = [name for name, loss in CATALOG.items() if "distribution" in loss.card.fits and loss.card.tap is None]
    require_classes(losses(*(f"{{name: {name}}}" for name in names if name != "dist_inter")), classes(2))
    require_classes(
        losses(*(f"{{name: kd, transform: {kind}}}" for kind in ("flsw", "cwsm", "label_smoothing"))), classes(2)
    )
