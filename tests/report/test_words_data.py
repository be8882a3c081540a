"""What is said of texts that are cut, and of test rows that are training rows to a network."""

import example

from limbeck.errors import a
from limbeck.report import words
from limbeck.report.words.data import reader_rows
from limbeck.report.words.prose import data_facts


def said(**changes):
    """Return the sentences about a run, after changes of its student's view, its floor and its count of equal rows."""
    run = example.complete()
    views = run.data.views | {"student": run.data.views["student"].model_copy(update={"cut": changes.get("cut", 0.0)})}
    same = {"teacher": 0, "student": changes.get("same", 0)}
    run = example.changed(run, "floor", scores={"accuracy": changes.get("floor", run.score("floor"))})
    data = run.data.model_copy(update={"views": views, "same_tokens": same})
    found = words.reading(run.model_copy(update={"data": data}))
    return [text.replace("\u00a0", " ") for text in found]


def test_many_texts_cut_may_be_why_the_floor_is_better():
    assert said() == said(cut=0.25) == said(cut=0.2, floor=0.9) == []
    assert said(cut=0.784, floor=0.9) == [
        "Training texts cut at max_length: 78.4 % for the student. "
        "TF-IDF + LR reads whole texts, which may be why it is better than the student."
    ]
    assert said(cut=0.26) == [
        "Training texts cut at max_length: 26.0 % for the student. A larger max_length, or tail, may raise the scores."
    ]


def test_a_tokenizer_of_another_language_is_named():
    run = example.complete()
    for pieces, told in ((1.4, []), (1.85, ["Pieces that a word is cut into: 1.9 for the teacher. Such a tokenizer may "
                                            "not know their language."])):  # fmt: skip
        views = run.data.views | {"teacher": run.data.views["teacher"].model_copy(update={"pieces": pieces})}
        assert words.reading(run.model_copy(update={"data": run.data.model_copy(update={"views": views})})) == told


def test_test_rows_that_are_training_rows_to_a_network():
    assert said(same=1200) == [
        "For the student, 1,200 of 2,000 test rows have the token ids of a training or transfer row."
    ]


def test_a_run_without_texts_has_no_rows():
    assert reader_rows(example.bare()) == []
    (line,) = words.reading(example.bare())
    assert line.startswith("Every training text has its label, so that the student saw the same texts as the baseline.")
    assert not any(said.startswith("Every training") for said in words.reading(example.complete()))


def test_a_reader_has_the_one_name_of_its_model():
    run = example.with_hard_labels()
    views = {"hard_labels": run.data.views["student"].model_copy(update={"cut": 0.5})}
    run = run.model_copy(update={"data": run.data.model_copy(update={"views": views})})
    assert reader_rows(run)[0][0] == "hard labels"
    assert "50.0\u00a0% for the hard labels." in words.reading(run)[0]


def test_who_is_held_out_is_said_beside_the_number_of_rows():
    run = example.complete()
    assert all(note == "" for name, _, note in data_facts(run) if name in ("Test", "Validation"))
    held = {"test": {"speaker": ["ada", "bob"], "year": ["2020"]}, "validation": {"speaker": ["eve"]}}
    told = run.model_copy(update={"data": run.data.model_copy(update={"held_out": held})})
    notes = {name: note for name, _, note in data_facts(told)}
    assert (notes["Test"], notes["Validation"]) == ("speaker: ada, bob; year: 2020", "speaker: eve")


def test_a_noun_has_its_article():
    assert [a(noun) for noun in ("image", "text", "sound", "row")] == ["an image", "a text", "a sound", "a row"]
