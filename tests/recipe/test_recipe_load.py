"""What a recipe means: overrides, arms, the grid, YAML."""

import pytest
import yaml
from pydantic import ValidationError
from recipe_cases import TEXT, write

from limbeck import Recipe as PublicRecipe
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.losses import Linear
from limbeck.models import BiGRUSettings, NgramsSettings, TransformerSettings, check_model
from limbeck.recipe import (
    DataSettings,
    Recipe,
    load_recipe,
)
from limbeck.recipes import describe_recipes, packaged_recipe, packaged_recipes
from limbeck.settings.changes import apply
from limbeck.settings.yaml import read_yaml, write_yaml
from limbeck.teachers.transformers import TransformersTeacher


@pytest.fixture
def path(tmp_path):
    return write(tmp_path)


@pytest.fixture
def load(path):
    return lambda *overrides: load_recipe(path, overrides)


# --- recipes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", packaged_recipes())
def test_a_packaged_recipe_loads_and_is_described(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.folder is None
    assert packaged_recipe(name) == packaged_recipes()[name]
    said = dict(describe_recipes())[name]
    assert len(said) > 20
    assert said.endswith(".")


def test_the_demo_is_packaged():
    assert "sentiment" in packaged_recipes()
    with pytest.raises(LimbeckError, match=r"no recipe `sentimental`; did you mean `sentiment`\?"):
        packaged_recipe("sentimental")


def test_a_recipe_is_named_after_its_file(tmp_path):
    assert load_recipe(write(tmp_path)).name == "mine"
    assert load_recipe(write(tmp_path), ["name=other-2.1"]).name == "other-2.1"
    assert load_recipe(write(tmp_path, name="my film recipe (2).yml")).name == "my-film-recipe-2"
    assert load_recipe(write(tmp_path, name="(!).yaml")).name == "run"


def test_a_recipe_knows_its_folder(path, tmp_path):
    assert load_recipe(path).folder == tmp_path
    assert PublicRecipe is Recipe


def test_the_digest_names_everything_but_the_name(load):
    assert load().digest == load("name=other").digest == load("baseline={}").digest
    others = ["seeds=[0]", "losses.kd.weight=0.8", "data.label=kind", "student.model.dim=3", "grid.train.lr=[1]"]
    assert len({load().digest, *(load(other).digest for other in others)}) == 1 + len(others)


def test_a_target_is_in_the_digest_and_its_absence_is_not(load):
    """A run folder from before there were targets and curves is not done again."""
    values = load().model_dump(mode="json", exclude={"name", "until", "curves", "budget", "cache", "selection"})
    del values["data"]["group"]
    assert load().digest == load("data.group=null").digest != load("data.group=kind").digest
    assert load().digest == load("until=null").digest == load("curves=null").digest == digest(values)
    assert load().digest != load("selection.folds=3").digest
    targets = ["until.accuracy=0.9", "until.accuracy=0.8", "until.retention=0.9"]
    assert len({load().digest, *(load(target).digest for target in targets)}) == 4


def test_where_answers_are_is_not_in_the_digest_and_how_they_are_stored_is(load):
    assert load().digest == load("cache.path=answers").digest == load("cache.codec.dtype=float32").digest
    half = load("cache.codec.dtype=float16")
    assert half.digest == load("cache={path: answers, codec: {kind: dense, dtype: float16}}").digest != load().digest


# --- overrides ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "read", "expected"),
    [
        ("data.labelled=200", lambda r: r.data.labelled, 200),
        ("data.labelled=null", lambda r: r.data.labelled, None),
        ("data.labelled=", lambda r: r.data.labelled, None),
        ("data.split.test=7", lambda r: r.data.split.test, 7),
        ("data.label=kind", lambda r: r.data.label, "kind"),
        ("data.label='5'", lambda r: r.data.label, "5"),
        ("data.label='1e5'", lambda r: r.data.label, "1e5"),
        ("data.label=no", lambda r: r.data.label, "no"),
        ("data.label=nan", lambda r: r.data.label, "nan"),
        ("data.label=2024-01-01", lambda r: r.data.label, "2024-01-01"),
        ("data.label=a=b", lambda r: r.data.label, "a=b"),
        ("seeds=[0]", lambda r: r.seeds, [0]),
        ("seeds.1=5", lambda r: r.seeds, [0, 5]),
        ("student.train.lr=1e-3", lambda r: r.student.train.lr, 0.001),
        ("student.train.lr=.5", lambda r: r.student.train.lr, 0.5),
        ("student.train.clip=null", lambda r: r.student.train.clip, None),
        ("losses.kd.temperature=4", lambda r: r.losses[0].temperature, 4),
        ("losses.1.weight=4", lambda r: r.losses[1].weight, 4),
        (
            "losses.kd.weight={schedule: linear, start: 1, end: 0}",
            lambda r: r.losses[0].weight,
            Linear(start=1, end=0),
        ),
        ("losses.cross_entropy={name: logit_mse}", lambda r: [loss.name for loss in r.losses], ["kd", "logit_mse"]),
        ("student.model.hidden=3", lambda r: r.student.model, NgramsSettings(hidden=3)),
        ("student.model=bigru", lambda r: r.student.model, BiGRUSettings()),
        ("student.model={name: bigru, hidden: 3}", lambda r: r.student.model, BiGRUSettings(hidden=3)),
        ("teacher.model.hidden=3", lambda r: r.teacher.model, BiGRUSettings(hidden=3)),
        ("baseline=false", lambda r: r.baseline, False),
        ("baseline.train.lr=1", lambda r: r.baseline, {"train.lr": 1}),
        ("grid.train.lr=[1e-3, 2]", lambda r: r.grid, {"train.lr": [0.001, 2]}),
        ("grid={train.lr: [1]}", lambda r: r.grid, {"train.lr": [1]}),
        ("task.metric=f1_macro", lambda r: r.task.metric, "f1_macro"),
        ("cache.codec=dense", lambda r: r.cache.codec.kind, "dense"),
        ("until.accuracy=0.88", lambda r: (r.until.accuracy, r.until.retention), (0.88, None)),
        ("until.retention=2", lambda r: (r.until.accuracy, r.until.retention), (None, 2)),
    ],
)
def test_an_override(load, override, read, expected):
    assert read(load(override)) == expected


