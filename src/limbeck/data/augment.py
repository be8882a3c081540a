"""More text for the teacher to label, made from the text at hand: words left out, spans cut out.

A word is left out, not replaced by `[MASK]` or `[UNK]`: such a mark means something to some tokenizers and is five odd
characters to the others, and teacher and student shall read the same text. What is made is a row of its own, with the
id of its own content, so that every network and the teacher cache see one and the same copy.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from limbeck.data.settings import AugmentSettings


def augment(ids: Iterable[int], texts: Iterable[str], settings: AugmentSettings) -> Iterator[str]:
    """Yield copies of texts, each with fewer words than its text and with at least one.

    Each word (what stands between spaces) of a copy is left out with probability `mask`; then, with probability
    `ngram`, all but n consecutive words are, n being uniform in 1 ... `longest`. A copy that lost no word, or every
    word, is none. What a text becomes depends on its id and the settings alone; more `copies` add to fewer.

    Source: Tang et al. 2019, "Distilling Task-Specific Knowledge from BERT into Simple Neural Networks" (arXiv
    1903.12136), section 3.2, where `mask` is 0.1, `ngram` 0.25, `longest` 5 and `copies` 20; without its replacement of
    words by others of the same part of speech, which needs a tagger.

    Args:
        ids: content ids of the texts.
        texts: as many.
        settings: see `AugmentSettings`.
    """
    for key, text in zip(ids, texts, strict=True):
        words = text.split()
        rng = np.random.default_rng((settings.seed, key % 2**64))
        for _ in range(settings.copies):
            drawn = rng.random(len(words)) >= settings.mask
            kept = [word for word, stays in zip(words, drawn, strict=True) if stays]
            if rng.random() < settings.ngram:
                span = int(rng.integers(1, settings.longest + 1))
                start = int(rng.integers(0, max(1, len(kept) - span + 1)))
                kept = kept[start : start + span]
            if 0 < len(kept) < len(words):
                yield " ".join(kept)
