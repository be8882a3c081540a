"""Rewrite evaluations of schema 1 and 2 in the form of schema 3; no figure changes.

    python benchmarks/to_schema_3.py FILE...

A FILE is an `evaluation.json`, or a result of benchmarks/ that holds one under the key `evaluation`, at any depth. What
an older form did not record stays absent.
"""

import json
import sys
from pathlib import Path
from typing import Any

from limbeck.evaluation.classification import METRICS, ordered_metrics
from limbeck.files import write_json

MODELS = ("teacher", "student", "baseline", "hard_labels", "ceiling", "floor")


def converted(old: dict[str, Any]) -> dict[str, Any]:
    """Return an evaluation in the form of schema 3."""
    if old.get("schema_version", 3) == 3:
        return old
    models = {name: old[name] for name in MODELS if old.get(name)}
    target = old.get("target")
    return {
        "schema_version": 3,
        "name": old["name"],
        "task": "classification",
        "modality": "text",
        "unit": "example",
        "metrics": [
            {name: getattr(metric, name) for name in ("name", "title", "quantity", "better")}
            for metric in ordered_metrics(old.get("metric", "accuracy"))
        ],
        "test_examples": old["test_examples"],
        "seeds": old["seeds"],
        "data": old["data"],
        "models": {name: _model(name, block, old) for name, block in models.items()},
        "retention": old["retention"],
        "agreement": old["agreement"],
        **_if_there(old, "over_teacher"),
        "gain": old["gain"],
        "other_gains": [one for one in [old.get("gain_in_the_other_metric")] if one],
        "decomposition": old.get("decomposition"),
        "gap_recovered": old.get("gap_recovered"),
        "verdict": old["verdict"],
        "until": target,
        "curves": {kind: curve for kind, curve in (old.get("curves") or {}).items() if curve},
        "figures": [figure for name, block in models.items() for figure in _figures(name, block)],
        "samples": [_sample(one) for one in old.get("disagreements", [])],
        "test_evaluations": old["test_evaluations"],
        "sentence": old["sentence"],
        **_if_there(old, "statistics", "warnings"),
        "bundle": old["bundle"],
        "bundle_error": old.get("bundle_error"),
        "finished": old["test_evaluations"][-1]["time"],
        "seconds": old["seconds"],
        "cpu_seconds": None,
    }


def _if_there(old: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: old[name] for name in names if name in old}


def _model(name: str, block: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    steps = old.get("steps_to_target") or {}
    return {
        "scores": _scores(block),
        "per_seed": [{"seed": one["seed"], "scores": _scores(one)} for one in block["per_seed"]],
        "shown_seed": block.get("shown_seed"),
        "cost": block["cost"],
        "settings": block.get("settings", {}),
        "learning": [_learning(curve) for curve in block.get("curves", [])],
        "fidelity": old["fidelity"].get(name),
        "chance": old.get(f"{name}_chance"),
        "steps_until": steps.get(name),
    }


def _scores(block: dict[str, Any]) -> dict[str, float]:
    return {name: block[name] for name in METRICS}


def _learning(curve: dict[str, Any]) -> dict[str, Any]:
    scores = {name: curve[name] for name in METRICS if curve.get(name)}
    return {"seed": curve["seed"], "steps": curve["steps"], "scores": scores, "best_step": curve["best_step"]}


def _figures(name: str, block: dict[str, Any]) -> list[dict[str, Any]]:
    found = [{"model": name, "kind": "classes", "classes": block["per_class"]}] if block.get("per_class") else []
    if block.get("confusion"):
        found.append({"model": name, "kind": "confusion", "counts": block["confusion"]})
    if block.get("reliability"):
        found.append({"model": name, "kind": "reliability", **block["reliability"]})
    return found


def _sample(old: dict[str, Any]) -> dict[str, Any]:
    answers = {
        model: {"decided": old[model], "probability": old[f"{model}_probability"]} for model in ("teacher", "student")
    }
    return {"sample": {"kind": "text", "text": old["text"]}, "label": old["label"], "answers": answers}


def _convert(value: Any) -> Any:
    """Convert every evaluation inside a value."""
    if isinstance(value, dict):
        if "schema_version" in value:
            return converted(value)
        return {key: _convert(inner) for key, inner in value.items()}
    return value


def main(files: list[str]) -> None:
    """Rewrite the files."""
    for name in files:
        path = Path(name)
        write_json(path, _convert(json.loads(path.read_text(encoding="utf-8"))))
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
