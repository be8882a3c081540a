"""Evaluations made up for the tests: complete, with everything absent, and with many classes."""

import math
import random
from pathlib import Path

from limbeck.evaluation import verdict
from limbeck.evaluation.schema import (
    Block,
    BundleRecord,
    Chance,
    ClassScores,
    Cost,
    DataRecord,
    Decomposition,
    Difference,
    Disagreement,
    Evaluation,
    Fidelity,
    Gain,
    LearningCurve,
    Level,
    Reliability,
    Scores,
    TestEvaluation,
    ViewRecord,
)
from limbeck.report.sentence import sentence, statistics

RECIPE = """\
name: sentiment
seeds: [0, 1, 2]
data:
  source: sentiment-ratings
  domain: movie
  split: {test: 2000, validation: 400}
  labelled: 500
teacher: {kind: transformers, model: minilm, train: {epochs: 6, lr: 5.0e-05}}
student: {model: ngrams, tokenizer: {kind: words, size: 30000}, max_length: 64, train: {steps: 1500, lr: 0.01}}
losses:
- {name: kd, weight: 0.9, temperature: 2}
- {name: cross_entropy, weight: 0.1}
"""
ENVIRONMENT = {
    "limbeck": "0.1.0",
    "python": "3.12.4",
    "torch": "2.9.1+cpu",
    "onnxruntime": "1.24.0",
    "platform": "Linux-6.1-x86_64",
    "threads": "2",
}
NOT_AT_CHANCE = Chance(balanced_accuracy=0.872, ci95=(0.857, 0.887), constant=0.5, at_chance=False)
COMMAND = "limbeck run sentiment --out runs/demo losses.kd.temperature=2"


def _cost(parameters, size_bytes, *, cpu_ms, latency_ms, throughput) -> Cost:
    return Cost(
        parameters=parameters,
        size_bytes=size_bytes,
        cpu_ms=cpu_ms,
        latency_ms=latency_ms,
        throughput_per_s=throughput,
        wall_per_cpu=1.02,
    )


def complete(classes: int = 2, seeds: int = 3) -> Evaluation:
    """A run that worked, with everything measured."""
    names = ["negative", "positive"] if classes == 2 else [f"card_issue_number_{index}" for index in range(classes)]
    test = 2000 if classes == 2 else 40 * classes
    teacher = _block(
        0.872,
        [None],
        names,
        test,
        Cost(
            parameters=22_713_986,
            size_bytes=90_912_340,
            cpu_ms=9.84,
            latency_ms=9.71,
            throughput_per_s=312.4,
            wall_per_cpu=1.02,
        ),
    )
    small = Cost(
        parameters=1_920_066,
        size_bytes=7_684_120,
        cpu_ms=0.213,
        latency_ms=0.204,
        throughput_per_s=18_420,
        wall_per_cpu=1.01,
    )
    student = _block(0.831, list(range(seeds)), names, test, small, learning=(0.42, 0.83))
    baseline = _block(0.795, list(range(seeds)), names, test, small, learning=(0.55, 0.79))
    floor = _block(
        0.788,
        [None],
        names,
        test,
        Cost(
            parameters=24_118,
            size_bytes=1_120_400,
            cpu_ms=0.148,
            latency_ms=0.144,
            throughput_per_s=9_870,
            wall_per_cpu=1.02,
        ),
    )
    gains = [a.accuracy - b.accuracy for a, b in zip(student.per_seed, baseline.per_seed, strict=True)]
    mean = student.accuracy - baseline.accuracy
    p_seeds = 0.012 if seeds > 1 else None
    ci95 = mean - 0.014, mean + 0.013
    gain = Gain(metric="accuracy", mean=mean, ci95=ci95, p_value=0.00001, p_seeds=p_seeds, per_seed=gains)
    over_teacher = Difference(metric="accuracy", mean=student.accuracy - teacher.accuracy, ci95=(-0.055, -0.028))
    return Evaluation(
        name="sentiment",
        test_examples=test,
        seeds=list(range(seeds)),
        data=DataRecord(
            source="sentiment-ratings (movie)",
            classes=names,
            test=test,
            validation=400,
            labelled=500,
            unlabelled=7705,
            dropped={"same text as a test example": 41, "empty text": 3},
            views={
                "teacher": ViewRecord(tokens=24.31, unknown=0.0, cut=0.0, unread=0),
                "student": ViewRecord(tokens=21.5, unknown=0.0312, cut=0.0125, unread=7),
            },
            same_tokens={"teacher": 0, "student": 0},
        ),
        teacher=teacher,
        student=student,
        baseline=baseline,
        floor=floor,
        fidelity={
            "student": Fidelity(retention=0.953, agreement=0.8915, kl_to_teacher=0.081),
            "baseline": Fidelity(retention=0.912, agreement=0.8382, kl_to_teacher=0.2176),
        },
        retention=0.953,
        agreement=0.8915,
        kl_to_teacher=0.081,
        over_teacher=over_teacher,
        teacher_chance=NOT_AT_CHANCE,
        student_chance=NOT_AT_CHANCE,
        gain=gain,
        verdict=verdict(gain),
        sentence=sentence(gain, retention=0.953, over_teacher=over_teacher),
        statistics=statistics(gain, over_teacher),
        until=Level(metric="retention", value=0.95, quantity="accuracy", level=0.8256),
        steps_until={"student": [600, 1100, 700][:seeds], "baseline": [1400, None, None][:seeds]},
        bundle=BundleRecord(
            precision="int8",
            size_bytes=2_912_400,
            cpu_ms=0.171,
            latency_ms=0.166,
            wall_per_cpu=1.01,
            max_abs_error=3.1e-6,
            agreement=0.9985,
            agreement_low=0.9972,
            agreement_rows=5_000,
            instructions="x86_64, avx2, avx512",
            exceptions=0,
            seed=1,
            int8="int8 was taken: smaller, faster, same decision on 99.85% of 5,000 unlabelled rows",
        ),
        disagreements=_disagreements(names),
        test_evaluations=[
            TestEvaluation(
                time="2026-03-01T09:12:44Z",
                recipe_digest="4f1c8e0b7d2a9c35e0aa71b2",
                models=["teacher", "student", "baseline", "floor"],
            )
        ],
        seconds={
            "data": 1.9,
            "teacher": 74.2,
            "cache": 8.8,
            "student": 31.5,
            "baseline": 29.7,
            "evaluation": 6.3,
            "bundle": 3.2,
        },
    )


