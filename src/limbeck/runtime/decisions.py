"""From a model's outputs to its answers, the same where it is judged and where it is served."""

import numpy as np
from numpy.typing import NDArray


def classes(logits: NDArray) -> NDArray[np.int64]:
    """Return the class that is decided for, `(n,)`, of logits `(n, classes)`: the largest, the lowest among equals."""
    return logits.argmax(axis=1)
