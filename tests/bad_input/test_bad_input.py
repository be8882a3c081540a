"""Bad input: one clear line, exit code 2, nothing half-written.

What the lines say is in `messages.txt`. After a change of a message, or a new case:

    LIMBECK_UPDATE_SNAPSHOT=1 pytest tests/bad_input

writes that file anew; read its diff.
"""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cases import CASES, PINNED, Case
from workshop import Finished, Snapshot, call, debris, lay_out

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_bad_input(case: Case, folder: Path, finished: Finished, snapshot: Snapshot, capsys) -> None:
    lay_out(case, folder, finished)
    before = {path.name for path in folder.iterdir()}
    code, err = call(capsys, *case.line)
    assert code == 2, err
    assert err.startswith("error: ")
    assert err.endswith("\n")
    assert len(err.splitlines()) == 1, err
    assert "Traceback" not in err
    snapshot.check(case.name, err, folder)
    assert debris(folder) == []
    if case.start == "nothing":  # refused before anything was trained
        assert not list(folder.rglob("model.safetensors"))
        assert "out" in before or not (folder / "out").exists()


BEFORE_A_RUN = [
    case for case in CASES if case.line[0] == "run" and case.start == "nothing" and "--out" not in case.name
]


@pytest.mark.parametrize("case", BEFORE_A_RUN, ids=lambda case: case.name.replace(" ", "-"))
def test_check_refuses_what_a_run_refuses(
    case: Case, folder: Path, finished: Finished, snapshot: Snapshot, capsys
) -> None:
    lay_out(case, folder, finished)
    code, err = call(capsys, "check", *case.line[1:-2])
    assert code == 2, err
    snapshot.check(case.name, err, folder)


def test_the_snapshot_has_every_case_once_and_nothing_else(snapshot: Snapshot) -> None:
    names = [name for _, name in PINNED]
    assert len(names) == len(set(names)) >= 45
    assert snapshot.update or list(snapshot.found) == names


@pytest.mark.parametrize("case", [case for case in CASES if case.mend], ids=lambda case: case.name.replace(" ", "-"))
def test_what_the_message_says_mends_the_run(case: Case, folder: Path, finished: Finished, capsys) -> None:
    lay_out(case, folder, finished)
    code, err = call(capsys, *case.line)
    assert code == 2
    assert "delete" in err
    path = folder / str(case.mend)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    code, err = call(capsys, *case.line)
    assert code == 0, err


OPEN = [case for case in CASES if "of two rates" in case.name or "of two sizes" in case.name]


@pytest.mark.parametrize("case", OPEN, ids=lambda case: case.name.replace(" ", "-"))
def test_the_line_to_paste_mends_the_recipe(case: Case, folder: Path, finished: Finished, capsys) -> None:
    lay_out(case, folder, finished)
    code, err = call(capsys, *case.line)
    assert code == 2
    _, recipe, *overrides = case.line[:-2]
    pasted = shlex.split(err.strip().rpartition("; set ")[2])
    assert call(capsys, "check", recipe, *overrides, *pasted) == (0, "")


SPOILERS = ("an unknown key", "a row of too many fields", "logits a token instead of logits a text")


def test_a_run_succeeds_in_the_folder_where_others_were_refused(folder: Path, finished: Finished, capsys) -> None:
    for case in (case for case in CASES if case.name in SPOILERS):
        lay_out(case, folder, finished)
        assert call(capsys, *case.line)[0] == 2
    assert call(capsys, "run", "tiny.yaml", "--out", "out") == (0, "")


@pytest.mark.parametrize("override", ["data.labelled=1000", "student.model=nowhere:build"])
def test_a_recipe_that_is_refused_leaves_the_files_of_the_last_run(
    override: str, folder: Path, finished: Finished, capsys
) -> None:
    shutil.copytree(finished.complete, folder / "out")
    before = {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()}
    assert call(capsys, "run", "tiny.yaml", override, "--out", "out")[0] == 2
    after = {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()}
    assert {path.name for path in after if after[path] != before.get(path)} == set()


def test_debug_shows_the_traceback_and_then_the_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "limbeck", "predict", "nowhere"]
    plain, debug = (
        subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True, check=False)
        for more in ([], ["--debug"])
    )
    assert (plain.returncode, debug.returncode) == (2, 2)
    assert debug.stderr.startswith("Traceback (most recent call last)")
    assert debug.stderr.endswith(plain.stderr)
    assert len(plain.stderr.splitlines()) == 1
