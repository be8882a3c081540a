"""What stands behind `key=` on the command line: YAML, and marks that have no value in YAML."""

import pytest
from recipe_cases import write

from limbeck.errors import LimbeckError
from limbeck.recipe import load_recipe
from limbeck.settings.yaml import read_value

MARKS = ["|", ">", ",", ":", "-", "&", "*", "!", "%", "@", "`", "#", "?"]
LONGER = ["||", ", ", "::", "---", "...", " ", "\t", "<<"]


@pytest.fixture
def load(tmp_path):
    path = write(tmp_path)
    return lambda *overrides: load_recipe(path, overrides)


@pytest.mark.parametrize("mark", [*MARKS, *LONGER])
def test_a_mark_without_a_value_in_yaml_is_the_text_that_it_is(load, mark):
    assert read_value(mark) == mark
    losses = "losses=[{name: binary_kd}]"
    assert load("task=multilabel", f"task.separator={mark}", losses).task.separator == mark
    if mark.strip() and "," not in mark:
        assert load(f"data.missing=[NA, {mark}]").data.missing == ("NA", mark)
        assert load(f"data.missing=[{mark},-1]").data.missing == (mark, -1)


@pytest.mark.parametrize("text", ["#kind", "@kind", "*kind", "&kind", "%kind", "!kind", "|kind", "kind: [", "]"])
def test_a_name_may_begin_with_a_mark(load, text):
    assert load(f"data.label={text}").data.label == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("", None),
        ("[]", []),
        ("{}", {}),
        ("''", ""),
        ("-1", -1),
        ("-.5", -0.5),
        ("[-1, .5]", [-1, 0.5]),
        ('["a,?,b"]', ["a,?,b"]),
        ("[[], [1]]", [[], [1]]),
        ("[{a: b}, {c: -}]", [{"a": "b"}, {"c": "-"}]),
        ("a, b", "a, b"),
    ],
)
def test_what_is_typed_keeps_its_value_in_yaml(text, value):
    assert read_value(text) == value


@pytest.mark.parametrize("text", ["[a, , b]", "[1", "{a: 1", "'a", "[,]"])
def test_what_is_not_closed_is_refused(text):
    with pytest.raises(LimbeckError, match="not valid YAML"):
        read_value(text)
