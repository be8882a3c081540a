"""A text of several parts is read as the tokenizer reads a pair."""

import json

import numpy as np
import pytest
from test_bundle_edits import bundle
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from limbeck.errors import LimbeckError
from limbeck.modalities.text import TextModality
from limbeck.modalities.text.likeness import plain
from limbeck.modalities.text.tokenizers import WordTokenizerSettings, word_tokenizer
from limbeck.runtime import load
from limbeck.runtime.bundle import complete
from limbeck.runtime.predict import Wish, predict_files
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


def test_a_bundle_takes_as_many_parts_as_its_training_had(tmp_path):
    for name, columns in (("pair", ["title", "body"]), ("one", "review")):
        (tmp_path / name).mkdir()
        folder, info = bundle(tmp_path / name, "text", "classification")
        info = {key: value for key, value in info.items() if key not in ("checksum", "probe", "files")}
        info["columns"] = {"example": columns}
        (folder / "bundle.json").write_text(json.dumps(complete(folder, info)))
    pair, one = load(tmp_path / "pair"), load(tmp_path / "one")
    assert len(pair.predict([("good", "film"), ["good", ""], "", joined(["good", "film"])])) == 4
    assert len(one.predict(["good", "", ("good",)])) == 3
    reads = r"and this student reads tuples of 2: \(title, body\); give \"\" for a part that is missing$"
    for values, told in (
        ([("a", "b"), ("a", "b", "c")], f"^item 1: a text of 3 parts, {reads}"),
        (["a plain text"], f"^item 0: a text of 1 part, {reads}"),
    ):
        with pytest.raises(LimbeckError, match=told):
            pair.predict(values)
        with pytest.raises(LimbeckError, match=told):
            pair.logits(values)
    with pytest.raises(LimbeckError, match=r"^item 0: a text of 2 parts, .* reads texts of 1; join them$"):
        one.predict([("a", "b")])
    assert repr(one) == f"Bundle('{tmp_path / 'one'}', classification of text: x, y, z, w; fp32)"
    with pytest.raises(LimbeckError, match="lines and text files have one part"):
        predict_files(tmp_path / "pair", [], Wish())


def test_the_card_and_the_report_ask_with_the_parts():
    usage = TextModality().usage_of(None, [], ("title", "body"))
    assert (usage.python, usage.line) == ('[("title", "body")]', None)
    assert usage.files == "csv, tsv, jsonl, parquet or xlsx files with the columns title, body"
    assert TextModality().usage_of(None, [], ()) == TextModality.usage
