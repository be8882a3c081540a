"""What the curves say, and what is drawn of them."""

import xml.etree.ElementTree as ElementTree

import example
import pytest

from limbeck.evaluation.records import BudgetCurve, BudgetPoint
from limbeck.report import words
from limbeck.report.figures.budgets import budget

ARMS = ("student", "baseline", "illustration")


def drawn(ratio, *, at_most=False, arms=ARMS, seeds=3) -> BudgetCurve:
    """Three points; the baseline ends at 88 %."""
    means = {"student": (0.79, 0.87, 0.89), "baseline": (0.70, 0.83, 0.88), "illustration": (0.85, 0.88, 0.89)}
    spread = (-0.01, 0.0, 0.01)[:seeds] if seeds > 1 else (0.0,)
    points = [
        BudgetPoint(
            budget=amount / 20_000,
            amount=amount,
            teacher=(0.7, 0.88, 0.92)[index] if "illustration" in arms else None,
            accuracy={arm: [means[arm][index] + step for step in spread] for arm in arms},
        )
        for index, amount in enumerate((100, 5_000, 20_000))
    ]
    return BudgetCurve(points=points, ratio=ratio, at_most=at_most)


def run(**kinds):
    return example.complete().model_copy(update={"curves": kinds})


def said(text):
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("curve", "sentence"),
    [
        (
            drawn(0.4567),
            "The student reaches what the baseline makes of all 20,000 labels, 88.0 % accuracy, "
            "with 0.46 of the labels.",
        ),
        (
            drawn(0.005, at_most=True),
            "The student reaches what the baseline makes of all 20,000 labels, 88.0 % accuracy, "
            "with at most 0.005 of the labels, 100.",
        ),
        (
            drawn(None),
            "The student does not reach what the baseline makes of all 20,000 labels, 88.0 % accuracy, "
            "with any of these budgets: 89.0 % at best.",
        ),
    ],
)
def test_the_sentence(curve, sentence):
    assert said(words.curve_sentence(curve, "labels")) == sentence


def test_levels_that_differ_by_little_are_told_apart():
    curve = drawn(None)
    last = curve.points[-1].model_copy(update={"accuracy": {"student": [0.87996], "baseline": [0.88001]}})
    text = said(words.curve_sentence(curve.model_copy(update={"points": [last]}), "steps"))
    assert "all 20,000 steps, 88.00 % accuracy, with any of these budgets: 88.00 % at best" not in text
    assert "88.001 % accuracy" in text


@pytest.mark.parametrize(
    ("peak", "more"),
    [
        (0.88, ""),  # level with its end: nothing to add
        (0.885, "With 5,000 labels the baseline is better, 88.5 % to 88.0 %, and the student there with 0.71."),
        (0.9, "With 5,000 labels the baseline is better, 90.0 % to 88.0 %, which the student does not reach."),
    ],
)
def test_a_baseline_that_is_better_with_less_is_named(peak, more):
    curve = drawn(0.5)
    middle = curve.points[1]
    middle = middle.model_copy(update={"accuracy": middle.accuracy | {"baseline": [peak] * 3}})
    curve = curve.model_copy(update={"points": [curve.points[0], middle, curve.points[2]]})
    text = said(words.curve_sentence(curve, "labels"))
    assert text.partition("with 0.5 of the labels.")[2].strip() == more


def test_a_sentence_for_each_curve_and_none_without():
    assert words.curve_sentences(example.complete()) == []
    assert [text.split(" labels")[0].endswith("20,000") for text in words.curve_sentences(run(labels=drawn(0.5)))] == [
        True
    ]
    assert len(words.curve_sentences(run(steps=drawn(0.5), labels=drawn(0.5)))) == 2


def labels(drawing):
    return [element.text for element in ElementTree.fromstring(drawing.svg).iter("text")]


def test_nothing_to_draw_is_none():
    assert budget(example.complete(), "steps") is None
    assert budget(run(steps=drawn(0.5)), "labels") is None


def test_the_figure_has_bands_amounts_and_a_ring():
    drawing = budget(run(labels=drawn(0.5)), "labels")
    assert drawing.svg.count("fill-opacity: 0.2") == 2
    assert {"100", "5,000", "20,000", "student", "baseline", "labels (log)"} <= set(labels(drawing))
    assert "the ring" in drawing.caption
    assert "illustration" in drawing.caption
    assert drawing.width == 360


def test_what_is_not_there_is_not_drawn_and_not_told():
    drawing = budget(run(steps=drawn(None, arms=("student", "baseline"), seeds=1)), "steps")
    assert "ring" not in drawing.caption
    assert "illustration" not in drawing.caption
    assert "worst seed" not in drawing.caption


def test_amounts_without_room_are_left_out_from_the_left():
    curve = drawn(0.5)
    near = [curve.points[0].model_copy(update={"amount": amount}) for amount in (100, 17_000)]
    drawing = budget(run(labels=curve.model_copy(update={"points": [*near, curve.points[-1]]})), "labels")
    assert {"100", "20,000"} <= set(labels(drawing))
    assert "17,000" not in labels(drawing)


def test_the_report_has_the_section_and_no_other_has(tmp_path):
    text = example.write(run(steps=drawn(0.4), labels=drawn(None)), tmp_path / "report.html")
    assert "What the teacher saves" in text
    assert text.count('id="budgets-') > 1
    assert "validation by labels: 70.0 % with 100, 88.0 % with 5,000, 92.0 % with 20,000." in said(text)
    for sentence in words.curve_sentences(run(steps=drawn(0.4), labels=drawn(None))):
        assert sentence in text
    assert "What the teacher saves" not in example.write(example.complete(), tmp_path / "other.html")
