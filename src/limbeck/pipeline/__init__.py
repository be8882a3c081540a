"""The stages of a run, in order."""

from limbeck.pipeline.run import Run, run

__all__ = ["Run", "run"]
