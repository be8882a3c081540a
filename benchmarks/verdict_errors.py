"""How often a verdict is given between arms of equal true quality, and how often a true gain is found: a simulation.

    python benchmarks/verdict_errors.py

Every cell is one setting: classes, error patterns, metric, seeds, spread between seeds. Finished cells are kept in
`benchmarks/results/verdict_errors.json`, from which an interrupted simulation goes on. Some minutes on one core.
"""

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from limbeck import __version__
from limbeck.evaluation.classification import JUDGING as METRICS, MetricName
from limbeck.evaluation.significance import LEVEL, _welch, compare, verdict
from limbeck.files import write_json

RESULT = Path(__file__).parent / "results" / "verdict_errors.json"
EXAMPLES = 2000
RUNS = {"null": 2000, "power": 300}
SWAPS, RESAMPLES = 1000, 500
"""Fewer than a run takes; `resampling` in the result says how often the verdict differs for that."""

CLASSES = {
    "two, balanced": ([0.5, 0.5], [0.83, 0.83]),
    "two, one of 1 %": ([0.99, 0.01], [0.995, 0.6]),
    "five, one of 1 %": ([0.3, 0.25, 0.25, 0.19, 0.01], [0.85, 0.85, 0.85, 0.85, 0.5]),
}
"""Shares of the classes, and the recall of each."""
SEEDS, SPREADS = (1, 2, 3, 5), (0.0, 0.0075, 0.02, 0.04)
TILT = 0.35
"""Where error patterns differ, one arm is better on every other class and worse on the rest; the other mirrored."""
SHARED, OF_ARM, OWN = 1.2, 0.5, 0.5
"""Deviations of an example's difficulty: for all networks, for the seeds of one arm, for one network."""
_TOTAL = math.hypot(SHARED, OF_ARM, OWN)


@dataclass(frozen=True)
class Cell:
    """One setting.

    Attributes:
        classes: see `CLASSES`.
        patterns: `equal`, or `different`: the arms err on different classes.
        metric: the run's.
        seeds: of each arm.
        spread: the true metric's deviation between seeds, a fraction.
        gain: student minus baseline, true mean over seeds.
    """

    classes: str
    patterns: str
    metric: MetricName
    seeds: int
    spread: float
    gain: float = 0.0


def cells() -> Iterator[Cell]:
    """Yield every setting: those of no gain, those of five points, and those of no gain that have no room for five."""
    roomy = [(classes, metric) for classes in CLASSES for metric in METRICS if _best(classes, metric) < 0.95]
    cramped = [(classes, metric) for classes in CLASSES for metric in METRICS if _best(classes, metric) >= 0.95]
    for settings, gain, patterns in (
        (roomy, 0.0, "equal"),
        (roomy, 0.0, "different"),
        (roomy, 0.05, "equal"),
        (cramped, 0.0, "equal"),
        (cramped, 0.0, "different"),
    ):
        for (classes, metric), seeds, spread in itertools.product(settings, SEEDS, SPREADS):
            yield Cell(classes, patterns, metric, seeds, spread, gain)


def _best(classes: str, metric: MetricName) -> float:
    """Return about how good the arms are; accuracy alone comes near to 1."""
    return float(np.dot(*CLASSES[classes])) if metric == "accuracy" else 0.0


