"""What to do next, derived from what was found: a sentence each, and the key or the command to type."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace

from limbeck.evaluation.schema import Evaluation, Findings
from limbeck.report.words import causes
from limbeck.report.words.asked import no_room
from limbeck.report.words.names import asked, typed
from limbeck.report.words.numbers import count
from limbeck.report.words.steps import Delivered, Step
from limbeck.report.words.warnings import warnings, weak_classes

STEPS = 5
"""At most so many are given."""
BUNDLE = "BUNDLE"
"""Stands for the bundle's folder where that is not known."""

_OWN_ROWS = "limbeck evaluate {} DATA"
_ADDED = ("seeds=", "baseline=")
"""Keys whose value is known, and fits whatever the recipe is."""


def next_steps(evaluation: Evaluation, command: str, bundle: str = "bundle") -> list[Step]:
    """Return what to do next, the most urgent first.

    Args:
        evaluation: the run's result.
        command: the line that reproduces the run.
        bundle: its folder, as it is called from where the run was started.
    """
    there = Delivered(None if evaluation.bundle is None else bundle, evaluation.bundle_error)
    found: dict[str, Step] = {}
    for step in _steps(evaluation, there):
        found.setdefault(_thing(step.code), step)  # one step a key: the more urgent reason
    return [replace(step, code=_in_full(command, step.code)) for step in list(found.values())[:STEPS]]


def next_sentence(findings: Findings, error: str | None = None) -> str:
    """Return what to do next in one sentence: the first of `next_steps`; empty where there is none.

    Args:
        findings: what the run found.
        error: why there is no bundle; None: there is one.
    """
    first = next(_steps(findings, Delivered(None if error else BUNDLE, error)), None)
    return "" if first is None else first.sentence


def _steps(findings: Findings, there: Delivered) -> Iterator[Step]:
    """Yield what to do, the most urgent first; of a student that helps, last what would be no reason to wait."""
    helps = findings.verdict == "helps"
    mend: list[Callable[[Findings, Delivered], Step | None]] = [
        # Beyond chance; what a verdict needs; by the scores alone; what was counted of the rows.
        causes.no_bundle, _all_right, causes.bad_teacher, causes.unheard, causes.worse_told, causes.behind_linear,
        causes.student_at_chance, causes.no_baseline, *([] if helps else [causes.few_seeds]),
        causes.no_better_teacher, causes.behind_floor, causes.adds_nothing,
        causes.foreign, causes.cut, causes.little_text, causes.small, causes.unclear, causes.open_verdict,
    ]  # fmt: skip
    care = [_looks, _weak_classes, causes.few_seeds]
    use = [_evaluate, _predict]
    order = [*mend, *use, *care] if helps and not warnings(findings) else [*mend, *care, *use]
    return (step for wanted in order if (step := wanted(findings, there)) is not None)


def _thing(code: str) -> str:
    """Return what of a recipe a key changes; a command, or several keys, as a whole."""
    return code.partition("=")[0] if code.count("=") == 1 else code


def _in_full(command: str, code: str) -> str:
    """Return the command with a key that needs no more thought; whatever else is to be typed, as it is."""
    return repeated(command, code) if code.startswith(_ADDED) else code


def repeated(command: str, key: str) -> str:
    """Return a run's command with one key changed; the key alone where the run was not started by a command."""
    if not command.startswith("limbeck "):
        return key
    name = re.escape(key.partition("=")[0])
    return f"{re.sub(rf' (?:{name}|.{name})=[^ ]+', '', command)} {shlex.quote(key)}"


def _own_rows(there: Delivered) -> str:
    return _OWN_ROWS.format(shlex.quote(there.bundle or BUNDLE))


def _predict(findings: Findings, there: Delivered) -> Step | None:
    if there.bundle is None:
        return None
    usage = findings.usage
    line = (typed if usage.in_shell else asked)(findings, there.bundle)
    return Step("", f"try the student on {usage.noun}s of yours", line)


def _evaluate(findings: Findings, there: Delivered) -> Step | None:
    if there.bundle is None or not findings.usage.in_files:
        return None
    clean = findings.verdict == "helps" and not warnings(findings)
    then = ", then ship it" if clean else " before you rely on it"
    return Step("", f"measure the student on labelled {findings.usage.noun}s of your own{then}", _own_rows(there))


def _all_right(findings: Findings, there: Delivered) -> Step | None:
    if not no_room(findings) or there.bundle is None or not findings.usage.in_files:
        return None
    why = "student and baseline are right on every test row, so that no gain can show"
    return Step(why, "take harder rows to tell them", _own_rows(there))


def _looks(findings: Findings, there: Delivered) -> Step | None:
    looks = len(findings.own_uses)
    if looks < 2 or there.bundle is None or not findings.usage.in_files:
        return None
    why = f"the test split was read {count(looks)} times in this folder"
    return Step(why, "confirm the result on rows that no run has read", _own_rows(there))


def _weak_classes(findings: Findings, there: Delivered) -> Step | None:
    weak = weak_classes(findings)
    if weak is None:
        return None
    more = findings.data.more_labels or "data.labelled=N"
    return Step(f"the student’s weakest classes are {weak}", "add labelled rows of these classes", more)
