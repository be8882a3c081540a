"""The verdict in words. Spaces and minus signs are read as plain ones."""

import xml.etree.ElementTree as ElementTree

import example
import pytest
from made_up import AT_CHANCE

from limbeck.evaluation import verdict
from limbeck.evaluation.figures import ClassTable, Confusion
from limbeck.evaluation.records import Chance, Decomposition, Difference, Gain, MetricRecord
from limbeck.report import figures, tables, words


def plain(text):
    return text.replace("\u00a0", " ").replace("−", "-")


def gain(mean, low, high, p, *per_seed, p_seeds=0.01, metric="accuracy"):
    p_seeds = p_seeds if len(per_seed) > 1 else None
    return Gain(metric=metric, mean=mean, ci95=(low, high), p_value=p, p_seeds=p_seeds, per_seed=list(per_seed))


def over(mean, low=None, high=None, metric="accuracy"):
    return Difference(metric=metric, mean=mean, ci95=(mean - 0.01 if low is None else low, high or mean + 0.01))


HELPS = gain(0.091, 0.072, 0.110, 1e-5, 0.08, 0.09, 0.1)
HURTS = gain(-0.021, -0.031, -0.0101, 0.0123, -0.02, -0.03)
NOTHING = gain(0.004, -0.012, 0.020, 0.512, 0.01, 0.01, -0.01, p_seeds=0.6)
ONE = gain(0.091, 0.072, 0.110, 1e-5, 0.091)
BELOW = over(-0.033)


def about(found, retention=0.963, teacher=BELOW, metrics=example.METRICS):
    """A run that found this."""
    return example.complete().model_copy(
        update={"gain": found, "retention": retention, "over_teacher": teacher, "metrics": list(metrics)}
    )


def said(found, **about_it):
    return plain(words.sentence(about(found, **about_it)))


def sure(found, teacher=BELOW):
    return plain(words.statistics(about(found, teacher=teacher)))


def test_helps():
    assert said(HELPS) == (
        "Distillation helps: the student gains 9.1 points of accuracy over the same network trained without a teacher, "
        "and keeps 96.3 % of its teacher's accuracy."
    )
    assert sure(HELPS) == (
        "95 % interval of the gain +7.2 to +11.0 points, p < 0.001 over test examples; p = 0.010 over seeds, every "
        "seed gains."
    )


def test_hurts():
    assert said(HURTS).startswith("Distillation hurts: the student loses 2.1 points of accuracy against the same")
    assert "-3.1 to -1.0 points, p = 0.012 over test examples; p = 0.010 over seeds, every seed loses." in sure(HURTS)


def test_no_difference_says_what_is_ruled_out():
    assert said(NOTHING).startswith("No difference shown: the student is 0.4 points of accuracy above the same network")
    assert sure(NOTHING).endswith(
        "2 of 3 seeds gain. The interval rules out a gain above 2.0 points and a loss above 1.2 points."
    )


def test_one_seed_is_no_verdict():
    assert said(ONE) == (
        "No verdict from one seed: the student is 9.1 points of accuracy above the same network trained without a "
        "teacher, and keeps 96.3 % of its teacher's accuracy."
    )
    assert "one seed cannot tell a gain from the luck of a training" in sure(ONE)
    assert sure(ONE).endswith("Train three, for example with seeds=[0,1,2].")
    assert "seeds," not in sure(ONE).split(".")[0]


@pytest.mark.parametrize(
    ("unclear", "reason"),
    [
        (
            gain(0.012, 0.004, 0.02, 0.01, 0.03, -0.01, p_seeds=0.6),
            "a gain above 2.0 points, but not every seed agrees.",
        ),
        (
            gain(-0.012, -0.02, -0.004, 0.06, -0.01, -0.01, p_seeds=0.2),
            "a loss above 2.0 points, but p over test examples is not below 0.05.",
        ),
        (
            gain(0.012, 0.004, 0.02, 0.01, 0.02, 0.004, p_seeds=0.0812),
            "a gain above 2.0 points, but the seeds differ too much among themselves.",
        ),
    ],
)
def test_no_difference_although_the_interval_leaves_zero_out_says_why(unclear, reason):
    assert sure(unclear).endswith(f"The interval rules out {reason}")


def test_an_end_of_the_interval_at_zero_rules_nothing_out():
    found = sure(gain(0.008, 0.0, 0.025, 1.0, 0.008, 0.008).model_copy(update={"p_seeds": None}))
    assert found.endswith(
        "p = 1.000 over test examples; no test over seeds, as no seed differs from another in either arm, every seed "
        "gains. The interval rules out a gain above 2.5 points."
    )
    assert sure(gain(-0.008, -0.025, 0.0, 1.0, -0.008, -0.008)).endswith("rules out a loss above 2.5 points.")


