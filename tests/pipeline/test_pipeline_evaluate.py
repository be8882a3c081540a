"""What the evaluation refuses, and what it reports."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from limbeck.errors import LimbeckError
from limbeck.pipeline.evaluate import _fidelity
from limbeck.pipeline.export import export_all


def test_a_teacher_that_gets_nothing_right_has_no_retention() -> None:
    logits = np.zeros((3, 2), np.float32)
    with pytest.raises(LimbeckError, match="the teacher gets no test row right"):
        _fidelity(SimpleNamespace(accuracy=0.5), SimpleNamespace(accuracy=0.0), [logits], logits)  # type: ignore[arg-type]


class Searching(nn.Module):
    def forward(self, inputs):
        return torch.searchsorted(torch.arange(4.0), inputs)


def test_a_network_that_cannot_be_exported_is_named_with_the_reason(tmp_path) -> None:
    example = ({"inputs": torch.rand(2, 3)}, {"inputs": {0: "batch"}})
    trained = SimpleNamespace(model=Searching(), digest="a", view=SimpleNamespace(example=example))
    exported = export_all({"teacher": trained}, tmp_path)  # type: ignore[dict-item]
    assert not exported.files
    assert "aten.searchsorted" in exported.errors["teacher"]
    assert "\x1b" not in exported.errors["teacher"]  # the exporter colours what it says
