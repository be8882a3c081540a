"""What the figures draw, where it is easy to get wrong."""

import itertools
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import example
import pytest
from matplotlib.textpath import TextPath

import limbeck.report
from limbeck.evaluation.figures import ClassScores, ClassTable, Confusion, Reliability
from limbeck.evaluation.records import Gain, LearningCurve, MetricRecord
from limbeck.report import figures
from limbeck.report.class_tables import class_section
from limbeck.report.figures.chart import label_points, overlap
from limbeck.report.figures.learning import curve, kept
from limbeck.report.style import MARKERS, PLACES, SIGNS, looks
from limbeck.report.svg import canvas, part
from limbeck.report.words.prose import NAMED_CLASSES, calibration_error

ACCURACY, _, NLL, ECE = example.METRICS


@pytest.mark.parametrize("draw", [figures.gains, figures.cost])
def test_nothing_to_draw_is_none(draw):
    assert draw(example.bare()) is None


def test_bare_run_has_no_curves_and_no_figures():
    assert figures.learning(example.bare()) == figures.budgets(example.bare()) == []
    assert figures.of_models(example.bare()) == []


def test_models_without_cost_are_named_not_drawn():
    run = example.complete()
    drawing = figures.cost(example.changed(run, "teacher", cost=None))
    assert drawing is not None
    assert "Not measured: teacher" in drawing.caption
    assert "teacher" not in drawing.svg


def test_seeds_that_stopped_at_different_steps_are_drawn_apart():
    run = example.complete()
    first, *others = run.models["student"].learning
    scores = {name: values[:5] for name, values in first.scores.items()}
    cut = LearningCurve(seed=0, steps=first.steps[:5], scores=scores, best_step=first.steps[4])
    drawing = curve(example.changed(run, "student", learning=[cut, *others]), ACCURACY)
    assert drawing is not None
    assert "fill-opacity: 0.2" in drawing.svg  # the baseline's band
    assert drawing.svg.count("stroke: var(--c1); stroke-width: 1.2") == 3
    assert "have a line each" in drawing.caption
    assert "have a line each" not in curve(run, ACCURACY).caption


def labels(drawing):
    return [element.text for element in ElementTree.fromstring(drawing.svg).iter("text")]


def test_the_target_is_a_line_in_the_accuracies_alone():
    run = example.complete()
    assert "level" in labels(curve(run, ACCURACY))
    assert "level" not in labels(curve(run, NLL))
    assert "level" not in labels(curve(run.model_copy(update={"until": None}), ACCURACY))


def test_a_target_out_of_reach_does_not_stretch_the_axis():
    run = example.complete()
    until = run.until.model_copy(update={"level": 1.5})
    drawing = curve(run.model_copy(update={"until": until}), ACCURACY)
    assert "level" not in labels(drawing)
    assert "120 %" not in labels(drawing)


def test_every_model_has_a_colour_in_light_and_in_dark_and_a_marker_of_its_own():
    style = Path(limbeck.report.__file__).with_name("style.css").read_text(encoding="utf-8")
    assert len(set(MARKERS)) == len(set(SIGNS)) == len(SIGNS) == PLACES
    assert [style.count(f"--c{place}: #") for place in range(PLACES + 1)] == [2] * PLACES + [0]
    names = [*example.with_ceiling().models, "one", "another", "third", "fourth"]
    found = looks(names)
    assert (
        len({look.variable for look in found.values()}) == len({look.marker for look in found.values()}) == len(names)
    )


def test_a_known_model_looks_alike_in_every_run():
    some, every = looks(["teacher", "other", "baseline"]), looks(["other", "baseline", "more", "floor", "teacher"])
    assert all(some[name] == every[name] for name in some)


def test_more_arms_than_colours_are_drawn_all_the_same():
    assert len(looks([f"arm_{index}" for index in range(30)])) == 30


@pytest.mark.parametrize("draw", [figures.cost, lambda run: curve(run, NLL)], ids=["cost", "curve"])
@pytest.mark.parametrize("arm", ["hard_labels", "ceiling"])
def test_an_arm_on_request_is_drawn_where_the_other_arms_are(draw, arm):
    run = example.with_ceiling()
    variable = looks(run.models)[arm].variable
    assert f"var({variable})" in draw(run).svg
    assert arm.replace("_", " ") in draw(run).svg
    absent = draw(example.without(run, arm)).svg
    assert f"var({variable})" not in absent
    assert arm.replace("_", " ") not in absent


