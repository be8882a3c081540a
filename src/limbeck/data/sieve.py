"""What is left out of a split, and why: empty and repeated texts, and texts that another split has."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from limbeck.data.examples import UNLABELLED, Examples
from limbeck.data.likeness import likeness
from limbeck.digest import example_id
from limbeck.errors import LimbeckError


def content_ids(texts: Iterable[str]) -> NDArray[np.int64]:
    """Return the content id of each text, (n,) int64."""
    return np.fromiter((example_id({"text": text}) for text in texts), np.int64)


def alike(rows: Examples) -> NDArray[np.int64]:
    """Return the number of each row's group, (n,) int64, counted in the order of the rows.

    Rows of one content id share a group, and so do texts of one likeness.
    """
    looks: dict[int, int] = {}
    groups: dict[int, int] = {}
    found = []
    for key, text in zip(rows.ids.tolist(), rows.texts, strict=True):
        if key not in looks:
            looks[key] = likeness(text)
        found.append(groups.setdefault(looks[key], len(groups)))
    return np.array(found, np.int64)


class Sieve:
    """Leaves rows out.

    Attributes:
        dropped: rows left out, by reason.
    """

    def __init__(self) -> None:
        self.dropped: dict[str, int] = {}
        self._known: dict[int, int] = {}

    def looks(self, rows: Examples) -> NDArray[np.int64]:
        """Return the likeness of each row, (n,) int64; that of a text is worked out once."""
        known = self._known
        for key, text in zip(rows.ids.tolist(), rows.texts, strict=True):
            if key not in known:
                known[key] = likeness(text)
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
            same = np.isin(rows.ids, other.ids)
            self.count(f"{who}, also in {where}", int(same.sum()))
            self.count(f"{who}, looks like a row in {where}", int((alike & ~same).sum()))
        return ~alike

    def without(self, rows: Examples, other: Examples, who: str | None, where: str) -> Examples:
        """Return the rows that look like none of the others."""
        return rows.take(np.flatnonzero(self.keeps(rows, other, who, where)))

    def new(self, rows: Examples, other: Examples, reason: str | None) -> Examples:
        """Return the rows whose very text is none of the others'."""
        keep = ~np.isin(rows.ids, other.ids)
        if reason is not None:
            self.count(reason, int((~keep).sum()))
        return rows.take(np.flatnonzero(keep))

    def clean(self, rows: Examples, of: str | None = "") -> Examples:
        """Return one row a text, ordered by content id, without empty texts and without those that have two labels.

        Args:
            rows: in any order.
            of: what the reasons end with; None: those left out are not counted.

        Raises:
            LimbeckError: two texts have one content id.
        """
        first: dict[int, int] = {}
        contradicted: set[int] = set()
        empty = self.looks(rows) == likeness("")
        for row in np.flatnonzero(~empty).tolist():
            key, text = int(rows.ids[row]), rows.texts[row]
            other = first.setdefault(key, row)
            if other == row:
                continue
            if rows.texts[other] != text:
                raise LimbeckError(f"two different texts share the content id {key}", fix="change one of them")
            if rows.labels[other] == UNLABELLED:
                first[key] = row
            elif rows.labels[row] not in (UNLABELLED, rows.labels[other]):
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
