"""What the house asks of a modality: what an example is.

Data, training, bundle and report know no modality by name: they ask this object. `modalities/` has one of each kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import LimbeckError
from limbeck.evaluation.figures import ImageSample, Sample
from limbeck.evaluation.records import Usage, ViewRecord
from limbeck.runtime.readers import Reader
from limbeck.settings import Settings

EVERY = "*"
"""In the place of several columns: all of them but the label."""
Wanted = str | tuple[str, ...]
"""The column with the example, or those that it is made of; `EVERY`."""


def listed(column: Wanted) -> tuple[str, ...]:
    """Return the columns that an example is made of."""
    return (column,) if isinstance(column, str) else column


@dataclass(frozen=True, slots=True)
class Column:
    """A column with examples: what it is called, and where it was read.

    Attributes:
        name: of the column; of several the first.
        where: the file or the frame, for errors.
        key: of the recipe, or the option, that names the column; None: nothing does, as a bundle's are asked for.
        folder: in which relative paths in its cells begin; None: they begin in the working directory.
    """

    name: str
    where: str
    key: str | None
    folder: Path | None = None

    def or_else(self, advice: str) -> str:
        """Return the end of an error's fix that says what else to do with the key, `{}`; empty where there is none."""
        return "" if self.key is None else f", or {advice.format(self.key)}"


class NoColumnError(LimbeckError):
    """A column that a source does not have.

    Args:
        what: as of any error.
        kind: `column`, of the example, or `label`.
        where: as of any error.
        fix: as of any error.
        others: of one for the label: the columns that are there and are nothing else yet.
    """

    def __init__(self, what: str, *, kind: str, where: str, fix: str, others: Sequence[str] = ()) -> None:
        super().__init__(what, where=where, fix=fix)
        self.kind, self.others = kind, others


Fits = Literal["linear", "boosted"]
"""What kind of model features are for; see `Task.linear` and `Task.boosted`."""


@dataclass(frozen=True, slots=True)
class Cells:
    """What trees are grown on.

    Attributes:
        values: (rows, columns) float32; NaN where there is none. Of a category, its number from 0.
        categorical: (columns,) bool, True where the values are categories.
    """

    values: NDArray[np.float32]
    categorical: NDArray[np.bool_]


class Features(Protocol):
    """One way of turning examples into a matrix, for the floor.

    Attributes:
        title: what the matrix holds, as the floor's name says it: `TF-IDF`, `columns`.
        fits: what kind of model the matrix is for.
        settings: what it is called, of what is tried.
    """

    title: str
    fits: Fits
    settings: dict[str, float | int | str | bool | None]

    @property
    def parameters(self) -> int:
        """How many numbers it has learned."""
        ...

    @property
    def size_bytes(self) -> int:
        """The size of whatever else has to be shipped with it."""
        ...

    def fit(self, values: Sequence[Any]) -> Any:
        """Return the matrix of the examples that it learns from; None: it sees nothing in them.

        It is (rows, features), sparse or not; of one that is to be boosted, `Cells`.
        """
        ...

    def matrix(self, values: Sequence[Any]) -> Any:
        """Return the same of other examples."""
        ...


class ReadsError(LimbeckError):
    """A key of `reads` with which the training examples cannot be read; who knows the recipe names the networks.

    Args:
        what: as of any error.
        key: of `reads`.
        given: its value in the networks that it is about; None: they leave it open.
        value: one that would do; None: none is known.
        fix: what to do where no value is known.
    """

    def __init__(self, what: str, *, key: str, given: Any = None, value: Any = None, fix: str | None = None) -> None:
        super().__init__(what, where=f"reads.{key}", fix=fix or f"set reads.{key}={value}")
        self.key, self.given, self.value = key, given, value