def test_an_override_enters_what_a_bare_name_stands_for():
    values = {"task": "regression", "student": {"model": "ngrams"}, "cache": {"codec": "topk"}}
    apply(values, {"task.metric": "rmse", "student.model.dim": 3, "cache.codec.k": 8})
    assert values == {
        "task": {"kind": "regression", "metric": "rmse"},
        "student": {"model": {"name": "ngrams", "dim": 3}},
        "cache": {"codec": {"kind": "topk", "k": 8}},
    }


def test_overrides_are_applied_in_their_order(load):
    assert load("student.model=bigru", "student.model.hidden=3").student.model == BiGRUSettings(hidden=3)
    assert load("student.model.hidden=3", "student.model=bigru").student.model == BiGRUSettings()
    assert load("student.train.lr=1", "student.train.lr=2").student.train.lr == 2


def test_another_source_drops_what_belonged_to_the_old_one(load):
    data = load("data.source=other.csv").data
    assert (data.source, data.domain, data.unlabelled) == ("other.csv", None, None)
    assert data.split.test == 20
    values = {"data": {"source": "mine.csv", "missing": [-1], "merge_classes": True}}
    apply(values, {"data.source": "other.csv"})
    assert values["data"] == {"source": "other.csv"}
    values = {"data": {"source": "mine.csv", "domain": "film", "target": {"source": "a.csv", "domain": "books"}}}
    apply(values, {"data.target.source": "b.csv"})
    assert values["data"] == {"source": "mine.csv", "domain": "film", "target": {"source": "b.csv"}}


@pytest.mark.parametrize("order", [1, -1])
def test_but_not_what_is_given_with_it(load, order):
    data = load(*["data.source=other.csv", "data.domain=books"][::order]).data
    assert (data.source, data.domain, data.unlabelled) == ("other.csv", "books", None)


def test_steps_take_the_place_of_epochs_and_the_other_way_round(load):
    assert (load("student.train.epochs=2").student.train.epochs, load().student.train.steps) == (2, 50)
    assert load("student.train.epochs=2").student.train.steps is None
    assert load("teacher.train.steps=9").teacher.train.epochs is None
    assert load("student.train.epochs=null").student.train.steps == 50
    with pytest.raises(LimbeckError, match="steps or epochs, not both"):
        load("student.train.steps=2", "student.train.epochs=2")


@pytest.mark.parametrize(("old", "new"), [("accuracy", "retention"), ("retention", "accuracy")])
def test_one_kind_of_target_takes_the_place_of_the_other(tmp_path, old, new):
    target = load_recipe(write(tmp_path, f"{TEXT}until: {{{old}: 0.8}}\n"), [f"until.{new}=0.9"]).until
    assert (getattr(target, new), getattr(target, old)) == (0.9, None)


