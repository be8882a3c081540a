"""The one error a user meets: what is wrong, where, and what to do."""

import difflib
from collections.abc import Iterable


class LimbeckError(Exception):
    """Bad input or a broken promise of the outside world; the command line prints it and exits with 2.

    Args:
        what: one sentence without a final full stop.
        where: the file, key or row that it is about.
        fix: what the reader can do now.
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}; {self.fix}" if self.fix else line


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a hint that names the closest valid name, or all of them when none is close."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else f"valid: {', '.join(names)}"
