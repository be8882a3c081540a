"""The plan of a run's students: which of them are tried, what they read, and how long one that is trained learns."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from limbeck.data import Splits
from limbeck.models import is_solved
from limbeck.pipeline.planning import costs
from limbeck.pipeline.planning.choices import Choices
from limbeck.recipe import Recipe
from limbeck.recipe.grid import points

MOST_WORDS = 1024
"""Tokens of a text that the student reads at most: it is fast."""
_BATCH, _STEPS, _EPOCHS = 32, (500, 3_000), 6
_MOST_OF_ONE = 0.1
"""Share of the time that all trainings of one candidate may take."""
_MOST_OF_ALL = 0.3
"""Of all candidates together."""
_KD = "kd"
_TEMPERATURES = (1.0, 2.0)
"""Of two classes, and of more."""
_MANY_ROWS, _FEW_ROWS = 20_000, 1_000
"""Above the first, a larger vocabulary; up to the second, also words that stand in one text."""


def leave_out_slow(plan: Choices, recipe: Recipe, rows: int, *, words: float, folds: int, seconds: float) -> float:
    """Leave out of the grid what takes too long to train; return the seconds in which the others are trained.

    These are those of the arm that takes longest, mostly the baseline, which is trained in folds. Another arm learns at
    the same time, on the other core, or is short: see `usual_jobs`. Where nothing else is in the grid, the quickest
    candidate stays.

    Args:
        plan: takes what is left out.
        recipe: as it was read.
        rows: texts that students learn from.
        words: of a text, on average.
        folds: by which the baseline chooses; 0: none.
        seconds: that are planned for.
    """
    grid = [*points(recipe.grid)]
    known = recipe.model_copy(update={"student": recipe.student.changed(_trained(plan, recipe, rows))})
    alone = {  # by arm, and number of the point: the seconds of one training
        arm: {
            number: costs.steps(one.model.name, one.train.total_steps(rows), one.train.batch_size * words)
            for number, one in enumerate(known.arm(arm).changed(point, prefix) for prefix, point in grid)
            if not is_solved(one.model)
        }
        for arm in recipe.trained_arms
    }
    times = {arm: 1 + (folds if arm == "baseline" else 0) for arm in alone}
    spent = {
        number: max(times[arm] * every[number] for arm, every in alone.items() if number in every)
        for number in {number for every in alone.values() for number in every}
    }
    for number, why in _too_slow(spent, len(grid), max(times.values()), seconds).items():
        model = recipe.student.changed(grid[number][1], grid[number][0]).model.name
        plan.leave_point_out(number, f"without grid.{number} (model={model})", why)
        for every in alone.values():
            every.pop(number, None)
    more = len(recipe.seeds) - 1  # of the point that is taken, at most the slowest one
    return max(times[arm] * sum(every.values()) + more * max(every.values(), default=0) for arm, every in alone.items())


def _too_slow(spent: Mapping[int, float], every: int, times: int, seconds: float) -> dict[int, str]:
    """Return why a point of the grid is left out, by number.

    Args:
        spent: seconds for all trainings of a point that is trained, by its number.
        every: points of the grid; one of them stays.
        times: trainings of a point, in words.
        seconds: that are planned for.
    """
    trainings, left = f"{times} training{'s' * (times > 1)}", every
    gone: dict[int, str] = {}
    for number in sorted(spent, key=lambda number: (-spent[number], -number)):
        kept = sum(each for other, each in spent.items() if other not in gone)
        if left == 1:
            break
        if spent[number] > _MOST_OF_ONE * seconds:
            gone[number] = f"{trainings} of it would take {spent[number]:.0f} s, above a tenth of the time"
        elif kept > _MOST_OF_ALL * seconds:
            gone[number] = f"{trainings} of each would take {kept:.0f} s together, above three tenths of the time"
        left = every - len(gone)
    return gone


def choose_student(plan: Choices, recipe: Recipe, splits: Splits, lengths: NDArray[np.int64], rows: int) -> None:
    """Choose what the student reads, and how long one that is trained learns."""
    longest = float(np.percentile(lengths, 99))
    length = next((one for one in (32, 64, 128, 256, 512) if longest <= one), MOST_WORDS)
    why = f"99 % of the texts have at most {longest:.0f} words and marks"
    plan.choose("student.reads.max_length", length, why if longest < MOST_WORDS else "the most that a student reads")
    size, rare = (50_000 if rows > _MANY_ROWS else 30_000), (2 if rows > _FEW_ROWS else 1)
    plan.choose("student.reads.tokenizer.size", size, f"{rows:,} texts")
    plan.choose("student.reads.tokenizer.min_frequency", rare, f"{rows:,} texts")
    changes = _trained(plan, recipe, rows)
    student = recipe.student.changed(changes)
    batch = student.train.batch_size
    for key, value in changes.items():
        why = f"{value * batch / rows:.1f} passes over {rows:,} texts" if key == "train.steps" else ""
        plan.choose(f"student.{key}", value, why)
    # A point of the grid may take smaller batches: unlabelled texts are to be seen in each.
    tried = [student.changed(point, prefix) for prefix, point in points(recipe.grid)]
    batch = min((one.train.batch_size for one in tried if not is_solved(one.model)), default=batch)
    alike = batch * len(splits.labelled) / rows
    if rows > len(splits.labelled):
        share = int(np.clip(round(alike), 1, max(1, batch // 2)))
        why = f"each labelled text {share / alike:.1f} times as often as another"
        plan.choose("data.labelled_per_batch", share, why)
    if any(entry.name == _KD for entry in recipe.losses):
        classes = splits.task.outputs
        why = "its probabilities, as they are" if classes == 2 else f"softer ones say more of {classes} classes"
        plan.choose(f"losses.{_KD}.temperature", _TEMPERATURES[classes > 2], f"of the teacher's answers: {why}")


def _trained(plan: Choices, recipe: Recipe, rows: int) -> dict[str, int]:
    """Return what is open of how a student is trained on so many rows, by its keys."""
    changes = {"train.batch_size": _BATCH} if plan.is_open("student.train.batch_size") else {}
    if all(plan.is_open(f"student.train.{key}") for key in ("steps", "epochs")):
        batch = changes.get("train.batch_size", recipe.student.train.batch_size)
        changes["train.steps"] = int(np.clip(_EPOCHS * rows / batch, *_STEPS) // 100 * 100)
    return changes
