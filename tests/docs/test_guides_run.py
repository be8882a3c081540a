"""The guides to images and sound, carried out line by line on a hundred made rows, with networks of a few numbers.

Each line of shell is typed, each file that is shown is written, each part of a recipe takes its place and is run. What
makes it small stands in one table.
"""

import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import guide_files
import pytest
import yaml
from guide_blocks import Block, blocks

from limbeck.cli import main
from limbeck.evaluation.schema import Evaluation
from limbeck.modalities.audio import speech
from limbeck.pipeline import order
from limbeck.pipeline.judging import testing
from limbeck.pipeline.judging.export import Exported
from limbeck.settings.yaml import read_yaml
from made_speech import Embedding, Mel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

ROOT = Path(__file__).parents[2]
EVERY = [
    "seeds=[0]",
    "data.labelled=30",
    "data.labelled_per_batch=4",
    "student.model.width=4",
    "student.train={steps: 20, batch_size: 16, lr: 0.02, validations: 1}",
    "teacher.accept_bad=true",
]
SMALL = {
    "images": {
        "photos.yaml": [
            "data.split={test: 30, validation: 20}",
            "data.augment.copies=1",
            "teacher.model.width=4",
            "teacher.train={steps: 20, batch_size: 16, lr: 0.02, validations: 1}",
        ],
        "resnet56.safetensors": ["teacher.build.depth=8", "teacher.build.width=4"],
        "my-vit": [],
        "own-vit": [],
        "teacher.onnx": [],
    },
    "sound": {
        "clips.yaml": ["data.split={test: 30, validation: 20}", "student.reads.seconds=0.25", "student.model.bands=16"],
        "clips.csv": ["data.split.validation=20"],
        "my-commands": [],
        "myencoder:features": ["teacher.reads.seconds=0.25"],
        "teacher.onnx": [],
    },
}
"""Of each guide the recipe, and the parts of it that are shown, by a word in each: what makes them small."""
PACKAGED = ["data.split.test=10", "data.split.validation=10", "data.labelled=20"]
"""What lets a packaged recipe be checked on a made folder."""
MADE: dict[str, Callable[[Path], None]] = {"images": guide_files.photos, "sound": guide_files.clips}
WITHOUT_TORCH = "import sys; sys.modules |= dict.fromkeys(('torch', 'yaml', 'sklearn', 'transformers'))\n"


@dataclass
class Reader:
    """Somebody who does what a guide says, in a folder of their own.

    Attributes:
        guide: its name.
        recipe: as it was shown, whole.
        runs: results, in their order.
        used: the words of `SMALL` that were needed.
    """

    guide: str
    recipe: dict[str, Any] = field(default_factory=dict)
    runs: list[Evaluation] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def does(self, block: Block) -> None:
        """Do what a block says; fail where nobody knows how."""
        if block.file:
            Path(block.file).write_text(block.text, encoding="utf-8")
            if block.language == "yaml":
                self.recipe = read_yaml(block.text)
        elif block.language == "path":
            assert Path(block.text).is_file()
        elif block.language == "shell":
            self.types(block.text)
        elif block.language == "python":
            assert _alone(block.text)
        elif block.language == "yaml":
            self.replaces(read_yaml(block.text))
        else:
            pytest.fail(f"nobody runs a block of `{block.language}`")

    def types(self, line: str) -> None:
        """Type a line of shell; whatever an installation without torch can do is done without it."""
        program, command, *rest = shlex.split(line)
        match program, command:
            case "pip", "install":
                extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
                for package in rest:
                    assert set(package.partition("[")[2].removesuffix("]").split(",")) <= extras.keys()
            case "limbeck", "check":
                _limbeck(command, *rest, *(self.small(rest[0]) if Path(rest[0]).is_file() else PACKAGED))
            case "limbeck", "run":
                _limbeck(command, *rest, *self.small(rest[0]))
                self.finished(Path("runs") / Path(rest[0]).stem)
            case "limbeck", "predict":
                assert _alone(f"sys.argv = {['limbeck', command, *rest]}\nfrom limbeck.cli import main\nmain()")
            case "limbeck", "evaluate" | "recipes":
                _limbeck(command, *rest)
            case _:
                pytest.fail(f"nobody types `{line}`")

    def replaces(self, part: dict[str, Any]) -> None:
        """Run the recipe with a part of it replaced by what was shown; the export, which is the same, is left out."""
        Path("part.yaml").write_text(yaml.safe_dump(self.recipe | part), encoding="utf-8")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(order, "export_all", lambda *_: Exported({}, {"student": "it stays here"}))
            words = yaml.safe_dump(part)
            (word,) = [word for word in SMALL[self.guide] if word in words]
            whole = next(iter(SMALL[self.guide]))
            others = [line for line in self.small(whole) if line.split(".")[0] not in part and line not in EVERY]
            out = f"runs/part-{len(self.runs)}"
            _limbeck("run", "part.yaml", *others, *self.small(word), "--out", out)
        self.finished(Path(out))

    def small(self, word: str) -> list[str]:
        """Return what makes a run small."""
        self.used.add(word)
        return EVERY + SMALL[self.guide][word]

    def finished(self, out: Path) -> None:
        """Look at what a run left."""
        assert (out / "report.html").stat().st_size > 10_000
        self.runs.append(Evaluation.model_validate_json((out / "evaluation.json").read_bytes()))


def _limbeck(*arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["limbeck", *arguments])
        main()


def _alone(code: str) -> str:
    """Return what Python code prints in a process of its own, where nothing is installed that makes students."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH + code], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture
def _a_folder_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    every, paths, modules = order.export_all, list(sys.path), set(sys.modules)
    monkeypatch.chdir(tmp_path)
    # What teachers and baselines become is shown elsewhere.
    monkeypatch.setattr(order, "export_all", lambda _, arms, out: every({}, {"student": arms["student"]}, out))
    monkeypatch.setattr(testing, "measure_all", partial(testing.measure_all, latency_repeats=1, budget_s=0.01))
    monkeypatch.setattr(speech, "_files", lambda: (Mel(), Embedding()))
    yield
    sys.path[:] = paths
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.usefixtures("_a_folder_of_ones_own")
@pytest.mark.parametrize("guide", ["images", pytest.param("sound", marks=pytest.mark.slow)])
def test_a_guide_is_carried_out(guide: str) -> None:
    MADE[guide](Path())
    reader = Reader(guide)
    for block in blocks(ROOT / "docs" / f"{guide}.md"):
        try:
            reader.does(block)
        except (SystemExit, AssertionError) as error:
            pytest.fail(f"docs/{guide}.md, line {block.line}: {error}")
    assert reader.used == SMALL[guide].keys()
    assert all(result.models.keys() >= {"teacher", "student", "baseline"} for result in reader.runs)


def test_a_block_that_nobody_runs_is_found(tmp_path: Path) -> None:
    guide = tmp_path / "guide.md"
    guide.write_text(
        "Text.\n\n    limbeck fly home  # so\n    there/is.jpg\n\n```ruby\nputs 1\n```\n", encoding="utf-8"
    )
    found = list(blocks(guide))
    assert [(block.language, block.text, block.line) for block in found] == [
        ("shell", "limbeck fly home", 3),
        ("path", "there/is.jpg", 4),
        ("ruby", "puts 1\n", 6),
    ]
    for block in (found[0], found[2]):
        with pytest.raises(pytest.fail.Exception, match="nobody"):
            Reader("images").does(block)
