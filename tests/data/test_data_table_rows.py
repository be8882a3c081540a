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
        with refused("no column `towns`", "data.features", "age, job, town, label"):
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


def test_repeated_rows_are_dropped_and_counted_and_never_on_two_sides():
    rng = np.random.default_rng(0)
    rows = {"x": rng.integers(60, size=400), "label": None}
    rows["label"] = rows["x"] % 2
    data = DataSettings(source="python", features="*", split={"test": 15, "validation": 10})
    splits = classified(data, {"train": table_of(rows)})
    assert sum(splits.dropped.values()) == 400 - len(set(rows["x"].tolist()))
    assert "repeated" in splits.dropped
    parts = [{value["x"] for value in part.values} for part in splits.parts.values()]
    assert sum(map(len, parts)) == len(set.union(*parts))


def test_a_row_with_two_labels_is_dropped_and_counted():
    rows = {"x": [*range(60), 7], "label": [row % 2 for row in range(60)] + [0]}
    data = DataSettings(source="python", features="*", split={"test": 15, "validation": 10})
    splits = classified(data, {"train": table_of(rows)})
    assert splits.dropped["contradicting labels"] == 1
    assert not any(value["x"] == 7 for part in splits.parts.values() for value in part.values)


# --- what is said, what is refused ----------------------------------------------------------------------------------


def test_what_is_said_of_columns():
    many = [f"n{row}" for row in range(300)]
    training = TABLE.values({"none": [None] * 300, "both": ["a", 1] * 150, "many": many, "x": [1, 2] * 150}, None)
    assert TABLE.remarks(training, training[:3]) == [
        "column `none` holds nothing in any training row, and is not read",
        "column `both` holds 150 texts and 150 numbers, and is read as categories",
        "column `many` holds 300 categories, of which the 100 most frequent ones are told apart (reads.max_categories)",
    ]
    assert TABLE.remarks([], []) == []


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
