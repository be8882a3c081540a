"""What the tables of several benchmarks say in the same words: versions, commands, times, gains, names of sets."""

import re
from collections.abc import Iterator
from typing import Any

from limbeck import __version__

SHOWN = {"student": "", "teacher": "teacher ", "baseline": "baseline ", "floor": "TF-IDF + LR "}
"""Models of a row in the table of uses, and what stands before their accuracy."""


def versions(result: Any) -> Iterator[str]:
    """Yield the version of Limbeck of every measurement in a result."""
    if isinstance(result, dict):
        if "limbeck" in (environment := result.get("environment", {})):
            yield environment["limbeck"]
        result = list(result.values())
    if isinstance(result, list):
        for part in result:
            yield from versions(part)


def older(result: dict[str, Any]) -> str:
    """Return the mark of figures that another version measured; nothing for those of this one."""
    others = sorted({*versions(result)} - {__version__})
    return f" (version {', '.join(others)})" if others else ""


def command(result: dict[str, Any]) -> str:
    """Return how a result is made, wherever the data lie."""
    return re.sub(r"\S*shared/data", "FOLDER", result["command"])


def milliseconds(cost: dict[str, Any]) -> float:
    """Return the milliseconds of one text: of the processor, where they were measured."""
    return cost["latency_ms"] if cost.get("cpu_ms") is None else cost["cpu_ms"]


def timed(cost: dict[str, Any]) -> str:
    """Return what `milliseconds` is the time of."""
    return "latency" if cost.get("cpu_ms") is None else "processor time"


def chosen(evaluation: dict[str, Any]) -> str:
    """Say what each arm took from the grid."""
    taken = {arm: evaluation["models"][arm]["settings"] for arm in ("student", "baseline")}
    words = {arm: ", ".join(f"`{key}={one}`" for key, one in found.items()) for arm, found in taken.items() if found}
    return f"On validation {', '.join(f'the {arm} took {found}' for arm, found in words.items())}." if words else ""


def gain(evaluation: dict[str, Any]) -> str:
    """Return the gain in points, with its interval."""
    low, high = evaluation["gain"]["ci95"]
    return f"{100 * evaluation['gain']['mean']:.1f} points (95 % interval {100 * low:.1f} to {100 * high:.1f})"


def spread(block: dict[str, Any]) -> str:
    """Return the accuracy of the worst and the best seed in percent; nothing of a model that was trained once."""
    seeds = [100 * one["scores"]["accuracy"] for one in block["per_seed"]]
    return f"{min(seeds):.1f} to {max(seeds):.1f}" if seeds[1:] else ""


def retention(evaluation: dict[str, Any]) -> str:
    """Say what is kept of the teacher, or how far above it the student is."""
    student, teacher = (evaluation["models"][name]["scores"]["accuracy"] for name in ("student", "teacher"))
    above = student - teacher
    kept = f"retention {100 * evaluation['retention']:.1f} %"
    return f"the student is {100 * above:.1f} points above its teacher" if above > 0 else kept


def compression(recipe: str, labels: str, what: str, evaluation: dict[str, Any], cost: str = "") -> str:
    """Return the row of a run in the table of uses.

    Args:
        recipe: its name.
        labels: how many there were.
        what: teacher and student.
        evaluation: of the run.
        cost: what the student costs; else what it saves is taken from the evaluation.
    """
    models = evaluation["models"]
    scores = accuracies({name: models[name]["scores"]["accuracy"] for name in SHOWN})
    if not cost:
        teacher, student = (models[name]["cost"] for name in ("teacher", "student"))
        smaller = teacher["size_bytes"] / student["size_bytes"]
        cost = f"{smaller:.0f} times smaller, {milliseconds(teacher) / milliseconds(student):.0f} times faster"
    low, high = evaluation["gain"]["ci95"]
    ahead = f"{100 * evaluation['gain']['mean']:+.1f} points ({100 * low:.1f} to {100 * high:.1f}) over the baseline"
    return f"| compression | `{recipe}`, {labels} | {what}: {scores}; {ahead}; {cost} |"


def accuracies(scores: dict[str, float]) -> str:
    """Return the accuracies of the models of `SHOWN` in percent, the student's first."""
    return ", ".join(f"{name}{100 * scores[model]:.1f} %" for model, name in SHOWN.items())


def set_title(name: str) -> str:
    """Return how a set of text_sets.py is called, with its number of labels."""
    origin, labels = name.rsplit("-", 1)
    return f"{origin}, {int(labels):,}"
