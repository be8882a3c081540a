"""A loaded student in other processes: pickled, forked off with threads at work, and spawned."""

import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_cases import write_texts

import limbeck
from limbeck.errors import LimbeckError

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("house")
    (found / "bundle").mkdir()
    write_texts(found / "bundle")
    return found


TEXTS = ["good", "bad film", "dull " * 9] * 30


def answered(student: Any) -> list[str]:
    return [answer.label for answer in student.predict(TEXTS)]


def test_a_pickled_student_is_loaded_from_its_folder_anew(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    student = limbeck.load("bundle", threads=2)
    content = pickle.dumps(student)
    assert len(content) < 500, "no weights"
    monkeypatch.chdir(folder.parent)
    again = pickle.loads(content)
    assert answered(again) == answered(student)
    assert again._threads == 2
    (folder / "bundle/tokenizer.json").rename(folder / "kept")
    with pytest.raises(LimbeckError, match=r"lacks `tokenizer\.json`"):
        pickle.loads(content)
    (folder / "kept").rename(folder / "bundle/tokenizer.json")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_asks_a_student_that_is_at_work(folder, method: str) -> None:
    student = limbeck.load(folder, threads=2)
    expected = answered(student)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.map_async(answered, [student] * 2).get(timeout=60) == [expected] * 2


ASK = """
import os, sys
import limbeck
student = limbeck.load(sys.argv[1], threads=4)
expected = [answer.label for answer in student.predict(["good", "bad film"] * 50)]
process = os.fork()
if not process:
    os.chdir("/")
    {}
    del student
    sys.exit()  # an end like any other: a pool's process has a shorter one
print(os.waitpid(process, 0)[1], student.predict(["good"])[0].label == expected[0])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize(
    "asks", ["pass", 'assert [one.label for one in student.predict(["good", "bad film"] * 50)] == expected']
)
def test_a_process_that_is_forked_off_asks_and_ends(folder, asks: str) -> None:
    """The threads of onnxruntime are not copied: to ask the parent's session, or to take it down, waits for ever."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK.format(asks), "bundle"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("0 True\n", "")
