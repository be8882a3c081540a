"""Likeness: what texts share that a reader cannot tell apart, and a split must not tell apart either.

    >>> plain("Good&nbsp;<b>FILM</b>!<br />") == plain("good  film!")
    True

No tokenizer is asked: what is one text to a reader may be two to a network, and the other way round.
"""

import html
import re

from limbeck.data.spelling import fold

_REPEATED_ESCAPE = re.compile("&(?:amp;|#0*38;|#x0*26;)+")
# A name has to follow `<` at once, as in `<br/>`: `a < b`, `<3` and `<-` are signs.
_TAG = re.compile(r"<(?:(?:!doctype|\?[a-z])[^<>]*|/?([a-z][a-z0-9:-]*)(?:\s[^<>]*|/)?)>")
_BLOCKS = re.compile(
    "address|article|aside|blockquote|br|caption|center|d[dlt]|div|fieldset|figcaption|figure|footer|form|h[1-6r]|header"
    "|li|main|nav|[ou]l|option|p|pre|section|table|t(?:body|foot|head|[dhr])"
)
"""Tags that end a word; the others stand inside one."""
_PASSES = 8


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
