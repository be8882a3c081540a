"""Values as they were read, for a teacher that is asked with these; no student reads so."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from limbeck.runtime.readers import Form, Reader
from limbeck.runtime.rows import Raw
from limbeck.runtime.takes import Takes


class RawReader(Reader):
    """Hand values through."""

    kind: ClassVar[str] = "raw"
    needs: ClassVar[Mapping[str, type]] = {}
    files: ClassVar[tuple[str, ...]] = ()
    digest: str = "raw"
    takes: Takes | None = None

    @property
    def form(self) -> Form:
        """Refuse: no network reads values as they are."""
        raise TypeError("values as they were read have no form that a network could know")

    @property
    def shapes(self) -> Mapping[str, tuple[int | None, ...]]:
        """Nothing: no arrays are made."""
        return {}

    def encode(self, values: Sequence[Any]) -> Raw:
        """Return the values, in order."""
        return Raw(values)

    def probe(self) -> Any:
        """Refuse: no bundle holds it."""
        raise TypeError("no bundle reads values as they are")

    def save(self, folder: Path) -> dict[str, Any]:
        """Refuse: no bundle holds it."""
        raise TypeError("no bundle reads values as they are")

    @classmethod
    def load(cls, folder: Path, info: Mapping[str, Any]) -> Self:
        """Refuse: no bundle holds it."""
        raise TypeError("no bundle reads values as they are")
