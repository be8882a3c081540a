"""What a model costs to run, measured beside the models it is compared with."""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np

from limbeck.errors import LimbeckError

Predict = Callable[[list[Any]], object]
"""Samples in, anything out: one call is one batch; of texts, tokenizing included."""

BATCH = 64
ROUNDS = 10  # alternations between the models
SAMPLE_S = 1e-3
"""Processor seconds of a sample, at least: a quicker call is repeated, so that the clock's tick and the two readings of
it count for little."""
_SLOW_S = 0.1
"""Processor seconds of a first call above which no later one can be too quick for a sample."""
_BATCHES = 4  # of BATCH texts, each model and round
_SHORTEST = 1e-9  # seconds: below a clock's tick a call takes no time at all


class Speed(NamedTuple):
    """How fast a model is on one thread.

    Attributes:
        cpu_ms: processor milliseconds of one text, median.
        latency_ms: wall milliseconds of one text, 10th percentile.
        throughput_per_s: texts per processor second in batches of 64, median.
        wall_per_cpu: wall time over processor time of one text, median; above 1 when the processor did other work too.
        samples: processor seconds of one text, by sample; of models that were timed together, of equal texts.
    """

    cpu_ms: float
    latency_ms: float
    throughput_per_s: float
    wall_per_cpu: float
    samples: tuple[float, ...] = ()

    @property
    def figures(self) -> dict[str, float]:
        """What is recorded, by name."""
        return {name: value for name, value in self._asdict().items() if name != "samples"}

    def share_of(self, other: "Speed") -> float:
        """Return the processor time of this model over another's, median over texts: steadier than that of medians."""
        pairs = zip(self.samples, other.samples, strict=False)  # the slower one was timed with fewer
        return median(own / max(theirs, _SHORTEST) for own, theirs in pairs)


def measure(predict: Predict, texts: Sequence[Any], *, latency_repeats: int = 200, budget_s: float = 2.0) -> Speed:
    """Return `measure_all` of one model."""
    return measure_all({"": predict}, texts, latency_repeats=latency_repeats, budget_s=budget_s)[""]


def measure_all(
    models: Mapping[str, Predict], texts: Sequence[Any], *, latency_repeats: int = 200, budget_s: float = 2.0
) -> dict[str, Speed]:
    """Time several models in alternating rounds, so that a machine that warms up or gets busy slows all alike.

    Every model is called once at each batch size before the clock counts. All see the same texts in the same order,
    and every second round runs in reverse. Processor time is that of the whole process, in which nothing else should
    work meanwhile. What other processes do moves it little; it moves wall time a lot.

    Tokenizers, OpenMP and BLAS are held to one thread. An engine with threads of its own is the caller's business:
    make it with one.

    Args:
        models: by name, texts to anything.
        texts: real inputs, at least one; repeated where there are fewer than are asked for.
        latency_repeats: at most so many samples of one text, for each model.
        budget_s: processor seconds for each model; a model that has spent them is left out of further rounds. A slow
            model takes longer, as it is called at least twice at each batch size.

    Raises:
        LimbeckError: without texts.
    """
    if not len(texts):
        raise LimbeckError("there is no text to time the models with", where="cost")
    with _one_thread():
        watches = {name: _Watch(predict, texts) for name, predict in models.items()}
        singles = max(1, latency_repeats // ROUNDS)
        for turn in range(ROUNDS):
            order = list(watches.values())
            for watch in order if turn % 2 == 0 else reversed(order):
                if turn == 0 or watch.spent < budget_s:
                    watch.take_turn(singles, budget_s / ROUNDS)
        return {name: watch.speed() for name, watch in watches.items()}


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hold tokenizers, OpenMP and BLAS to one thread."""
    from threadpoolctl import threadpool_limits  # late: a finished student is scored where it is not

    name = "TOKENIZERS_PARALLELISM"  # read at each call of a tokenizer
    before = os.environ.get(name)
    os.environ[name] = "false"
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


class _Samples:
    """Times of a model with batches of one size, each the mean of as many calls as fill a sample."""

    def __init__(self, predict: Predict, texts: Sequence[Any], size: int) -> None:
        self._predict, self._texts, self.size = predict, texts, size
        self.cpu: list[float] = []
        self.wall: list[float] = []
        self.repeats = 1
        self.spent, _ = self._time()  # pays for what later calls find ready
        if self.spent < _SLOW_S:
            once, _ = self._time()
            self.repeats = math.ceil(SAMPLE_S / max(once, SAMPLE_S / 1000))
            self.spent += once

    def take(self) -> float:
        """Add a sample, and return its processor seconds."""
        cpu, wall = self._time()
        self.cpu.append(cpu / self.repeats)
        self.wall.append(wall / self.repeats)
        self.spent += cpu
        return cpu

    def _time(self) -> tuple[float, float]:
        start = len(self.cpu) * self.size
        batch = [self._texts[(start + k) % len(self._texts)] for k in range(self.size)]
        wall, cpu = perf_counter(), process_time()
        for _ in range(self.repeats):
            self._predict(batch)
        return process_time() - cpu, perf_counter() - wall


class _Watch:
    """The times of one model."""

    def __init__(self, predict: Predict, texts: Sequence[Any]) -> None:
        self.singles, self.batches = (_Samples(predict, texts, size) for size in (1, BATCH))

    @property
    def spent(self) -> float:
        """Processor seconds; the warm-up counts against the budget."""
        return self.singles.spent + self.batches.spent

    def take_turn(self, singles: int, seconds: float) -> None:
        """Add up to `singles` samples of one text and four of a batch, each at least once and for half the seconds."""
        for samples, count in ((self.singles, singles), (self.batches, _BATCHES)):
            used = 0.0
            for _ in range(count):
                used += samples.take()
                if used >= seconds / 2:
                    break

    def speed(self) -> Speed:
        """Return medians of processor time, which a pause in one call does not move, and the low end of wall time."""
        one = self.singles
        busy = median(wall / max(cpu, _SHORTEST) for cpu, wall in zip(one.cpu, one.wall, strict=True))
        return Speed(
            cpu_ms=1000 * median(one.cpu),
            latency_ms=1000 * float(np.percentile(one.wall, 10)),
            throughput_per_s=BATCH / max(median(self.batches.cpu), _SHORTEST),
            wall_per_cpu=busy,
            samples=tuple(one.cpu),
        )
