"""One model of the comparison, from its answers on the test split to its record."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from limbeck.data import Splits
from limbeck.evaluation import Floor, class_scores, confusion, mean_scores, reliability, scores
from limbeck.evaluation.schema import Block, Cost, LearningCurve
from limbeck.pipeline.arms import Arm
from limbeck.pipeline.networks import Trained
from limbeck.pipeline.teacher import RunTeacher


def arm_block(logits: Mapping[int, NDArray[np.float32]], splits: Splits, cost: Cost | None, arm: Arm) -> Block:
    """Return an arm's scores; what is shown of one seed is of the one that is best on validation."""
    curves = [_curve(seed, trained) for seed, trained in arm.trained.items()]
    block = _block(list(logits), list(logits.values()), splits, cost, shown=list(logits).index(arm.best_seed))
    return block.model_copy(update={"settings": dict(arm.chosen), "curves": curves})


def teacher_block(
    logits: NDArray[np.float32], splits: Splits, cost: Cost | None, teacher: RunTeacher, seed: int
) -> Block:
    """Return the teacher's scores."""
    block = _block([seed], [logits], splits, cost)
    # An ensemble's members learned each for itself; a solver leaves no curve.
    alone = [trained for trained in teacher.networks.values() if len(teacher.members) == 1]
    curves = [_curve(seed, trained) for trained in alone if trained.history.validations]
    return block.model_copy(update={"curves": curves, "settings": teacher.settings})


def floor_block(floor: Floor | None, splits: Splits, cost: Cost | None) -> Block | None:
    """Return the scores of TF-IDF + logistic regression; None where there is none."""
    if floor is None:
        return None
    block = _block([None], [floor.test_logits], splits, cost)
    return block.model_copy(update={"settings": floor.settings})


def _block(
    seeds: Sequence[int | None],
    logits: Sequence[NDArray[np.float32]],
    splits: Splits,
    cost: Cost | None,
    *,
    shown: int = 0,
) -> Block:
    labels = splits.test.labels
    per_seed = [scores(value, labels, seed) for seed, value in zip(seeds, logits, strict=True)]
    return Block(
        **mean_scores(per_seed).model_dump(exclude={"seed"}),
        per_seed=per_seed,
        cost=cost,
        per_class=class_scores(logits, labels, splits.classes),
        shown_seed=seeds[shown],
        reliability=reliability(logits[shown], labels),
        confusion=confusion(logits[shown], labels).tolist(),
    )


def _curve(seed: int, trained: Trained) -> LearningCurve:
    records = trained.history.validations
    return LearningCurve(
        seed=seed,
        steps=[int(record["step"]) for record in records],
        nll=[record["nll"] for record in records],
        accuracy=[record["accuracy"] for record in records],
        f1_macro=[record["f1_macro"] for record in records if "f1_macro" in record],
        best_step=trained.history.best_step,
    )