def test_level_with_the_baseline():
    assert "the student is level with the same network" in said(gain(0.0, -0.01, 0.01, 1.0, 0.0, 0.0, p_seeds=1.0))


def test_a_student_above_its_teacher_is_told_in_points_with_an_interval():
    above = over(0.0104, -0.002, 0.023)
    assert said(HELPS, retention=15.66, teacher=above).endswith(", and is 1.0 points above its teacher.")
    assert sure(HELPS, above).endswith("The student is 1.0 points above its teacher (95 % interval -0.2 to +2.3).")
    run = example.complete().model_copy(update={"retention": 15.66, "over_teacher": above})
    assert plain(words.retention(run)) == "1.0 points above its teacher (95 % interval -0.2 to +2.3)"
    tile = words.key_figures(run)[1]
    assert (tile.name, plain(tile.text), plain(tile.note)) == (
        "Above its teacher",
        "+1.0 points",
        "over the teacher’s 87.2 %",
    )


def test_beside_a_teacher_at_chance_there_is_no_retention():
    chance = Chance(value=0.507, ci95=(0.44, 0.57), constant=0.5, at_chance=True)
    run = example.changed(example.complete(), "teacher", chance=chance).model_copy(update={"retention": None})
    assert words.sentence(run).endswith(", and has a teacher at chance.")
    assert words.retention(run) == "no retention, as the teacher is at chance"
    assert [plain(text) for text in words.warnings(run)] == [
        "The teacher is at chance on the test split: balanced accuracy 50.7 % (95 % interval 44.0 % to 57.0 %), and a "
        "constant answer has 50.0 %. There is no retention, as a share of chance says nothing."
    ]


def test_a_student_at_chance_keeps_nothing_of_its_teacher():
    """One class for all, at 99 % of the rows, would else keep 99.8 % of its teacher's accuracy."""
    chance = Chance(value=0.5, ci95=(0.42, 0.58), constant=0.5, at_chance=True)
    run = example.changed(example.complete(), "student", chance=chance).model_copy(update={"retention": None})
    assert words.sentence(run).endswith(", and is at chance.")
    assert words.retention(run) == "no retention, as the student is at chance"
    assert plain(words.warnings(run)[0]).startswith(
        "The student is at chance on the test split: balanced accuracy 50.0"
    )
    tile = words.key_figures(run)[1]
    assert (tile.text, tile.note) == ("none", "the student is at chance")


def test_arms_that_answer_alike_rule_nothing_out():
    alike = HELPS.model_copy(update={"mean": 0.0, "ci95": (0.0, 0.0), "p_value": 1.0, "per_seed": [0.0, 0.0, 0.0]})
    assert sure(alike).endswith("The arms answer alike, so that the interval has no width and rules nothing out.")


def test_a_small_gain_reads_alike_everywhere(tmp_path):
    small = gain(0.0004, -0.004, 0.005, 0.8, 0.0004, 0.0004, 0.0004, p_seeds=0.8)
    run = example.said_again(example.complete().model_copy(update={"gain": small, "verdict": "no_difference"}))
    assert "is 0.04 points of accuracy above" in plain(run.sentence)
    assert "gain +0.04 points over the baseline" in plain(words.key_figures(run)[0].note)
    (rows,) = tables.seeds(run).bodies
    assert {row.cells[-1].text for row in rows} == {"+0.04"}
    drawn = ElementTree.fromstring(figures.gains(run).svg)
    assert [element.text for element in drawn.iter("text")].count("+0.04") == 4, "three seeds and their mean"
    page = example.write(run, tmp_path / "report.html")
    assert "is 0.04 points" in page
    assert "0.0 points" not in page


def test_another_metric_is_named():
    found = HELPS.model_copy(update={"metric": "f1_macro"})
    text = said(found, teacher=over(-0.03, metric="f1_macro"))
    assert "gains 9.1 points of macro F1 over" in text
    assert text.endswith("keeps 96.3 % of its teacher's macro F1.")


def test_no_baseline():
    assert said(None) == (
        "Whether distillation helps is open, as no baseline was trained: the student keeps 96.3 % of its teacher's "
        "accuracy."
    )
    at_chance = example.changed(about(None, retention=None), "teacher", chance=AT_CHANCE)
    assert words.sentence(at_chance).endswith("as no baseline was trained: the student has a teacher at chance.")
    assert sure(None) == ""


def test_a_metric_in_nats_is_named_with_its_unit():
    metric = MetricRecord(name="surprise", title="surprise", quantity="nats", better="higher")
    found = HELPS.model_copy(update={"metric": "surprise"})
    run = about(found, teacher=over(-0.03, metric="surprise"), metrics=[metric])
    assert "the student gains 0.091 nats of surprise over" in words.sentence(run)
    assert words.statistics(run).startswith("95 % interval of the gain +0.072 to +0.110 nats, p")


