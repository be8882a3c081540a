"""Rows that do not fit into memory: long cells and encoded rows lie on disk, and nothing else is different."""

import csv
import errno
import gc
import io
import json
import mmap
import pickle
import tracemalloc
import wave
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_cases import refused
from hypothesis import given, strategies as st
from PIL import Image

from limbeck.arrayfile import read_arrays, write_arrays
from limbeck.data import encoded as encoding, readers, spill
from limbeck.data.encoded import encoded, load_encoded, save_encoded
from limbeck.data.held import Held, each, joined, picked, taken
from limbeck.data.readers import read_file
from limbeck.data.spill import Spill
from limbeck.files import not_utf8
from limbeck.modalities.audio.reads import AudioReads
from limbeck.modalities.image import ImageReads
from limbeck.modalities.table.reads import TableReads
from limbeck.modalities.text import TextReads
from limbeck.modalities.text.tokenizers import WordTokenizerSettings
from limbeck.recipe import DataSettings
from limbeck.runtime.pictures import Picture
from limbeck.runtime.readers.arrays import ArraysReader
from limbeck.runtime.records import parts, size_when_read
from limbeck.runtime.rows import Ragged
from limbeck.runtime.sounds import Sound, content, sound_of
from made_rows import classified

CELLS = [*"ab", "", None, "é\ud800 half", b"\0\1", {"bytes": b"xyz", "path": "a.png"}, {"bytes": None, "path": "b"}, 3]


@pytest.fixture
def all_is_large(monkeypatch):
    """Lay everything on disk, in pieces of three rows."""
    for module in (readers, encoding):
        monkeypatch.setattr(module, "LARGE", 1)
    monkeypatch.setattr(encoding, "PIECE", 3)
    monkeypatch.setattr(spill, "_LONG", 0)


def on_disk(cells) -> Held:
    made = Spill()
    made.extend(cells)
    return made.done()


def plain(cell):
    if isinstance(cell, dict):
        return {name: plain(value) for name, value in cell.items()}
    return bytes(cell) if isinstance(cell, memoryview) else cell


def test_every_cell_comes_back_as_it_was():
    held = on_disk(CELLS)
    assert [*map(plain, held)] == CELLS
    assert [plain(held[row]) for row in range(-len(CELLS), len(CELLS))] == CELLS + CELLS
    assert len(on_disk([])) == 0
    assert [*on_disk([None, ""])] == [None, ""]
    with pytest.raises(IndexError):
        held[len(CELLS)]
    with pytest.raises(TypeError, match="read-only"):
        held[5][0] = 1


ROWS = st.lists(st.integers(0, 4), max_size=9)


@given(ROWS, ROWS, st.integers(-6, 6), st.integers(-6, 6))
def test_values_on_disk_are_taken_and_joined_as_those_of_a_list(some, others, start, stop):
    cells = ["zero", "one", "two", "three", "four"]
    held = on_disk(cells)
    first = taken(held, np.array(some, np.int64))
    assert isinstance(first, Held)
    assert [*first] == [cells[row] for row in some] == [*picked(cells, np.array(some, np.int64))]
    more = ["five", "six", "seven", "eight", "nine"]
    both = joined(first, [], more, taken(on_disk([*"vwxyz"]), np.array(others, np.int64)))
    expected = [*first, *more, *("vwxyz"[row] for row in others)]
    assert [*both] == [both[row] for row in range(len(both))] == expected
    assert [*both[start:stop]] == expected[start:stop]
    order = np.argsort(expected, kind="stable")
    assert [*picked(taken(both, order), np.arange(len(order)))] == sorted(expected)
    assert [*each(str.upper, both)] == [cell.upper() for cell in expected]
    assert [*each(lambda one, other: one + other, both, expected)] == [cell * 2 for cell in expected]


def test_values_in_memory_stay_lists():
    assert joined([1], [2]) == [1, 2]
    assert taken([1, 2], np.array([1])) == [2]
    assert each(str, [1]) == ["1"]


