"""Labels as they were read, and the classes that they name."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from limbeck.data.cells import SIGN_NUMBERS, SIGN_WORDS, label_name, named, plain_label
from limbeck.data.examples import Labels
from limbeck.data.spelling import fold
from limbeck.errors import LimbeckError, nearest

_NONE = -1


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a run, and how labels name them.

    Attributes:
        names: in the order of the logits.
        missing: labels that say that a row has none, besides blanks, NaN and null.
        merged: whether another spelling of a class counts as it.
        assumed: those of `missing` that nobody said: -1 beside 0, 1, 2.
    """

    names: tuple[str, ...]
    missing: frozenset[str] = frozenset()
    merged: bool = False
    assumed: tuple[str, ...] = ()

    def indices(self, labels: Iterable[Any], where: str) -> Labels:
        """Return the class of each label, (n,) int64; 0 where there is none.

        Raises:
            LimbeckError: a label is none of the classes.
        """
        index = {name: position for position, name in enumerate(self.names)} | dict.fromkeys(self.missing, _NONE)
        names = [label_name(label) or "" for label in labels]
        index[""] = _NONE
        for name in sorted(set(names) - index.keys()):
            known = respelled(name, self.names)
            if known is None or not self.merged:
                raise _unknown(name, known, self.names, where)
            index[name] = index[known]
        found = np.fromiter(map(index.__getitem__, names), np.int64, len(names))
        return Labels(found.clip(0), found != _NONE)


def shares(labels: Labels, classes: int) -> tuple[float, ...]:
    """Return the share of each class among the rows that have a label; a class without a row counts as half of one."""
    counts = np.maximum(np.bincount(labels.known, minlength=classes), 0.5)
    return tuple((counts / counts.sum()).tolist())


def learn_classes(
    labels: Sequence[Any],
    where: str,
    *,
    missing: Sequence[bool | int | float | str] | None = None,
    merge: bool = False,
    order: Sequence[str] | None = None,
) -> Classes:
    """Return the classes that occur among labels.

    Args:
        labels: integers, strings or booleans; blanks, NaN, null and the like are missing ones.
        where: what is read, for errors.
        missing: labels that say that a row has none; empty: there are no such; None: that is not known, and -1 and
            -100 are such beside the integers 0 ... k-1 with k >= 3.
        merge: make one class of those that differ in case, blanks or Unicode form only. It is called what most of its
            rows say.
        order: the classes as the data itself names them; None: classes are in the order of their values.

    Raises:
        LimbeckError: fewer than two classes, or labels that cannot be classes, or that may as well be missing ones.
    """
    values = [value for label in labels if (value := plain_label(label)) is not None]
    if odd := {type(value).__name__ for value in values if not isinstance(value, bool | int | float | str)}:
        raise LimbeckError(
            f"labels are of type {', '.join(sorted(odd))}, which are no classes",
            where=where,
            fix="set data.label to a column of integers, strings or booleans",
        )
    # 1 and True are equal, so that a set of values has but one of them.
    written = Counter(zip(map(type, values), values, strict=True))
    counts = Counter[str]()
    for (_, value), rows in written.items():
        counts[named(value)] += rows
    assumed = _assumed(counts, len(labels), where) if missing is None and order is None else ()
    no_class = frozenset(assumed) | {name for value in missing or () if (name := label_name(value)) is not None}
    kept = [(kind, value) for kind, value in written if named(value) not in no_class]
    _check_kinds({kind for kind, _ in kept}, where)
    names = [named(value) for value in sorted({value for _, value in kept})]
    if order is not None:
        names = [name for name in dict.fromkeys(order) if name in counts and name not in no_class]
    _check_missing(names, no_class, counts, where)
    spellings = _one_spelling({name: counts[name] for name in names}, where, merge=merge)
    classes = tuple(name for name in names if spellings[name] == name)
    if len(classes) < 2:
        found = f"every label is `{classes[0]}`" if classes else "no row has a label"
        raise LimbeckError(
            f"{found}, and at least 2 classes are needed", where=where, fix="set data.label, or add rows"
        )
    return Classes(classes, no_class, merge, tuple(name for name in assumed if name in counts))


def served_classes(names: Sequence[str]) -> Classes:
    """Return the classes of a bundle, in any spelling: beside 0, 1, 2 ..., -1 and -100 are no label, as in training."""
    counted = len(names) >= 3 and set(names) == {str(number) for number in range(len(names))}
    return Classes(tuple(names), frozenset(SIGN_NUMBERS if counted else ()), merged=True)


