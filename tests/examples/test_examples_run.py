"""A newcomer's first contact: each file runs as its first line says, and each is found from the docs."""

import re
import runpy

import pytest
from example_files import FOLDER

EXAMPLES = sorted(path.name for path in FOLDER.glob("*.py"))


@pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated:FutureWarning")  # Lightning, of torch
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_as_its_first_line_says(name, tmp_path, monkeypatch, capsys):
    command = re.search(r'^""".*`python (\S+)`', (FOLDER / name).read_text(encoding="utf-8"))
    assert command is not None
    assert command.group(1) == f"examples/{name}"
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(FOLDER / name), run_name="__main__")
    assert capsys.readouterr().out.count("\n") >= 2
    assert not list(tmp_path.iterdir()), "an example leaves no files behind"


def test_the_page_names_every_example():
    page = (FOLDER.parent / "docs/other_loops.md").read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"examples/(\w+\.py)", page))) == EXAMPLES
