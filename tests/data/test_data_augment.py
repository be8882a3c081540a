"""Augmentation: what a copy may be, on what it depends, and that it never is a text which somebody else has."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from limbeck.data import SplitSettings
from limbeck.modalities.text import AugmentSettings
from limbeck.modalities.text.augment import augment
from limbeck.recipe import DataSettings
from made_rows import classified, id_of, numbers_of

FIXED = settings(max_examples=60, deadline=None, derandomize=True)
WORDS = st.lists(
    st.sampled_from(["a", "film", "of", "no", "small", "charm", ",", "and", "ités", "4,5", "dull"]), max_size=12
)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=4, unique=True)
SETTINGS = st.builds(
    AugmentSettings,
    copies=st.integers(1, 5),
    mask=st.floats(0, 0.9),
    ngram=st.floats(0.1, 1),
    longest=st.integers(1, 15),
    seed=st.integers(0, 3),
)


def made(texts, asked):
    return list(augment([id_of(text) for text in texts], texts, asked))


def within(copy, words):
    """Return whether the words of a copy stand in `words` in the same order."""
    left = iter(words)
    return all(word in left for word in copy)


@given(TEXTS, SETTINGS)
@FIXED
def test_a_copy_is_its_text_with_words_left_out(texts, asked):
    for text in texts:
        copies = [copy.split(" ") for copy in made([text], asked)]
        assert len(copies) <= asked.copies
        for copy in copies:
            assert 0 < len(copy) < len(text.split())
            assert within(copy, text.split())


@given(TEXTS, st.integers(1, 15))
@FIXED
def test_without_masking_a_copy_is_a_span(texts, longest):
    for text in texts:
        for copy in made([text], AugmentSettings(copies=4, mask=0, ngram=1, longest=longest)):
            assert f" {copy} " in f" {text} "
            assert len(copy.split(" ")) <= longest


@given(TEXTS, SETTINGS, st.randoms())
@FIXED
def test_it_depends_on_the_text_and_the_settings_alone(texts, asked, random):
    shuffled = random.sample(texts, len(texts))
    assert sorted(made(shuffled, asked)) == sorted(made(texts, asked))


@given(TEXTS, SETTINGS)
@FIXED
def test_more_copies_add_to_fewer(texts, asked):
    for text in texts:
        few = made([text], asked)
        assert made([text], asked.model_copy(update={"copies": asked.copies + 2}))[: len(few)] == few


@given(TEXTS, SETTINGS)
@FIXED
def test_words_between_spaces_are_drawn_as_ever(texts, asked):
    """The copies of a run that is repeated, and of the published recipes, are those of before."""
    wanted = []
    for text in texts:
        words, rng = text.split(), np.random.default_rng((asked.seed, id_of(text) % 2**64))
        for _ in range(asked.copies):
            kept = [word for word, draw in zip(words, rng.random(len(words)), strict=True) if draw >= asked.mask]
            if rng.random() < asked.ngram:
                span = int(rng.integers(1, asked.longest + 1))
                start = int(rng.integers(0, max(1, len(kept) - span + 1)))
                kept = kept[start : start + span]
            wanted += [" ".join(kept)] if 0 < len(kept) < len(words) else []
    assert made(texts, asked) == wanted


def test_of_a_script_without_blanks_characters_are_left_out():
    text = "今天天气很好，iPhone15もガ น้ำแข็ง"
    units = ["今", "天", "天", "气", "很", "好", "，iPhone15", "も", "ガ", "น้ำ", "แ", "ข็", "ง"]
    copies = made([text], AugmentSettings(copies=60, mask=0.3, ngram=0.3))
    assert len(set(copies)) > 40
    for copy in copies:
        pattern = "".join(f"(?:{unit})?{' ?' if unit == 'ガ' else ''}" for unit in units)
        assert re.fullmatch(pattern, copy)
        across = copy[0] not in "น้ำแข็ง" and copy[-1] in "น้ำแข็ง"
        assert copy.count(" ") == across


def test_another_seed_or_text_makes_other_copies():
    text, other = (" ".join(map(str, range(start, start + 40))) for start in (0, 40))
    first, second = (made([text], AugmentSettings(copies=5, seed=seed)) for seed in (0, 1))
    assert not set(first) & set(second)
    moved = {
        " ".join(str(int(word) - 40) for word in copy.split()) for copy in made([other], AugmentSettings(copies=5))
    }
    assert not moved & set(first), "words at other places are left out"


def test_a_span_may_begin_at_any_word():
    copies = made(["0 1 2 3"], AugmentSettings(copies=200, mask=0, ngram=1, longest=2))
    assert set(copies) == {"0", "1", "2", "3", "0 1", "1 2", "2 3"}


def test_shares_are_those_asked_for():
    text = " ".join(map(str, range(100)))
    copies = [copy.split() for copy in made([text], AugmentSettings(copies=2000, mask=0.2, ngram=0.3, longest=10))]
    spans = [copy for copy in copies if len(copy) <= 10]
    assert len(spans) / 2000 == pytest.approx(0.3, abs=0.04)
    assert {len(span) for span in spans} == set(range(1, 11))
    assert np.mean([len(copy) for copy in copies if len(copy) > 10]) == pytest.approx(80, abs=1)


@pytest.mark.parametrize("text", ["", "word", "  word\n"])
def test_a_text_of_one_word_has_no_copy(text):
    assert not made([text], AugmentSettings(copies=20, mask=0.5, ngram=0.5))


# --- as rows --------------------------------------------------------------------------------------------------------

AUGMENT = AugmentSettings(copies=6, mask=0.4, ngram=0.4)


@pytest.fixture
def source(tmp_path):
    """Short texts of six words, so that many a copy, but not every one, is a text that stands elsewhere."""
    words = ["a", "b", "c", "d", "e", "f"]
    texts = words + [f"{one} {two}" for one in words for two in words]
    texts += [" ".join(words[number // 6**place % 6] for place in range(5)) for number in range(0, 6**5, 40)]
    lines = [json.dumps({"text": text, "label": row % 2}) for row, text in enumerate(texts)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    return tmp_path / "rows.jsonl"


def load(source, augment=AUGMENT, **settings):
    split = SplitSettings(test=60, validation=40)
    return classified(DataSettings(source=str(source), split=split, labelled=20, augment=augment, **settings))


def test_copies_are_unlabelled_rows_that_nobody_has(source):
    splits = load(source, max_unlabelled=30)
    rows = splits.augmented
    assert len(rows) > 50
    assert (numbers_of(rows) == -1).all()
    assert rows.ids.tolist() == [id_of(text) for text in rows.values]
    assert len(set(rows.values)) == len(rows)
    # Nor a training text that the transfer set leaves out.
    read = {json.loads(line)["text"] for line in source.read_text().split("\n")}
    copies = set(augment(splits.original.ids.tolist(), splits.original.values, AUGMENT))
    assert set(rows.values) == copies - read < copies


@pytest.mark.parametrize("held_out", ["test", "validation"])
@pytest.mark.parametrize("form", [str, str.upper, "<p>{} </p>".format])
def test_no_copy_looks_like_a_row_of_a_split_that_the_source_brings(tmp_path, held_out, form):
    """11 of 80 were texts of the test split."""
    words = ["a", "b", "c", "d"]
    training = [" ".join(words[number // 4**place % 4] for place in range(4)) for number in range(0, 4**4, 3)]
    pairs = [f"{one} {two}" for one in words for two in words]
    held = [form(text) for text in pairs if text not in training]
    for split, texts in (("train", training), (held_out, held)):
        lines = [json.dumps({"text": text, "label": row % 2}) for row, text in enumerate(texts)]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines))
    settings = DataSettings(source=str(tmp_path), split=SplitSettings(test=10, validation=10), augment=AUGMENT)
    splits = classified(settings)
    made = set(augment(splits.original.ids.tolist(), splits.original.values, AUGMENT))
    assert splits.parts[held_out].values
    assert len(made & set(pairs)) > 10
    assert set(splits.augmented.values) == made - set(pairs) - set(training)


def test_copies_come_last_in_the_transfer_set_and_leave_the_rest_as_it_is(source):
    splits, plain = load(source), load(source, augment=None)
    assert splits.transfer.values == [*plain.transfer.values, *splits.augmented.values]
    assert splits.original.values == plain.transfer.values == plain.original.values
    assert (splits.validation.values, splits.test.values) == (plain.validation.values, plain.test.values)
    assert splits.dropped == plain.dropped
    assert splits.digest != plain.digest
    assert "augmented" not in plain.parts


def test_held_out_rows_are_not_copied(source):
    """A copy is made of the words of training rows alone."""
    splits = load(source, max_unlabelled=0)
    training = [text.split() for text in splits.labelled.values]
    assert all(any(within(copy.split(), text) for text in training) for copy in splits.augmented.values)
