"""What is left out of a split, and why: empty and repeated examples, and examples that another split has."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.console import Meter, meter
from limbeck.data.examples import Examples, Labels, unlike
from limbeck.data.held import picked
from limbeck.data.lookup import Lookup, among, starts_of
from limbeck.data.modality import Modality
from limbeck.data.tables import Table
from limbeck.digest import content_id, identity_of
from limbeck.errors import Faults, LimbeckError

_AT_ONCE = 100
_UNREAD = 0
"""In the place of a content id, none of which is it but by a chance of one in 2**64."""


def content_ids(values: Sequence[object], modality: Modality) -> NDArray[np.int64]:
    """Return the content id of each example, (n,) int64.

    Raises:
        LimbeckError: files that cannot be read: it names the first one, and some of the others.
    """
    return _named(values, len(values), modality.identity)


def likenesses(values: Sequence[object], modality: Modality) -> NDArray[np.int64]:
    """Return the likeness of each example as a content id, (n,) int64.

    Raises:
        LimbeckError: examples that cannot be read: it names the first one, and some of the others.
    """
    return _named(values, len(values), modality.likeness)


def alike(rows: Examples, modality: Modality) -> NDArray[np.int64]:
    """Return the number of each row's group, (n,) int64, counted in the order of the rows.

    Rows of one content id share a group, and so do examples of one likeness.
    """
    first, which = np.unique(Sieve(modality).looks(rows), return_index=True, return_inverse=True)[1:]
    return np.argsort(np.argsort(first))[which]


def _named(values: Iterable[object], count: int, name: Callable[[Any], bytes]) -> NDArray[np.int64]:
    faults = Faults()
    found = np.fromiter(_ids(values, name, faults), np.int64, count)
    faults.refuse()
    return found


def _ids(values: Iterable[object], name: Callable[[Any], bytes], faults: Faults) -> Iterator[int]:
    """Yield the content id of each value's name; `UNREAD` where it cannot be read, which is noted."""
    rest = iter(values)
    while True:
        with faults.noted():  # entered anew after a fault only: once a value would take as long as the digest
            for value in rest:
                yield content_id(name(value))
            return
        yield _UNREAD


