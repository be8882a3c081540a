"""Teachers that come finished: each with its own accuracy, or refused with the line that mends it."""

import copy
import json
import os
import re
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
from classifiers import LENGTH, POSITIONS, own_accuracy, save_classifier, train_classifier
from safetensors.torch import load_file
from tiny import recipe, write_csv
from tokenizers import Tokenizer
from torch import nn

import limbeck
from limbeck.errors import LimbeckError
from limbeck.pipeline import run
from limbeck.pipeline.check import _judge, check
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import parse_recipe
from limbeck.trainer import predict_logits
from made_rows import numbers_of, splits_of

sys.path.append(str(Path(__file__).parent.parent / "bad_input"))
from workshop import export_quickly

pytestmark = pytest.mark.usefixtures("quick_exports")

ORDER = [3, 0, 4, 1, 2]
DATA = {"split": {"test": 60, "validation": 40}, "labelled": 120, "labelled_per_batch": 4}
STUDENT = {"train": {"steps": 4, "batch_size": 16, "validations": 1}}


class Case:
    """A data set, and a classifier that knows it, in memory and in a folder."""

    def __init__(self, folder: Path, order: list[int], names: list[str]) -> None:
        self.source, self.order = write_csv(folder / "rows.csv", classes=len(order)), order
        self.splits = splits_of(self.recipe({"kind": "nblr"}))
        self.network, self.reader = train_classifier(folder / "known.csv", order, names)
        self.folder = save_classifier(folder / "classifier", self.network, self.reader)
        self.tokenizer = Tokenizer.from_str(self.reader.tokenizer_json)

    def recipe(self, teacher, **changes):
        values = recipe(self.source, seeds=[0], baseline=False, **changes)
        values["data"] |= DATA
        values["student"] |= STUDENT
        return parse_recipe(values | {"teacher": teacher}, "test")

    def checkpoint(self, folder=None, **keys):
        return self.recipe({"kind": "transformers", "model": str(folder or self.folder), **keys})

    def renamed(self, folder: Path, names: list[str]) -> Path:
        """Return the classifier's folder with other names of its outputs."""
        save_classifier(folder, self.network, self.reader)
        config = json.loads((folder / "config.json").read_text())
        config["id2label"] = dict(enumerate(names))
        config["label2id"] = {name: number for number, name in enumerate(names)}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    def accuracy(self, split):
        rows = getattr(self.splits, split)
        return own_accuracy(self.network, self.reader, self.order, rows.values, numbers_of(rows).tolist())

    def settled(self, loaded):
        return settle(loaded, Material(self.splits))


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    names = [f"CLASS_{number}" for number in ORDER]
    return Case(tmp_path_factory.mktemp("five"), ORDER, names)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return Case(tmp_path_factory.mktemp("two"), [1, 0], ["POSITIVE", "NEGATIVE"])


@pytest.mark.parametrize("way", ["recipe", "folder", "object"])
def test_a_classifier_in_another_order_has_its_own_accuracy(five, tmp_path, monkeypatch, capsys, way):
    export_quickly(monkeypatch)
    if way == "recipe":
        result = run(five.checkpoint(), tmp_path / "run")
    else:
        settings = {f"data.{key}": value for key, value in DATA.items()} | {"student.train": STUDENT["train"]}
        result = limbeck.distill(
            str(five.folder) if way == "folder" else five.network,
            {"name": "ngrams", "dim": 4, "buckets": 64},
            five.source,
            teacher_tokenizer=five.tokenizer,
            seeds=[0],
            settings=settings | {"baseline": False},
            out=tmp_path / "run",
        )
    assert result.evaluation.score("teacher") == pytest.approx(five.accuracy("test"), abs=1e-9)
    assert result.evaluation.score("teacher") > 0.9
    assert "outputs by their names: CLASS_0 is class 0, CLASS_1 is class 1" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "run/teacher").iterdir()] == ["stage.json"], "nothing was trained"
    written = (tmp_path / "run/recipe.yaml").read_text()
    assert "CLASS_4: class 4" in written
    if way == "recipe":
        assert "finetune: false" in written
        assert f"max_length: {POSITIONS}" in written
        loaded = limbeck.recipe.load_recipe(str(tmp_path / "run/recipe.yaml"))
        assert run(loaded, tmp_path / "run").evaluation == result.evaluation


