"""The same weights under other code, and the same recipe over other files, are not taken for what they were."""

import importlib
import json
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import recipe, write_csv
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import BertConfig, BertModel

from limbeck.code import code_of
from limbeck.data import load_splits
from limbeck.models.resnet import ResNet, ResNetSettings
from limbeck.pipeline.stages.stage import Near, Stage
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.learn import train_network
from limbeck.pipeline.training.material import Given, Material
from limbeck.pipeline.training.start import _code_parts, _parts
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.recipe import Recipe
from limbeck.runtime.readers.image import ImageForm

NET = """import torch
from torch import nn
FLAG = 1.0

class Net(nn.Module):
    def __init__(self, outputs, size):
        super().__init__()
        self.table = nn.Embedding(size, outputs)
        self.register_buffer("hidden", torch.ones(1), persistent=False)

    def forward(self, input_ids, attention_mask):
        return FLAG * self.hidden * (self.table(input_ids) * attention_mask.unsqueeze(-1)).sum(1)

class Stateless(nn.Module):
    def forward(self, input_ids, attention_mask):
        return torch.stack([input_ids.float().mean(1), attention_mask.float().sum(1)], 1)

def build(outputs, form):
    return Net(outputs, form.vocabulary.size)
"""
TRAIN = {"steps": 2, "batch_size": 8, "validations": 1}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv", 160)


