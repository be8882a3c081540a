"""What a run found: the comparison of its models on the test split."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from limbeck.data import Splits
from limbeck.evaluation import compare, difference, verdict
from limbeck.evaluation.classification import JUDGING, ordered_metrics
from limbeck.evaluation.figures import Decided, Disagreement, RowSample, Sample, TextSample
from limbeck.evaluation.metric import Metric, sheet_of
from limbeck.evaluation.records import (
    Cost,
    DataRecord,
    Decomposition,
    Difference,
    Gain,
    MetricRecord,
    ModelRecord,
    TestEvaluation,
)
from limbeck.evaluation.schema import Findings
from limbeck.pipeline.curves import evaluate_points
from limbeck.pipeline.judging import Trainings
from limbeck.pipeline.judging.models import Tested, figures_of, model_records, tested_models
from limbeck.pipeline.judging.testing import TestLogits
from limbeck.pipeline.reading import what_was_read
from limbeck.recipe import Recipe
from limbeck.runtime.bundle import softmax

SAMPLES = 12


def find(run: Trainings, on_test: TestLogits, costs: Mapping[str, Cost], log: list[TestEvaluation]) -> Findings:
    """Return what the models' answers on the test split say."""
    recipe, splits = run.recipe, run.material.splits
    metrics, models = ordered_metrics(recipe.metric), tested_models(run, on_test)
    records = model_records(models, splits, costs, recipe.metric)
    gain = _gain(models, splits, metrics[0], "student", "baseline")
    own = records["student"].fidelity
    assert own is not None  # of every arm
    return Findings(
        name=recipe.name,
        modality="text" if run.teacher.reads_text else "arrays",
        metrics=[_metric_record(metric) for metric in metrics],
        test_examples=len(splits.test),
        seeds=recipe.seeds,
        data=data_record(recipe, splits).model_copy(update=what_was_read(run.teacher.networks, run.arms)),
        models=records,
        retention=own.retention,
        agreement=own.agreement,
        over_teacher=_difference(models, splits, metrics[0], "student", "teacher"),
        gain=gain,
        other_gains=_other_gains(models, splits, metrics),
        decomposition=_decomposition(models, splits, metrics[0]),
        gap_recovered=_gap_recovered(records, recipe.metric),
        verdict=verdict(gain),
        until=run.arms["student"].until,
        curves=evaluate_points(run.points, run.material, run.arms, records),
        figures=figures_of(models, splits),
        samples=_samples(splits, models, text=run.teacher.reads_text),
        test_evaluations=log,
    )


def data_record(recipe: Recipe, splits: Splits) -> DataRecord:
    """Return what the data were."""
    return DataRecord(
        source=recipe.data.title,
        target=recipe.data.target.title if recipe.data.target else None,
        classes=list(splits.classes),
        test=len(splits.test),
        validation=len(splits.validation),
        labelled=len(splits.labelled),
        unlabelled=len(splits.unlabelled),
        augmented=len(splits.augmented),
        ceiling=len(splits.ceiling) if "ceiling" in recipe.trained_arms else None,
        dropped=splits.dropped,
    )


def _metric_record(metric: Metric) -> MetricRecord:
    return MetricRecord(name=metric.name, title=metric.title, quantity=metric.quantity, better=metric.better)


def _parts(models: Mapping[str, Tested], splits: Splits, metric: Metric, name: str) -> NDArray:
    """Return the metric's parts of a model, (seeds, examples, k)."""
    return np.stack([metric.parts(sheet_of(one, splits.test.labels)) for one in models[name].logits.values()])


def _gain(models: Mapping[str, Tested], splits: Splits, metric: Metric, name: str, over: str) -> Gain | None:
    """Return what one arm gains over another; None when the run does not have both."""
    if not {name, over} <= models.keys():
        return None
    one, other = (_parts(models, splits, metric, arm) for arm in (name, over))
    return compare(one, other, metric)


def _difference(models: Mapping[str, Tested], splits: Splits, metric: Metric, name: str, over: str) -> Difference:
    one, other = (_parts(models, splits, metric, model) for model in (name, over))
    return difference(one, other, metric)


def _other_gains(models: Mapping[str, Tested], splits: Splits, metrics: list[Metric]) -> list[Difference]:
    """Return student minus baseline in the other metrics that a run can be judged by."""
    others = [metric for metric in metrics[1:] if metric.name in JUDGING] if "baseline" in models else []
    return [_difference(models, splits, metric, "student", "baseline") for metric in others]


def _decomposition(models: Mapping[str, Tested], splits: Splits, metric: Metric) -> Decomposition | None:
    text = _gain(models, splits, metric, "hard_labels", "baseline")
    soft_targets = _gain(models, splits, metric, "student", "hard_labels")
    return Decomposition(text=text, soft_targets=soft_targets) if text and soft_targets else None


def _gap_recovered(records: Mapping[str, ModelRecord], metric: str) -> float | None:
    if not {"baseline", "ceiling"} <= records.keys():
        return None
    student, baseline, ceiling = (records[name].scores[metric] for name in ("student", "baseline", "ceiling"))
    return (student - baseline) / (ceiling - baseline) if ceiling > baseline else None


def _samples(splits: Splits, models: Mapping[str, Tested], *, text: bool) -> list[Disagreement]:
    """Return the test rows on which the probabilities of the teacher and of the shipped student lie farthest apart."""
    shown = {name: softmax(models[name].logits[models[name].shown]) for name in ("teacher", "student")}
    apart = np.abs(shown["teacher"] - shown["student"]).sum(axis=1)
    order = np.argsort(-apart, kind="stable")[:SAMPLES]
    classes = splits.classes

    def sample(row: int) -> Sample:
        written = splits.test.texts[row]
        return TextSample(text=written) if text else RowSample(name=written)

    return [
        Disagreement(
            sample=sample(row),
            label=classes[splits.test.labels[row]],
            answers={
                name: Decided(decided=classes[int(one[row].argmax())], probability=float(one[row].max()))
                for name, one in shown.items()
            },
        )
        for row in order
    ]
