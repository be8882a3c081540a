"""Each model of the comparison, from its logits on the test split to its record and its figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from limbeck.data import Splits
from limbeck.evaluation import (
    against_chance,
    agreement,
    class_scores,
    confusion,
    kl,
    mean_scores,
    reliability,
    scores,
)
from limbeck.evaluation.classification import METRICS
from limbeck.evaluation.figures import ClassTable, Confusion, Figure, Reliability
from limbeck.evaluation.records import Cost, Fidelity, LearningCurve, ModelRecord, SeedScores
from limbeck.pipeline.arms import Arm
from limbeck.pipeline.judging import Trainings
from limbeck.pipeline.judging.testing import Logits, TestLogits
from limbeck.pipeline.networks import Trained
from limbeck.pipeline.teacher import RunTeacher


@dataclass(frozen=True)
class Judged:
    """A model and its logits on the test split.

    Attributes:
        logits: by seed; None for a model that has no seed.
        shown: the seed whose figures are shown.
        about: further fields of its `ModelRecord`.
        follows: whether it is an arm, which is compared with the teacher.
    """

    logits: Mapping[int | None, Logits]
    shown: int | None
    about: Mapping[str, Any] = field(default_factory=dict)
    follows: bool = False


def judged_models(run: Trainings, on_test: TestLogits) -> dict[str, Judged]:
    """Return every model of the run, in the order in which they are shown."""
    first = run.recipe.seeds[0]
    models = {"teacher": Judged({first: on_test.teacher}, first, _about_teacher(run.teacher, first))}
    for name, logits in on_test.arms.items():
        arm = run.arms[name]
        models[name] = Judged({**logits}, arm.best_seed, _about_arm(arm), follows=True)
    if (floor := on_test.floor) is not None:
        models["floor"] = Judged({None: floor.test_logits}, None, {"settings": floor.settings})
    return models


def model_records(
    models: Mapping[str, Judged], splits: Splits, costs: Mapping[str, Cost], metric: str
) -> dict[str, ModelRecord]:
    """Return the record of every model.

    Args:
        models: with the teacher first.
        splits: of the run.
        costs: of those that could be exported.
        metric: the run's.
    """
    records: dict[str, ModelRecord] = {}
    for name, model in models.items():
        record = _record(model, splits.test.labels, costs.get(name))
        if model.follows:
            fidelity = _fidelity(record, records["teacher"], model, models["teacher"], metric)
            record = record.model_copy(update={"fidelity": fidelity})
        records[name] = record
    return records


def figures_of(models: Mapping[str, Judged], splits: Splits) -> list[Figure]:
    """Return the figures of every model, of the seed shown."""
    found: list[Figure] = []
    labels = splits.test.labels
    for name, model in models.items():
        shown = model.logits[model.shown]
        classes = class_scores(list(model.logits.values()), labels, splits.classes)
        found += [
            ClassTable(model=name, classes=classes),
            Confusion(model=name, counts=confusion(shown, labels).tolist()),
            Reliability(model=name, **reliability(shown, labels)._asdict()),
        ]
    return found


def _record(model: Judged, labels: np.ndarray, cost: Cost | None) -> ModelRecord:
    per_seed = [SeedScores(seed=seed, scores=scores(logits, labels)) for seed, logits in model.logits.items()]
    return ModelRecord(
        scores=mean_scores([one.scores for one in per_seed]),
        per_seed=per_seed,
        shown_seed=model.shown,
        cost=cost,
        chance=against_chance(model.logits[model.shown], labels),
        **model.about,
    )


def _fidelity(record: ModelRecord, of_teacher: ModelRecord, model: Judged, teacher: Judged, metric: str) -> Fidelity:
    own, wanted = record.scores[metric], of_teacher.scores[metric]
    measurable = not any(one.chance is None or one.chance.at_chance for one in (record, of_teacher))
    (answers,) = teacher.logits.values()
    return Fidelity(
        retention=own / wanted if measurable and wanted else None,
        agreement=float(np.mean([agreement(answers, logits) for logits in model.logits.values()])),
        kl_to_teacher=float(np.mean([kl(answers, logits) for logits in model.logits.values()])),
    )


def _about_arm(arm: Arm) -> dict[str, Any]:
    about: dict[str, Any] = {
        "settings": dict(arm.chosen),
        "learning": [_learning(seed, trained) for seed, trained in arm.trained.items()],
    }
    if arm.until is not None:
        about["steps_until"] = [trained.history.reached_step for trained in arm.trained.values()]
    return about


def _about_teacher(teacher: RunTeacher, seed: int) -> dict[str, Any]:
    # An ensemble's members learned each for itself; a solver leaves no curve.
    alone = [trained for trained in teacher.networks.values() if len(teacher.members) == 1]
    learning = [_learning(seed, trained) for trained in alone if trained.history.validations]
    return {"settings": teacher.settings, "learning": learning}


def _learning(seed: int, trained: Trained) -> LearningCurve:
    records = trained.history.validations
    names = [name for name in records[0] if name in METRICS]
    return LearningCurve(
        seed=seed,
        steps=[int(record["step"]) for record in records],
        scores={name: [record[name] for record in records] for name in names},
        best_step=trained.history.best_step,
    )
