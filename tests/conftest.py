"""No test reaches a hub, all find the environment's programs, and torch builds its table of ONNX operators once."""

import functools
import os
import sysconfig

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
