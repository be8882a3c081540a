"""A reader sees the old file or the new one, never half of one."""

import errno
import json
import os
import subprocess
import sys

import pytest

from limbeck import files
from limbeck.errors import LimbeckError, nearest
from limbeck.files import read_json, size_of, staged, write_json, write_text
from limbeck.runtime.records import refuse_repeated


def tree(folder):
    """Return every file below a folder with its text."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class Killed(BaseException):
    pass


def test_a_file_appears_when_the_block_succeeds(tmp_path):
    path = tmp_path / "deep" / "er" / "result.txt"
    with staged(path) as aside:
        aside.write_text("new")
        assert not path.exists()
        assert (aside.name, aside.parent.parent) == (path.name, path.parent)
    assert path.read_text() == "new"
    assert names(path.parent) == ["result.txt"]


def test_a_file_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with staged(path) as aside:
        aside.write_text("new")
        assert path.read_text() == "old"
    assert tree(tmp_path) == {"result.txt": "new"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Killed])
def test_a_block_that_fails_leaves_the_old_file_and_no_debris(tmp_path, error):
    path = tmp_path / "result.txt"
    path.write_text("old")

    def write():
        with staged(path) as aside:
            aside.write_text("hal")
            raise error

    with pytest.raises(error):
        write()
    assert tree(tmp_path) == {"result.txt": "old"}


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "bundle"
    path.mkdir()
    (path / "only_in_the_old_one").write_text("old")
    with staged(path) as aside:
        (aside / "inner").mkdir(parents=True)
        (aside / "inner" / "model").write_text("new")
        assert tree(path) == {"only_in_the_old_one": "old"}
    assert tree(path) == {os.path.join("inner", "model"): "new"}
    assert names(tmp_path) == ["bundle"]


def test_a_block_that_fails_leaves_the_old_folder_and_no_debris(tmp_path):
    path = tmp_path / "bundle"
    path.mkdir()
    (path / "model").write_text("old")

    def write():
        with staged(path) as aside:
            aside.mkdir()
            (aside / "model").write_text("hal")
            raise ValueError

    with pytest.raises(ValueError):
        write()
    assert tree(path) == {"model": "old"}
    assert names(tmp_path) == ["bundle"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_block_that_writes_nothing_leaves_the_old_content(tmp_path, kind):
    path = tmp_path / "result"
    if kind == "folder":
        path.mkdir()
        (path / "model").write_text("old")
    else:
        path.write_text("old")
    before = tree(tmp_path)
    with pytest.raises(RuntimeError, match="nothing was written"), staged(path):
        pass
    assert tree(tmp_path) == before
    assert names(tmp_path) == ["result"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device); make room, and the same line"),
        (
            ValueError("I/O error: No space left on device (os error 28)"),
            "No space left on device); make room, and the",
        ),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied); choose another folder"),
    ],
)
def test_a_disk_that_refuses_is_one_clear_error(tmp_path, error, message):
    path = tmp_path / "result.txt"
    path.write_text("old")

    def write():
        with staged(path) as aside:
            aside.write_text("hal")
            raise error

    with pytest.raises(LimbeckError) as caught:
        write()
    assert str(caught.value).startswith(f"{path}: cannot be written ({message}")
    assert tree(tmp_path) == {"result.txt": "old"}


def test_a_file_where_a_folder_should_be_is_named(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(LimbeckError, match="cannot be written"):
        write_text(tmp_path / "file" / "result.txt", "new")


@pytest.fixture(scope="module")
def dead():
    """Return the number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def rest(path, process, kind, machine=None):
    """Make what a process leaves of a folder when it is killed."""
    left = path.with_name(f".{path.name}.{machine or files._machine()}-{process}.{kind}")
    left.mkdir()
    (left / "model").write_text(kind)
    return left


def test_what_a_library_writes_beside_it_goes(tmp_path):
    path = tmp_path / "model"
    with staged(path) as aside:
        aside.with_name(".tmpAbCdEf").write_text("a library's own")
        aside.write_text("new")
    assert tree(tmp_path) == {"model": "new"}
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("again", [True, False])
def test_what_a_killed_process_left_is_no_obstacle_and_goes(tmp_path, dead, again):
    """In a container the next process may have the number of the one that was killed."""
    path = tmp_path / "bundle"
    for kind in ("part", "new", "old"):
        rest(path, os.getpid() if again else dead, kind)
    path.mkdir()
    with staged(path) as aside:
        aside.mkdir()
        (aside / "weights").write_text("new")
    assert tree(tmp_path) == {os.path.join("bundle", "weights"): "new"}
    assert names(tmp_path) == ["bundle"]


def test_what_a_killed_process_left_goes_when_another_file_is_written(tmp_path, dead):
    rest(tmp_path / "checkpoint.safetensors", dead, "part")
    write_text(tmp_path / "stage.json", "{}")
    assert names(tmp_path) == ["stage.json"]