def test_what_is_said_after_the_sentence_has_one_order():
    run = example.with_ceiling()
    views = run.data.views | {"student": run.data.views["student"].model_copy(update={"cut": 0.784})}
    run = run.model_copy(update={"data": run.data.model_copy(update={"views": views})})
    run = example.changed(run, "floor", scores={"accuracy": 0.9})
    beginnings = ["95 % interval", "Beware: TF-IDF + LR", "Measured on", "The gain of", "Training texts cut"]
    lines = [plain(line) for line in words.said(run)]
    assert [line.startswith(begin) for line, begin in zip(lines, beginnings, strict=True)] == [True] * 5


# --- warnings -------------------------------------------------------------------------------------------------------


def beware(**changes):
    """Warnings about a run with these accuracies or other parts."""
    run = example.complete()
    for name in list(run.models):
        if (score := changes.pop(name, "as it is")) is None:
            run = example.without(run, name)
        elif score != "as it is":
            run = example.changed(run, name, scores={"accuracy": score, "f1_macro": score})
    return [plain(text) for text in words.warnings(run.model_copy(update=changes))]


def test_a_usual_run_has_no_warning():
    assert beware() == []


def test_a_teacher_worse_than_the_baseline():
    assert beware(teacher=0.7511) == ["The teacher (75.1 %) is worse than the baseline (79.5 %)."]
    assert beware(teacher=0.79501, baseline=0.79503) == [
        "The teacher (79.501 %) is worse than the baseline (79.503 %)."
    ]


def test_a_teacher_is_called_worse_only_where_the_interval_excludes_0():
    def said(baseline, floor):
        over = {"baseline": (-0.083, baseline), "floor": (-0.01, floor)}
        return beware(
            teacher=0.782,
            teacher_over={name: Difference(metric="accuracy", mean=-0.008, ci95=ci95) for name, ci95 in over.items()},
        )

    assert said(0.067, 0.002) == []
    assert said(-0.001, 0.002) == [
        "The teacher (78.2 %) is worse than the baseline (79.5 %; 95 % interval of the difference -8.3 to -0.1 points)."
    ]
    assert said(0.067, -0.001) == [
        "The teacher (78.2 %) is worse than TF-IDF + LR on the same labels (78.8 %; 95 % interval of the difference "
        "-1.0 to -0.1 points)."
    ]


def test_a_linear_model_better_than_the_student():
    text = "TF-IDF + LR on the same labels (96.0 %) is better than the student (89.0 %)."
    scores = {"student": 0.89, "teacher": 0.95, "floor": 0.96}
    assert beware(**scores, baseline=0.8) == beware(**scores, baseline=None, gain=None) == [text]


def test_a_linear_model_ahead_by_less_than_a_test_row_is_none():
    scores = {"teacher": 0.95, "baseline": None, "gain": None}
    for rows in (10, 30, 100, 399):
        right = 2 * rows // 3
        for more, warned in ((0.9, False), (1, True)):
            found = beware(**scores, student=right / rows, floor=(right + more) / rows, test_examples=rows)
            assert any("is better than the student" in one for one in found) == warned


def test_a_linear_model_that_takes_most_of_the_gain():
    assert beware(student=0.875, teacher=0.9, baseline=0.833, floor=0.872) == [
        "The student is only 0.3 points above TF-IDF + LR on the same labels (87.2 %), and the baseline (83.3 %) is "
        "below it."
    ]
    assert beware(student=0.756, teacher=0.79, baseline=0.645, floor=0.655) == []
    assert beware(student=0.76, teacher=0.79, baseline=0.7601, floor=0.75) == []


def test_figures_that_read_the_same_are_no_warning():
    assert beware(student=0.8, teacher=0.82, baseline=None, gain=None, floor=0.8 + 1e-9) == []


def never(run, *missing):
    """The run, whose shipped student decides for its first class in place of some."""
    counts = [list(row) for row in run.figure(Confusion, "student").counts]
    for row in counts:
        for index in missing:
            row[0], row[index] = row[0] + row[index], 0
    return example.refigured(run, Confusion, "student", counts=counts)


def test_a_class_that_is_never_decided_is_named():
    run = never(example.complete(classes=5), 3)
    rows = run.figure(ClassTable, "student").classes[3].rows
    assert [plain(text) for text in words.warnings(run)] == [
        f"The student of seed 2, which ships, never decides for card_issue_number_3 ({rows} test rows)."
    ]
    many = never(example.complete(classes=12), *range(1, 12))
    assert plain(words.warnings(many)[-1]).endswith(" and 3 more classes.")


