"""`limbeck.distill` on loaders: any input, a live teacher, a bundle that reads arrays."""

import copy

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import limbeck
from limbeck.errors import LimbeckError
from limbeck.modalities.arrays.loaders import BatchForm, LoaderBatches
from limbeck.pipeline.judging.export import Exported
from limbeck.runtime.bundle import load_for_files
from limbeck.tasks.classification.numbers import read_numbers

CLASSES, SIDE = 3, 6


def images(rows, seed, *, unlabelled=0.0):
    """Return pictures with a bright row, whose number is the class."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (rows,), generator=draw)
    pixels = torch.randn(rows, 1, SIDE, SIDE, generator=draw)
    pixels[torch.arange(rows), 0, 2 * labels] += 1.0
    labels[torch.rand(rows, generator=draw) < unlabelled] = -1
    return TensorDataset(pixels, labels)


class Network(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.filter = nn.Conv2d(1, width, 3)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(width * (SIDE - 2) ** 2, CLASSES)

    def forward(self, pixels):
        return self.head(self.drop(torch.relu(self.filter(pixels)).flatten(1)))


@pytest.fixture(scope="module")
def teacher():
    torch.manual_seed(0)
    network = Network(8)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for pixels, labels in DataLoader(images(300, 1), batch_size=50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(pixels), labels).backward()
        optimizer.step()
    return network


def loaders():
    return {
        "train": DataLoader(images(200, 2, unlabelled=0.7), batch_size=20, shuffle=True),
        "validation": DataLoader(images(40, 3), batch_size=16),
        "test": DataLoader(images(60, 4), batch_size=16),
    }


def go(teacher, out, **changes):
    arguments = {
        "teacher": teacher,
        "student": lambda: Network(2),
        **loaders(),
        "seeds": [0],
        "classes": ["low", "middle", "high"],
        "settings": {"student.train": {"steps": 20, "lr": 0.02, "validations": 2}},
        "out": out,
    }
    return limbeck.distill(**(arguments | changes))


def test_test_rows_that_are_validation_rows_are_said(teacher, tmp_path, capsys):
    both = {name: DataLoader(images(40, 3), batch_size=16) for name in ("validation", "test")}
    go(teacher, tmp_path / "run", **both, settings={"student.train.steps": 1, "baseline": False})
    assert "40 test rows are validation rows too" in " ".join(capsys.readouterr().out.split())


@pytest.fixture(scope="module")
def finished(teacher, tmp_path_factory):
    return go(teacher, tmp_path_factory.mktemp("loaders") / "run")


def test_there_is_a_whole_evaluation(finished):
    result = finished.evaluation
    assert (result.test_examples, result.data.classes) == (60, ["low", "middle", "high"])
    assert "floor" not in result.models
    assert result.test_evaluations[0].models == ["teacher", "student", "baseline"]
    assert result.modality == "arrays"
    assert result.gain is not None
    assert result.models["student"].cost is not None
    assert result.samples[0].sample.name.startswith("test row ")
    assert "<svg" in finished.report.read_text()


def test_the_bundle_reads_arrays_and_says_what_the_student_says(finished):
    student = limbeck.load(finished.bundle)
    pixels = images(60, 4).tensors[0]
    assert student.info["reads"]["inputs"] == {"pixels": {"dtype": "float32", "shape": [1, SIDE, SIDE]}}
    with torch.no_grad():
        expected = finished.student.cpu()(pixels).numpy()
    tolerance = 1e-4 if student.info["precision"] == "fp32" else 0.5
    np.testing.assert_allclose(student.logits({"pixels": pixels.numpy()}), expected, atol=tolerance)
    predictions = student.predict({"pixels": pixels.numpy()})
    correct = np.mean(
        [p.label == ["low", "middle", "high"][c] for p, c in zip(predictions, images(60, 4).tensors[1], strict=True)]
    )
    if student.info["precision"] == "fp32":
        assert correct == pytest.approx(finished.evaluation.score("student"))
    with pytest.raises(ValueError, match="the student needs pixels; given: x"):
        student.logits({"x": pixels.numpy()})
    with pytest.raises(LimbeckError, match=r"reads arrays, which no file holds; ask it from Python"):
        load_for_files(finished.bundle)


def test_the_teacher_is_untouched(teacher, tmp_path):
    """Nothing of it is trained, its mode stays, and it is in no file of the run."""
    teacher.train()
    before = copy.deepcopy(teacher.state_dict())
    result = go(teacher, tmp_path / "run", settings={"student.train.steps": 3, "baseline": False})
    assert teacher.training
    assert all(torch.equal(value.cpu(), before[name].cpu()) for name, value in teacher.state_dict().items())
    held = [load_file(path) for path in result.folder.rglob("model.safetensors")]
    assert held
    assert all(weights["filter.weight"].shape[0] == 2 for weights in held)


def test_a_target_relative_to_a_given_teacher(teacher, tmp_path):
    settings = {"student.train.steps": 3, "baseline": False, "until.retention": 0.01}
    result = go(teacher, tmp_path / "run", settings=settings).evaluation
    with torch.no_grad():
        pixels, labels = images(40, 3).tensors
        own = (copy.deepcopy(teacher).cpu().eval()(pixels).argmax(1) == labels).double().mean().item()
    assert result.until.level == pytest.approx(0.01 * own)
    assert result.models["student"].steps_until == [1]


def test_batches_may_be_mappings(teacher, tmp_path):
    """The teacher sees clean pictures, the student augmented ones."""

    def mixed(rows, seed, noise):
        for pixels, labels in DataLoader(images(rows, seed), batch_size=20):
            yield {"teacher": pixels, "student": {"pixels": pixels + noise}, "labels": labels}

    result = go(
        teacher,
        tmp_path / "run",
        train=list(mixed(100, 2, 0.1)),
        validation=list(mixed(40, 3, 0.0)),
        test=list(mixed(60, 4, 0.0)),
        settings={"student.train": {"epochs": 2}, "baseline": False, "data.class_weights": {"high": 3}},
    )
    assert result.evaluation.verdict == "no_baseline"
    history = (result.folder / "metrics.jsonl").read_text()
    assert '"step": 10' in history  # 2 epochs of 5 batches


def test_labels_of_a_loader_cannot_be_balanced(teacher, tmp_path):
    with pytest.raises(LimbeckError, match=r"the labels of a loader cannot be counted .* give a mapping"):
        go(teacher, tmp_path / "run", settings={"data.class_weights": "balanced"})
    with pytest.raises(LimbeckError, match=r"class_weights: no class `hihg`; did you mean `high`\?"):
        go(teacher, tmp_path / "run", settings={"data.class_weights": {"hihg": 3}})


def test_a_live_teacher_may_be_heard_for_its_decisions_only(teacher, tmp_path, monkeypatch):
    """Without a baseline there is no gain to take apart."""
    left_out = Exported({}, dict.fromkeys(("teacher", "student", "hard_labels"), "left out"))
    monkeypatch.setattr("limbeck.pipeline.order.export_all", lambda *_: left_out)
    settings = {"student.train": {"steps": 4, "validations": 1}, "arms": ["student", "hard_labels"]}
    result = go(teacher, tmp_path / "run", settings=settings).evaluation
    assert list(result.models) == ["teacher", "student", "hard_labels"]
    assert (result.gain, result.decomposition, result.verdict) == (None, None, "no_baseline")


def test_steps_are_the_loaders_batches_in_order():
    loader = [(torch.tensor([[float(i)]]), torch.tensor([i])) for i in range(5)]
    batches = LoaderBatches(loader, BatchForm("x", "x", read_numbers), accumulate=2)

    def at(step):
        return [int(batch.labels) for batch in batches.group(step)]

    assert [at(0), at(1), at(2)] == [[0, 1], [2, 3], [4, 0]]
    assert at(0) == [0, 1]


def test_what_was_trained_on_another_loader_is_not_taken(teacher, tmp_path):
    """Nothing tells two loaders apart, so that each call trains."""
    settings = {"student.train": {"steps": 3, "validations": 1}, "baseline": False}
    first = go(teacher, tmp_path / "run", settings=settings)
    other = DataLoader(images(100, 9), batch_size=20)
    second = go(teacher, tmp_path / "run", settings=settings, train=other)
    assert not torch.equal(first.student.head.weight, second.student.head.weight)
    assert len(second.evaluation.test_evaluations) == 2


def test_the_card_loads_it_as_it_has_to_be(finished):
    card = (finished.bundle / "README.md").read_text()
    assert 'limbeck.load("bundle")' in card
    assert 'student.predict({"pixels": array})' in card
    assert "text-classification" not in card


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": None}, "no test loader; nothing can be held out of a loader"),
        ({"train": [3]}, "a batch is an int; give"),
        ({"train": []}, "it gave no batch"),
        ({"validation": [(torch.zeros(1, 1, SIDE, SIDE), torch.zeros(1, dtype=torch.int64))]}, "fewer than two rows"),
        ({"validation": [(torch.zeros(2, 1, SIDE, SIDE), torch.tensor([0, -1]))]}, "1 rows have no label"),
        ({"validation": [{"labels": torch.tensor([0, 1])}]}, "the keys labels has no inputs"),
        ({"validation": [(["a", "b"], torch.tensor([0, 1]))]}, "the argument `pixels` is of type list, not one row"),
        ({"validation": [{"pixels": torch.tensor(1.0), "labels": [0, 1]}]}, "the argument `pixels` is of type Tensor"),
        (
            {"test": [(torch.zeros(2, 1, n, SIDE), torch.tensor([0, 1])) for n in (5, 6)]},
            "batches differ in shape or keys .*; pad every batch",
        ),
        ({"validation": [(torch.zeros(2, 1, SIDE, SIDE), torch.tensor([0]))]}, "different numbers of rows"),
        (
            {"test": [(torch.zeros(2, 1, SIDE, SIDE), torch.tensor([0, 3]))]},
            "test loader: the label 3 stands beside 3 classes, which are numbered from 0",
        ),
        ({"classes": ["a"]}, "the label 2 stands beside 1 classes, which are numbered from 0"),
        (
            {"classes": ["a", "b", "c", "d"]},
            r"the teacher has 3 outputs \(`0`, `1`, `2`\), and the data 4 classes \(`a`, `b`, `c`, `d`\)",
        ),
        (
            {"student": "ngrams"},
            "`ngrams` reads text, and `reads` is of kind arrays; take one .* of your own",
        ),
        (
            {"settings": {"data.unlabelled": "more.csv"}},
            r"`data\.unlabelled` says something of tables, and loaders are given",
        ),
        ({"train": [(images(20, 2).tensors[0], -torch.ones(20))]}, "train loader: no row has a label"),
        (
            {"train": [(images(20, 2).tensors[0], torch.arange(20) % 4)]},
            "train loader: the label 3 stands beside 3 classes",
        ),
        ({"classes": ["a", "a", "b"]}, "`classes` has 2 different names for 3 classes: a, a, b"),
        ({"classes": "abc"}, "`classes` is one text, `abc`; give a list"),
        ({"settings": {"data.source": "d.csv"}}, r"the setting `data\.source` names data, and `train` is given"),
        ({"settings": {"data.text": "review"}}, r"`data\.text` names a column, and a loader has none"),
    ],
)
def test_what_is_refused(teacher, tmp_path, changes, message):
    with pytest.raises(LimbeckError, match=message):
        go(teacher, tmp_path / "run", **changes)
