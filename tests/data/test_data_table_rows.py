"""Rows of a table as examples: which columns, what a row is called, what looks alike, and what training rows decide."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from data_cases import refused

from limbeck.data import as_table, read_tables
from limbeck.modalities import MODALITIES
from limbeck.modalities.table import TableModality
from limbeck.pipeline.training.material import Material
from limbeck.recipe import DataSettings, load_recipe, parse_recipe
from made_rows import classified

TABLE = TableModality()
COLUMNS = {
    "age": [30, None, 50, 40.5],
    "job": ["cook", "clerk", None, "cook"],
    "town": ["a", "b", "a", "b"],
    "label": [0, 1, 0, 1],
}


def write(path, columns):
    pd.DataFrame(columns).to_csv(path, index=False)
    return str(path)


def table_of(source, column="*"):
    if isinstance(source, str):
        return read_tables(source, modality=TABLE, column=column, label="label")["train"]
    return as_table(source, modality=TABLE, column=column, label="label", where="train")


# --- columns --------------------------------------------------------------------------------------------------------


def test_every_form_gives_the_same_rows(tmp_path):
    frame = pd.DataFrame(COLUMNS)
    frame.to_parquet(tmp_path / "rows.parquet")
    frame.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    expected = [
        {"age": 30.0, "job": "cook", "town": "a"},
        {"age": None, "job": "clerk", "town": "b"},
        {"age": 50.0, "job": None, "town": "a"},
        {"age": 40.5, "job": "cook", "town": "b"},
    ]
    files = [write(tmp_path / "rows.csv", COLUMNS), str(tmp_path / "rows.parquet"), str(tmp_path / "rows.jsonl")]
    for source in (*files, frame, pa.table(COLUMNS), COLUMNS):
        found = table_of(source)
        assert found.values == expected
        assert [TABLE.identity(value) for value in found.values] == [TABLE.identity(value) for value in expected]
        assert found.columns == ("age", "job", "town")
        assert [int(label) for label in found.labels] == [0, 1, 0, 1]


def test_some_columns_in_the_order_given(tmp_path):
    for source in (write(tmp_path / "rows.csv", COLUMNS), COLUMNS):
        assert [*table_of(source, ("town", "age")).values[0]] == ["town", "age"]
        with refused("no column `towns`", "data.features", "one of: age, job, town"):
            table_of(source, ("towns", "age"))
        with refused("column `label` is the label, and cannot be read too"):
            table_of(source, ("label", "age"))


def test_every_split_has_the_columns_of_the_training_rows(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    write(folder / "train.csv", COLUMNS)
    write(folder / "test.csv", {"more": [1] * 4, **dict(reversed(COLUMNS.items()))})
    found = read_tables(str(folder), modality=TABLE, column="*", label="label")
    assert found["test"].values == found["train"].values
    write(folder / "test.csv", {name: cells for name, cells in COLUMNS.items() if name != "job"})
    with refused("no column `job`", "test.csv"):
        read_tables(str(folder), modality=TABLE, column="*", label="label")


def test_unlabelled_rows_have_the_columns_of_the_training_rows(tmp_path):
    rng = np.random.default_rng(0)
    rows = {"x": rng.normal(size=60), "y": rng.normal(size=60)}
    more = {"id": range(30), "y": rng.normal(size=30), "x": rng.normal(size=30)}
    data = DataSettings(
        source=write(tmp_path / "rows.csv", {**rows, "label": [0, 1] * 30}),
        features="*", split={"test": 20, "validation": 10}, unlabelled=write(tmp_path / "more.csv", more),
    )  # fmt: skip
    splits = classified(data)
    assert len(splits.unlabelled) == 30
    assert {tuple(value) for value in splits.transfer.values} == {("x", "y")}


@pytest.mark.parametrize(("given", "columns"), [("*", "*"), (["a", "b"], ("a", "b")), ("a", ("a",)), (("a",), ("a",))])
def test_what_a_recipe_may_say(given, columns):
    data = DataSettings(source="rows.csv", features=given)
    assert data.column == columns
    assert data.modality.name == "table"
    assert "text" not in data.model_dump()
    assert DataSettings.model_validate(data.model_dump(mode="json")) == data


@pytest.mark.parametrize("given", [[], ["a", "a"], [1], [""], 3, {"a": 1}])
def test_what_it_may_not(given):
    with pytest.raises(ValueError, match=r"a list of columns|a column stands twice"):
        DataSettings(source="rows.csv", features=given)


def test_a_star_needs_no_quotes_on_the_command_line_and_drops_the_text():
    networks = ["student={model: mlp}", "teacher={kind: network, model: mlp}"]
    recipe = load_recipe("sentiment", ["data.source=mine.csv", "data.features=*", *networks])
    assert recipe.data.column == "*"
    assert recipe.student.reads.kind == recipe.teacher.reads.kind == "table"


# --- what a row is --------------------------------------------------------------------------------------------------


def ids(*rows):
    return [TABLE.identity(row) for row in TABLE.values({name: [row[name] for row in rows] for name in rows[0]}, None)]


def looks(*rows):
    return [TABLE.likeness(row) for row in TABLE.values({name: [row[name] for row in rows] for name in rows[0]}, None)]


def test_numbers_are_named_by_their_value_and_missing_is_missing():
    one, other, third = ids({"a": "1", "b": "NA"}, {"a": 1.0, "b": None}, {"a": " 1.000 ", "b": "?"})
    assert one == other == third
    assert len(set(ids({"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 1, "b": None}, {"a": None, "b": 1}))) == 4
    assert len(set(ids({"a": 0.1}, {"a": 0.1 + 1e-12}, {"a": "x"}, {"a": "X"}))) == 4


def test_rows_look_alike_that_differ_in_a_last_digit_or_in_spelling():
    assert len(set(looks({"a": 0.1, "b": "New York"}, {"a": 0.1 + 1e-12, "b": "new  york"}))) == 1
    assert len(set(looks({"a": 0.1, "b": "x"}, {"a": 0.1001, "b": "x"}, {"a": 0.1, "b": "y"}))) == 3
    assert looks({"a": None, "b": ""}) == [b""], "a row without a cell is empty"


# --- rows that are equal --------------------------------------------------------------------------------------------


def some_equal(rows=400, equal=20, seed=0):
    """Return rows with numbers of many digits, of which the last `equal` ones have the cells of the first ones."""
    x = np.random.default_rng(seed).normal(size=rows).round(6)
    x[rows - equal :] = x[:equal]
    return {"x": x, "y": (10 * x).round(3), "label": np.arange(rows) % 2}


def few_values(rows=2000, seed=0):
    """Return rows of three columns with few values, that come back; whose label is noisy."""
    rng = np.random.default_rng(seed)
    a, b, c = (rng.integers(size, size=rows) for size in (3, 4, 5))
    label = np.where(rng.random(rows) < 0.2, 1 - (a + b) % 2, (a + b) % 2)
    return {"a": [f"a{one}" for one in a], "b": [f"b{one}" for one in b], "c": c, "label": label}


def drawn(rows, **changes):
    data = DataSettings(source="python", features="*", split={"test": 60, "validation": 40}, **changes)
    return classified(data, {"train": table_of(rows)})


def cells_of(part):
    return [tuple(value.values()) for value in part.values]


def test_a_few_equal_rows_all_count_in_training_and_stand_on_one_side():
    splits = drawn(some_equal())
    held_out = set(cells_of(splits.test)) | set(cells_of(splits.validation))
    training = cells_of(splits.labelled)
    assert not held_out & set(training)
    assert len(held_out) == 100
    again = len(training) - len(set(training))
    assert 0 < again <= 20
    assert len(training) + 100 + sum(splits.dropped.values()) == 400
    assert set(splits.dropped) == {"training, also in test", "training, also in validation"}
    assert splits.notes == (f"{again} training rows have the cells of another one; each counts, whatever its label",)
    assert len(set(splits.original.ids.tolist())) == len(splits.original)


def test_equal_rows_with_different_labels_count_too():
    rows = some_equal(equal=21)  # an odd number: each has the other label than the row that it equals
    splits = drawn(rows)
    told = {}
    for cells, label in zip(cells_of(splits.labelled), splits.labelled.labels.values.tolist(), strict=True):
        told.setdefault(cells, set()).add(label)
    assert any(len(labels) == 2 for labels in told.values())
    assert "contradicting labels" not in splits.dropped


def test_a_table_that_was_written_down_twice_has_no_row_on_two_sides():
    twice = {name: np.tile(cells[:200], 2) for name, cells in some_equal(equal=0).items()}
    splits = drawn(twice)
    assert not splits.coincident
    parts = [set(cells_of(part)) for part in (splits.labelled, splits.validation, splits.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 200
    assert len(splits.labelled) == 2 * 100


@pytest.mark.parametrize("only", [("a", "b", "c"), ("c",)], ids=["three columns", "one column"])
def test_rows_of_few_values_are_drawn_as_they_are(only):
    rows = {name: cells for name, cells in few_values().items() if name in (*only, "label")}
    splits = drawn(rows, labelled=1000)
    assert splits.coincident
    assert splits.dropped == {}
    assert [len(part) for part in splits.parts.values()] == [1000, 900, 40, 60]
    ids = np.concatenate([part.ids for part in splits.parts.values()])
    assert len(set(ids.tolist())) == 2000
    share = {cells: cells_of(splits.labelled).count(cells) / 1000 for cells in set(cells_of(splits.labelled))}
    whole = [*zip(*(rows[name] for name in only), strict=True)]
    for cells, found in share.items():  # a sample, not the first contents by their digest
        assert found == pytest.approx(whole.count(cells) / 2000, abs=0.06)
    (line,) = splits.notes
    assert f"{2000 - len(share):,} of 2,000 rows equal another one" in line
    assert "all rows are kept" in line
    assert "every test row" in line


def test_each_test_row_of_few_values_is_a_unit_and_of_many_it_is_not():
    assert drawn(few_values()).alike(drawn(few_values()).test).tolist() == [*range(60)]
    rows = some_equal()
    data = DataSettings(source="python", features="*", split={"validation": 40})
    test = {name: np.tile(cells[100:120], 2) for name, cells in rows.items()}
    splits = classified(data, {"train": table_of(rows), "test": table_of(test)})
    assert len(set(splits.alike(splits.test).tolist())) == 20


def test_the_same_rows_in_another_order_are_split_alike():
    rows = few_values(500)
    order = np.random.default_rng(1).permutation(500)
    other = {name: np.array(cells)[order].tolist() for name, cells in rows.items()}
    one, two = drawn(rows), drawn(other)
    for name, part in one.parts.items():
        assert part.ids.tolist() == two.parts[name].ids.tolist()
        assert part.labels.values.tolist() == two.parts[name].labels.values.tolist()


def test_a_test_file_and_unlabelled_rows_of_few_values_are_kept(tmp_path):
    rows, more = few_values(600), few_values(300, seed=2)
    tables = {"train": table_of(rows), "test": table_of(few_values(200, seed=1))}
    unlabelled = write(tmp_path / "more.csv", {name: more[name] for name in "abc"})
    data = DataSettings(source="python", features="*", split={"validation": 50}, unlabelled=unlabelled)
    splits = classified(data, tables)
    assert [len(part) for part in splits.parts.values()] == [550, 300, 50, 200]


def test_blocks_of_few_values_are_blocks_of_the_file():
    rows = few_values(600) | {"time": np.repeat(np.arange(12), 50)}
    data = DataSettings(source="python", features="*", split={"test": 100, "validation": 50, "block": 50})
    splits = classified(data, {"train": table_of(rows)})
    assert splits.coincident
    times = [{value["time"] for value in part.values} for part in (splits.labelled, splits.validation, splits.test)]
    assert list(map(len, times)) == [9, 1, 2]
    assert len(set.union(*times)) == 12


# --- what is said, what is refused ----------------------------------------------------------------------------------


def test_what_is_said_of_columns():
    many = [f"n{row % 150}" for row in range(300)]
    training = TABLE.values({"none": [None] * 300, "both": ["a", 1] * 150, "many": many, "x": [1, 2] * 150}, None)
    assert TABLE.remarks(training, training[:3]) == [
        "column `none` holds nothing in any training row, and is not read",
        "column `both` holds 150 texts and 150 numbers, such as `a` in row 1, and is read as categories: if it should "
        "hold numbers, leave the cell empty where there is no number",
        "column `many` holds 150 categories, of which the 100 most frequent ones are told apart (reads.max_categories)",
    ]
    assert TABLE.remarks([], []) == []


TAKEN = {
    "decimal commas": ([None, *(f"{row % 40},5" for row in range(60))], "`0,5` in row 2", "decimal point"),
    "thousands": ([*(f"{row % 40}.000,50" for row in range(60))], "`0.000,50` in row 1", "separators of thousands"),
    "commas beside whole numbers": ([*range(9), "-", *["1,5"] * 9], "`1,5` in row 11", "decimal point"),
    "a word for a hole": ([*range(50), *"--", *range(50)], "`-` in row 51", "leave the cell empty"),
    "dates": ([*(f"2024-01-{1 + row % 28:02}" for row in range(60))], "`2024-01-01` in row 1", "days since one"),
    "dates with times": (["2024-01-01 10:00:00", "2024-02-01T10:00Z"] * 9, "in row 1", "days since one"),
    "dates of other countries": (["1.2.2024", "13/12/24"] * 9, "`1.2.2024` in row 1", "days since one"),
    "names": ([f"cust-{row}" for row in range(60)], "`cust-0` in row 1", "a category of its own in each row"),
    "nearly names": ([*"xxx", *(f"cust-{row}" for row in range(60))], "`x` in row 1", "in 60 of 63 rows"),
    "ascending numbers": ([2**row for row in range(40)], "`1` in row 1", "leave it out if it only numbers the rows"),
    "shuffled numbers": ([100 + 7 * row % 60 for row in range(60)], "`100` in row 1", "another whole number in each"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_column_that_was_taken_for_something_else_gets_one_line(name):
    cells, example, remedy = TAKEN[name]
    read = TABLE.values({"mine": cells, "x": [row % 2 for row in range(len(cells))]}, None)
    # The number is that of the row as it was read, in whatever order the rows are learned from.
    training = [read[row] for row in np.random.default_rng(1).permutation(len(read))]
    (line,) = TABLE.remarks(training, [], read)
    assert line.startswith("column `mine` holds ")
    assert example in line
    assert remedy in line


@pytest.mark.parametrize(
    "cells",
    [
        [*"abc"] * 20,
        [f"A{row % 20}" for row in range(60)],
        ["1,2", "a", "b"] * 20,
        [(7919 * row) % 90001 for row in range(60)],
        [18 + row % 50 for row in range(60)],
        [row + 0.5 for row in range(60)],
        [f"name {row}" for row in range(9)],
    ],
)
def test_of_usual_columns_nothing_is_said(cells):
    read = TABLE.values({"mine": cells, "x": [row % 2 for row in range(len(cells))]}, None)
    assert TABLE.remarks(read, [], read) == []


def test_a_run_names_the_row_of_the_file(tmp_path):
    cells = ["-" if row % 10 == 7 and row > 30 else str(row % 40) for row in range(120)]
    rows = {"age": cells, "x": np.random.default_rng(0).normal(size=120), "label": [0, 1] * 60}
    split = {"test": 20, "validation": 10}
    splits = classified(DataSettings(source=write(tmp_path / "rows.csv", rows), features="*", split=split))
    (line,) = [line for line in splits.notes if "`age`" in line]
    assert "such as `-` in row 38, and is read as categories" in line


def test_columns_that_never_change_are_named_in_one_line():
    some = {"x": [1.0, 2.0, 3.0], "one": [5, 5, 5], "word": ["a", "a", "a"], "holes": [5, None, 5], "none": [None] * 3}
    training = TABLE.values(some, None)
    assert TABLE.remarks(training, []) == [
        "column `none` holds nothing in any training row, and is not read",
        "2 columns hold one value in all training rows and are not read: `one`, `word`",
    ]
    many = TABLE.values({"x": [1.0, 2.0]} | {f"c{number}": [0, 0] for number in range(11)}, None)
    (line,) = TABLE.remarks(many, [])
    assert line.endswith("`c7` and 3 more")
    changing = TABLE.values({"x": [1.0, 2.0]}, None)
    assert TABLE.remarks(changing, TABLE.values({"x": [3.0, 3.0]}, None)) == []


def test_a_text_among_the_numbers_of_a_test_file_is_found_before_anything_is_trained():
    training = [{"x": float(row)} for row in range(5)]
    with refused("column `x` holds the text `old` in a test row"):
        TABLE.remarks(training, [{"x": 1.0}, {"x": "old"}])


def test_a_column_of_many_numbers_and_a_text():
    cells = [*range(120), "unknown"]
    with refused("column `age` mixes 120 different numbers with texts, such as `unknown` in row 121", "data.features"):
        table_of({"age": cells, "label": [row % 2 for row in range(121)]})
    found = table_of({"age": [1, 2, "unknown"], "label": [0, 1, 0]})
    assert [value["age"] for value in found.values] == [1.0, 2.0, "unknown"]


def test_the_report_shows_the_first_cells_cut():
    value = {"age": 40.5, "job": None, "note": "long " * 20, **{f"x{place}": float(place) for place in range(20)}}
    sample = TABLE.sample(value, "test row 3")
    assert (sample.name, sample.columns, len(sample.cells)) == ("test row 3", 23, 12)
    cut = f"{('long ' * 20)[:39]}…"
    assert [*sample.cells.items()][:4] == [("age", "40.5"), ("job", ""), ("note", cut), ("x0", "0")]


# --- what training rows decide --------------------------------------------------------------------------------------


def test_scales_and_categories_are_those_of_the_training_rows_alone():
    """A scaler that has seen test rows is a leak."""
    rng = np.random.default_rng(0)
    rows = {"x": rng.normal(size=200).round(4), "label": [0, 1] * 100}
    rows["town"] = [f"town {row % 5}" for row in range(200)]
    data = DataSettings(source="python", features="*", split={"test": 40, "validation": 20})
    far = {"x": rng.normal(1000, 50, size=60).round(4), "label": [0, 1] * 30, "town": ["elsewhere"] * 60}
    alone = classified(data, {"train": table_of(rows)})
    networks = {"student": {"model": "mlp"}, "teacher": {"kind": "network", "model": "mlp"}}
    recipe = parse_recipe({"data": data.model_dump(mode="json"), **networks, "losses": [{"name": "kd"}]}, "test")
    with_test = classified(data, {"train": table_of(rows), "test": table_of(far)})
    for splits in (alone, with_test):
        view = Material(splits).view(recipe.student)
        (number,), (town,) = view.reader.numbers, view.reader.categories
        seen = np.array([value["x"] for value in splits.original.values])
        assert number.mean == pytest.approx(seen.mean())
        assert 1 / number.scale == pytest.approx(seen.std())
        assert "elsewhere" not in town.categories
        np.testing.assert_allclose(view.original.arrays["numbers"].std(), 1, rtol=1e-5)
    assert view.test.arrays["numbers"].min() == 10
    assert not view.test.arrays["categories"].any()


def test_the_catalogue_knows_it():
    assert MODALITIES["table"].key == "features"
    assert [modality.key for name, modality in MODALITIES.items() if name != "table"] == [
        name for name in MODALITIES if name != "table"
    ]
