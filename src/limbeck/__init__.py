"""Limbeck: a small student from a big teacher, and the proof of what was kept."""

import importlib
import os
from typing import TYPE_CHECKING, Any

from limbeck.version import __version__

if TYPE_CHECKING:
    from limbeck import losses
    from limbeck.errors import LimbeckError
    from limbeck.pipeline import Run, distill, run
    from limbeck.recipe import Recipe
    from limbeck.runtime import load

# onnxruntime reads it when it is imported, and else has a thread of its own from then on, for which a process that is
# forked off waits at its end, for ever.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# Torch reads it when it is imported. Small steps end in many barriers; threads that spin there, on a machine that does
# something else too, made a training 6 to 50 times slower (benchmarks/LOG.md).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOME = {
    "LimbeckError": "limbeck.errors",
    "Recipe": "limbeck.recipe",
    "Run": "limbeck.pipeline",
    "distill": "limbeck.pipeline",
    "load": "limbeck.runtime",
    "run": "limbeck.pipeline",
}
__all__ = ["LimbeckError", "Recipe", "Run", "__version__", "distill", "load", "losses", "run"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import limbeck` alone needs neither torch nor numpy."""
    if name == "load_tensors":
        raise AttributeError("limbeck.load_tensors is called limbeck.load now")
    if name == "losses":
        return importlib.import_module("limbeck.losses")
    if name in _HOME:
        try:
            return getattr(importlib.import_module(_HOME[name]), name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("limbeck"):
                raise
            from limbeck import installed
            from limbeck.errors import LimbeckError

            raise LimbeckError(f"limbeck.{name} needs {error.name}", fix=installed.line("distill")) from error
    raise AttributeError(f"module 'limbeck' has no attribute '{name}'")