def test_a_diagram_is_of_one_model_and_says_its_calibration_error():
    run = example.complete()
    bins = run.figure(Reliability, "baseline").model_copy(
        update={"confidence": [0.6, 0.9], "accuracy": [0.5, 0.95], "count": [10, 30]}
    )
    drawing = figures.reliability(run, bins)
    assert calibration_error(bins) == pytest.approx((10 * 0.1 + 30 * 0.05) / 40)
    assert drawing.caption == "Calibration error (ECE) 6.2\u00a0%."
    assert drawing.title == "Baseline, seed 2"
    assert "var(--c2)" in drawing.svg
    assert "var(--c1)" not in drawing.svg
    assert figures.reliability(run, bins.model_copy(update={"confidence": [], "accuracy": [], "count": []})) is None


def test_confusion_numbers_are_the_counts():
    run = example.complete()
    matrix = run.figure(Confusion, "student")
    drawing = figures.confusion(run, matrix)
    assert drawing is not None
    said = [element.text for element in ElementTree.fromstring(drawing.svg).iter("text")]
    assert [str(number) for row in matrix.counts for number in row] == [text for text in said if text.isdigit()]


def test_a_class_without_test_examples_is_drawn():
    run = example.complete()
    assert figures.confusion(run, Confusion(model="student", counts=[[0, 0], [3, 5]])) is not None


def level(run, accuracy=None):
    """The run, whose models are all as good and as fast as its student."""
    like = run.models["student"]
    if accuracy is not None:
        seeds = [one.model_copy(update={"scores": one.scores | {"accuracy": accuracy}}) for one in like.per_seed]
        like = like.model_copy(update={"scores": like.scores | {"accuracy": accuracy}, "per_seed": seeds})
    return run.model_copy(update={"models": dict.fromkeys(run.models, like)})


@pytest.mark.parametrize("runs", [example.complete(), level(example.with_ceiling()), level(example.complete(), 1.0)])
def test_names_of_points_never_overlap(runs, monkeypatch):
    placed = []
    module = sys.modules[figures.cost.__module__]
    monkeypatch.setattr(module, "label_points", lambda *given: placed.extend(label_points(*given)))
    assert figures.cost(runs) is not None
    assert len(placed) == len(runs.models)
    assert not any(overlap(a, b) for index, a in enumerate(placed) for b in placed[:index])


def test_names_of_many_level_points_never_overlap():
    _, axes = canvas(290)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    names = [f"another arm {index}" for index in range(10)]
    placed = label_points(axes, dict.fromkeys(names, (0.5, 0.5)), looks(names))
    assert not any(overlap(a, b) for index, a in enumerate(placed) for b in placed[:index])


def test_a_name_goes_beside_its_point_before_it_goes_across_the_drawing():
    """`baseline` once stood at the other edge, two of its heights above, where it could stand three below its point."""
    _, axes = canvas(290)
    axes.set(xlim=(0, 1), ylim=(70, 90))
    places = {"teacher": (0.95, 87), "student": (0.2, 78.2), "TF-IDF + LR": (0.4, 73.8), "distilled TF-IDF": (0.4, 76)}
    places |= {"baseline": (0.2, 73.4)}
    *_, (left, low, right, high) = label_points(axes, places, looks(list(places)))
    x, y = axes.transData.transform(places["baseline"])
    assert max(left - x, x - right, 0) < 40
    assert max(low - y, y - high, 0) < 40


@pytest.mark.parametrize("at", [0.02, 0.3, 0.5, 0.97])
def test_a_long_name_stays_within_the_drawing(at):
    _, axes = canvas(290)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    places = {"distilled log-mel statistics + ridge": (at, 0.5), "teacher": (at, 0.52)}
    for left, _, right, _ in label_points(axes, places, looks(list(places))):
        assert left >= axes.bbox.x0
        assert right <= axes.bbox.x1


def test_there_is_a_tick_on_both_sides_of_the_models():
    said = labels(figures.cost(example.complete()))
    assert {"0.1", "1", "10"} <= set(said), "the student takes 0.21 ms, the teacher 9.84"
    near = {name: record.cost.model_copy(update={"cpu_ms": 0.3}) for name, record in example.complete().models.items()}
    run = example.complete()
    for name, cost in near.items():
        run = example.changed(run, name, cost=cost)
    assert {"0.2", "0.5"} <= set(labels(figures.cost(run)))