def test_overrides_do_not_need_the_part_they_change(tmp_path):
    short = "data: {source: a.csv}\nteacher: {kind: network, model: ngrams}\nlosses: [{name: kd}]\n"
    recipe = load_recipe(write(tmp_path, short), ["student.model=ngrams", "student.train.lr=1"])
    assert recipe.student.train.lr == 1


# --- arms and grid --------------------------------------------------------------------------------------------------


def test_without_overrides_the_baseline_is_the_student(load):
    assert load().arm("baseline") == load().arm("student") == load().student
    assert load("baseline=false").arm("baseline") == load().student


@pytest.mark.parametrize(
    "baseline",
    [
        "{train: {lr: 0.5}, reads.max_length: 9}",
        "{train.lr: 0.5, reads.max_length: 9}",
        "{train: {lr: 5e-1}, reads.max_length: 9}",
    ],
)
def test_the_baseline_changes_what_it_names_and_nothing_else(load, baseline):
    recipe = load(f"baseline={baseline}")
    arm = recipe.arm("baseline")
    assert (arm.train.lr, arm.reads.max_length) == (0.5, 9)
    assert arm.train.steps == 50
    assert (arm.model, arm.reads.tokenizer) == (recipe.student.model, recipe.student.reads.tokenizer)
    assert recipe.arm("student") == load().student
    assert recipe.digest == load("baseline={reads.max_length: 9, train.lr: 0.5}").digest


def test_what_names_its_kind_replaces_and_the_rest_is_merged(load):
    load_with = lambda text: load("student.model.dim=5", f"baseline={text}").arm("baseline")  # noqa: E731
    assert load_with("{model: {hidden: 3}}").model == NgramsSettings(dim=5, hidden=3)
    assert load_with("{model: {name: bigru}}").model == BiGRUSettings()
    assert load_with("{model: bigru}").model == BiGRUSettings()
    other = {"kind": "transformers", "path": "somewhere"}
    assert (
        load_with("{reads: {tokenizer: {kind: transformers, path: somewhere}}}").reads.tokenizer.model_dump() == other
    )


def test_a_baseline_may_count_in_epochs(load):
    train = load("baseline.train.epochs=2").arm("baseline").train
    assert (train.steps, train.epochs) == (None, 2)


def test_the_grid_is_the_product_of_its_values(load):
    recipe = load("grid={train.lr: [1, 2], model.dim: [3, 4, 5]}", "baseline.reads.max_length=9")
    for name, length in (("student", 128), ("baseline", 9)):
        candidates = recipe.candidates(name)
        assert [point for point, _ in candidates] == [
            {"train.lr": lr, "model.dim": dim} for lr in (1, 2) for dim in (3, 4, 5)
        ]
        for point, settings in candidates:
            assert settings.train.lr == point["train.lr"]
            assert settings.model == NgramsSettings(dim=point["model.dim"])
            assert settings.reads.max_length == length


def test_an_empty_grid_has_one_candidate(load):
    recipe = load()
    assert recipe.candidates("student") == [({}, recipe.student)]


def test_a_grid_over_whole_models(load):
    recipe = load("grid.model=[ngrams, {name: bigru, hidden: 3}]")
    assert [arm.model for _, arm in recipe.candidates("student")] == [NgramsSettings(), BiGRUSettings(hidden=3)]


def test_a_pretrained_teacher_in_the_words_of_a_network(load):
    recipe = load(
        "teacher={kind: transformers, model: tiny, pooling: cls, freeze: 2, reads: {max_length: 7}}",
        "teacher.dropout=0.3",
    )
    assert isinstance(recipe.teacher, TransformersTeacher)
    network = recipe.teacher.network
    assert network.model == TransformerSettings(
        path="tiny", pooling="cls", freeze=2, freeze_embeddings=True, dropout=0.3
    )
    assert network.reads.tokenizer.model_dump() == {"kind": "transformers", "path": "tiny"}
    assert (network.reads.max_length, network.train) == (7, recipe.teacher.train)


