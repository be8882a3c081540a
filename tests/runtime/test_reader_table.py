"""Rows as arrays: what the training rows say, and nothing else, decides what a row becomes."""

import json
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from limbeck.errors import LimbeckError
from limbeck.modalities.table import TableReads
from limbeck.runtime.readers.table import LIMIT, TableReader, named, plain

ROWS = [
    {"age": 30.0, "income": 1000.0, "job": "cook", "code": 1.0, "same": 5.0},
    {"age": None, "income": 3000.0, "job": "clerk", "code": 2.0, "same": 5.0},
    {"age": 50.0, "income": 2000.0, "job": None, "code": 1.0, "same": 5.0},
    {"age": 40.0, "income": 2000.0, "job": "cook", "code": 7.0, "same": 5.0},
]


LACKING = {name: cell for name, cell in ROWS[0].items() if name != "code"} | {"kode": 1}


@pytest.fixture
def reader():
    return TableReads(categorical=("code",)).fit(ROWS)


def arrays(reader, values):
    return reader.encode(values).arrays


# --- cells ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1", 1.0), ("1.0", 1.0), (" 1 ", 1.0), (1, 1.0), (np.int64(1), 1.0), (Decimal("1.0"), 1.0), ("+1e0", 1.0),
        (-0.0, 0.0), ("-0", 0.0), (".5", 0.5), (np.float32(0.5), 0.5),
        ("", None), (" ", None), ("NA", None), ("n/a", None), ("NaN", None), ("?", None), ("None", None), (None, None),
        (math.nan, None), (np.float64("nan"), None), (pd.NA, None), (pd.NaT, None), (Decimal("NaN"), None),
        ("red", "red"), (" red ", "red"), (True, "True"), (np.bool_(False), "False"), ("1_000", "1_000"),
        ("1,000", "1,000"), ("0x10", "0x10"),
    ],
)  # fmt: skip
def test_cells(cell, expected):
    found = plain(cell)
    assert found == expected
    assert type(found) is type(expected)
    assert repr(found) != "-0.0"
    assert plain(found) == found


@pytest.mark.parametrize("cell", [math.inf, -math.inf, "inf", "-Infinity", "1e999", 10**400, np.float32("inf")])
def test_infinite_cells_are_refused(cell):
    with pytest.raises(ValueError, match="an infinite number"):
        plain(cell)


@pytest.mark.parametrize("cell", [[1], {"a": 1}, pd.Timestamp("2020-01-01"), b"red", np.zeros(2)])
def test_other_cells_are_refused(cell):
    with pytest.raises(TypeError, match="a value of type"):
        plain(cell)


@pytest.mark.parametrize(
    ("cell", "name"),
    [(3.0, "3"), (2.5, "2.5"), ("red", "red"), (1e300, "1e+300"), (-7.0, "-7"), (123456789012345.0, "123456789012345")],
)
def test_what_a_category_is_called(cell, name):
    assert named(cell) == name


# --- arrays ---------------------------------------------------------------------------------------------------------


def test_numbers_have_mean_0_and_deviation_1_and_holes_are_the_mean_with_a_mark(reader):
    age = np.array([30.0, 50.0, 40.0])
    found = arrays(reader, ROWS)["numbers"]
    assert found.dtype == np.float32
    z = (age - age.mean()) / age.std()
    np.testing.assert_allclose(found[:, 0], [z[0], 0, z[1], z[2]], atol=1e-6)
    np.testing.assert_array_equal(found[:, 1], [0, 1, 0, 0])
    np.testing.assert_allclose(found[:, 2].mean(), 0, atol=1e-7)
    np.testing.assert_allclose(found[:, 2].std(), 1, rtol=1e-6)
    assert found.shape == (4, 3), "a column that is always the same is not read"


def test_categories_are_numbered_by_name_and_what_is_missing_comes_last(reader):
    found = arrays(reader, ROWS)["categories"]
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, [[2, 1], [1, 2], [3, 1], [2, 3]])
    assert reader.form.sizes == (4, 4)


def test_what_was_never_seen_is_0_and_a_hole_without_a_place_too(reader):
    row = ROWS[0] | {"job": "pilot", "code": None, "income": None}
    found = arrays(reader, [row])
    np.testing.assert_array_equal(found["categories"], [[0, 0]])
    assert found["numbers"][0, 2] == 0


def test_other_rows_change_nothing(reader):
    alone = [arrays(reader, [row]) for row in ROWS]
    for name, value in arrays(reader, ROWS).items():
        np.testing.assert_array_equal(value, np.concatenate([one[name] for one in alone]))


def test_the_same_rows_in_any_form(reader):
    frame = pd.DataFrame({name: [row[name] for row in ROWS] for name in reversed(ROWS[0])}).assign(extra="ignored")
    texts = [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in ROWS]
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    expected = arrays(reader, ROWS)
    for values in (frame, texts, columns, frame.to_dict("records")):
        for name, value in arrays(reader, values).items():
            np.testing.assert_array_equal(value, expected[name])