class Reads(Settings):
    """What a network reads of an example: the settings of a reader.

    Attributes:
        any_modality: whether examples of every modality can be read so.
        own: keys of which a network that was trained elsewhere has values of its own.
    """

    any_modality: ClassVar[bool] = False
    own: ClassVar[tuple[str, ...]] = ()

    kind: str

    @property
    def counted(self) -> bool:
        """Whether the reader learns from the examples alone; else from files too, whose content may have changed."""
        return True

    @property
    def kept(self) -> bool:
        """Whether encoding takes so long that a run keeps what it has encoded."""
        return False

    @property
    def given(self) -> str | None:
        """The digest of a Python object that it needs, which a recipe cannot hold; None where it needs none."""
        return None

    def settled(self, key: str, *, longest: int, tokenizer: str | None) -> Self:
        """Return what a finished network reads, with nothing left open.

        Args:
            key: of the network in the recipe, for errors.
            longest: tokens kept of a text where nothing else is said.
            tokenizer: the folder with the network's own; None: it has none.

        Raises:
            LimbeckError: it reads texts, and nothing says into which tokens.
        """
        return self

    @property
    def full(self) -> "Reads":
        """The same in the words of any network; of a finished one, it is settled."""
        return self

    def fit(self, values: Any) -> Reader:
        """Return the reader, which has seen the training examples and no others.

        Raises:
            LimbeckError: there is no such reader of these examples.
        """
        raise NotImplementedError

    def seen(self, reader: Any, rows: Any) -> ViewRecord | None:
        """Return what encoded examples are to a network; None where there is nothing to say."""
        return None

    def same(self, rows: Any, others: Any) -> int | None:
        """Return how many encoded examples are the same as one of the others; None where that is not asked."""
        return None

    def unreadable(self, own: ViewRecord, own_rows: int, held_out: ViewRecord, held_out_rows: int) -> str | None:
        """Return why a network sees next to nothing; None where it sees enough.

        Args:
            own: what is seen of the training examples.
            own_rows: how many they are.
            held_out: what is seen of the validation examples.
            held_out_rows: how many they are.
        """
        return None

    def fix(self, key: str) -> str:
        """Return what to do where nothing can be read; `key` is that of the network in the recipe."""
        return ""

    def described(self, seen: ViewRecord) -> tuple[str, bool]:
        """Return in words what is read, and whether that is doubtful."""
        return "", False


OF_FILES: "dict[str, type[Modality]]" = {}
"""What a file is of a folder of examples, by its suffix in lower case."""


