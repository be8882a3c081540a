"""Quality against steps and labels on IMDB: the recipe `acceleration`, and how much of each the student needs.

    python benchmarks/acceleration.py [data.source]

Started again, it goes on where it was stopped. Writes benchmarks/results/acceleration.json; the seconds are of all its
sessions that came to an end of their own or by Ctrl-C.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from limbeck.evaluation.schema import Evaluation
from limbeck.files import read_json, write_json
from limbeck.report import curves

RESULTS = Path(__file__).parent / "results"
FOLDER = Path("runs/benchmark-acceleration")
CLOCK = FOLDER.with_name(f"{FOLDER.name}-seconds.json")


def main(arguments: list[str]) -> None:
    """Run the recipe, or finish its run, and record the curves."""
    overrides = [f"data.source={source}" for source in arguments]
    spent = read_json(CLOCK) if CLOCK.is_file() else {"wall_seconds": 0.0, "cpu_seconds": 0.0, "sessions": 0}
    start = time.monotonic()
    try:
        line = [sys.executable, "-m", "limbeck", "run", "acceleration", *overrides, "--out", str(FOLDER)]
        subprocess.run(line, check=True)
    finally:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent["wall_seconds"] += time.monotonic() - start
        spent["cpu_seconds"] += used.ru_utime + used.ru_stime
        spent["sessions"] += 1
        write_json(CLOCK, spent)
    evaluation = read_json(FOLDER / "evaluation.json")
    said = curves.sentences(Evaluation.model_validate(evaluation))
    result = {
        "claim": "for the baseline's final quality the student needs half of the steps, and a quarter of the labels",
        "command": " ".join(["python benchmarks/acceleration.py", *arguments]),
        "curves": evaluation["curves"],
        "sentences": said,
        "test_examples": evaluation["test_examples"],
        "seeds": len(evaluation["seeds"]),
        **spent,
        "evaluation": {name: evaluation[name] for name in ("data", "gain", "verdict", "sentence", "test_evaluations")},
        "environment": read_json(FOLDER / "environment.json"),
    }
    write_json(RESULTS / "acceleration.json", result)
    print(json.dumps({"sentences": said, **spent}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