@pytest.mark.parametrize(
    ("keys", "refits", "length"),
    [
        ({}, False, POSITIONS),
        ({"reads": {"max_length": LENGTH}}, False, LENGTH),
        ({"finetune": True}, True, 128),
        ({"labels": {}}, True, 128),
    ],
)
def test_what_is_left_open_is_settled(five, keys, refits, length):
    teacher = five.settled(five.checkpoint(**keys)).teacher
    assert (teacher.refits, teacher.reads.max_length) == (refits, length)
    in_order = [f"CLASS_{number}" for number in range(5)]
    assert list(teacher.labels) == teacher.network.model.outputs == ([] if keys.get("labels") == {} else in_order)


def test_a_head_in_another_order_is_trained_in_that_of_the_data(five):
    """As it begins, before any step, it says what the finished one says."""
    material = Material(five.splits)
    teacher = five.settled(five.checkpoint(finetune=True, reads={"max_length": LENGTH})).teacher
    network = material.build(teacher.network, seed=0)
    decided = predict_logits(network, material.view(teacher.network).validation).argmax(1)
    assert (decided.numpy() == numbers_of(five.splits.validation)).mean() == five.accuracy("validation")


def test_keys_that_mean_nothing_are_named(five, capsys):
    five.settled(five.checkpoint(train={"epochs": 2}, pooling="cls", attention_dropout=0.0))
    assert "is taken as it is: without a meaning are pooling, attention_dropout, train" in capsys.readouterr().out
    five.settled(five.checkpoint())
    assert "without a meaning" not in capsys.readouterr().out


@pytest.mark.parametrize("names", [["POSITIVE", "NEGATIVE"], ["LABEL_0", "LABEL_1"]])
@pytest.mark.parametrize("way", ["folder", "object"])
def test_integers_against_words_are_refused_with_either_orders_accuracy(two, tmp_path, names, way):
    if names[0] == "LABEL_0":  # beside words
        rows = two.source.read_text().replace(",0\n", ",bad\n").replace(",1\n", ",good\n")
        source, classes = tmp_path / "words.csv", ["bad", "good"]
        source.write_text(rows)
    else:
        source, classes = two.source, ["0", "1"]
    loaded = two.checkpoint(two.renamed(tmp_path / "classifier", names), reads={"max_length": LENGTH})
    settings = {f"data.{key}": value for key, value in DATA.items()} | {"teacher.reads.max_length": LENGTH}
    network = copy.deepcopy(two.network)
    network.config.id2label = dict(enumerate(names))
    line = f"'teacher.labels={{{names[0]}: {classes[0]}, {names[1]}: {classes[1]}}}'"
    other = f"'teacher.labels={{{names[0]}: {classes[1]}, {names[1]}: {classes[0]}}}'"
    right = two.accuracy("labelled")

    def go():
        if way == "folder":
            return check(loaded.model_copy(update={"data": loaded.data.model_copy(update={"source": str(source)})}))
        given = {"teacher_tokenizer": two.tokenizer, "settings": settings, "out": tmp_path / "run"}
        return limbeck.distill(network, "ngrams", source, **given)

    with pytest.raises(LimbeckError) as caught:
        go()
    assert str(caught.value).endswith(
        f"say which is which: {line} ({1 - right:.1%}) or {other} ({right:.1%}), with the accuracy on 120 labelled rows"
    )
    assert right > 0.9


