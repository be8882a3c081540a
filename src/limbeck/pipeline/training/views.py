"""How each network sees the splits."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from limbeck.bundle import Runner
from limbeck.data import Examples, Splits
from limbeck.data.copies import Copy, Drawn
from limbeck.data.encoded import encoded
from limbeck.data.modality import Reads
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.evaluation.records import ViewRecord
from limbeck.networks import HasReads
from limbeck.runtime.network import OnnxNetwork
from limbeck.runtime.readers import Form, Reader
from limbeck.runtime.rows import Rows, is_raw
from limbeck.types import tensors


def reads_digest(settings: HasReads) -> str:
    """Name how examples are read."""
    return digest(settings.reads.model_dump())


def encodable(examples: Examples) -> Sequence[Any]:
    """Return the values of a split that are read: all but copies, which are drawn from encoded rows and stand last."""
    if not len(examples) or not isinstance(examples.values[-1], Copy):
        return examples.values
    return [value for value in examples.values if not isinstance(value, Copy)]


class View:
    """The splits as one network reads them, each encoded once.

    Args:
        reads: how it reads.
        reader: from values to rows.
        splits: the examples.
        encoded: rows by the name of the split, where they are at hand; copies that are drawn may be missing.

    Attributes:
        digest: names everything that turns an example into the network's inputs.
    """

    def __init__(self, reads: Reads, reader: Reader, splits: Splits, encoded: Mapping[str, Rows] | None = None) -> None:
        self.reads, self.reader, self._splits = reads, reader, splits
        self._encoded = {name: self._with_copies(name, rows) for name, rows in (encoded or {}).items()}
        self.digest = reader.digest
        self._whole: View | None = None

    def of(self, splits: Splits) -> "View":
        """Return the same rows, of which others are labelled, some are held out, or fewer are for validation."""
        own, wanted = self._splits.validation.ids, splits.validation.ids
        if np.array_equal(wanted, own):
            held_out = self.validation
        elif np.isin(wanted, own).all():
            order = np.argsort(own)
            held_out = self.validation.take(order[np.searchsorted(own, wanted, sorter=order)])
        else:
            held_out = self._transfer_rows(wanted)
        encoded = {"transfer": self._transfer_rows(splits.transfer.ids), "validation": held_out}
        if len(splits.watched):
            encoded["watched"] = self._transfer_rows(splits.watched.ids)
        view = View(self.reads, self.reader, splits, encoded)
        view._whole = self
        return view

    def _transfer_rows(self, ids: NDArray[np.int64]) -> Rows:
        """Return rows of the transfer set by their content ids."""
        own = self._splits.transfer.ids
        if np.array_equal(own, ids):
            return self.transfer
        order = np.argsort(own)
        return self.transfer.take(order[np.searchsorted(own, ids, sorter=order)])

    @property
    def form(self) -> Form:
        """What a network that reads it has to know."""
        return self.reader.form

    @property
    def example(self) -> tuple[dict[str, Tensor], Mapping[str, Mapping[int, str]]]:
        """Inputs of two rows, and the axes of each that may have any size: what an export needs."""
        form = self.form
        return tensors(form.example), form.axes

    @cached_property
    def seen(self) -> ViewRecord | None:
        """What is read of the transfer set as it was read; None where there is nothing to say."""
        return self.seen_of(self.original)

    def seen_of(self, rows: Rows) -> ViewRecord | None:
        """Return what is read of some of its rows; None where there is nothing to say."""
        return self.reads.seen(self.reader, rows)

    @property
    def same(self) -> int | None:
        """Test rows that read as a training or transfer row does; None where that is not asked."""
        return self.reads.same(self.test, self.transfer)

    @property
    def labelled(self) -> Rows:
        """The labelled training rows."""
        return self.transfer.first(len(self._splits.labelled))

    @property
    def taught(self) -> Rows:
        """What is learned from labels: the labelled training rows, and those of their copies that keep the label."""
        if len(self._splits.taught) == len(self._splits.labelled):
            return self.labelled
        return self.transfer.take(np.flatnonzero(self._splits.transfer.labels.present))

    @property
    def teachers(self) -> Rows:
        """What a teacher that is trained here learns from labels: `taught`, and what is its alone."""
        return self.taught if len(self._splits.teachers) == len(self._splits.taught) else self._once("teachers")

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
    def watched(self) -> Rows:
        """Unlabelled rows that nothing learns from; see `Splits.watching`."""
        return self._once("watched")

    @property
    def probe(self) -> Rows:
        """Rows whose answers show what a network is: the run's validation rows, also where others are held out."""
        return self.validation if self._whole is None else self._whole.probe

    @property
    def test(self) -> Rows:
        """The test rows: only the final evaluation may ask for them."""
        return self._once("test")

    def _once(self, name: str) -> Rows:
        if name not in self._encoded:
            values = encodable(getattr(self._splits, name))
            self._encoded[name] = self._with_copies(name, encoded(self.reader, values, name))
        return self._encoded[name]

    def _with_copies(self, name: str, rows: Rows) -> Rows:
        """Return encoded rows of a split, and the copies of them that are drawn batch by batch."""
        every: Examples = getattr(self._splits, name)
        if len(every) == len(rows):
            return rows
        if is_raw(rows):
            raise LimbeckError(
                f"the teacher is asked with {self._splits.modality.noun}s as they were read, and copies of them exist "
                "as encoded arrays only",
                where="data.augment",
                fix="set it to null, or take a teacher that is a network",
            )
        return Drawn.of(rows, every.ids[: len(rows)], every.values[len(rows) :], self._splits.modality.draw)

    def rows(self, samples: Sequence[Any]) -> Rows:
        """Return samples of the material as the network reads them."""
        return self.reader.encode(samples)

    def runner(self, file: Path) -> Runner:
        """Return an exported network as a function of samples of the material, on one thread."""
        network, reader = OnnxNetwork(file, threads=1), self.reader
        return lambda samples: network.logits(reader.encode(samples))
