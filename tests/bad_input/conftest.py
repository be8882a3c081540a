import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # what the hub says depends on it
sys.path.append(str(Path(__file__).parent.parent / "pipeline"))  # the tiny recipe
sys.path.append(str(Path(__file__).parent.parent / "teachers"))  # small ONNX files

from cases import PINNED
from workshop import Finished, Snapshot, export_quickly, write_tiny

UPDATE = os.environ.get("LIMBECK_UPDATE_SNAPSHOT") == "1"


@pytest.fixture(scope="session")
def snapshot() -> Iterator[Snapshot]:
    pinned = Snapshot(update=UPDATE)
    yield pinned
    if UPDATE:
        pinned.write(PINNED)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh working folder with the tiny recipe; modules that the command imports from it are forgotten again."""
    monkeypatch.chdir(tmp_path)
    export_quickly(monkeypatch)
    monkeypatch.setattr(sys, "path", [*sys.path])
    write_tiny(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (tmp_path / f"{name}.py").is_file():
            del sys.modules[name]
