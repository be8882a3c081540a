"""What to do next, derived from what was found: a sentence each, and the key or the command to type."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from limbeck.evaluation.schema import Evaluation
from limbeck.report.words.data import many_pieces, much_cut
from limbeck.report.words.floors import behind_distilled
from limbeck.report.words.names import BASELINE, DISTILLED, FLOOR, STUDENT, TEACHER, asked, model, the, typed
from limbeck.report.words.numbers import ahead, capital, count, listed
from limbeck.report.words.verdict import TRAIN_THREE, at_chance
from limbeck.report.words.warnings import floor_ahead, teacher_behind, weak_classes

STEPS = 5
"""At most so many are given."""

# Keys of a recipe, and a command.
_ANOTHER_TEACHER = "teacher.kind=KIND"  # whatever kind it is
_MORE_TEXT = "data.unlabelled=FILE"
_MORE_LABELS = "data.labelled=N"
_LONGER = "{network}.reads.max_length=N"
_A_BASELINE = "baseline={}"
_ANOTHER_STUDENT = "student.model=NAME"
_OWN_ROWS = "limbeck evaluate {} DATA"


@dataclass(frozen=True)
class Step:
    """A thing to do.

    Attributes:
        text: why and what, a sentence.
        code: the key or the command.
    """

    text: str
    code: str


@dataclass(frozen=True)
class ToType:
    """What lines to type are made of; they work from the folder in which the run was started.

    Attributes:
        command: reproduces the run.
        bundle: its folder.
    """

    command: str
    bundle: str


def next_steps(evaluation: Evaluation, command: str, bundle: str = "bundle") -> list[Step]:
    """Return what to do next, the most urgent first.

    Args:
        evaluation: the run's result.
        command: the line that reproduces the run.
        bundle: its folder, as it is called from where the run was started.
    """
    lines = ToType(command, bundle)
    use = [_predict, _evaluate]
    mend: list[Callable[[Evaluation, ToType], Step | None]] = [
        _no_bundle, _no_baseline, _few_seeds, _weak_teacher, _behind_distilled, _floor_ahead, _cut, _looks,
        _nothing_unlabelled, _weak_classes, _all_right, _open_verdict,
    ]  # fmt: skip
    order = [*use, *mend] if evaluation.verdict == "helps" and not evaluation.warnings else [*mend, *use]
    found: dict[str, Step] = {}
    for wanted in order:
        if (step := wanted(evaluation, lines)) is not None:
            found.setdefault(step.code, step)  # one step a key: the more urgent reason
    return list(found.values())[:STEPS]


def repeated(command: str, key: str) -> str:
    """Return a run's command with one key changed; the key alone where the run was not started by a command."""
    if not command.startswith("limbeck "):
        return key
    name = re.escape(key.partition("=")[0])
    return f"{re.sub(rf' (?:{name}|.{name})=[^ ]+', '', command)} {shlex.quote(key)}"


def _predict(evaluation: Evaluation, lines: ToType) -> Step | None:
    if evaluation.bundle is None:
        return None
    usage = evaluation.usage
    line = (typed if usage.in_shell else asked)(evaluation, lines.bundle)
    return Step(f"Try the student on {usage.noun}s of yours.", line)


def _evaluate(evaluation: Evaluation, lines: ToType) -> Step | None:
    if evaluation.bundle is None or not evaluation.usage.in_files:
        return None
    own = f"labelled {evaluation.usage.noun}s of your own"
    return Step(f"Measure the student on {own} before you rely on it.", _OWN_ROWS.format(shlex.quote(lines.bundle)))


def _no_bundle(evaluation: Evaluation, lines: ToType) -> Step | None:
    if evaluation.bundle is not None or not evaluation.bundle_error:
        return None
    text = f"There is no bundle, as the student could not be exported ({evaluation.bundle_error}): change its network."
    return Step(text, _ANOTHER_STUDENT)


def _no_baseline(evaluation: Evaluation, lines: ToType) -> Step | None:
    if BASELINE in evaluation.models:
        return None
    text = "Train a baseline, the same network without the teacher, to learn whether distillation helps."
    return Step(text, repeated(lines.command, _A_BASELINE))


def _few_seeds(evaluation: Evaluation, lines: ToType) -> Step | None:
    seeds = len(evaluation.seeds)
    if seeds > 2 or evaluation.are_solved(STUDENT, BASELINE):
        return None
    says = "One seed says nothing" if seeds == 1 else "Two seeds say little"
    return Step(f"{says} about the spread between seeds: train three or more.", repeated(lines.command, TRAIN_THREE))


def _weak_teacher(evaluation: Evaluation, lines: ToType) -> Step | None:
    found = at_chance(evaluation)
    if found is not None and found[0] == TEACHER:
        return _another_teacher(evaluation, "The teacher is at chance: take another one")
    if teacher_behind(evaluation) is None:
        return None
    simple = ""
    if floor_ahead(evaluation) is not None and not _ahead_of_floor(evaluation):
        simple = f", and {model(FLOOR, evaluation)} is better than teacher and student"
    foreign = any(name.startswith(TEACHER) for name in many_pieces(evaluation))
    which = "one that reads this language" if foreign else "another one"
    return _another_teacher(evaluation, f"The teacher is worse than the baseline{simple}: take {which}")