def require_one_column(label: str | Sequence[str]) -> None:
    """Refuse several columns: a row has one class.

    Raises:
        LimbeckError: there are several, or a list of one.
    """
    if not isinstance(label, str):
        raise LimbeckError(
            f"a classification has one column with the class, and {len(label)} are listed",
            where="data.label",
            fix="name one, or set task to multilabel, multioutput or regression",
        )


def _check_kinds(kinds: Set[type], where: str) -> None:
    if float in kinds:
        raise LimbeckError(
            "labels are fractional numbers, which are no classes", where=where, fix="round them, or name another column"
        )
    if len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise LimbeckError(f"labels are of mixed kinds ({names})", where=where, fix="write all of them alike")


def _assumed(counts: Mapping[str, int], rows: int, where: str) -> tuple[str, ...]:
    """Return the labels that are taken for missing ones though nobody said so.

    Raises:
        LimbeckError: labels may be missing ones or classes.
    """
    numbers = {int(name) for name in counts if name.removeprefix("-").isdecimal()}
    marks = [name for name in SIGN_NUMBERS if name in counts]
    if len(numbers) == len(counts):
        others = numbers - {int(name) for name in marks}
        if others == set(range(len(others))) and len(others) >= 3:
            return SIGN_NUMBERS
        if min(others, default=0) < 0:  # a scale such as -2 ... 2
            marks = [name for name in marks if name != "-1"]
    doubtful = marks + sorted(name for name in counts if fold(name) in SIGN_WORDS)
    if not doubtful:
        return ()
    some = doubtful[:8]
    listed = ", ".join(name if name in marks else json.dumps(name, ensure_ascii=False) for name in doubtful)
    key = f"data.missing=[{listed}]"
    found = ", ".join(f"`{name}` ({counts[name]:,})" for name in some) + (", ..." if len(doubtful) > len(some) else "")
    raise LimbeckError(
        f"{sum(counts[name] for name in doubtful):,} of {rows:,} rows have a label that may be a class, or a sign for "
        f"none: {found}",
        where=where,
        fix=f"set {key if marks == doubtful else repr(key)} if they have no label, data.missing=[] if it is a class",
    )


def _check_missing(names: Sequence[str], missing: frozenset[str], counts: Mapping[str, int], where: str) -> None:
    """Refuse a class that is another spelling of what `data.missing` names."""
    alike = {fold(name): name for name in missing}
    for name in names:
        if (known := alike.get(fold(name))) is not None:
            raise LimbeckError(
                f"class `{name}` ({counts[name]:,}) is `{known}` of data.missing but for case, blanks or Unicode form",
                where=where,
                fix="name both there, or write them alike",
            )


def _one_spelling(counts: Mapping[str, int], where: str, *, merge: bool) -> dict[str, str]:
    """Return the class of each label: the commonest of those that differ in case, blanks or Unicode form only.

    Raises:
        LimbeckError: there are such, and `merge` is not set.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for name in counts:
        alike[fold(name)].append(name)
    several = [sorted(names) for names in alike.values() if len(names) > 1]
    if several and not merge:
        found = "; ".join(", ".join(f"`{name}` ({counts[name]:,})" for name in names) for names in several[:3])
        more = f"; and {len(several) - 3:,} more" if len(several) > 3 else ""
        raise LimbeckError(
            f"classes that differ in case, blanks or Unicode form only: {found}{more}",
            where=where,
            fix="set data.merge_classes=true to make them one, or write them alike",
        )
    common = {key: min(names, key=lambda name: (-counts[name], name)) for key, names in alike.items()}
    return {name: common[fold(name)] for name in counts}


def respelled(name: str, classes: Sequence[str]) -> str | None:
    """Return the one class of which a label is another spelling, different in case, blanks or Unicode form only."""
    alike = [each for each in classes if fold(each) == fold(name)]
    return alike[0] if len(alike) == 1 else None


def _unknown(name: str, known: str | None, classes: Sequence[str], where: str) -> LimbeckError:
    fix = f"{nearest(name, classes)}; or remove its rows, or add training rows"
    if known is not None:
        fix = f"it is `{known}` but for case, blanks or Unicode form: set data.merge_classes=true, or write them alike"
    return LimbeckError(f"label `{name}` does not occur in the training rows", where=where, fix=fix)
