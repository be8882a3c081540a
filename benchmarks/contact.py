"""What a person waits for, and what many rows take: processor time and memory, of BASE and of the tree in turns.

    python benchmarks/contact.py COMMIT [PART ...]

Parts: `commands`, a command each in a new process (`recipes`, `losses`, `--help`, `check sentiment`); `serving`, a
small student of n-grams: 160,000 texts into ids, texts answered just below and above 1,024, one text, a batch of 64
with the threads that `load` takes by itself and with one, how long `load` and an export take; `rows`, `check`, a run of
20 steps and `predict` on 500,000 and on 1,000,000 rows, of which the difference is the cost of a row. Each side makes
its own bundle from the same recipe. Times are of the processor (user and system), medians of the rounds. Writes
benchmarks/results/contact.json after every part.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from before import sources

from limbeck.files import read_json, write_json
from limbeck.pipeline.order import describe_environment

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "contact.json"
ROWS = (500_000, 1_000_000)
WORDS = 12
COMMANDS: dict[str, Sequence[str]] = {
    "limbeck recipes": ["recipes"],
    "limbeck losses": ["losses"],
    "limbeck --help": ["--help"],
    "limbeck check sentiment": ["check", "sentiment"],
}
SERVING = """
import json, resource, sys, time, tracemalloc
from pathlib import Path
import numpy as np
import limbeck

def spent(call, times=1):
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times

