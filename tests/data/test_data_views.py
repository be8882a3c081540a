"""Encoded texts: what a batch of them is, next to the plainest way of padding."""

import numpy as np
import pytest
from data_cases import view_of
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from limbeck.data.encoded import load_encoded, save_encoded
from limbeck.evaluation.records import ViewRecord
from limbeck.modalities.text import TextReads
from limbeck.modalities.text.reading import reading, same_tokens
from limbeck.modalities.text.reads import build_reader
from limbeck.runtime import TextReader
from limbeck.runtime.rows import Ragged, Stacked, by_length

TEXTS = ["a b c", "", "a", "c c c c c", "b a", "   "]


@pytest.fixture
def reader():
    return build_reader(TextReads(max_length=4), ["a b c"])


def naive(sequences, pad_id):
    longest = max(len(sequence) for sequence in sequences)
    ids = [list(sequence) + [pad_id] * (longest - len(sequence)) for sequence in sequences]
    mask = [[1] * len(sequence) + [0] * (longest - len(sequence)) for sequence in sequences]
    return {"input_ids": ids, "attention_mask": mask}


@pytest.mark.parametrize("rows", [[0], [5, 1], [3, 0, 0, 2], [0, 1, 2, 3, 4, 5]])
def test_batch_equals_naive_padding(reader, rows):
    sequences = [ids.tolist() for ids in reader.encode([TEXTS[row] for row in rows])]
    batch = reader.encode(TEXTS).batch(np.array(rows))
    assert {name: value.tolist() for name, value in batch.items()} == naive(sequences, reader.pad_id)
    assert all(value.dtype == np.int64 for value in batch.values())


def test_padding_with_another_id_than_zero():
    batch = view_of([1, 3], pad_id=7).batch(np.array([0, 1]))
    assert batch["input_ids"].tolist() == [[1, 7, 7], [2, 3, 4]]


def test_empty_text_is_one_padding_token_that_counts(reader):
    view = reader.encode(TEXTS)
    assert view.lengths.tolist() == [3, 1, 1, 4, 2, 1]
    batch = view.batch(np.array([1]))
    assert batch["input_ids"].tolist() == [[reader.pad_id]]
    assert batch["attention_mask"].tolist() == [[1]]


def test_texts_that_are_cut(reader):
    assert reader.encode(TEXTS).cut.tolist() == [False] * 3 + [True] + [False] * 2
    assert not reader.encode(["a b c a"]).cut[0], "as long as allowed is not too long"


def test_what_is_read_of_texts(reader):
    view = reader.encode(["a b x", "", "c c c c c x", "x y", "?"])

    def seen(rows):
        return reading(reader, rows).model_dump()

    whole = {"pieces": None}  # words, and not pieces of them
    assert seen(view) == pytest.approx({"tokens": 10 / 5, "unknown": 4 / 10, "cut": 1 / 5, "unread": 3} | whole)
    assert seen(view.first(2)) == pytest.approx({"tokens": 3 / 2, "unknown": 1 / 3, "cut": 0.0, "unread": 1} | whole)
    assert seen(reader.encode([])) == {"tokens": 0.0, "unknown": 0.0, "cut": 0.0, "unread": 0} | whole


PIECES = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "good": 3, "[PAD]": 4, "a": 5}


@pytest.mark.parametrize(
    ("model", "unknown", "unread"),
    [
        (models.WordPiece(PIECES, unk_token="[UNK]"), 3 / 5, 2),
        (models.Unigram([(piece, -1.0) for piece in PIECES], unk_id=0), 3 / 5, 2),
        (models.BPE(PIECES, [], unk_token="[UNK]"), 3 / 5, 2),
        (models.BPE(PIECES, []), 0, 2),  # what it does not know leaves no token
    ],
    ids=["WordPiece", "Unigram", "BPE", "BPE without one"],
)
def test_special_tokens_are_not_read(model, unknown, unread):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    reader = TextReader(tokenizer, max_length=6, pad_id=4)
    found = reading(reader, reader.encode(["a a", "", "好 好 好"]))
    assert found.unknown == pytest.approx(unknown)
    assert (found.tokens, found.unread) == (5 / 3 if unknown else 2 / 3, unread)


