"""The one touch of the test split: every model's answers, the comparison, and what it costs to run them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.bundle import Answer, Delivery, Student, write_bundle
from limbeck.data import Splits, alike
from limbeck.evaluation import (
    Chance,
    Floor,
    against_chance,
    agreement,
    compare,
    difference,
    kl,
    measure_all,
    tfidf_floor,
    verdict,
)
from limbeck.evaluation.metric import METRICS, Metric, MetricName, by_unit, sheet_of
from limbeck.evaluation.schema import (
    Block,
    BundleRecord,
    Cost,
    DataRecord,
    Decomposition,
    Difference,
    Disagreement,
    Evaluation,
    Fidelity,
    Gain,
    TestEvaluation,
    Timed,
)
from limbeck.evaluation.schema import Chance as ChanceRecord
from limbeck.files import read_json, size_of, write_json
from limbeck.losses import CATALOG
from limbeck.pipeline.arms import Arm
from limbeck.pipeline.blocks import arm_block, floor_block, teacher_block
from limbeck.pipeline.export import Exported
from limbeck.pipeline.material import Material
from limbeck.pipeline.networks import Trained
from limbeck.pipeline.reading import what_was_read
from limbeck.pipeline.teacher import TeacherAnswers
from limbeck.ranks import ALONE, Ranks
from limbeck.recipe import Recipe
from limbeck.report.sentence import sentence, statistics, warnings
from limbeck.report.target import outcome
from limbeck.runtime.bundle import softmax

DISAGREEMENTS = 12
TEST_LOG = "test_evaluations.json"


_ByArm = Mapping[str, Mapping[int, NDArray[np.float32]]]


@dataclass(frozen=True)
class Answers:
    """Logits on the test split: the teacher's, the floor's (of texts), and each arm's by seed."""

    teacher: NDArray[np.float32]
    floor: Floor | None
    arms: _ByArm


def answer_test(splits: Splits, teacher: TeacherAnswers, arms: Mapping[str, Arm], *, among: Ranks = ALONE) -> Answers:
    """Ask every finished model for the test split; several processes share the work, the first one fits the floor."""
    networks = [(name, seed, trained) for name, arm in arms.items() for seed, trained in arm.trained.items()]
    own = {(name, seed): one.logits(one.view.test) for name, seed, one in networks[among.rank :: among.world]}
    every = {key: logits for part in among.gather(own) for key, logits in part.items()}
    by_arm = {name: {seed: every[name, seed] for seed in arm.trained} for name, arm in arms.items()}
    teacher.of("test", among=among)
    floor = _floor(splits) if among.main and teacher.reads_text else None
    return Answers(teacher.logits("test"), floor, by_arm)


def _floor(splits: Splits) -> Floor:
    return tfidf_floor(
        splits.labelled.texts,
        splits.labelled.labels,
        splits.validation.texts,
        splits.validation.labels,
        splits.test.texts,
        classes=len(splits.classes),
        class_weights=splits.weights(splits.labelled),
    )


