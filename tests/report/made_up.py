"""Records of models and figures made up for the tests."""

import math
import random

from limbeck.evaluation.figures import ClassScores, ClassTable, Confusion, Figure, Reliability
from limbeck.evaluation.records import Chance, Gain, LearningCurve, ModelRecord, SeedScores

NOT_AT_CHANCE = Chance(value=0.872, ci95=(0.857, 0.887), constant=0.5, at_chance=False)
AT_CHANCE = Chance(value=0.5, ci95=(0.41, 0.59), constant=0.5, at_chance=True)


def gain_of(models) -> Gain:
    """What the student gains over the baseline."""
    students, baselines = (
        [one.scores["accuracy"] for one in models[name].per_seed] for name in ("student", "baseline")
    )
    per_seed = [one - other for one, other in zip(students, baselines, strict=True)]
    mean = models["student"].scores["accuracy"] - models["baseline"].scores["accuracy"]
    return Gain(metric="accuracy", mean=mean, ci95=(mean, mean), p_value=1.0, p_seeds=None, per_seed=per_seed)


def model(accuracy, seeds, cost, learning=None, *, fidelity=None, steps=None, chance=NOT_AT_CHANCE) -> ModelRecord:
    """A model whose seeds spread around an accuracy; `learning` is where its curves end."""
    draw = random.Random(f"{accuracy} 2")
    per_seed = [
        SeedScores(
            seed=seed,
            scores={
                "accuracy": value,
                "f1_macro": value - 0.004,
                "nll": 1.5 * (1 - value) + 0.15,
                "ece": 0.03 + draw.random() / 50,
            },
        )
        for seed, value in ((seed, accuracy + (draw.uniform(-0.007, 0.007) if len(seeds) > 1 else 0)) for seed in seeds)
    ]
    return ModelRecord(
        scores={key: sum(one.scores[key] for one in per_seed) / len(seeds) for key in per_seed[0].scores},
        per_seed=per_seed,
        shown_seed=seeds[-1],
        cost=cost,
        settings={"train.lr": 0.01, "train.weight_decay": 0.0} if learning else {},
        learning=[_curve(seed, draw, *learning) for seed in seeds] if learning else [],
        fidelity=fidelity,
        chance=chance,
        steps_until=steps,
    )


def figures(name, accuracy, names, test) -> list[Figure]:
    """Every figure of a model."""
    draw = random.Random(f"{accuracy} {len(names)}")
    reliability, counts = _reliability(name, draw, accuracy, test), _confusion(draw, accuracy, len(names), test)
    return [
        ClassTable(model=name, classes=_per_class(counts, names)),
        Confusion(model=name, counts=counts),
        reliability,
    ]


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
        scores={"nll": losses, "accuracy": [accuracy - 0.2 * left + draw.uniform(-0.008, 0.008) for left in rest]},
        best_step=steps[losses.index(min(losses))],
    )


def _reliability(name, draw, accuracy, test) -> Reliability:
    confidence = [0.53 + index / 15 for index in range(8)]
    weight = [1 + index**2 * 2 for index in range(8)]
    return Reliability(
        model=name,
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
