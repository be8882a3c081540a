"""What a run found: the comparison of its models on the test split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limbeck.data import Splits
from limbeck.evaluation import compare, difference, verdict
from limbeck.evaluation.groups import GroupResults, results_by_group
from limbeck.evaluation.metric import Metric, by_unit
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
from limbeck.pipeline.judging import Trainings
from limbeck.pipeline.judging.advised import more_labels, more_test, selection_record, student_record, teacher_record
from limbeck.pipeline.judging.floor import DISTILLED
from limbeck.pipeline.judging.models import Judged, figures_of, judged_models, model_records
from limbeck.pipeline.judging.samples import Samples, copies_drawn
from limbeck.pipeline.judging.testing import TestOutputs
from limbeck.pipeline.training.curves import evaluate_points
from limbeck.pipeline.training.reading import what_was_read
from limbeck.recipe import Recipe


def find(run: Trainings, on_test: TestOutputs, costs: Mapping[str, Cost], log: list[TestEvaluation]) -> Findings:
    """Return what the models' answers on the test split say."""
    recipe, splits = run.recipe, run.material.splits
    task, models = run.task, judged_models(run, on_test)
    metrics, records = task.metrics, model_records(models, costs)
    figures, samples = figures_of(models), Samples(splits, run.shown["student"].view, task, models)
    apart = samples.apart()
    judge = _Judge(models, splits.alike(splits.test))
    gain = judge.gain(metrics[0], "student", "baseline")
    own, teacher = records["student"].fidelity, next(iter(run.teacher.networks.values()), None)
    assert own is not None  # of every arm
    solved, over = {name: arm.solved for name, arm in run.arms.items()}, run.arms["student"].passed_over
    return Findings(
        name=recipe.name,
        task=task.kind,
        modality=splits.modality.name,
        usage=splits.modality.usage_of(
            run.shown["student"].view.reader,
            splits.original.values,
            named if isinstance(named := (recipe.data.target or recipe.data).column, tuple) else (),
        ),
        metrics=[_metric_record(metric, task.unit(metric)) for metric in metrics],
        test_examples=len(splits.test),
        seeds=recipe.seeds,
        solved=all(solved.values()),
        data=data_record(recipe, splits).model_copy(update=what_was_read(run.teacher.networks, run.arms)),
        models=records,
        teacher=teacher_record(recipe, run.teacher.served),
        selection=selection_record(recipe),
        student=student_record(recipe, run.shown["student"].view.form.kind, None if over is None else over.name),
        retention=own.retention,
        agreement=own.agreement,
        over_teacher=judge.difference(metrics[0], "student", "teacher"),
        teacher_over={
            name: judge.difference(metrics[0], "teacher", name) for name in ("baseline", "floor") if name in models
        },
        over_distilled_floor=judge.difference(metrics[0], "student", DISTILLED) if DISTILLED in models else None,
        gain=gain,
        other_gains=judge.other_gains(metrics),
        decomposition=judge.decomposition(metrics[0]),
        gap_recovered=_gap_recovered(records, task.metric),
        groups=judge.by_group(metrics[0], recipe.data.grouped_by, splits),
        verdict=verdict(gain, solved=all(solved[name] for name in ("student", "baseline") if name in solved)),
        until=run.arms["student"].until,
        curves=evaluate_points(run.points, run.material, run.arms, records),
        figures=figures,
        samples=samples.of(apart),
        weak_classes=samples.weak_classes(figures, apart),
        copies=copies_drawn(splits, run.shown["student"].view, None if teacher is None else teacher.view),
        test_evaluations=log,
    )


def data_record(recipe: Recipe, splits: Splits) -> DataRecord:
    """Return what the data were."""
    return DataRecord(
        source=recipe.data.title,
        target=recipe.data.target.title if recipe.data.target else None,
        classes=list(splits.task.names),
        noun=splits.task.noun,
        test=len(splits.test),
        validation=len(splits.validation),
        labelled=len(splits.labelled),
        unlabelled=len(splits.unlabelled),
        augmented=len(splits.augmented),
        more_test=more_test(recipe, splits),
        more_labels=more_labels(recipe),
        ceiling=len(splits.ceiling) if "ceiling" in recipe.trained_arms else None,
        held_out={
            split: {column: list(values) for column, values in rule.items()}
            for split, rule in recipe.data.split.rules.items()
        },
        dropped=splits.dropped,
        notes=list(splits.notes),
    )


def _metric_record(metric: Metric, unit: str | None) -> MetricRecord:
    known = {"name": metric.name, "title": metric.title, "quantity": metric.quantity, "better": metric.better}
    return MetricRecord(**known, unit=unit)


@dataclass(frozen=True)
class _Judge:
    """Compares models on the test split.

    Attributes:
        models: with their answers.
        units: (examples,) the unit of each row: what looks alike is resampled and swapped together.
    """

    models: Mapping[str, Judged]
    units: NDArray[np.int64]

    def gain(self, metric: Metric, name: str, over: str) -> Gain | None:
        """Return what one arm gains over another; None when the run does not have both."""
        if not {name, over} <= self.models.keys():
            return None
        return compare(self._parts(metric, name), self._parts(metric, over), metric)

    def difference(self, metric: Metric, name: str, over: str) -> Difference:
        """Return one model minus another."""
        return difference(self._parts(metric, name), self._parts(metric, over), metric)

    def other_gains(self, metrics: Sequence[Metric]) -> list[Difference]:
        """Return student minus baseline in the other metrics that a run can be judged by."""
        # One that is no exact sum over the examples is shown, and can be no run's.
        others = [metric for metric in metrics[1:] if metric.value is None] if "baseline" in self.models else []
        return [self.difference(metric, "student", "baseline") for metric in others]

    def decomposition(self, metric: Metric) -> Decomposition | None:
        """Return the two parts of the gain; None unless their arms were trained."""
        text = self.gain(metric, "hard_labels", "baseline")
        soft_targets = self.gain(metric, "student", "hard_labels")
        return Decomposition(text=text, soft_targets=soft_targets) if text and soft_targets else None

    def by_group(self, metric: Metric, column: str | None, splits: Splits) -> GroupResults | None:
        """Return every model's metric by the values of a column of the test rows; None where nobody asks."""
        origin = splits.test.origin
        if column is None or origin is None or origin.groups is None:
            return None
        sheets = {name: [*model.sheets.values()] for name, model in self.models.items()}
        return results_by_group(column, origin.groups.tolist(), sheets, self.units, metric)

    def _parts(self, metric: Metric, name: str) -> NDArray:
        """Return the metric's parts of a model, (seeds, units, k)."""
        parts = [metric.parts(sheet) for sheet in self.models[name].sheets.values()]
        return by_unit(np.stack(parts), self.units)


def _gap_recovered(records: Mapping[str, ModelRecord], metric: Metric) -> float | None:
    if not {"baseline", "ceiling"} <= records.keys():
        return None
    sign = 1 if metric.better == "higher" else -1
    student, baseline, ceiling = (
        sign * records[name].scores[metric.name] for name in ("student", "baseline", "ceiling")
    )
    return (student - baseline) / (ceiling - baseline) if ceiling > baseline else None
