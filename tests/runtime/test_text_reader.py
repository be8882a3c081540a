"""Text to ids: lengths, padding, and what is refused."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from limbeck.errors import LimbeckError
from limbeck.modalities.text.tokenizers import WordTokenizerSettings, word_tokenizer
from limbeck.runtime import TextReader
from limbeck.runtime.readers import text as text_reader
from limbeck.runtime.readers.text import well_formed


def ids_of(rows):
    return [ids.tolist() for ids in rows]


def letters():
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "a": 1, "b": 2}, unk_token="[PAD]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def test_texts_are_cut_at_max_length():
    rows = TextReader(letters(), max_length=2).encode(["a b", "a b a"])
    assert (ids_of(rows), rows.cut.tolist()) == ([[1, 2], [1, 2]], [False, True])


@pytest.mark.parametrize("tail", [1, 2, 3])
def test_head_and_tail_of_a_long_text(tail):
    text = "a b b a b a a"
    [whole] = ids_of(TextReader(letters(), max_length=9).encode([text]))
    rows = TextReader(letters(), max_length=4, tail=tail).encode([text, "a b b a", "", "b"])
    assert ids_of(rows) == [whole[: 4 - tail] + whole[-tail:], [1, 2, 2, 1], [0], [2]]
    assert rows.cut.tolist() == [True, False, False, False]


def test_special_tokens_stay_at_both_ends_of_head_and_tail():
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "a": 1, "b": 2, "[CLS]": 3, "[SEP]": 4}, unk_token="[PAD]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
    )
    assert ids_of(TextReader(tokenizer, max_length=5, tail=3).encode(["a a a b b b", "a b a"])) == [
        [3, 1, 2, 2, 4],
        [3, 1, 2, 1, 4],
    ]


@pytest.mark.parametrize("tail", [4, 5])
def test_a_tail_that_leaves_no_head(tail):
    with pytest.raises(LimbeckError, match=f"a tail of {tail} leaves nothing of 4 tokens"):
        TextReader(letters(), max_length=4, tail=tail)


def test_empty_text_is_one_padding_token_with_mask_one():
    padded = TextReader(letters(), max_length=2, pad_id=0).encode(["", "a b"]).batch([0, 1])
    assert padded["input_ids"].tolist() == [[0, 0], [1, 2]]
    assert padded["attention_mask"].tolist() == [[1, 0], [1, 1]]


def test_settings_of_the_file_do_not_leak_in():
    """Length and padding are the bundle's business; a file that carries its own changes nothing."""
    tokenizer = letters()
    tokenizer.enable_truncation(1)
    tokenizer.enable_padding(length=9)
    reader = TextReader(tokenizer, max_length=3)
    assert ids_of(reader.encode(["a b a b"])) == [[1, 2, 1]]
    assert reader.tokenizer_json == TextReader(letters(), max_length=5).tokenizer_json


def test_vocabulary_with_gaps():
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "a": 3}, unk_token="[PAD]"))
    assert TextReader(tokenizer, max_length=2).tokens == ("[PAD]", "", "", "a")


@pytest.mark.parametrize("content", [None, "{}", "not JSON"])
def test_tokenizer_file_that_cannot_be_read(tmp_path, content):
    file = tmp_path / "tokenizer.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(LimbeckError, match="no tokenizer that this version") as caught:
        TextReader.from_file(file, max_length=2)
    assert str(file) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("max_length", [0, -1])
def test_no_room_for_a_token(max_length):
    with pytest.raises(LimbeckError, match=f"max_length={max_length} leaves no room"):
        TextReader(letters(), max_length=max_length)


WORDS = word_tokenizer(["one two don't 1,000 é 你好 ."], WordTokenizerSettings())
TEXT = st.one_of(
    st.text(max_size=30).map(lambda text: text.replace("\x1e", " ")),  # which parts a text, see test_pairs
    st.lists(st.sampled_from(["one", "Two", "don't", "é", "你", "\ud83d", "x", " ", "."]), max_size=12).map(" ".join),
)


@pytest.mark.parametrize("shortcut", [True, False])
@given(texts=st.lists(TEXT, max_size=9), tail=st.integers(0, 2))
def test_many_texts_are_encoded_as_each_alone(shortcut, texts, tail):
    """They are cut some at a time; a text's ids are those of `tokenizers`, cut at `max_length`."""
    reader = TextReader(Tokenizer.from_str(WORDS.to_str()), max_length=4, tail=tail)
    if not shortcut:
        reader._ascii_words = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_reader, "_AT_ONCE", 2)
        rows = reader.encode(texts)
    whole = [WORDS.encode(well_formed(text)).ids for text in texts]
    cut = [len(ids) > 4 for ids in whole]
    kept = [ids[: 4 - tail] + ids[len(ids) - tail :] if long else ids for ids, long in zip(whole, cut, strict=True)]
    assert ids_of(rows) == [ids or [reader.pad_id] for ids in kept]
    assert rows.cut.tolist() == cut
    assert (rows.tokens.dtype, rows.offsets.dtype) == (np.int32, np.int64)
    for row, text in enumerate(texts):
        alone = reader.encode([text])
        assert (ids_of(alone), alone.cut.tolist()) == ([rows[row].tolist()], [cut[row]])


@pytest.mark.parametrize("text", ["one two don't " * 3, "öne two don't " * 3])
def test_encoding_many_texts_takes_little_more_than_their_ids(text):
    """No object of every text at once: neither a list of Python numbers, nor one of the library's encodings."""
    reader = TextReader(Tokenizer.from_str(WORDS.to_str()), max_length=64)
    texts = [text] * 20_000
    tracemalloc.start()
    rows = reader.encode(texts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    few = 8 * len(texts)  # the list of the texts that was given
    assert peak < 1.2 * (4 * len(rows.tokens) + 9 * len(texts)) + few + 2_000_000


def test_rows_that_are_taken_are_those_rows():
    rows = TextReader(letters(), max_length=3).encode(["a b a b", "", "b", "a b"])
    taken = rows.take(np.array([3, 0, 0, 1]))
    assert (ids_of(taken), taken.cut.tolist()) == ([[1, 2], [1, 2, 1], [1, 2, 1], [0]], [False, True, True, False])
    assert ids_of(rows.take(np.array([], np.int64))) == []
