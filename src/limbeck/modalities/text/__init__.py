"""Text: what a person wrote, as one string an example."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from limbeck.data.cells import is_missing
from limbeck.data.held import each
from limbeck.data.modality import Column, Features, Modality
from limbeck.digest import identity_of
from limbeck.errors import LimbeckError
from limbeck.evaluation.figures import TextSample
from limbeck.evaluation.records import Usage
from limbeck.files import FORMS
from limbeck.modalities.text.augment import AugmentSettings, augment
from limbeck.modalities.text.features import CUTS, TfidfFeatures
from limbeck.modalities.text.likeness import plain
from limbeck.modalities.text.reads import TextReads
from limbeck.runtime.readers.pairs import joined, shown_parts
from limbeck.runtime.readers.text import well_formed
from limbeck.runtime.records import whole_text

__all__ = ["AugmentSettings", "TextModality", "TextReads"]


class TextModality(Modality):
    """A text, as one string."""

    name: ClassVar[str] = "text"
    recipe: ClassVar[str | None] = "sentiment"
    joins: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    in_lines: ClassVar[bool] = True
    noun: ClassVar[str] = "text"
    column: ClassVar[str] = (
        "the column with the text, or several that are one text together, in this order; `review.body` is what objects "
        "in the column `review` hold there"
    )
    usage: ClassVar[Usage] = Usage(
        noun="text", line="a text of yours", python='["a text to label"]', keeps="tokenizer", in_files=True
    )
    reads: ClassVar[type[TextReads]] = TextReads
    augment: ClassVar[type[AugmentSettings]] = AugmentSettings

    def values(self, cells: Any, column: Column) -> Sequence[str]:
        """Return the texts; an empty one where a cell holds nothing. Those of several columns are joined, see `joined`.

        Raises:
            LimbeckError: a cell holds something else.
        """
        if isinstance(cells, Mapping):
            parts = [self.values(held, replace(column, name=name)) for name, held in cells.items()]
            return each(lambda *row: joined(row), *parts)
        for row, value in enumerate(cells):
            if not isinstance(value, str) and not is_missing(value):
                raise LimbeckError(
                    f"column `{column.name}` has a value of type {type(value).__name__} in row {row + 1}, where a text "
                    "belongs",
                    where=column.where,
                    fix="remove the row" + column.or_else("set {} to the column with the text"),
                )
        return each(_text, cells)

    def in_files(self, paths: Sequence[Any]) -> list[Any]:
        """Return what the files say."""
        return [whole_text(path) for path in paths]

    def identity(self, value: str) -> bytes:
        """Return the text itself."""
        return identity_of({"text": value})

    def likeness(self, value: str) -> bytes:
        """Return the text without what a reader cannot see; see `plain`."""
        return plain(value).encode("utf-8", "surrogatepass")

    def copies(self, ids: Iterable[int], values: Iterable[str], settings: AugmentSettings) -> Iterator[str]:
        """Return copies of texts with words left out; see `augment`."""
        return augment(ids, values, settings)

    def usage_of(self, reader: Any, values: Sequence[str], columns: Sequence[str] = ()) -> Usage:
        """Return the same; of a text of several columns, that it is asked for with its parts."""
        if len(columns) < 2:
            return self.usage
        parts = ", ".join(json.dumps(name, ensure_ascii=False) for name in columns)
        files = f"{FORMS} files with the columns {', '.join(columns)}"
        return self.usage.model_copy(
            update={"line": None, "file": "rows.csv", "files": files, "python": f"[({parts})]"}
        )

    def features(self) -> Sequence[Features]:
        """Return TF-IDF in every cut."""
        return [TfidfFeatures(name) for name in CUTS]

    def sample(self, value: str, name: str) -> TextSample:
        """Return the text."""
        return TextSample(text=shown_parts(value))


def _text(cell: Any) -> str:
    """Return the text of a cell; an empty one where it holds nothing."""
    return "" if is_missing(cell) else well_formed(cell)
