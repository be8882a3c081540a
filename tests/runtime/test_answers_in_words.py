"""What the guide and a bundle's card say of the answers of `predict`: each line of theirs is tried."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from limbeck.runtime.decisions import RULES, LabelSet, Prediction

GUIDE = Path(__file__).parents[2] / "docs" / "python.md"
# Outputs, the names of the outputs, and the decision of a bundle.
GIVEN = {
    "classification": ([[2.0, 1.0]], ["good", "bad"], {}),
    "multilabel": ([[2.0, -1.0]], ["good", "bad"], {"thresholds": [0.5, 0.4]}),
    "multioutput": (
        [[2.0, 1.0, 0.0, 3.0]],
        ["a", "b", "c", "d"],
        {"columns": {"mood": ["good", "bad"], "x": ["y", "z"]}},
    ),
    "regression": ([[3.5]], ["stars"], {"spread": [1.0]}),
}
TOLD = dict(re.findall(r"^\| (\w+) \| (`\w+` \|.*answer.*) \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE))


def answer_of(task):
    outputs, names, decision = GIVEN[task]
    (answer,) = RULES[task](decision).answers(np.array(outputs, np.float32), names)
    return answer


def test_every_task_is_told():
    assert TOLD.keys() == GIVEN.keys() == RULES.keys()


@pytest.mark.parametrize("task", RULES)
def test_the_guide_says_what_is_there(task):
    answer = answer_of(task)
    kind, *lines = re.findall("`([^`]+)`", TOLD[task])
    assert type(answer).__name__ == kind
    lines = [line for line in lines if line.startswith("answer")]
    assert lines
    for line in lines:
        assert eval(line, {"answer": answer}) is not None
    for each in fields_in(answer):
        assert any(f".{each}" in line for line in lines), each


@pytest.mark.parametrize("task", RULES)
def test_the_card_says_what_is_there(task):
    answer, said = answer_of(task), RULES[task](GIVEN[task][2]).python
    inner = next(iter(answer.values())) if isinstance(answer, dict) else answer
    assert f"a `{type(answer).__name__}`" in said
    assert isinstance(inner, float) == ("a number" in said)
    assert (f"`{type(inner).__name__}`" in said) == isinstance(inner, Prediction | LabelSet)
    for each in fields_in(answer):
        assert f"`{each}`" in said


def fields_in(answer):
    inner = next(iter(answer.values())) if isinstance(answer, dict) else answer
    return [field.name for field in dataclasses.fields(inner)] if dataclasses.is_dataclass(inner) else []


def test_cells_of_columns_that_are_called_as_the_answers_are_all_there():
    decision = {"columns": {"a": ["x", "y"], "a_probability": ["low", "high"]}}
    rule = RULES["multioutput"](decision)
    (answer,) = rule.answers(np.array([[9.0, 0.0, 0.0, 9.0]], np.float32), ["x", "y", "low", "high"])
    cells = rule.cells(answer, 1)
    assert (cells["a"], cells["a_probability"]) == ("x", "high")
    assert cells["a_probability_"] == cells["a_probability_probability"] == pytest.approx(1.0, abs=1e-3)
