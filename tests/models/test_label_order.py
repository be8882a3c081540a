"""Which output of a teacher speaks for which class: told, named alike, numbered, or refused."""

import pytest
import torch
import yaml
from torch import nn

from limbeck.errors import LimbeckError
from limbeck.models import Ordered, UnmatchedError, label_order, ordered, positions
from limbeck.taps import Taps
from limbeck.teachers.module import weights_digest
from limbeck.types import Tap


def order(outputs, classes, labels=None):
    """Return the column of each class, as the pipeline finds it."""
    found, _ = label_order(outputs, classes, labels)
    assert list(found.values()) == list(classes)
    return positions(outputs, list(found))


@pytest.mark.parametrize(
    ("outputs", "classes", "labels", "columns"),
    [
        (["b", "c", "a"], ["a", "b", "c"], None, [2, 0, 1]),
        (["POSITIVE", "Negative "], ["negative", "positive"], None, [1, 0]),
        (["very_good", "Very-Bad"], ["very bad", "very good"], None, [1, 0]),
        (["caf\u00e9", "ﬁn"], ["cafe\u0301", "fin"], None, [0, 1]),
        (["a", "A"], ["A", "a"], None, [1, 0]),
        (["STRASSE", "x"], ["x", "Stra\u00dfe"], None, [1, 0]),
        (["False", "True"], ["false", "true"], None, [0, 1]),
        ([f"LABEL_{i}" for i in range(11)], sorted(map(str, range(11))), None, [0, 1, 10, *range(2, 10)]),
        (["LABEL_1", "LABEL_0"], ["0", "1"], None, [1, 0]),
        (["NEGATIVE", "POSITIVE"], ["0", "1"], {"POSITIVE": "0", "negative": "1"}, [1, 0]),
        (["neg", "neutral", "pos"], ["0", "1"], {"pos": "1", "neg": "0"}, [0, 2]),
        (["x", "x"], ["a", "b"], {"1": "a", "0": "b"}, [1, 0]),
        (["1", "0"], ["0", "1"], None, [1, 0]),
        (["a", "b"], ["a", "b"], {"a": "b", "b": "a"}, [1, 0]),
    ],
)
def test_the_order_is_found(outputs, classes, labels, columns):
    assert order(outputs, classes, labels) == columns


def test_how_it_is_known_is_said():
    assert label_order(["LABEL_0", "LABEL_1"], ["0", "1"], None)[1] == "LABEL_i is taken for the class i"
    assert label_order(["A", "B"], ["a", "b"], None)[1] == "by their names"


@pytest.mark.parametrize(
    ("outputs", "classes", "guess"),
    [
        (["NEGATIVE", "POSITIVE"], ["0", "1"], {"NEGATIVE": "0", "POSITIVE": "1"}),
        (["LABEL_0", "LABEL_1"], ["bad", "good"], {"LABEL_0": "bad", "LABEL_1": "good"}),
        (["LABEL_0", "LABEL_1"], ["1", "2"], {"LABEL_0": "1", "LABEL_1": "2"}),
        (["worldd", "sport"], ["sports", "world"], {"worldd": "world", "sport": "sports"}),
        (["joy", "fury", "fear"], ["anger", "fear", "joy"], {"joy": "joy", "fury": "anger", "fear": "fear"}),
        (["a: x", "it's"], ["null", "007"], {"a: x": "null", "it's": "007"}),
    ],
)
def test_what_nobody_knows_is_refused_with_the_line_to_paste(outputs, classes, guess):
    with pytest.raises(UnmatchedError) as caught:
        label_order(outputs, classes, None)
    assert caught.value.guess == guess
    assert str(caught.value).startswith("teacher.labels: the teacher's outputs ")
    if "it's" not in outputs:  # the shell's quotes
        pasted = yaml.safe_load(caught.value.fix.split("teacher.labels=")[1].strip("'"))
        assert {str(output): str(name) for output, name in pasted.items()} == guess


def test_an_output_speaks_for_one_class():
    with pytest.raises(UnmatchedError, match=r"outputs `b` are not the names of the classes `A`"):
        label_order(["a", "b"], ["A", "a"], None)


def test_both_sides_are_named():
    with pytest.raises(UnmatchedError, match=r"outputs `fury` are not the names of the classes `anger`"):
        label_order(["joy", "fury"], ["anger", "joy"], None)


@pytest.mark.parametrize(
    ("outputs", "classes", "labels", "message"),
    [
        (["a", "b", "c"], ["a", "b"], None, r"3 outputs \(`a`, `b`, `c`\), and the data 2 classes.*{a: a, b: b}"),
        (["a", "b"], ["a", "b", "c"], None, "2 outputs .*, and the data 3 classes .*; give a teacher that knows every"),
        (["a", "b"], ["0", "1"], {"a": "0", "c": "1"}, "the teacher has no output `c`"),
        (["good", "bad"], ["0", "1"], {"goood": "0"}, "no output `goood`; did you mean `good`"),
        (["a", "b"], ["0", "1"], {"a": "0", "b": "2"}, "the data has no class `2`; valid: 0, 1"),
        (["a", "b"], ["0", "1"], {"a": "0"}, "no output is called the class `1`"),
        (["a", "b"], ["0", "1"], {}, "no output is called the class `0`, `1`"),
        (["a", "b", "c"], ["0", "1"], {"a": "0", "b": "1", "c": "1"}, "two outputs are called the class `1`"),
        (["a", "b"], ["0", "1"], {"a": "0", "A": "1"}, "the output `A` is called two classes"),
        (["a", "b"], ["0", "1"], {"a": "0", "5": "1"}, "no output `5`"),
    ],
)
def test_what_cannot_be_is_refused(outputs, classes, labels, message):
    with pytest.raises(LimbeckError, match=message) as caught:
        label_order(outputs, classes, labels)
    assert not isinstance(caught.value, UnmatchedError)


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = nn.Linear(2, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.hidden(x))


def test_an_ordered_network_is_the_network_with_its_columns_moved():
    torch.manual_seed(0)
    network, x = Inner(), torch.randn(5, 2)
    moved, picked = ordered(network, [2, 0, 1], 3), ordered(network, [0, 1], 3)
    assert torch.equal(moved(x=x), network(x)[:, [2, 0, 1]])
    assert torch.equal(picked(x=x), network(x)[:, :2])
    assert ordered(network, [0, 1, 2], 3) is network
    digests = {weights_digest(each) for each in (network, moved, picked, ordered(network, [1, 2, 0], 3))}
    assert len(digests) == 4, "another order is another teacher"
    logits, features = Taps(moved, [Tap("hidden")])(x=x)  # activations keep their paths
    assert torch.equal(features["hidden"], network.hidden(x))
    assert torch.equal(logits, moved(x=x))
    network.no_onnx = "a reason"
    assert Ordered(network, [1, 0, 2]).no_onnx == "a reason"
