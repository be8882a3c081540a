"""What a network reads of texts, and when that is next to nothing."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.evaluation.records import ViewRecord
from limbeck.runtime import TextReader
from limbeck.runtime.rows import Ragged

UNKNOWN_WARNED = 0.1
"""Share of unknown tokens above which there is a warning: to the English `minilm`, Japanese reviews have about 18 %."""
UNKNOWN_REFUSED = 0.5
"""Share above which a vocabulary is of another language: to `minilm`, Chinese reviews have about 64 %. None of them is
without a known token, as punctuation and some 230 characters are known. A vocabulary that was counted in these very
texts leaves out rare words alone, at `min_frequency: 2` half of the tokens of 50 short texts: that is warned of."""
UNREAD_REFUSED = 0.5
"""Share of texts without a known token: to words counted in 50 texts with `min_frequency: 5`, a fifth are."""

PIECES_WARNED = 1.45
"""Pieces a word above which there is a warning: to `minilm`, English has 1.03 to 1.12, tweets 1.2, French 1.5, German
1.8, Russian 3.6."""
_WORD_BEGINS = ("\u2581", "\u0120")
"""What a token begins with where a word does, of tokenizers that write blanks: SentencePiece's and byte-level BPE's."""
_WORD_GOES_ON = "##"

FIXES = {
    "words": "lower TOKENIZER.min_frequency, raise TOKENIZER.size, or give a tokenizer of pieces of words: "
    "TOKENIZER={kind: transformers, path: ...}",
    "characters": "lower TOKENIZER.min_frequency, raise TOKENIZER.size",
    "transformers": "take a model or tokenizer of this language, by folder or hub id, or TOKENIZER="
    "{kind: words} (of a teacher: with kind network); see Languages in docs/recipes.md",
    "given": "give the tokenizer of a network that reads this language",
}
"""What to do, by kind of tokenizer; TOKENIZER stands for its key."""


def reading(reader: TextReader, encoded: Ragged) -> ViewRecord:
    """Count what the texts that a reader has encoded are to a network."""
    if not len(encoded):
        return ViewRecord(tokens=0.0, unknown=0.0, cut=0.0, unread=0)
    starts, ids = encoded.offsets[:-1], encoded.tokens
    real = np.ones(len(ids), bool)
    for index in reader.special:
        real &= ids != index
    # A text without any token is one padding token.
    real[starts[(encoded.lengths == 1) & (ids[starts] == encoded.pad_id)]] = False
    known = real if reader.unknown is None else real & (ids != reader.unknown)
    count, unknown = np.count_nonzero(real), np.count_nonzero(real & ~known)
    return ViewRecord(
        tokens=float(count / len(encoded)),
        unknown=float(unknown / count) if count else 0.0,
        cut=float(encoded.cut.mean()),
        unread=int(np.count_nonzero(~np.logical_or.reduceat(known, starts))),
        pieces=_pieces(reader, ids[real]),
    )


def _pieces(reader: TextReader, ids: NDArray[Any]) -> float | None:
    """Return how many tokens a word has in the mean; None where tokens are words, or do not say where one begins."""
    tokens = reader.tokens
    begins = np.array([not token.startswith(_WORD_GOES_ON) for token in tokens])
    if begins.all():
        begins = np.array([token.startswith(_WORD_BEGINS) for token in tokens])
    words = np.count_nonzero(begins[ids])
    return float(len(ids) / words) if words else None


def same_tokens(encoded: Ragged, others: Ragged) -> int:
    """Return how many of the encoded texts have the token ids of one of the others."""
    own = [*_rows(encoded)]
    # Not a set of the others, which are many more than test rows.
    wanted = set(own)
    found = {row for row in _rows(others) if row in wanted}
    return sum(row in found for row in own)


def _rows(encoded: Ragged) -> Iterator[bytes]:
    return (encoded[row].tobytes() for row in range(len(encoded)))


def unreadable(kind: str, own: ViewRecord, own_rows: int, held_out: ViewRecord, held_out_rows: int) -> str | None:
    """Return why a network sees next to nothing of the texts; None where it sees enough.

    Args:
        kind: of its tokenizer.
        own: of the training texts.
        own_rows: how many they are.
        held_out: of the validation texts: words counted in the training texts know each of these; whether they are of
            use, other texts tell.
        held_out_rows: how many they are.
    """
    if own.unread > UNREAD_REFUSED * own_rows:
        return f"{own.unread:,} of {own_rows:,} training texts hold no token known to its tokenizer"
    if held_out.unread > UNREAD_REFUSED * held_out_rows:
        return f"{held_out.unread:,} of {held_out_rows:,} validation texts hold no token known to its tokenizer"
    if own.unknown > UNKNOWN_REFUSED and kind not in ("words", "characters"):
        return f"{100 * own.unknown:.1f} % of the tokens of the training texts are unknown to its tokenizer"
    return None


def described(seen: ViewRecord, max_length: int) -> str:
    """Return in words how many tokens a text has, how many are unknown, and how many texts are cut."""
    line = (
        f"{seen.tokens:.1f} tokens a text (mean), {100 * seen.unknown:.1f} % of them unknown, "
        f"{100 * seen.cut:.1f} % of the training texts cut at {max_length} tokens"
    )
    line = f"{line}, {seen.unread:,} texts without a known token" if seen.unread else line
    return f"{line}; {seen.pieces:.1f} pieces a word: it may not know this language" if cut_up(seen) else line


def unfamiliar(seen: ViewRecord) -> str | None:
    """Return by what it shows that a tokenizer is likely one of another language; None where nothing shows it."""
    if seen.unknown > UNKNOWN_WARNED:
        return f"{100 * seen.unknown:.0f} % of the tokens unknown"
    return f"{seen.pieces:.1f} pieces a word" if cut_up(seen) else None


def cut_up(seen: ViewRecord) -> bool:
    """Return whether words are cut into so many pieces that the tokenizer is likely one of another language."""
    return seen.pieces is not None and seen.pieces > PIECES_WARNED
