"""The examples of docs/finished_teachers.md, carried out as they stand there: what does each show?

    python benchmarks/teacher_examples.py [NAME ...]     # writes results/teacher_examples.json after each

A section is an example; it begins in an empty folder with the files of the page's first section. Files are written and
lines of shell are typed as they are printed. `SERVER` is the address of a local server of the protocol, behind which a
pipeline of scikit-learn stands in for a language model.
"""

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from guide_blocks import Block, blocks

from limbeck.data.readers import read_file
from limbeck.files import read_json, write_json
from limbeck.pipeline.order import describe_environment

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "finished_teachers.md"
RESULTS = ROOT / "benchmarks" / "results" / "teacher_examples.json"
NAMES = {
    "teacher": "teacher", "student": "student", "baseline": "baseline", "floor": "floor",
    "distilled_floor": "distilled floor",
}  # fmt: skip
_NAME = re.compile(r"<!-- table:example-(\w+) -->")
_TOGETHER = re.compile(r"  (accuracy on validation .*: .*together.*)")
"""How a run says what the members of an ensemble score, and all of them together."""
_OWN_SERVER = "export SERVER="


@dataclass(frozen=True)
class Example:
    """A section of the page.

    Attributes:
        name: as its table is called; empty: the files that every example begins with.
        blocks: in their order.
    """

    name: str
    blocks: tuple[Block, ...]


def examples(page: Path = PAGE) -> dict[str, Example]:
    """Return the examples of the page by name, in their order; each begins with the blocks of the first section."""
    lines = page.read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines, 1) if line.startswith("## ")]
    every, found, first = [*blocks(page)], {}, ()
    for start, end in zip(starts, [*starts[1:], len(lines) + 1], strict=True):
        own = tuple(block for block in every if start < block.line < end)
        named = _NAME.search("\n".join(lines[start - 1 : end - 1]))
        if not first:
            first = own
        elif named:
            found[named[1]] = Example(named[1], first + own)
    return found


def carried_out(example: Example, folder: Path) -> dict[str, Any]:
    """Do what an example says, in a folder, and return what its last run showed.

    Args:
        example: of the page.
        folder: empty.

    Raises:
        SystemExit: a line of shell failed.
    """
    said: list[str] = []
    with _server(folder) as address:
        for block in example.blocks:
            if block.file:
                (folder / block.file).write_text(block.text, encoding="utf-8")
            elif not block.text.startswith((_OWN_SERVER, "pip ")):
                said.append(_typed(block, folder, address))
    return shown(example.name, folder, said[-1])


def shown(name: str, folder: Path, said: str) -> dict[str, Any]:
    """Return what the last run in a folder showed.

    Args:
        name: of the example.
        folder: in which it was carried out.
        said: what the last line of shell printed.
    """
    last = max((folder / "runs").glob("*/evaluation.json"), key=lambda file: file.stat().st_mtime)
    evaluation, kept = read_json(last, dict), ("verdict", "sentence", "gain", "seeds", "test_examples", "cpu_seconds")
    models = {each: model for each, model in evaluation["models"].items() if each in NAMES}
    return {
        "name": name,
        "environment": describe_environment(),
        **{key: evaluation[key] for key in kept},
        "accuracy": {each: model["scores"]["accuracy"] for each, model in models.items()},
        "together": [found[1] for line in said.splitlines() if (found := _TOGETHER.fullmatch(line))],
    }


def _typed(block: Block, folder: Path, server: str) -> str:
    """Type a line of shell, and return what it printed."""
    program, *rest = shlex.split(block.text.replace("$SERVER", server))
    start = {"python": [sys.executable], "limbeck": [sys.executable, "-m", "limbeck"]}[program]
    done = subprocess.run([*start, *rest], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{PAGE.name}, line {block.line}: `{block.text}` ended with {done.returncode}: {done.stderr}")
    return done.stdout


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Run a server of the protocol, and yield its address; a pipeline that knows known.csv stands in for its model."""
    from endpoint_server import Behaviour, served  # what it needs is installed for tests only
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    @cache
    def model() -> Any:
        known = read_file(folder / "known.csv", label="label")
        return make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(known["text"], known["label"])

    with served(Behaviour(probability=lambda text: float(model().predict_proba([text])[0, 1]))) as address:
        yield address


def table(name: str) -> Callable[[dict[str, Any]], str | None]:
    """Return what writes the output of an example into the page."""

    def write(result: dict[str, Any]) -> str | None:
        return in_words(result["examples"][name]) if name in result["examples"] else None

    return write


def in_words(found: dict[str, Any]) -> str:
    """Return the last lines of a run, with the accuracy of each model."""
    models = [f"{NAMES[name]} {accuracy:.1%}" for name, accuracy in found["accuracy"].items()]
    seeds, tests = len(found["seeds"]), found["test_examples"]
    said = [*found["together"], found["sentence"]]
    said.append(f"right of {tests:,} test examples, {seeds} seed{'s' * (seeds > 1)}: {', '.join(models)}")
    cost = f"{found['cpu_seconds']:.0f} s of processor time (`python benchmarks/teacher_examples.py {found['name']}`)."
    return "\n".join(["```text", *said, "```", cost])


TABLES = {f"example-{name}": (table(name), ("teacher_examples",)) for name in examples()}
"""As `tables.py` has them."""


def main() -> None:
    """Carry out the examples that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*")
    every = examples()
    for name in parser.parse_args().names or every:
        with tempfile.TemporaryDirectory() as folder:
            found = carried_out(every[name], Path(folder))
        known = read_json(RESULTS, dict)["examples"] if RESULTS.is_file() else {}
        kept = {each: known[each] for each in every if each in known}
        write_json(RESULTS, {"command": "python benchmarks/teacher_examples.py", "examples": kept | {name: found}})
        print(f"{name}: {found['sentence']}")


if __name__ == "__main__":
    main()
