"""What changes the digest of an object's code, and what does not."""

import importlib
import itertools
import linecache
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from limbeck.code import code_of

NET = '''"""A network."""
from made_helpers import scale, {unused}
import json

class Net:
    def __init__(self, width):
        self.width, self.kinds = width, {{"a", "b", "c"}}

    def forward(self, x):  {comment}
        return scale(x, {factor}){spaces}

def build(width=4):
    return Net(width)
'''


class Folder:
    """Modules of somebody's, loaded anew after each change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.net()
        self.write(
            "made_helpers", "from made_tables import TABLE\ndef scale(x, factor): return TABLE[0] * x\nother = 1\n"
        )
        self.write("made_tables", "TABLE = [1]\n")
        self.write("made_unrelated", "import made_net\n")

    def net(self, factor: str = "2", comment: str = "", spaces: str = "", unused: str = "other") -> None:
        self.write("made_net", NET.format(factor=factor, comment=comment, spaces=spaces, unused=unused))

    def write(self, name: str, text: str) -> None:
        (self.path / f"{name}.py").write_text(text)

    def load(self):
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.startswith("made_")]:
            del sys.modules[name]
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            return importlib.import_module("made_net")
        finally:
            sys.dont_write_bytecode = before

    def code(self, of="build") -> str:
        module = self.load()
        found = code_of([getattr(module, of) if isinstance(of, str) else of(module)])
        assert found.unverifiable == ()
        return found.digest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    yield Folder(tmp_path)
    for name in [name for name in sys.modules if name.startswith("made_")]:
        del sys.modules[name]


@pytest.mark.parametrize("of", ["build", "Net", lambda module: module.Net(4), lambda module: partial(module.build, 4)])
def test_code_is_that_of_the_modules_that_are_reached(folder, of):
    first = folder.code(of)
    folder.net(comment="# a comment", spaces="\n\n\n")
    folder.write("made_unrelated", "import made_net\nX = 1\n")
    assert folder.code(of) == first
    folder.write("made_tables", "TABLE = [3]\n")
    assert folder.code(of) != first, "imported by what it imports"
    folder.write("made_tables", "TABLE = [1]\n")
    folder.net(factor="3")
    assert folder.code(of) != first
    folder.net()
    assert folder.code(of) == first


def test_packages_and_imports_within_them(folder):
    (folder.path / "made_pack/deep").mkdir(parents=True)
    for name, text in {
        "made_pack/__init__": "",
        "made_pack/rates": "RATE = 1\n",
        "made_pack/deep/__init__": "",
        "made_pack/deep/net": "from .. import rates\nclass Net: pass\n",
    }.items():
        folder.write(name, text)
    folder.write("made_net", "def build():\n    from made_pack.deep import net\n    return net.Net()\n")
    codes = [folder.code(lambda module: module.build())]
    for name, text in {"made_pack/__init__": "X = 1\n", "made_pack/rates": "RATE = 2\n"}.items():
        folder.write(name, text)
        codes.append(folder.code(lambda module: module.build()))
    assert len(set(codes)) == 3
    folder.write("made_pack/deep/net", "class Net: pass\n")
    codes = [folder.code(lambda module: module.build())]
    folder.write("made_pack/__init__", "X = 3\n")
    assert folder.code(lambda module: module.build()) not in codes, "a module's packages run before it"


def test_a_module_that_stands_in_the_namespace_is_reached_without_an_import_statement(folder):
    folder.write(
        "made_net", "import importlib\ntables = importlib.import_module('made_' + 'tables')\ndef build(): pass\n"
    )
    first = folder.code()
    folder.write("made_tables", "TABLE = [2]\n")
    assert folder.code() != first


def test_a_file_that_is_edited_counts_when_it_is_loaded_anew(folder):
    """Until then the old code is at work, as in a notebook."""
    module = folder.load()
    first = code_of([module.build]).digest
    folder.net(factor="3")
    assert code_of([module.build]).digest == first
    old = module.Net(1)
    assert code_of([importlib.reload(module).build]).digest != first
    assert code_of([old]).unverifiable == ("`Net` is of a module that was loaded anew since",)


def test_values_of_functions_and_instances_count(folder):
    module = folder.load()
    names = ["x", "y", "z"]

    def make(value, default=1, *, key=2):
        return lambda x=default, *, y=key: (x, y, value)

    different = [
        make(1),
        make(2),
        make([1, {"a": 2.5}]),
        make(1, 2),
        make(1, key=3),
        make(make(1)),
        make(make(2)),
        make(module.Net(1)),
        make(module.Net(2)),
        make(module),
        make(print),
        make(Path("a").joinpath),
        partial(make, 1),
        partial(make, value=1),
        lambda: 1,
        lambda: 2,
    ]
    codes = [code_of([each]) for each in different]
    assert all(code.unverifiable == () for code in codes)
    assert len({code.digest for code in codes}) == len(different)
    assert code_of([make([1, set(names)])]) == code_of([make([1, set(names)])])
    a, b = ["one", "two"]
    assert code_of([[a, a]]) == code_of([[a, "".join(["on", "e"])]]), "whether two values are one object is chance"
    assert code_of([a]) != code_of([b])


def test_a_method_that_is_put_in_its_place_counts(folder):
    first = folder.code("Net")
    module = folder.load()
    module.Net.forward = test_values_of_functions_and_instances_count
    assert code_of([module.Net]).digest != first


def test_what_refers_to_itself_has_an_end(folder):
    net = folder.load().Net(1)
    net.me, net.list = net, [net]
    assert code_of([net]).unverifiable == ()


def test_another_process_finds_the_same(folder):
    """Neither the addresses of objects nor the order of sets get in."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import made_net; from limbeck.code import code_of\n"
        "print(code_of([made_net.build, made_net.Net(3), {'x', 'y', 'z'}, lambda v: v in {'p', 'q', 'r'}]).digest)"
    )
    (folder.path / "made_script.py").write_text(script)
    line = [sys.executable, str(folder.path / "made_script.py"), str(folder.path)]
    said = {subprocess.check_output(line, env={"PYTHONHASHSEED": seed, "PYTHONPATH": path}) for seed, path in hashes()}
    assert len(said) == 1


