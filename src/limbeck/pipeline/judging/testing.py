"""The one touch of the test split: every model's answers, and what it costs to run them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from limbeck.bundle import Runner
from limbeck.errors import LimbeckError
from limbeck.evaluation import measure_all
from limbeck.evaluation.records import Cost, TestEvaluation
from limbeck.evaluation.schema import Evaluation
from limbeck.files import read_json, size_of, write_json
from limbeck.pipeline.judging import Trainings
from limbeck.pipeline.judging.earlier import about_rows, last_evaluation
from limbeck.pipeline.judging.export import Exported
from limbeck.pipeline.judging.floor import DISTILLED, FLOOR, Floor, distil_floor, fit_floor
from limbeck.pipeline.training.learn import Trained
from limbeck.ranks import ALONE, Ranks
from limbeck.report import words

TEST_LOG = "test_evaluations.json"

Outputs = NDArray[np.float32]


@dataclass(frozen=True)
class Said:
    """What a model says, (examples, outputs) each.

    Attributes:
        test: on the test split.
        validation: on the validation split, where its decision is fitted; None where the task fits none.
    """

    test: Outputs
    validation: Outputs | None


@dataclass(frozen=True)
class TestOutputs:
    """Outputs on the test split.

    Attributes:
        teacher: of the teacher.
        floors: the fitted floors by name, with their outputs; none where the modality has no features.
        arms: by arm and seed.
    """

    teacher: Said
    floors: Mapping[str, Floor]
    arms: Mapping[str, Mapping[int, Said]]


def answer_test(run: Trainings, *, among: Ranks = ALONE) -> TestOutputs:
    """Ask every finished model for the test split; several processes share the work, the first one fits the floors."""
    # By digest: one that is solved stands for every seed, and is asked once.
    networks = {(name, one.digest): one for name, arm in run.arms.items() for one in arm.trained.values()}
    fits = run.task.fits_decision
    own = {key: answers(one, fits=fits) for key, one in [*networks.items()][among.rank :: among.world]}
    every = {key: said for part in among.gather(own) for key, said in part.items()}
    by_arm = {
        name: {seed: every[name, one.digest] for seed, one in arm.trained.items()} for name, arm in run.arms.items()
    }
    run.teacher.of("test", among=among)
    teacher = Said(run.teacher.logits("test"), run.teacher.logits("validation") if fits else None)
    return TestOutputs(teacher, _floors(run) if among.main else {}, by_arm)


def answers(trained: Trained, *, fits: bool) -> Said:
    """Ask a network for the test split, and where a decision is to be fitted for the validation split."""
    view = trained.view
    return Said(trained.logits(view.test), trained.logits(view.validation) if fits else None)


def _floors(run: Trainings) -> dict[str, Floor]:
    """Return the floor of the labels, and beside it that of the teacher's answers, where every one of them is kept."""
    splits, selection = run.material.splits, run.recipe.selection
    if (floor := fit_floor(splits, selection.folds)) is None:
        return {}
    # No student has learned the answers that a moving teacher gives in the end.
    if run.recipe.teacher.moving is not None or not run.teacher.codec.whole:
        return {FLOOR: floor}
    answers = run.teacher.logits("transfer")
    if selection.unlabelled is None:
        distilled = distil_floor(splits, answers)
    else:  # by what students are chosen too
        rows = {row: number for number, row in enumerate(splits.transfer.ids.tolist())}
        splits = splits.watching(selection.unlabelled)
        learned, watched = (
            answers[[rows[row] for row in part.ids.tolist()]] for part in (splits.transfer, splits.watched)
        )
        distilled = distil_floor(splits, learned, watched)
    return {FLOOR: floor} | ({} if distilled is None else {DISTILLED: distilled})


def log_test_use(folder: Path, run: Trainings, models: Sequence[str]) -> list[TestEvaluation]:
    """Add this use of the test split to the run folder's list, and return the list.

    The use before it gets the names that its report had, as long as that is known.

    Raises:
        LimbeckError: the list is damaged.
    """
    path, recipe = folder / TEST_LOG, run.recipe
    entry = TestEvaluation(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe_digest=recipe.digest,
        models=list(models),
        rows=run.material.splits.test.digest,
        about=about_rows(recipe),
    )
    fix = f"delete {path}; evaluation.json then forgets the earlier uses of the test split"
    try:
        before = [*map(TestEvaluation.model_validate, read_json(path, list, fix=fix) if path.is_file() else [])]
    except ValidationError:
        raise LimbeckError("no record of the uses of the test split", where=str(path), fix=fix) from None
    log = [*map(_named(last_evaluation(folder)), before), entry]
    write_json(path, [one.model_dump() for one in log])
    return log


def _named(last: Evaluation | None) -> Callable[[TestEvaluation], TestEvaluation]:
    """Return what puts the names of the last evaluation into the record of its use of the test split."""

    def named(use: TestEvaluation) -> TestEvaluation:
        if last is None or not last.test_evaluations or last.test_evaluations[-1].time != use.time:
            return use
        names = {name: words.model(name, last) for name in use.models if name in last.models}
        return use.model_copy(update={"names": names})

    return named


def measure_costs(run: Trainings, exported: Exported, floors: Mapping[str, Floor]) -> dict[str, Cost]:
    """Time every exported model on validation rows, interleaved, in one engine, on one thread.

    A teacher without an ONNX form is timed by its own call.
    """
    teacher, models = run.teacher, run.teacher.networks | run.shown
    runners: dict[str, Runner] = {name: models[name].view.runner(path) for name, path in exported.files.items()}
    sizes: dict[str, tuple[int | None, int | None]] = {
        name: (_parameters(models[name]), size_of(path)) for name, path in exported.files.items()
    }
    if (whole := teacher.runner(runners)) is not None:
        files = [exported.files.get(name) for name in teacher.networks]
        for name in teacher.networks:
            runners.pop(name, None)
        runners["teacher"], sizes["teacher"] = (
            whole,
            (
                _sum([_parameters(one) for one in teacher.networks.values()]),
                _sum([None if path is None else size_of(path) for path in files]),
            ),
        )
    for name, floor in floors.items():
        runners[name], sizes[name] = floor.predict, (floor.parameters, floor.size_bytes)
    speeds = measure_all(runners, run.material.samples) if runners else {}
    return {
        name: Cost(
            parameters=sizes[name][0],
            size_bytes=sizes[name][1],
            exported=sizes[name][1] is not None,
            **speed.figures,
        )
        for name, speed in speeds.items()
    }


def _sum(parts: Sequence[int | None]) -> int | None:
    """Return the sum; None where a part is not known."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _parameters(trained: Trained) -> int | None:
    """Return how many parameters a network has; None where a part of it, such as a function, does not tell."""
    if any(getattr(module, "uncounted", False) for module in trained.model.modules()):
        return None
    solved = sum(getattr(module, "fitted", 0) for module in trained.model.modules())
    return solved + sum(parameter.numel() for parameter in trained.model.parameters())
