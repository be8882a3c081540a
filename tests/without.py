"""The command line as the runtime install has it: only what the base install brings can be imported."""

import functools
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path


@functools.cache
def left_out() -> list[str]:
    """Return the top-level packages of this environment that the base install does not bring."""
    brought, asked = set(), ["limbeck"]
    while asked:
        name = asked.pop()
        if name in brought:
            continue
        brought.add(name)
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # for other systems, or other Pythons
            continue
        asked += [_plain(re.split(r"[^\w.-]", need)[0]) for need in needs if "extra ==" not in need]
    owners = importlib.metadata.packages_distributions().items()
    return sorted(package for package, names in owners if not brought & {_plain(name) for name in names})


def limbeck_alone(*arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command in a process that finds nothing else.

    Args:
        arguments: of `limbeck`.
        folder: where it starts.
    """
    absent = f"sys.modules.update(dict.fromkeys({left_out()!r}))"
    code = f"import sys\n{absent}\nsys.argv = {['limbeck', *arguments]!r}\nfrom limbeck.cli import main\nmain()"
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
