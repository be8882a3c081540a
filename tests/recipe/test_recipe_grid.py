"""The grid as a list of points: whole students among which every arm chooses."""

import pytest
from recipe_cases import lines_of, write

from limbeck.errors import LimbeckError
from limbeck.models import BiGRUSettings, LinearSettings, NgramsSettings
from limbeck.recipe import load_recipe
from limbeck.recipe.grid import in_words

THREE = "grid=[{model: linear}, {model: {name: ngrams, dim: 8, dropout: 0.2}, train.lr: 6.0e-3}, {train: {lr: 1e-3}}]"


@pytest.fixture
def path(tmp_path):
    return write(tmp_path)


def told(recipe, arm="student"):
    return [in_words(point) for point, _ in recipe.candidates(arm)]


def test_a_point_that_gives_a_model_replaces_the_whole_of_it(path):
    recipe = load_recipe(path, ["student.model.hidden=5", THREE, "baseline.reads.max_length=9"])
    for arm, length in (("student", 128), ("baseline", 9)):
        settings = [settings for _, settings in recipe.candidates(arm)]
        assert [each.model for each in settings] == [
            LinearSettings(),
            NgramsSettings(dim=8, dropout=0.2),
            NgramsSettings(hidden=5),
        ]
        assert [each.train.lr for each in settings] == [0.01, 0.006, 0.001]
        assert {each.train.steps for each in settings} == {50}
        assert {each.reads.max_length for each in settings} == {length}


def test_a_point_is_told_by_the_model_first_then_what_differs_from_its_defaults(path):
    """Every key that any point has: the student's own where this one has none, and no training of what is solved."""
    assert told(load_recipe(path, [THREE])) == [
        "model=linear",
        "model=ngrams, model.dim=8, model.dropout=0.2, train.lr=0.006",
        "model=ngrams, train.lr=0.001",
    ]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ("[{}, {train.lr: 3}]", ["train.lr=0.01", "train.lr=3"]),
        ("[{model: {name: 'net:build', width: 3}}]", ["model=net:build, model.width=3"]),
        ("[{model: wide_deep}, {}]", ["model=wide_deep", "model=ngrams"]),
        ("[{model: {name: wide_deep, deep: {dim: 7}}}]", ["model=wide_deep, model.deep=textcnn, model.deep.dim=7"]),
        ("[{train.clip: null, train.keep: last}]", ["train.clip=null, train.keep=last"]),
        ("[{reads: {tokenizer: {kind: words, size: 7}}}]", ["reads.tokenizer=words, reads.tokenizer.size=7"]),
        ("{model: [bigru, {name: ngrams, dim: 8}]}", ["model=bigru", "model=ngrams, model.dim=8"]),
        ("{train.lr: [1, 2]}", ["train.lr=1", "train.lr=2"]),
    ],
)
def test_the_words_of_a_point(path, points, words):
    assert told(load_recipe(path, [f"grid={points}"])) == words


def test_a_whole_model_comes_before_its_options_in_whatever_order_they_stand(path):
    points = "[{model.dim: 3, model: ngrams}, {model: ngrams, model.dim: 4}]"
    (_, one), (_, other) = load_recipe(path, ["student.model.hidden=5", f"grid={points}"]).candidates("student")
    assert (one.model, other.model) == (NgramsSettings(dim=3), NgramsSettings(dim=4))


def test_of_all_combinations_what_is_solved_stands_once(path):
    recipe = load_recipe(path, ["grid={model: [linear, bigru], train.lr: [1, 2]}"])
    assert told(recipe) == ["model=linear", "model=bigru, train.lr=1", "model=bigru, train.lr=2"]


def test_it_is_written_and_read_again(path, tmp_path):
    recipe = load_recipe(path, [THREE])
    assert load_recipe(write(tmp_path, recipe.to_yaml(), "again.yaml")).candidates("student") == recipe.candidates(
        "student"
    )
    assert recipe.grid[2] == {"train.lr": 0.001}


def test_the_command_line_changes_it(path):
    assert load_recipe(path, [THREE, "grid={}"]).candidates("student") == load_recipe(path).candidates("student")
    changed = load_recipe(path, [THREE, "grid.0.model.orders=1", "grid.1.model=bigru", "grid.2.train.lr=2"])
    settings = [settings for _, settings in changed.candidates("student")]
    assert [each.model for each in settings] == [LinearSettings(orders=1), BiGRUSettings(), NgramsSettings()]
    assert settings[2].train.lr == 2


def test_a_key_of_a_mapping_is_one_line_about_the_list(path):
    with pytest.raises(LimbeckError) as error:
        load_recipe(path, [THREE, "grid.train.lr=[1, 2]"])
    assert str(error.value) == (
        "grid.train.lr: no entry is named `train`; the entries of this list go by number, as in grid.0.train.lr"
    )


MANY = ", ".join(f"{{train.lr: {rate}}}" for rate in range(1, 1002))
WRONG = {
    "[{model: linearr}]": "`grid.0.model`: no model is called `linearr`; did you mean `linear`?",
    "[{}, {model: {name: ngrams, dimm: 3}}]": "unknown key `grid.1.model.dimm`; did you mean `dim`?",
    "[{train.lr: -1}]": "`grid.0.train.lr` must be greater than 0, not -1",
    "[{train: {lr: -1}}]": "`grid.0.train.lr` must be greater than 0, not -1",
    "[{trian.lr: 1}]": "unknown key `grid.0.trian`; did you mean `train`?",
    "[{train.lr: [1, 2]}]": "`grid.0.train.lr` must be a number, not [1, 2]",
    "[{}, 5]": "`grid.1` must be a mapping of keys, not 5",
    "[]": "`grid` must not be empty",
    "linear": "`grid`: give keys of student and their candidates, or a list of points",
    f"[{MANY}]": "`grid`: 1,001 points, each of them a training of every arm; 1,000 are the most",
    "[{model: linear}, {}, {model: {name: linear}}]": "`grid.2` is `grid.0` once more; each point counts once",
    "[{}, {train.lr: 0.01}]": "`grid.1` is `grid.0` once more; each point counts once",
    "{train.lr: [1, 2, 1]}": "`grid` has a point twice; each counts once",
    "[{}, {model: linear, train.lr: 1}]": "`grid.1.train.lr` changes nothing: `linear` is solved, not trained",
    "{model: [linear], train.lr: [1, 2]}": "`grid.train.lr` changes nothing: `linear` is solved, not trained",
}


@pytest.mark.parametrize("points", WRONG)
def test_what_is_wrong_is_one_line_that_names_the_point(path, points):
    (line,) = lines_of(path, f"grid={points}")
    assert line.startswith(WRONG[points])


def test_a_rate_for_a_solved_student_is_of_use_to_a_trained_baseline(path):
    recipe = load_recipe(path, ["student.model=linear", "baseline.model=ngrams", "grid.train.lr=[1, 2]"])
    assert (told(recipe), told(recipe, "baseline")) == ([""], ["train.lr=1", "train.lr=2"])


def test_a_point_that_fits_the_student_but_not_the_baseline(path):
    (line,) = lines_of(path, "baseline.model=bigru", "grid=[{}, {model.buckets: 10}]")
    assert line == (
        "unknown key `grid.1.model.buckets`; it belongs to `name: linear` or `name: ngrams` (in the baseline)"
    )
