"""`limbeck.distill` on tables: what a recipe does, with objects in the place of names."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, ByT5Tokenizer

import limbeck
from limbeck.data import load_splits
from limbeck.errors import LimbeckError
from limbeck.losses import KD, CrossEntropy
from limbeck.models import build_model
from limbeck.pipeline import run
from limbeck.pipeline.frames import is_table, tables_of, unlabelled_of
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.recipe import parse_recipe
from limbeck.settings.yaml import write_yaml
from limbeck.types import device_of

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from tiny import recipe, write_csv

TRAIN = {"steps": 24, "batch_size": 16, "lr": 0.02, "validations": 3}
SETTINGS = {
    "data.split": {"test": 60, "validation": 30},
    "data.labelled": 40,
    "data.labelled_per_batch": 4,
    "teacher.reads.max_length": 24,
    "student.reads.max_length": 24,
    "student.train": TRAIN,
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv")


@pytest.fixture(scope="module")
def by_recipe(tmp_path_factory, source):
    values = recipe(source)
    values["student"]["reads"]["tokenizer"] = {"kind": "words", "min_frequency": 2}
    out = tmp_path_factory.mktemp("recipe")
    loaded = parse_recipe(values, "test")
    finished = run(loaded, out)
    # The teacher of that run, and how its texts are cut, as a Python user has them at hand.
    material = Material(load_splits(loaded.data, loaded.task))
    (teacher,) = train_teacher(loaded, material, out).members
    return finished, teacher.model, material, loaded


def columns(source):
    with source.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {"text": [row["text"] for row in rows], "label": [row["label"] for row in rows]}


def as_objects(by_recipe, source, out, **changes):
    _, teacher, material, loaded = by_recipe
    reads = material.view(loaded.student)
    theirs, ours = (
        Tokenizer.from_str(view.reader.tokenizer_json) for view in (material.view(loaded.teacher.network), reads)
    )

    def student():
        return build_model(loaded.student.model, outputs=2, form=reads.form)

    arguments = {
        "teacher": teacher,
        "student": student,
        "train": columns(source),
        "teacher_tokenizer": theirs,
        "student_tokenizer": ours,
        "losses": 0.9 * KD(temperature=2) + 0.1 * CrossEntropy(),
        "seeds": [0, 1],
        "settings": SETTINGS,
        "out": out,
    }
    return limbeck.distill(**(arguments | changes))


@pytest.fixture(scope="module")
def by_objects(by_recipe, source, tmp_path_factory):
    return as_objects(by_recipe, source, tmp_path_factory.mktemp("objects") / "run")


@pytest.mark.parametrize("network", ["student/seed-0", "student/seed-1", "baseline/seed-0", "baseline/seed-1"])
def test_objects_end_with_the_bits_of_the_recipe(by_recipe, by_objects, network):
    one, two = (load_file(run.folder / network / "model.safetensors") for run in (by_recipe[0], by_objects))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_objects_end_with_the_evaluation_of_the_recipe(by_recipe, by_objects):
    expected, found = by_recipe[0].evaluation, by_objects.evaluation
    for name in ("teacher", "student", "baseline", "floor", "distilled_floor"):
        assert found.models[name].per_seed == expected.models[name].per_seed
        assert found.models[name].fidelity == expected.models[name].fidelity
    assert (found.gain, found.verdict) == (expected.gain, expected.verdict)
    assert found.bundle.max_abs_error == expected.bundle.max_abs_error


def test_a_run_has_student_evaluation_and_bundle(by_objects):
    loaded = limbeck.load(by_objects.bundle)
    assert set(loaded.labels) == {"0", "1"}
    assert not by_objects.student.training
    ids = torch.tensor([[2, 3, 4]], device=device_of(by_objects.student))
    assert by_objects.student(input_ids=ids, attention_mask=torch.ones_like(ids)).shape == (1, 2)
    assert by_objects.report.is_file()


def test_a_second_call_reuses_everything(by_recipe, by_objects, source):
    before = (by_objects.folder / "evaluation.json").read_bytes()
    again = as_objects(by_recipe, source, by_objects.folder)
    assert (by_objects.folder / "evaluation.json").read_bytes() == before
    assert len(again.evaluation.test_evaluations) == 1


@pytest.mark.usefixtures("quick_export")
def test_another_student_is_trained_anew(by_recipe, by_objects, source, tmp_path):
    """Its class and settings say nothing about it; its weights do."""

    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(2))

        def forward(self, input_ids, attention_mask):
            return self.bias + 0 * input_ids[:, :1]

    first = as_objects(by_recipe, source, tmp_path / "run", seeds=[0], settings=SETTINGS | {"baseline": False})
    other = as_objects(
        by_recipe, source, tmp_path / "run", seeds=[0], settings=SETTINGS | {"baseline": False}, student=Constant()
    )
    assert isinstance(other.student, Constant)
    assert first.evaluation.score("student") != other.evaluation.score("student")
    assert len(other.evaluation.test_evaluations) == 2


@pytest.mark.usefixtures("quick_export")
def test_names_do_as_well_as_objects(source, tmp_path):
    values = recipe(source)
    values["teacher"]["train"]["steps"] = 5
    settings = SETTINGS | {"baseline": False, "teacher.accept_bad": True}
    result = limbeck.distill(
        values["teacher"], {"name": "ngrams", "dim": 4, "buckets": 64}, source, seeds=[0], settings=settings,
        out=tmp_path / "run",
    )  # fmt: skip
    assert result.evaluation.data.labelled == 40


def test_a_dataset_dict_brings_its_splits_and_the_order_of_its_classes():
    """In a mapping of data sets by split a column `text` was looked for."""
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["pos", "neg"])})

    def part(name, labels):
        texts = [f"{name} {row}" for row in range(len(labels))]
        return datasets.Dataset.from_dict({"text": texts, "label": labels}, features=features)

    given = datasets.DatasetDict(
        {"train": part("train", [0, 1] * 10), "dev": part("dev", [1, 0]), "unsupervised": part("more", [-1, -1])}
    )
    data = parse_recipe(recipe("python", data={"source": "python"}), "test").data
    tables = tables_of(given, data, "train", "text")
    assert {name: table.labels[:2] for name, table in tables.items()} == {
        "train": ["pos", "neg"],
        "validation": ["neg", "pos"],
        "unsupervised": [None, None],
    }
    assert {table.classes for table in tables.values()} == {("pos", "neg")}
    assert tables_of(given, data, "validation", "text")["validation"].values == ["dev 0", "dev 1"]
    frames = {name: part.to_pandas() for name, part in given.items()}
    assert tables_of(frames, data, "train", "text")["validation"].values == ["dev 0", "dev 1"]
    assert is_table(frames["train"])
    assert not is_table(torch.utils.data.DataLoader([1]))
    del given["train"]
    with pytest.raises(LimbeckError, match="no `test` split, only validation, unsupervised"):
        tables_of(given, data, "test", "text")


class AnyInputs(nn.Module):
    """Takes whatever a tokenizer gives, by name, and names none of it."""

    def __init__(self, outputs=2):
        super().__init__()
        self.words = nn.EmbeddingBag(400, outputs, mode="sum")

    def forward(self, **inputs):
        return self.words(inputs["input_ids"], per_sample_weights=inputs["attention_mask"].float())


class Optional(AnyInputs):
    """Takes more than it is given, and its mask only if there is one."""

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, labels=None):
        assert token_type_ids is None
        return super().forward(input_ids=input_ids, attention_mask=attention_mask)


def small_bert(outputs=2):
    config = BertConfig(
        vocab_size=400, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=24, pad_token_id=0, num_labels=outputs,
    )  # fmt: skip
    return BertForSequenceClassification(config)


@pytest.mark.parametrize(
    "make",
    [small_bert, pytest.param(AnyInputs, marks=pytest.mark.slow), pytest.param(Optional, marks=pytest.mark.slow)],
)
def test_a_student_as_people_have_them_gets_a_bundle(by_recipe, source, tmp_path, make):
    settings = SETTINGS | {"baseline": False, "student.train.steps": 3}
    result = as_objects(by_recipe, source, tmp_path / "run", seeds=[0], settings=settings, student=make)
    assert result.evaluation.bundle_error is None
    assert result.evaluation.bundle.max_abs_error < 1e-4
    texts = ["superb gem", "dull bore", "the film"]
    answers = limbeck.load(result.bundle).predict(texts)
    assert len(answers) == 3


class Fixed(nn.Module):
    """Answers with how long a text is, and cannot learn."""

    def forward(self, input_ids, attention_mask):
        lengths = attention_mask.float().sum(1, keepdim=True)
        return torch.cat([lengths, -lengths], 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher": 3}, "an int is no teacher"),
        ({"student": 3}, "an int is no student"),
        ({"teacher_tokenizer": None}, "needs its tokenizer; give teacher_tokenizer"),
        ({"student_tokenizer": 3}, "give a fast tokenizer"),
        (
            {"settings": {"teacher.reads.tokenizer": {"kind": "words"}}},
            r"`teacher_tokenizer` and the setting `teacher\.reads\.tokenizer` name two tokenizers",
        ),
        ({"settings": {"student.trian.steps": 3}}, "did you mean `train`"),
        ({"train": {"words": ["a"], "label": [0]}}, "no column `text`; give settings={'data.text': 'words'}"),
        ({"validation": [1]}, "some splits are tables and some are loaders"),
        ({"losses": [{"name": "kdd"}]}, "kdd"),
        ({"student": lambda classes: None}, r"the function failed \(TypeError: .*missing 1 .*called without arguments"),
        ({"student": torch.nn.Linear}, r"^student: the function failed \(TypeError: .*`?in_features"),
        ({"student": lambda: 3}, "the function returned an int, not an nn.Module"),
        ({"train": {"text": "a film", "label": 1}}, r"column `text`: a column is one str; give each column a list"),
        ({"train": {"text": ["a film"], "label": 1}}, r"column `label`: a column is one int; give each column a list"),
        ({"student": lambda: AnyInputs(3)}, r"^student: its forward returns \(1, 3\) for 1 rows of 2 outputs"),
        ({"student": lambda: small_bert(3)}, r"^student: its forward returns \(1, 3\) for 1 rows of 2 outputs"),
        (
            {"student_tokenizer": ByT5Tokenizer()},
            "a ByT5Tokenizer has no `tokenizers.Tokenizer`; give a fast tokenizer",
        ),
        ({"student": lambda: Fixed()}, "student: the network has no parameters: there is nothing to train"),
    ],
)
def test_what_is_refused(by_recipe, source, tmp_path, changes, message):
    with pytest.raises(limbeck.LimbeckError, match=message) as caught:
        as_objects(by_recipe, source, tmp_path / "run", **changes)
    if "failed" in message:
        assert isinstance(caught.value.__cause__, TypeError), "its traceback is kept"


def test_a_recipe_of_objects_cannot_be_run_from_its_file(by_objects, tmp_path):
    from limbeck.recipe import load_recipe

    loaded = load_recipe(str(by_objects.folder / "recipe.yaml"), [f"data.source={tmp_path / 'rows.csv'}"])
    write_csv(tmp_path / "rows.csv")
    with pytest.raises(LimbeckError, match="was a Python object"):
        run(loaded, tmp_path / "run")


def test_without_torch_the_install_line_is_named():
    """The runtime alone was installed, and `limbeck.distill` gave a traceback."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import limbeck\n"
        "try: limbeck.distill\n"
        "except limbeck.LimbeckError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"limbeck.distill needs torch; pip install .*\[distill\]'", said.strip())


