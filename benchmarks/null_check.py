"""Does the comparison find a difference where there is none? The student arm against itself, under other seeds.

    python benchmarks/design_rows.py sentiment runs/design.csv
    python benchmarks/null_check.py runs/design.csv runs/design

It uses the rows that the recipe may be designed on, so its test split stays closed. The second argument is a run's
folder; its teacher and cache are reused. Writes benchmarks/results/null_check.json.
"""

import sys
from pathlib import Path

import numpy as np

from limbeck.data import load_splits
from limbeck.evaluation import compare, verdict
from limbeck.evaluation.classification import ACCURACY
from limbeck.files import write_json
from limbeck.pipeline.order import describe_environment, require_usable
from limbeck.pipeline.training.arms import train_arm
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.recipe import load_recipe

RESULTS = Path(__file__).parent / "results"
FIRST, SECOND = [0, 1, 2], [100, 101, 102]


def main(source: str, folder: Path) -> None:
    """Train both sets of seeds with the same teacher and settings, and compare them on the test split of these rows."""
    recipe = load_recipe("sentiment", [f"data.source={source}", "grid={}"])
    splits = load_splits(recipe.data, recipe.task)
    material = Material(splits)
    recipe = require_usable(recipe, material)
    answers = ask_teacher(recipe, train_teacher(recipe, material, folder), splits, folder)
    parts = []
    for seeds in (FIRST, SECOND):
        # One teacher for both: only the student's seeds differ.
        arm = train_arm("student", recipe.model_copy(update={"seeds": seeds}), material, answers, folder)
        logits = [trained.logits(trained.view.test) for trained in arm.trained.values()]
        parts.append(np.stack([ACCURACY.parts(splits.task.sheet(value, splits.test.labels)) for value in logits]))
    gain = compare(*parts, ACCURACY)
    result = {
        "claim": "the same arm under other seeds is no difference",
        "verdict": verdict(gain),
        "accuracy": [ACCURACY.of(value.sum(axis=1, dtype=np.int64)).tolist() for value in parts],
        "gain": gain.model_dump(),
        "test_examples": len(splits.test),
        "seeds": [FIRST, SECOND],
        "command": f"python benchmarks/null_check.py {source} {folder}",
        "environment": describe_environment(),
    }
    write_json(RESULTS / "null_check.json", result)
    print(gain)
    print("verdict:", result["verdict"])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
