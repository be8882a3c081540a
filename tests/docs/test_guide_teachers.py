"""The guide to teachers of one's own, carried out line by line on sixty made texts; what makes it small stands here."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from guide_blocks import Block, blocks

from limbeck.cli import main
from limbeck.evaluation.schema import Evaluation
from limbeck.settings.yaml import read_yaml

sys.path.append(str(Path(__file__).parents[1] / "pipeline"))
from tiny import write_csv

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]

GUIDE = Path(__file__).parents[2] / "docs" / "teachers.md"
SMALL = {"split": {"test": 20, "validation": 10}, "labelled": 12, "labelled_per_batch": 4}
TRAIN = {"steps": 8, "batch_size": 8, "lr": 0.01, "validations": 1}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "reviews.csv", 60)
    write_csv(tmp_path / "known.csv", 200, seed=1)
    paths = list(sys.path)
    yield tmp_path
    sys.path[:] = paths
    sys.modules.pop("mine", None)


class Reader:
    """Somebody who does what the guide says."""

    def __init__(self) -> None:
        self.recipe: dict = {}
        self.runs: list[Evaluation] = []

    def does(self, block: Block) -> None:
        if block.language == "yaml" and block.file:
            self.recipe = read_yaml(block.text)
            self.recipe["data"] |= SMALL
            self.recipe |= {"seeds": [0], "student": self.recipe["student"] | {"train": TRAIN}}
            Path(block.file).write_text(yaml.safe_dump(self.recipe), encoding="utf-8")
        elif block.file:
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "yaml":  # a part, which is run in the place of the recipe's
            part = self.recipe | read_yaml(block.text)
            part["teacher"]["accept_bad"] = True  # of these texts it knows nothing
            Path("part.yaml").write_text(yaml.safe_dump(part), encoding="utf-8")
            self.limbeck("run", "part.yaml", "--out", f"runs/part-{len(self.runs)}")
        else:
            self.types(block)

    def types(self, block: Block) -> None:
        program, *rest = block.text.split()
        if program == "python":
            done = subprocess.run([sys.executable, *rest], capture_output=True, text=True, check=False)
            assert not done.returncode, done.stderr
        elif program == "limbeck":
            self.limbeck(*rest)
        else:
            assert (program, block.language) == ("pip", "shell"), f"nobody does `{block.text}`"

    def limbeck(self, command: str, *rest: str) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sys, "argv", ["limbeck", command, *rest])
            main()
        if command == "run":
            out = Path(rest[-1]) if "--out" in rest else Path("runs") / Path(rest[0]).stem
            self.runs.append(Evaluation.model_validate_json((out / "evaluation.json").read_bytes()))


def test_the_guide_is_carried_out(folder: Path) -> None:
    reader = Reader()
    for block in blocks(GUIDE):
        try:
            reader.does(block)
        except (SystemExit, AssertionError) as error:
            pytest.fail(f"docs/teachers.md, line {block.line}: {error}")
    made = Evaluation.model_validate_json(Path("runs/object/evaluation.json").read_bytes())
    assert len(reader.runs) == 4
    assert made.score("teacher") > 0.7
    assert reader.runs[0].score("teacher") > 0.7
    assert reader.runs[1].score("teacher") == reader.runs[2].score("teacher"), "the file holds the function's answers"
    assert reader.runs[3].score("teacher") == reader.runs[0].score("teacher"), "and the exported one the pipeline's"
