"""Quality against steps and labels on IMDB: the recipe `acceleration`, and how much of each the student needs.

    python benchmarks/acceleration.py [data.source]

Started again, it goes on where it was stopped. Writes benchmarks/results/acceleration.json.
"""

import json
import sys
from pathlib import Path

from clocked import clocked_run

from limbeck.evaluation.schema import Evaluation
from limbeck.files import read_json, write_json
from limbeck.report import words

RESULTS = Path(__file__).parent / "results"
FOLDER = Path("runs/benchmark-acceleration")


def main(arguments: list[str]) -> None:
    """Run the recipe, or finish its run, and record the curves."""
    spent = clocked_run("acceleration", [f"data.source={source}" for source in arguments], FOLDER)
    evaluation = read_json(FOLDER / "evaluation.json", dict)
    said = words.curve_sentences(Evaluation.model_validate(evaluation))
    result = {
        "claim": "for the baseline's final quality the student needs half of the steps, and a quarter of the labels",
        "command": " ".join(["python benchmarks/acceleration.py", *arguments]),
        "curves": evaluation["curves"],
        "sentences": said,
        "test_examples": evaluation["test_examples"],
        "seeds": len(evaluation["seeds"]),
        **spent,
        "evaluation": {name: evaluation[name] for name in ("data", "gain", "verdict", "sentence", "test_evaluations")},
        "environment": read_json(FOLDER / "environment.json", dict),
    }
    write_json(RESULTS / "acceleration.json", result)
    print(json.dumps({"sentences": said, **spent}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
