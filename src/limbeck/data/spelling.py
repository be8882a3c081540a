"""One spelling of a text: what people write in many ways and mean alike."""

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
