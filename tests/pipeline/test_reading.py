"""What networks read of the texts: said for every view, and refused where it is next to nothing."""

import json
import random

import pytest
from tiny import recipe
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from limbeck.data import load_splits
from limbeck.data.modality import ReadsError
from limbeck.errors import LimbeckError
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.reading import (
    OpenReadsError,
    describe_readers,
    naming_networks,
    readers,
    require_readable,
)
from limbeck.recipe import parse_recipe

COMMON = "天地人日月山水火木金"
TOLD = ("悪苦悲", "好美喜")


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    """Texts of thirty characters without a blank, each text another."""
    rng, folder = random.Random(0), tmp_path_factory.mktemp("chinese")
    texts = ["".join(rng.choices(COMMON + 2 * TOLD[row % 2], k=30)) + "。" for row in range(200)]
    lines = [json.dumps({"text": text, "label": row % 2}, ensure_ascii=False) for row, text in enumerate(texts)]
    (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "rows.jsonl"


def knowing(folder, characters):
    """Write a tokenizer of Chinese that knows some characters; the full stop is one in every text."""
    pieces = {piece: index for index, piece in enumerate(["[PAD]", "[UNK]", *characters])}
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    return {"kind": "transformers", "path": str(folder)}


def made(source, **changes):
    asked = parse_recipe(recipe(source, **changes), "test")
    return asked, Material(load_splits(asked.data, asked.task))


def student(**changes):
    return recipe("")["student"] | changes


def test_words_of_chinese_are_its_characters(chinese, capsys):
    asked, material = made(chinese)
    require_readable(asked, material)
    describe_readers(asked, material)
    found = material.view(asked.student).seen
    assert (found.tokens, found.unknown, found.unread) == (24, 0, 0)  # of 31: cut
    said = capsys.readouterr().out
    for name in ("teacher", "student"):
        assert (
            f"{name}: 24.0 tokens a text (mean), 0.0 % of them unknown, 100.0 % of the training texts cut at 24 tokens"
            in said
        )


@pytest.mark.parametrize("who", ["teacher", "student"])
def test_a_vocabulary_of_another_language_is_refused(chinese, tmp_path, who):
    """Every text holds something that is known, as with the English `minilm`: its full stop, a few characters."""
    tokenizer = knowing(tmp_path, "。天好悪a")
    asked, material = made(chinese, **{who: recipe("")[who] | {"reads": {"tokenizer": tokenizer, "max_length": 40}}})
    with pytest.raises(LimbeckError, match=rf"^{who}: [67]\d\.\d % of the tokens of the training texts are unknown"):
        require_readable(asked, material)


def test_a_vocabulary_that_knows_most_is_not(chinese, tmp_path, capsys):
    asked, material = made(
        chinese, student=student(reads={"tokenizer": knowing(tmp_path, f"。{COMMON}悪好"), "max_length": 24})
    )
    require_readable(asked, material)
    describe_readers(asked, material)
    assert 0.1 < material.view(asked.student).seen.unknown < 0.5
    assert "student" in capsys.readouterr().out


@pytest.mark.parametrize(("min_frequency", "which"), [(1, "30 of 30 validation"), (2, "110 of 110 training")])
def test_texts_of_one_word_each_are_refused(tmp_path, min_frequency, which):
    """Sequences of DNA, say: counted once, the training texts' words are known, and those of no other text."""
    rng = random.Random(0)
    lines = [json.dumps({"text": "".join(rng.choices("acgt", k=40)), "label": row % 2}) for row in range(200)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    words = {"kind": "words", "min_frequency": min_frequency}
    asked, material = made(tmp_path / "rows.jsonl", teacher=recipe("")["teacher"] | {"reads": {"tokenizer": words}})
    with pytest.raises(LimbeckError, match=rf"^teacher: {which} texts hold no token known to its tokenizer; lower"):
        require_readable(asked, material)


def test_words_counted_in_these_texts_may_leave_out_most_of_them(tmp_path):
    """Rare words are left out on purpose; a text is read as long as it holds one that is not rare."""
    lines = [json.dumps({"text": f"seen rare{row} odd{row}", "label": row % 2}) for row in range(200)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    words = {"kind": "words", "min_frequency": 2}
    asked, material = made(tmp_path / "rows.jsonl", student=student(reads={"tokenizer": words}))
    require_readable(asked, material)
    assert material.view(asked.student).seen.unknown == pytest.approx(2 / 3)


def test_who_reads_in_another_way_has_a_line():
    asked = parse_recipe(
        recipe(
            "rows.csv",
            baseline={"reads.max_length": 9},
            arms=["student", "baseline", "hard_labels"],
            grid={"reads.tail": [0, 2]},
        ),
        "test",
    )
    assert list(readers(asked)) == [
        "teacher",
        "student, reads.tail=0",
        "student, reads.tail=2",
        "baseline, reads.tail=0",
        "baseline, reads.tail=2",
    ]


def test_of_points_a_key_that_is_wrong_is_named_in_its_point():
    wrong = ReadsError("too long", key="max_length", given=512, value=9)
    asked = parse_recipe(recipe("rows.csv", grid=[{"reads": {"max_length": 9}}, {"reads.max_length": 512}]), "test")
    with pytest.raises(OpenReadsError) as caught, naming_networks(asked):
        raise wrong
    assert caught.value.where == "grid.1.reads.max_length"
