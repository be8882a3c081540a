"""What the evaluation refuses."""

from types import SimpleNamespace

import numpy as np
import pytest

from limbeck.errors import LimbeckError
from limbeck.pipeline.evaluate import _fidelity


def test_a_teacher_that_gets_nothing_right_has_no_retention() -> None:
    logits = np.zeros((3, 2), np.float32)
    with pytest.raises(LimbeckError, match="the teacher gets no test row right"):
        _fidelity(SimpleNamespace(accuracy=0.5), SimpleNamespace(accuracy=0.0), [logits], logits)  # type: ignore[arg-type]
