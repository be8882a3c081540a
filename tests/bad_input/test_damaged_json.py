"""Every JSON file of a run, damaged: what reads it says one line, or makes it anew."""

import json
import shutil
from pathlib import Path

import pytest
from workshop import Finished, call, debris

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

WAYS = {
    "cut short": lambda text: text[: len(text) // 2],
    "of another type": lambda text: '[{"a": 1}]' if text.startswith("{") else '{"a": 1}',
    "of values of other types": lambda text: json.dumps(_other(json.loads(text))),
}
FIRST, *OTHERS = WAYS
GRID = ("run", "tiny.yaml", "grid={train.lr: [0.01, 0.02]}", "--out", "out")
JUDGED_AGAIN = ("run", "tiny.yaml", "grid={train.lr: [0.01, 0.02]}", "task.metric=f1_macro", "--out", "out")
READERS = {
    "bundle.json": [("evaluate", "out", "rows.csv"), ("predict", "out", "texts.txt")],
    "evaluation.json": [("evaluate", "out", "rows.csv"), JUDGED_AGAIN],
    "test_evaluations.json": [JUDGED_AGAIN],
}
"""What else reads a file than the same run again."""


def _other(value: object) -> object:
    """Return the value with every entry of another type."""
    if isinstance(value, dict):
        return {key: _other(one) for key, one in value.items()}
    return 3 if isinstance(value, str | list | bool) or value is None else "x"


@pytest.mark.parametrize("way", [FIRST, *(pytest.param(way, marks=pytest.mark.slow) for way in OTHERS)])
def test_a_damaged_json_file_is_a_line_or_is_made_anew(way: str, folder: Path, finished: Finished, capsys) -> None:
    (folder / "texts.txt").write_text("a text\n", encoding="utf-8")
    shutil.copytree(finished.complete, folder / "out")
    assert call(capsys, *GRID)[0] == 0
    (folder / "out").rename(folder / "whole")
    found = sorted((folder / "whole").rglob("*.json"))
    one_each = {path.name: str(path.relative_to(folder / "whole")) for path in found}  # of a name all are alike
    assert {*READERS, "student.json", "stage.json", "manifest.json", "history.json"} <= one_each.keys()
    bad = []
    for name in one_each.values():
        for line in [GRID, *READERS.get(Path(name).name, [])]:
            shutil.copytree(folder / "whole", folder / "out")
            path = folder / "out" / name
            path.write_text(WAYS[way](path.read_text(encoding="utf-8")), encoding="utf-8")
            try:
                code, said = call(capsys, *line)
            except Exception as error:
                bad.append(f"{name}, {line[0]}: {type(error).__name__}: {error}")
            else:
                if code not in (0, 2) or (code == 2 and len(said.splitlines()) != 1):
                    bad.append(f"{name}, {line[0]}: {code} {said}")
            shutil.rmtree(folder / "out")
    assert not bad, "\n".join(bad)
    assert debris(folder) == []


@pytest.mark.parametrize("way", ["cut short", "of another type"])
def test_a_list_of_test_uses_that_is_damaged_is_not_forgotten(way, folder: Path, finished: Finished, capsys) -> None:
    shutil.copytree(finished.complete, folder / "out")
    (path,) = (folder / "out").rglob("test_evaluations.json")
    path.write_text(WAYS[way](path.read_text(encoding="utf-8")), encoding="utf-8")
    code, said = call(capsys, "run", "tiny.yaml", "task.metric=f1_macro", "--out", "out")
    assert code == 2
    assert "forgets the earlier uses of the test split" in said
