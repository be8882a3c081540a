"""A frozen encoder with a linear head that a solver fits on the labelled rows."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import nn

from limbeck.console import say
from limbeck.data.crossed import best_by_folds
from limbeck.errors import about
from limbeck.files import named_path, staged
from limbeck.modalities.audio import speech
from limbeck.modalities.text.pretrained import longest_text, pretrained_config
from limbeck.modalities.text.tokenizers import pretrained_folder
from limbeck.models import TransformerSettings, require_reads
from limbeck.models.custom import imported
from limbeck.models.onnxfile import OnnxFile
from limbeck.models.onnxmodule import Feeds
from limbeck.networks import NetworkSettings
from limbeck.teachers.encoders import FunctionEncoder, Pooled, require_callable, width_of
from limbeck.teachers.head import Head, distributions, fit_head
from limbeck.teachers.kind import Single, register
from limbeck.teachers.named import LONGEST
from limbeck.teachers.onnx import asked
from limbeck.teachers.reading import AsRead, OwnReads, OwnTextReads
from limbeck.teachers.work import Made, Work

_FUNCTION = re.compile(r"\w+(\.\w+)*:\w+")
_FILE = "head.safetensors"


class EmbeddingTeacher(Single):
    """Features of a frozen encoder, and the task's linear model on them, fitted here on the labelled rows by a solver.

    The encoder is asked once for each row; the run keeps the features.
    """

    another: ClassVar[str] = "teacher.model=NAME"

    kind: Literal["embedding"]
    model: Annotated[
        str,
        Field(
            min_length=1,
            description="the encoder: a packaged name (minilm; of speech, speech-embedding), a folder or hub id of "
            "transformers; an .onnx file; or module:function of your own, called with the arrays that are read, which "
            "returns (rows, features)",
        ),
    ]
    pooling: Annotated[Literal["mean", "cls"], Field(description="how token states become one vector")] = "mean"
    inputs: Feeds = Field(default_factory=dict)
    output: Annotated[str | None, Field(min_length=1, description="of an ONNX file; null: its only one")] = None
    reads: OwnReads = OwnTextReads()

    @property
    def read_as(self) -> AsRead:
        """Settings that say in full what it reads."""
        return AsRead(self.reads.full)

    def settle(self, work: Work) -> Self:
        """Find out how much it reads, and into which tokens.

        Raises:
            LimbeckError: the encoder cannot be had, or nothing says into which tokens it reads texts.
        """
        longest, tokenizer = LONGEST, None
        if self.model == speech.NAME:
            return self.model_copy(update={"reads": speech.heard(self.reads, work.key)})
        if self._is_file:
            longest = min(LONGEST, self._file.longest or LONGEST)
        elif self._is_function:
            with about(f"{work.key}.model"):
                imported(self.model)
        else:
            with about(f"{work.key}.model"):
                require_reads(TransformerSettings(path=self.model), self.reads.kind)
            tokenizer = self.model
            longest = longest_text(pretrained_config(pretrained_folder(self.model)), LONGEST)
        reads = self.reads.settled(work.key, longest=longest, tokenizer=tokenizer)
        return self.model_copy(update={"reads": reads})

    def finished(self, work: Work) -> nn.Module:
        """Return the encoder as a network that gives (rows, features)."""
        view = work.view(self.read_as)
        if self._is_file:
            network = asked(self._file, view, feeds=self.inputs, output=self.output, key=work.key)
            return Pooled(network, self.pooling)
        if function := self._function:
            require_callable(function, self.model, view.example[0], f"{work.key}.model")
            return FunctionEncoder(function, self.model)
        settings = TransformerSettings(path=self.model, pooling=self.pooling, dropout=0.0, outputs=[])
        network = work.build(NetworkSettings(model=settings, reads=self.read_as.reads), outputs=1)
        network.head = nn.Identity()
        return network.eval().requires_grad_(False)

    def check(self, work: Work) -> None:
        """Ask the encoder for a few rows, and look at the labels; see `Kind.check`."""
        labels = work.examples("labelled").labels
        work.task.require_varied(labels.take(np.arange(work.fewest)), work.key, "data.labelled")
        encoder = self.finished(work)
        width = width_of(encoder, work.view(self.read_as).example[0], f"{work.key}.model")
        work.try_out(self.read_as, lambda: encoder, features=width)

    def make(self, work: Work) -> tuple[Made, ...]:
        """Ask the encoder for labelled and validation rows, and fit the head; or load it."""
        encoder, view, task = self.finished(work), work.view(self.read_as), work.task
        frozen = work.frozen(encoder, self.read_as, width_of(encoder, view.example[0], f"{work.key}.model"))
        labelled, validation, folds = work.examples("labelled"), work.examples("validation"), work.folds

        def fit(folder: Path) -> Head:
            head, said = fit_head(
                frozen.features("labelled"), labelled, frozen.features("validation"), validation, task, folds
            )
            by = "is best on validation" if folds is None else best_by_folds(len(labelled), folds.max() + 1)
            say(f"  {work.key}: {said} {by}")
            with staged(folder / _FILE) as aside:
                save_file(head.state_dict(), str(aside))
            return head

        def load(folder: Path) -> Head:
            state = load_file(folder / _FILE)
            width, outputs = state["weights"].shape
            head = Head(width, outputs, distributions(task, labelled.labels))
            head.load_state_dict(state)
            return head

        inputs = {
            "features": frozen.digest,
            "labelled": labelled.digest,
            "validation": validation.digest,
            "task": task.digest,
            **({} if folds is None else {"folds": int(folds.max()) + 1}),
        }
        name, head = work.once(inputs, fit, load)
        return (frozen.under(head, name),)

    @property
    def pretrained(self) -> str | None:
        """Its encoder, where that is one of transformers."""
        return None if self.model == speech.NAME or self._is_file or self._is_function else self.model

    @property
    def _is_file(self) -> bool:
        return self.model.lower().endswith(".onnx")

    @property
    def _function(self) -> Callable[..., Any] | None:
        """The packaged function, or one's own; None: it is none."""
        if self.model == speech.NAME:
            return speech.features
        return imported(self.model) if self._is_function else None

    @property
    def _is_function(self) -> bool:
        return bool(_FUNCTION.fullmatch(self.model))

    @property
    def _file(self) -> OnnxFile:
        return OnnxFile(named_path(self.model))


register(EmbeddingTeacher)
