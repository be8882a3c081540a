"""Label sets: the three ways in which they are written, and their thresholds."""

import numpy as np
import pytest
import torch

from limbeck.data import DataOptions
from limbeck.errors import LimbeckError
from limbeck.runtime.decisions import RULES, label_sets
from limbeck.tasks import MultilabelSettings
from limbeck.tasks.multilabel.flags import read_flags

SETS = [["a", "c"], [], ["b"], ["a"], ["c", "b", "a"], ["b"]]


def learn(cells: list, label="tags", missing=None, **settings):
    options = DataOptions(source="made", label=label, missing=missing)
    return MultilabelSettings(**settings).learn(cells, None, options, "made")


def flags(names: list[str]) -> tuple[int, ...]:
    return tuple(int(name in names) for name in "abc")


WRITTEN = {
    "lists": (SETS, {}),
    "arrays": ([np.array(each, dtype=str) for each in SETS], {}),
    "texts": (["a | c", "|", "b", "a", "c|b|a", "b|b"], {"separator": "|"}),
    "columns": ([flags(each) for each in SETS], {"label": ("a", "b", "c")}),
    "columns of booleans": ([tuple(map(bool, flags(each))) for each in SETS], {"label": ("a", "b", "c")}),
    "columns of texts": ([tuple(map(str, flags(each))) for each in SETS], {"label": ("a", "b", "c")}),
    "columns of fractions": ([tuple(map(float, flags(each))) for each in SETS], {"label": ("a", "b", "c")}),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_every_way_of_writing_gives_the_same_sets(how: str) -> None:
    cells, given = WRITTEN[how]
    task = learn(cells, **given)
    assert task.names == ("a", "b", "c")
    labels = task.labels(cells, "made")
    assert labels.present.all()
    assert labels.values.astype(int).tolist() == [list(flags(each)) for each in SETS]


def test_a_blank_is_no_label_and_the_separator_alone_is_the_empty_set() -> None:
    task = learn(["a", "", "|", None, "b", "nan", "?"], separator="|", missing=("?",))
    labels = task.labels(["a", "", "|", None, "b", "nan", "?"], "made")
    assert labels.present.tolist() == [True, False, True, False, True, False, False]
    assert labels.values[2].tolist() == [False, False]


@pytest.mark.parametrize(("cells", "said"), [(["a;b", "b", "a"], True), (["a|b", "b", "a"], False)])
def test_a_separator_that_no_text_holds_is_said(cells: list[str], said: bool) -> None:
    task = learn(cells, separator="|")
    lines = task.remarks_on_column(task.labels(cells, "made"), None)
    assert lines == ["no training row has more than one label, with `|` as task.separator"] * said


def test_numbers_are_classes_in_the_order_of_numbers() -> None:
    assert learn([[10, 2], [2], [1]]).names == ("1", "2", "10")


@pytest.mark.parametrize(
    ("cells", "given", "words"),
    [
        (["a|b", "b"], {}, "row 1 has the text `a|b`, and no separator is known"),
        ([3, 4], {}, "row 1 has `3`, which is neither a list nor a text"),
        ([["a"], [None, "b"]], {}, "row 2 has an empty label in its list"),
        ([(0, 1), (0, 2)], {"label": ("a", "b")}, "row 2 has `2` in column `b`, which is neither 0 nor 1"),
        ([(0, 1), (None, 1)], {"label": ("a", "b")}, "row 2 has nothing in column `a`, which is neither 0 nor 1"),
        ([(0, 1), (0.5, 1)], {"label": ("a", "b")}, "row 2 has `0.5` in column `a`, which is neither 0 nor 1"),
        ([["a"], ["a"]], {}, "no class that only some of the rows have"),
        ([None, None], {}, "no row has a label"),
    ],
)
def test_what_names_no_set_is_one_line(cells: list, given: dict, words: str) -> None:
    with pytest.raises(LimbeckError) as refused:
        learn(cells, **given)
    assert words in str(refused.value)
    assert refused.value.fix


def test_strata_are_of_the_rarest_class() -> None:
    task = learn(SETS)  # a 3, b 3, c 2
    assert task.strata(task.labels(SETS, "made")).tolist() == [0, 3, 2, 1, 0, 2]


def test_thresholds_are_the_bundles() -> None:
    """Fitted on what is given, class by class; a rule without its thresholds, or with others, is none."""
    draw = np.random.default_rng(0)
    cells = [tuple(row) for row in (draw.random((80, 2)) < 0.5).astype(int).tolist()]
    task = learn(cells, label=("a", "b"))
    labels = task.labels(cells, "made")
    outputs = np.where(labels.values, 1.0, -1.0) + draw.normal(size=(80, 2)) + [2.0, -2.0]
    own = task.decide(outputs, labels)
    first, second = own.decision["thresholds"]
    assert first > 0.6, "outputs that say yes too often need more"
    assert second < 0.4
    assert own.fitted == (True, True)
    assert task.decision == {"thresholds": [0.5, 0.5]}, "no model's answers were seen"
    line = RULES["multilabel"](own.decision | {"separator": "|"}).line
    (answer,) = RULES["multilabel"](own.decision).answers(np.array([[9.0, 9.0]], np.float32), ("a", "b"))
    assert line(answer) == "a|b"
    for wrong in ({}, {"thresholds": [0.0, 0.5]}, {"thresholds": ["x"]}, {"thresholds": None}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            RULES["multilabel"](wrong)
    with pytest.raises(ValueError, match="1 thresholds for 2 classes"):
        RULES["multilabel"]({"thresholds": [0.5]}).answers(outputs.astype(np.float32), ("a", "b"))


def test_an_answer_holds_the_thresholds_that_decided_it() -> None:
    rule = RULES["multilabel"]({"thresholds": [0.2, 0.9]})
    (said,) = rule.answers(np.zeros((1, 2), np.float32), ("a", "b"))
    assert said.labels == ("a",)
    assert said.thresholds == {"a": 0.2, "b": 0.9}
    assert rule.record(said) == {
        "labels": ["a"], "probabilities": {"a": 0.5, "b": 0.5}, "thresholds": {"a": 0.2, "b": 0.9},
    }  # fmt: skip


def test_sets_of_a_loader() -> None:
    values, has = read_flags([[1, 0], [-1, -1], [0, 1]])
    assert (values.int().tolist(), has.tolist()) == ([[1, 0], [0, 0], [0, 1]], [True, False, True])
    values, has = read_flags(torch.tensor([[1.0, 0.0], [float("nan")] * 2]))
    assert has.tolist() == [True, False]
    for wrong in ([1, 0], [[1, 2]], [[1, -1]], [["a"]]):
        with pytest.raises(LimbeckError):
            read_flags(wrong)


def test_a_probability_that_reaches_its_threshold_is_a_yes() -> None:
    assert label_sets(np.zeros((1, 2)), [0.5, 0.500001]).tolist() == [[True, False]]


def test_a_clear_set_is_far_from_its_thresholds_and_not_from_a_half() -> None:
    clear = RULES["multilabel"]({"thresholds": [0.9]}).clear
    assert clear(np.array([[0.0], [np.log(9)]], np.float32)).tolist() == [True, False]
