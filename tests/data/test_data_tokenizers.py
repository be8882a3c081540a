"""Token ids: English words as cut, counted and stored, and pretrained tokenizers from a folder."""

import json
import sys
from types import SimpleNamespace

import pytest
from data_cases import refused
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from limbeck.errors import LimbeckError
from limbeck.modalities.text import TextReads
from limbeck.modalities.text.pretrained import longest_text
from limbeck.modalities.text.reads import build_reader
from limbeck.modalities.text.tokenizers import (
    CharacterTokenizerSettings,
    TransformersTokenizerSettings,
    WordTokenizerSettings,
    word_tokenizer,
)
from limbeck.runtime import TextReader


def words(text):
    """Return how a text is cut."""
    tokenizer = word_tokenizer([], WordTokenizerSettings())
    normal = tokenizer.normalizer.normalize_str(text)
    return " ".join(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal))


def reader_of(tokenizer, texts, *, max_length):
    return build_reader(TextReads(tokenizer=tokenizer, max_length=max_length), texts)


def ids_of(rows):
    return [ids.tolist() for ids in rows]


def vocabulary(texts, **settings):
    return reader_of(WordTokenizerSettings(**settings), texts, max_length=16).tokens


# --- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("I don't; it's HERE", "i do n't ; it 's here"),
        ("can't won't isn't ain't", "ca n't wo n't is n't ai n't"),
        ("they're we'll I'd I'm I've", "they 're we 'll i 'd i 'm i 've"),
        ("shouldn't've", "should n't 've"),
        ("the dogs' 'small' rock 'n' roll", "the dogs ' ' small ' rock ' n ' roll"),
        ("wait... what.. no.", "wait ... what .. no ."),
        ("wait… no", "wait ... no"),
        ("$1,000.50 at 10:30, v2.", "$ 1,000.50 at 10:30 , v2 ."),
        ("well-made (sic)!!", "well - made ( sic ) ! !"),
        ("a<br />b", "a < br / > b"),
        ("naïve ﬁlm", "naïve film"),
    ],
)
def test_words_are_cut_as_by_spacy(text, cut):
    assert words(text) == cut


@pytest.mark.parametrize(("text", "cut"), [("cannot", "cannot"), ("U.S. e.g.", "u . s . e . g .")])
def test_words_that_only_a_list_could_know_are_not_cut_as_by_spacy(text, cut):
    assert words(text) == cut


@pytest.mark.parametrize(("text", "cut"), [("the 90s, 3rd", "the 90s , 3rd"), ("4k 1.5x", "4k 1.5 x")])
def test_numbers_keep_their_letters(text, cut):
    """`90s` was cut into `90` and `s`, `3rd` into `3` and `rd`."""
    assert words(text) == cut


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("今天天气很好。", "今 天 天 气 很 好 。"),
        ("iPhone15を買った", "iphone15 を 買 っ た"),
        ("COVID-19疫苗, it's好", "covid - 19 疫 苗 , it 's 好"),
        ("コーヒー、人々", "コ ー ヒ ー 、 人 々"),
        ("ｶﾞｰﾄﾞ か゚", "ガ ー ド か゚"),
        ("〇𠀀﨑ㄅ葛\U000e0100", "〇 𠀀 﨑 ㄅ 葛\U000e0100"),
        ("น้ำแข็ง ๑๒๓ กำ", "น้ํา แ ข็ ง ๑๒๓ กํา"),
        ("ក្តៅ မြန်မာဘဒ္ဒ", "ក្តៅ မြ န် မာ ဘ ဒ္ဒ"),
        ("한국어를 좋아해요", "한국어를 좋아해요"),
        ("हिन्दी में שָׁלוֹם العَرَبِيَّة", "हिन्दी में שָׁלוֹם العَرَبِيَّة"),
        ("བོད་ཡིག", "བོད ་ ཡིག"),
        ("❤️great 👩‍👧 1️⃣", "❤ ️ great 👩 ‍ 👧 1️⃣"),
    ],
)
def test_scripts_without_blanks_are_cut_into_characters(text, cut):
    """A sentence of Chinese was one word, which stands in no other text."""
    assert words(text) == cut


