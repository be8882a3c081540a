"""Likeness: which texts are one to a reader, and that such texts never stand on two sides of a split."""

import sys
import unicodedata

import pytest
from data_cases import refused
from hypothesis import example, given, settings, strategies as st
from test_data_splits import PARTS, load, write_rows

from limbeck.data import SplitSettings, Table
from limbeck.data.spelling import fold
from limbeck.modalities.text.likeness import plain
from limbeck.recipe import DataSettings
from made_rows import TEXT, classified

PIECES = [
    "<b>",
    "</p>",
    "<",
    ">",
    "&",
    "&amp;",
    "&#38;",
    "amp;",
    "lt;",
    "&nbsp",
    "<!--",
    "-->",
    "br",
    "/",
    "3",
    " ",
    "\n",
]
PIECES += [
    "\u00ad",
    "\u200d",
    "\ufeff",
    "\u0307",
    "İ",
    "ß",
    "ﬁ",
    "＜",
    "＆",
    "Å",
    "e\u0301",
    "\u0345",
    "ᾳ",
    "\uffa0",
    "x",
    "\x07",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
@example("&amp;" * 9 + "lt;b&gt;x")
@example("<" * 20 + "b>" * 20)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_what_looks_like_a_plain_text_is_that_text(text):
    assert plain(plain(text)) == plain(text)
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Good <b>FILM</b>!<br /><br/>", "good film!"),
        ("good<br>film", "good film"),
        ("<p class='a'>good</p>\n<p>film</p>", "good film"),
        ("go<!-- not <i> seen -->od", "good"),
        ("rock &amp;amp; roll &lt;b&gt;", "rock & roll"),
        ("&#x3C;3", "<3"),
        ("ＧＯＯＤ\u3000ﬁlm", "good film"),
        ("STRASSE", "straße"),
        ("go\u00ado\u200b\ufeffd\x00", "good"),
        ("❤\ufe0f", "❤"),
    ],
)
def test_one_text_to_a_reader(text, same):
    assert TEXT.likeness(text) == TEXT.likeness(same)
    assert plain(text) == same or "ß" in same


@pytest.mark.parametrize(
    "text",
    ["a < b", "i <3 it", "a<-b", "1 <2> 3", "at&t", "<br", "5 > 4 < 6", "<!-- open", "<br>", "<i><b>", "by <a@b.org>"],
)
def test_signs_are_no_markup_and_markup_alone_is_a_text(text):
    assert plain(text) == text


def test_every_format_character_is_unseen():
    found = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]
    assert {fold(f"a{sign}b") for sign in found} == {"ab"}


def test_other_words_are_another_text():
    texts = [
        "good film",
        "goodfilm",
        "good film.",
        "a good film",
        "good films",
        "gööd film",
        "good < film",
        "good & film",
    ]
    assert len({TEXT.likeness(text) for text in texts}) == len(texts)


# --- in splits ------------------------------------------------------------------------------------------------------

FORMS = {
    "upper case": str.upper,
    "title case": str.title,
    "blanks around": lambda text: f"  {text}\t",
    "blanks twice": lambda text: text.replace(" ", "  "),
    "blanks that do not break": lambda text: text.replace(" ", "\u00a0"),
    "a final newline": lambda text: f"{text}\r\n",
    "zero-width spaces": lambda text: text.replace("i", "i\u200b"),
    "a byte-order mark": lambda text: f"\ufeff{text}",
    "soft hyphens": lambda text: text.replace("m", "\u00adm"),
    "full width": lambda text: "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text),
    "accents apart": lambda text: unicodedata.normalize("NFD", text),
    "tags": lambda text: f"<p>{text.replace(' a ', ' <b>a</b> ')}<br /></p>",
    "entities": lambda text: text.replace("&", "&amp;").replace("é", "&eacute;"),
}
SIXTY = [(f"a film & a café, number {row}: warm", row % 2) for row in range(60)]
OTHERS = [(f"some other text {row}", row % 2) for row in range(60)]


def formed(name, rows=SIXTY):
    return [(FORMS[name](text), label) for text, label in rows]


@pytest.mark.parametrize("form", FORMS)
def test_sixty_texts_in_another_form_are_dropped(tmp_path, form):
    """0 of 60 were, in eleven of twelve forms."""
    split = SplitSettings(test=20, validation=10)
    for held_out in ("test", "validation"):
        table = {"train": [*OTHERS, *formed(form)], held_out: SIXTY}
        tables = {name: Table(*map(list, zip(*rows, strict=True))) for name, rows in table.items()}
        splits = classified(DataSettings(source="python", split=split), tables)
        assert splits.dropped == {f"training, looks like a row in {held_out}": 60}
        assert splits.parts[held_out].values == [
            text for text in splits.parts[held_out].values if (text, 0) in SIXTY or (text, 1) in SIXTY
        ]
    path = write_rows(tmp_path / "mine.jsonl", [*formed(form), *OTHERS, *SIXTY])
    apart(load(path, test=30, validation=20, labelled=40))


