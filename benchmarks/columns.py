"""Tables: 500 labels of a made table, and scikit-learn's breast cancer and wine, each in minutes on two cores.

    python benchmarks/columns.py [--out FOLDER]

The made table has 20,000 rows of eight numbers and four columns of categories, of which one has 200, and holes in five
columns. Its three classes follow from products, a threshold, pairs of categories and one hole that tells something, so
that no linear model of the columns has them all. Boosted trees of 500 labels label the rest for a small network; the
other two have a larger network for a teacher. Results are
in `benchmarks/results/columns.json`.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import limbeck
from limbeck.files import write_json
from limbeck.pipeline.order import describe_environment
from limbeck.recipe import Recipe
from limbeck.report import words

HERE = Path(__file__).parent
TOWNS = [f"town {number}" for number in range(200)]
JOBS = ["clerk", "nurse", "cook", "driver", "teacher", "farmer"]
PLANS = ["none", "basic", "full"]
GRADES = ["a", "b", "c", "d"]


def made(rows: int = 20_000, seed: int = 0) -> dict[str, list[Any]]:
    """Return the made table: columns by name, with holes as None, and the column `label`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 8))
    x[:, 3], x[:, 4] = np.exp(x[:, 3]) * 1000, np.round(np.abs(x[:, 4]) * 10)
    job, plan, grade = (rng.integers(len(names), size=rows) for names in (JOBS, PLANS, GRADES))
    town = rng.zipf(1.3, size=rows) % len(TOWNS)
    wealth = rng.normal(size=len(TOWNS))[town]
    pair = rng.normal(size=(len(JOBS), len(PLANS)))[job, plan]
    hole = rng.random(rows) < 0.2
    scores = np.stack(
        [
            1.5 * x[:, 0] * x[:, 1] + pair + 0.3 * wealth,
            1.2 * np.sin(2 * x[:, 2]) + 0.8 * (x[:, 3] > 1500) - 0.5 * pair + 0.5 * (grade - 1.5),
            0.7 * np.abs(x[:, 5]) + 1.5 * hole - 0.05 * x[:, 4] + 0.6 * wealth - 0.6,
        ],
        axis=1,
    )
    label = (scores + 0.5 * rng.gumbel(size=scores.shape)).argmax(axis=1)
    numbers = {f"x{place}": [float(f"{value:.5g}") for value in x[:, place]] for place in range(8)}
    table: dict[str, list[Any]] = {
        **numbers,
        "job": [JOBS[one] for one in job],
        "plan": [PLANS[one] for one in plan],
        "grade": [GRADES[one] for one in grade],
        "town": [TOWNS[one] for one in town],
    }
    for name in ("x1", "x3", "job", "town"):
        table[name] = [None if gone else cell for gone, cell in zip(rng.random(rows) < 0.05, table[name], strict=True)]
    table["x6"] = [None if gone else cell for gone, cell in zip(hole, table["x6"], strict=True)]
    return {**table, "label": [("low", "middle", "high")[one] for one in label]}


def packaged(name: str) -> dict[str, list[Any]]:
    """Return one of scikit-learn's own tables, by column."""
    from sklearn import datasets

    held = getattr(datasets, f"load_{name}")()
    columns = {str(column): held.data[:, place].tolist() for place, column in enumerate(held.feature_names)}
    return {**columns, "label": [str(held.target_names[one]) for one in held.target]}


def network(hidden: int, layers: int, **train: float) -> dict[str, Any]:
    """Return the settings of a network and its training."""
    model = {"name": "mlp", "hidden": hidden, "layers": layers}
    return {"model": model, "train": {"batch_size": 64, "weight_decay": 0.01, "warmup": 0.05, **train}}


RUNS: dict[str, dict[str, Any]] = {
    "made": {
        "split": {"test": 4000, "validation": 500},
        "labelled": 500,
        "teacher": {"kind": "boosting"},
        "student": network(96, 2, steps=3000, lr=3e-3),
    },
    "breast_cancer": {
        "split": {"test": 150, "validation": 80},
        "labelled": 60,
        "teacher": {"kind": "network", **network(256, 3, steps=400, lr=1e-3)},
        "student": network(16, 1, steps=400, lr=1e-2),
    },
    "wine": {
        "split": {"test": 50, "validation": 30},
        "labelled": 30,
        "teacher": {"kind": "network", **network(256, 3, steps=400, lr=1e-3)},
        "student": network(16, 1, steps=400, lr=1e-2),
    },
}


def measure(name: str, folder: Path) -> dict[str, Any]:
    """Run one and return what it showed."""
    about = RUNS[name]
    student = about["student"]
    run = limbeck.distill(
        about["teacher"],
        student["model"],
        made() if name == "made" else packaged(name),
        settings={
            "data.features": "*",
            "data.split": about["split"],
            "data.labelled": about["labelled"],
            **{f"student.train.{key}": value for key, value in student["train"].items()},
        },
        out=folder / name,
    )
    found = run.evaluation
    models = {key: {"name": words.model(key, found), "scores": one.scores} for key, one in found.models.items()}
    return {
        "models": models,
        "chosen": {key: one.settings for key, one in found.models.items() if one.settings},
        "gain": None if found.gain is None else found.gain.model_dump(),
        "over_distilled_floor": found.over_distilled_floor and found.over_distilled_floor.model_dump(),
        "verdict": found.verdict,
        "sentence": found.sentence,
        "warnings": found.warnings,
        "dropped": found.data.dropped,
        "precision": found.bundle and found.bundle.precision,
        "int8": found.bundle and found.bundle.int8,
        "seconds": sum(found.seconds.values()),
        "recipe_digest": Recipe.model_validate(_recipe(run.folder)).digest,
    }


def _recipe(folder: Path) -> Any:
    import yaml

    return yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))


def main() -> None:
    """Run all and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/columns"))
    parser.add_argument("names", nargs="*", default=list(RUNS))
    given = parser.parse_args()
    results = {name: measure(name, given.out) for name in given.names}
    if list(results) == list(RUNS):
        write_json(HERE / "results" / "columns.json", {"environment": describe_environment(), **results})
    for name, found in results.items():
        scores = ", ".join(f"{one['name']} {100 * one['scores']['accuracy']:.1f}" for one in found["models"].values())
        print(f"{name}: {scores}; {found['verdict']}; {found['precision']}; {found['seconds']:.0f} s")


if __name__ == "__main__":
    main()