def with_hard_labels() -> Evaluation:
    """A complete run with a third arm, and the gain in two parts."""
    run = complete()
    block = _block(0.818, run.seeds, run.data.classes, run.test_examples, run.student.cost, learning=(0.47, 0.815))
    text, soft = block.accuracy - run.baseline.accuracy, run.student.accuracy - block.accuracy
    parts = Decomposition(
        text=_part(run.gain, text, (text - 0.012, text + 0.014), 0.0004),
        soft_targets=_part(run.gain, soft, (soft - 0.016, soft + 0.011), 0.0712),
    )
    fidelity = run.fidelity | {"hard_labels": Fidelity(retention=0.938, agreement=0.8651, kl_to_teacher=0.1412)}
    return run.model_copy(update={"hard_labels": block, "decomposition": parts, "fidelity": fidelity})


def with_ceiling() -> Evaluation:
    """A run to another domain, with every arm that there is."""
    run = with_hard_labels()
    block = _block(0.858, run.seeds, run.data.classes, run.test_examples, run.student.cost, learning=(0.6, 0.74))
    data = run.data.model_copy(update={"target": "sentiment-ratings (amazon)", "ceiling": 2708})
    way = (run.student.accuracy - run.baseline.accuracy) / (block.accuracy - run.baseline.accuracy)
    return run.model_copy(
        update={
            "data": data,
            "ceiling": block,
            "gap_recovered": way,
            "fidelity": run.fidelity | {"ceiling": Fidelity(retention=0.984, agreement=0.8811, kl_to_teacher=0.151)},
        }
    )


def bare() -> Evaluation:
    """A run in which everything that may be absent is."""
    alone = _block(0.81, [0], ["no", "yes"], 100, None).model_copy(update={"reliability": None, "confusion": None})
    return Evaluation(
        name="bare",
        test_examples=100,
        seeds=[0],
        data=DataRecord(
            source="rows.csv",
            classes=["no", "yes"],
            test=100,
            validation=20,
            labelled=50,
            unlabelled=0,
            dropped={},
        ),
        teacher=alone,
        student=alone,
        baseline=None,
        floor=None,
        fidelity={},
        retention=None,
        agreement=1.0,
        kl_to_teacher=0.0,
        over_teacher=Difference(metric="accuracy", mean=0.0, ci95=(0.0, 0.0)),
        teacher_chance=Chance(balanced_accuracy=0.5, ci95=(0.41, 0.59), constant=0.5, at_chance=True),
        student_chance=Chance(balanced_accuracy=0.5, ci95=(0.41, 0.59), constant=0.5, at_chance=True),
        gain=None,
        verdict="no_baseline",
        sentence="The run has no baseline, so it cannot say whether distillation helped.",
        statistics="",
        bundle=None,
        test_evaluations=[],
    )