def apart(splits):
    """Expect that no row looks like one of another split, training and unlabelled rows aside."""
    sides = [{TEXT.likeness(text) for text in splits.parts[name].values} for name in ("test", "validation")]
    sides.append(
        {TEXT.likeness(text) for text in splits.transfer.values}
        | {TEXT.likeness(text) for text in splits.ceiling.values}
    )
    assert all(sides)
    assert sum(map(len, sides)) == len(set().union(*sides))


def test_rows_of_every_kind_are_sifted(tmp_path):
    """Labelled, unlabelled, more text, a target and the ceiling: what looks like a row held out is in none of them."""
    write_rows(tmp_path / "source" / "train.jsonl", [*OTHERS, *formed("upper case")[:20], ("BARE 1 ", None)])
    write_rows(
        tmp_path / "source" / "validation.jsonl", [*SIXTY[:10], ("<b>tested 3</b>", 0), ("Some other text 5", 1)]
    )
    target = [(f"Tested {row}\n", row % 2) for row in range(8)] + formed("tags")[30:] + formed("title case")[:6]
    write_rows(tmp_path / "target" / "train.jsonl", target)
    write_rows(tmp_path / "target" / "test.jsonl", [("bare 1", 0), *[(f"tested {row}", row % 2) for row in range(5)]])
    write_rows(tmp_path / "more.jsonl", [("tested\u00a04", None), ("number 1", None), *formed("entities")[:3]])
    splits = load(
        tmp_path / "source", target={"source": str(tmp_path / "target")}, unlabelled=str(tmp_path / "more.jsonl")
    )
    apart(splits)
    assert splits.dropped == {
        "training, looks like a row in test": 1,
        "validation, looks like a row in test": 1,
        "training, looks like a row in validation": 11,
        "unlabelled, looks like a row in test": 6,
        "unlabelled, looks like a row in validation": 9,
    }
    assert {text[:7] for text in splits.ceiling.values} == {"Tested ", "<p>a fi"}


def test_of_look_alikes_one_is_held_out_and_the_others_are_dropped(tmp_path):
    splits = load(write_rows(tmp_path / "near.jsonl", [*SIXTY, *formed("upper case")]), test=20, validation=10)
    apart(splits)
    assert [len(splits.parts[name]) for name in PARTS] == [60, 0, 10, 20]
    assert splits.dropped == {"training, looks like a row in test": 20, "training, looks like a row in validation": 10}
    assert len({TEXT.likeness(text) for text in splits.labelled.values}) == 30, (
        "look-alikes within the training rows stay"
    )


def test_unlabelled_rows_that_look_like_one_held_out_are_dropped(tmp_path):
    bare = [(text, None) for text, _ in formed("upper case")]
    splits = load(write_rows(tmp_path / "near.jsonl", [*SIXTY, *bare]), test=20, validation=10)
    apart(splits)
    assert [len(splits.parts[name]) for name in PARTS] == [30, 30, 10, 20]
    assert splits.dropped == {"training, looks like a row in test": 20, "training, looks like a row in validation": 10}


def test_look_alikes_in_other_blocks_are_dropped_and_sizes_are_met(tmp_path):
    rows = [*SIXTY, *formed("blanks around")]
    settings = DataSettings(
        source=str(write_rows(tmp_path / "near.jsonl", rows)), split=SplitSettings(test=20, validation=20, block=5)
    )
    splits = classified(settings)
    apart(splits)
    assert min(len(splits.test), len(splits.validation)) >= 20


def test_sizes_that_look_alikes_leave_no_rows_for_are_refused(tmp_path):
    path = write_rows(tmp_path / "near.jsonl", [*SIXTY, *formed("a byte-order mark")])
    said = "120 usable rows with a label (60 where look-alikes count once) are too few for"
    with refused(said, "these would do: data.split.test=12 data.split.validation=10 data.labelled=38"):
        load(path, test=40, validation=10, labelled=40)
    splits = load(path, test=12, validation=10, labelled=38)
    assert (len(splits.test), len(splits.validation), len(splits.labelled)) == (12, 10, 38)


def test_a_text_of_unseen_characters_is_empty(tmp_path):
    rows = [*OTHERS, ("\u200b\ufeff", 1), (" \u00ad\n", 0)]
    assert load(write_rows(tmp_path / "mine.jsonl", rows)).dropped == {"empty": 2}
