"""Sources that need no file of the user's own."""

import csv
import io
from collections.abc import Callable

from limbeck.data.assets import asset
from limbeck.errors import LimbeckError, nearest

_RATING_FILES = {
    "movie": "movieReviewSnippets_GroundTruth.txt",
    "amazon": "amazonReviewSnippets_GroundTruth.txt",
    "nyt": "nytEditorialSnippets_GroundTruth.txt",
    "tweets": "tweets_GroundTruth.txt",
}


def sentiment_ratings(domain: str | None) -> list[tuple[str, str]]:
    """Return (text, "negative" | "positive") of snippets rated by people (Hutto and Gilbert, ICWSM 2014).

    Args:
        domain: movie, amazon, nyt or tweets; None: all four.

    Raises:
        LimbeckError: an unknown domain, or the asset cannot be obtained.
    """
    if domain is not None and domain not in _RATING_FILES:
        raise LimbeckError(
            f"`sentiment-ratings` has no domain `{domain}`", where="data.domain", fix=nearest(domain, _RATING_FILES)
        )
    folder = asset("sentiment-ratings")
    rows: list[tuple[str, str]] = []
    for name in [domain] if domain else _RATING_FILES:
        # A few bytes of the original are not UTF-8; each stands for one odd character.
        content = (folder / _RATING_FILES[name]).read_text(encoding="utf-8", errors="replace")
        for _, score, text in csv.reader(io.StringIO(content), delimiter="\t", quoting=csv.QUOTE_NONE):
            rows.append((text, "positive" if float(score) > 0 else "negative"))
    return rows


SOURCES: dict[str, Callable[[str | None], list[tuple[str, str]]]] = {"sentiment-ratings": sentiment_ratings}