folder, texts = sys.argv[1], Path(sys.argv[2]).read_text().splitlines()
found = {"load_s": spent(lambda: limbeck.load(folder))}
own = limbeck.load(folder)
one = limbeck.load(folder, threads=1)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found["encode_160000_s"] = spent(lambda: own.reader.encode(texts[:160_000]))
found["encode_160000_mb"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
one.predict(texts[:64])
found["predict_1024_per_s"] = 1024 / spent(lambda: one.predict(texts[:1024]), 20)
found["predict_1025_per_s"] = 1025 / spent(lambda: one.predict(texts[:1025]), 20)
found["one_text_us"] = 1e6 * min(spent(lambda: one.predict(texts[:1]), 2000) for _ in range(3))
found["batch_own_threads_ms"] = 1e3 * spent(lambda: own.predict(texts[:64]), 500)
found["batch_one_thread_ms"] = 1e3 * spent(lambda: one.predict(texts[:64]), 500)
print(json.dumps(found))
"""
EXPORT = """
import json, sys, tempfile, time
from pathlib import Path
import limbeck
from limbeck.bundle.export import export_onnx
from limbeck.models import build_model
from limbeck.networks import NetworkSettings
from limbeck.types import tensors

form = limbeck.load(sys.argv[1]).reader.form
settings = NetworkSettings.model_validate({"model": {"name": "ngrams", "dim": 16, "buckets": 32768}})
model = build_model(settings.model, outputs=2, form=form).eval()
found = {}
for name in ("export_s", "second_export_s"):
    start = time.process_time()
    export_onnx(model, Path(tempfile.mkdtemp()) / "model.onnx", tensors(form.example), form.axes)
    found[name] = time.process_time() - start
print(json.dumps(found))
"""


def made_rows(path: Path, rows: int) -> Path:
    """Write texts of twelve words and a label, by which the last word goes."""
    draw = random.Random(0)
    words = [f"w{number}" for number in range(20_000)]
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for _ in range(rows):
            label = draw.choice(("bad", "good"))
            file.write(f"{' '.join(draw.choices(words, k=WORDS))} {label},{label}\n")
    return path


def recipe(source: Path, steps: int) -> dict[str, Any]:
    """Return a recipe whose teacher costs little."""
    return {
        "seeds": [0],
        "data": {"source": str(source), "split": {"test": 2000, "validation": 400}, "labelled": 500},
        "teacher": {"kind": "nblr"},
        "student": {
            "model": {"name": "ngrams", "dim": 16, "buckets": 32768},
            "reads": {"tokenizer": {"kind": "words", "size": 30000}, "max_length": 64},
            "train": {"steps": steps, "batch_size": 32, "lr": 6.0e-3, "threads": 1},
        },
        "baseline": False,
        "losses": [{"name": "kd", "weight": 0.9, "temperature": 2}, {"name": "cross_entropy", "weight": 0.1}],
    }


class Side:
    """A source tree, and what it makes.

    Args:
        name: `before` or `after`.
        source: its folder `src`.
        scratch: where it may write.
    """

    def __init__(self, name: str, source: Path, scratch: Path) -> None:
        self.name, self.source, self.scratch = name, source, scratch
        scratch.mkdir(exist_ok=True)

    def run(self, *arguments: str) -> tuple[float, float, str]:
        """Return seconds of processor time, megabytes at most, and standard output of a new process.

        Raises:
            SystemExit: it failed.
        """
        environment = {**os.environ, "PYTHONPATH": str(self.source), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        with tempfile.TemporaryFile() as out:
            process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=out, cwd=self.scratch)
            _, status, used = os.wait4(process.pid, 0)
            out.seek(0)
            said = out.read().decode()
        if status:
            raise SystemExit(f"{self.name}: {arguments[:4]} ended with {status}")
        return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said

    def bundle(self, rows: Path) -> Path:
        """Return the bundle of a short run on some rows."""
        folder = self.scratch / "run"
        if not (folder / "bundle" / "bundle.json").is_file():
            file = self.scratch / "small.yaml"
            file.write_text(yaml.safe_dump(recipe(rows, 200)), encoding="utf-8")
            self.run("-m", "limbeck", "run", str(file), "--out", str(folder))
        return folder / "bundle"


def commands(side: Side, scratch: Path) -> dict[str, float]:
    """Return the seconds of each command."""
    return {name: side.run("-m", "limbeck", *line)[0] for name, line in COMMANDS.items()}


def serving(side: Side, scratch: Path) -> dict[str, float]:
    """Return what the small student takes."""
    texts = scratch / "texts.txt"
    if not texts.is_file():
        rows = made_rows(scratch / "serving.csv", 160_000)
        texts.write_text("\n".join(line.partition(",")[0] for line in rows.read_text().splitlines()[1:]))
    bundle = serving_bundle(side, scratch)
    served = json.loads(side.run("-c", SERVING, str(bundle), str(texts))[2])
    return {**served, **json.loads(side.run("-c", EXPORT, str(bundle))[2])}


def many(side: Side, scratch: Path) -> dict[str, float]:
    """Return kilobytes at the peak and microseconds a row, beyond what the first half of the rows takes."""
    bundle = serving_bundle(side, scratch)
    found: dict[str, float] = {}
    uses: dict[str, list[tuple[float, float]]] = {"check": [], "run": [], "predict": []}
    for rows in ROWS:
        file = scratch / f"{rows}.csv"
        if not file.is_file():
            made_rows(file, rows)
        described = side.scratch / f"{rows}.yaml"
        described.write_text(yaml.safe_dump(recipe(file, 20)), encoding="utf-8")
        uses["check"].append(side.run("-m", "limbeck", "check", str(described))[:2])
        uses["run"].append(side.run("-m", "limbeck", "run", str(described), "--out", str(side.scratch / f"{rows}"))[:2])
        uses["predict"].append(side.run("-m", "limbeck", "predict", str(bundle), str(file))[:2])
    more = ROWS[1] - ROWS[0]
    size = ((scratch / f"{ROWS[1]}.csv").stat().st_size - (scratch / f"{ROWS[0]}.csv").stat().st_size) / more
    found["bytes_of_text_a_row"] = size
    for name, ((seconds, memory), (seconds_more, memory_more)) in ((name, tuple(both)) for name, both in uses.items()):
        found |= {
            f"{name}_peak_mb": memory_more,
            f"{name}_kb_a_row": 1024 * (memory_more - memory) / more,
            f"{name}_us_a_row": 1e6 * (seconds_more - seconds) / more,
            f"{name}_s": seconds_more,
        }
    return found


def serving_bundle(side: Side, scratch: Path) -> Path:
    """Return the bundle of the side."""
    small = scratch / "small.csv"
    return side.bundle(small if small.is_file() else made_rows(small, 6_000))


PARTS: dict[str, tuple[Callable[[Side, Path], dict[str, float]], int]] = {
    "commands": (commands, 3),
    "serving": (serving, 3),
    "rows": (many, 1),
}


def main() -> None:
    """Measure the parts that are asked for; those on record stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the state before")
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    options = parser.parse_args()
    results: dict[str, Any] = read_json(RESULTS, dict) if RESULTS.is_file() else {}
    with tempfile.TemporaryDirectory() as folder, sources(Path(folder), options.commit) as both:
        scratch = Path(folder)
        sides = [Side("before", both["base"], scratch / "before"), Side("after", both["tree"], scratch / "after")]
        for part in options.parts:
            measure, rounds = PARTS[part]
            found: dict[str, list[dict[str, float]]] = {side.name: [] for side in sides}
            for turn in range(rounds):
                for side in sides[:: 1 if turn % 2 == 0 else -1]:
                    found[side.name].append(measure(side, scratch))
            medians = {
                name: {key: median(one[key] for one in rounds_of) for key in rounds_of[0]}
                for name, rounds_of in found.items()
            }
            results[part] = {**medians, "rounds": rounds, "commit": options.commit}
            results["environment"] = describe_environment()
            write_json(RESULTS, results)
            for key in medians["after"]:
                was, now = medians["before"][key], medians["after"][key]
                print(f"{part}  {key}: {was:,.4g} -> {now:,.4g}", flush=True)


if __name__ == "__main__":
    main()
