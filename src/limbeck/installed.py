"""How this very installation came to be: the line that brings an extra to it, and the command that a shell finds."""

import importlib.metadata
import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

CHECKOUT = "./limbeck"
"""What a folder of the project is called where its own place says nothing, as on another machine."""


def line(*extras: str, elsewhere: bool = False) -> str:
    """Return the line that installs Limbeck from where this installation came: an index, a folder or a repository.

    Args:
        extras: of the project; none: the runtime alone.
        elsewhere: whether the line is for another machine, where a folder of this one is not.
    """
    origin = _origin()
    url, named = str(origin.get("url", "")), f"[{','.join(extras)}]" if extras else ""
    if "vcs_info" in origin:
        commit = origin["vcs_info"].get("commit_id", "")
        return _line(
            f"limbeck{named} @ {origin['vcs_info'].get('vcs', 'git')}+{_bare(url)}{f'@{commit}' * bool(commit)}"
        )
    if url.startswith("file:"):
        place = CHECKOUT if elsewhere else unquote(urlsplit(url).path)
        editable = "" if elsewhere or not origin.get("dir_info", {}).get("editable") else "-e "
        return _line(f"{place}{named}", editable)
    if url:
        return _line(f"limbeck{named} @ {_bare(url)}")
    return _line(f"limbeck{named}")


def command() -> str:
    """Return the command as a shell in this folder finds it: a path where the environment is not active."""
    own = Path(sys.argv[0])
    if own.stem != "limbeck":
        return "limbeck" if shutil.which("limbeck") else f"{shlex.quote(sys.executable)} -m limbeck"
    found = shutil.which("limbeck")
    if found is not None and own.exists() and Path(found).samefile(own):
        return "limbeck"
    place, here = own.absolute(), Path.cwd()
    return shlex.quote(str(place.relative_to(here) if place.is_relative_to(here) else place))


def _line(what: str, options: str = "") -> str:
    return f"pip install {options}{shlex.quote(what)}"


def _bare(url: str) -> str:
    """Return an address without a user and a password in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _origin() -> dict[str, Any]:
    """Return what pip recorded (PEP 610); nothing of an installation from an index, and of a folder on the path."""
    try:
        found = json.loads(importlib.metadata.distribution("limbeck").read_text("direct_url.json") or "{}")
    except (importlib.metadata.PackageNotFoundError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