def _differ(labels: Labels) -> NDArray[np.bool_]:
    """Return which rows have a label unlike that of the row before, (n,) bool; where one has none, they do not."""
    values, present = labels.values, labels.present
    none = np.zeros(min(1, len(labels)), np.bool_)
    return np.concatenate([none, unlike(values[1:], values[:-1]) & present[1:] & present[:-1]])


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
        self._known = Lookup()  # of each id, the likeness
        self._content = Lookup()  # of each id that `own_ids` gave, the content id
        self._numbers = Lookup()  # of each content id, the last number that `own_ids` gave
        self._of_table: dict[int, NDArray[np.int64]] = {}

    def own_ids(self, ids: NDArray[np.int64], labels: Labels, *, exact: bool = True) -> NDArray[np.int64]:
        """Return ids, (n,) int64, that tell rows of one content apart where each of them counts.

        Each counts where examples are individual; and those with different labels do where labels are values: noise
        is normal there, and no contradiction. The first of them keeps the content id.

        Args:
            ids: content ids, in ascending order.
            labels: of these rows; of one content those without a label first, then by label.
            exact: whether labels are right or wrong, see `Task.exact`.
        """
        individual = self.modality.individual
        if exact and not individual:
            return ids
        others = np.ones(len(ids), np.bool_) if individual else _differ(labels)
        starts = starts_of(ids)
        first, run = np.flatnonzero(starts), np.cumsum(starts) - 1
        numbers = np.cumsum(others)
        numbers -= numbers[first][run]
        if self.coincident:  # of a content that another table has too, the numbers go on
            known, last = self._numbers.find(ids[first])
            numbers += np.where(known, last + others[first], 0)[run]
            self._numbers.put(ids[first], numbers[np.append(first[1:], len(ids))[: len(first)] - 1])
        again, own = np.flatnonzero(numbers), ids.copy()
        pairs = zip(ids[again], numbers[again], strict=True)
        names = (identity_of({"content": str(key), "number": str(number)}) for key, number in pairs)
        own[again] = np.fromiter(map(content_id, names), np.int64, len(again))
        self._content.put(own[again], ids[again])
        return own

    def stand(self, table: Table, ids: NDArray[np.int64]) -> None:
        """Note the ids of a table's rows, in their order."""
        self._of_table[id(table)] = ids

    def ids_of(self, table: Table) -> NDArray[np.int64]:
        """Return the ids of a table's rows, in their order."""
        known = self._of_table.get(id(table))
        return content_ids(table.values, self.modality) if known is None else known

    def again(self, rows: Examples) -> int:
        """Return how many rows have the content of another one, and count nevertheless."""
        return int(self._content.find(rows.ids)[0].sum())

    def looks(self, rows: Examples) -> NDArray[np.int64]:
        """Return the likeness of each row, (n,) int64; where that is coincidence, the row itself."""
        return rows.ids if self.coincident else self.likeness(rows)

    def likeness(self, rows: Examples) -> NDArray[np.int64]:
        """Return the likeness of each row, (n,) int64; that of an example is worked out once.

        Raises:
            LimbeckError: examples that cannot be read: it names the first one, and some of the others.
        """
        found, looks = self._known.find(rows.ids)
        if found.all():
            return looks
        unseen = np.flatnonzero(~found)
        # Of an id that stands several times, the last row.
        backwards = np.unique(rows.ids[unseen][::-1], return_index=True)[1]
        one = np.sort(unseen[len(unseen) - 1 - backwards])
        faults, likeness = Faults(), self.modality.likeness
        with meter(f"looking at {self.modality.noun}s", len(one), brief=True) as progress:
            shown = _shown(picked(rows.values, one), progress)
            looks = np.fromiter(_ids(shown, likeness, faults), np.int64, len(one))
            progress.advance(len(one) % _AT_ONCE)
        self._known.put(rows.ids[one], looks)
        if len(unread := one[looks == _UNREAD]):
            tried = {id(rows.values[row]) for row in unread}
            copies = unseen[among(rows.ids[unseen], rows.ids[unread])]
            for value in picked(rows.values, copies):
                if id(value) not in tried:
                    with faults.noted():
                        likeness(value)
        faults.refuse()
        return self._known.find(rows.ids)[1]

    def keeps(self, rows: Examples, other: Examples, who: str | None, where: str) -> NDArray[np.bool_]:
        """Return which rows look like none of the others, (n,) bool.

        Args:
            rows: the rows to sift.
            other: rows of another split.
            who: whose rows these are, in the reasons; None: those left out are not counted.
            where: the other split.
        """
        alike = among(self.looks(rows), self.looks(other))
        if who is not None:
            same = alike & among(self._contents(rows), self._contents(other))
            self.count(f"{who}, also in {where}", int(same.sum()))
            self.count(f"{who}, looks like a row in {where}", int((alike & ~same).sum()))
        return ~alike

    def _contents(self, rows: Examples) -> NDArray[np.int64]:
        found, contents = self._content.find(rows.ids)
        return np.where(found, contents, rows.ids)

    def without(self, rows: Examples, other: Examples, who: str | None, where: str) -> Examples:
        """Return the rows that look like none of the others."""
        return rows.take(np.flatnonzero(self.keeps(rows, other, who, where)))

    def new(self, rows: Examples, others: NDArray[np.int64], reason: str | None) -> Examples:
        """Return the rows whose very content is none of the others', of which these are the ids."""
        keep = ~among(rows.ids, others)
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
        held = np.flatnonzero(~self.empty(rows))
        order = held[np.argsort(rows.ids[held], kind="stable")]
        starts = starts_of(rows.ids[order])
        repeated = ~(starts & np.append(starts[1:], True)[: len(starts)])
        again, kept = order[repeated], order[starts]
        self._require_equal(rows, again)
        which, contradicted = _settled(rows.take(again))
        several = np.flatnonzero(repeated[starts])
        kept[several] = again[which]
        if of is not None:
            self.count(f"empty{of}", len(rows) - len(held))
            self.count(f"repeated{of}", len(held) - len(kept))
            self.count(f"contradicting labels{of}", int(contradicted.sum()))
        return rows.take(np.delete(kept, several[contradicted]))

    def _require_equal(self, rows: Examples, order: NDArray[np.int64]) -> None:
        """Refuse two examples of one content id; those of one id follow each other in the order."""
        before: tuple[int, bytes] | None = None
        for row in order:
            now = int(rows.ids[row]), self.modality.identity(rows.values[row])
            if before is not None and before[0] == now[0] and before != now:
                raise LimbeckError(
                    f"two different {self.modality.noun}s share the content id {now[0]}", fix="change one of them"
                )
            before = now

    def count(self, reason: str, rows: int) -> None:
        """Note rows that are left out."""
        if rows:
            self.dropped[reason] = self.dropped.get(reason, 0) + rows


def _settled(rows: Examples) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return which row stands for each content id, and which ids have two labels; rows of one id follow each other.

    It is the first row with a label, or where none has one the last row.
    """
    starts, count = starts_of(rows.ids), len(rows)
    first, run = np.flatnonzero(starts), np.cumsum(starts) - 1
    labels, last = rows.labels, np.append(first[1:], count)[: len(first)] - 1
    place = np.where(labels.present, np.arange(count), count)
    kept = np.minimum(last, np.minimum.reduceat(place, first)) if count else last
    contradicted = np.zeros(len(first), np.bool_)
    contradicted[run[unlike(labels.values, labels.values[kept[run]]) & labels.present]] = True
    return kept, contradicted


def _shown(values: Iterable[Any], progress: Meter) -> Iterator[Any]:
    """Yield values, and show whenever it is another hundred."""
    for number, value in enumerate(values, start=1):
        if not number % _AT_ONCE:
            progress.advance(_AT_ONCE)
        yield value
