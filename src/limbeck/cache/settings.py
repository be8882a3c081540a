"""What a recipe says about the teacher cache."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from limbeck.cache.codecs import DEFAULT, CodecSettings
from limbeck.files import named_path
from limbeck.settings import Settings


class CacheSettings(Settings):
    """How the teacher's answers are kept, and where."""

    codec: Annotated[CodecSettings, Field(description="how a prediction is stored")] = DEFAULT
    path: Annotated[
        str | None,
        Field(
            min_length=1, description="a folder for the answers of this teacher, also for later runs; null: the run's"
        ),
    ] = None

    engine: Annotated[
        Literal["torch", "onnxruntime"],
        Field(
            description="what asks a teacher that is a network of PyTorch; onnxruntime: it is exported, compared with "
            "PyTorch on some rows, and refused where a logit differs by more than 1e-4"
        ),
    ] = "torch"

    @property
    def exports(self) -> bool:
        """Whether a teacher is asked through its ONNX file."""
        return self.engine != "torch"

    @property
    def folder(self) -> Path | None:
        """Where the answers are; None: in the run."""
        return None if self.path is None else named_path(self.path)
