"""How a recipe names a network: of the catalogue, or of the user's own."""

import sys

import pytest
import torch
from model_cases import FORM, SETTINGS, VOCABULARY, rows
from pydantic import BaseModel, ValidationError

from limbeck.errors import LimbeckError
from limbeck.models import (
    MODELS,
    BiGRUSettings,
    CustomSettings,
    ModelSettings,
    NgramsSettings,
    build_model,
    check_model,
    find_custom,
    let_import,
)
from limbeck.runtime import TextForm, Vocabulary

NET = """
import torch
from torch import nn

class Bag(nn.Module):
    def __init__(self, outputs, width=4, depth=1, *, rows=40):
        super().__init__()
        self.table = nn.Embedding(rows, width)
        self.head = nn.Linear(width, outputs)

    def forward(self, input_ids, attention_mask):
        return self.head((self.table(input_ids) * attention_mask.unsqueeze(-1)).sum(1))

def build(outputs, width):
    return Bag(outputs, width)

def with_form(*, outputs, form, width=2):
    return Bag(outputs, width, rows=form.vocabulary.size)

def anything(**options):
    return Bag(options["outputs"], options["width"])

def no_outputs(width):
    return Bag(2, width)

class Spoiling(Bag):
    def forward(self, input_ids, attention_mask):
        assert attention_mask.tolist()[1] == [1, 1, 1, 1, 0, 0, 0]
        assert input_ids.max() < len(self.table.weight) and (input_ids[attention_mask == 0] == 1).all()
        return super().forward(input_ids.zero_(), attention_mask)

class Dropping(Bag):
    def forward(self, input_ids, attention_mask):
        assert not self.training
        torch.rand(3)
        return super().forward(input_ids, attention_mask)

def dropping(outputs, width):
    network = Dropping(outputs, width)
    network.table.eval()
    return network

def not_a_module(outputs):
    return "network"

def of_earlier(classes, width=2):
    return Bag(classes, width)

def of_earlier_too(classes, vocabulary):
    return Bag(classes, rows=vocabulary.size)

def half_renamed(outputs, vocabulary):
    return Bag(outputs, rows=vocabulary.size)

constant = 3
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "users_net.py").write_text(NET)
    (tmp_path / "broken_net.py").write_text("import a_package_that_nobody_has")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("users_net", "broken_net"):
        sys.modules.pop(name, None)


class Student(BaseModel):
    model: ModelSettings


def test_a_bare_name_means_its_defaults():
    assert Student.model_validate({"model": "ngrams"}).model == NgramsSettings()
    assert Student.model_validate({"model": {"name": "bigru", "hidden": 64}}).model == BiGRUSettings(hidden=64)
    assert Student(model=NgramsSettings(dim=8)).model.dim == 8


def test_an_unknown_name_is_answered_with_the_nearest_one():
    with pytest.raises(ValidationError, match=r"no model is called `ngram`; did you mean `ngrams`\?") as caught:
        Student.model_validate({"model": "ngram"})
    assert caught.value.errors()[0]["loc"] == ("model",)
    with pytest.raises(ValidationError, match=r"did you mean `bilstm`"):
        SETTINGS.validate_python({"name": "blstm", "hidden": 3})
    with pytest.raises(ValidationError, match=r"needs a `name`; valid: .*ngrams, .*bigru"):
        SETTINGS.validate_python({"hidden": 3})


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ({"name": "bigru", "hiden": 3}, "hiden"),
        ({"name": "bigru", "hidden": 0}, "hidden"),
        ({"name": "bigru", "pooling": "first"}, "pooling"),
        ({"name": "ngrams", "orders": 5}, "orders"),
        ({"name": "ngrams", "dropout": 1.0}, "dropout"),
        ({"name": "textcnn", "widths": []}, "widths"),
        ({"name": "transformer", "path": "x", "freeze": -1}, "freeze"),
    ],
)
def test_a_wrong_option_is_named(value, key):
    with pytest.raises(ValidationError) as caught:
        Student.model_validate({"model": value})
    assert caught.value.errors()[0]["loc"] == ("model", value["name"], key)


def test_the_schema_allows_names_and_mappings():
    schema = Student.model_json_schema()
    assert {"type": "string"} in schema["properties"]["model"]["anyOf"]
    assert {f"{entry.settings.__name__}" for entry in MODELS.values()} <= schema["$defs"].keys()


def build(value):
    return build_model(SETTINGS.validate_python(value), outputs=3, form=FORM)


def test_a_custom_model_is_built_from_its_import_path(package):
    for value in (
        {"name": "users_net:build", "width": 3},
        "users_net:Bag",
        "users_net:with_form",
        {"name": "users_net:anything", "width": 3},
    ):
        network = build(value)
        assert network(*rows([3, 1])).shape == (2, 3)
    assert build("users_net:with_form").table.num_embeddings == VOCABULARY.size
    assert build({"name": "users_net:build", "width": 7}).table.embedding_dim == 7


def test_custom_settings_survive_writing_and_reading():
    settings = SETTINGS.validate_python({"name": "users_net:build", "width": 3, "nested": {"a": [1, 2]}})
    assert settings.arguments == {"width": 3, "nested": {"a": [1, 2]}}
    assert SETTINGS.validate_json(SETTINGS.dump_json(settings)) == settings
    assert SETTINGS.dump_python(settings) == {"name": "users_net:build", "width": 3, "nested": {"a": [1, 2]}}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"name": "users_net:build", "widht": 3}, r"no parameter `widht`; did you mean `width`\?"),
        ({"name": "users_net:Bag", "colour": 3}, r"no parameter `colour`; valid: depth, rows, width"),
        ("users_net:build", r"users_net:build: the function needs `width`; write width: \.\.\. beside `name`"),
        ({"name": "users_net:build", "width": 3, "outputs": 2}, "`outputs` is set by Limbeck; remove the key"),
        ({"name": "users_net:no_outputs", "width": 3}, "takes no `outputs`"),
        ({"name": "users_net:build", "width": 3, "form": 2}, "`form` is set by Limbeck; remove the key"),
        ("users_net:of_earlier", r"of_earlier: the function's `classes` is now `outputs`; write build\(outputs, form,"),
        (
            "users_net:of_earlier_too",
            "`classes` is now `outputs`, and its `vocabulary` is now `form.vocabulary`",
        ),
        ("users_net:half_renamed", "the function's `vocabulary` is now `form.vocabulary`; write"),
        ("users_net:bild", r"`users_net` has no function `bild`; did you mean `build`\?"),
        ("users_net:constant", "no function `constant`"),
        ("no_such_net:build", "cannot import `no_such_net`"),
        ("broken_net:build", "cannot import `broken_net`: No module named 'a_package_that_nobody_has'"),
    ],
)
def test_a_custom_model_is_checked_before_it_is_built(package, value, message):
    settings = SETTINGS.validate_python(value)
    with pytest.raises(LimbeckError, match=message):
        check_model(settings)
    with pytest.raises(LimbeckError, match=message):
        build_model(settings, outputs=3, form=FORM)


def test_a_module_beside_the_recipe_comes_last_and_hides_behind_nothing(package, tmp_path_factory, monkeypatch):
    """Nor does one that was imported from another place before pass for it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    beside = tmp_path_factory.mktemp("beside")
    let_import(beside)
    assert sys.path[-1] == str(beside)
    for name in ("colorsys", "users_net"):
        (beside / f"{name}.py").write_text("def build(outputs):\n    raise RuntimeError\n")
        with pytest.raises(LimbeckError, match=f"`{name}` is found in two places: .*; rename the one beside the rec"):
            find_custom(CustomSettings(name=f"{name}:build"))
    (beside / "alone_beside.py").write_text("def build(outputs):\n    raise RuntimeError\n")
    assert find_custom(CustomSettings(name="alone_beside:build"))


