"""Text to ids: lengths, padding, and what is refused."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from limbeck.errors import LimbeckError
from limbeck.runtime import TextReader


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
