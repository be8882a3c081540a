"""A toy teacher: whatever it is asked, it says how frequent each class is among the labelled rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.digest import arrays_digest, digest
from limbeck.errors import LimbeckError
from limbeck.files import read_json, write_json
from limbeck.logits import WholeForm
from limbeck.modalities.text import TextReads
from limbeck.ranks import Ranks
from limbeck.teachers.kind import Single, register
from limbeck.teachers.work import Encoded, Made, Split, Work
from limbeck.types import Batch, Outputs, Tap

FILE = "frequencies.json"


@dataclass(frozen=True)
class Constant:
    """A teacher that is no network: it asks for nothing but the number of rows."""

    frequencies: tuple[float, ...]
    view: Encoded
    digest: str

    @property
    def answers_as(self) -> str:
        return digest(list(self.frequencies))

    def live(self, taps: Sequence[Tap] = (), form: WholeForm = "dense") -> "Says":
        return Says(torch.tensor(self.frequencies).log(), self.answers_as)

    def prepare(self, split: Split, among: Ranks, folder: Path, missing: NDArray[np.bool_]) -> None:
        """Do nothing: no row is looked at."""

    @property
    def served(self) -> None:
        """No server answers."""


@dataclass(frozen=True)
class Says:
    logits: Tensor
    digest: str

    def predict(self, batch: Batch) -> Outputs:
        return Outputs(self.logits.expand(len(batch.ids), -1).clone())


class ConstantTeacher(Single):
    """The frequencies of the classes among the labelled rows, whatever the row."""

    kind: Literal["constant"]
    smoothing: float = 1.0
    reads: TextReads = TextReads(max_length=8)

    @property
    def read_as(self) -> "ConstantTeacher":
        return self

    def check(self, work: Work) -> None:
        work.view(self)
        if not work.fewest:
            raise LimbeckError("there is no labelled row to count", where=work.key, fix="label some")

    def make(self, work: Work) -> tuple[Made, ...]:
        labels, view = work.labels("labelled"), work.view(self)

        def count(folder: Path) -> list[float]:
            counts = np.bincount(labels, minlength=len(work.classes)) + self.smoothing
            write_json(folder / FILE, (counts / counts.sum()).tolist())
            return load(folder)

        def load(folder: Path) -> list[float]:
            return read_json(folder / FILE, list)

        inputs = {"smoothing": self.smoothing, "labels": arrays_digest(labels), "view": view.digest}
        name, frequencies = work.once(inputs, count, load)
        return (Constant(tuple(frequencies), view, name),)


register(ConstantTeacher)
