"""The stages of a run, in order."""

from limbeck.pipeline.distill import distill
from limbeck.pipeline.order import Run, run

__all__ = ["Run", "distill", "run"]
