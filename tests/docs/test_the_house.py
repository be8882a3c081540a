"""The shape of the house: who may ask what something is, one name a class, files and functions of a readable size."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutants import MUTANTS
from mutate import texts_that_moved

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/limbeck"
FILES = {file.relative_to(SOURCE).as_posix(): file for file in sorted(SOURCE.rglob("*.py"))}
TREES = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in FILES.items()}

OWNERS = {
    "modality": ("modalities/", "runtime/readers/", "runtime/rows.py"),
    "task": ("tasks/", "runtime/decisions.py"),
    "teacher": ("teachers/",),
    "codec": ("cache/codecs/",),
}
"""Where each of them may be told apart: its catalogue."""
TYPES = {
    "modality": re.compile(r"\w*(Modality|Reads|Reader|Form)$|^(Ragged|Stacked|Parts|Examples)$"),
    "task": re.compile(r"^(Classification\w*|\w*Task)$"),
    "teacher": re.compile(r"\w*Teacher(Settings)?$"),
    "codec": re.compile(r"\w*Codec(Settings)?$"),
}
OTHER_KINDS = {
    ("pipeline/training/start.py", "biufc"),  # of a dtype
    ("data/readers.py", "ClassLabel"),  # a feature of `datasets`
    ("data/tables.py", "column"),  # of a column's role
    ("evaluation/metrics.py", "iu"),  # of a dtype
    ("pipeline/judging/models.py", "higher"),  # `task.metric.better`
    ("pipeline/training/side_by_side.py", "line"),  # of a message between processes
    ("pipeline/training/side_by_side.py", "done"),
    ("pipeline/training/side_by_side.py", "began"),
}
"""Kinds of something else."""
LINES, FUNCTION, PARAMETERS = 400, 50, 8


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _names(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def _asked(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the types that `isinstance` asks for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass"):
            yield from ((node.lineno, name) for name in _names(node.args[1]))


def _compared(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield what a `kind`, `modality` or `task` is compared with, where that is a text."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        subject = {name for side in sides for name in _names(side)} & {"kind", "modality", "task", "codec"}
        texts = [
            part.value
            for side in sides
            for part in ast.walk(side)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
        if subject and texts:
            yield node.lineno, texts[0]


@pytest.mark.parametrize("what", OWNERS)
def test_nobody_asks_which_one_it_is_outside_its_catalogue(what: str) -> None:
    found = [
        f"{name}:{line}: {asked}"
        for name, tree in TREES.items()
        if not name.startswith(OWNERS[what])
        for line, asked in _asked(tree)
        if TYPES[what].match(asked)
    ]
    assert not found


def test_nobody_compares_a_kind_with_a_word_outside_its_catalogue() -> None:
    everywhere = tuple(owner for owners in OWNERS.values() for owner in owners)
    found = [
        f"{name}:{line}: {word!r}"
        for name, tree in TREES.items()
        if not name.startswith((*everywhere, "settings/", "losses/", "report/figures/"))
        for line, word in _compared(tree)
        if (name, word) not in OTHER_KINDS
    ]
    assert not found


def test_no_class_name_twice() -> None:
    places = defaultdict(list)
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name)
    assert not {name: files for name, files in places.items() if len(files) > 1 and not name.startswith("_")}


def test_files_are_of_a_readable_size() -> None:
    """A longer one says at its top why it is better whole: `# One file: ...`."""
    every = [*SOURCE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    texts = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in every}
    long = {name: text.count("\n") for name, text in texts.items() if text.count("\n") > LINES}
    assert not {name: lines for name, lines in long.items() if "\n# One file: " not in texts[name]}


def test_functions_are_of_a_readable_size() -> None:
    """Without its docstring, at most 50 lines, and at most 8 parameters; another one says why in a comment above."""
    found = []
    for name, tree in TREES.items():
        source = FILES[name].read_text(encoding="utf-8").splitlines()
        for node in _functions(tree):
            arguments = node.args
            count = len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs])
            count -= bool(arguments.args and arguments.args[0].arg in ("self", "cls"))
            text = ast.get_docstring(node, clean=False)
            docs = text.count("\n") + 1 if text else 0
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - docs
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            defended = source[first - 2].strip().startswith("# ")
            if (lines > FUNCTION or count > PARAMETERS) and not defended:
                found.append(f"{name}:{node.lineno} {node.name}: {lines} lines, {count} parameters")
    assert not found


def test_each_package_says_what_it_is() -> None:
    counted = Counter(ast.get_docstring(tree) is None for tree in TREES.values())
    assert not counted[True]


def test_every_mutant_fits_the_source():
    """`make mutate` takes an hour: an edit whose text has moved is to be seen before."""
    moved = [problem for mutant in MUTANTS for problem in texts_that_moved(mutant, SOURCE)]
    assert not moved, "\n".join(moved)


def test_every_mutant_names_tests_that_are_there():
    """The tests of all mutants are run together before the first one: a single one that has moved ends them all."""
    named = {node for mutant in MUTANTS for node in mutant.tests}
    texts = {node: ROOT / node.partition("::")[0] for node in named}
    assert not [node for node, file in texts.items() if not file.is_file()]
    asked = {node: re.split(r"\[", node.split("::")[-1])[0] for node in named if "::" in node}
    assert not [node for node, name in asked.items() if f"def {name}(" not in texts[node].read_text(encoding="utf-8")]