@pytest.mark.parametrize(
    "column",
    [[1e308, -1e308, 5e307], [1e-300, 3e-300, 2e-300], [1e20, 1e20 + 1e6, 1e20 - 1e6], [0.0, 0.0, 1e-320], [7.7] * 3],
)
def test_numbers_of_any_size_become_numbers_of_about_1(column):
    reader = TableReads().fit([{"x": x, "y": float(y)} for y, x in enumerate(column)])
    found = arrays(reader, [{"x": x, "y": 0.0} for x in [*column, 0.0, 1e308, -1e308, None]])["numbers"][:, 0]
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= LIMIT
    assert np.abs(found[:3]).max() <= 2


def test_the_most_frequent_categories_are_told_apart():
    rows = [{"town": name} for name in "aaabbbccd"]
    reader = TableReads(max_categories=2).fit(rows)
    assert reader.categories[0].categories == ("a", "b")
    assert arrays(reader, [{"town": name} for name in "dcba"])["categories"].ravel().tolist() == [0, 0, 2, 1]


def test_an_array_without_columns_is_left_out():
    assert list(arrays(TableReads().fit([{"x": 1.0}, {"x": 2.0}]), [{"x": 3}])) == ["numbers"]
    only = TableReads().fit([{"x": "a"}, {"x": "b"}])
    assert list(arrays(only, [{"x": "a"}])) == list(only.form.example) == ["categories"]


def test_no_rows(reader):
    found = arrays(reader, [])
    assert found["numbers"].shape == (0, 3)
    assert found["categories"].shape == (0, 2)


# --- as it is saved -------------------------------------------------------------------------------------------------


def test_it_is_saved_as_json_with_every_bit(reader, tmp_path):
    info = json.loads(json.dumps({"kind": "table", **reader.save(tmp_path)}))
    assert not list(tmp_path.iterdir())
    again = TableReader.load(tmp_path, info)
    assert again.digest == reader.digest
    for name, value in arrays(again, ROWS).items():
        np.testing.assert_array_equal(value, arrays(reader, ROWS)[name])


@pytest.mark.parametrize(
    "rows", [[*ROWS[:3], ROWS[3] | {"age": 41.0}], ROWS[:3], [row | {"job": "cook"} for row in ROWS]]
)
def test_the_digest_names_what_the_training_rows_say(reader, rows):
    assert TableReads(categorical=("code",)).fit(rows).digest != reader.digest
    assert TableReads(categorical=("code",)).fit(ROWS).digest == reader.digest


def test_the_example_has_the_form_of_encoded_rows(reader):
    form, found = reader.form, arrays(reader, ROWS[:2])
    for name, value in form.example.items():
        assert (value.shape, value.dtype) == (found[name].shape, found[name].dtype)
        assert form.axes[name] == {0: "batch"}
    assert (form.example["categories"] < np.array(form.sizes)).all()


# --- what it refuses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([ROWS[0] | {"kode": 1}, LACKING], "row 2: no column `code`; did you mean `kode`?"),
        ([ROWS[0], {"age": 1}], "row 2: no column `income`; give the columns age, income, job, code"),
        ({"age": [1]}, "table: no column `income`"),
        ([ROWS[0], ROWS[0] | {"age": "old"}], "row 2: column `age` holds the text `old`, and its training rows hold"),
        ([ROWS[0] | {"age": math.inf}], "row 1: column `age` holds an infinite number"),
        ([ROWS[0] | {"job": ["a"]}], "row 1: column `job` holds a value of type list"),
        ({name: [1] * (1 + (name == "age")) for name in ROWS[0]}, "table: columns have different numbers of rows"),
    ],
)
def test_what_is_no_such_row_gets_one_line(reader, values, said):
    with pytest.raises(LimbeckError) as refused:
        reader.encode(values)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("values", ["age", ["age"], [[1, 2]]])
def test_what_is_no_row_at_all(reader, values):
    with pytest.raises(TypeError, match="a mapping by column each, or columns by name"):
        reader.encode(values)


def test_columns_that_tell_nothing():
    with pytest.raises(LimbeckError, match="no column tells one training row from another"):
        TableReads().fit([{"x": 1.0, "y": "a"}] * 3)
    with pytest.raises(LimbeckError, match=r"reads\.categorical: no column `zip`; valid: zip code"):
        TableReads(categorical=("zip",)).fit([{"zip code": 1.0}])


def test_a_column_that_never_changes_need_not_be_given(reader):
    assert reader.columns == ("age", "income", "job", "code")
    bare = [{name: cell for name, cell in row.items() if name != "same"} for row in ROWS]
    for name, found in arrays(reader, bare).items():
        np.testing.assert_array_equal(found, arrays(reader, ROWS)[name])
    kept = TableReads(max_categories=1).fit(
        [{"x": 1.0, "word": "a"}, {"x": None, "word": "b"}, {"x": 1.0, "word": "a"}]
    )
    assert kept.columns == ("x", "word"), "a hole, and another category, tell rows apart"
