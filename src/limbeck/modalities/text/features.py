"""A text as a row of a matrix, for the floor: TF-IDF of what it is cut into."""

from collections.abc import Callable, Sequence
from typing import Any

from limbeck.data import Fits
from limbeck.runtime.scripts import signs, terms

CUTS: dict[str, Callable[[str], list[str]]] = {"words": terms, "words, letters and signs": signs}
"""How a text is cut. The first is scikit-learn's own rule, which sees no emoji, no punctuation and no single letter. Of
scripts without blanks, such as Chinese and Thai, characters are counted in place of words."""

MAX_TERMS = 50_000
"""Most words and word pairs (of some scripts: characters) kept, the most frequent ones: bounds memory at 77 classes to
about half a gigabyte."""


class TfidfFeatures:
    """TF-IDF of words and word pairs, with sublinear counts.

    Args:
        name: of the cut, see `CUTS`.

    Attributes:
        title: what it is called.
        fits: a linear model.
        settings: the cut.
    """

    title: str = "TF-IDF"
    fits: Fits = "linear"

    def __init__(self, name: str) -> None:
        self.settings: dict[str, float | int | str | bool | None] = {"terms": name}
        self._cut = CUTS[name]
        self._vectorizer: Any = None

    @property
    def parameters(self) -> int:
        """The number of inverse document frequencies."""
        return self._vectorizer.idf_.size

    @property
    def size_bytes(self) -> int:
        """The vocabulary as UTF-8; the scikit-learn object, pickled, is larger."""
        return sum(len(term.encode()) for term in self._vectorizer.vocabulary_)

    def fit(self, values: Sequence[str]) -> Any:
        """Return the (texts, terms) sparse matrix; None where no text holds a term."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        if not any(map(self._cut, values)):
            return None
        # Its own pattern is set to None, or it warns that this is not used.
        taken: dict[str, Any] = {"tokenizer": self._cut, "token_pattern": None}
        self._vectorizer = TfidfVectorizer(**taken, ngram_range=(1, 2), sublinear_tf=True, max_features=MAX_TERMS)
        return self._vectorizer.fit_transform(values)

    def matrix(self, values: Sequence[str]) -> Any:
        """Return the (texts, terms) sparse matrix of other texts."""
        return self._vectorizer.transform(values)
