"""Who trains, who chooses, who is tested: splits by content, without leaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.data.settings import DataSettings
from limbeck.data.tables import Table, read_tables, read_texts
from limbeck.digest import digest, example_id
from limbeck.errors import LimbeckError

UNLABELLED = -1


@dataclass(frozen=True, slots=True)
class Examples:
    """Texts with their ids and classes.

    Attributes:
        ids: (n,) int64 content ids, distinct within a training or validation split.
        texts: n raw texts.
        labels: (n,) int64 class indices; -1 where there is none.
    """

    ids: NDArray[np.int64]
    texts: list[str]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | NDArray[Any]) -> "Examples":
        """Return the given rows, in that order."""
        index = np.asarray(rows, np.int64)
        return Examples(self.ids[index], [self.texts[row] for row in index], self.labels[index])

    def without_labels(self) -> "Examples":
        """Return the same texts as unlabelled rows."""
        return Examples(self.ids, self.texts, np.full_like(self.labels, UNLABELLED))

    def __add__(self, other: "Examples") -> "Examples":
        return Examples(
            np.concatenate([self.ids, other.ids]),
            self.texts + other.texts,
            np.concatenate([self.labels, other.labels]),
        )


@dataclass(frozen=True, slots=True)
class Splits:
    """The data of a run.

    Attributes:
        labelled: training rows whose label is used.
        unlabelled: the rest of the transfer set; its labels are -1 even where the source has them.
        validation: rows for every choice.
        test: rows for the one final test.
        classes: names, in the order of the logits.
        dropped: rows left out, by reason.
    """

    labelled: Examples
    unlabelled: Examples
    validation: Examples
    test: Examples
    classes: tuple[str, ...]
    dropped: dict[str, int]

    @property
    def transfer(self) -> Examples:
        """Everything that the teacher labels for the student: labelled rows first."""
        return self.labelled + self.unlabelled

    @property
    def digest(self) -> str:
        """Names the content of every split."""
        parts = (self.labelled, self.unlabelled, self.validation, self.test)
        return digest([list(self.classes), *[[part.ids.tolist(), part.labels.tolist()] for part in parts]])


def load_splits(settings: DataSettings) -> Splits:
    """Read the source and split it.

    Rows are ordered by content id, which is as good as random and the same on every machine, whatever their order in
    the file. A test split that the source brings is kept as it is; rows of other splits whose text occurs in it are
    dropped, and so are training rows whose text occurs in validation.

    Raises:
        LimbeckError: too few rows for the sizes asked, fewer than two classes, or labels that cannot be classes.
    """
    tables = read_tables(settings.source, text=settings.text, label=settings.label, domain=settings.domain)
    classes = _classes(tables["train"].labels, settings)
    dropped: dict[str, int] = {}
    train = _examples(tables["train"], classes, dropped)
    extra = Table([], [])
    if "unsupervised" in tables:
        extra = Table(tables["unsupervised"].texts, [None] * len(tables["unsupervised"].texts))
    if settings.transfer is not None:
        more = read_texts(settings.transfer, text=settings.text)
        extra = Table(extra.texts + more, [None] * (len(extra.texts) + len(more)))
    held_out = sum(getattr(settings.split, name) for name in ("test", "validation") if name not in tables)
    if len(train) < held_out + (settings.labelled or 2 * len(classes)):
        raise _too_few(len(train), tables, settings, len(classes))

    if "test" in tables:
        test = _examples(tables["test"], classes, None)
    else:
        test, train = train.take(range(settings.split.test)), train.take(range(settings.split.test, len(train)))
    train = _drop(train, test, "also in test", dropped)
    if "validation" in tables:
        validation = _drop(_examples(tables["validation"], classes, dropped), test, "also in test", dropped)
    else:
        size = settings.split.validation
        validation, train = train.take(range(size)), train.take(range(size, len(train)))
    train = _drop(train, validation, "also in validation", dropped)
    labelled, rest = _labelled(train, settings)
    unlabelled = _unlabelled(rest, extra, [test, validation, labelled], dropped)
    if settings.unlabelled is not None:
        unlabelled = unlabelled.take(range(min(settings.unlabelled, len(unlabelled))))
    for name, part in (("test", test), ("validation", validation)):
        if len(part) == 0 or (part.labels == UNLABELLED).any():
            raise LimbeckError(f"the {name} split has rows without a label, or no rows", where=settings.source)
    return Splits(labelled, unlabelled, validation, test, classes, dropped)


def _classes(labels: list[Any], settings: DataSettings) -> tuple[str, ...]:
    values: set[Any] = {_plain(label) for label in labels} - {None}
    where = f"{settings.source}, column `{settings.label}`"
    kinds = {type(value) for value in values}
    if float in kinds:
        raise LimbeckError(
            "labels are fractional numbers, which are no classes", where=where, fix="round them, or name another column"
        )
    if len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise LimbeckError(f"labels are of mixed kinds ({names})", where=where)
    if len(values) < 2:
        raise LimbeckError(f"found {len(values)} class(es), and at least 2 are needed", where=where)
    return tuple(str(label_name(value)) for value in sorted(values))


def _plain(label: Any) -> bool | int | float | str | None:
    """Return the label itself; a whole float (a column of integers with gaps) becomes an integer, NaN becomes None."""
    if label is None or label == "" or label != label:
        return None
    if isinstance(label, float) and label.is_integer():
        return int(label)
    return label


def label_name(label: Any) -> str | None:
    """Return the class name of a label as it was read: `true` for True, `3` for 3 and 3.0, None for a missing one."""
    plain = _plain(label)
    if plain is None:
        return None
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def _examples(table: Table, classes: tuple[str, ...], dropped: dict[str, int] | None) -> Examples:
    """Return a table's rows; with `dropped`, empty and repeated texts leave and the rest is ordered by content id."""
    index = {name: position for position, name in enumerate(classes)}
    names = [label_name(label) for label in table.labels]
    if unseen := sorted({name for name in names if name is not None and name not in index}):
        raise LimbeckError(
            f"label `{unseen[0]}` does not occur in the training rows", fix="remove its rows, or add training rows"
        )
    labels = np.fromiter((UNLABELLED if name is None else index[name] for name in names), np.int64, len(names))
    examples = Examples(_ids(table.texts), table.texts, labels)
    return examples if dropped is None else _clean(examples, dropped)


