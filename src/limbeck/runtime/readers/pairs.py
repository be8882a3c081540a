"""Texts of several parts, such as a title and a body, or a premise and a claim: one string with a mark between them.

A tokenizer that has a token of its own between the two parts of a pair, as `[SEP]`, puts it there; any other sees the
end of a line.
"""

from collections.abc import Sequence

PART = "\x1e"
"""Stands between two parts: the record separator of ASCII, which no text has in it."""


def joined(parts: Sequence[str]) -> str:
    """Return one text of several parts; empty where each of them is."""
    if not any(part.strip() for part in parts):
        return ""
    return PART.join(part.replace(PART, " ") for part in parts)


def shown_parts(text: str) -> str:
    """Return a text as it is shown: its parts in lines of their own."""
    return text.replace(PART, "\n")