@pytest.mark.usefixtures("quick_export")
def test_lists_of_rows_and_more_texts(tmp_path):
    """A list of rows is a table; more texts may be a list, a column or a frame, and their labels are not looked at."""
    rows = pd.read_csv(write_csv(tmp_path / "mine.csv")).to_dict("records")
    more = [f"another text {number}" for number in range(30)]
    given = {"seeds": [0], "settings": SETTINGS, "unlabelled": more, "out": tmp_path / "run"}
    run = limbeck.distill({"kind": "nblr"}, "ngrams", rows, **given)
    assert run.evaluation.data.unlabelled == len(rows) - 60 - 30 - 40 + len(more)
    data = parse_recipe(recipe(tmp_path / "mine.csv"), "it").data
    for form in (more, tuple(more), pd.Series(more), pd.DataFrame({"text": more, "n": 1}), [{"text": t} for t in more]):
        assert unlabelled_of(form, data, "text") == more


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (pd.Series(["a", "b"]), r"^train: this is one column \(a Series\), .*; give the frame"),
        ([("a", 1), ("b", 0)], "^train: its rows are tuples, whose columns have no names; give mappings"),
    ],
)
def test_what_is_no_table(tmp_path, given, said):
    with pytest.raises(LimbeckError, match=said):
        limbeck.distill({"kind": "nblr"}, "ngrams", given, out=tmp_path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, r"^train: 200 .* would do: settings={'data.split.test': 40, 'data.split.validation': 40}$"),
        ({"data.text": "body"}, r"^train: no column `body`; give settings={'data.text': 'text'}$"),
    ],
)
def test_what_is_wrong_with_a_frame_is_told_in_python(tmp_path, settings, said):
    rows = pd.DataFrame({"text": [f"text {row}" for row in range(200)], "label": [0, 1] * 100})
    with pytest.raises(LimbeckError, match=said):
        limbeck.distill({"kind": "nblr"}, "ngrams", rows, settings=settings, out=tmp_path)