def test_the_line_that_was_pasted_does_it(two, tmp_path):
    settled = two.settled(two.checkpoint(labels={"POSITIVE": 1, "NEGATIVE": 0}))
    material = Material(two.splits)
    answers = ask_teacher(settled, train_teacher(settled, material, tmp_path), two.splits, tmp_path)
    right = (answers.logits("test").argmax(1) == numbers_of(two.splits.test)).mean()
    assert right == two.accuracy("test") > 0.9


@pytest.mark.parametrize(("fitted", "divided"), [(0.06, None), (2.5, 2.5)])
def test_a_finished_teacher_is_never_made_surer(two, tmp_path, monkeypatch, capsys, fitted, divided):
    """Rows of validation that it has learned from would ask for that."""
    monkeypatch.setattr("limbeck.tasks.classification.fit_temperature", lambda *_: fitted)
    settled = two.settled(two.checkpoint(labels={"POSITIVE": 1, "NEGATIVE": 0}, calibrate=True))
    material = Material(two.splits)
    answers = ask_teacher(settled, train_teacher(settled, material, tmp_path), two.splits, tmp_path)
    assert answers.members[0].temperature == divided
    said = " ".join(capsys.readouterr().out.split())
    assert ("it may have learned from these rows" in said) == (divided is None)


class Words(nn.Module):
    """A bare module around the classifier, with an output more."""

    def __init__(self, network, columns):
        super().__init__()
        self.inner, self.columns = network, columns

    def forward(self, input_ids, attention_mask):
        return self.inner(input_ids=input_ids, attention_mask=attention_mask).logits[:, self.columns]


def test_a_bare_module_stands_in_the_order_of_the_classes(two, tmp_path, monkeypatch, capsys):
    export_quickly(monkeypatch)

    def distilled(columns, out, **changes):
        settings = {f"data.{key}": value for key, value in DATA.items()}
        settings |= {"student.train": STUDENT["train"], "baseline": False} | changes
        return limbeck.distill(
            Words(two.network, columns), {"name": "ngrams", "dim": 4, "buckets": 64}, two.source,
            teacher_tokenizer=two.tokenizer, seeds=[0], settings=settings, out=tmp_path / out,
        )  # fmt: skip

    result = distilled([1, 0], "run")
    assert result.evaluation.score("teacher") == pytest.approx(two.accuracy("test"), abs=1e-9)
    assert "outputs in the order of the classes: 0 is 0, 1 is 1" in capsys.readouterr().out
    cached = {path.name for path in (tmp_path / "run/cache").iterdir()}
    mapped = distilled([0, 0, 1], "run", **{"teacher.labels": {2: 0, 1: 1}})
    assert mapped.evaluation.score("teacher") == result.evaluation.score("teacher")
    assert len({path.name for path in (tmp_path / "run/cache").iterdir()} - cached) == 1, "another order, another cache"
    with pytest.raises(LimbeckError, match=r"the teacher has 3 outputs .*, and the data 2 classes"):
        distilled([0, 0, 1], "other")
    line = r"teacher.labels: the outputs seem to be named wrong: .* 'teacher.labels={0: 1, 1: 0}', or go on"
    with pytest.raises(LimbeckError, match=line):
        distilled([0, 1], "other")