def test_a_folder_killed_between_its_two_renames_comes_back(tmp_path, dead):
    path = tmp_path / "bundle"
    rest(path, dead, "old")
    rest(path, dead, "part")

    def write():
        with staged(path) as aside:
            aside.mkdir()
            raise ValueError

    with pytest.raises(ValueError):
        write()
    assert tree(tmp_path) == {os.path.join("bundle", "model"): "old"}
    assert names(tmp_path) == ["bundle"]


def test_what_another_is_writing_is_left_alone(tmp_path, dead):
    path = tmp_path / "bundle"
    alive = rest(path, os.getppid(), "part")
    elsewhere = rest(path, dead, "part", machine="another-machine")
    foreign = tmp_path / f".download.{dead}.part"
    foreign.write_text("of another program")
    with staged(tmp_path / "outer") as outer:
        outer.write_text("outer")
        write_text(tmp_path / "inner", "inner")
        assert outer.is_file()
    write_text(path, "new")
    assert names(tmp_path) == sorted([alive.name, elsewhere.name, foreign.name, "bundle", "inner", "outer"])


def test_a_link_to_a_folder_is_replaced_and_what_it_names_is_kept(tmp_path):
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "bundle"
    elsewhere.mkdir()
    (elsewhere / "model").write_text("old")
    path.symlink_to(elsewhere, target_is_directory=True)
    with staged(path) as aside:
        aside.mkdir()
        (aside / "model").write_text("new")
    assert (path / "model").read_text() == "new"
    assert (elsewhere / "model").read_text() == "old"
    assert names(tmp_path) == ["bundle", "elsewhere"]


def test_bytes_are_on_disk_before_the_name_is(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(files.os, "fsync", lambda handle: synced.append(names(tmp_path)))
    write_text(tmp_path / "one", "text")
    with staged(tmp_path / "many") as aside:
        aside.mkdir()
        (aside / "a").write_text("a")
        (aside / "b").write_text("b")
    assert len(synced) == 3
    assert "one" not in synced[0]
    assert "many" not in synced[2]


def test_json_comes_back_as_it_was(tmp_path):
    value = {"z": [1, 2.5, None, True], "a": {"ü": "日本"}, "x": 1e-300}
    write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json", dict) == value
    assert list(read_json(tmp_path / "value.json", dict)) == ["z", "a", "x"]
    assert "日本" in (tmp_path / "value.json").read_text(encoding="utf-8")


def test_a_value_that_is_no_json_leaves_the_old_file(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, {"old": 1})
    with pytest.raises(TypeError):
        write_json(path, {"new": object()})
    assert read_json(path, dict) == {"old": 1}
    assert names(tmp_path) == ["value.json"]


@pytest.mark.parametrize("content", [b"{", b"", b'{"a": 1} x', b"\xff\xfe", json.dumps({"a": 1}).encode()[:-1]])
def test_a_file_that_is_no_json_is_named(tmp_path, content):
    path = tmp_path / "value.json"
    path.write_bytes(content)
    with pytest.raises(LimbeckError, match="not valid JSON") as caught:
        read_json(path, dict)
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("content", "form", "said"),
    [
        ("[1]", dict, "it holds a list where a mapping belongs"),
        ('{"a": 1}', list, "it holds a mapping where a list belongs"),
        ("null", dict, "it holds a single value where a mapping belongs"),
        ("[" * 100_000, list, "nested too deep"),
    ],
)
def test_a_file_that_holds_something_else_is_named(tmp_path, content, form, said):
    path = tmp_path / "value.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(LimbeckError, match=said) as caught:
        read_json(path, form, fix="make it anew")
    assert (caught.value.where, caught.value.fix) == (str(path), "make it anew")


def test_a_file_that_is_missing_or_a_folder_is_named(tmp_path):
    for path, message in ((tmp_path / "nowhere.json", "no such file"), (tmp_path, "cannot be read")):
        with pytest.raises(LimbeckError, match=message) as caught:
            read_json(path, dict)
        assert caught.value.where == str(path)


def test_sizes(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b").write_bytes(b"123")
    (tmp_path / "inner" / "empty").write_bytes(b"")
    assert size_of(tmp_path / "a") == 5
    assert size_of(tmp_path) == 8
    assert size_of(tmp_path / "inner" / "empty") == 0


def test_very_many_names_are_compared_once():
    names = [f"c{number}" for number in range(200_000)]
    refuse_repeated(names, "rows.csv")
    with pytest.raises(LimbeckError, match="two columns are named `c7`"):
        refuse_repeated([*names, "c9", "c7"], "rows.csv")
    assert "199,980 more" in nearest("other", names)