@pytest.mark.usefixtures("quick_export")
def test_the_folder_of_every_call_keeps_the_run_of_another_frame(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, other = (columns(write_csv(tmp_path / "mine.csv", seed=seed)) for seed in (0, 1))
    given = {"teacher": {"kind": "nblr"}, "student": "ngrams", "seeds": [0], "settings": SETTINGS | {"baseline": False}}
    first = limbeck.distill(train=one, **given)
    before = (first.folder / "evaluation.json").read_bytes()
    views = sorted(first.folder.glob("views/**/*"))
    with pytest.raises(LimbeckError, match=r"^runs/distill: .*other data .*\(out=\"runs/distill\"\)$"):
        limbeck.distill(train=other, **given)
    assert (first.folder / "evaluation.json").read_bytes() == before
    assert sorted(first.folder.glob("views/**/*")) == views
    limbeck.distill(train=one, **given | {"settings": given["settings"] | {"data.labelled": 30}})
    assert limbeck.distill(train=other, out="runs/distill", **given).folder == first.folder


@pytest.mark.usefixtures("quick_export")
def test_a_recipe_says_whatever_is_not_given(tmp_path, by_recipe, source):
    values = recipe(source)
    values["student"]["reads"]["tokenizer"] = {"kind": "words", "min_frequency": 2}
    file = tmp_path / "mine.yaml"
    file.write_text(write_yaml(values), encoding="utf-8")
    done = limbeck.distill(recipe=file, train=columns(source), out=tmp_path / "run")
    for network in ("student/seed-0", "baseline/seed-1"):
        one, two = (load_file(run.folder / network / "model.safetensors") for run in (by_recipe[0], done))
        assert all(torch.equal(one[name], two[name]) for name in one)
    given = {
        "teacher": {"kind": "nblr"},
        "losses": 1.0 * KD(temperature=3),
        "seeds": [7],
        "settings": {"baseline": False},
    }
    other = limbeck.distill(recipe=str(file), train=columns(source), out=tmp_path / "other", **given)
    written = (tmp_path / "other/recipe.yaml").read_text(encoding="utf-8")
    assert "kind: nblr" in written
    assert "temperature: 3" in written
    assert other.evaluation.seeds == [7]
    assert other.evaluation.name == "other"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"student": "ngrams"},
            '^limbeck.distill: no teacher; give it, or a recipe that has one, such as recipe="text"$',
        ),
        ({"teacher": {"kind": "nblr"}}, "^limbeck.distill: no student; give it"),
        ({"recipe": "txt"}, "^no recipe `txt`; did you mean `text`"),
        ({"recipe": "text", "train": None}, "^limbeck.distill: no training rows; give train"),
    ],
)
def test_what_is_missing_without_a_recipe(tmp_path, source, given, said):
    with pytest.raises(LimbeckError, match=said):
        limbeck.distill(**({"train": columns(source), "out": tmp_path / "run"} | given))