def texts(count, size=40):
    generator = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(50)])
    return [" ".join(generator.choice(words, size // 4)) + f" {row}" for row in range(count)]


def written(folder, kind, columns):
    path = folder / f"rows.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(columns), path, row_group_size=16)
        return path
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if kind == "jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return path
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, [*columns])
        table.writeheader()
        table.writerows(rows)
    return path


def same(one, other):
    assert one.digest == other.digest
    assert one.dropped == other.dropped
    assert one.notes == other.notes
    for name, part in one.parts.items():
        assert [*part.values] == [*other.parts[name].values], name


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
@pytest.mark.parametrize("text", ["text", ["title", "text"]])
def test_splits_are_those_of_rows_in_memory(tmp_path, kind, text, request):
    body = texts(90)
    body[3], body[5] = body[4], ""
    labels = [f"{row % 2}" if row < 70 else None for row in range(90)]
    path = written(tmp_path, kind, {"title": texts(90, 8), "text": body, "label": labels})
    more = written(tmp_path / "..", "jsonl", {"title": texts(40, 8)[::-1], "text": texts(40, 60)})
    split = {"test": 20, "validation": 10}
    settings = DataSettings(source=str(path), text=text, split=split, labelled=10, unlabelled=str(more))
    whole = classified(settings)
    request.getfixturevalue("all_is_large")
    laid = classified(settings)
    assert isinstance(laid.unlabelled.values, Held)
    same(whole, laid)


def test_a_cell_that_is_no_text_is_refused_with_its_row(tmp_path, all_is_large):
    path = written(tmp_path, "jsonl", {"text": ["good", "fine", 3, "bad"], "label": ["a", "b", "a", "b"]})
    with refused("has a value of type int in row 3", "rows.jsonl", "data.text"):
        classified(DataSettings(source=str(path), text="text", split={"test": 2, "validation": 2}))


def test_a_column_that_only_later_rows_have_begins_with_nothing(tmp_path, all_is_large, monkeypatch):
    path = tmp_path / "rows.jsonl"
    rows = [{"label": "a"}] * 1_500 + [{"label": "a", "text": "late"}] * 3 + [{"label": "b"}] * 1_200
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    found = read_file(path, label="label", columns=["text", "label"])
    assert isinstance(found["text"], Held)
    assert [*found["text"]] == [row.get("text") for row in rows]
    assert [*found["label"]] == [row["label"] for row in rows]


def png(seed):
    content = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize("cell", [lambda content: content, lambda content: {"bytes": content, "path": "a.png"}])
def test_images_of_a_parquet_file_stay_on_disk(tmp_path, cell, request):
    path = tmp_path / "rows.parquet"
    cells = [cell(png(row)) for row in range(40)]
    pq.write_table(pa.table({"image": cells, "label": [f"{row % 2}" for row in range(40)]}), path)
    settings = DataSettings(source=str(path), image="image", split={"test": 10, "validation": 6}, labelled=8)
    whole = classified(settings)
    request.getfixturevalue("all_is_large")
    laid = classified(settings)
    assert whole.digest == laid.digest
    for one, other in zip(whole.transfer.values, laid.transfer.values, strict=True):
        assert isinstance(other.source, memoryview)
        assert (one.identity(), one.where) == (other.identity(), other.where)
        np.testing.assert_array_equal(one.pixels(), other.pixels())
    assert pickle.loads(pickle.dumps(other)).identity() == one.identity()
    reader = ImageReads(kind="image").fit(laid.transfer.values)
    np.testing.assert_array_equal(
        encoded(reader, laid.transfer.values, "transfer").stored()[0]["pixels"],
        reader.encode(whole.transfer.values).arrays["pixels"],
    )


def wav(seed):
    samples, made = np.random.default_rng(seed).normal(0, 3000, 800).astype("<i2"), io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    return made.getvalue()


LAID = {
    "audio": ({"clip": [{"bytes": wav(row), "path": "a.wav"} for row in range(60)]}, AudioReads(kind="audio"), "clip"),
    "features": (
        {"town": [f"a town of many words, number {row % 5}" for row in range(60)], "size": [*map(float, range(60))]},
        TableReads(kind="table"),
        ["town", "size"],
    ),
}


@pytest.mark.parametrize("key", LAID)
def test_sounds_tables_and_groups_are_those_of_rows_in_memory(tmp_path, key, request):
    columns, reads, named = LAID[key]
    path = tmp_path / "rows.parquet"
    rest = {"label": [f"{row % 2}" for row in range(60)], "who": [f"speaker {row % 3}" for row in range(60)]}
    pq.write_table(pa.table({**columns, **rest}), path)
    given_ = {"source": str(path), key: named, "group": "who", "split": {"test": 10, "validation": 8}, "labelled": 20}
    settings = DataSettings.model_validate(given_)
    whole = classified(settings)
    request.getfixturevalue("all_is_large")
    laid = classified(settings)
    assert (whole.digest, whole.dropped, whole.notes) == (laid.digest, laid.dropped, laid.notes)
    np.testing.assert_array_equal(whole.test.origin.groups, laid.test.origin.groups)
    arrays = reads.fit(whole.transfer.values).encode(whole.transfer.values).stored()[0]
    made = encoded(reads.fit(laid.transfer.values), laid.transfer.values, "transfer").stored()[0]
    assert arrays.keys() == made.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(made[name], value)


def test_a_view_that_may_change_is_copied():
    content_ = bytearray(b"RIFF")
    picture, sound = Picture(memoryview(content_).toreadonly(), "here"), sound_of(memoryview(content_), "here")
    assert isinstance(sound.source, bytes)
    assert content(Sound(memoryview(b"RIFF"), None, "here")) == content(sound) == b"RIFF"
    assert picture.identity() == Picture(b"RIFF", "here").identity()


def lies_on_disk(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, memoryview) and isinstance(array.obj, mmap.mmap)


def test_texts_encoded_in_pieces_are_those_encoded_at_once(tmp_path, all_is_large):
    values = [*texts(10), "", "alone"]
    reader = TextReads(tokenizer=WordTokenizerSettings(size=40), max_length=6).fit(values)
    whole = reader.encode(values)
    for given_ in (values, on_disk(values)):
        made = encoded(reader, given_, "transfer")
        assert isinstance(made, Ragged)
        assert lies_on_disk(made.tokens)
        for name, value in whole.stored()[0].items():
            np.testing.assert_array_equal(made.stored()[0][name], value)
            assert made.stored()[0][name].dtype == value.dtype
        save_encoded({"transfer": made, "validation": made.first(2)}, tmp_path / "rows.safetensors")
    found = load_encoded(tmp_path / "rows.safetensors")
    for row in range(len(values)):
        np.testing.assert_array_equal(found["transfer"][row], whole[row])
    assert len(found["validation"]) == 2


def test_arrays_encoded_in_pieces_are_those_encoded_at_once(all_is_large):
    inputs = {"a": {"shape": [2], "dtype": "float32"}, "b": {"shape": [], "dtype": "int64"}}
    reader = ArraysReader(inputs)
    rows = [{"a": np.float32([row, 1]), "b": row} for row in range(10)]
    made, whole = encoded(reader, rows, "transfer"), reader.encode(rows)
    for name, value in whole.arrays.items():
        np.testing.assert_array_equal(made.stored()[0][name], value)
        assert made.stored()[0][name].dtype == value.dtype
    assert len(encoded(reader, [], "transfer")) == 0


@given(st.lists(st.sampled_from(["bool", "uint8", "int16", "float32", "int64", "float64"]), min_size=1, max_size=6))
def test_arrays_are_read_as_they_were_written(kinds):
    generator = np.random.default_rng(0)
    made = {
        f"{number}": generator.integers(0, 2, (number % 3, 1 + number)).astype(kind)
        for number, kind in enumerate(kinds)
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "arrays.safetensors"
        write_arrays(path, made, {"about": "them"})
        found, about = read_arrays(path)
        assert about == {"about": "them"}
        assert found.keys() == made.keys()
        for name, value in made.items():
            np.testing.assert_array_equal(found[name], value)
            assert found[name].dtype == value.dtype
            assert found[name].ctypes.data % found[name].itemsize == 0


def test_a_large_file_takes_little_memory(tmp_path, all_is_large):
    rows, size = 10_000, 2_000
    body = [f"{row} " + "x" * size for row in range(rows)]
    path = written(tmp_path, "jsonl", {"text": body, "label": [f"{row % 2}" for row in range(rows)]})
    settings = DataSettings(source=str(path), text="text", split={"test": 20, "validation": 10}, labelled=10)
    del body
    gc.collect()
    tracemalloc.start()
    try:
        splits = classified(settings)
        assert len(splits.transfer) == rows - 30
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < rows * size / 2


@pytest.mark.parametrize("group", [500, 10_000])
def test_of_a_parquet_file_a_part_is_in_memory_at_a_time(tmp_path, group):
    path, rows, size = tmp_path / "rows.parquet", 10_000, 2_000
    table = pa.table({"text": [f"{row} " + "x" * size for row in range(rows)]})
    pq.write_table(table, path, row_group_size=group, compression="none", use_dictionary=False)
    del table
    before, most, read = pa.total_allocated_bytes(), 0, 0
    for part in parts(path):
        read += part.rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert read == rows
    assert most < rows * size / 2


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_a_part_of_long_cells_has_few_rows(tmp_path, kind):
    """A thousand photos would be gigabytes."""
    long = "x" * 3_000_000
    path = tmp_path / f"rows.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"text": [long] * 40}), path, compression="none", use_dictionary=False)
    elif kind == "csv":
        path.write_text("text\n" + f"{long}\n" * 40, encoding="utf-8")
    else:
        path.write_text(f"{json.dumps({'text': long})}\n" * 40, encoding="utf-8")
    sizes = [part.rows for part in parts(path)]
    assert sum(sizes) == 40
    assert max(sizes) <= 6


def test_a_parquet_file_is_as_large_as_its_cells(tmp_path, monkeypatch):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": [f"{number} " * 500 for number in range(300)]}), path, compression="zstd")
    assert path.stat().st_size < 100_000 < size_when_read(path)
    monkeypatch.setattr(readers, "LARGE", 100_000)
    assert isinstance(read_file(path)["text"], Held)


@pytest.mark.parametrize("row", [0, 1234])
def test_a_text_of_a_parquet_file_that_is_not_utf8_is_named(tmp_path, row):
    path = tmp_path / "rows.parquet"
    texts = [f"text {number:06}" for number in range(2000)]
    pq.write_table(pa.table({"label": [0] * 2000, "text": texts}), path, compression="none", use_dictionary=False)
    content = path.read_bytes()
    damaged = content.replace(texts[row].encode(), b"text \xff\xff" + texts[row][7:].encode())
    path.write_bytes(damaged)
    with refused("column `text` holds a text that is not UTF-8", f"rows.parquet, row {row + 1}"):
        read_file(path)


@pytest.mark.parametrize("before", [0, 5, (1 << 20) - 3, (1 << 20) - 1, 3 << 20])
def test_the_first_line_that_is_not_utf8_is_named_however_large_the_file(tmp_path, before):
    path = tmp_path / "rows.csv"
    good = ("é" * 10 + "\n").encode()
    lines = before // len(good)
    path.write_bytes(good * lines + b"x" * (before % len(good)) + "é".encode()[:1] + b"\n" + good)
    assert not_utf8(path).where == f"{path}, line {lines + 1}"


def test_a_full_disk_is_said_in_one_line(tmp_path, all_is_large, monkeypatch):
    class Full(io.BytesIO):
        def writelines(self, lines):
            raise OSError(errno.ENOSPC, "No space left on device")

        write = writelines

    path = written(tmp_path, "jsonl", {"text": texts(30), "label": [f"{row % 2}" for row in range(30)]})
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **options: Full())
    with refused("cannot be laid aside (No space left on device)", "LIMBECK_CACHE"):
        classified(DataSettings(source=str(path), text="text", split={"test": 5, "validation": 5}))
    reader = TextReads(tokenizer=WordTokenizerSettings(size=40), max_length=6).fit(texts(3))
    with refused("cannot be laid aside (No space left on device)", "LIMBECK_CACHE"):
        encoded(reader, texts(9), "transfer")
