"""The line that brings an extra comes from where Limbeck itself came."""

import importlib.metadata
import json
import sys

import pytest

from limbeck import installed


@pytest.mark.parametrize(
    ("origin", "here", "elsewhere"),
    [
        (None, "pip install 'limbeck[image]'", "pip install 'limbeck[image]'"),
        (
            {"url": "file:///a%20b/limbeck", "dir_info": {"editable": True}},
            "pip install -e '/a b/limbeck[image]'",
            "pip install './limbeck[image]'",
        ),
        ({"url": "file:///p/x", "dir_info": {}}, "pip install '/p/x[image]'", "pip install './limbeck[image]'"),
        (
            {"url": "https://me:secret@host/p.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "pip install 'limbeck[image] @ git+https://host/p.git@abc'",
            "pip install 'limbeck[image] @ git+https://host/p.git@abc'",
        ),
        ({"url": "https://host/p.zip"}, "pip install 'limbeck[image] @ https://host/p.zip'", None),
    ],
)  # fmt: skip
def test_the_line_is_that_of_this_installation(monkeypatch, origin, here, elsewhere):
    class Distribution:
        def read_text(self, name):
            return None if origin is None else json.dumps(origin)

    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Distribution())
    assert installed.line("image") == here
    if elsewhere is not None:
        assert installed.line("image", elsewhere=True) == elsewhere


def test_where_nothing_is_on_record_an_index_is_meant(monkeypatch):
    def none(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", none)
    assert installed.line() == "pip install limbeck"


def test_the_command_is_one_that_the_shell_finds(monkeypatch, tmp_path):
    own = tmp_path / ".venv" / "bin" / "limbeck"
    own.parent.mkdir(parents=True)
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(own)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed.command() == ".venv/bin/limbeck"
    monkeypatch.setenv("PATH", str(own.parent))
    assert installed.command() == "limbeck"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("PATH", "")
    assert installed.command() == str(own)
    monkeypatch.setattr(sys, "argv", ["-m"])
    assert installed.command() == f"{sys.executable} -m limbeck"