def test_pieces_of_words_are_counted():
    """Six pieces of three words, however a tokenizer marks where one begins."""
    goes_on = models.WordPiece({"[UNK]": 0, "good": 1, "a": 2, "##n": 3, "##d": 4}, unk_token="[UNK]")
    begins = models.Unigram([(piece, -1.0) for piece in ("[UNK]", "▁good", "▁a", "n", "d")], unk_id=0)
    for model, before in ((goes_on, pre_tokenizers.Whitespace()), (begins, pre_tokenizers.Metaspace())):
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = before
        reader = TextReader(tokenizer, max_length=9)
        assert reading(reader, reader.encode(["good and", "an"])).pieces == 6 / 3


def test_tokens_of_bytes_are_all_known():
    tokenizer = Tokenizer(
        models.BPE({char: i for i, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, [])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    reader = TextReader(tokenizer, max_length=9)
    assert reading(reader, reader.encode(["好", "a"])) == ViewRecord(tokens=2.0, unknown=0.0, cut=0.0, unread=0)


def test_rows_of_equal_token_ids(reader):
    """Equal are texts whose first tokens are, and texts of unknown words; a part of another text is not."""
    train = reader.encode(["a b c a one", "b b c", "x", "c"])
    test = reader.encode(["a b c a two", "b b c.", "B  b c", "y", "b c", "c c", "", "a b"])
    assert same_tokens(test, train) == 3
    assert same_tokens(test, test) == 8
    assert same_tokens(test, reader.encode([])) == 0


def test_length_order_covers_every_row_once_longest_first():
    view = view_of([3, 1, 4, 1, 5, 9, 2, 6])
    batches = list(by_length(view, 3, longest_first=True))
    assert [len(rows) for rows in batches] == [3, 3, 2]
    assert sorted(np.concatenate(batches).tolist()) == list(range(8))
    lengths = view.lengths[np.concatenate(batches)]
    assert lengths.tolist() == sorted(lengths, reverse=True)


@pytest.mark.parametrize("most_padding", [0, 3, 10_000])
def test_no_batch_has_more_padding_than_is_allowed(most_padding):
    lengths = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5])
    batches = list(by_length(view_of(lengths), 4, most_padding=most_padding))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for rows in batches:
        padding = lengths[rows].max() * len(rows) - lengths[rows].sum()
        assert len(rows) == 1 or padding <= most_padding
        assert len(rows) <= 4
    assert len(batches) == {0: 7, 3: 4, 10_000: 3}[most_padding]


def test_stacked_rows_are_taken_by_number():
    rows = Stacked({"x": np.arange(6).reshape(3, 2), "y": np.arange(3)})
    assert (len(rows), len(rows.first(2)), rows.lengths.tolist()) == (3, 2, [1, 1, 1])
    assert {name: value.tolist() for name, value in rows.batch([2, 0]).items()} == {"x": [[4, 5], [0, 1]], "y": [2, 0]}


def test_the_digest_of_a_reader_names_tokenizer_lengths_and_padding():
    def named(texts=("a b",), max_length=4, tail=0, pad_id=0):
        reader = build_reader(TextReads(max_length=max_length, tail=tail), texts)
        reader.pad_id = pad_id
        return reader.digest

    assert named() == named()
    assert len({named(), named(texts=("a c",)), named(max_length=5), named(tail=1), named(pad_id=1)}) == 5


def test_encoded_texts_are_read_back_as_they_were(tmp_path):
    view = Ragged(np.arange(7, dtype=np.int32), np.array([0, 3, 4, 7]), 5, np.array([True, False, True]))
    save_encoded({"transfer": view, "validation": view.first(2)}, tmp_path / "texts.safetensors")
    found = load_encoded(tmp_path / "texts.safetensors")
    assert found.keys() == {"transfer", "validation"}
    for name, expected in (("transfer", view), ("validation", view.first(2))):
        assert np.array_equal(found[name].tokens, expected.tokens)
        assert found[name].tokens.dtype == np.int32
        assert np.array_equal(found[name].offsets, expected.offsets)
        assert found[name].pad_id == 5
        assert found[name].cut.tolist() == expected.cut.tolist()


def test_the_first_texts_are_the_first_texts():
    view = Ragged(np.arange(7, dtype=np.int32), np.array([0, 3, 4, 7]), 5, np.array([True, False, True]))
    assert len(view.first(2)) == len(view.first(2).cut) == 2
    assert view.first(2).batch(np.array([0, 1]))["input_ids"].tolist() == [[0, 1, 2], [3, 5, 5]]
