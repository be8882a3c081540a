"""Archives whose arrays name their splits."""

import numpy as np
import pytest

from limbeck.data import read_tables
from limbeck.errors import LimbeckError
from limbeck.modalities import MODALITIES

MODALITY = MODALITIES["image"]


def test_arrays_that_name_their_splits(tmp_path):
    """As Keras keeps its data sets: x_train, y_train, x_test, y_test."""
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8), dtype=np.uint8)
    arrays = {"x_train": images[:6], "y_train": np.arange(6), "x_test": images[6:], "y_test": np.arange(3)}
    np.savez(tmp_path / "rows.npz", **arrays)

    def read(column, label, **more):
        return read_tables(str(tmp_path / "rows.npz"), modality=MODALITY, column=column, label=label, **more)

    found = read("x", "y")
    assert {split: table.labels for split, table in found.items()} == {"train": [*range(6)], "test": [0, 1, 2]}
    np.testing.assert_array_equal(found["test"].values[0].pixels()[..., 0], images[6])
    assert list(read("x", "y", splits=("test",))) == ["test"]
    with pytest.raises(LimbeckError, match=r"no column `image`; set data.image=x$"):
        read("image", "y")
    # Whoever names an array as it stands gets that one.
    assert read("x_test", "y_test").keys() == {"train"}
    assert read("x_test", "y_test")["train"].labels == [0, 1, 2]
    np.savez(tmp_path / "rows.npz", x_train=images[:6], y_train=np.arange(6), other=np.arange(6))
    assert read("x_train", "other")["train"].labels == [*range(6)]