def test_a_custom_model_must_be_a_module(package):
    with pytest.raises(LimbeckError, match=r"returned a str, not an nn\.Module"):
        build("users_net:not_a_module")


@pytest.mark.parametrize("tokens", [2, 40])
def test_a_custom_model_is_tried_on_a_copy_of_two_texts_with_padding(package, tokens):
    form = TextForm.of(Vocabulary(VOCABULARY.tokens[:tokens], VOCABULARY.pad_id))
    before = {name: value.copy() for name, value in form.example.items()}
    settings = CustomSettings(name="users_net:Spoiling", rows=tokens)
    build_model(settings, outputs=3, form=form)
    assert all((value == before[name]).all() for name, value in form.example.items())


def test_trying_a_custom_model_out_leaves_no_trace(package):
    torch.manual_seed(0)
    network = build({"name": "users_net:dropping", "width": 3})
    drawn = torch.rand(1)
    assert (network.training, network.table.training) == (True, False)
    torch.manual_seed(0)
    sys.modules["users_net"].dropping(3, 3)
    assert torch.equal(drawn, torch.rand(1))


@pytest.mark.parametrize("name", ["a:b:c", ":build", "net:", "net/file.py:build"])
def test_an_import_path_has_one_module_and_one_function(name):
    with pytest.raises(ValidationError, match="pattern"):
        SETTINGS.validate_python(name)


def test_checking_a_model_of_the_catalogue_passes():
    check_model(NgramsSettings())


def test_a_vocabulary_holds_its_padding():
    assert VOCABULARY.size == 40
    for pad_id in (-1, 2):
        with pytest.raises(LimbeckError, match="not an id"):
            Vocabulary(("a", "b"), pad_id=pad_id)


def test_only_built_networks_touch_the_global_generator(package):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    check_model(SETTINGS.validate_python({"name": "users_net:build", "width": 3}))
    assert torch.equal(torch.rand(1), expected)