@pytest.mark.parametrize(
    ("found", "other", "warned"),
    [
        (HELPS, over(-0.004), True),  # opposite to a verdict
        (HELPS, over(0.004), False),
        (HURTS, over(0.004), True),
        (NOTHING, over(-0.004), False),  # no verdict, and the other may be chance
        (NOTHING, over(-0.031, -0.05, -0.012), True),  # no verdict, but the other is clear
        (gain(-0.02, -0.03, -0.01, 1e-4, -0.02, -0.02, p_seeds=0.2), over(-0.031, -0.05, -0.012), False),  # both clear
        (ONE, over(-0.004), False),
        (ONE, over(-0.031, -0.05, -0.012), True),
    ],
)
def test_accuracy_and_macro_f1_that_disagree(found, other, warned):
    other = other.model_copy(update={"metric": "f1_macro"})
    texts = beware(gain=found, other_gains=[other], verdict=verdict(found))
    assert len(texts) == warned
    if warned and other.mean == -0.031 and found is NOTHING:
        assert texts == [
            "Accuracy and macro F1 disagree: over the baseline, the student has +0.4 points of accuracy, and -3.1 "
            "points of macro F1 (95 % interval -5.0 to -1.2)."
        ]


def test_much_less_kept_in_the_other_metric():
    def found(f1_macro, retention):
        run = example.complete()
        scores = {"f1_macro": f1_macro * run.models["teacher"].scores["f1_macro"]}
        run = example.changed(run, "student", scores=scores).model_copy(update={"retention": retention})
        return [plain(text) for text in words.warnings(run)]

    assert found(0.5764, 0.98) == ["Of the teacher's macro F1 the student keeps 57.6 % only (50.0 % of 86.8 %)."]
    assert len(found(0.92, 0.98)) == 1
    assert found(0.94, 0.98) == []
    assert found(0.96, 1.08) == [], "nothing is lost in either metric"


def test_weak_classes_are_named_the_weakest_first():
    assert words.weak_classes(example.complete()) is None
    run = example.complete(classes=5)
    classes = list(run.figure(ClassTable, "student").classes)
    classes[1] = classes[1].model_copy(update={"f1": 0.2, "recall": 0.15})
    classes[4] = classes[4].model_copy(update={"f1": 0.0, "recall": 0.0})
    absent = classes[0].model_copy(update={"name": "absent", "rows": 0, "f1": 0.0, "recall": None})
    run = example.refigured(run, ClassTable, "student", classes=[*classes, absent])
    assert plain(words.weak_classes(run)) == (
        "card_issue_number_4 (F1 0.0 %, recall 0.0 % of 40 rows), card_issue_number_1 (F1 20.0 %, recall 15.0 % of 40 "
        "rows)"
    )


# --- parts, and another domain --------------------------------------------------------------------------------------


def test_the_parts_of_a_gain():
    parts = Decomposition(
        text=gain(0.07, 0.0501, 0.09, 1e-5, 0.06, 0.07, 0.08), soft_targets=gain(0.021, -0.0004, 0.042, 0.061, 0.02)
    )
    run = example.complete().model_copy(update={"gain": HELPS, "decomposition": parts})
    assert plain(words.parts(run)) == (
        "The gain of +9.1 points is +7.0 from more text, labelled by the teacher's decisions "
        "(95 % interval +5.0 to +9.0), and +2.1 from soft targets in their place "
        "(95 % interval -0.04 to +4.2, which holds 0)."
    )


def moved(baseline=0.601, ceiling=0.752, way=0.7123, target="there"):
    """Return the sentence about a run from here to there, with these accuracies."""
    run = example.with_ceiling()
    for name, accuracy in (("baseline", baseline), ("ceiling", ceiling)):
        run = (
            example.without(run, name)
            if accuracy is None
            else example.changed(run, name, scores={"accuracy": accuracy})
        )
    data = run.data.model_copy(update={"source": "here", "target": target})
    text = words.transfer(run.model_copy(update={"data": data, "gap_recovered": way}))
    return text and plain(text)


MEASURED = "Measured on there; the labels learned from are of here."


def test_how_far_the_student_got_in_another_domain():
    assert moved() == (
        f"{MEASURED} The student went 71 % of the way from the baseline (60.1 %) to the ceiling (75.2 %), which is "
        "the same network trained with 2,708 labels of there."
    )
    assert "The student went none of the way from the baseline" in moved(way=-0.3)
    assert "The student went 104 % of the way from the baseline" in moved(way=1.04)


def test_without_a_way_to_go_no_share_of_it_is_told():
    assert moved(ceiling=0.6, way=None) == (
        f"{MEASURED} The ceiling (60.0 %), the same network trained with 2,708 labels of there, is not above the "
        "baseline (60.1 %)."
    )
    assert moved(baseline=None, way=None) == (
        f"{MEASURED} The ceiling (75.2 %) is the same network trained with 2,708 labels of there."
    )
    assert moved(ceiling=None, way=None) == MEASURED
    assert moved(target=None) is None
