"""Scripts that are written without blanks between words, and what one character of them is.

Of such a text the characters are counted, not the words: where a word ends is a question for a dictionary. A character
is what its reader takes for one: a letter with its combining marks, so that a vowel sign, a dakuten or a consonant that
is stacked under another stays where it belongs.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache

_Ranges = Iterable[tuple[int, int]]

_RANGES = (
    (0x0E01, 0x0E4F),  # Thai, without its digits: a number stays whole
    (0x0E81, 0x0ECF),  # Lao
    (0x0EDC, 0x0EDF),
    (0x1000, 0x103F),  # Myanmar
    (0x1050, 0x108F),
    (0x109A, 0x109F),
    (0x1780, 0x17DF),  # Khmer
    (0x1950, 0x19CF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1A7F),  # Tai Tham
    (0x1AA0, 0x1AAF),
    (0x1B00, 0x1B4F),  # Balinese
    (0x3005, 0x3007),  # the iteration mark, the closing mark, the zero
    (0x3021, 0x3029),  # Hangzhou numerals
    (0x3031, 0x3035),  # repeat marks
    (0x3038, 0x303C),
    (0x3041, 0x312F),  # Hiragana, Katakana with the long mark, Bopomofo
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0xA48F),  # Han, Yi
    (0xA980, 0xA9CF),  # Javanese
    (0xA9E0, 0xA9EF),  # Myanmar
    (0xA9FA, 0xA9FF),
    (0xAA60, 0xAADF),  # Myanmar, Tai Viet
    (0xF900, 0xFAFF),  # Han, compatibility
    (0xFF66, 0xFF9F),  # Katakana, half width
    (0x11700, 0x1172F),  # Ahom
    (0x11740, 0x1174F),
    (0x16FE0, 0x18DFF),  # Tangut, Khitan, Nüshu's iteration mark
    (0x1AFF0, 0x1B2FF),  # Kana, Nüshu
    (0x20000, 0x3FFFF),  # Han, extensions
)
"""Letters of the scripts whose lines Unicode breaks between any two letters, or by dictionary only; and their marks.

Source: Unicode Standard Annex 14, classes ID, CJ and SA, and of AK Javanese and Balinese. Hangul has blanks. Tibetan
has a mark between syllables, at which words are cut as at any other mark.
"""

_TRAILERS = ((0x0E33, 0x0E33), (0x0EB3, 0x0EB3), (0xFF9E, 0xFF9F))
"""Letters to Unicode that stand with the letter before: a vowel of Thai and of Lao, the half-width voicing marks.

Source: Unicode Standard Annex 29, SpacingMark and Extend.
"""

_STACKERS = ((0x1039, 0x1039), (0x17D2, 0x17D2), (0x1A60, 0x1A60), (0x1B44, 0x1B44), (0xA9C0, 0xA9C0))
"""Marks that put the next consonant under the last one: Myanmar, Khmer, Tai Tham, Balinese, Javanese."""

_SPLIT_VOWELS = ((0x0E4D, 0x0E32), (0x0ECD, 0x0EB2))
"""What Unicode's normal form NFKC makes of the two vowels of `_TRAILERS`: a mark, and a letter that belongs to it."""


def word_rules() -> tuple[str, str]:
    r"""Return two expressions of `tokenizers` (Oniguruma): a letter of a word; a character written without blanks.

    The first is `\w` without the second's letters.
    """
    ranges, trailers = _oniguruma(_RANGES), _oniguruma(_TRAILERS)
    letter = rf"[[\w&&[^{ranges}]]\p{{M}}]"
    return letter, _character(rf"[{ranges}&&\w&&[^\p{{M}}]]", rf"[\p{{M}}{trailers}]", _oniguruma)


def terms(text: str) -> list[str]:
    r"""Return the words of two letters or more, and the characters of scripts without blanks, in their order.

    Of texts without such characters and without combining marks these are the matches of `(?u)\b\w\w+\b`,
    scikit-learn's rule, which cuts words of Hindi at their vowel signs.
    """
    return (_ASCII_TERM if text.isascii() else _term()).findall(text)


def signs(text: str) -> list[str]:
    """Return the words of one letter or more, the characters of scripts without blanks, and every other sign by itself.

    What `terms` leaves out may decide: an emoji, a run of exclamation marks, the grade `C`.
    """
    return (_ASCII_SIGN if text.isascii() else _sign()).findall(text)


def units(text: str) -> list[tuple[str, ...]]:
    """Cut a text at its blanks, and what stands between two of them into characters where it is written without blanks.

    A run of anything else between two such characters, such as a Latin word or a full stop, is one unit.

    Returns:
        The units by what stands between two blanks.
    """
    chunks = text.split()
    if text.isascii():
        return [(chunk,) for chunk in chunks]
    cut = _cutter()
    return [tuple(filter(None, cut.split(chunk))) for chunk in chunks]


_ASCII_TERM = re.compile(r"\b\w\w+\b", re.ASCII)
"""The same in half the time."""
_ASCII_SIGN = re.compile(r"\w+|[^\w\s]", re.ASCII)


@cache
def _unspaced() -> str:
    """Return an expression of `re` for a character of a script without blanks."""
    # `\w` of `re` has no marks.
    return _character(rf"(?=\w)[{_python(_RANGES)}]", f"[{_python(_marks() + _TRAILERS)}]", _python)


@cache
def _cutter() -> re.Pattern[str]:
    return re.compile(f"({_unspaced()})")


@cache
def _term() -> re.Pattern[str]:
    letter = rf"[^\W{_python(_RANGES)}]"
    return re.compile(f"{letter}(?:{letter}+|[{_python(_marks())}]+)+|{_unspaced()}")


@cache
def _sign() -> re.Pattern[str]:
    letter = rf"[^\W{_python(_RANGES)}]"
    return re.compile(f"{letter}(?:{letter}|[{_python(_marks())}])*|{_unspaced()}|\\S")


def _character(letter: str, mark: str, form: Callable[[_Ranges], str]) -> str:
    """Return an expression of a letter with its marks, and with what stands under it."""
    vowels = "|".join(form([(first, first)]) + form([(second, second)]) for first, second in _SPLIT_VOWELS)
    return f"{letter}(?:{mark}*(?:[{form(_STACKERS)}]{letter}|{vowels}))*{mark}*"


@cache
def _marks() -> tuple[tuple[int, int], ...]:
    """Return the combining marks of this Python's Unicode."""
    planes = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
    found: list[list[int]] = []
    for point in planes:
        if unicodedata.category(chr(point)).startswith("M"):
            if found and found[-1][1] == point - 1:
                found[-1][1] = point
            else:
                found.append([point, point])
    return tuple((first, last) for first, last in found)


def _oniguruma(ranges: _Ranges) -> str:
    return "".join(
        f"\\x{{{first:04X}}}" if first == last else f"\\x{{{first:04X}}}-\\x{{{last:04X}}}" for first, last in ranges
    )


def _python(ranges: _Ranges) -> str:
    return "".join(f"\\U{first:08x}" if first == last else f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