@pytest.mark.parametrize("ensemble", [False, True])
def test_two_names_that_are_swapped_are_refused_unless_they_were_said(five, tmp_path, capsys, ensemble):
    """The teacher is well above chance, and its answers to the transfer set are not asked for."""
    names = [f"CLASS_{ {1: 2, 2: 1}.get(number, number) }" for number in ORDER]
    teacher = {
        "kind": "transformers",
        "model": str(five.renamed(tmp_path / "lies", names)),
        "reads": {"max_length": LENGTH},
    }
    said = {f"CLASS_{number}": f"class {number}" for number in range(5)}
    mended = said | {"CLASS_1": "class 2", "CLASS_2": "class 1"}
    line = ", ".join(f'{output}: "{name}"' for output, name in mended.items())

    def judged(labels=None, **keys):
        member = teacher | ({"labels": labels} if labels else {})
        good = {"kind": "transformers", "model": str(five.folder), "reads": {"max_length": LENGTH}}
        whole = {"kind": "ensemble", "members": [good, member], "weights": [1, 1]} if ensemble else member
        settled = five.settled(five.recipe(whole | keys))
        trained = train_teacher(settled, Material(five.splits), tmp_path)
        return ask_teacher(settled, trained, five.splits, tmp_path)

    key = "teacher.members.1" if ensemble else "teacher"
    with pytest.raises(LimbeckError) as caught:
        judged()
    assert str(caught.value).startswith(f"{key}.labels: the outputs seem to be named wrong: ")
    assert f"set '{key}.labels={{{line}}}', or go on with teacher.accept_bad=true" in str(caught.value)
    said_first, *_ = capsys.readouterr().out.split("seem to be named wrong")
    assert f"{key}: accuracy " in said_first
    for labels, keys in ((said, {}), (None, {"accept_bad": True})):
        judged(labels, **keys)
        assert "the outputs seem to be named wrong" in capsys.readouterr().out
    judged(mended)
    assert "seem to be named wrong" not in capsys.readouterr().out
    if not ensemble:
        with pytest.raises(LimbeckError, match="seem to be named wrong"):
            check(five.recipe(teacher))


def test_check_says_how_much_a_codec_leaves_out_of_a_finished_teacher(five, capsys):
    teacher = {"kind": "transformers", "model": str(five.folder)}
    check(five.recipe(teacher, cache={"codec": {"kind": "topk", "k": 4}}))
    said = capsys.readouterr().out
    (share,) = re.findall(
        r"kept as topk, k 4, dtype float16, temperatures 1 2: ([\d.]+)% of a prediction's probability, at most, is "
        r"stored as one rest, on the validation rows",
        said,
    )
    assert 0 < float(share) < 20
    check(five.recipe(teacher))
    assert "kept as" not in capsys.readouterr().out


def test_a_finished_teacher_keeps_the_states_before_its_last_layer(five, capsys):
    teacher = {"kind": "transformers", "model": str(five.folder)}
    pair = {"kind": "ensemble", "members": [teacher, {**teacher, "calibrate": True}], "weights": [0.5, 0.5]}
    for given, rows in ((teacher, 1), (pair, 2)):
        check(five.recipe(given, cache={"codec": "hidden"}))
        said = capsys.readouterr().out
        sizes = re.search(r"answers: ([\d,]+) of 32 bytes \(hidden, dtype float16\) and ([\d,]+) of 64 bytes", said)
        assert sizes, "16 numbers of a state, of 5 classes"
        assert int(sizes[1].replace(",", "")) % rows == 0
        (error,) = re.findall(r"kept as hidden, dtype float16: a logit differs by ([\d.e-]+) at most, on the", said)
        assert 0 < float(error) < 0.02


def test_a_checkpoint_that_cannot_be_taken_as_it_is(five, two, tmp_path):
    from transformers import BertModel

    BertModel(five.network.config).save_pretrained(tmp_path)
    with pytest.raises(LimbeckError, match=r"teacher\.finetune: .* has no head that classifies"):
        five.settled(five.checkpoint(tmp_path, finetune=False))
    with pytest.raises(LimbeckError, match=r"the teacher has 5 outputs .*, and the data 2 classes"):
        two.settled(two.checkpoint(five.folder, finetune=False))
    assert two.settled(two.checkpoint(five.folder)).teacher.refits


def test_other_names_get_a_new_head_where_it_is_trained(five, tmp_path, capsys):
    folder = five.renamed(tmp_path, ["joy", "fear", "anger", "sadness", "love"])
    with pytest.raises(LimbeckError, match=r"outputs `joy`, .* are not the names of the classes `class 0`"):
        five.settled(five.checkpoint(folder))
    assert five.settled(five.checkpoint(folder, finetune=True)).teacher.labels == {}
    assert "it gets a new head" in capsys.readouterr().out


