"""What a model costs to run, measured beside the models it is compared with."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from limbeck.errors import LimbeckError

Predict = Callable[[list[Any]], object]
"""Samples in, anything out: one call is one batch; of texts, tokenizing included."""

BATCH = 64
ROUNDS = 10  # alternations between the models
_BATCHES = 4  # of BATCH texts, each model and round


class Speed(NamedTuple):
    """How fast a model is: milliseconds for one text (median), and texts per second in batches of 64 (median)."""

    latency_ms: float
    throughput_per_s: float


def measure(predict: Predict, texts: Sequence[Any], *, latency_repeats: int = 200, budget_s: float = 2.0) -> Speed:
    """Return `measure_all` of one model."""
    return measure_all({"": predict}, texts, latency_repeats=latency_repeats, budget_s=budget_s)[""]


def measure_all(
    models: Mapping[str, Predict], texts: Sequence[Any], *, latency_repeats: int = 200, budget_s: float = 2.0
) -> dict[str, Speed]:
    """Time several models in alternating rounds, so that a machine that warms up or gets busy slows all alike.

    Every model is called once at each batch size before the clock counts. All see the same texts in the same order,
    and every second round runs in reverse. Threads are the caller's business: give every model the same number.

    Args:
        models: by name, texts to anything.
        texts: real inputs, at least one; repeated where there are fewer than are asked for.
        latency_repeats: at most so many calls with one text, for each model.
        budget_s: seconds for each model; a model that has spent them is left out of further rounds. A slow model takes
            longer, as it is called at least twice at each batch size.

    Raises:
        LimbeckError: without texts.
    """
    if not len(texts):
        raise LimbeckError("there is no text to time the models with", where="cost")
    watches = {name: _Watch(predict, texts) for name, predict in models.items()}
    singles = max(1, latency_repeats // ROUNDS)
    for turn in range(ROUNDS):
        order = list(watches.values())
        for watch in order if turn % 2 == 0 else reversed(order):
            if turn == 0 or watch.spent < budget_s:
                watch.take_turn(singles, budget_s / ROUNDS)
    return {name: watch.speed() for name, watch in watches.items()}


class _Watch:
    """The times of one model."""

    def __init__(self, predict: Predict, texts: Sequence[Any]) -> None:
        self.predict, self.texts = predict, texts
        self.singles: list[float] = []
        self.batches: list[float] = []
        self.spent = self._time(0, 1) + self._time(0, BATCH)  # the warm-up counts against the budget

    def take_turn(self, singles: int, seconds: float) -> None:
        """Add up to `singles` times of one text and four of a batch, each at least once and for half the seconds."""
        for times, size, calls in ((self.singles, 1, singles), (self.batches, BATCH, _BATCHES)):
            used = 0.0
            for _ in range(calls):
                times.append(self._time(len(times) * size, size))
                used += times[-1]
                if used >= seconds / 2:
                    break
            self.spent += used

    def speed(self) -> Speed:
        """Return the medians: a pause of the machine in one call does not move them."""
        shortest = 1e-9  # below a clock's tick a call takes no time at all
        return Speed(1000 * median(self.singles), BATCH / max(median(self.batches), shortest))

    def _time(self, start: int, size: int) -> float:
        batch = [self.texts[(start + k) % len(self.texts)] for k in range(size)]
        before = perf_counter()
        self.predict(batch)
        return perf_counter() - before
