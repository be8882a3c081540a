"""No test reaches a hub, all find the environment's programs, and what small runs spend their time on is made short."""

import functools
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers and datasets are imported
# As in an active environment, wherever the tests are started: messages name the command that a shell finds.
os.environ["PATH"] = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)))


@pytest.fixture(scope="session", autouse=True)
def _one_table_of_operators():
    """Keep the table that torch builds anew for every export: a fifth of a small run; files come out the same."""
    try:
        from torch.onnx._internal.exporter import _registration
    except ImportError:  # it is torch's own affair where it is kept
        yield
        return
    before = vars(_registration.ONNXRegistry)["from_torchlib"]
    once = functools.cache(_registration.ONNXRegistry.from_torchlib)
    _registration.ONNXRegistry.from_torchlib = staticmethod(once)  # it is called on a class and on an instance
    yield
    _registration.ONNXRegistry.from_torchlib = before


@pytest.fixture(scope="session", autouse=True)
def _short_samples():
    """Time models by single calls: a third of a small run goes into calls that are repeated to be timed well."""
    from limbeck.evaluation import cost

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cost, "SAMPLE_S", 1e-6)
        yield


@pytest.fixture
def quick_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the exporter out, which takes most of a small run, in a test about something else; of texts only."""
    _export_quickly(monkeypatch)


@pytest.fixture(scope="module")
def quick_exports() -> Iterator[None]:
    """The same for a module whose tests share runs."""
    with pytest.MonkeyPatch.context() as patched:
        _export_quickly(patched)
        yield


def _export_quickly(patched: pytest.MonkeyPatch) -> None:
    sys.path.append(str(Path(__file__).parent / "bad_input"))
    from workshop import export_quickly

    export_quickly(patched)
