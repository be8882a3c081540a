"""The bundle of the seed that is best on validation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.bundle import Delivery, Student, write_bundle
from limbeck.data import Splits, Task
from limbeck.evaluation import difference
from limbeck.evaluation.metric import by_unit
from limbeck.evaluation.records import BundleRecord, Difference, Timed
from limbeck.evaluation.schema import Findings
from limbeck.losses import term_from
from limbeck.pipeline.judging import Trainings
from limbeck.pipeline.judging.export import Exported
from limbeck.recipe import Recipe
from limbeck.report import words
from limbeck.report.words.served import about_served
from limbeck.report.words.units import units


def deliver(
    run: Trainings, exported: Exported, findings: Findings, folder: Path
) -> tuple[BundleRecord | None, str | None]:
    """Write the bundle into the run's folder; return its record, or why there is none."""
    if "student" not in exported.files:
        return None, exported.errors["student"]
    recipe, material, arm = run.recipe, run.material, run.arms["student"]
    trained = run.shown["student"]
    task, decision = _decided(run)
    student = Student(
        model=exported.files["student"],
        says=lambda samples: trained.logits(trained.view.rows(samples)),
        runner=trained.view.runner,
        reader=trained.view.reader,
        labels=material.splits.task.names,
        task=run.task.kind,
        decision=decision,
        gains=metric_gains(task, material.splits),
        metric=task.metric.title,
        columns=named_in_the_data(recipe) if findings.usage.in_files else {},
        other_class=recipe.data.other_class,
        missing=sorted(recipe.data.missing_words),
    )
    try:
        delivery = write_bundle(
            folder / "bundle",
            student,
            samples=material.samples,
            unlabelled=material.unlabelled,
            card=_card(run, findings),
            scratch=folder / "export",
        )
    except ValueError as error:
        return None, str(error)
    return _record(delivery, arm.best_seed), None


def named_in_the_data(recipe: Recipe) -> dict[str, str | list[str]]:
    """Return what the data of the test call their columns: by these names more of them are looked for."""
    data, asked = recipe.data, recipe.data.target or recipe.data
    # Several columns of the label are called as the outputs, which are the source's.
    label = data.label if not isinstance(asked.label, str) else asked.label
    column = asked.column
    example = {} if data.modality.several else {"example": column if isinstance(column, str) else list(column)}
    return {**example, "label": label if isinstance(label, str) else list(label)}


def _card(run: Trainings, findings: Findings) -> dict[str, Any]:
    """Return what the card says besides what the bundle itself does."""
    recipe, arm, trained = run.recipe, run.arms["student"], run.shown["student"]
    return {
        "name": recipe.name,
        "sentence": "\n".join([words.sentence(findings), *words.said(findings), words.next_sentence(findings)]),
        "table": _table(findings),
        "units": units((metric.title, metric.unit) for metric in findings.metrics),
        "test_examples": findings.test_examples,
        "seeds": findings.seeds,
        "seed": arm.best_seed,
        "solved": arm.solved,
        "averaged": findings.averaged,
        "data": findings.data.model_dump(),
        "usage": findings.usage,
        "served": about_served(findings),
        "outputs": words.several_of(run.task.outputs, run.task.noun),
        "noun": run.task.noun,
        "until": words.outcome(arm.until, trained.history) if arm.until else None,
        "recipe_yaml": recipe.to_yaml(),
        "citations": list(dict.fromkeys(card.citation for loss in recipe.losses for card in term_from(loss).cards)),
    }


def _decided(run: Trainings) -> tuple[Task, dict[str, Any]]:
    """Return the task with the decision of the student that ships, fitted on validation as for its judgement.

    And what the bundle says of it: the decision, and from which probability on it may be believed.
    """
    trained, labels = run.shown["student"], run.material.splits.validation.labels
    outputs = trained.logits(trained.view.validation)
    task = run.task
    if task.fits_decision:
        task = task.decide(outputs, labels)
    sure = task.confidences(outputs, labels)
    return task, {**task.decision, **({"confidences": sure} if sure else {})}


def metric_gains(task: Task, splits: Splits) -> Callable[[NDArray[np.float32], NDArray[np.float32]], Difference] | None:
    """Return what compares outputs for the validation rows by the run's metric; None where decisions are compared.

    They are where the modality says so, and where the metric is no share, of which half a point could be asked.
    """
    metric, rows = task.metric, splits.validation
    if not splits.modality.int8_by_metric or metric.quantity != "share":
        return None

    def parts(outputs: NDArray[np.float32]) -> NDArray:
        return by_unit(metric.parts(task.sheet(outputs, rows.labels))[None], splits.alike(rows))

    return lambda one, other: difference(parts(one), parts(other), metric)


def _table(findings: Findings) -> list[list[str]]:
    """Return every model's scores, under the names of the metrics."""
    rows = [
        [words.model(name, findings), *(words.score(record.scores[metric.name], metric) for metric in findings.metrics)]
        for name, record in findings.models.items()
    ]
    return [["", *(metric.title for metric in findings.metrics)], *rows]


def _record(delivery: Delivery, seed: int) -> BundleRecord:
    choice = delivery.choice
    return BundleRecord(
        precision=choice.precision,
        size_bytes=delivery.size_bytes,
        **{name: choice.speed.figures[name] for name in Timed.model_fields},
        max_abs_error=delivery.fp32.max_abs_error,
        agreement=choice.agreement.share,
        agreement_low=choice.agreement.low,
        agreement_rows=choice.agreement.rows,
        instructions=choice.instructions,
        exceptions=delivery.fp32.exceptions,
        seed=seed,
        int8=choice.why,
    )
