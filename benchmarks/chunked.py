"""What a loss over a large vocabulary takes in chunks, against all logits at once: peak memory and processor time.

    python benchmarks/chunked.py [--quick] [--anew]

Each measurement is a process of its own, on one thread: a loss's values, their mean, and the gradients by hidden
states, matrix and bias. Memory is the process's largest resident set, less that before the loss. The arms take turns;
what is told is the median over the rounds of each arm's ratio to the plain form of the same round. The record is
written after each round of a loss; a run that was stopped goes on with the next one, `--anew` begins again.
"""

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck.files import read_json, write_json
from limbeck.logits import Factored
from limbeck.losses import chunked, cross_entropy, kd
from limbeck.pipeline.order import describe_environment

RESULT = Path(__file__).parent / "results" / "chunked.json"
LOSSES = ("kd", "cross_entropy")
ARMS = {
    "plain": "all logits at once",
    "chunked": "in chunks",
    "recomputed": "in chunks, each value multiplied by a factor of its own",
}


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        tokens: predictions.
        classes: of the vocabulary.
        width: of the student's hidden states.
        teacher: width of the teacher's.
    """

    tokens: int = 4096
    classes: int = 50_257
    width: int = 256
    teacher: int = 384


QUICK, ROUNDS = Size(tokens=512, classes=5_000), 3
SMALL = Size(tokens=8, classes=50, width=4, teacher=4)
"""Tried first in each process, so that nothing is measured that happens once."""


def layer(tokens: int, classes: int, width: int, seed: int) -> Factored:
    """Return random states and a last layer: logits of deviation 3, as frequent as words are (Zipf)."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(tokens, width, generator=generator)
    matrix = torch.randn(classes, width, generator=generator).mul_(3 / math.sqrt(width))
    return Factored(hidden, matrix, -torch.arange(1, classes + 1).log())


def inputs(size: Size) -> tuple[Factored, Factored, Tensor]:
    """Return a student that learns, a teacher, and labels."""
    student = layer(size.tokens, size.classes, size.width, seed=0)
    teacher = layer(size.tokens, size.classes, size.teacher, seed=1)
    for part in (student.hidden, student.matrix, student.bias):
        if part is not None:
            part.requires_grad_()
    return student, teacher, torch.randint(size.classes, (size.tokens,), generator=torch.Generator().manual_seed(2))


def learned(name: str, arm: str, student: Factored, teacher: Factored, labels: Tensor) -> dict[str, float]:
    """Return the mean value of a loss, and the norms of the gradients that it gives."""
    function, other = (kd, teacher) if name == "kd" else (cross_entropy, labels)
    if arm == "plain":
        values = function(student.dense, teacher.dense if name == "kd" else labels)
    else:
        values = chunked(function)(student, other)
    # Factors that differ by less than a rounding of the figures below, and are not equal.
    factors = torch.linspace(1, 1 + 1e-5, len(labels)) if arm == "recomputed" else 1.0
    mean = (values * factors).mean()
    mean.backward()
    parts = {"hidden": student.hidden, "matrix": student.matrix, "bias": student.bias}
    norms = {part: float(one.grad.norm()) for part, one in parts.items() if one is not None and one.grad is not None}
    return {"value": mean.item(), **norms}


def measured(name: str, arm: str, size: Size) -> dict[str, Any]:
    """Measure in this process, which has to be a new one: seconds of the processor, and bytes."""
    torch.set_num_threads(1)
    learned(name, arm, *inputs(SMALL))
    given = inputs(size)
    before, start = _peak(), time.process_time()
    found = learned(name, arm, *given)
    return {"cpu_s": time.process_time() - start, "peak_bytes": _peak() - before, "found": found}


def _peak() -> int:
    """Return the largest resident set of this process until now, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def in_turns(name: str, size: Size, number: int) -> dict[str, Any]:
    """Return what each arm took in a round of a loss; stop where the arms do not find the same."""
    taken: dict[str, Any] = {}
    for arm in ARMS if number % 2 == 0 else reversed(ARMS):
        line = [sys.executable, __file__, "--measure", json.dumps([name, arm, asdict(size)])]
        taken[arm] = one = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
        print(f"{name}, {arm}: {one['cpu_s']:.1f} s, {one['peak_bytes'] / 1e6:,.0f} MB", flush=True)
    whole, *others = (taken[arm]["found"] for arm in ARMS)
    if any(not math.isclose(whole[part], other[part], rel_tol=1e-3) for other in others for part in whole):
        raise SystemExit(f"{name}: in chunks {others}, and at once {whole}")
    return taken


def median(rounds: Sequence[Mapping[str, Any]], arm: str, what: str) -> float:
    """Return the median of a figure over the rounds."""
    return statistics.median(one[arm][what] for one in rounds)


def ratio(rounds: Sequence[Mapping[str, Any]], arm: str, what: str) -> float:
    """Return the median over the rounds of an arm's figure against the plain form's."""
    return statistics.median(one[arm][what] / one["plain"][what] for one in rounds)


def as_table(result: Mapping[str, Any]) -> str:
    """Say what each arm takes, and how much that is of the plain form."""
    size, taken = result["size"], result["rounds"]
    lines = [
        "| loss | logits | peak memory | of the first | processor time | of the first |",
        "|---|---|---|---|---|---|",
    ]
    for name, rounds in taken.items():
        for arm, words in ARMS.items():
            peak, seconds = median(rounds, arm, "peak_bytes") / 1e6, median(rounds, arm, "cpu_s")
            share, times = (ratio(rounds, arm, what) for what in ("peak_bytes", "cpu_s"))
            lines.append(
                f"| `{name}` | {words} | {peak:,.0f} MB | {100 * share:.1f} % | {seconds:.1f} s | {times:.2f} times |"
            )
    lines += [
        "",
        f"{size['tokens']:,} tokens of {size['classes']:,} classes, float32; a student of width {size['width']}, of "
        f"`kd` a teacher of width {size['teacher']} as `Factored`; values and gradients, on one thread of a processor, "
        f"medians of {min(map(len, taken.values()))} rounds (`{result['command']}`).",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every arm in turns, and write the record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="try it in a minute; nothing is recorded")
    parser.add_argument("--anew", action="store_true", help="measure every round again")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure is not None:
        name, arm, size = json.loads(options.measure)
        print(json.dumps(measured(name, arm, Size(**size))))
        return
    torch.set_num_threads(1)
    size = QUICK if options.quick else Size()
    known = read_json(RESULT, dict) if RESULT.exists() and not (options.anew or options.quick) else {}
    taken = known.get("rounds", {name: [] for name in LOSSES})
    result = {"command": "python benchmarks/chunked.py", "size": asdict(size), "rounds": taken}
    for number in range(1 if options.quick else ROUNDS):
        for name in LOSSES:
            if len(taken[name]) > number:
                continue
            taken[name].append(in_turns(name, size, number))
            if not options.quick:
                write_json(RESULT, result | {"environment": describe_environment()})
    print(as_table(result))


if __name__ == "__main__":
    main()
