"""Folders of files, a subfolder a class: which are splits, and what they are not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_data_images import MODALITY, photo

from limbeck.data import load_splits, read_tables
from limbeck.data.tables import read_values
from limbeck.errors import LimbeckError
from limbeck.modalities import MODALITIES
from limbeck.recipe import load_recipe
from limbeck.recipe.data import DataSettings
from limbeck.tasks import TASKS


def test_a_folder_of_classes(tmp_path):
    for name, seed in (("cat/a.png", 1), ("cat/more/b.JPG", 2), ("dog/c.png", 3)):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(photo(seed)).save(tmp_path / name)
    table = read_tables(str(tmp_path), modality=MODALITY, column="image", label="label")["train"]
    assert table.labels == ["cat", "cat", "dog"]
    np.testing.assert_array_equal(table.values[2].pixels(), photo(3))


def test_files_are_called_as_the_folder_was_typed(tmp_path, monkeypatch):
    folder(tmp_path / "photos", "cat/a.png", "dog/b.png")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos/cat/a.png").write_text("junk")
    for typed, said in (("photos", "^photos/cat/a.png: "), ("./photos/../photos", r"photos/\.\./photos/cat/a.png: ")):
        table = read_tables(typed, modality=MODALITY, column="image", label="label")["train"]
        with pytest.raises(LimbeckError, match=said):
            table.values[0].pixels()
        assert table.values[1].pixels().shape


def test_folders_that_are_all_called_as_splits_are_splits(tmp_path):
    for name, seed in (("testing/cat/a.png", 1), ("testing/dog/c.png", 3), ("val/cat/b.png", 2)):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(photo(seed)).save(tmp_path / name)
    options = {"modality": MODALITY, "column": "image", "label": "label"}
    found = read_tables(str(tmp_path), splits=["test"], **options)
    assert {split: table.labels for split, table in found.items()} == {"test": ["cat", "dog"]}
    with pytest.raises(LimbeckError, match="no `train` split, only test, validation; name a folder train"):
        read_tables(str(tmp_path), **options)


def folder(place, *names):
    for seed, name in enumerate(names):
        (place / name).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(photo(seed)).save(place / name)
    return str(place)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (
            {"column": "file"},
            "data.image=file: a folder .* has no columns.*; set data.image=image; or give a file with",
        ),
        ({"label": "kind"}, "data.label=kind: a folder of files has no columns.*; set data.label=label; or give a"),
        ({"label": ("a", "b")}, r"data.label=\[a, b\]: a folder of files has no columns"),
    ],
)
def test_a_column_beside_a_folder_is_refused(tmp_path, named, said):
    source = folder(tmp_path, "cat/a.png", "dog/b.png")
    with pytest.raises(LimbeckError, match=said):
        read_tables(source, modality=MODALITY, **{"column": "image", "label": "label", **named})


def test_a_folder_of_unlabelled_files_may_stand_beside_columns(tmp_path):
    source = folder(tmp_path, "a.png", "b.png")
    assert len(read_values(source, modality=MODALITY, column="file")) == 2


def test_a_label_that_a_packaged_source_lacks_is_refused():
    with pytest.raises(
        LimbeckError, match=r"data.label=kind: the packaged source `digits` has no such column; set data"
    ):
        read_tables("digits", modality=MODALITY, column="image", label="kind")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["cat/a.png", "cat/b.png"],
            r"every label is `cat`, .*; files belong into a subfolder a class .*: cat \(2\); lab",
        ),
        (
            ["a.png", "b.png"],
            r"no row has a label, .*/CLASS/FILE\), and these lie in: no subfolder \(2\); labels of any",
        ),
    ],
)
def test_a_folder_without_two_classes_says_what_is_expected_and_found(tmp_path, names, said):
    settings = DataSettings(source=folder(tmp_path, *names), image="image")
    with pytest.raises(LimbeckError, match=said) as caught:
        load_splits(settings, TASKS["classification"]())
    assert "data.label" not in str(caught.value)


def test_splits_inside_of_classes_are_refused(tmp_path):
    for name, seed in (("cat/train/a.png", 1), ("cat/test/b.png", 2), ("dog/train/c.png", 3)):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(photo(seed)).save(tmp_path / name)
    with pytest.raises(LimbeckError, match=r"inside of the classes \(cat/test\); put the .* of the splits: test/cat"):
        read_tables(str(tmp_path), modality=MODALITY, column="image", label="label")


@pytest.fixture
def words(tmp_path):
    """The layout of Speech Commands, with pictures for recordings."""
    folder(tmp_path, *(f"{word}/{n}.png" for word in ("yes", "no") for n in range(4)), "_background_noise_/hum.png")
    (tmp_path / "testing_list.txt").write_text("yes/0.png\nno/1.png\n\n", encoding="utf-8")
    (tmp_path / "validation_list.txt").write_text("yes/2.png\nno/2.png\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("words", encoding="utf-8")
    return tmp_path


def read(place, **options):
    return read_tables(str(place), modality=MODALITY, column="image", label="label", **options)


def test_lists_hold_files_out_and_background_noise_is_no_class(words, capsys):
    found = read(words)
    assert {split: table.labels for split, table in found.items()} == {
        "train": ["no", "no", "yes", "yes"],
        "validation": ["no", "yes"],
        "test": ["no", "yes"],
    }
    # Seeds are in the order in which they were written: yes 0 to 3, no 4 to 7.
    for split, seeds in (("test", [5, 0]), ("validation", [6, 2])):
        for value, seed in zip(found[split].values, seeds, strict=True):
            np.testing.assert_array_equal(value.pixels(), photo(seed))
    out = " ".join(capsys.readouterr().out.split())
    assert "_background_noise_: not read, as it is no class" in out
    assert "1 file is not read (.md)" in out
    assert read(words, splits=["test"]).keys() == {"test"}


def test_lists_beside_folders_of_splits_are_not_read_and_named(tmp_path, capsys):
    folder(tmp_path, "train/yes/0.png", "train/no/1.png", "test/yes/2.png", "test/no/3.png")
    for name in ("test", "testing"):  # which would be two lists for a split
        (tmp_path / f"{name}_list.txt").write_text("yes/0.png\n", encoding="utf-8")
    assert {split: len(table.values) for split, table in read(tmp_path).items()} == {"train": 2, "test": 2}
    said = " ".join(capsys.readouterr().out.split())
    assert "not read, as the folders are the splits: test_list.txt, testing_list.txt" in said


def test_noise_alone_is_no_class(tmp_path):
    folder(tmp_path, "_background_noise_/hum.png")
    with pytest.raises(LimbeckError, match="only _background_noise_, which is no class; put a subfolder a class"):
        read(tmp_path)
    (tmp_path / "yes").mkdir()
    (tmp_path / "yes/a.wav").write_bytes(b"RIFF")
    with pytest.raises(LimbeckError, match=r"these are .*; set data.audio=audio"):
        load_splits(DataSettings(source=str(tmp_path), image="image"), TASKS["classification"]())


def test_lists_may_come_from_another_system(words):
    whole = read(words)
    (words / "testing_list.txt").write_bytes(b"\xef\xbb\xbfyes\\0.png\r\n./no/1.png\r\n")
    assert {split: table.labels for split, table in read(words).items()} == {k: v.labels for k, v in whole.items()}


def test_a_folder_with_lists_may_be_named_from_where_one_stands(words, monkeypatch):
    """Once the files of a list were looked for in the folder of the list, below which their paths do not begin."""
    whole = read(words)
    monkeypatch.chdir(words.parent)
    found = read(Path(words.name))
    assert found.keys() == whole.keys()
    for split, table in found.items():
        for one, other in zip(table.values, whole[split].values, strict=True):
            try:
                np.testing.assert_array_equal(one.pixels(), other.pixels())
            except LimbeckError as error:
                pytest.fail(str(error))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "testing_list.txt",
            "yes/0.png\nyes/9.png\n",
            "line 2: `yes/9.png` is no file that is read",
        ),
        ("testing_list.txt", "yes/2.png\n", r"validation_list.txt, line 1: `yes/2.png` stands in testing_list.txt too"),
        ("test_list.txt", "yes/3.png\n", "two lists for `test`: test_list.txt and testing_list.txt"),
        ("testing_list.txt", b"\xff\n", "testing_list.txt, line 1: not UTF-8"),
    ],
)
def test_a_list_that_cannot_be_right_is_refused(words, name, text, said):
    (words / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(LimbeckError, match=said):
        read(words)


def test_lists_leave_rows_to_train_on(words):
    every = "\n".join(f"{word}/{n}.png" for word in ("yes", "no") for n in range(4))
    (words / "testing_list.txt").write_text(every, encoding="utf-8")
    (words / "validation_list.txt").unlink()
    with pytest.raises(LimbeckError, match="every file is held out by test"):
        read(words)


SOUNDS = (
    "these are sounds (.wav), and {}s are needed; set data.audio=audio, in a recipe of sounds such as spoken-digits"
)


@pytest.mark.parametrize(
    ("name", "modality", "said"),
    [
        ("a.wav", "image", SOUNDS.format("image")),
        ("a.wav", "text", SOUNDS.format("text")),
        ("train/x/a.WAV", "table", SOUNDS.format("row")),
        ("x/a.png", "audio", "these are images (.png), and sounds are needed; set data.image=image, in a recipe"),
        ("x/a.txt", "image", "these are texts (.txt), and images are needed; set data.text=text, in a recipe of texts"),
        ("x/a.doc", "text", "no `train` split; name a folder train, or a file train"),
        ("x/a.doc", "image", "no file that could be read; put files in it that end with .png"),
    ],
)
def test_a_folder_of_another_kind_is_called_what_it_is(tmp_path, name, modality, said):
    (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / name).touch()
    with pytest.raises(LimbeckError) as found:
        read_tables(str(tmp_path), modality=MODALITIES[modality], column=MODALITIES[modality].key, label="label")
    assert said in str(found.value)


def test_a_bundle_has_a_modality_and_is_not_offered_another_one(tmp_path):
    folder(tmp_path, "x/a.png")
    keys = {"source": "DATA", "column": "--column", "label": "--label"}
    with pytest.raises(LimbeckError, match=r"these are images \(.png\), and texts are needed; give a source of texts$"):
        read_tables(str(tmp_path), modality=MODALITIES["text"], column="text", label="label", key=keys)


def test_the_recipe_to_begin_with_is_there_and_of_the_modality():
    for modality in MODALITIES.values():
        assert bool(modality.recipe) >= bool(modality.suffixes)
        if modality.recipe is not None:
            assert load_recipe(modality.recipe).data.modality is modality