class World:
    """Where the runs of a cell come from: two arms whose true mean metric differs by the cell's gain."""

    def __init__(self, cell: Cell) -> None:
        shares, recalls = CLASSES[cell.classes]
        self.cell, self.shares = cell, np.array(shares)
        wrong = np.tile(self.shares, (len(shares), 1))
        np.fill_diagonal(wrong, 0)
        self.wrong = wrong / wrong.sum(axis=1, keepdims=True)  # which class is decided in place of the true one
        self.strength = norm.ppf(recalls) * _TOTAL
        alternating = TILT * (-1.0) ** np.arange(len(shares)) * (cell.patterns == "different")
        self.tilts = alternating, -alternating
        self._luck = self._draw_luck(np.random.default_rng(1), 4000)
        self.luck = _bisect(lambda size: self._true(self.tilts[1], size).std() - cell.spread, 0.0, 3.0)
        level = self._true(self.tilts[1], self.luck).mean() + cell.gain
        self.offset = _bisect(lambda move: self._true(self.tilts[0] + move, self.luck).mean() - level, -3.0, 3.0)

    def _draw_luck(self, rng: np.random.Generator, networks: int) -> NDArray[np.float64]:
        """Return `(networks, classes)`: half of a training's luck is of all classes, half of each."""
        return (rng.standard_normal((networks, 1)) + rng.standard_normal((networks, len(self.shares)))) / math.sqrt(2)

    def _true(self, moves: NDArray[np.float64], luck: float) -> NDArray[np.float64]:
        """Return the metric of many networks on endless test rows."""
        right = self.shares * norm.cdf((self.strength + moves + luck * self._luck) / _TOTAL)
        if self.cell.metric == "accuracy":
            return right.sum(axis=1)
        decided = right + (self.shares - right) @ self.wrong
        return METRICS["f1_macro"].of(np.hstack([right, self.shares + decided]) * 1e9)

    def run(self, rng: np.random.Generator) -> list[NDArray[np.int8]]:
        """Return the metric's parts of both arms on one test split."""
        classes, seeds = len(self.shares), self.cell.seeds
        labels = rng.choice(classes, size=EXAMPLES, p=self.shares)
        steps = self.wrong.cumsum(axis=1)[labels]
        difficulty, mistaken = SHARED * rng.standard_normal(EXAMPLES), rng.random(EXAMPLES)
        arms = []
        for moves in (self.tilts[0] + self.offset, self.tilts[1]):
            means = (self.strength + moves + self.luck * self._draw_luck(rng, seeds))[:, labels]
            of_arm, own = rng.standard_normal(EXAMPLES), rng.standard_normal((seeds, EXAMPLES))
            right = means + difficulty + OF_ARM * of_arm + OWN * own > 0
            draws = np.where(rng.random((seeds, EXAMPLES)) < 0.7, mistaken, rng.random((seeds, EXAMPLES)))
            decided = np.where(right, labels, (draws[:, :, None] > steps).sum(axis=2))
            parts = METRICS[self.cell.metric].parts
            arms.append(np.stack([parts({"decided": one, "labels": labels}) for one in decided]))
        return arms


def _bisect(rises: Any, low: float, high: float) -> float:
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if rises(middle) > 0 else (middle, high)
    return (low + high) / 2


def judged(student: NDArray, baseline: NDArray, name: MetricName, size: tuple[int, int], seed: int) -> str:
    """Return the verdict; of one seed, the one that would be given if examples were asked alone."""
    metric = METRICS[name]
    values = [metric.of(arm.sum(axis=1, dtype=np.int64)) for arm in (student, baseline)]
    over_seeds = _welch(*values, student.shape[1])
    # Most runs cost no resampling: where the seeds alone decide, the rest is not asked.
    if (over_seeds is not None and over_seeds >= LEVEL) or np.ptp(np.sign(values[0] - values[1])):
        return "no_difference"
    # Other draws in every run: few draws that are always the same would shift the rate of all runs alike.
    gain = compare(student, baseline, metric, _swaps=size[0], _resamples=size[1], _seed=seed)
    return verdict(gain.model_copy(update={"per_seed": gain.per_seed * 2}))


def simulate(cell: Cell, index: int) -> dict[str, Any]:
    """Return how often a verdict was given."""
    world, rng = World(cell), np.random.default_rng(index)
    runs = RUNS["power" if cell.gain else "null"]
    said = [judged(*world.run(rng), cell.metric, (SWAPS, RESAMPLES), seed) for seed in range(runs)]
    found = {name: said.count(name) / runs for name in ("helps", "hurts")}
    rate = sum(found.values())
    return {**asdict(cell), "runs": runs, **found, "rate": rate, "error": math.sqrt(rate * (1 - rate) / runs)}


