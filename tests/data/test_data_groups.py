"""Whose a test row is: `data.group` beside the rows that are tested, and what a row is called."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from data_cases import refused
from PIL import Image

from limbeck.data import SplitSettings
from limbeck.pipeline.frames import tables_of
from limbeck.recipe import DataSettings
from made_rows import classified

SPEAKERS = ("ada", "bob", "cyd")


def frame(rows: int = 60, noun: str = "row", **more) -> dict[str, list]:
    """Rows in turn of three speakers, each of two classes."""
    columns = {
        "text": [f"{noun} {row}" for row in range(rows)],
        "label": ["ab"[row // 3 % 2] for row in range(rows)],
        "speaker": [SPEAKERS[row % 3] for row in range(rows)],
    }
    return columns | more


def write(path: Path, columns) -> Path:
    held = pd.DataFrame(columns)
    held.to_csv(path, index=False) if path.suffix == ".csv" else held.to_parquet(path)
    return path


def load(source: Path, *, test=12, **data):
    data = {"group": "speaker", **data}
    return classified(DataSettings(source=str(source), split=SplitSettings(test=test, validation=6), **data))


def told(rows) -> dict[str, str | None]:
    assert rows.origin.groups is not None
    return dict(zip(rows.values, rows.origin.groups.tolist(), strict=True))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_each_test_row_that_is_held_out_has_its_speaker(tmp_path, suffix):
    splits = load(write(tmp_path / f"rows{suffix}", frame()))
    assert told(splits.test) == {text: SPEAKERS[int(text.split()[1]) % 3] for text in splits.test.values}
    assert len(told(splits.test)) == 12


def test_of_a_folder_the_test_file_alone_needs_the_column(tmp_path):
    train = frame()
    del train["speaker"]
    write(tmp_path / "train.csv", train)
    write(
        tmp_path / "test.csv", frame(9, "tested", speaker=["seven", "seven", "eight", None, "eight", "eight", 9, 9, 9])
    )
    groups = told(load(tmp_path).test)
    found = [groups[f"tested {row}"] for row in range(9)]
    assert found == ["seven", "seven", "eight", None, "eight", "eight", "9", "9", "9"]


def test_rows_of_one_content_keep_the_speaker_that_each_has(tmp_path):
    write(tmp_path / "train.csv", frame())
    write(tmp_path / "test.csv", {"text": ["yes"] * 4 + ["no"] * 2, "label": list("aaaabb"), "speaker": list("xyzxyy")})
    test = load(tmp_path).test
    pairs = sorted(zip(test.values, test.origin.groups, strict=True))
    assert pairs == [("no", "y"), ("no", "y"), ("yes", "x"), ("yes", "x"), ("yes", "y"), ("yes", "z")]


def test_it_is_no_feature_where_all_columns_are(tmp_path):
    columns = frame(size=np.arange(60.0).tolist())
    for group in (None, "speaker"):
        splits = load(write(tmp_path / "rows.csv", columns), features="*", group=group)
        assert ("speaker" in splits.test.values[0]) == (group is None)
    both = load(tmp_path / "rows.csv", features=["size", "speaker"], group="speaker")
    assert "speaker" in both.test.values[0], "who names it as both wants both"


def test_of_a_target_the_rows_are_the_targets(tmp_path):
    source, target = write(tmp_path / "a.csv", frame()), write(tmp_path / "b.csv", frame(40, "other", place=["x"] * 40))
    splits = load(source, target={"source": str(target), "text": "text"}, group="place")
    assert set(told(splits.test).values()) == {"x"}
    with refused("no column `place`", "b.csv (data.group)"):
        write(target, frame(40, "other"))
        load(source, target={"source": str(target), "text": "text"}, group="place")


def test_several_speakers_who_are_held_out_are_told_apart_unasked(tmp_path):
    source = write(tmp_path / "rows.csv", frame())
    splits = load(source, test={"speaker": ["ada", "bob"]}, group=None)
    assert set(told(splits.test).values()) == {"ada", "bob"}
    assert load(source, test={"speaker": "ada"}, group=None).test.origin.groups is None
    two = DataSettings(source="x", split=SplitSettings(test={"speaker": ["a", "b"], "year": [1, 2]}))
    assert two.grouped_by is None, "two columns have several values"
    assert two.model_copy(update={"group": "year"}).grouped_by == "year"


@pytest.mark.parametrize("form", [pd.DataFrame, pa.table, dict])
def test_frames(form):
    data = DataSettings(source="python", group="speaker", split=SplitSettings(test=12, validation=6))
    tables = tables_of(form(frame()), data, "train", "text")
    assert set(told(classified(data, tables).test).values()) == set(SPEAKERS)
    parts = {"train": form(frame()), "test": form(frame(9, "tested", speaker=["eve"] * 9))}
    if form is not dict:
        assert set(told(classified(data, tables_of(parts, data, "train", "text")).test).values()) == {"eve"}


def test_what_has_no_such_column(tmp_path):
    with refused("no column `speakr`", "rows.csv (data.group)", "speaker"):
        load(write(tmp_path / "rows.csv", frame()), group="speakr")
    with refused("a packaged source has no columns", "data.group=speaker", "data.group=null"):
        load(Path("digits"), image="image")
    for name in ("a", "b"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for row in range(15):
            Image.new("L", (4, 4), 10 * row + (name == "b")).save(tmp_path / f"pictures/{name}/{row}.png")
    with refused("a folder of files has no columns", "data.group=speaker"):
        load(tmp_path / "pictures", image="image", test=6)
    np.savez(tmp_path / "rows.npz", **(frame() | {"speaker": ["ada"] * 59}))
    with refused("there are 60 rows, and `speaker` has 59", "data.group"):
        load(tmp_path / "rows.npz")


def test_a_row_is_called_by_its_number_in_the_file(tmp_path):
    """Also where rows of it were taken out: those of a domain, or all but a speaker's."""
    source = write(tmp_path / "rows.csv", frame(domain=["x", "x", "y"] * 20))
    for splits in (load(source), load(source, test={"speaker": "bob"}), load(source, domain="x", group=None)):
        for part in (splits.test, splits.labelled):
            names = [part.origin.named(row, None) for row in range(len(part))]
            assert names == [f"row {int(text.split()[1]) + 1} of rows.csv" for text in part.values]


def test_a_file_is_called_by_its_path_below_the_folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for row in range(15):
            Image.new("L", (4, 4), 10 * row + (name == "b")).save(tmp_path / f"pictures/{name}/{row}.png")
    splits = load(tmp_path / "pictures", image="image", test=6, group=None)
    named = [splits.test.origin.named(row, value.source) for row, value in enumerate(splits.test.values)]
    assert named == [str(value.source.relative_to(tmp_path / "pictures")) for value in splits.test.values]
    paths = [f"pictures/{name}/{row}.png" for name in "ab" for row in range(15)]
    write(tmp_path / "rows.csv", {"file": paths, "label": ["a"] * 15 + ["b"] * 15})
    splits = load(tmp_path / "rows.csv", image="file", test=6, group=None)
    value, name = splits.test.values[0], splits.test.origin.named(0, splits.test.values[0].source)
    place = str(value.source.relative_to(tmp_path))
    assert name == f"{place} (row {paths.index(place) + 1} of rows.csv)"
