"""How each network sees the splits."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.bundle import Runner
from limbeck.data import (
    EncodedTexts,
    Examples,
    Reading,
    Rows,
    Splits,
    TensorRows,
    TokenizerSettings,
    encode,
    reading,
    view_digest,
)
from limbeck.digest import digest
from limbeck.models import Vocabulary
from limbeck.runtime import Encoder
from limbeck.runtime.bundle import OnnxClassifier, OnnxTensors


class Reads(Protocol):
    """Settings of something that reads texts; see `NetworkSettings`."""

    @property
    def tokenizer(self) -> TokenizerSettings:
        """What cuts a text."""
        ...

    @property
    def max_length(self) -> int:
        """Tokens kept."""
        ...

    @property
    def tail(self) -> int:
        """How many of them are the last ones of a text that is longer."""
        ...


READS = tuple(name for name, held in vars(Reads).items() if isinstance(held, property))
"""The keys of what is read."""


def reads_digest(settings: Reads) -> str:
    """Name how texts are read."""
    return digest([settings.tokenizer.model_dump(), settings.max_length, settings.tail])


class View(Protocol):
    """The splits as one network sees them.

    Attributes:
        digest: names everything that turns an example into the network's inputs.
        example: inputs of two rows, and the axes of each that may have any size: what an export needs.
    """

    digest: str
    example: tuple[dict[str, Tensor], dict[str, dict[int, str]]]

    @property
    def encoder(self) -> Encoder | None:
        """Of texts; None when the inputs came ready."""
        ...

    @property
    def reading(self) -> Reading | None:
        """What is read of the transfer set as it was read; None when the inputs came ready."""
        ...

    @property
    def labelled(self) -> Rows:
        """The labelled training rows."""
        ...

    @property
    def original(self) -> Rows:
        """The transfer set as it was read, labelled rows first."""
        ...

    @property
    def transfer(self) -> Rows:
        """The transfer set with what augmentation made of it, labelled rows first."""
        ...

    @property
    def ceiling(self) -> Rows:
        """The target's rows with labels: only the arm of this name may ask for them."""
        ...

    @property
    def validation(self) -> Rows:
        """The validation rows."""
        ...

    @property
    def test(self) -> Rows:
        """The test rows: only the final evaluation may ask for them."""
        ...

    def rows(self, samples: Sequence[Any]) -> Rows:
        """Return the material's samples as the network reads them."""
        ...

    def runner(self, file: Path) -> Runner:
        """Return an exported network as a function of the material's samples, on one thread."""
        ...


class TextView:
    """Texts, cut into tokens once: training and validation rows are kept in a folder, the test rows in none.

    Args:
        encoder: what cuts them.
        splits: the texts.
        encoded: `transfer` and `validation`, where they are at hand.
    """

    def __init__(self, encoder: Encoder, splits: Splits, encoded: Mapping[str, EncodedTexts] | None = None) -> None:
        self.encoder, self._splits, self._encoded = encoder, splits, dict(encoded or {})
        self.digest = view_digest(encoder)
        # Batch and length are above 1, because the exporter treats 0 and 1 as constants.
        ids, mask = torch.ones(2, 7, dtype=torch.int64), torch.ones(2, 7, dtype=torch.int64)
        mask[1, 4:] = 0
        axes = {0: "batch", 1: "tokens"}
        self.example = {"input_ids": ids, "attention_mask": mask}, {"input_ids": axes, "attention_mask": axes}

    def of(self, splits: Splits) -> "TextView":
        """Return the same encoded texts, of which others are labelled."""
        return TextView(self.encoder, splits, {"transfer": self.transfer, "validation": self.validation})

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens, by id."""
        return Vocabulary(self.encoder.tokens, self.encoder.pad_id)

    @cached_property
    def reading(self) -> Reading:
        """What is read of the transfer set as it was read."""
        return reading(self.encoder, self.original)

    @property
    def labelled(self) -> EncodedTexts:
        """The labelled training rows."""
        return self.transfer.first(len(self._splits.labelled))

    @property
    def original(self) -> EncodedTexts:
        """The transfer set as it was read, labelled rows first."""
        return self.transfer.first(len(self._splits.original))

    @property
    def transfer(self) -> EncodedTexts:
        """The transfer set with what augmentation made of it, labelled rows first."""
        return self._once("transfer", self._splits.transfer)

    @cached_property
    def ceiling(self) -> EncodedTexts:
        """The target's rows with labels: only the arm of this name may ask for them."""
        return encode(self.encoder, self._splits.ceiling.texts)

    @property
    def validation(self) -> EncodedTexts:
        """The validation rows."""
        return self._once("validation", self._splits.validation)

    @cached_property
    def test(self) -> EncodedTexts:
        """The test rows: only the final evaluation may ask for them."""
        return encode(self.encoder, self._splits.test.texts)

    def _once(self, name: str, examples: Examples) -> EncodedTexts:
        if name not in self._encoded:
            self._encoded[name] = encode(self.encoder, examples.texts)
        return self._encoded[name]

    def rows(self, samples: Sequence[Any]) -> EncodedTexts:
        """Return encoded texts."""
        return encode(self.encoder, samples)

    def runner(self, file: Path) -> Runner:
        """Return an exported network as a function of texts, on one thread."""
        return OnnxClassifier(file, self.encoder, threads=1).logits


class TensorView:
    """Inputs that came ready from loaders; training rows stay there."""

    encoder = reading = None

    def __init__(self, name: str, validation: TensorRows, test: TensorRows) -> None:
        self.digest = name
        self.validation, self.test = validation, test
        self.labelled = self.original = self.transfer = self.ceiling = TensorRows({"": torch.zeros(0)})
        inputs = validation.batch(np.arange(2))
        self.example = inputs, {key: {0: "batch"} for key in inputs}

    def rows(self, samples: Sequence[Any]) -> TensorRows:
        """Return rows of the validation split by their numbers."""
        return TensorRows(self.validation.batch(np.asarray(samples)))

    def runner(self, file: Path) -> Runner:
        """Return an exported network as a function of row numbers of the validation split, on one thread."""
        network = OnnxTensors(file, threads=1)

        def answer(samples: Sequence[Any]) -> NDArray[np.float32]:
            return network.logits({key: value.numpy() for key, value in self.rows(samples).inputs.items()})

        return answer
