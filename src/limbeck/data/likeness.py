"""Likeness: what texts share that a reader cannot tell apart, and a split must not tell apart either.

    >>> plain("Good&nbsp;<b>FILM</b>!<br />") == plain("good  film!")
    True

No tokenizer is asked: what is one text to a reader may be two to a network, and the other way round.
"""

import hashlib
import html
import re
import unicodedata

_UNSEEN = re.compile(
    # Format characters (category Cf): soft hyphen, zero-width space and joiners, directions, byte-order mark, tags.
    "[\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f"
    # Marks and letters that are not drawn: grapheme joiner, fillers, variation selectors.
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef"
    # Control characters (category Cc) that are no blanks.
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
_UNSEEN_ASCII = re.compile("[\x00-\x08\x0e-\x1b\x7f]")
_REPEATED_ESCAPE = re.compile("&(?:amp;|#0*38;|#x0*26;)+")
# A name has to follow `<` at once, as in `<br/>`: `a < b`, `<3` and `<-` are signs.
_TAG = re.compile(r"<(?:(?:!doctype|\?[a-z])[^<>]*|/?([a-z][a-z0-9:-]*)(?:\s[^<>]*|/)?)>")
_BLOCKS = re.compile(
    "address|article|aside|blockquote|br|caption|center|d[dlt]|div|fieldset|figcaption|figure|footer|form|h[1-6r]|header"
    "|li|main|nav|[ou]l|option|p|pre|section|table|t(?:body|foot|head|[dhr])"
)
"""Tags that end a word; the others stand inside one."""
_PASSES = 8


def likeness(text: str) -> int:
    """Return 8 bytes of blake2b over `plain(text)`, as a signed 64-bit integer: equal for texts that look alike."""
    raw = plain(text).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big", signed=True)


def plain(text: str) -> str:
    """Return a text in NFKC and lower case, without markup and characters that are not seen, each blank run one space.

    `plain(plain(text)) == plain(text)`. Markup is tags and comments of HTML and XML, and their entities, also where
    they are escaped more than once. A text that is nothing but markup keeps it.
    """
    if text.isascii() and "<" not in text and "&" not in text:
        return fold(text)
    text = folded = fold(text)
    for _ in range(_PASSES):
        before, text = text, fold(_without_markup(text))
        if text == before or ("<" not in text and "&" not in text):
            break
    else:  # markup in markup in markup: signs that could make more of it go, so that the result is final
        text = fold(re.sub("[<>&]", "", text))
    return text or folded


def fold(text: str) -> str:
    """Return a text in NFKC and lower case, without characters that are not seen, each run of blanks one space.

    `fold(fold(text)) == fold(text)`. The lower case is Unicode's full case folding.
    """
    if text.isascii():
        return " ".join(_UNSEEN_ASCII.sub("", text).lower().split())
    while True:
        # Case folding comes between: a capital that NFKC takes apart may fold into what NFKC joins.
        shorter = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).casefold()
        done = " ".join(unicodedata.normalize("NFKC", shorter).split())
        if done == text:
            return done
        text = done


def _without_markup(text: str) -> str:
    if "&" in text:
        text = html.unescape(_REPEATED_ESCAPE.sub("&", text))
    return _TAG.sub(_in_its_place, _without_comments(text)) if "<" in text else text


def _without_comments(text: str) -> str:
    kept, start = [], 0
    # No pattern: one that looks for an end behind every `<!--` takes hours over a text of such.
    while (opened := text.find("<!--", start)) >= 0 and (closed := text.find("-->", opened + 4)) >= 0:
        kept.append(text[start:opened])
        start = closed + 3
    return "".join([*kept, text[start:]])


def _in_its_place(tag: re.Match[str]) -> str:
    return " " if tag[1] and _BLOCKS.fullmatch(tag[1]) else ""
