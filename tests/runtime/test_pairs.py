"""A text of several parts is read as the tokenizer reads a pair."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from limbeck.modalities.text.likeness import plain
from limbeck.modalities.text.tokenizers import WordTokenizerSettings, word_tokenizer
from limbeck.runtime.readers.pairs import PART, joined, shown_parts
from limbeck.runtime.readers.text import TextReader

WORDS = {token: number for number, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "title", "body"])}


def pairs(template: str) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    special = [(token, WORDS[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair=template, special_tokens=special
    )
    return tokenizer


@pytest.mark.parametrize("template", ["[CLS] $A [SEP] $B:1 [SEP]:1", "[CLS] $A [SEP] [SEP] $B [SEP]"])
def test_the_ids_are_those_of_the_pair(template):
    tokenizer = pairs(template)
    expected = tokenizer.encode("title", "body").ids
    reader = TextReader(tokenizer, max_length=16)
    for value in (joined(["title", "body"]), ("title", "body"), ["title", "body"]):
        assert reader.encode([value])[0].tolist() == expected
    assert reader.encode(["title", ("title", "body")])[0].tolist() == tokenizer.encode("title").ids


def test_a_tokenizer_of_words_sees_the_end_of_a_line():
    reader = TextReader(word_tokenizer(["title body, and a line"] * 3, WordTokenizerSettings()), max_length=8)
    assert np.array_equal(reader.encode([("Title", "body")])[0], reader.encode(["title body"])[0])


def test_parts():
    assert joined(["", " "]) == ""
    assert joined([f"a{PART}b", "c"]) == f"a b{PART}c"
    assert shown_parts(joined(["a", "b"])) == "a\nb"
    assert plain(joined(["A", "b"])) == plain("a b")
