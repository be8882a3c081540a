"""In a run's folder, what Limbeck did not write is neither replaced nor removed."""

import os
from pathlib import Path

import pytest

from limbeck.errors import LimbeckError
from limbeck.files import remove, staged, write_text, written_in
from limbeck.written import Written, record_of


@pytest.fixture
def run(tmp_path: Path) -> Path:
    Written(tmp_path / "run").begin()
    return tmp_path / "run"


def tree(folder: Path) -> dict[str, str]:
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    return {
        name: path.read_text() for name, path in found.items() if path.is_file() and not name.startswith(".limbeck")
    }


def write_bundle(path: Path, **files: str) -> None:
    with staged(path) as aside:
        aside.mkdir()
        for name, text in files.items():
            (aside / name).write_text(text)


def theirs(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("years of work")
    return path


def test_what_is_written_is_on_record_until_it_is_removed(run: Path) -> None:
    write_text(run / "teacher/stage.json", "{}")
    write_bundle(run / "bundle", model="1", card="1")
    assert Written(run).files() == {"teacher/stage.json", "bundle/model", "bundle/card"}
    write_bundle(run / "bundle", model="2")
    remove(run / "teacher")
    assert Written(run).files() == {"bundle/model"}
    assert not (run / "teacher").exists()
    theirs(run / "teacher/stage.json")  # the name was Limbeck's once, the file is not
    remove(run / "teacher")
    assert tree(run) == {"bundle/model": "2", "teacher/stage.json": "years of work"}


def test_only_what_is_on_record_is_removed(run: Path) -> None:
    for name in ("stage.json", "deep/model", "deeper/down/model"):
        write_text(run / "teacher" / name, "ours")
    theirs(run / "teacher/deep/notes.txt")
    (run / "teacher/plans").mkdir()
    (run / "teacher/link").symlink_to(run / "nowhere")
    assert [path.name for path in written_in(run / "teacher")] == ["stage.json"]
    remove(run / "teacher")
    assert tree(run) == {"teacher/deep/notes.txt": "years of work"}
    assert sorted(os.listdir(run / "teacher")) == ["deep", "link", "plans"]


def test_a_folder_that_is_replaced_keeps_what_others_put_there(run: Path) -> None:
    write_bundle(run / "bundle", model="1", card="1")
    theirs(run / "bundle/notes.txt")
    theirs(run / "bundle/more/notes.txt")
    (run / "bundle/plans").mkdir()
    write_bundle(run / "bundle", model="2")
    assert tree(run) == {
        "bundle/model": "2",
        "bundle/notes.txt": "years of work",
        "bundle/more/notes.txt": "years of work",
    }
    assert (run / "bundle/plans").is_dir()


def test_a_folder_that_was_replaced_and_then_the_process_killed_keeps_it_too(run: Path, monkeypatch) -> None:
    """The second of the two renames is done, and what others put there is still in the old one."""
    write_bundle(run / "bundle", model="1")
    theirs(run / "bundle/notes.txt")
    with monkeypatch.context() as killed:
        killed.setattr("limbeck.files._retire", lambda *_: None)
        write_bundle(run / "bundle", model="2")
    assert tree(run) != {"bundle/model": "2", "bundle/notes.txt": "years of work"}
    write_text(run / "report.html", "")
    assert tree(run) == {"bundle/model": "2", "bundle/notes.txt": "years of work", "report.html": ""}
    assert sorted(os.listdir(run)) == [".limbeck", "bundle", "report.html"]


@pytest.mark.parametrize("name", ["report.html", "bundle/model", "bundle", "bundle/model/notes.txt"])
def test_a_file_of_somebody_else_is_no_place_to_write(run: Path, name: str) -> None:
    theirs(run / name)
    with pytest.raises(LimbeckError, match="did not write this, and has to write there; move it away") as refused:
        write_text(run / name, "") if name == "report.html" else write_bundle(run / "bundle", model="1")
    assert refused.value.where == str(run / name)
    assert tree(run) == {name: "years of work"}
    assert [path.name for path in run.rglob(".*")] == [".limbeck"]


def test_a_file_does_not_take_the_place_of_a_folder_of_theirs(run: Path) -> None:
    theirs(run / "report.html/notes.txt")
    with pytest.raises(LimbeckError, match="Limbeck did not write this"):
        write_text(run / "report.html", "")
    assert tree(run) == {"report.html/notes.txt": "years of work"}


def test_outside_a_run_whole_folders_are_replaced(tmp_path: Path) -> None:
    theirs(tmp_path / "bundle/notes.txt")
    write_bundle(tmp_path / "bundle", model="1")
    assert tree(tmp_path) == {"bundle/model": "1"}
    assert record_of(tmp_path / "bundle/model") is None


@pytest.mark.parametrize(
    "content", ["", "a diary\n", "limbeck run, format 1\n+ a\n* b\n", "limbeck run, format 1\n+ \n"]
)
def test_a_damaged_record_is_one_line(run: Path, content: str) -> None:
    write_text(run / "teacher/model", "ours")
    Written(run).path.write_text(content)
    for act in (lambda: remove(run / "teacher"), lambda: write_text(run / "teacher/model", "new")):
        with pytest.raises(LimbeckError, match="damaged: not the record of what a run wrote"):
            act()
    assert tree(run) == {"teacher/model": "ours"}


def test_half_a_line_that_a_power_cut_left_is_cut_off(run: Path) -> None:
    write_text(run / "a", "")
    with Written(run).path.open("a") as file:
        file.write("+ teach")
    assert Written(run).files() == {"a"}
    Written(run).begin()
    write_text(run / "b", "")
    assert Written(run).files() == {"a", "b"}
