from types import SimpleNamespace

import pytest

from limbeck.evaluation import parts_sentence, sentence, transfer_sentence
from limbeck.evaluation.schema import Decomposition, Gain


def gain(mean, low, high, p, *per_seed, p_seeds=None):
    return Gain(mean=mean, ci95=(low, high), p_value=p, p_seeds=p_seeds, per_seed=list(per_seed))


HELPS = gain(0.091, 0.072, 0.110, 1e-5, 0.08, 0.09, 0.1)
NOTHING = gain(0.004, -0.012, 0.020, 0.512, 0.01, 0.01, -0.01)
USUAL = {"student": 0.8667, "teacher": 0.9, "baseline": 0.78, "floor": 0.77}


def test_helps():
    assert sentence(HELPS, **USUAL) == (
        "Distillation helps: the student gains 9.1 points over the same network trained without a teacher "
        "(95 % interval 7.2 to 11.0, p < 0.001, every seed gains) and keeps 96.3 % of the teacher's accuracy."
    )


def test_hurts():
    assert sentence(gain(-0.021, -0.031, -0.0101, 0.0123, -0.02, -0.03), **USUAL) == (
        "Distillation hurts: the student loses 2.1 points against the same network trained without a teacher "
        "(95 % interval 1.0 to 3.1, p = 0.012, every seed loses) and keeps 96.3 % of the teacher's accuracy."
    )


def test_no_difference_says_what_is_ruled_out():
    assert sentence(NOTHING, **USUAL) == (
        "No difference shown: the student is 0.4 points above the same network trained without a teacher "
        "(95 % interval -1.2 to 2.0, p = 0.512, 2 of 3 seeds gain), which rules out a gain above 2.0 points "
        "and a loss above 1.2 points; it keeps 96.3 % of the teacher's accuracy."
    )


@pytest.mark.parametrize(
    ("unclear", "reason"),
    [
        (
            gain(0.012, 0.004, 0.02, 0.01, 0.03, -0.01, p_seeds=0.6),
            "1 of 2 seeds gain), which rules out a gain above 2.0 points, but not every seed agrees;",
        ),
        (
            gain(-0.012, -0.02, -0.004, 0.06, -0.01, -0.01, p_seeds=0.2),
            "every seed loses), which rules out a loss above 2.0 points, but p is not below 0.05;",
        ),
        (
            gain(0.012, 0.004, 0.02, 0.01, 0.02, 0.004, p_seeds=0.0812),
            "every seed gains), which rules out a gain above 2.0 points, "
            "but the seeds differ too much among themselves (p = 0.081 over seeds);",
        ),
        (
            gain(-0.012, -0.02, -0.004, 0.01, -0.02, -0.004, p_seeds=0.05),
            "every seed loses), which rules out a loss above 2.0 points, "
            "but the seeds differ too much among themselves (p = 0.050 over seeds);",
        ),
    ],
)
def test_no_difference_although_the_interval_leaves_zero_out_says_why(unclear, reason):
    assert reason in sentence(unclear, **USUAL)


def test_level_with_the_baseline():
    text = sentence(gain(0.0, -0.01, 0.01, 1.0, 0.0, 0.0), **USUAL)
    assert "the student is level with the same network" in text
    assert "0 of 2 seeds gain" in text


def test_zero_has_no_sign():
    text = sentence(gain(0.01, 0.0, 0.02, 0.06, 0.01), **USUAL)
    assert "interval 0.0 to 2.0" in text
    assert text.count("a loss above 0.0 points") == 1


def test_a_small_number_keeps_its_side_of_zero():
    text = sentence(gain(0.002, 0.0003, 0.004, 0.01, 0.002), **USUAL)
    assert "interval 0.03 to 0.4, p = 0.010, one seed only: luck of training not measured)" in text


def test_a_student_that_beats_its_teacher():
    assert sentence(HELPS, student=0.8096, teacher=0.8, baseline=0.7, floor=None).endswith(
        "every seed gains) and reaches 101.2 % of the teacher's accuracy."
    )


def test_a_teacher_worse_than_the_baseline_is_warned_of():
    assert sentence(NOTHING, student=0.7736, teacher=0.7511, baseline=0.78, floor=0.77).endswith(
        "accuracy; beware: the teacher (75.1 %) is worse than the baseline (78.0 %)."
    )