def evaluate(
    recipe: Recipe,
    splits: Splits,
    teacher: TeacherAnswers,
    arms: Mapping[str, Arm],
    answers: Answers,
    costs: Mapping[str, Cost],
    delivery: BundleRecord | None,
    bundle_error: str | None,
    test_log: Sequence[TestEvaluation],
    seconds: Mapping[str, float],
) -> Evaluation:
    """Return the whole result."""
    labels, metric = splits.test.labels, METRICS[recipe.metric]
    judged = _Judged(labels, alike(splits.test))
    blocks = {name: arm_block(by_seed, splits, costs.get(name), arms[name]) for name, by_seed in answers.arms.items()}
    blocks["teacher"] = teacher_block(answers.teacher, splits, costs.get("teacher"), teacher, recipe.seeds[0])
    chances = {name: against_chance(by_seed[arms[name].best_seed], labels) for name, by_seed in answers.arms.items()}
    chances["teacher"] = against_chance(answers.teacher, labels)
    fidelity = {
        name: _fidelity(
            blocks[name],
            blocks["teacher"],
            list(by_seed.values()),
            answers.teacher,
            metric,
            measurable=not any(chances[one].at_chance for one in (name, "teacher")),
        )
        for name, by_seed in answers.arms.items()
    }
    own = fidelity["student"]
    gain = _gain(answers.arms, judged, metric, "student", "baseline")
    over_teacher = difference(
        _parts(metric, judged, answers.arms["student"].values()), _parts(metric, judged, [answers.teacher]), metric
    )
    result = Evaluation(
        name=recipe.name,
        metric=recipe.metric,
        test_examples=len(splits.test),
        seeds=recipe.seeds,
        data=_data(recipe, splits).model_copy(update=what_was_read(teacher.networks, arms)),
        teacher=blocks["teacher"],
        student=blocks["student"],
        baseline=blocks.get("baseline"),
        hard_labels=blocks.get("hard_labels"),
        ceiling=blocks.get("ceiling"),
        floor=floor_block(answers.floor, splits, costs.get("floor")),
        fidelity=fidelity,
        **own.model_dump(),
        over_teacher=over_teacher,
        teacher_chance=_chance_record(chances["teacher"]),
        student_chance=_chance_record(chances["student"]),
        gain=gain,
        gain_in_the_other_metric=_other_gain(answers.arms, judged, metric),
        decomposition=_decomposition(answers.arms, judged, metric),
        gap_recovered=_gap_recovered(blocks, recipe.metric),
        verdict=verdict(gain),
        sentence=sentence(gain, retention=own.retention, over_teacher=over_teacher),
        statistics=statistics(gain, over_teacher),
        target=arms["student"].target,
        steps_to_target=_steps_to_target(arms),
        bundle=delivery,
        bundle_error=bundle_error,
        disagreements=_disagreements(splits, answers, arms["student"].best_seed),
        test_evaluations=list(test_log),
        seconds=dict(seconds),
    )
    return result.model_copy(update={"warnings": warnings(result)})


def measure_costs(
    material: Material,
    teacher: TeacherAnswers,
    models: Mapping[str, Trained],
    exported: Exported,
    floor: Floor | None,
) -> dict[str, Cost]:
    """Time every exported model on validation rows, interleaved, in one engine, on one thread."""
    runners: dict[str, Answer] = {name: models[name].view.runner(path) for name, path in exported.files.items()}
    sizes = {name: (_parameters(models[name]), size_of(path)) for name, path in exported.files.items()}
    if (whole := teacher.runner(runners)) is not None:
        parts = [(runners.pop(name), sizes.pop(name))[1] for name in teacher.networks]
        runners["teacher"], sizes["teacher"] = whole, (sum(p for p, _ in parts), sum(b for _, b in parts))
    if floor is not None:
        runners["floor"], sizes["floor"] = floor.predict, (floor.parameters, floor.size_bytes)
    speeds = measure_all(runners, material.samples) if runners else {}
    return {
        name: Cost(
            parameters=sizes[name][0],
            size_bytes=sizes[name][1],
            **speed.figures,
        )
        for name, speed in speeds.items()
    }


def deliver(
    recipe: Recipe,
    material: Material,
    arm: Arm,
    exported: Exported,
    rows: list[dict[str, Any]],
    text: str,
    folder: Path,
) -> tuple[BundleRecord | None, str | None]:
    """Write the bundle of the seed that is best on validation; return its record, or why there is none."""
    if "student" not in exported.files:
        return None, exported.errors["student"]
    trained, splits, target = arm.trained[arm.best_seed], material.splits, arm.target
    card = {
        "name": recipe.name,
        "sentence": text,
        "rows": rows,
        "test_examples": len(splits.test),
        "seeds": recipe.seeds,
        "seed": arm.best_seed,
        "target": outcome(target, trained.history) if target else None,
        "data": _data(recipe, splits).model_dump(),
        "recipe_yaml": recipe.to_yaml(),
        "citations": list(dict.fromkeys(CATALOG[loss.name].card.citation for loss in recipe.losses)),
    }
    try:
        delivery = write_bundle(
            folder / "bundle",
            Student(
                model=exported.files["student"],
                says=lambda samples: trained.logits(trained.view.rows(samples)),
                runner=trained.view.runner,
                encoder=trained.view.encoder,
                inputs=trained.view.example[0],
                labels=splits.classes,
            ),
            samples=material.samples,
            unlabelled=material.unlabelled,
            card=card,
            scratch=folder / "export",
        )
    except ValueError as error:
        return None, str(error)
    return _bundle_record(delivery, arm.best_seed), None


