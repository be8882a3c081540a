"""Batches that are drawn in a thread while the one before is used: the same ones, in time, errors and all."""

import threading

import pytest
import torch

from limbeck.data.ahead import Ahead
from limbeck.types import Batch


class Numbered:
    """A source of two micro-batches a step; it notes which steps were drawn, and in which thread."""

    def __init__(self) -> None:
        self.drawn: list[int] = []
        self.threads: set[int] = set()

    def group(self, step: int):
        self.drawn.append(step)
        self.threads.add(threading.get_ident())
        if step == 7:
            raise ValueError("step 7")
        for part in range(2):
            yield Batch(torch.tensor([step]), {"x": torch.tensor([10 * step + part])})


@pytest.fixture(autouse=True)
def _without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pinned memory is a GPU's."""
    monkeypatch.setattr(Batch, "pinned", lambda batch: batch)


def shown(group) -> list[int]:
    return [int(batch.student_inputs["x"]) for batch in group]


def test_every_step_has_its_own_micro_batches_in_any_order() -> None:
    batches = Ahead(Numbered())
    assert [shown(batches.group(step)) for step in (3, 4, 5, 1, 5)] == [[10 * s, 10 * s + 1] for s in (3, 4, 5, 1, 5)]


def test_a_step_in_turn_is_drawn_once_and_in_another_thread() -> None:
    source = Numbered()
    batches = Ahead(source)
    for step in range(4):
        list(batches.group(step))
    batches._thread.shutdown()
    assert source.drawn == [0, 1, 2, 3, 4]
    assert len(source.threads) == 1
    assert threading.get_ident() not in source.threads


def test_an_error_is_raised_with_the_step_that_it_is_of() -> None:
    batches = Ahead(Numbered())
    assert shown(batches.group(6)) == [60, 61]
    with pytest.raises(ValueError, match="step 7"):
        batches.group(7)
