"""The shortcut for ASCII texts against `tokenizers`, word for word."""

import re
import unicodedata

import pytest
from hypothesis import example, given, strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from limbeck.runtime import TextReader, words
from limbeck.runtime.scripts import terms

PIECES = [
    "n't",
    "'s",
    "'ve",
    "'",
    "n",
    "t",
    "ain",
    "don",
    "U.S.",
    "1",
    "000",
    ",",
    ".",
    ":",
    "..",
    "3rd",
    "_",
    "-",
    " ",
]
ASCII = st.one_of(
    st.text(st.characters(max_codepoint=127)),
    st.lists(st.one_of(st.sampled_from(PIECES), st.characters(max_codepoint=127))).map("".join),
)


def cut_by_library(text):
    """Return the words of a text, as `tokenizers` cuts it."""
    tokenizer = Tokenizer(models.WordLevel())
    words.set_rules(tokenizer)
    normal = tokenizer.normalizer.normalize_str(text)
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]


OLD = r"n't\b|'(?:s|re|ve|ll|d|m)\b|\d+(?:[.,:]\d+)+|\w+?(?=n't\b)|\w+|\.{2,}|[^\w\s]"
"""The rules before there were any for scripts without blanks."""
EUROPEAN = st.characters(max_codepoint=0x52F, exclude_categories=["Cs"]) | st.sampled_from("“”‘’…–—€™ﬁ´ ´")


@given(st.lists(st.one_of(st.sampled_from(PIECES), EUROPEAN)).map("".join))
@example("I´ll n't80´s İstanbul naïve, ΑΣ's, «это»n't don’t")
def test_european_texts_are_cut_as_ever(text):
    """A bundle of before has these rules in its file, and a student may be trained anew beside it."""
    tokenizer = tokenizer_of()
    normal = tokenizer.normalizer.normalize_str(text)
    old = pre_tokenizers.Split(Regex(OLD), behavior="removed", invert=True)
    assert cut_by_library(text) == [word for word, _ in old.pre_tokenize_str(normal)]
    if not any(unicodedata.combining(char) or unicodedata.category(char) == "Me" for char in text):
        assert terms(text) == re.findall(r"(?u)\b\w\w+\b", text)  # the floor's words are scikit-learn's


def tokenizer_of(*texts):
    """Return a tokenizer that knows every word of these texts but the last of each."""
    known = dict.fromkeys(word for text in texts for word in cut_by_library(text)[:-1])
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1} | {w: i + 2 for i, w in enumerate(known)}, "[UNK]"))
    words.set_rules(tokenizer)
    return tokenizer


@given(ASCII)
@example("I don't; it's shouldn't've can'tx n't 'n't 1,000.50 90s 1n't a1,2 ... .. . _n't 'Sx 'S")
@example("a\x1cb\x1fc\x00d\x7fe\x0bf")
def test_ascii_texts_get_the_ids_of_the_library(text):
    tokenizer = tokenizer_of(text)
    shortcut = words.AsciiWords.of(tokenizer)
    assert shortcut.ids(text) == tokenizer.encode(text).ids


TEXTS = ["One two, don't!", "naïve “one” İstanbul ΑΣ", "", "two " * 9, "é " * 9, "three"]


@pytest.mark.parametrize("tail", [0, 2])
def test_an_encoder_answers_alike_with_and_without(tail, monkeypatch):
    given_to = TextReader(tokenizer_of(*TEXTS), max_length=5, tail=tail)
    asked = []
    original = words.AsciiWords.ids
    monkeypatch.setattr(words.AsciiWords, "ids", lambda self, text: asked.append(text) or original(self, text))
    rows = given_to.encode(TEXTS)
    assert asked == [text for text in TEXTS if text.isascii()]
    given_to._ascii_words = None
    without = given_to.encode(TEXTS)
    assert len(asked) == 4
    assert [ids.tolist() for ids in rows] == [ids.tolist() for ids in without]
    assert rows.cut.tolist() == without.cut.tolist() == [True, True, False, True, True, False]


def change(**parts):
    tokenizer = tokenizer_of("one two")
    for name, value in parts.items():
        setattr(tokenizer, name, value)
    return tokenizer


@pytest.mark.parametrize(
    "tokenizer",
    [
        change(normalizer=normalizers.Lowercase()),
        change(pre_tokenizer=pre_tokenizers.Whitespace()),
        change(post_processor=processors.TemplateProcessing(single="[PAD] $A", special_tokens=[("[PAD]", 0)])),
        change(model=models.WordPiece({"[UNK]": 0, "one": 1}, unk_token="[UNK]")),
        change(model=models.WordLevel({"one": 1}, unk_token="[UNK]")),
    ],
    ids=["normalizer", "pre_tokenizer", "post_processor", "model", "no [UNK]"],
)
def test_other_tokenizers_have_no_shortcut(tokenizer):
    assert words.AsciiWords.of(tokenizer) is None


def test_a_tokenizer_with_added_words_has_no_shortcut():
    tokenizer = tokenizer_of("one two")
    tokenizer.add_tokens(["two three"])
    assert words.AsciiWords.of(tokenizer) is None
