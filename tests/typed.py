"""A command as it is typed, in this process."""

import sys

from limbeck.cli import main


def call(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    """Return the exit code of `limbeck ARGUMENTS`, and what it wrote to standard output and standard error."""
    monkeypatch.setattr(sys, "argv", ["limbeck", *arguments])
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, *capsys.readouterr()
