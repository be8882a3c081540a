"""The loop that `docs/other_loops.md` shows for a weighted sum of losses, as it stands there."""

import re
from pathlib import Path

import torch

TEXT = (Path(__file__).parents[2] / "docs/other_loops.md").read_text(encoding="utf-8")


def test_the_loop_of_an_objective_runs_and_learns_its_temperature():
    (code,) = re.findall(r"## A weighted sum of losses\n.*?```python\n(.*?)```", TEXT, re.DOTALL)
    torch.manual_seed(0)
    names = {}
    exec(code, names)  # the project's own page
    assert torch.isfinite(names["loss"])
    (raw,) = names["distiller"].trainable.critics.parameters()
    assert raw.grad is not None
    assert raw.grad != 0
