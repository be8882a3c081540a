"""Do the tests notice? Each of `mutants.py` puts back one mistake that other toolkits made; some test must fail.

    make mutate                                  # all of them, a few minutes on one core
    python tests/mutate.py detach cache          # those whose name or file holds one of the words

A mutant is one or more edits of exact text, which must stand exactly once in its file: after a refactoring that moved
the text, change the edit. It counts as killed when a test fails by an assertion; tests that cannot be collected, or
that break on something else, kill nothing.
"""

import importlib.util
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    """What the tests said about a mutant: killed or not, by which test or why not."""

    killed: bool
    by: str


def main(words: list[str]) -> int:
    """Try the mutants that the words name; return 0 when every one was killed."""
    chosen = [mutant for mutant in MUTANTS if not words or any(_about(word, mutant) for word in words)]
    if not chosen:
        print("no mutant has such a name")
        return 1
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "src/limbeck"
        shutil.copytree(ROOT / "src/limbeck", package, ignore=shutil.ignore_patterns("__pycache__"))
        if problem := _unfit(chosen, package):
            print(problem)
            return 1
        survivors = 0
        for mutant in chosen:
            outcome = _try(mutant, package)
            survivors += not outcome.killed
            print(f"{'killed  ' if outcome.killed else 'SURVIVED'}  {mutant.name}\n          {outcome.by}", flush=True)
    print(f"\n{len(chosen) - survivors} of {len(chosen)} mutants killed in {time.monotonic() - start:.0f} s")
    return int(survivors > 0)


def _about(word: str, mutant: Mutant) -> bool:
    return any(word.lower() in text.lower() for text in (mutant.name, *mutant.files))


def _unfit(mutants: list[Mutant], package: Path) -> str | None:
    """Return why nothing can be learnt: texts that moved, or tests that fail without any mutant."""
    moved = [problem for mutant in mutants for problem in texts_that_moved(mutant, package)]
    if moved:
        return "\n".join(["these texts do not stand exactly once in their files; change the edits:", *moved])
    tests = list(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
    print(f"{len(mutants)} mutants; the tests as they are ...", flush=True)
    code, said = _pytest(tests, package)
    return None if code == 0 else f"they fail without a mutant (exit code {code}):\n{said}"


def texts_that_moved(mutant: Mutant, package: Path) -> list[str]:
    """Return a line for each text of a mutant that does not stand exactly once in its file."""
    problems = []
    for file, edits in mutant.files.items():
        text = (package / file).read_text(encoding="utf-8") if (package / file).is_file() else ""
        counts = {old: text.count(old) for old, _ in edits}
        problems += [f"  {mutant.name}: {n} times in {file}: {old!r}" for old, n in counts.items() if n != 1]
    return problems


def _try(mutant: Mutant, package: Path) -> Outcome:
    """Run the tests on the mutant, and put the files back."""
    before = {file: (package / file).read_text(encoding="utf-8") for file in mutant.files}
    try:
        for file, edits in mutant.files.items():
            _write(package / file, _edited(before[file], edits))
        return _judged(*_pytest(mutant.tests, package))
    finally:
        for file, text in before.items():
            _write(package / file, text)


def _write(path: Path, text: str) -> None:
    """Write a source file and forget its bytecode: two mutants may have the same size within the same second."""
    path.write_text(text, encoding="utf-8")
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def _edited(text: str, edits: tuple[tuple[str, str], ...]) -> str:
    """Apply all edits to the text as it stands: what one puts in is not found by the next."""
    new = dict(edits)
    return re.sub("|".join(re.escape(old) for old in new), lambda match: new[match.group()], text)


def _judged(code: int, said: str) -> Outcome:
    failed = re.search(r"^FAILED (\S+?\.py::.+?) - (.*)$", said, re.MULTILINE)
    if code == 0:
        return Outcome(False, "every test passed")
    if code != 1 or failed is None:
        return Outcome(False, f"pytest broke (exit code {code}):\n{said[-3000:]}")
    test, why = failed.groups()
    if not why.startswith(("assert", "AssertionError", "Failed:")):
        return Outcome(False, f"{test} broke on something else: {why}")
    return Outcome(True, test)


def _pytest(tests: Sequence[str], package: Path) -> tuple[int, str]:
    """Run the tests on a copy of the package; return pytest's exit code and what it said.

    In a fork of this process, which has imported PyTorch, but nothing of the package: a third of a new one's time.
    """
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            code = 70
            try:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                sys.path.insert(0, str(package.parent))
                os.environ |= {"PYTHONPATH": str(package.parent), "COLUMNS": "1000"}
                code = _child(tests, package)
            finally:
                sys.stdout.flush()
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        return code, said.read()


def _child(tests: Sequence[str], package: Path) -> int:
    import limbeck

    if Path(limbeck.__file__).parent != package:
        print(f"imported {limbeck.__file__}, which is no mutant")
        return 71
    torch.set_num_threads(1)
    # Its plugin imports all of hypothesis at the end, also where no test uses it.
    return int(pytest.main(["-x", "-q", "--tb=short", "-rf", "-p", "no:hypothesispytest", "-m", "not slow", *tests]))


if __name__ == "__main__":
    os.chdir(ROOT)
    torch.testing.assert_close(torch.ones(1), torch.ones(1))  # imports more of PyTorch, once and not in every fork
    sys.exit(main(sys.argv[1:]))
