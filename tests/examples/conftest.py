"""What the other libraries leave behind in a process does not reach the tests that run after these."""

import os

import pytest
import torch


@pytest.fixture(autouse=True)
def _nothing_left_behind(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before, threads = dict(os.environ), torch.get_num_threads()
    with torch.random.fork_rng():
        yield
    torch.set_num_threads(threads)
    os.environ.clear()
    os.environ.update(before)
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
