"""What the figures draw, where it is easy to get wrong."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import example
import pytest

import limbeck.report
from limbeck.evaluation.schema import LearningCurve
from limbeck.report import figures
from limbeck.report.svg import COLOURS, MARKERS, part


@pytest.mark.parametrize("draw", [figures.gains, figures.cost, figures.reliability])
def test_nothing_to_draw_is_none(draw):
    assert draw(example.bare()) is None


def test_bare_run_has_no_curves_and_no_confusion():
    assert figures.curve(example.bare(), "nll") is None
    assert figures.confusion(example.bare(), "student") is None


def test_models_without_cost_are_named_not_drawn():
    run = example.complete()
    drawing = figures.cost(run.model_copy(update={"teacher": run.teacher.model_copy(update={"cost": None})}))
    assert drawing is not None
    assert "Not measured: teacher" in drawing.caption
    assert "teacher" not in drawing.svg


def test_seeds_that_stopped_at_different_steps_are_drawn_apart():
    run = example.complete()
    short = run.student.curves[0]
    cut = LearningCurve(
        seed=0, steps=short.steps[:5], nll=short.nll[:5], accuracy=short.accuracy[:5], best_step=short.steps[4]
    )
    student = run.student.model_copy(update={"curves": [cut, *run.student.curves[1:]]})
    drawing = figures.curve(run.model_copy(update={"student": student}), "accuracy")
    assert drawing is not None
    assert "fill-opacity: 0.2" in drawing.svg  # the baseline's band
    assert drawing.svg.count("stroke: var(--student); stroke-width: 1.2") == 3
    assert "have a line each" in drawing.caption
    assert "have a line each" not in figures.curve(run, "accuracy").caption


def labels(drawing):
    return [element.text for element in ElementTree.fromstring(drawing.svg).iter("text")]


def test_the_target_is_a_line_in_the_accuracies_alone():
    run = example.complete()
    assert "level" in labels(figures.curve(run, "accuracy"))
    assert "level" not in labels(figures.curve(run, "nll"))
    assert "level" not in labels(figures.curve(run.model_copy(update={"until": None}), "accuracy"))


def test_a_target_out_of_reach_does_not_stretch_the_axis():
    run = example.complete()
    until = run.until.model_copy(update={"level": 1.5})
    drawing = figures.curve(run.model_copy(update={"until": until}), "accuracy")
    assert "level" not in labels(drawing)
    assert "120 %" not in labels(drawing)


def test_every_model_has_a_colour_in_light_and_in_dark_and_a_marker_of_its_own():
    style = Path(limbeck.report.__file__).with_name("style.css").read_text(encoding="utf-8")
    names = list(example.with_ceiling().models)
    assert names == list(COLOURS)
    assert len({COLOURS[name] for name in names}) == len({MARKERS[name] for name in names}) == len(names)
    for name in names:
        assert style.count(f"--{name}: #") == 2


@pytest.mark.parametrize(
    "draw", [figures.cost, figures.reliability, lambda run: figures.curve(run, "nll")], ids=["cost", "trust", "curve"]
)
@pytest.mark.parametrize("arm", ["hard_labels", "ceiling"])
def test_an_arm_on_request_is_drawn_where_the_other_arms_are(draw, arm):
    run = example.with_ceiling()
    assert f"var(--{arm})" in draw(run).svg
    assert arm.replace("_", " ") in draw(run).svg
    absent = draw(run.model_copy(update={arm: None})).svg
    assert f"var(--{arm})" not in absent
    assert arm.replace("_", " ") not in absent


def test_confusion_numbers_are_the_counts():
    run = example.complete()
    drawing = figures.confusion(run, "student")
    assert drawing is not None
    said = [element.text for element in ElementTree.fromstring(drawing.svg).iter("text")]
    assert [str(number) for row in run.student.confusion for number in row] == [text for text in said if text.isdigit()]


def test_a_class_without_test_examples_is_drawn():
    run = example.complete()
    student = run.student.model_copy(update={"confusion": [[0, 0], [3, 5]]})
    assert figures.confusion(run.model_copy(update={"student": student}), "student") is not None


def test_identical_accuracies_and_latencies_are_drawn():
    run = example.complete()
    assert figures.cost(run.model_copy(update={"baseline": run.student, "floor": run.student, "teacher": run.student}))


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [([10, 50], [10, 50]), ([50, 52], [50, 62]), ([98, 99], [88, 100]), ([52, 50], [62, 50]), ([5], [5])],
)
def test_labels_part_without_changing_order(wanted, placed):
    assert part(wanted, 12, 100) == placed