def _another_teacher(evaluation: Evaluation, text: str) -> Step:
    """Return a step that ends with another teacher, or a longer training where steps made it, in its kind's words."""
    kind = evaluation.teacher
    longer = ", or train it longer" if kind is not None and kind.by_steps else ""
    return Step(f"{text}{longer}.", _ANOTHER_TEACHER if kind is None else kind.another)


def _behind_distilled(evaluation: Evaluation, lines: ToType) -> Step | None:
    if not behind_distilled(evaluation):
        return None
    name = capital(the(DISTILLED, evaluation))
    text = f"{name} is better than the student: ship that linear model, or take another or a larger student network."
    return Step(text, _ANOTHER_STUDENT)


def _labels_well(evaluation: Evaluation) -> bool:
    """Return whether the teacher has something to say of more rows: it is not behind the baseline."""
    teacher, baseline = evaluation.score(TEACHER), evaluation.score(BASELINE)
    return teacher is None or baseline is None or not ahead(baseline, teacher, evaluation.metric)


def _ahead_of_floor(evaluation: Evaluation) -> bool:
    """Return whether the teacher is better than the linear model of its labels."""
    teacher, floor = evaluation.score(TEACHER), evaluation.score(FLOOR)
    return teacher is not None and floor is not None and ahead(teacher, floor, evaluation.metric)


def _floor_ahead(evaluation: Evaluation, lines: ToType) -> Step | None:
    if floor_ahead(evaluation) is None:
        return None
    name = capital(model(FLOOR, evaluation))
    if not _ahead_of_floor(evaluation):
        return _another_teacher(evaluation, f"{name} is ahead of student and teacher: take a better teacher")
    if behind_distilled(evaluation) or not _labels_well(evaluation):
        return None
    return Step(
        f"{name} is ahead of the student: give the student more unlabelled {evaluation.usage.noun}s.", _MORE_TEXT
    )


def _cut(evaluation: Evaluation, lines: ToType) -> Step | None:
    cut = [name for name in much_cut(evaluation) if name in evaluation.models]
    if not cut:
        return None
    names = listed([f"the {model(name)}" for name in cut])
    text = f"Many texts are cut for {names}: read more tokens of each."
    return Step(text, _LONGER.format(network=STUDENT if STUDENT in cut else cut[0]))


def _looks(evaluation: Evaluation, lines: ToType) -> Step | None:
    looks = len(evaluation.own_uses)
    if looks < 2 or evaluation.bundle is None or not evaluation.usage.in_files:
        return None
    text = (
        f"The test split was read {count(looks)} times in this folder: confirm the result on rows that no run has read."
    )
    return Step(text, _OWN_ROWS.format(shlex.quote(lines.bundle)))


def _weak_classes(evaluation: Evaluation, lines: ToType) -> Step | None:
    weak = weak_classes(evaluation)
    if weak is None:
        return None
    return Step(f"Add labelled rows of the student’s weakest classes: {weak}.", _MORE_LABELS)


def _nothing_unlabelled(evaluation: Evaluation, lines: ToType) -> Step | None:
    data, noun = evaluation.data, evaluation.usage.noun
    if not data.labelled or data.unlabelled or not _labels_well(evaluation) or not evaluation.usage.in_files:
        return None
    text = f"No {noun} was without a label: give the student more {noun}s, which need none, for the teacher to label."
    return Step(text, repeated(lines.command, _MORE_TEXT))


def _no_room(evaluation: Evaluation) -> bool:
    """Return whether student and baseline decide for the right class of every row."""
    return evaluation.metric.name == "accuracy" and evaluation.score(STUDENT) == evaluation.score(BASELINE) == 1


def _all_right(evaluation: Evaluation, lines: ToType) -> Step | None:
    if not _no_room(evaluation) or evaluation.bundle is None or not evaluation.usage.in_files:
        return None
    text = "Student and baseline are right on every test row, so that no gain can show: take harder rows to tell them."
    return Step(text, _OWN_ROWS.format(shlex.quote(lines.bundle)))


def _open_verdict(evaluation: Evaluation, lines: ToType) -> Step | None:
    if evaluation.verdict not in ("no_difference", "hurts") or _no_room(evaluation):
        return None
    what = "no difference was shown" if evaluation.verdict == "no_difference" else "distillation hurts"
    if not evaluation.usage.in_files or not _labels_well(evaluation):
        return None  # what a loader gives is not among the settings; a worse teacher has nothing to add
    more = f"more unlabelled {evaluation.usage.noun}s"
    return Step(f"{capital(what)}: give the student {more} for the teacher to label.", _MORE_TEXT)
