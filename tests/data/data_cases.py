"""What the tests of the data folder share."""

from contextlib import contextmanager

import numpy as np
import pytest

from limbeck.errors import LimbeckError
from limbeck.runtime.rows import Ragged
from made_rows import rows_of


@contextmanager
def refused(*parts):
    """Expect one line that says all of `parts`: what is wrong, where, and what to do."""
    with pytest.raises(LimbeckError) as caught:
        yield caught
    error = caught.value
    assert len(str(error).splitlines()) == 1, str(error)
    assert error.fix, "says nothing about what to do"
    for part in parts:
        assert str(part) in str(error)


def view_of(lengths, pad_id=0):
    """Texts of given lengths whose tokens are 1, 2, 3 ..."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Ragged(np.arange(1, offsets[-1] + 1, dtype=np.int32), offsets, pad_id, np.zeros(len(offsets) - 1, bool))


def examples_of(rows, labelled):
    """Rows whose id is their number; the first `labelled` have labels."""
    labels = np.full(rows, -1, np.int64)
    labels[:labelled] = np.arange(labelled) % 2
    return rows_of(np.arange(rows), [f"text {row}" for row in range(rows)], labels)
