"""Values in words: no points, no percent, and better where it is less."""

import pytest

from limbeck.evaluation.metric import Metric
from limbeck.evaluation.records import DataRecord, Difference, Gain, MetricRecord, ModelRecord, SeedScores
from limbeck.evaluation.schema import Findings
from limbeck.evaluation.values import MAE, R2, RMSE
from limbeck.report import words
from limbeck.report.words import prose


def findings_of_values(metric: Metric, **scores: float) -> Findings:
    """A run whose models have these values of its one metric, in three seeds that agree."""
    seeds, name = [0, 1, 2], metric.name
    models = {
        who: ModelRecord(
            scores={name: value}, per_seed=[SeedScores(seed=seed, scores={name: value}) for seed in seeds], shown_seed=0
        )
        for who, value in scores.items()
    }
    over, gained = (metric.sign * (scores["student"] - scores[who]) for who in ("teacher", "baseline"))
    ratio = scores["student"] / scores["teacher"]
    return Findings(
        name="made", task="regression", modality="text", test_examples=100, seeds=seeds, models=models,
        metrics=[MetricRecord(name=name, title=metric.title, quantity=metric.quantity, better=metric.better)],
        data=DataRecord(
            source="made", classes=["score"], noun="values", test=100, validation=10, labelled=10, unlabelled=0,
            dropped={},
        ),
        retention=ratio if metric.better == "higher" else 1 / ratio, agreement=None,
        over_teacher=Difference(metric=name, mean=over, ci95=(over, over)),
        gain=Gain(
            metric=name, mean=gained, ci95=(gained / 2, gained * 2), p_value=0.001, p_seeds=0.001, per_seed=[gained] * 3
        ),
        verdict="helps", test_evaluations=[],
    )  # fmt: skip


def test_numbers_and_units() -> None:
    assert words.score(1234.5678, RMSE) == "1,235"
    assert words.difference(-0.01234, RMSE) == "−0.0123"
    assert words.interval_of((0.1, 0.25), MAE) == "+0.1 to +0.25"
    assert (words.unit(RMSE), words.unit_of(RMSE), words.unit_of(R2)) == ("RMSE", "RMSE", "R²")
    assert [words.side(value, RMSE) for value in (1, -1)] == ["better than", "worse than"]
    assert [words.side(value, R2) for value in (1, -1)] == ["above", "below"]


@pytest.mark.parametrize(
    ("metric", "student", "teacher", "kept"),
    [
        (RMSE, 2.0, 1.8, "keeps 90.0\u00a0% of its teacher (the teacher's RMSE over its own)"),
        (RMSE, 1.6, 1.8, "has an RMSE lower by 0.2 than its teacher"),
        (R2, 0.6, 0.8, "keeps 75.0\u00a0% of its teacher's R²"),
        (R2, 0.85, 0.8, "has an R² higher by 0.05 than its teacher"),
    ],
)
def test_what_is_kept_of_a_teacher(metric: Metric, student: float, teacher: float, kept: str) -> None:
    found = findings_of_values(metric, student=student, teacher=teacher, baseline=student + 0.3 * -metric.sign)
    sentence = words.sentence(found)
    assert sentence.endswith(f"and {kept}.")
    way = "lower" if metric is RMSE else "higher"
    assert f"has an {metric.title} {way} by 0.3 than the same network trained without a teacher" in sentence
    assert "points" not in sentence + words.statistics(found)


def test_a_floor_that_is_better_has_less() -> None:
    found = findings_of_values(RMSE, student=2.0, teacher=1.8, baseline=2.3, floor=1.5)
    assert any("(1.5) is better than the student (2)" in text for text in words.warnings(found))
    found = findings_of_values(RMSE, student=2.0, teacher=1.8, baseline=2.3, floor=2.1)
    (said,) = words.warnings(found)
    assert said == (
        "The student has an RMSE lower by only 0.1 than TF-IDF + LR on the same labels (2.1), and the baseline (2.3) "
        "is worse than it."
    )


@pytest.mark.parametrize(("metric", "way"), [(RMSE, "higher"), (R2, "lower")])
def test_a_loss_is_on_the_other_side(metric: Metric, way: str) -> None:
    found = findings_of_values(metric, student=2.0, teacher=1.8, baseline=2.0 + 0.3 * metric.sign)
    assert f"has an {metric.title} {way} by 0.3 than the same network" in words.sentence(found)


def test_what_is_predicted_is_called_a_value() -> None:
    found = findings_of_values(RMSE, student=2.0, teacher=1.8, baseline=2.3)
    of_classes = found.model_copy(update={"data": found.data.model_copy(update={"noun": "classes"})})
    of_values = found.model_copy(update={"data": found.data.model_copy(update={"noun": "values"})})
    assert [prose.true_answer(one) for one in (of_classes, of_values)] == ["true label", "true value"]