class Modality(ABC):
    """What an example is.

    Attributes:
        name: what it is called, and the `kind` of what networks read of it.
        key: of `data`, that names its column; where a modality does not say it, its name.
        several: whether an example is made of several columns: `values` takes their cells by column then.
        joins: whether it may be.
        noun: one example in words; several end with an `s`.
        column: what the column holds, for the description of the key.
        usage: how a person asks a student of it.
        reads: settings of what a network reads of an example.
        augment: settings of copies that can be made of one; None: none can.
        individual: whether examples that are equal are cases of their own, as two people of one age and town are: each
            of them counts in training, whatever its label. Else they are one example that was written down twice.
        keeps_label: whether a copy shows what its example shows, so that its label is the same: then copies are drawn
            from encoded rows when a batch is made, see `draw`; else they are rows of their own, see `copies`.
        suffixes: of files that hold one example each, in lower case; none: a folder of files is no source of it.
        in_lines: whether each line of a text file is an example.
        looked_at: whether a report shows, beside an example, the picture of what a network sees of it: of what is no
            picture itself.
        recipe: a packaged one to begin with; None: there is none.
        int8_by_metric: whether int8 is judged by what it costs in the run's metric; else by how many decisions stay. Of
            images and sounds a few in a hundred change, to and fro, where the metric does not.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    several: ClassVar[bool] = False
    joins: ClassVar[bool] = False
    noun: ClassVar[str]
    column: ClassVar[str]
    usage: ClassVar[Usage]
    reads: ClassVar[type[Reads]]
    augment: ClassVar[type[Settings] | None] = None
    individual: ClassVar[bool] = False
    keeps_label: ClassVar[bool] = False
    suffixes: ClassVar[tuple[str, ...]] = ()
    in_lines: ClassVar[bool] = False
    looked_at: ClassVar[bool] = False
    recipe: ClassVar[str | None] = None
    int8_by_metric: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not hasattr(cls, "key"):
            cls.key = cls.name
        OF_FILES.update(dict.fromkeys(cls.suffixes, cls))

    @abstractmethod
    def values(self, cells: Any, column: Column) -> Sequence[Any]:
        """Return the examples of a column's cells, a value each.

        Args:
            cells: as a file or a frame gives them; of several columns, by column.
            column: where they were read.

        Raises:
            LimbeckError: a cell holds something else.
        """

    def in_files(self, paths: Sequence[Any]) -> Sequence[Any]:
        """Return the cells that files of a folder are, one example each: their paths, or what is in them.

        Raises:
            LimbeckError: one cannot be read.
        """
        return paths

    @abstractmethod
    def identity(self, value: Any) -> bytes:
        """Return what names an example exactly, whatever a network reads of it."""

    @abstractmethod
    def likeness(self, value: Any) -> bytes:
        """Return what examples share that look alike; no byte of one that is empty."""

    def copies(self, ids: Iterable[int], values: Iterable[Any], settings: Any) -> Iterable[Any]:
        """Return the copies that `data.augment` makes of examples.

        Raises:
            LimbeckError: none can be made.
        """
        raise LimbeckError(f"no copies can be made of {self.noun}s", where="data.augment", fix="set it to null")

    def draw(
        self, arrays: Mapping[str, NDArray[Any]], keys: NDArray[np.int64], copies: NDArray[np.int64], settings: Any
    ) -> dict[str, NDArray[Any]]:
        """Return encoded examples as the copies of them that `data.augment` makes, of the same shapes and types.

        What a copy becomes is a function of its key, its number and the settings, see `counter.uniform`. All rows are
        drawn at once: a batch waits for it.

        Args:
            arrays: by argument, (rows, ...) each.
            keys: (rows,) content ids of the examples.
            copies: (rows,) which copy of its example each row is, from 1.
            settings: of `augment`.
        """
        raise LimbeckError(f"no copies can be made of {self.noun}s", where="data.augment", fix="set it to null")

    def disagreement(self, readers: Sequence[Any], values: Sequence[Any]) -> LimbeckError | None:
        """Return why networks of one run would take an example for different ones; None where they do not.

        Args:
            readers: of the networks.
            values: the examples.
        """
        return None

    def asked(self, reader: Any) -> str | tuple[str, ...]:
        """Return the column, or the columns, that a bundle's reader is asked for, where nobody names them."""
        return self.key

    def usage_of(self, reader: Any, values: Sequence[Any], columns: Sequence[str] = ()) -> Usage:
        """Return how a person asks a student.

        Args:
            reader: of it.
            values: training examples, to which the reader was fitted.
            columns: of which an example was read, where they are several.
        """
        return self.usage

    def coincident(self, values: Sequence[Any]) -> bool:
        """Return whether so many examples are equal by coincidence that no split could keep equal ones together.

        Args:
            values: examples of the training rows.
        """
        return False

    def remarks(self, training: Sequence[Any], test: Sequence[Any], read: Sequence[Any] = ()) -> list[str]:
        """Return what is to be said of a split's examples, a line each.

        Args:
            training: those of the transfer set.
            test: those of the test split, none of which has the likeness of one in training.
            read: the training split as it was read, from which a line takes the number of a row; none: `training`.
        """
        return []

    def features(self) -> Sequence[Features]:
        """Return the ways of turning examples into a matrix that the floor tries; none: there is no floor."""
        return []

    @abstractmethod
    def sample(self, value: Any, name: str) -> Sample:
        """Return an example as the report shows it.

        Args:
            value: the example.
            name: of its row, such as `test row 3`.
        """

    def picture(self, arrays: Mapping[str, NDArray[Any]], reader: Any, name: str) -> ImageSample | None:
        """Return what a network sees of an example, as a picture; None: there is nothing to look at.

        Args:
            arrays: of one encoded example, without the axis of the rows.
            reader: that encoded it.
            name: of its row.
        """
        return None

    def file(self, value: Any) -> Path | None:
        """Return the file that holds an example; None where none does, or one holds several."""
        return None
