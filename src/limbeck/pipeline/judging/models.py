"""Each model of the comparison, from its answers on the test split to its record and its figures."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from limbeck.data import Splits, Task
from limbeck.evaluation import mean_scores
from limbeck.evaluation.figures import Figure
from limbeck.evaluation.metric import Sheet
from limbeck.evaluation.records import Cost, Fidelity, LearningCurve, ModelRecord, SeedScores
from limbeck.pipeline.judging import Trainings
from limbeck.pipeline.judging.testing import Said, TestOutputs
from limbeck.pipeline.training.arms import Arm
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.teacher import RunTeacher


@dataclass(frozen=True)
class Judged:
    """A model and its answers on the test split.

    Attributes:
        sheets: by seed; None for a model that has no seed.
        tasks: by seed, with the decision that was fitted to its outputs on validation.
        shown: the seed whose figures are shown.
        about: further fields of its `ModelRecord`.
        follows: whether it is an arm, which is compared with the teacher.
    """

    sheets: Mapping[int | None, Sheet]
    tasks: Mapping[int | None, Task]
    shown: int | None
    about: Mapping[str, Any] = field(default_factory=dict)
    follows: bool = False

    @property
    def sheet(self) -> Sheet:
        """The answers of the seed that is shown."""
        return self.sheets[self.shown]

    @property
    def task(self) -> Task:
        """The task with the decision of the seed that is shown."""
        return self.tasks[self.shown]


def judged_models(run: Trainings, on_test: TestOutputs) -> dict[str, Judged]:
    """Return every model of the run, in the order in which they are shown."""
    first, splits = run.recipe.seeds[0], run.material.splits

    def judged(said: Mapping[int, Said] | Mapping[None, Said], shown: int | None, **about: Any) -> Judged:
        tasks = {seed: _decided(run.task, one, splits) for seed, one in said.items()}
        sheets = {seed: tasks[seed].sheet(one.test, splits.test.labels) for seed, one in said.items()}
        return Judged({**sheets}, {**tasks}, shown, **about)

    models = {"teacher": judged({first: on_test.teacher}, first, about=_about_teacher(run.teacher, run.task, first))}
    for name, by_seed in on_test.arms.items():
        arm = run.arms[name]
        models[name] = judged(by_seed, arm.best_seed, about=_about_arm(arm, run.task), follows=True)
    for name, floor in on_test.floors.items():
        about = {"settings": floor.settings, "features": floor.features, "method": floor.method}
        models[name] = judged({None: Said(floor.test_outputs, floor.validation_outputs)}, None, about=about)
    return models


def _decided(task: Task, said: Said, splits: Splits) -> Task:
    return task if said.validation is None else task.decide(said.validation, splits.validation.labels)


def model_records(models: Mapping[str, Judged], costs: Mapping[str, Cost]) -> dict[str, ModelRecord]:
    """Return the record of every model.

    Args:
        models: with the teacher first.
        costs: of those that could be exported.
    """
    records: dict[str, ModelRecord] = {}
    for name, model in models.items():
        record = _record(model, model.task, costs.get(name))
        if model.follows:
            fidelity = _fidelity(record, records["teacher"], model, models["teacher"], model.task)
            record = record.model_copy(update={"fidelity": fidelity})
        records[name] = record
    return records


def figures_of(models: Mapping[str, Judged]) -> list[Figure]:
    """Return the figures of every model, of the seed shown."""
    return [
        figure
        for name, model in models.items()
        for figure in model.task.figures(name, list(model.sheets.values()), model.sheet)
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
        # Of a list, what a recipe has of it.
        "settings": {key: value if _plain(value) else json.dumps(value) for key, value in arm.chosen.items()}
        | {f"model.{key}": value for key, value in arm.trained[arm.best_seed].history.chosen.items()},
        "solved": arm.solved,
        "learning": _curves(arm.trained.items(), task),
    }
    if arm.until is not None:
        about["steps_until"] = [trained.history.reached_step for trained in arm.trained.values()]
    return about


def _about_teacher(teacher: RunTeacher, task: Task, seed: int) -> dict[str, Any]:
    # An ensemble's members learned each for itself.
    alone = [(seed, trained) for trained in teacher.networks.values() if len(teacher.members) == 1]
    return {"settings": teacher.settings, "learning": _curves(alone, task)}


def _curves(by_seed: Iterable[tuple[int, Trained]], task: Task) -> list[LearningCurve]:
    """Return a curve a training; a solver leaves none."""
    return [_learning(seed, trained, task) for seed, trained in by_seed if trained.history.validations]


def _learning(seed: int, trained: Trained, task: Task) -> LearningCurve:
    records, known = trained.history.validations, {metric.name for metric in task.metrics}
    names = [name for name in records[0] if name in known]
    return LearningCurve(
        seed=seed,
        steps=[int(record["step"]) for record in records],
        scores={name: [record[name] for record in records] for name in names},
        best_step=trained.history.best_step,
    )


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
