"""Scripts without blanks: one list for `tokenizers` and for Python, over all of Unicode."""

import random
import sys
import unicodedata

import pytest
from tokenizers import Regex, pre_tokenizers

from limbeck.runtime import scripts

SCRIPTS = "Han Hiragana Katakana Bopomofo Yi Tangut Khitan_Small_Script Nushu Thai Lao Khmer Myanmar Tai_Le New_Tai_Lue"
SCRIPTS += " Tai_Tham Tai_Viet Ahom Javanese Balinese"
OF_SEVERAL = "〆〱〲〳〴〵〼ーｰﾞﾟꧏ"
"""Letters that Unicode gives to no script, or to several: marks of repetition, of length and of voicing."""


def found_by(expression, text):
    split = pre_tokenizers.Split(Regex(expression), behavior="removed", invert=True)
    return [token for token, _ in split.pre_tokenize_str(text)]


@pytest.fixture(scope="module")
def assigned():
    """Every character that both Python and `tokenizers` know, but blanks, in any order."""
    known = [char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char)[0] not in "CZ"]
    random.Random(0).shuffle(known)
    return found_by(r"\P{Cn}", "".join(known))


def test_the_ranges_are_the_letters_of_their_scripts(assigned):
    text, properties = "\n".join(assigned), "".join(rf"\p{{{script}}}" for script in SCRIPTS.split())
    letters = found_by(rf"[[{properties}{OF_SEVERAL}]&&\w&&[^\d\p{{M}}]]", text)
    assert len(letters) > 90_000
    assert found_by(scripts.word_rules()[1], text) == letters


def test_python_cuts_as_tokenizers_does(assigned):
    """Letters, and what stands with them: in any order, a mark or two follow many a letter."""
    text, character = "".join(assigned), scripts.word_rules()[1]
    [found] = scripts.units(text)
    assert list(found) == found_by(rf"{character}|(?:(?!{character}).)+", text)
    assert scripts.terms("ก\u0e33ไร") == ["ก\u0e33", "ไ", "ร"], "a vowel that Unicode takes for a letter"
    assert sum(len(unit) > 1 and not unit[-1].isalnum() for unit in found) > 500