# --- YAML -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["baseline=false", "grid={train.lr: [1e-3, 2], model: [ngrams, {name: bigru}]}"],
        ["losses.kd.weight={schedule: cosine, start: 1, end: 1e-12}", "student.train.clip=null", "seeds=[0]"],
        [
            "data.label='1e5'",
            "data.text='no'",
            "data.source='012'",
            "data.unlabelled='2024-01-01'",
            "data.domain='null'",
        ],
        ["until.retention=0.99"],
        ["arms=[hard_labels, student]", "losses.cross_entropy={name: hard_labels, weight: 0.1}"],
        ["student.model={name: 'net:build', width: 3, deep: {a: [1, x]}}", "baseline.train.epochs=2"],
    ],
)
def test_a_recipe_survives_writing_and_reading(path, tmp_path, overrides):
    recipe = load_recipe(path, overrides)
    again = load_recipe(write(tmp_path, recipe.to_yaml(), "again.yaml"))
    assert again.model_dump() == recipe.model_dump()
    assert again.digest == recipe.digest
    assert again.to_yaml() == recipe.to_yaml()
    # Another reader understands the file in the same way.
    assert yaml.safe_load(recipe.to_yaml()) == recipe.model_dump(mode="json")


@pytest.mark.parametrize("name", packaged_recipes())
def test_a_packaged_recipe_survives_writing_and_reading(name, tmp_path):
    recipe = load_recipe(name)
    assert load_recipe(write(tmp_path, recipe.to_yaml())).model_dump() == recipe.model_dump()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 1e5),
        ("-1.5e+3", -1500.0),
        (".5", 0.5),
        ("3.", 3.0),
        ("3", 3),
        ("-3", -3),
        ("0", 0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("e5", "e5"),
        ("nan", "nan"),
        ("'3'", "3"),
        ("&a [1, 2]", [1, 2]),
        ("{a: &x {b: 1}, c: {<<: *x, d: 2}}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
    ],
)
def test_plain_values_are_read_as_people_mean_them(text, value):
    found = read_yaml(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    ["1e-3", "1e5", "no", "yes", "007", "0x1F", "12:30", "2024-01-01", "1_000", "null", "", "~", ".5", "3.", "<<", "="],
)
def test_text_that_looks_like_something_else_is_written_in_quotes(text):
    written = write_yaml({"key": text})
    assert read_yaml(written) == yaml.safe_load(written) == {"key": text}


# --- networks of the user's own -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("recipe_users_net:bild", r"`recipe_users_net` has no function `bild`; did you mean `build`\?"),
        ("recipe_no_net:build", "cannot import `recipe_no_net`"),
        ("{name: 'recipe_users_net:build', widht: 3}", r"no parameter `widht`; did you mean `width`\?"),
    ],
)
def test_a_custom_model_is_named_by_import_path_and_checked_on_request(load, tmp_path, monkeypatch, model, message):
    (tmp_path / "recipe_users_net.py").write_text("def build(outputs, width=3): ...")
    monkeypatch.syspath_prepend(tmp_path)
    recipe = load(f"student.model={model}")
    with pytest.raises(LimbeckError, match=message):
        check_model(recipe.student.model)


def test_an_override_changes_one_of_two_places_that_share_a_mapping(tmp_path):
    """A YAML alias puts one mapping into both; PyYAML itself writes such files."""
    text = TEXT.replace("train: {epochs: 2}", "train: &train {lr: 0.5}").replace("{steps: 50, lr: 1e-2}", "*train")
    recipe = load_recipe(write(tmp_path, text), ["student.train.lr=0.1"])
    assert (recipe.student.train.lr, recipe.teacher.network.train.lr) == (0.1, 0.5)


@pytest.mark.parametrize("named", [{"audio": "clip"}, {"image": "photo"}, {"features": ("a", "b")}])
def test_a_target_is_of_the_sources_modality(named):
    """Texts are what an example is where nobody says it, and nobody means that of the target of a recipe of sounds."""
    (key,) = named
    values = {"source": "a.csv", **named, "target": {"source": "b.csv"}}
    settings = DataSettings.model_validate(values)
    assert getattr(settings.target, key) == named[key]
    assert settings.target.modality is settings.modality
    other = DataSettings.model_validate(values | {"target": {"source": "b.csv", key: "other"}})
    assert other.target.column in ("other", ("other",))
    text = DataSettings.model_validate({"source": "a.csv", "text": "review", "target": {"source": "b.csv"}})
    assert text.target.column == "text"
    none = DataSettings.model_validate(values | {"target": {"source": "b.csv", "text": None}})
    assert none.target == settings.target
    with pytest.raises(ValidationError) as refused:
        DataSettings.model_validate(values | {key: 5})
    assert [error["loc"][0] for error in refused.value.errors()] == [key]  # of the target nobody wrote anything
