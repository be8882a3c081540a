"""The numbers of `evaluation.json` under names of the guard's own, whatever the form of the file.

One function a version of the form; a new version needs one more, which gives the same names to the same numbers. What
depends on a clock has no name, and neither have sizes of files, which hold the names of modules.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from guard.renamed import ADDED, SCORES, older_key, older_name

Value = str | float | int | bool | None

MODELS = ("teacher", "student", "baseline", "hard_labels", "ceiling", "floor")
STATISTICS = ("gain", "gain in the other metric", "over teacher", "decomposition", "chance", "verdict")
"""Names that begin so are statistics, the others are scores."""
DRAWN = re.compile(r"\b(p_value|p_seeds|ci95)\b")
"""Statistics that are drawn, so that two draws may differ by their Monte Carlo error."""


def values(evaluation: Mapping[str, Any], *, head: bool = False) -> dict[str, Value]:
    """Return every score and every statistic by its dotted name.

    Args:
        evaluation: the content of `evaluation.json`.
        head: its settings and names are those of HEAD, and are put into the words of BASE.

    Raises:
        ValueError: no function for the version of its form.
    """
    version = evaluation.get("schema_version")
    if version not in VERSIONS:
        raise ValueError(f"scores.py has no function for version {version} of evaluation.json")
    found = dict(_flat(VERSIONS[version](evaluation)))
    found = {name: value for name, value in found.items() if not any(re.fullmatch(new, name) for new in ADDED)}
    return {_as_base(name): value for name, value in found.items()} if head else found


def is_statistic(name: str) -> bool:
    """Tell statistics from scores."""
    return name.split(".")[0] in STATISTICS


def version_2(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of the second form, nested."""
    models = {name: _model(evaluation[name]) for name in MODELS if evaluation.get(name) is not None}
    data, decomposition, bundle = (evaluation.get(key) or {} for key in ("data", "decomposition", "bundle"))
    return models | {
        "metric": evaluation["metric"],
        "seeds": evaluation["seeds"],
        "test examples": evaluation["test_examples"],
        "data": {key: data.get(key) for key in ("classes", "test", "validation", "labelled", "unlabelled", "augmented")}
        | {"ceiling": data.get("ceiling"), "dropped": sorted(data.get("dropped", {}).values())}
        | {"views": data.get("views"), "same tokens": data.get("same_tokens")},
        "fidelity": evaluation["fidelity"],
        "gap recovered": evaluation.get("gap_recovered"),
        "until": evaluation.get("target"),
        "steps to target": evaluation.get("steps_to_target"),
        "curves": evaluation.get("curves"),
        "disagreements": evaluation["disagreements"],
        "bundle": {key: bundle.get(key) for key in ("max_abs_error", "exceptions", "seed")},
        "times the test split was opened": len(evaluation["test_evaluations"]),
        # Statistics.
        "gain": evaluation.get("gain"),
        "gain in the other metric": evaluation.get("gain_in_the_other_metric"),
        "over teacher": evaluation["over_teacher"],
        "decomposition": {"text": decomposition.get("text"), "soft targets": decomposition.get("soft_targets")},
        "chance": {name: evaluation[f"{name}_chance"] for name in ("teacher", "student")},
        "verdict": evaluation["verdict"],
    }


def version_3(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of the third form, as the second has them."""
    models, old = evaluation["models"], dict(evaluation)
    figures: dict[str, dict[str, Any]] = {name: {} for name in models}
    for figure in evaluation["figures"]:
        figures[figure["model"]][figure["kind"]] = figure
    for name, model in models.items():
        own = figures[name]
        bins = own["reliability"]
        old[name] = {
            **model["scores"],
            "per_seed": [{"seed": one["seed"], **one["scores"]} for one in model["per_seed"]],
            "settings": model["settings"],
            "curves": [_learning(curve) for curve in model["learning"]],
            # BASE has no offsets.
            "per_class": [{key: one[key] for key in one if key != "offset"} for one in own["classes"]["classes"]],
            "shown_seed": model["shown_seed"],
            "reliability": {key: bins[key] for key in ("confidence", "accuracy", "count")},
            "confusion": own["confusion"]["counts"],
            # BASE has no cost of what has no ONNX form.
            "cost": model["cost"] if (model["cost"] or {}).get("exported", True) else None,
        }
        old[f"{name}_chance"] = _chance(model["chance"])
    arms = {name: model for name, model in models.items() if model["fidelity"]}
    steps = {name: model["steps_until"] for name, model in arms.items()}
    curves = {kind: evaluation["curves"].get(kind) for kind in ("steps", "labels")}
    return version_2(
        old
        | {
            "metric": evaluation["metrics"][0]["name"],
            "fidelity": {name: model["fidelity"] for name, model in arms.items()},
            "target": evaluation["until"],
            "steps_to_target": steps if evaluation["until"] else None,
            "curves": curves if evaluation["curves"] else None,
            "disagreements": [_disagreement(each) for each in evaluation["samples"]],
            "gain_in_the_other_metric": next(iter(evaluation["other_gains"]), None),
        }
    )


def _learning(curve: Mapping[str, Any]) -> dict[str, Any]:
    """Return a learning curve as the second form has it, macro F1 where it is the run's metric."""
    scores = {name: curve["scores"].get(name, []) for name in ("nll", "accuracy", "f1_macro")}
    return {"seed": curve["seed"], "steps": curve["steps"], **scores, "best_step": curve["best_step"]}


def _chance(block: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a model's quality beside chance as the second form has it, where no other measure was."""
    if block is None or "value" not in block:
        return None if block is None else dict(block)
    return {"balanced_accuracy": block["value"], **{key: block[key] for key in ("ci95", "constant", "at_chance")}}


def _disagreement(sample: Mapping[str, Any]) -> dict[str, Any]:
    models = ("teacher", "student")
    return {
        "text": sample["sample"].get("text", sample["sample"].get("name")),
        "label": sample["label"],
        **{name: sample["answers"][name]["decided"] for name in models},
        **{f"{name}_probability": sample["answers"][name]["probability"] for name in models},
    }


VERSIONS = {2: version_2, 3: version_3}


def _model(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of one model: means, each seed, and what was chosen for it."""
    metrics = ("accuracy", "f1_macro", "nll", "ece")
    cost = block.get("cost") or {}
    return {
        **{name: block[name] for name in metrics},
        "seeds": {seed["seed"]: {name: seed[name] for name in metrics} for seed in block["per_seed"]},
        "settings": block["settings"],
        "validations": block["curves"],
        "classes": {each["name"]: {key: each[key] for key in each if key != "name"} for each in block["per_class"]},
        "shown seed": block["shown_seed"],
        "reliability": block["reliability"],
        "confusion": block["confusion"],
        "parameters": cost.get("parameters"),
    }


def _flat(value: Any, *names: str) -> Iterator[tuple[str, Value]]:
    """Yield the leaves of nested mappings and lists with their dotted names; what is empty has none."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(part, *names, str(key))
    elif isinstance(value, list):
        yield ".".join([*names, "length"]), len(value)
        for number, part in enumerate(value):
            yield from _flat(part, *names, str(number))
    else:
        yield ".".join(names), value


def _as_base(name: str) -> str:
    """Return a name as BASE has it: `student.settings.KEY` names a key of the student."""
    model, _, key = name.partition(".settings.")
    if key:
        name = f"{model}.settings.{older_key(f'student.{key}').removeprefix('student.')}"
    return older_name(name, SCORES)
