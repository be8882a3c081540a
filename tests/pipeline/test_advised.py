"""What a run notes for advice: lines to type that its recipe takes."""

from types import SimpleNamespace

import pytest

from limbeck.models import is_solved
from limbeck.pipeline.judging.advised import more_labels, more_test, student_record, teacher_record
from limbeck.recipe import load_recipe

UNSOLVABLE = [
    "until={retention: 0.9}",
    "losses=[{name: kd}, {name: fitnet, student: body, teacher: body}]",
    "losses=[{name: kd, weight: {schedule: linear, start: 0, end: 1}}, {name: cross_entropy}]",
    "curves={steps: [0.5]}",
    "student.model=linear grid={}",
]


def test_a_linear_student_is_advised_where_it_can_be_solved() -> None:
    assert student_record(load_recipe("sentiment", ["grid={}"]), "text", None).linear == "student.model=linear"
    typed = student_record(load_recipe("sentiment", ["grid={train.lr: [0.01, 0.02]}"]), "text", None).linear
    assert typed == "student.model=linear grid={}"
    assert is_solved(load_recipe("sentiment", typed.split()).student.model)
    assert student_record(load_recipe("cifar10"), "image", None).linear is None


def test_another_network_is_named_where_the_recipe_names_it() -> None:
    assert student_record(load_recipe("sentiment", ["grid={}"]), "text", None).another == "student.model=NAME"
    assert student_record(load_recipe("text"), "text", None).another == "grid=[{model: NAME}]"


@pytest.mark.parametrize("change", UNSOLVABLE)
def test_and_nowhere_else(change: str) -> None:
    changes = change.split() if "grid" in change else [change, "grid={}"]
    assert student_record(load_recipe("sentiment", changes), "text", None).linear is None


PLAIN = "losses=[{name: kd, weight: 0.9, temperature: 2.0}, {name: cross_entropy, weight: 0.1}]"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["losses.kd.temperature=9"], None),
        (["losses=[{name: kd, weight: 1}, {name: sp, weight: 0}]"], None),
        (["losses=[{name: sp, weight: 3000}, {name: cross_entropy}]"], PLAIN),
        (["losses=[{name: kd}, {name: rkd_angle, weight: 50}, {name: cross_entropy}]"], PLAIN),
        (["losses=[{name: kd, transform: standardize}, {name: cross_entropy}]"], PLAIN),
        (["task={kind: regression}", "losses=[{name: squared_error}, {name: teacher_bounded}]"], None),
    ],
)
def test_kd_beside_the_labels_is_advised_where_the_losses_are_others(changes: list[str], told: str | None) -> None:
    assert student_record(load_recipe("sentiment", changes), "text", None).plain_losses == told
    if told is not None:
        assert student_record(load_recipe("sentiment", [told]), "text", None).plain_losses is None


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("sentiment", [], "teacher.kind=tfidf"),
        ("sentiment", ["teacher.kind=tfidf"], None),
        ("sentiment", ["teacher.kind=nblr"], "teacher.kind=tfidf"),
        ("imdb-best", [], "teacher.kind=tfidf"),  # `nblr` counts otherwise
        ("cifar10", [], None),
        ("sentiment", ["task={kind: regression}", "losses=[{name: squared_error}]"], None),
    ],
)
def test_a_teacher_like_the_floor_is_advised_where_it_fits(name: str, changes: list[str], told: str | None) -> None:
    assert teacher_record(load_recipe(name, changes)).like_floor == told
    assert told is None or load_recipe(name, [told]).teacher.like_floor


@pytest.mark.parametrize(
    ("changes", "rows", "told"),
    [
        ([], 2000, "data.split.test=N"),
        (["data.split.block=50"], 2049, "data.split.test=N"),
        ([], 872, "data.source=DATA"),  # the source's own split
        (["data.split.test={speaker: [ada]}"], 300, "data.split.test={COLUMN: [VALUES]}"),
        (["data.source=python"], 300, "limbeck.distill(test=...)"),
        (["data.target={source: sentiment-ratings, domain: amazon}"], 300, "data.target.source=DATA"),
    ],
)
def test_more_test_rows_are_advised_as_the_test_split_was_made(changes: list[str], rows: int, told: str) -> None:
    assert more_test(load_recipe("sentiment", changes), SimpleNamespace(test=range(rows))) == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["data.labelled=100"], "data.labelled=N"),
        (["data.labelled=null"], "data.source=DATA"),  # every label is learned from
        (["data.labelled=null", "data.source=python"], "limbeck.distill(train=...)"),
    ],
)
def test_more_labels_are_advised_as_the_labels_were_given(changes: list[str], told: str) -> None:
    assert more_labels(load_recipe("sentiment", changes)) == told