def test_curly_apostrophes_are_apostrophes():
    """`don’t` became `n’t`, which is another word than the `n't` of `don't`."""
    assert words("don’t it’s ‘so’") == words("don't it's 'so'")


def test_vocabulary_is_ordered_by_frequency_then_by_alphabet():
    texts = ["b a c", "c b a", "z z z z"]
    assert vocabulary(texts) == ("[PAD]", "[UNK]", "z", "a", "b", "c")
    assert vocabulary(texts[::-1]) == vocabulary(texts)
    assert vocabulary(texts, size=4) == ("[PAD]", "[UNK]", "z", "a")


def test_words_are_counted_in_lower_case():
    assert vocabulary(["Good good GOOD bad"], min_frequency=2) == ("[PAD]", "[UNK]", "good")


def test_rare_and_new_words_are_unknown():
    reader = reader_of(WordTokenizerSettings(min_frequency=2), ["good good rare"], max_length=8)
    assert ids_of(reader.encode(["good rare new"])) == [[2, 1, 1]]


def test_the_names_of_special_tokens_are_ordinary_text():
    reader = reader_of(WordTokenizerSettings(), ["[PAD] [UNK] [PAD]"], max_length=8)
    assert reader.tokens[:2] == ("[PAD]", "[UNK]")
    [ids] = ids_of(reader.encode(["[PAD] x"]))
    assert [reader.tokens[index] for index in ids] == ["[", "pad", "]", "[UNK]"]


def test_same_ids_after_a_round_trip_through_the_file(tmp_path):
    texts = ["I don’t know…", "it's 1,000 [PAD]", "", "new words 日本", "a " * 40]
    reader = reader_of(WordTokenizerSettings(), texts[:2], max_length=12)
    copy = TextReader.load(tmp_path, reader.save(tmp_path))
    rows, again = reader.encode(texts), copy.encode(texts)
    assert ids_of(again) == ids_of(rows)
    assert again.cut.tolist() == rows.cut.tolist() == [False] * 4 + [True]
    assert (copy.tokenizer_json, copy.digest) == (reader.tokenizer_json, reader.digest)


# --- pretrained ----------------------------------------------------------------------------------------------------


def pretrained(folder, *, pad="[PAD]", config=None):
    vocab = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "good": 3, pad: 4}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["[CLS]", "[SEP]", pad])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=50)
    tokenizer.save(str(folder / "tokenizer.json"))
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return TransformersTokenizerSettings(kind="transformers", path=str(folder))


def test_pretrained_tokenizer_from_a_folder(tmp_path):
    reader = reader_of(pretrained(tmp_path), [], max_length=6)
    rows = reader.encode(["good good", "good " * 9, "", "good [PAD] new"])
    ids = ids_of(rows)
    assert ids == [[1, 3, 3, 2], [1, 3, 3, 3, 3, 2], [1, 2], [1, 3, 4, 0, 2]], "own truncation and padding are off"
    assert rows.cut.tolist() == [False, True, False, False]
    assert reader.pad_id == 4


@pytest.mark.parametrize("token", ["<pad>", {"content": "<pad>", "lstrip": False}])
def test_padding_token_of_the_tokenizer_config(tmp_path, token):
    assert reader_of(pretrained(tmp_path, pad="<pad>", config={"pad_token": token}), [], max_length=6).pad_id == 4


def test_the_models_configuration_says_what_it_pads_with(tmp_path):
    """Before the tokenizer, and where it says nothing, by the default of its architecture."""

    def pad_id(**config):
        (tmp_path / "config.json").write_text(json.dumps(config))
        return reader_of(settings, [], max_length=6).pad_id

    settings = pretrained(tmp_path)
    assert pad_id(model_type="bert", pad_token_id=3) == 3
    assert pad_id(model_type="bert") == 0
    assert pad_id(model_type="gpt2", pad_token_id=None) == 4
    assert pad_id(model_type="gpt2", pad_token_id=70) == 4, "the tokenizer has no such id"


