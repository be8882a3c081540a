"""What a change of the source costs: start-up, steps and memory of BASE and of the working tree, in turns.

    python benchmarks/before.py COMMIT [--rounds 7]

Both sides carry out the same two recipes, each in a new process: `first`, from nothing to the first step of a student,
and `steps`, a small student of 3,000 steps that listens to a cached teacher. A round runs each side once, in
alternating order. Times are of the processor (user and system), memory is the largest resident set. Prints medians,
and the ratio of the tree to BASE by round with its range; nothing is written.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from guard.renamed import older  # noqa: E402 - what was renamed since is known there

WORDS = [f"word{index}" for index in range(400)]
STUDENT = {"model": {"name": "ngrams", "dim": 32, "buckets": 4096}, "reads": {"max_length": 64}}
TEACHER = {"kind": "network", "model": {"name": "textcnn", "dim": 8, "filters": 4}, "reads": {"max_length": 64}}
"""Small: what is timed is the student beside it."""
# One process that measures itself: the library is imported, the run is carried out, and its student's steps are read.
RUN = """
import json, resource, sys, time
from pathlib import Path
start = time.process_time()
import limbeck
imported = time.process_time()
from limbeck.console import console
console.quiet = True
from limbeck.recipe import load_recipe
from limbeck.trainer import History
import limbeck.trainer as trainer
out, steps = Path(sys.argv[2]), []
fit = trainer.fit
def timed(*args, **kwargs):
    before = time.process_time()
    history = fit(*args, **kwargs)
    steps.append((kwargs["title"], history.done, time.process_time() - before))
    return history
import importlib
for name in ("limbeck.pipeline.once", "limbeck.pipeline.training.once"):
    try:
        importlib.import_module(name).fit = timed
    except ModuleNotFoundError:
        pass
limbeck.run(load_recipe(sys.argv[1]), out)
(student,) = [(done, spent) for title, done, spent in steps if title.startswith("student")]
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "import": imported - start, "whole": usage.ru_utime + usage.ru_stime, "step": student[1] / student[0],
    "memory": usage.ru_maxrss / 1024,
}))
"""


def recipe(steps: int) -> dict[str, Any]:
    """Return the recipe in the words of the working tree."""
    train = {"steps": steps, "lr": 0.01, "validations": 1, "threads": 1}
    return {
        "seeds": [0],
        "data": {"source": "rows.jsonl", "split": {"test": 100, "validation": 100}, "labelled": 200},
        "teacher": {**TEACHER, "train": {"steps": 20, "validations": 1, "threads": 1}, "accept_bad": True},
        "student": {**STUDENT, "train": train},
        "baseline": False,
        "losses": [{"name": "kd", "weight": 0.9, "temperature": 2.0}, {"name": "cross_entropy", "weight": 0.1}],
    }


def write_rows(path: Path) -> None:
    """Write 3,000 texts of 20 to 60 words."""
    draw = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for row in range(3000):
            words = draw.choice(WORDS[: 200 + 200 * (row % 2)], draw.integers(20, 60))
            file.write(json.dumps({"text": " ".join(words), "label": row % 2}) + "\n")


@contextmanager
def sources(folder: Path, base: str) -> Iterator[dict[str, Path]]:
    """Give each side's `src`."""
    tree = folder / "base"
    subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "--detach", "--quiet", str(tree), base], check=True)
    try:
        yield {"base": tree / "src", "tree": ROOT / "src"}
    finally:
        subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(tree)], check=True)


def measured(source: Path, folder: Path, name: str, side: str, number: int) -> dict[str, float]:
    """Carry out a recipe in a new process."""
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    asked = [sys.executable, "-c", RUN, f"{side}-{name}.yaml", f"out/{side}-{name}-{number}"]
    done = subprocess.run(asked, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side}, {name}:\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run both sides in turns and print what they took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args(arguments)
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as scratch, sources(Path(scratch), given.base) as both:
        folder = Path(scratch)
        write_rows(folder / "rows.jsonl")
        for name, steps in (("first", 1), ("steps", 3000)):
            (folder / f"tree-{name}.yaml").write_text(yaml.safe_dump(recipe(steps)))
            (folder / f"base-{name}.yaml").write_text(yaml.safe_dump(older(recipe(steps))))
        for number in range(given.rounds):
            sides = sorted(both, reverse=bool(number % 2))
            for name in ("first", "steps"):
                for side in sides:
                    one = measured(both[side], folder, name, side, number)
                    found.setdefault((name, side), []).append(one)
    print(f"load {os.getloadavg()[0]:.1f}; the tree by {given.base}, medians of {given.rounds} rounds")
    for name, key, unit, scale in (
        ("first", "import", "ms", 1e3),
        ("first", "whole", "ms", 1e3),
        ("steps", "step", "ms", 1e3),
        ("steps", "memory", "MB", 1.0),
    ):
        values = {side: np.array([one[key] for one in found[name, side]]) for side in ("base", "tree")}
        ratios = values["tree"] / values["base"]
        medians = {side: scale * float(np.median(value)) for side, value in values.items()}
        print(
            f"{name:6} {key:7} {medians['base']:9.3f} -> {medians['tree']:9.3f} {unit}: "
            f"{np.median(ratios):.3f} ({ratios.min():.3f} to {ratios.max():.3f})"
        )


if __name__ == "__main__":
    main()
