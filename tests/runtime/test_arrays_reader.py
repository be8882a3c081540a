"""Arrays that come ready: in whatever type they come, the network reads its own, or the caller is told."""

import numpy as np
import pytest

from limbeck.runtime.readers.arrays import ArraysReader
from limbeck.runtime.readers.text import as_texts

INPUTS = {"pixels": {"dtype": "float32", "shape": [2, 3]}, "kind": {"dtype": "int64", "shape": []}}
PIXELS = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
KIND = np.array([3, 0, 1, 2], np.int64)


@pytest.fixture
def reader():
    return ArraysReader(INPUTS)


@pytest.mark.parametrize("form", [">f4", "float64", "float16", "int64", "int32", "uint8", list])
def test_numbers_are_read_in_the_networks_type(reader, form):
    given = PIXELS.tolist() if form is list else PIXELS.astype(form)
    found = reader.encode({"pixels": given, "kind": KIND}).batch(np.arange(4))["pixels"]
    assert found.dtype == np.float32
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, PIXELS)


@pytest.mark.parametrize("form", [">i8", "int32", "uint8", list])
def test_whole_numbers_are_read_in_the_networks_type(reader, form):
    given = KIND.tolist() if form is list else KIND.astype(form)
    found = reader.encode({"pixels": PIXELS, "kind": given}).batch(np.arange(4))["kind"]
    assert (found.dtype, found.dtype.isnative) == (np.int64, True)
    np.testing.assert_array_equal(found, KIND)


def test_rows_may_be_given_one_by_one(reader):
    rows = [{"pixels": one, "kind": two} for one, two in zip(PIXELS, KIND, strict=True)]
    found = reader.encode(rows).batch(np.arange(4))
    np.testing.assert_array_equal(found["pixels"], PIXELS)
    np.testing.assert_array_equal(found["kind"], KIND)


def test_no_rows_are_no_fault(reader):
    assert len(reader.encode([])) == len(reader.encode({"pixels": PIXELS[:0], "kind": KIND[:0]})) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixels": PIXELS.astype(complex)}, "`pixels` must hold float32, not complex128"),
        ({"pixels": PIXELS.astype(str)}, "`pixels` must hold float32, not <U32"),
        ({"pixels": PIXELS.astype(object)}, "`pixels` must hold float32, not object"),
        ({"kind": KIND + 0.5}, "`kind` must hold int64, not float64"),
        ({"kind": np.array([2**63, 0, 1, 2], np.uint64)}, "`kind` must hold int64, not uint64"),
        ({"pixels": PIXELS[:, :1]}, r"`pixels` must have the shape \('rows', 2, 3\), not \(4, 1, 3\)"),
        ({"pixels": PIXELS[0]}, r"`pixels` must have the shape \('rows', 2, 3\), not \(2, 3\)"),
        ({"kind": 3}, r"`kind` must have the shape \('rows',\), not \(\)"),
        ({"kind": KIND[:3]}, r"the same number of rows, not \[3, 4\]"),
    ],
)
def test_what_the_network_cannot_read_is_named(reader, changes, message):
    with pytest.raises(ValueError, match=message):
        reader.encode({"pixels": PIXELS, "kind": KIND} | changes)


def test_a_row_that_lacks_an_argument(reader):
    rows = [{"pixels": PIXELS[0], "kind": 1}, {"pixels": PIXELS[1]}]
    with pytest.raises(ValueError, match="the student needs kind; given: pixels"):
        reader.encode(rows)
    with pytest.raises(ValueError, match="the student needs pixels, kind; given: x"):
        reader.encode([{"x": 1}, {"x": 2, "kind": 3}])


@pytest.mark.parametrize("values", [PIXELS, ["a text"], "a text", [PIXELS[0]]])
def test_what_is_no_mapping_of_arrays(reader, values):
    with pytest.raises(TypeError, match="reads a mapping of arrays: pixels, kind"):
        reader.encode(values)


def test_a_student_of_texts_reads_no_mapping():
    with pytest.raises(TypeError, match="a list of texts, not a mapping"):
        as_texts({"pixels": PIXELS})
