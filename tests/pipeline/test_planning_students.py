"""Which candidates a plan tries, by the time that their trainings take."""

import pytest
from encoders import write_encoder
from plans import plan, recipe, write_texts
from tiny import BAD, FILLER, GOOD

from limbeck.pipeline.planning import costs
from limbeck.recipe import parse_recipe
from limbeck.settings.yaml import read_yaml


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoders") / "words", [*FILLER, *BAD, *GOOD])


def networks(found):
    """Return the networks of a recipe's grid."""
    return [settings.model.name for _, settings in found.candidates("student")]


@pytest.mark.parametrize(
    ("own", "steps", "epochs"),
    [((), 500, None), (("student.train.steps=100",), 100, None), (("student.train.epochs=2",), None, 2)],
)
def test_a_candidate_that_takes_long_is_left_out(tmp_path, encoder, capsys, own, steps, epochs):
    """Its steps may be those of the recipe, which are few here."""
    source = write_texts(tmp_path / "texts.csv", longest=200)
    (much, _), (little, said) = (plan(recipe(source, encoder, *own, minutes=m), capsys) for m in (12, 4))
    every = ["linear", "linear", "ngrams", "wide_deep"]
    assert networks(much) == every
    assert networks(little) == (every if own else every[:3])
    assert ("without grid.3 (model=wide_deep): 4 trainings of it would take" in said) == (not own)
    assert networks(parse_recipe(read_yaml(little.to_yaml()), "again")) == networks(little)
    assert (little.student.train.steps, little.student.train.epochs) == (steps, epochs)


def test_a_point_of_the_grid_is_trained_for_as_long_as_it_says(tmp_path, encoder, capsys):
    grid = "[{model: linear}, {model: wide_deep}, {model: wide_deep, train.steps: 50}]"
    wanted = recipe(write_texts(tmp_path / "texts.csv", longest=200), encoder, f"grid={grid}", minutes=4)
    found, _ = plan(wanted, capsys)
    assert [settings.train.steps for _, settings in found.candidates("student")] == [500, 50]
    assert networks(found) == ["linear", "wide_deep"]


@pytest.mark.parametrize(
    ("own", "minutes", "said"),
    [
        ("selection.folds=2", 2.5, "wide_deep): 3 trainings of it"),
        ("selection.folds=null", 2.5, None),
        ("selection.folds=null", 1, "wide_deep): 1 training of it"),
        ("baseline={train.steps: 20000}", 2.5, "ngrams): 4 trainings of it"),
        ("baseline=false", 2.5, None),
        ("student.train.batch_size=320", 15, "wide_deep): 4 trainings of it"),
    ],
)
def test_trainings_are_those_of_the_recipe(tmp_path, encoder, capsys, own, minutes, said):
    """Folds, batches, and the steps of a baseline of its own: the arm that takes longest counts."""
    source = write_texts(tmp_path / "texts.csv", longest=100)
    _, found = plan(recipe(source, encoder, own, minutes=minutes), capsys)
    assert ("without grid" in found) == (said is not None)
    assert said is None or said in found


def test_many_candidates_that_are_quick_alone_are_too_many_together(tmp_path, encoder, capsys):
    source = write_texts(tmp_path / "texts.csv", longest=200)
    rates = ", ".join(f"{0.001 * (one + 1):g}" for one in range(10))
    wanted = recipe(source, encoder, "student.model=ngrams", f"grid={{train.lr: [{rates}]}}", minutes=2.5)
    found, said = plan(wanted, capsys)
    kept = found.candidates("student")
    assert 1 < len(kept) < 10
    assert [settings.train.lr for _, settings in kept] == [0.001 * (one + 1) for one in range(len(kept))]
    assert "4 trainings of each would take" in said


@pytest.mark.parametrize(
    "grid",
    ["[{model: wide_deep}, {model: ngrams}, {model: textcnn}]", "{train.lr: [1.0e-3, 2.0e-3]}", "{}"],
)
def test_the_quickest_candidate_stays_where_all_take_long(tmp_path, encoder, capsys, grid):
    wanted = recipe(write_texts(tmp_path / "texts.csv"), encoder, "student.model=ngrams", f"grid={grid}", minutes=1e-3)
    found, _ = plan(wanted, capsys)
    kept = found.candidates("student")
    assert len(kept) == 1
    assert kept[0][1].model.name == "ngrams"


def test_networks_that_only_add_up_words_take_less_time():
    quick, slow = (costs.steps(name, 10, 6_400) for name in ("ngrams", "wide_deep"))
    assert quick < slow / 5
    assert costs.steps("anything else", 10, 6_400) == slow
    assert costs.steps("ngrams", 20, 100) == pytest.approx(2 * costs.steps("ngrams", 10, 100))
