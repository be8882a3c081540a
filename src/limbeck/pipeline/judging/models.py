"""Each model of the comparison, from its answers on the test split to its record and its figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from limbeck.data import Splits, Task
from limbeck.evaluation import mean_scores
from limbeck.evaluation.figures import Figure
from limbeck.evaluation.metric import Sheet
from limbeck.evaluation.records import Cost, Fidelity, LearningCurve, ModelRecord, SeedScores
from limbeck.pipeline.judging import Trainings
from limbeck.pipeline.judging.testing import TestOutputs
from limbeck.pipeline.training.arms import Arm
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.teacher import RunTeacher


@dataclass(frozen=True)
class Judged:
    """A model and its answers on the test split.

    Attributes:
        sheets: by seed; None for a model that has no seed.
        shown: the seed whose figures are shown.
        about: further fields of its `ModelRecord`.
        follows: whether it is an arm, which is compared with the teacher.
    """

    sheets: Mapping[int | None, Sheet]
    shown: int | None
    about: Mapping[str, Any] = field(default_factory=dict)
    follows: bool = False

    @property
    def sheet(self) -> Sheet:
        """The answers of the seed that is shown."""
        return self.sheets[self.shown]


def judged_models(run: Trainings, on_test: TestOutputs) -> dict[str, Judged]:
    """Return every model of the run, in the order in which they are shown."""
    first, splits = run.recipe.seeds[0], run.material.splits

    def sheet(outputs: np.ndarray) -> Sheet:
        return splits.task.sheet(outputs, splits.test.labels)

    about = _about_teacher(run.teacher, splits.task, first)
    models = {"teacher": Judged({first: sheet(on_test.teacher)}, first, about)}
    for name, by_seed in on_test.arms.items():
        arm, sheets = run.arms[name], {seed: sheet(outputs) for seed, outputs in by_seed.items()}
        models[name] = Judged({**sheets}, arm.best_seed, _about_arm(arm, splits.task), follows=True)
    for name, floor in on_test.floors.items():
        about = {"settings": floor.settings, "features": floor.features, "method": floor.method}
        models[name] = Judged({None: sheet(floor.test_outputs)}, None, about)
    return models


def model_records(models: Mapping[str, Judged], splits: Splits, costs: Mapping[str, Cost]) -> dict[str, ModelRecord]:
    """Return the record of every model.

    Args:
        models: with the teacher first.
        splits: of the run.
        costs: of those that could be exported.
    """
    records: dict[str, ModelRecord] = {}
    for name, model in models.items():
        record = _record(model, splits.task, costs.get(name))
        if model.follows:
            fidelity = _fidelity(record, records["teacher"], model, models["teacher"], splits.task)
            record = record.model_copy(update={"fidelity": fidelity})
        records[name] = record
    return records


def figures_of(models: Mapping[str, Judged], task: Task) -> list[Figure]:
    """Return the figures of every model, of the seed shown."""
    return [
        figure
        for name, model in models.items()
        for figure in task.figures(name, list(model.sheets.values()), model.sheet)
    ]


def _record(model: Judged, task: Task, cost: Cost | None) -> ModelRecord:
    per_seed = [
        SeedScores(seed=seed, scores={metric.name: metric(sheet) for metric in task.metrics})
        for seed, sheet in model.sheets.items()
    ]
    return ModelRecord(
        scores=mean_scores([one.scores for one in per_seed]),
        per_seed=per_seed,
        shown_seed=model.shown,
        cost=cost,
        chance=task.chance(model.sheet),
        **model.about,
    )


def _fidelity(record: ModelRecord, of_teacher: ModelRecord, model: Judged, teacher: Judged, task: Task) -> Fidelity:
    own, wanted = (one.scores[task.metric.name] for one in (record, of_teacher))
    at_chance = any(one.chance is not None and one.chance.at_chance for one in (record, of_teacher))
    (answers,) = teacher.sheets.values()
    beside = [task.beside(answers, sheet) for sheet in model.sheets.values()]
    follows = {name: float(np.mean([one[name] for one in beside])) for name in beside[0]}
    return Fidelity(retention=None if at_chance or not wanted else _kept(own, wanted, task), **follows)


def _kept(own: float, wanted: float, task: Task) -> float | None:
    """Return how much of the teacher's metric an arm has; None where a share of it means nothing."""
    if task.metric.better == "higher":
        return own / wanted
    return wanted / own if own else None


def _about_arm(arm: Arm, task: Task) -> dict[str, Any]:
    about: dict[str, Any] = {
        "settings": dict(arm.chosen),
        "learning": [_learning(seed, trained, task) for seed, trained in arm.trained.items()],
    }
    if arm.until is not None:
        about["steps_until"] = [trained.history.reached_step for trained in arm.trained.values()]
    return about


def _about_teacher(teacher: RunTeacher, task: Task, seed: int) -> dict[str, Any]:
    # An ensemble's members learned each for itself; a solver leaves no curve.
    alone = [trained for trained in teacher.networks.values() if len(teacher.members) == 1]
    learning = [_learning(seed, trained, task) for trained in alone if trained.history.validations]
    return {"settings": teacher.settings, "learning": learning}


def _learning(seed: int, trained: Trained, task: Task) -> LearningCurve:
    records, known = trained.history.validations, {metric.name for metric in task.metrics}
    names = [name for name in records[0] if name in known]
    return LearningCurve(
        seed=seed,
        steps=[int(record["step"]) for record in records],
        scores={name: [record[name] for record in records] for name in names},
        best_step=trained.history.best_step,
    )