def _ids(texts: list[str]) -> NDArray[np.int64]:
    return np.fromiter((example_id({"text": text}) for text in texts), np.int64, len(texts))


def _clean(examples: Examples, dropped: dict[str, int]) -> Examples:
    first: dict[int, int] = {}
    contradicted: set[int] = set()
    for row, (key, text) in enumerate(zip(examples.ids.tolist(), examples.texts, strict=True)):
        if not text.strip():
            _count(dropped, "empty")
        elif key not in first:
            first[key] = row
        else:
            if examples.texts[first[key]] != text:
                raise LimbeckError(f"two different texts share the content id {key}", fix="change one of them")
            _count(dropped, "repeated")
            if examples.labels[first[key]] != examples.labels[row]:
                contradicted.add(key)
    for key in contradicted:
        _count(dropped, "contradicting labels")
        del first[key]
    return examples.take([first[key] for key in sorted(first)])


def _count(dropped: dict[str, int], reason: str, rows: int = 1) -> None:
    dropped[reason] = dropped.get(reason, 0) + rows


def _drop(examples: Examples, other: Examples, reason: str, dropped: dict[str, int]) -> Examples:
    keep = ~np.isin(examples.ids, other.ids)
    if not keep.all():
        _count(dropped, reason, int((~keep).sum()))
    return examples.take(np.flatnonzero(keep))


def _labelled(train: Examples, settings: DataSettings) -> tuple[Examples, Examples]:
    have = np.flatnonzero(train.labels != UNLABELLED)
    chosen = have[: settings.labelled]
    rest = np.setdiff1d(np.arange(len(train)), chosen)
    return train.take(chosen), train.take(rest).without_labels()


def _unlabelled(rest: Examples, extra: Table, others: list[Examples], dropped: dict[str, int]) -> Examples:
    more = Examples(_ids(extra.texts), extra.texts, np.full(len(extra.texts), UNLABELLED, np.int64))
    for other, reason in zip([*others, rest], ("in test", "in validation", "in labelled", "in train"), strict=True):
        more = _drop(more, other, f"unlabelled, also {reason}", dropped)
    return rest + (_clean(more, dropped) if len(more) else more)


def _too_few(rows: int, tables: dict[str, Table], settings: DataSettings, classes: int) -> LimbeckError:
    parts = {name: getattr(settings.split, name) for name in ("test", "validation") if name not in tables}
    asked = ", ".join(f"data.split.{name}={size}" for name, size in parts.items())
    labelled = f", data.labelled={settings.labelled}" if settings.labelled else ""
    share = {name: max(2, rows // 5) for name in parts}
    left = rows - sum(share.values())
    would = " ".join([*(f"data.split.{name}={size}" for name, size in share.items()), f"data.labelled={left}"])
    fix = f"these would do: {would}" if left >= 2 * classes else f"add rows: {classes} classes need more"
    return LimbeckError(f"{rows:,} usable rows are too few for {asked}{labelled}", where=settings.source, fix=fix)
