"""What is left out of a split, and why: empty and repeated examples, and examples that another split has."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from limbeck.console import meter
from limbeck.data.examples import Examples
from limbeck.data.modality import Modality
from limbeck.data.tables import Table
from limbeck.digest import content_id, identity_of
from limbeck.errors import Faults, LimbeckError

_AT_ONCE = 100


def content_ids(values: Iterable[object], modality: Modality) -> NDArray[np.int64]:
    """Return the content id of each example, (n,) int64.

    Raises:
        LimbeckError: files that cannot be read: it names the first one, and some of the others.
    """
    faults, found = Faults(), []
    for value in values:
        with faults.noted():
            found.append(content_id(modality.identity(value)))
    faults.refuse()
    return np.array(found, np.int64)


def alike(rows: Examples, modality: Modality) -> NDArray[np.int64]:
    """Return the number of each row's group, (n,) int64, counted in the order of the rows.

    Rows of one content id share a group, and so do examples of one likeness.
    """
    groups: dict[int, int] = {}
    looks = Sieve(modality).looks(rows).tolist()
    return np.array([groups.setdefault(look, len(groups)) for look in looks], np.int64)


def _differ(rows: Examples) -> NDArray[np.bool_]:
    """Return which rows have a label unlike that of the row before, (n,) bool; where one has none, they do not."""
    labels = rows.labels
    unlike = (labels.values[1:] != labels.values[:-1]).reshape(max(0, len(rows) - 1), -1).any(axis=1)
    return np.concatenate([np.zeros(min(1, len(rows)), np.bool_), unlike & labels.present[1:] & labels.present[:-1]])


class Sieve:
    """Leaves rows out.

    Args:
        modality: says which examples are the same, and which look alike.
        coincident: whether rows that look alike do so by coincidence: each is then like itself only, and none is left
            out because of another one. See `Modality.coincident`.

    Attributes:
        dropped: rows left out, by reason.
    """

    def __init__(self, modality: Modality, *, coincident: bool = False) -> None:
        self.modality, self.coincident = modality, coincident
        self.dropped: dict[str, int] = {}
        self._known: dict[int, int] = {}
        self._content: dict[int, int] = {}  # of each id that `own_ids` gave, the content id
        self._numbers: dict[int, int] = {}  # of each content id, the last number that `own_ids` gave
        self._of_table: dict[int, NDArray[np.int64]] = {}

    def own_ids(self, rows: Examples, *, exact: bool = True) -> NDArray[np.int64]:
        """Return ids, (n,) int64, that tell rows of one content apart where each of them counts.

        Each counts where examples are individual; and those with different labels do where labels are values: noise
        is normal there, and no contradiction. The first of them keeps the content id.

        Args:
            rows: ordered by content id; of one content those without a label first, then by label.
            exact: whether labels are right or wrong, see `Task.exact`.
        """
        individual = self.modality.individual
        if exact and not individual:
            return rows.ids
        numbers, ids = self._numbers if self.coincident else {}, rows.ids.copy()
        others = np.ones(len(rows), np.bool_) if individual else _differ(rows)
        for row, key in enumerate(rows.ids.tolist()):
            numbers[key] = numbers[key] + int(others[row]) if key in numbers else 0
            if numbers[key]:
                ids[row] = content_id(identity_of({"content": str(key), "number": str(numbers[key])}))
                self._content[int(ids[row])] = key
        return ids

    def stand(self, table: Table, ids: NDArray[np.int64]) -> None:
        """Note the ids of a table's rows, in their order."""
        self._of_table[id(table)] = ids

    def ids_of(self, table: Table) -> NDArray[np.int64]:
        """Return the ids of a table's rows, in their order."""
        known = self._of_table.get(id(table))
        return content_ids(table.values, self.modality) if known is None else known

    def again(self, rows: Examples) -> int:
        """Return how many rows have the content of another one, and count nevertheless."""
        return sum(key in self._content for key in rows.ids.tolist())

    def looks(self, rows: Examples) -> NDArray[np.int64]:
        """Return the likeness of each row, (n,) int64; where that is coincidence, the row itself."""
        return rows.ids if self.coincident else self.likeness(rows)

    def likeness(self, rows: Examples) -> NDArray[np.int64]:
        """Return the likeness of each row, (n,) int64; that of an example is worked out once.

        Raises:
            LimbeckError: examples that cannot be read: it names the first one, and some of the others.
        """
        faults = Faults()
        known, likeness = self._known, self.modality.likeness
        new = {key: value for key, value in zip(rows.ids.tolist(), rows.values, strict=True) if key not in known}
        if new:
            with meter(f"looking at {self.modality.noun}s", len(new), brief=True) as progress:
                for number, (key, value) in enumerate(new.items(), start=1):
                    with faults.noted():
                        known[key] = content_id(likeness(value))
                    if not number % _AT_ONCE:
                        progress.advance(_AT_ONCE)
                progress.advance(len(new) % _AT_ONCE)
            for key, value in zip(rows.ids.tolist(), rows.values, strict=True):
                if key not in known and value is not new[key]:  # a copy of one that cannot be read
                    with faults.noted():
                        likeness(value)
            faults.refuse()
        return np.fromiter((known[key] for key in rows.ids.tolist()), np.int64, len(rows))

    def keeps(self, rows: Examples, other: Examples, who: str | None, where: str) -> NDArray[np.bool_]:
        """Return which rows look like none of the others, (n,) bool.

        Args:
            rows: the rows to sift.
            other: rows of another split.
            who: whose rows these are, in the reasons; None: those left out are not counted.
            where: the other split.
        """
        alike = np.isin(self.looks(rows), self.looks(other))
        if who is not None:
            same = alike & np.isin(self._contents(rows), self._contents(other))
            self.count(f"{who}, also in {where}", int(same.sum()))
            self.count(f"{who}, looks like a row in {where}", int((alike & ~same).sum()))
        return ~alike

    def _contents(self, rows: Examples) -> NDArray[np.int64]:
        return np.array([self._content.get(key, key) for key in rows.ids.tolist()], np.int64)

    def without(self, rows: Examples, other: Examples, who: str | None, where: str) -> Examples:
        """Return the rows that look like none of the others."""
        return rows.take(np.flatnonzero(self.keeps(rows, other, who, where)))

    def new(self, rows: Examples, other: Examples, reason: str | None) -> Examples:
        """Return the rows whose very content is none of the others'."""
        keep = ~np.isin(rows.ids, other.ids)
        if reason is not None:
            self.count(reason, int((~keep).sum()))
        return rows.take(np.flatnonzero(keep))

    def empty(self, rows: Examples) -> NDArray[np.bool_]:
        """Return which rows hold nothing, (n,) bool."""
        return self.likeness(rows) == content_id(b"")

    def clean(self, rows: Examples, of: str | None = "") -> Examples:
        """Return one row an example, ordered by content id, without empty ones and without those that have two labels.

        Args:
            rows: in any order.
            of: what the reasons end with; None: those left out are not counted.

        Raises:
            LimbeckError: two examples have one content id.
        """
        first: dict[int, int] = {}
        contradicted: set[int] = set()
        empty, labels, identity = self.empty(rows), rows.labels, self.modality.identity
        for row in np.flatnonzero(~empty).tolist():
            key = int(rows.ids[row])
            other = first.setdefault(key, row)
            if other == row:
                continue
            if identity(rows.values[other]) != identity(rows.values[row]):
                noun = self.modality.noun
                raise LimbeckError(f"two different {noun}s share the content id {key}", fix="change one of them")
            if not labels.present[other]:
                first[key] = row
            elif labels.present[row] and not np.array_equal(labels.values[row], labels.values[other]):
                contradicted.add(key)
        if of is not None:
            self.count(f"empty{of}", int(empty.sum()))
            self.count(f"repeated{of}", int((~empty).sum()) - len(first))
            self.count(f"contradicting labels{of}", len(contradicted))
        return rows.take([first[key] for key in sorted(first.keys() - contradicted)])

    def count(self, reason: str, rows: int) -> None:
        """Note rows that are left out."""
        if rows:
            self.dropped[reason] = self.dropped.get(reason, 0) + rows
