"""The demo, timed: wall and processor seconds of `limbeck demo` from nothing, and its whole evaluation.

    python benchmarks/sentiment.py

Assets are fetched before the clock starts. Writes benchmarks/results/sentiment.json.
"""

import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from limbeck.assets import asset
from limbeck.files import read_json, write_json

RESULTS = Path(__file__).parent / "results"
FOLDER = Path("runs/benchmark-sentiment")


def main() -> None:
    """Run the recipe in an empty folder and record it."""
    for name in ("sentiment-ratings", "minilm"):
        asset(name)
    shutil.rmtree(FOLDER, ignore_errors=True)
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "limbeck", "demo", "--out", str(FOLDER)], check=True)
    wall = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = {
        "claim": "a student of 0.7 M parameters keeps 95 % of a MiniLM's accuracy",
        "command": "python benchmarks/sentiment.py",
        "wall_seconds": wall,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "environment": read_json(FOLDER / "environment.json", dict),
        "evaluation": read_json(FOLDER / "evaluation.json", dict),
    }
    write_json(RESULTS / "sentiment.json", result)
    print(json.dumps({key: result[key] for key in ("wall_seconds", "cpu_seconds")}))


if __name__ == "__main__":
    main()