def hashes():
    return itertools.product(["1", "2"], [":".join(sys.path)])


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ("typed", "`typed` has no source (typed in, or made by exec)"),
        ("Typed", "`Typed` has no source (typed in, or made by exec)"),
        ("lock", "a lock cannot be compared (TypeError: cannot pickle '_thread.lock' object)"),
        ("made_fast", "`made_fast` has no Python source"),
    ],
)
def test_what_cannot_be_verified_says_why(folder, objects, reason):
    made: dict[str, object] = {"__name__": "typed_in"}
    exec("def typed(): pass\nclass Typed:\n    def f(self): return typed()", made)
    made["lock"] = [threading.Lock()]
    if objects == "made_fast":
        (folder.path / "made_fast.py").write_text("x = 1\n")
        made["made_fast"] = importlib.import_module("made_fast")
        made["made_fast"].__file__ = str(folder.path / "made_fast.so")
        (folder.path / "made_fast.so").write_bytes(b"\x7fELF\x00")
    (found, *_) = code_of([made[objects]]).unverifiable
    assert found.startswith(reason)


def test_libraries_and_limbeck_itself_do_not_count():
    import torch

    from limbeck.models import build_model

    assert (
        code_of([torch.nn.Linear, torch.nn.functional.gelu, torch.relu, build_model, subprocess.run]).unverifiable == ()
    )
    assert code_of([build_model]).digest == code_of([build_model]).digest


SETTINGS = """LEVEL, calls = 0.5, 0
import made_tables

def half(x):
    global calls
    calls += 1
    return x * LEVEL

class Net:
    share = 1
    def forward(self, x): return half(x)
    def other(self, x): return x
"""


def test_values_that_code_reads_by_name_count_whoever_set_them(folder):
    folder.write("made_net", SETTINGS)
    module = folder.load()
    net = module.Net()

    def code():
        return code_of([net]).digest

    first = code()
    module.calls += 1  # what the code itself sets is none of its settings
    assert code() == first
    found = {first}
    for place, name, value in ((module, "LEVEL", 0.1), (module.Net, "share", 2), (module.Net, "forward", None)):
        before = getattr(place, name)
        setattr(place, name, module.Net.other if value is None else value)
        found.add(code())
        setattr(place, name, before)
    assert len(found) == 4
    assert code() == first


TABLE = """import numpy
TABLE, KEPT = numpy.zeros(3), {}
def encode(x):
    KEPT[x] = x
    return x * TABLE
"""


def test_arrays_that_code_reads_by_name_count_and_what_it_keeps_does_not(folder):
    """An encoder's numbers may come from a file that the module loads."""
    folder.write("made_net", TABLE)
    module = folder.load()

    def code():
        return code_of([module.encode], lambda one: [one.tolist()] if isinstance(one, np.ndarray) else None).digest

    first = code()
    module.encode(1)
    assert code() == first
    module.TABLE[1] = 1e-9
    assert code() != first


def test_functions_that_were_typed_in_are_told_apart_by_what_they_read(folder):
    """All lambdas have one name."""
    lines = "TABLE = [{}]\ndef f(x): return {}\nfirst = lambda x: x\nsecond = lambda x: f(x) + TABLE[0]\n"

    def code(number, body):
        source, space = lines.format(number, body), {"__name__": "made_typed"}
        name = f"<made {number} {body}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), space)  # as a notebook does
        return code_of([space["first"], space["second"]])

    assert len({code(1, "x").digest, code(1, "x + 1").digest, code(2, "x").digest}) == 3
    assert not code(1, "x").unverifiable


@pytest.mark.parametrize(("text", "edited"), [("factor", True), ("factor  # twice", False)])
def test_a_file_that_is_edited_before_it_is_read_is_said(folder, text, edited):
    """The old code is at work, under the new text."""
    module = folder.load()
    tables = folder.path / "made_helpers.py"
    old = tables.read_text()
    tables.write_text(old.replace("* x\n", f"* x * {text}\n") if edited else old.replace("* x\n", "* x  # twice\n"))
    assert bool(code_of([module.build]).unverifiable) == edited


def test_a_module_of_the_users_counts_under_a_name_of_the_standard_library(folder, monkeypatch):
    codes = set()
    for body in ("x", "x + 1"):
        folder.write("made_net", f"def build(x): return {body}\n")
        module = folder.load()
        monkeypatch.setitem(sys.modules, "statistics", module)
        module.__name__ = module.build.__module__ = "statistics"
        codes.add(code_of([module.build]).digest)
    assert len(codes) == 2
