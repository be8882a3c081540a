"""What `limbeck predict` is given: lines, files, folders; and a file that cannot be read among others."""

import io

import pytest

from limbeck.errors import LimbeckError
from limbeck.runtime import takes
from limbeck.runtime.takes import Asked, Files, Lines, answered

FILES = Files("image", (".png", ".jpg"))


def test_lines_of_files_and_of_standard_input(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("one\r\ntwo\n\nthree")
    monkeypatch.setattr("sys.stdin", io.StringIO("four\n"))
    shown = [one.shown for one in Lines().asked([str(tmp_path / "a.txt"), "-"])]
    assert shown == ["one", "two", "", "three", "four"]
    monkeypatch.setattr("sys.stdin", io.StringIO("five\n"))
    assert Lines().asked([]) == [Asked("five", "five")]


def test_a_folder_is_expanded_in_the_order_of_its_paths(tmp_path):
    for name in ("b/2.PNG", "b/1.jpg", "a.png", "notes.txt", ".hidden.png", "b/.cache/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    found = [one.value for one in FILES.asked([str(tmp_path), str(tmp_path / "notes.txt")])]
    assert found == [str(tmp_path / name) for name in ("a.png", "b/1.jpg", "b/2.PNG", "notes.txt")]


def test_nothing_to_ask_for_is_refused(tmp_path):
    with pytest.raises(LimbeckError, match=r"no image is given; name files or folders of images"):
        FILES.asked([])
    with pytest.raises(LimbeckError, match=r"no image in this folder; .* \.png, \.jpg"):
        FILES.asked([str(tmp_path)])


def test_the_others_are_answered(monkeypatch):
    """A value that cannot be read costs no other one its answer, and the others are asked together where they can."""
    calls = []

    def predict(values):
        calls.append(len(values))
        if "bad" in values:
            raise LimbeckError("cannot be read", where="bad")
        return [value.upper() for value in values]

    monkeypatch.setattr(takes, "_AT_ONCE", 3)
    asked = [Asked(name, name) for name in ("a", "b", "c", "d", "bad", "e", "f")]
    found = dict(answered(asked, predict))
    assert str(found.pop("bad")) == "bad: cannot be read"
    assert found == {name: name.upper() for name in "abcdef"}
    assert calls == [3, 3, 1, 1, 1, 1]
