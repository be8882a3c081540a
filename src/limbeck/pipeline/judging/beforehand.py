"""How good a finished teacher is on a sample, beside what the labels alone are likely to teach: before a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limbeck.console import say, table
from limbeck.data import Splits
from limbeck.evaluation.metric import Metric, Sheet, by_unit
from limbeck.evaluation.records import Difference
from limbeck.evaluation.significance import difference, interval
from limbeck.pipeline.judging.floor import Floor, fit_floor
from limbeck.pipeline.training.teacher import RunTeacher
from limbeck.report import words

FLOOR_ROWS, FOLDS = 5_000, 3
"""Labelled rows that the floor learns here at most, and the folds of them by which it is chosen."""


@dataclass(frozen=True)
class Beforehand:
    """What is known of a teacher before a run.

    Attributes:
        splits: the rows that it was asked about.
        sheets: answers on the validation rows, of the teacher and, where there is one, of the floor, by name.
        floor: what learned the labels; None: no label, or nothing of that kind for such examples.
        learned: labelled rows that the floor learned.
        gain: the teacher minus the floor, more being better; None without a floor.
    """

    splits: Splits
    sheets: Mapping[str, Sheet]
    floor: Floor | None
    learned: int
    gain: Difference | None

    @property
    def no_better(self) -> bool:
        """Whether the teacher is not above the floor."""
        return self.gain is not None and self.gain.mean <= 0


def beforehand(answers: RunTeacher, every: Splits) -> Beforehand:
    """Score a teacher on the validation rows that it was asked about, beside a floor that learns the labels.

    The floor stands in for the baseline, which only a run trains: it takes seconds. Its choices go by folds of the
    labelled rows, so that no row on which the two are compared has chosen it.

    Args:
        answers: of the teacher, which has answered for the validation rows of its splits.
        every: the splits of the run, whose labelled rows the floor learns.
    """
    splits = answers.splits
    task, labels = every.task.fit(every.labelled.labels), splits.validation.labels
    sheets = {"teacher": task.decided_sheet(answers.logits("validation"), labels)}
    floor, learned = _floor(every, splits)
    if floor is None:
        return Beforehand(splits, sheets, None, learned, None)
    sheets["floor"] = task.decided_sheet(floor.validation_outputs, labels)
    units = splits.alike(splits.validation)
    one, other = (_parts(task.metric, sheet, units) for sheet in sheets.values())
    return Beforehand(splits, sheets, floor, learned, difference(one, other, task.metric))


def _floor(every: Splits, sample: Splits) -> tuple[Floor | None, int]:
    learned = min(len(every.labelled), FLOOR_ROWS)
    if not learned:
        return None, 0
    few = every if learned == len(every.labelled) else every.keeping(learned)
    # In the place of the test rows, which nobody answers for here.
    own = replace(few, validation=sample.validation, test=sample.validation)
    return fit_floor(own, FOLDS), learned


def _parts(metric: Metric, sheet: Sheet, units: NDArray[np.int64]) -> NDArray:
    return by_unit(metric.parts(sheet)[None], units)


def say_beforehand(found: Beforehand) -> None:
    """Print the scores, what they say of the teacher, and a warning where it is no better than the floor."""
    splits = found.splits
    task, units = splits.task, splits.alike(splits.validation)
    first, *others = task.metrics
    calibration = [metric for metric in others if metric.name in ("ece", "nll")]
    rows = []
    for name, sheet in found.sheets.items():
        bounds = interval(_parts(first, sheet, units)[0], first)
        told = words.score(first(sheet), first), " to ".join(words.score(bound, first) for bound in bounds)
        rows.append([name, *told, *(words.score(metric(sheet), metric) for metric in calibration)])
    columns = [first.title, "95 % interval", *(metric.title for metric in calibration)]
    say(f"scored on {words.several(len(splits.validation), 'validation row')}:")
    table(["model", *columns], rows)
    if found.floor is None:
        why = "no training row has a label" if not found.learned else f"there is no floor for {splits.modality.noun}s"
        say(f"what a baseline would reach is not known: {why}")
        return
    assert found.gain is not None
    size = f"{words.difference(found.gain.mean, first)} {words.unit(first)}"
    sure = f"95 % interval {words.interval_of(found.gain.ci95, first)}"
    say(
        f"the floor ({found.floor.features}, {found.floor.method}) learned {words.several(found.learned, 'label')} "
        "and is the cheap stand-in for the baseline, which only a run trains; the teacher beside it: "
        f"{size} ({sure})"
    )
    if found.no_better:
        say(
            "the teacher is no better than what labels alone are likely to teach, so that a student which follows it "
            "will hardly be better than its baseline: take a better teacher, or train on the labels",
            style="yellow",
        )
    elif found.gain.ci95[0] <= 0:
        say(f"so few rows do not tell whether the teacher is better: {_more(splits)}", style="yellow")


def _more(splits: Splits) -> str:
    return f"a run judges it on all rows; more validation rows ({len(splits.validation):,} here) would say more"


def say_unscored(members: Sequence[str]) -> None:
    """Say that teachers which are trained in the run have no score yet.

    Args:
        members: their keys in the recipe.
    """
    are = "is" if len(members) == 1 else "are"
    say(f"{words.listed(members)} {are} not scored here: the run trains and then judges what has no weights yet")