def resampling() -> dict[str, Any]:
    """Return how often fewer swaps and resamples change what is said, over runs near the border of a verdict."""
    cell = Cell("five, one of 1 %", "equal", "f1_macro", 3, 0.0075, 0.03)
    world, rng = World(cell), np.random.default_rng(0)
    runs = [world.run(rng) for _ in range(150)]
    few, many = (
        [judged(*run, cell.metric, size, 7) for run in runs] for size in ((SWAPS, RESAMPLES), (100_000, 10_000))
    )
    return {
        "runs": len(runs),
        "few": {"swaps": SWAPS, "resamples": RESAMPLES, "rate": sum(one != "no_difference" for one in few) / len(runs)},
        "many": {
            "swaps": 100_000,
            "resamples": 10_000,
            "rate": sum(one != "no_difference" for one in many) / len(runs),
        },
        "differ": sum(one != other for one, other in zip(few, many, strict=True)) / len(runs),
    }


def as_table(result: dict[str, Any]) -> str:
    """How often a verdict is given where there is no gain, and where there is one of five points."""
    cells = result["cells"]
    spreads, seeds = (sorted({cell[key] for cell in cells}) for key in ("spread", "seeds"))
    shown = " · ".join(f"{100 * spread:g}" for spread in spreads)
    heads = ["true gain", "metric", "classes", "the arms err", *(f"{n} seed{'s' * (n > 1)}" for n in seeds)]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    rows: dict[tuple[Any, ...], dict[tuple[int, float], float]] = {}
    for cell in cells:
        key = f"{100 * cell['gain']:.0f} points", METRICS[cell["metric"]].title, cell["classes"], cell["patterns"]
        rows.setdefault(key, {})[cell["seeds"], cell["spread"]] = cell["rate"]
    for key, rates in sorted(rows.items()):
        rates = [" · ".join(f"{100 * rates[n, spread]:.1f}" for spread in spreads) for n in seeds]
        lines.append(
            f"| {' | '.join([*key[:3], {'equal': 'alike', 'different': 'on other classes'}[key[3]], *rates])} |"
        )
    wrong = [cell for cell in cells if not cell["gain"] and cell["seeds"] > 1]
    few, runs = result["resampling"], {cell["gain"]: cell["runs"] for cell in cells}
    return "\n".join(
        [
            *lines,
            "",
            f"Percent of simulated runs with a verdict, at seed spreads of {shown} points of the metric. "
            f"{result['examples']:,} test examples; {runs[0.0]:,} runs a figure without a gain, {runs[0.05]:,} with. "
            f"With two seeds or more, at most {100 * max(cell['rate'] for cell in wrong):.1f} % of runs without a gain "
            f"get a verdict (standard errors up to {100 * max(cell['error'] for cell in wrong):.1f}). With one seed "
            "none is given: the figure is what the test examples alone would say. "
            f"A simulated run takes {few['few']['swaps']:,} swaps and {few['few']['resamples']:,} resamples; near the "
            f"border of a verdict those gave one in {100 * few['few']['rate']:.0f} % of {few['runs']} runs, and as "
            f"many as a real run takes in {100 * few['many']['rate']:.0f} % (`{result['command']}`).",
        ]
    )


def main() -> None:
    """Simulate what is not there yet."""
    known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    if known.get("environment") != {"limbeck": __version__}:
        known = {
            "environment": {"limbeck": __version__},
            "command": "python benchmarks/verdict_errors.py",
            "examples": EXAMPLES,
        }
    done = {
        json.dumps(asdict(Cell(**{key: one[key] for key in Cell.__dataclass_fields__}))): one
        for one in known.get("cells", [])
    }
    known.setdefault("resampling", resampling())
    for index, cell in enumerate(cells()):
        key = json.dumps(asdict(cell))
        if key not in done:
            done[key] = simulate(cell, index)
            print(done[key], flush=True)
            write_json(RESULT, known | {"cells": list(done.values())})


if __name__ == "__main__":
    main()
