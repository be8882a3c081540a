"""More text for the teacher to label, made from the text at hand: words left out, spans cut out.

Of a script without blanks, such as Chinese, characters are left out where words are of another.

A word is left out, not replaced by `[MASK]` or `[UNK]`: such a mark means something to some tokenizers and is five odd
characters to the others, and teacher and student shall read the same text. What is made is a row of its own, with the
id of its own content, so that every network and the teacher cache see one and the same copy.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from limbeck.runtime.scripts import units
from limbeck.settings import Settings

MOST_COPIES = 10_000
"""Each is a row that the teacher answers."""


class AugmentSettings(Settings):
    """Copies of the transfer set's texts with words left out: more rows for the teacher to label."""

    kind: Literal["text"] = "text"
    copies: Annotated[
        int, Field(ge=1, le=MOST_COPIES, description="copies of each text; those that come out alike count once")
    ]
    mask: Annotated[float, Field(ge=0, lt=1, description="share of a copy's words that is left out")] = 0.1
    ngram: Annotated[float, Field(ge=0, le=1, description="share of the copies of which only a span is kept")] = 0.25
    longest: Annotated[
        int, Field(ge=1, description="words of such a span at most; for long texts, as many as tell something")
    ] = 5
    seed: Annotated[int, Field(ge=0, lt=2**32, description="other copies for another one")] = 0

    @model_validator(mode="after")
    def _something_left_out(self) -> "AugmentSettings":
        if not self.mask and not self.ngram:
            raise ValueError("mask and ngram are both 0, which leaves every copy as its text is; raise one of them")
        return self


def augment(ids: Iterable[int], texts: Iterable[str], settings: AugmentSettings) -> Iterator[str]:
    """Yield copies of texts, each with fewer words than its text and with at least one.

    Each word (what stands between spaces; of a script without them: a character) of a copy is left out with probability
    `mask`; then, with probability `ngram`, all but n consecutive words are, n being uniform in 1 ... `longest`. A copy
    that lost no word, or every word, is none. Between two words of a copy there is a space where one lay between them
    in the text. What a text becomes depends on its id and the settings alone; more `copies` add to fewer.

    Source: Tang et al. 2019, "Distilling Task-Specific Knowledge from BERT into Simple Neural Networks" (arXiv
    1903.12136), section 3.2, where `mask` is 0.1, `ngram` 0.25, `longest` 5 and `copies` 20; without its replacement of
    words by others of the same part of speech, which needs a tagger.

    Args:
        ids: content ids of the texts.
        texts: as many.
        settings: see `AugmentSettings`.
    """
    for key, text in zip(ids, texts, strict=True):
        chunks = units(text)
        words = [word for chunk in chunks for word in chunk]
        places = [place for place, chunk in enumerate(chunks) for _ in chunk]
        rng = np.random.default_rng((settings.seed, key % 2**64))
        for _ in range(settings.copies):
            drawn = rng.random(len(words)) >= settings.mask
            kept = np.flatnonzero(drawn).tolist()
            if rng.random() < settings.ngram:
                span = int(rng.integers(1, settings.longest + 1))
                start = int(rng.integers(0, max(1, len(kept) - span + 1)))
                kept = kept[start : start + span]
            if 0 < len(kept) < len(words):
                yield _joined(kept, words, places)


def _joined(kept: list[int], words: list[str], places: list[int]) -> str:
    """Return the words that are kept, with a space where the place changes."""
    if len(words) == places[-1] + 1:  # spaces everywhere: sooner
        return " ".join([words[index] for index in kept])
    return " ".join("".join(words[index] for index in group) for _, group in groupby(kept, key=places.__getitem__))
