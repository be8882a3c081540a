"""What production installs need: nothing that makes students is imported to use one."""

import os
import re
import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "pydantic", "datasets", "pyarrow", "pandas", "scipy", "sklearn", "yaml"}


def imported_by(code):
    """Return the top-level packages that a fresh interpreter has imported after `code`."""
    script = f"{code}\nimport sys\nprint('\\n' + ' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


def test_runtime_needs_none_of_what_makes_students():
    names = imported_by("import limbeck\nlimbeck.load")
    assert {"limbeck", "onnxruntime", "tokenizers", "numpy"} <= names
    assert not names & HEAVY


def imported_by_command(*arguments):
    return imported_by(f"import sys\nsys.argv = {['limbeck', *arguments]}\nfrom limbeck.cli import main\nmain()")


def test_help_is_instant():
    names = imported_by_command("--help")
    assert "typer" in names
    assert not names & (HEAVY | {"numpy", "onnxruntime", "tokenizers"})


@pytest.mark.parametrize("command", ["run", "predict"])
def test_help_of_a_command_is_instant(command):
    """Newer versions of typer read a command's options with pydantic; the rest is ours to leave out."""
    names = imported_by_command(command, "--help")
    assert not names & (HEAVY - {"pydantic"} | {"numpy", "onnxruntime", "tokenizers"})


@pytest.mark.parametrize("given", [None, "ACTIVE"])
def test_threads_of_small_steps_do_not_spin_but_where_that_is_asked_for(given):
    """Torch reads it when it is imported: an import of ours before is early enough."""
    asked = {} if given is None else {"OMP_WAIT_POLICY": given}
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | asked
    code = "import limbeck, os; print(os.environ['OMP_WAIT_POLICY'])"
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == (given or "PASSIVE")


def test_the_forms_that_help_names_are_those_that_are_read():
    """In one place in words, which imports nothing, and in another one in functions."""
    from limbeck.files import FORMS
    from limbeck.runtime.records import SUFFIXES

    named = {f".{word}" for word in re.findall("[a-z]+", FORMS)} - {".or"}
    assert named == set(SUFFIXES) - {".ndjson", ".json"}
    for command in ("predict", "evaluate"):
        found = subprocess.run(
            [sys.executable, "-m", "limbeck", command, "--help"], capture_output=True, text=True, check=True
        )
        assert FORMS in re.sub(r"[\s│]+", " ", found.stdout)