# --- chance ---------------------------------------------------------------------------------------------------------


def wrong(case, **keys):
    """Return the recipe of the classifier with its outputs called wrong."""
    labels = {f"CLASS_{number}": f"class {(number + 1) % 5}" for number in range(5)}
    return case.checkpoint(labels=labels, reads={"max_length": LENGTH}, **keys)


def test_a_finished_teacher_at_chance_ends_before_the_transfer_set(five, tmp_path):
    with pytest.raises(LimbeckError) as caught:
        run(wrong(five), tmp_path / "run")
    line = str(caught.value)
    assert line.startswith("teacher: the teacher is not better than chance: balanced accuracy ")
    assert "on 160 labelled and validation rows, where one answer for all has 20.0%" in line
    assert "teacher.labels" in line
    assert "teacher.accept_bad=true" in line
    (folder,) = (tmp_path / "run/cache").iterdir()
    asked = {number for shard in folder.glob("*.safetensors") for number in load_file(shard)["ids"].tolist()}
    assert asked == {*five.splits.labelled.ids.tolist(), *five.splits.validation.ids.tolist()}
    with pytest.raises(LimbeckError, match=r"not better than chance"):
        check(wrong(five))


@pytest.mark.parametrize(("enough", "asked"), [(20, [20]), (120, [20, 120])])
def test_a_check_asks_all_rows_before_it_refuses(five, monkeypatch, enough, asked):
    """What a run accepts, a check accepts."""

    def judged(recipe, trained, splits, folder, **more):
        rows.append(len(splits.labelled))
        if rows[-1] < enough:
            raise LimbeckError("at chance")

    rows: list[int] = []
    monkeypatch.setattr("limbeck.pipeline.check.JUDGED_ROWS", 20)
    monkeypatch.setattr("limbeck.pipeline.check.judged_teacher", judged)
    monkeypatch.setattr("limbeck.pipeline.check.beforehand", lambda *_: None)
    monkeypatch.setattr("limbeck.pipeline.check.say_beforehand", lambda _: None)
    _judge(five.settled(five.checkpoint()), Material(five.splits))
    assert rows == asked


def test_a_bad_teacher_can_be_accepted(five, tmp_path, capsys):
    settled = five.settled(wrong(five, accept_bad=True))
    answers = ask_teacher(settled, train_teacher(settled, Material(five.splits), tmp_path), five.splits, tmp_path)
    assert "the teacher is not better than chance" in capsys.readouterr().out
    assert len(answers.logits("transfer")) == len(five.splits.transfer)


def test_a_trained_teacher_is_judged_on_validation(five, tmp_path):
    poor = {"kind": "network", "model": "ngrams", "train": {"steps": 1, "lr": 1e-6, "validations": 1}}
    material = Material(five.splits)
    for teacher in (poor, {"kind": "ensemble", "members": [poor, {"kind": "transformers", "model": str(five.folder)}]}):
        settled = five.settled(five.recipe(teacher))
        assert settled.teacher.refits
        if teacher is poor:
            with pytest.raises(LimbeckError, match=r"on 40 validation rows, .*; give it more labels or steps"):
                ask_teacher(settled, train_teacher(settled, material, tmp_path), five.splits, tmp_path)
        else:  # as a whole it is good
            ask_teacher(settled, train_teacher(settled, material, tmp_path), five.splits, tmp_path)


def test_an_ensemble_is_accepted_as_a_whole(five):
    member = {"kind": "nblr", "accept_bad": True}
    with pytest.raises(LimbeckError, match=r"an ensemble is judged as a whole: set teacher.accept_bad"):
        five.recipe({"kind": "ensemble", "members": [member, {"kind": "nblr"}]})