@pytest.fixture
def user(tmp_path, monkeypatch):
    """The user's module, written and loaded anew."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(old="", new=""):
        assert old in NET
        (tmp_path / "users_start.py").write_text(NET.replace(old, new, 1))
        importlib.invalidate_caches()
        sys.modules.pop("users_start", None)
        return importlib.import_module("users_start")

    yield write
    sys.modules.pop("users_start", None)


def wanted(source, **student):
    values = recipe(source, seeds=[0])
    values["data"]["split"] = {"test": 20, "validation": 12}
    values["student"] |= {"train": TRAIN, **student}
    return values


def train(source, folder, given=None, **student):
    settings = Recipe.model_validate(wanted(source, **student))
    material = Material(load_splits(settings.data, settings.task), given)
    material.folder = folder
    lesson = material.from_labels(settings.student)
    return train_network(settings.student, material, lesson, seed=0, folder=folder / "student", title="student")


def ask(source, folder, module):
    values = wanted(source)
    model = {"kind": "given", "model": {"name": "given"}, "reads": {"tokenizer": {"kind": "words"}, "max_length": 24}}
    values["teacher"] = model | {"accept_bad": True}
    settings = Recipe.model_validate(values)
    material = Material(load_splits(settings.data, settings.task), Given(module))
    answers = ask_teacher(settings, train_teacher(settings, material, folder), material.splits, folder)
    return answers, {path.name for path in (folder / "cache").iterdir()}


@pytest.mark.parametrize(
    ("old", "new", "redone"),
    [
        ("return FLAG", "return 2 * FLAG", "code, answers"),
        ("FLAG * self.hidden", "self.hidden * FLAG", "code"),
        ("nn.Embedding(size, outputs)", "nn.Embedding(size, outputs, _weight=torch.ones(size, outputs))", "network"),
        ("torch.ones(1)", "torch.full((1,), 1.0)", "code"),
        ("        return FLAG", "        # twice\n\n        return FLAG", ""),
    ],
)
def test_a_students_forward_is_edited(source, tmp_path, user, capsys, old, new, redone):
    user()
    first = train(source, tmp_path, model="users_start:build").digest
    user(old, new)
    assert (train(source, tmp_path, model="users_start:build").digest != first) == bool(redone)
    said = capsys.readouterr().out
    assert (redone in said and "changed, done again" in said) if redone else "changed" not in said


def test_a_factory_closes_over_a_value(source, tmp_path, user, capsys):
    """Weights, class and answers stay: a number that only training reads tells them apart."""
    module = user()

    def make(rate):
        def factory():
            network = module.Net(2, 1000)
            network.rate = rate
            return network

        return Given(student=factory)

    model = {"model": {"name": "given"}}
    first = train(source, tmp_path, make(1), **model).digest
    assert train(source, tmp_path, make(1), **model).digest == first
    assert train(source, tmp_path, make(2), **model).digest != first
    assert "student: code changed, done again" in capsys.readouterr().out


def test_a_teachers_code_is_edited(source, tmp_path, user, capsys):
    def teacher(module):
        torch.manual_seed(0)
        return module.Net(2, 1000)

    first, caches = ask(source, tmp_path, teacher(user()))
    assert ask(source, tmp_path, teacher(user()))[1] == caches
    module = user("return FLAG", "return -FLAG")
    second, caches = ask(source, tmp_path, teacher(module))
    assert len(caches) == 2
    assert "teacher: code, answers changed, done again" in capsys.readouterr().out
    assert (second.logits("test") == -first.logits("test")).all()
    assert first.names != second.names
    module.FLAG = torch.tensor(2.0)
    third, caches = ask(source, tmp_path, teacher(module))
    assert "teacher: code, answers changed, done again" in capsys.readouterr().out
    answered = third.logits("test")
    assert (answered == 2 * second.logits("test")).all()
    module.FLAG.fill_(4.0)  # no text shows it
    fourth, caches = ask(source, tmp_path, teacher(module))
    assert "teacher: code, answers changed, done again" in capsys.readouterr().out
    assert (fourth.logits("test") == 2 * answered).all()
    named = {json.loads(path.read_text())["identity"]["teacher"] for path in tmp_path.glob("cache/*/manifest.json")}
    assert named == {answers.members[0].cache.digest for answers in (first, second, third, fourth)}


def test_a_teacher_without_weights(source, tmp_path, user):
    first, _ = ask(source, tmp_path, user().Stateless())
    second, _ = ask(source, tmp_path, user("float().mean", "float().amax").Stateless())
    assert (first.logits("test") != second.logits("test")).any()


def test_an_attribute_or_a_hook_of_a_teacher_is_changed(source, tmp_path, user):
    teacher = user().Stateless()
    folders = [len(ask(source, tmp_path, teacher)[1])]
    teacher.temperature = 2  # may be read for rows that the probe does not show
    folders.append(len(ask(source, tmp_path, teacher)[1]))
    teacher.register_forward_hook(lambda module, inputs, output: output)
    folders.append(len(ask(source, tmp_path, teacher)[1]))
    assert folders == [1, 2, 3]

    def code():
        return code_of(_code_parts(teacher), _parts).digest

    codes = {code()}

    def hooked():
        handle = teacher.register_forward_pre_hook(hook)
        found = code()
        handle.remove()
        return found

    def hook(module, inputs):
        return None

    assert hooked() == hooked(), "the number that torch gives a hook is chance"
    codes.add(hooked())
    for value in (0.0, 1.0):
        teacher.register_buffer("unread", torch.tensor(value), persistent=False)
        codes.add(code())
    assert len(codes) == 4


def test_what_has_no_source_is_done_again_each_time(source, tmp_path, capsys):
    made = {"nn": nn, "__name__": str(uuid.uuid4())}
    exec(
        "class Typed(nn.Module):\n    def forward(self, input_ids, attention_mask): return input_ids[:, :2].float()",
        made,
    )
    counts = [len(ask(source, tmp_path, made["Typed"]())[1]) for _ in range(2)]
    assert counts == [1, 2]
    line = "teacher: `Typed` has no source (typed in, or made by exec): what depends on it is done again in every run"
    assert capsys.readouterr().out.count(line) == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_and_compiled_networks_can_be_compared(user):
    for compiler in (torch.jit.script, torch.compile):
        edits = [(), (), ("float().mean", "float().amax")]
        first, again, other = (code_of(_code_parts(compiler(user(*edit).Stateless())), _parts) for edit in edits)
        assert first == again
        assert first.digest != other.digest
        assert first.unverifiable == other.unverifiable == ()


def test_a_checkpoint_is_replaced_under_its_name(source, tmp_path, capsys):
    """Its recipe, its tokenizer and its configuration are the same."""

    def save(seed):
        torch.manual_seed(seed)
        shape = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 400}
        BertModel(BertConfig(hidden_size=8, **shape)).save_pretrained(tmp_path / "bert")

    model = {"name": "transformer", "path": str(tmp_path / "bert")}
    save(0)
    first = train(source, tmp_path / "run", model=model)
    save(1)
    second = train(source, tmp_path / "run", model=model)
    assert first.digest != second.digest
    assert "student: network changed, done again" in capsys.readouterr().out
    assert load_file(tmp_path / "run/student/model.safetensors").keys() == second.model.state_dict().keys()


def test_a_tokenizer_is_replaced_under_its_name(source, tmp_path):
    def save(words):
        tokenizer = Tokenizer(models.WordLevel({word: row for row, word in enumerate(words)}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.save(str(tmp_path / "tokenizer.json"))

    views = []
    for words in (["[PAD]", "[UNK]", "film"], ["[PAD]", "[UNK]", "plot"]):
        save(words)
        tokenizer = {"kind": "transformers", "path": str(tmp_path)}
        views.append(train(source, tmp_path / "run", reads={"tokenizer": tokenizer}).view)
    assert views[0].digest != views[1].digest


def test_numbers_of_a_stage_may_differ_in_their_last_bits(tmp_path: Path):
    def stage(numbers, name="stage"):
        return Stage(tmp_path / name, {"answers": Near(numbers)})

    first = stage([1.0, -2.0])
    with first.working():
        pass
    almost = stage([1.00001, -2.0])
    assert almost.done
    assert almost.digest == first.digest, "what depends on it depends on what is there"
    for other in ([1.001, -2.0], [1.0], [1.0, float("nan")]):
        assert not Stage(tmp_path / "stage", {"answers": Near(other)}).done
        with stage([1.0, -2.0]).working():
            pass
    # Beside a column of large numbers, one of small ones is compared with its own.
    both = Near([1e5, 0.5, -2e5, -0.25], columns=2)
    assert both.unless_changed([1e5, 0.5, -2e5, -0.25]) == both.numbers
    for other, same in (([1e5 + 3, 0.5, -2e5, -0.25], True), ([1e5, 0.7, -2e5, -0.25], False)):
        assert (replace(both, numbers=other).unless_changed(both.numbers) == both.numbers) == same
    empty = stage([0.0], "empty")
    with empty.working():
        pass
    assert stage([0.0], "empty").done
    assert not stage([1e-9], "empty").done
    assert replace(Near([1.0]), numbers=[2.0]).unless_changed(None) == [2.0]


def test_a_setting_that_is_given_is_what_it_is_by_default():
    """A process that is handed a recipe with every default written out has the same teacher."""

    def code(settings):
        return code_of([*_code_parts(ResNet(settings, outputs=2, form=form))], _parts).digest

    form, plain = ImageForm.of(8, 8, 3, (0.5,) * 3, (0.2,) * 3), ResNetSettings(depth=8)
    written = ResNetSettings.model_validate(plain.model_dump(mode="json"))
    assert plain.model_fields_set != written.model_fields_set
    assert code(plain) == code(written)
    assert code(plain) != code(plain.model_copy(update={"depth": 14}))
