"""Where the time of a step goes; used by training.py."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import wraps
from typing import Any
from unittest import mock

from torch import Tensor, nn

from limbeck.cache import CachedTeacher
from limbeck.data.batches import Batches
from limbeck.distiller import Distiller
from limbeck.losses import Objective
from limbeck.networks import TrainSettings
from limbeck.optimizer import AdamW
from limbeck.taps import Trainable
from limbeck.trainer import fit
from limbeck.types import Batch

MODEL = {
    "forward": [(Trainable, "forward")],
    "losses": [(Objective, "sums")],
    "backward": [(Tensor, "backward")],
    "update": [(nn.utils, "clip_grad_norm_"), (AdamW, "step"), (nn.Module, "zero_grad")],
}
"""What a step is for: calls that never contain each other."""

REST = {
    "batch": [(Batches, "rows"), (Batches, "_batch")],
    "teacher": [(CachedTeacher, "predict")],
    "counts": [(Objective, "counts")],
}
"""What a step needs besides; `loop` is what is left."""

WARM_UP = 5


class Clock:
    """Sums the time inside the calls that it wraps, of the wall and of this thread's processor."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys([*MODEL, *REST], (0.0, 0.0))

    def timed(self, phase: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the call, timed."""

        @wraps(call)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                before = self.spent[phase]
                self.spent[phase] = (
                    before[0] + time.perf_counter() - wall,
                    before[1] + time.thread_time() - cpu,
                )

        return wrapper


class Marked:
    """Batches that tell when the timed steps begin and when they are over."""

    def __init__(self, batches: Batches, clock: Clock, last: int) -> None:
        self._batches, self._clock, self._last = batches, clock, last
        self.total = (0.0, 0.0)
        self.spent: dict[str, tuple[float, float]] = {}

    def group(self, step: int) -> Iterator[Batch]:
        """Give the batches of a step."""
        now = (time.perf_counter(), time.thread_time())
        if step == WARM_UP:
            self._clock.spent = dict.fromkeys(self._clock.spent, (0.0, 0.0))
            self.total = now
        if step == self._last:
            self.total = (now[0] - self.total[0], now[1] - self.total[1])
            self.spent = dict(self._clock.spent)
        return self._batches.group(step)


def phases(distiller: Distiller, batches: Batches, settings: TrainSettings, *, steps: int) -> dict[str, Any]:
    """Return each phase's share of a step, of wall and of processor time, in a `fit` whose calls are wrapped.

    Wrapping costs about 2 microseconds a call, which count as the loop's.
    """
    clock = Clock()
    marked = Marked(batches, clock, WARM_UP + steps)
    with ExitStack() as patches:
        for phase, calls in (MODEL | REST).items():
            for owner, name in calls:
                patches.enter_context(mock.patch.object(owner, name, clock.timed(phase, getattr(owner, name))))
        fit(
            distiller,
            marked,
            settings,
            steps=WARM_UP + steps + 1,
            validate=None,
            title="phases",
        )
    result: dict[str, Any] = {"steps": steps}
    for index, kind in enumerate(("wall", "cpu")):
        total = marked.total[index]
        shares = {phase: spent[index] / total for phase, spent in marked.spent.items()}
        outside = 1 - sum(shares[phase] for phase in MODEL)
        shares["loop"] = outside - sum(shares[phase] for phase in REST)
        result[kind] = {"ms": 1000 * total / steps, "outside": outside, "shares": shares}
    return result
