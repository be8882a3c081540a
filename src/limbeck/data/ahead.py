"""The next batch, drawn while a GPU works on this one."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from limbeck.types import Batch


class StepSource(Protocol):
    """Gives the micro-batches of a step, which depend on nothing but the step."""

    def group(self, step: int) -> Iterator[Batch]:
        """Yield them."""
        ...


class Ahead:
    """The batches of another source, each drawn in a thread while the one before it is used, in pinned memory.

    A GPU is handed its work faster than it does it, so the processor has time to draw; without a thread it would draw
    while the GPU waits. What a batch holds does not change, as it depends on the step alone.

    Args:
        source: its `group` is called in one thread, never twice at a time; one step more is drawn than is asked for.
    """

    def __init__(self, source: StepSource) -> None:
        self._source = source
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._next: tuple[int, Future[list[Batch]]] | None = None

    def group(self, step: int) -> Iterator[Batch]:
        """Yield the micro-batches of a step; an error in the thread is raised here."""
        drawn = self._drawing(step)
        found = drawn.result()
        self._next = (step + 1, self._thread.submit(self._draw, step + 1))
        return iter(found)

    def _drawing(self, step: int) -> Future[list[Batch]]:
        if self._next is not None and self._next[0] == step:
            return self._next[1]
        return self._thread.submit(self._draw, step)

    def _draw(self, step: int) -> list[Batch]:
        return [batch.pinned() for batch in self._source.group(step)]