def log_test_use(folder: Path, recipe: Recipe, models: Sequence[str]) -> list[TestEvaluation]:
    """Add this use of the test split to the run folder's list, and return the list."""
    path = folder / TEST_LOG
    entry = TestEvaluation(
        time=datetime.now(UTC).isoformat(timespec="seconds"), recipe_digest=recipe.digest, models=list(models)
    )
    log = [*(read_json(path) if path.is_file() else []), entry.model_dump()]
    write_json(path, log)
    return [TestEvaluation(**record) for record in log]


def _chance_record(chance: Chance) -> ChanceRecord:
    return ChanceRecord(**asdict(chance), at_chance=chance.at_chance)


def _fidelity(
    block: Block,
    teacher: Block,
    logits: Sequence[NDArray[np.float32]],
    answers: NDArray[np.float32],
    metric: Metric,
    *,
    measurable: bool,
) -> Fidelity:
    own, wanted = (getattr(one, metric.name) for one in (block, teacher))
    return Fidelity(
        retention=own / wanted if measurable and wanted else None,
        agreement=float(np.mean([agreement(answers, value) for value in logits])),
        kl_to_teacher=float(np.mean([kl(answers, value) for value in logits])),
    )


@dataclass(frozen=True)
class _Judged:
    """What the models are judged on: the test labels, and the unit of each row, both (examples,)."""

    labels: NDArray[np.int64]
    units: NDArray[np.int64]


def _parts(metric: Metric, judged: _Judged, logits: Iterable[NDArray[np.float32]]) -> NDArray:
    """Return the metric's parts of a model, (seeds, units, k), from its logits by seed."""
    return by_unit(np.stack([metric.parts(sheet_of(one, judged.labels)) for one in logits]), judged.units)


def _gain(arms: _ByArm, judged: _Judged, metric: Metric, name: str, over: str) -> Gain | None:
    """Return what one arm gains over another; None when the run does not have both."""
    if not {name, over} <= arms.keys():
        return None
    one, other = (_parts(metric, judged, arms[arm].values()) for arm in (name, over))
    return compare(one, other, metric)


def _other_gain(arms: _ByArm, judged: _Judged, metric: Metric) -> Difference | None:
    """Return student minus baseline in the metric that is not the run's."""
    if "baseline" not in arms:
        return None
    (other,) = (one for one in METRICS.values() if one != metric)
    student, baseline = (_parts(other, judged, arms[arm].values()) for arm in ("student", "baseline"))
    return difference(student, baseline, other)


def _decomposition(arms: _ByArm, judged: _Judged, metric: Metric) -> Decomposition | None:
    text = _gain(arms, judged, metric, "hard_labels", "baseline")
    soft_targets = _gain(arms, judged, metric, "student", "hard_labels")
    return Decomposition(text=text, soft_targets=soft_targets) if text and soft_targets else None


def _gap_recovered(blocks: Mapping[str, Block], metric: MetricName) -> float | None:
    if not {"baseline", "ceiling"} <= blocks.keys():
        return None
    student, baseline, ceiling = (getattr(blocks[name], metric) for name in ("student", "baseline", "ceiling"))
    return (student - baseline) / (ceiling - baseline) if ceiling > baseline else None


def _steps_to_target(arms: Mapping[str, Arm]) -> dict[str, list[int | None]] | None:
    if arms["student"].target is None:
        return None
    return {name: [trained.history.target_step for trained in arm.trained.values()] for name, arm in arms.items()}


def _data(recipe: Recipe, splits: Splits) -> DataRecord:
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


def _disagreements(splits: Splits, answers: Answers, seed: int) -> list[Disagreement]:
    """Return the test rows on which the probabilities of the teacher and of the shipped student lie farthest apart."""
    teacher, student = (softmax(value) for value in (answers.teacher, answers.arms["student"][seed]))
    order = np.argsort(-np.abs(teacher - student).sum(axis=1), kind="stable")[:DISAGREEMENTS]
    classes = splits.classes
    return [
        Disagreement(
            text=splits.test.texts[row],
            label=classes[splits.test.labels[row]],
            teacher=classes[int(teacher[row].argmax())],
            student=classes[int(student[row].argmax())],
            teacher_probability=float(teacher[row].max()),
            student_probability=float(student[row].max()),
        )
        for row in order
    ]


def _bundle_record(delivery: Delivery, seed: int) -> BundleRecord:
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


def _parameters(trained: Trained) -> int:
    return sum(parameter.numel() for parameter in trained.model.parameters())
