"""Arrays that come ready: for each example, what a network is called with."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from limbeck.data.modality import Column, Modality, Reads
from limbeck.digest import identity_of
from limbeck.errors import LimbeckError
from limbeck.evaluation.figures import RowSample
from limbeck.evaluation.records import Usage
from limbeck.runtime.readers.arrays import ArraysReader, Parts


class ArraysReads(Reads):
    """Arrays that a loader of the caller's gives; a recipe can only say so."""

    kind: Literal["arrays"]
    of: Annotated[Literal["student", "teacher"], Field(description="whose arguments of a batch these are")]

    def fit(self, values: Any) -> ArraysReader:
        """Return the reader of this part of the rows.

        Raises:
            LimbeckError: they are no rows of arrays.
        """
        if not isinstance(values, Parts):
            raise LimbeckError(
                "`reads: {kind: arrays}` reads batches of a loader, and this data are other",
                fix="leave `reads.kind` out, or give loaders to limbeck.distill",
            )
        return ArraysReader.of(values, self.of)


class ArraysModality(Modality):
    """Arrays by argument, for student and teacher."""

    name: ClassVar[str] = "arrays"
    noun: ClassVar[str] = "row"
    usage: ClassVar[Usage] = Usage(noun="row", line=None, python="{...}", in_files=False)
    column: ClassVar[str] = "nothing: arrays come from the loaders of `limbeck.distill`"
    reads: ClassVar[type[ArraysReads]] = ArraysReads

    def values(self, cells: Sequence[Any], column: Column) -> list[Any]:
        """Refuse a column: a file holds no arrays."""
        raise LimbeckError(
            "arrays are not read from a column",
            where=column.key,
            fix="give loaders to limbeck.distill, or name data.text",
        )

    def identity(self, value: Mapping[str, Mapping[str, Any]]) -> bytes:
        """Return names and bytes of the arrays that student and teacher are called with."""
        seen = dict(value["student"]) | {f"teacher {name}": array for name, array in value["teacher"].items()}
        return identity_of({name: np.asarray(array).tobytes().hex() for name, array in seen.items()})

    def likeness(self, value: Mapping[str, Mapping[str, Any]]) -> bytes:
        """Return the same: arrays look alike when they are equal."""
        return self.identity(value)

    def sample(self, value: Any, name: str) -> RowSample:
        """Return the row's name, as nothing else of it can be shown."""
        return RowSample(name=name)
