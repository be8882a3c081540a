"""A network's ONNX file, made once a run: networks are compared by it, and a teacher may be asked through it."""

from pathlib import Path

from limbeck.bundle import export_onnx
from limbeck.console import say
from limbeck.pipeline.stages.stage import Stage, once
from limbeck.pipeline.training.learn import Trained

EXPORTS = "export"
"""The folder of a run that holds a folder a network."""


def exported(trained: Trained, folder: Path) -> Path:
    """Return a network's ONNX file, made where the folder does not hold it.

    Raises:
        Exception: whatever the exporter raises for a network that it cannot express.
    """
    path = folder / "model.onnx"

    def export(stage: Stage) -> Path:
        say(f"  exporting {folder.name}")
        export_onnx(trained.model, path, *trained.view.example)
        return path

    return once(folder, {"model": trained.digest}, export, lambda stage: path, by="each")[1]