def write(evaluation: Evaluation, path: Path, **changes) -> str:
    """Write the report and return its text."""
    from limbeck.report import write_report

    write_report(
        evaluation, **({"recipe_yaml": RECIPE, "environment": ENVIRONMENT, "command": COMMAND} | changes), path=path
    )
    return path.read_text(encoding="utf-8")


def _part(gain, mean, ci95, p_value) -> Gain:
    return gain.model_copy(update={"mean": mean, "ci95": ci95, "p_value": p_value, "per_seed": [mean] * 3})


def _block(accuracy, seeds, names, test, cost, learning=None) -> Block:
    """A model whose seeds spread around an accuracy; `learning` is where its curves end."""
    draw = random.Random(f"{accuracy} {len(names)}")
    per_seed = [
        Scores(
            seed=seed,
            accuracy=value,
            f1_macro=value - 0.004,
            nll=1.5 * (1 - value) + 0.15,
            ece=0.03 + draw.random() / 50,
        )
        for seed, value in ((seed, accuracy + (draw.uniform(-0.007, 0.007) if len(seeds) > 1 else 0)) for seed in seeds)
    ]
    mean = {
        key: sum(getattr(scores, key) for scores in per_seed) / len(seeds)
        for key in ("accuracy", "f1_macro", "nll", "ece")
    }
    curves = [_curve(seed, draw, *learning) for seed in seeds] if learning else []
    reliability, confusion = _reliability(draw, accuracy, test), _confusion(draw, accuracy, len(names), test)
    return Block(
        **mean,
        per_seed=per_seed,
        cost=cost,
        settings={"train.lr": 0.01, "train.weight_decay": 0.0} if learning else {},
        curves=curves,
        per_class=_per_class(confusion, names),
        shown_seed=seeds[-1],
        reliability=reliability,
        confusion=confusion,
    )


def _per_class(confusion, names) -> list[ClassScores]:
    found = []
    for index, name in enumerate(names):
        right, rows, decided = confusion[index][index], sum(confusion[index]), sum(row[index] for row in confusion)
        found.append(
            ClassScores(
                name=name,
                rows=rows,
                recall=right / rows,
                precision=right / decided if decided else None,
                f1=2 * right / (rows + decided),
                decided=decided,
            )
        )
    return found


def _curve(seed, draw, nll, accuracy) -> LearningCurve:
    steps = list(range(100, 1501, 100))
    rest = [math.exp(-step / 300) for step in steps]
    losses = [
        nll + 0.3 * left + 0.05 * (step / 1500) ** 2 + draw.uniform(-0.012, 0.012)
        for left, step in zip(rest, steps, strict=True)
    ]
    return LearningCurve(
        seed=seed,
        steps=steps,
        nll=losses,
        accuracy=[accuracy - 0.2 * left + draw.uniform(-0.008, 0.008) for left in rest],
        best_step=steps[losses.index(min(losses))],
    )


def _reliability(draw, accuracy, test) -> Reliability:
    confidence = [0.53 + index / 15 for index in range(8)]
    weight = [1 + index**2 * 2 for index in range(8)]
    return Reliability(
        confidence=[min(value, 0.995) for value in confidence],
        accuracy=[min(1.0, value - (0.95 - accuracy) / 2 + draw.uniform(-0.03, 0.03)) for value in confidence],
        count=[test * value // sum(weight) for value in weight],
    )


def _confusion(draw, accuracy, classes, test) -> list[list[int]]:
    counts = [[0] * classes for _ in range(classes)]
    for example in range(test):
        true = example % classes
        near = (true + draw.choice((1, 1, 1, 2, 5))) % classes if classes > 2 else 1 - true
        counts[true][true if draw.random() < accuracy else near] += 1
    return counts


def _disagreements(names) -> list[Disagreement]:
    texts = [
        "it 's not exactly a gourmet meal but the fare is fair , even coming from the drive-thru .",
        "A movie that will surely be profane, politically charged music to the ears of <b>somebody</b> & friends.",
        "offers much to enjoy ... and a lot to mull over in terms of love , loyalty and the nature of friendship . "
        * 6,
        "too" + "o" * 90 + " long",
    ]
    return [
        Disagreement(
            text=text,
            label=names[index % 2],
            teacher=names[0],
            student=names[1],
            teacher_probability=0.97 - index / 50,
            student_probability=0.91 - index / 20,
        )
        for index, text in enumerate(texts)
    ]
