"""Folders with links in them: every folder is read once, and no link leads round in a circle."""

from pathlib import Path

import pytest
from PIL import Image
from test_data_images import MODALITY, photo

from limbeck.data import read_tables
from limbeck.files import files_below


def put(place: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        (place / name).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(photo(seed)).save(place / name)
    return place


def names(place: Path) -> list[str]:
    return [str(path.relative_to(place)) for path in files_below(place)]


@pytest.mark.parametrize("target", [".", "..", "cat"])
def test_a_link_to_a_folder_that_is_read_anyway_repeats_no_row(tmp_path, target):
    place = put(tmp_path / "photos", "cat/a.png", "dog/b.png")
    # Two such links made 2 ** 40 ways to every file.
    (place / "again").symlink_to(target)
    (place / "aloop").symlink_to(target)
    (place / "dog" / "up").symlink_to(place)
    assert names(place) == ["cat/a.png", "dog/b.png"]
    table = read_tables(str(place), modality=MODALITY, column="image", label="label")["train"]
    assert table.labels == ["cat", "dog"]


def test_a_link_out_of_the_folder_is_followed_once(tmp_path):
    put(tmp_path, "store/a.png", "store/deep/b.png")
    place = put(tmp_path / "photos", "dog/c.png")
    (place / "cat").symlink_to(tmp_path / "store")
    (place / "cow").symlink_to(tmp_path / "store")
    (place / "dog" / "d.png").symlink_to(tmp_path / "store" / "a.png")
    assert names(place) == ["cat/a.png", "cat/deep/b.png", "dog/c.png", "dog/d.png"]
    table = read_tables(str(place), modality=MODALITY, column="image", label="label")["train"]
    assert table.labels == ["cat", "cat", "dog", "dog"]


def test_a_folder_that_is_named_by_a_link_is_read(tmp_path):
    put(tmp_path, "store/a.png")
    (tmp_path / "link").symlink_to(tmp_path / "store")
    assert names(tmp_path / "link") == ["a.png"]