def percents(drawing):
    return [float(text.removesuffix(" %")) for text in labels(drawing) if text.endswith(" %")]


@pytest.mark.parametrize("accuracy", [0.9999, 1.0])
def test_no_axis_of_a_share_goes_above_100_percent(accuracy):
    run = level(example.complete(), accuracy)
    curves = [
        one.model_copy(update={"scores": {"accuracy": [accuracy] * len(one.steps), "nll": one.scores["nll"]}})
        for one in run.models["student"].learning
    ]
    run = example.changed(run, "student", learning=curves)
    for drawing in (figures.cost(run), curve(run, ACCURACY)):
        assert 0 < max(percents(drawing)) <= 100


def test_a_teacher_that_learned_here_is_a_level_in_the_learning_curves():
    run = example.complete()
    assert "teacher" not in labels(curve(run, ACCURACY))
    own = LearningCurve(seed=0, steps=[50, 100, 150], scores={"accuracy": [0.5, 0.88, 0.8]}, best_step=100)
    run = example.changed(run, "teacher", learning=[own])
    drawing = curve(run, ACCURACY)
    assert "teacher" in labels(drawing)
    assert kept([own], ACCURACY) == pytest.approx(88), "of the checkpoint kept, not of the last one"
    assert "Dashed: the level of the teacher" in drawing.caption
    assert "teacher" not in labels(curve(run, NLL)), "its record has no NLL"


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [([10, 50], [10, 50]), ([50, 52], [50, 62]), ([98, 99], [88, 100]), ([52, 50], [62, 50]), ([5], [5])],
)
def test_labels_part_without_changing_order(wanted, placed):
    assert part(wanted, 12, 100) == placed


def spans(drawing):
    """From where to where each text of a figure goes in a wide font, by its height."""
    found = {}
    for element in ElementTree.fromstring(drawing.svg).iter("text"):
        style = dict(part.strip().split(": ") for part in element.attrib["style"].split(";") if part.strip())
        size = float(style["font-size"].removesuffix("px"))
        width = TextPath((0, 0), element.text, size=size).get_extents().x1
        start = float(element.attrib["x"]) - {"start": 0, "middle": width / 2, "end": width}[style["text-anchor"]]
        found.setdefault(element.attrib["y"], []).append((start, start + width))
    return found


@pytest.mark.parametrize(
    ("quantity", "gains"),
    [
        ("value", [0.000692, -0.00284, -0.00107]),
        ("value", [-0.0000123, 0.0000456, 0.00001]),
        ("value", [-123_456.0, 98_765.0, 12_345.0]),
        ("nats", [0.00001, -0.00002, 0.0]),
        ("share", [0.00001, -0.25, 1.0]),
    ],
)
def test_the_numbers_beside_gains_are_shown_whole(quantity, gains):
    metric = MetricRecord(name="made", title="RMSE", quantity=quantity, better="lower")
    gain = Gain(metric="made", mean=gains[2], ci95=(min(gains), max(gains)), p_value=1, p_seeds=1, per_seed=gains[:2])
    run = example.complete().model_copy(update={"metrics": [metric], "gain": gain, "seeds": [0, 123_456]})
    drawing = figures.gains(run)
    texts = [span for line in spans(drawing).values() for span in line]
    assert len(texts) > 6
    assert min(start for start, _ in texts) >= 0
    assert max(end for _, end in texts) <= drawing.width
    for line in spans(drawing).values():
        line.sort()
        assert all(one[1] < other[0] for one, other in itertools.pairwise(line))


def test_of_many_classes_those_are_shown_in_which_the_student_is_weakest():
    classes = [f"class {number}" for number in range(2 * NAMED_CLASSES)]

    def table(model, scores):
        rows = [
            ClassScores(name=name, rows=5, recall=score, precision=score, f1=score, decided=5)
            for name, score in zip(classes, scores, strict=True)
        ]
        return ClassTable(model=model, classes=rows)

    better = [number / len(classes) for number in range(len(classes))]
    section = class_section(example.complete(), [table("teacher", better), table("student", better[::-1])])
    (rows,) = section.blocks[0].bodies
    assert [row.name for row in rows] == classes[::-1][:NAMED_CLASSES]