def test_without_a_padding_token(tmp_path):
    settings = pretrained(tmp_path, pad="<nothing>")
    kept = json.loads((tmp_path / "tokenizer.json").read_text()) | {"padding": None}
    (tmp_path / "tokenizer.json").write_text(json.dumps(kept))
    with refused(tmp_path, "neither the model's configuration nor its tokenizer names a padding token", "pad_token_id"):
        reader_of(settings, [], max_length=6)


def test_code_of_a_tokenizer_is_never_run(tmp_path):
    settings = pretrained(tmp_path, config={"auto_map": {"AutoTokenizer": ["mine.Mine", None]}})
    with refused(tmp_path, "tokenizer_config.json asks for Python code", "load it yourself"):
        reader_of(settings, [], max_length=6)


@pytest.mark.parametrize("max_length", [1, 2])
def test_no_room_beside_the_special_tokens(tmp_path, max_length):
    """tokenizers then does not cut at all, and texts of any length went through."""
    with refused(f"max_length={max_length}", "2 special tokens", "at least 3"):
        reader_of(pretrained(tmp_path), [], max_length=max_length)


def test_how_long_a_text_a_network_reads():
    """RoBERTa and its relatives number positions from the padding id on: of its 514 rows two are never used."""
    from transformers import BertConfig, RobertaConfig, XLNetConfig

    found = [
        longest_text(config, 512)
        for config in (
            RobertaConfig(max_position_embeddings=514, pad_token_id=1),
            RobertaConfig(max_position_embeddings=130, pad_token_id=0),
            BertConfig(max_position_embeddings=40),
            BertConfig(max_position_embeddings=4096),
            XLNetConfig(),
        )
    ]
    assert found == [512, 129, 40, 512, 512]


def test_broken_tokenizer_files(tmp_path):
    settings = pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(LimbeckError, match=r"tokenizer_config\.json: not valid JSON"):
        reader_of(settings, [], max_length=6)
    (tmp_path / "tokenizer.json").write_text("{}")
    with refused(tmp_path / "tokenizer.json", "no tokenizer"):
        reader_of(settings, [], max_length=6)


def test_no_tokenizer_anywhere(monkeypatch):
    def from_pretrained(path, **options):
        raise OSError("cannot reach the hub.\nmore")

    stub = SimpleNamespace(AutoTokenizer=SimpleNamespace(from_pretrained=from_pretrained))
    monkeypatch.setitem(sys.modules, "transformers", stub)
    with refused("no tokenizer at `nowhere`", "cannot reach the hub", "tokenizer.json, a hub id that can be reached"):
        reader_of(TransformersTokenizerSettings(kind="transformers", path="nowhere"), [], max_length=6)


def test_characters_are_tokens_and_so_are_blanks(tmp_path):
    settings = CharacterTokenizerSettings(kind="characters", min_frequency=1)
    reader = build_reader(TextReads(tokenizer=settings, max_length=8), ["Straße ab", "ab\u00a0c", "ﬁ"])
    known = reader.tokens
    assert sorted(known[2:]) == sorted(set("straße abcfi"))
    ids = reader.encode(["AB ﬁz\n ab"])[0].tolist()
    assert [known[number] for number in ids] == ["a", "b", " ", "f", "i", "[UNK]", "[UNK]", " "]
    again = TextReader.load(tmp_path, reader.save(tmp_path))
    assert again.encode(["AB ﬁz\n ab"])[0].tolist() == ids


def test_rare_characters_are_unknown():
    settings = CharacterTokenizerSettings(kind="characters", size=4)
    reader = build_reader(TextReads(tokenizer=settings), ["aaab", "abbc"])
    assert reader.tokens == ("[PAD]", "[UNK]", "a", "b")