def test_a_linear_model_better_than_the_student_is_warned_of():
    assert sentence(HELPS, student=0.89, teacher=0.95, baseline=0.8, floor=0.96).endswith(
        "accuracy; beware: TF-IDF + LR on the same labels (96.0 %) is better than the student (89.0 %)."
    )
    without = sentence(None, student=0.89, teacher=0.95, baseline=None, floor=0.96)
    assert without.endswith("; beware: TF-IDF + LR on the same labels (96.0 %) is better than the student (89.0 %).")


def test_a_linear_model_that_takes_most_of_the_gain_is_warned_of():
    assert sentence(HELPS, student=0.875, teacher=0.9, baseline=0.833, floor=0.872).endswith(
        "accuracy; beware: the student is only 0.3 points above TF-IDF + LR on the same labels (87.2 %), "
        "and the baseline (83.3 %) is below it."
    )
    assert "beware" not in sentence(HELPS, student=0.756, teacher=0.79, baseline=0.645, floor=0.655)
    assert "beware" not in sentence(NOTHING, student=0.7, teacher=0.79, baseline=0.7001, floor=0.69)


def test_figures_that_read_the_same_are_no_warning():
    assert "beware" not in sentence(HELPS, student=0.8, teacher=0.9, baseline=None, floor=0.8 + 1e-9)


def test_two_warnings_are_one_clause():
    assert sentence(NOTHING, student=0.7736, teacher=0.7511, baseline=0.77, floor=0.8).endswith(
        "; beware: the teacher (75.1 %) is worse than the baseline (77.0 %), "
        "and TF-IDF + LR on the same labels (80.0 %) is better than the student (77.4 %)."
    )


def test_a_teacher_that_gets_nothing_right_leaves_nothing_to_keep():
    assert sentence(HELPS, student=0.5, teacher=0.0, baseline=0.4, floor=None).endswith(
        "every seed gains) and has no retention, as the teacher gets no test row right; "
        "beware: the teacher (0.0 %) is worse than the baseline (40.0 %)."
    )


def test_another_metric_names_both():
    text = sentence(HELPS, **USUAL, metric="f1_macro")
    assert "gains 9.1 points of accuracy over" in text
    assert text.endswith("keeps 96.3 % of the teacher's macro F1.")


def test_no_baseline():
    assert sentence(None, student=0.8667, teacher=0.9, baseline=None, floor=None) == (
        "Whether distillation helps is open, as no baseline was trained: the student keeps 96.3 % of the teacher's "
        "accuracy."
    )


def test_the_parts_of_a_gain():
    parts = Decomposition(
        text=gain(0.07, 0.0501, 0.09, 1e-5, 0.06, 0.07, 0.08), soft_targets=gain(0.021, -0.0004, 0.042, 0.061, 0.02)
    )
    assert parts_sentence(HELPS, parts) == (
        "The gain of 9.1 points is 7.0 from more text, labelled by the teacher's decisions "
        "(95 % interval 5.0 to 9.0), and 2.1 from soft targets in their place "
        "(95 % interval -0.04 to 4.2, which holds 0)."
    )


def test_a_part_may_be_a_loss():
    parts = Decomposition(text=gain(-0.01, -0.02, -0.005, 0.01, -0.01), soft_targets=gain(0.014, 0.004, 0.02, 0.01))
    text = parts_sentence(NOTHING, parts)
    assert text.startswith("The gain of 0.4 points is -1.0 from more text")
    assert "interval -2.0 to -0.5), and 1.4 from" in text
    assert "holds 0" not in text


def moved(baseline=0.601, ceiling=0.752, way=0.7123, target="there") -> str | None:
    """Return the sentence about a run from here to there, with these accuracies."""
    block = lambda accuracy: None if accuracy is None else SimpleNamespace(accuracy=accuracy)  # noqa: E731
    data = SimpleNamespace(source="here", target=target, ceiling=2708)
    run = SimpleNamespace(data=data, baseline=block(baseline), ceiling=block(ceiling), gap_recovered=way)
    return transfer_sentence(run)


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
