"""How each network sees the splits."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from limbeck.bundle import Runner
from limbeck.data import Reading, Splits, reading, same_tokens
from limbeck.digest import digest
from limbeck.models import Vocabulary
from limbeck.networks import Reads
from limbeck.runtime import TextReader
from limbeck.runtime.bundle import OnnxNetwork
from limbeck.runtime.readers import Reader
from limbeck.runtime.rows import Ragged, Rows
from limbeck.types import tensors


def reads_digest(settings: Reads) -> str:
    """Name how examples are read."""
    return digest(settings.reads.model_dump())


class View:
    """The splits as one network reads them, each encoded once.

    Args:
        reader: from values to rows.
        splits: the examples.
        encoded: rows by the name of the split, where they are at hand.

    Attributes:
        digest: names everything that turns an example into the network's inputs.
    """

    def __init__(self, reader: Reader, splits: Splits, encoded: Mapping[str, Rows] | None = None) -> None:
        self.reader, self._splits, self._encoded = reader, splits, dict(encoded or {})
        self.digest = reader.digest

    def of(self, splits: Splits) -> "View":
        """Return the same rows, of which others are labelled."""
        return View(self.reader, splits, {"transfer": self.transfer, "validation": self.validation})

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The tokens, by id; None of what is not cut into tokens."""
        reader = self.reader
        return Vocabulary(reader.tokens, reader.pad_id) if isinstance(reader, TextReader) else None

    @property
    def example(self) -> tuple[dict[str, Tensor], Mapping[str, Mapping[int, str]]]:
        """Inputs of two rows, and the axes of each that may have any size: what an export needs."""
        form = self.reader.form
        return tensors(form.example), form.axes

    @cached_property
    def reading(self) -> Reading | None:
        """What is read of the transfer set as it was read; None of what is not cut into tokens."""
        return self.reading_of(self.original)

    def reading_of(self, rows: Rows) -> Reading | None:
        """Return what is read of some of its rows; None of what is not cut into tokens."""
        return reading(self.reader, rows) if isinstance(self.reader, TextReader) and isinstance(rows, Ragged) else None

    @property
    def same_tokens(self) -> int | None:
        """Test rows that have the token ids of a training or transfer row; None of what is not cut into tokens."""
        test, known = self.test, self.transfer
        return same_tokens(test, known) if isinstance(test, Ragged) and isinstance(known, Ragged) else None

    @property
    def labelled(self) -> Rows:
        """The labelled training rows."""
        return self.transfer.first(len(self._splits.labelled))

    @property
    def original(self) -> Rows:
        """The transfer set as it was read, labelled rows first."""
        return self.transfer.first(len(self._splits.original))

    @property
    def transfer(self) -> Rows:
        """The transfer set with what augmentation made of it, labelled rows first."""
        return self._once("transfer")

    @property
    def ceiling(self) -> Rows:
        """The target's rows with labels: only the arm of this name may ask for them."""
        return self._once("ceiling")

    @property
    def validation(self) -> Rows:
        """The validation rows."""
        return self._once("validation")

    @property
    def test(self) -> Rows:
        """The test rows: only the final evaluation may ask for them."""
        return self._once("test")

    def _once(self, name: str) -> Rows:
        if name not in self._encoded:
            self._encoded[name] = self.reader.encode(getattr(self._splits, name).texts)
        return self._encoded[name]

    def rows(self, samples: Sequence[Any]) -> Rows:
        """Return samples of the material as the network reads them."""
        return self.reader.encode(samples)

    def runner(self, file: Path) -> Runner:
        """Return an exported network as a function of samples of the material, on one thread."""
        network, reader = OnnxNetwork(file, threads=1), self.reader
        return lambda samples: network.logits(reader.encode(samples))
