"""What a language model is asked, what its answer names, and what its log-probabilities say."""

import json

import numpy as np
import pytest

from limbeck.teachers.served.prompt import PROMPT, Example, Prompt, codes, repeated
from limbeck.teachers.served.reply import UnreadableError, read_reply
from limbeck.teachers.served.scores import of_codes, of_votes
from limbeck.teachers.served.spending import PriceSettings, Spending, SpendingSettings, exceeded, in_words

TWO = Prompt(PROMPT, ("negative review", "positive review"))


def test_a_question_shows_labels_examples_and_the_text_as_it_is():
    prompt = Prompt("{labels}|{examples}|{text}|{json}", ("bad", "good"), (Example("fine", 1),), max_characters=12)
    assert prompt.about("{labels} {text} and more") == "A: bad\nB: good|Text: fine\nCode: B\n\n|{labels} {te|{json}"
    assert TWO.about("x").endswith("Text: x\nAnswer with the code of one label, and nothing else.\nCode:")


def test_everything_that_is_asked_names_the_prompt():
    other = [
        Prompt(PROMPT + " ", TWO.labels),
        Prompt(PROMPT, TWO.labels[::-1]),
        Prompt(PROMPT, TWO.labels, (Example("fine", 1),)),
        Prompt(PROMPT, TWO.labels, (), 100),
    ]
    assert len({TWO.digest, *(each.digest for each in other)}) == 5


def test_codes_are_letters_and_then_numbers():
    assert codes(3) == ("A", "B", "C")
    assert (codes(26)[-1], codes(27)[0], codes(27)[-1]) == ("Z", "1", "27")


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("B", 1), (" B\n", 1), ("**B**", 1), ('"A".', 0), ("(B)", 1), ("A) negative review", 0), ("B: it is kind", 1),
        ("Code: B", 1), ("Answer: A.", 0), ("B positive review", 1), ("Positive Review", 1), ("negative  review.", 0),
        ("<think>A or B? A.</think>\nB", 1), ("A fine film", None), ("C", None), ("b", None), ("", None),
        ("AB", None), ("positive", None), ("neither", None),
    ],
)  # fmt: skip
def test_what_an_answer_names(answer, label):
    assert TWO.label_of(answer) == label


def test_numbers_are_whole():
    many = Prompt(PROMPT, tuple(f"topic {row}" for row in range(40)))
    assert [many.label_of(text) for text in ("1", "17", "40.", "41", "171")] == [0, 16, 39, None, None]


@pytest.mark.parametrize(("labels", "name"), [(("a", "b"), None), (("Good", "good "), "Good"), (("a", "."), ".")])
def test_names_that_no_answer_tells_apart(labels, name):
    assert repeated(labels) == name


# --- scores ---------------------------------------------------------------------------------------------------------


def test_codes_are_renormalised_over_their_spellings():
    found, mass = of_codes([("A", np.log(0.4)), (" A", np.log(0.1)), ("B", np.log(0.3)), ("The", np.log(0.2))], "AB")
    assert mass == pytest.approx(0.8)
    np.testing.assert_allclose(np.exp(found), [5 / 8, 3 / 8], rtol=1e-5)


def test_below_half_of_the_mass_nothing_is_said():
    assert of_codes([("A", np.log(0.49)), ("The", np.log(0.51))], "AB")[0] is None
    assert of_codes([("A", np.log(0.51)), ("The", np.log(0.49))], "AB")[0] is not None


@pytest.mark.parametrize(
    "tops", [[("A", 0.0)], [("A", -1e-9), ("x", -9999.0)], [("A", np.log(0.9)), ("x", np.log(0.06))]]
)
def test_a_code_that_is_not_listed_is_improbable_and_not_impossible(tops):
    found, _ = of_codes(tops, "ABC")
    assert np.isfinite(found).all()
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-5)
    assert found[1] == found[2] < found[0]
    assert np.exp(found[1]) <= max(1 - np.exp([value for _, value in tops]).sum(), 1e-8)


def test_votes_are_smoothed_by_one_more_that_all_labels_share():
    np.testing.assert_allclose(np.exp(of_votes(np.array([4, 0, 0, 0]))), [4.25 / 5, 0.05, 0.05, 0.05], rtol=1e-6)
    np.testing.assert_allclose(np.exp(of_votes(np.zeros(4, np.int64))), [0.25] * 4, rtol=1e-6)


# --- replies --------------------------------------------------------------------------------------------------------


def body(**changes: object) -> bytes:
    choice = {"message": {"content": "A"}, "logprobs": {"content": [{"token": "A", "logprob": -0.1}]}}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 3}, "more": 1} | changes).encode()


def test_what_is_read_of_a_reply():
    assert read_reply(body()) == (reply := read_reply(body()))
    assert (reply.texts, reply.tops, reply.tokens) == (("A",), (("A", -0.1),), (3, 0))
    assert read_reply(body(choices=[{"message": {}}], usage=None)).tops is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html>", b'{"choices": [{', b"[]", b'"text"', b"\xff", body(choices=[]), body(choices=None),
        body(usage={"prompt_tokens": -1}),
        body(choices=[{"message": {}, "logprobs": {"content": [{"token": "A", "logprob": float("nan")}]}}]),
        body(choices=[{"message": {}, "logprobs": {"content": [{"token": "A", "logprob": 3.0}]}}]),
    ],
)  # fmt: skip
def test_what_is_no_reply(content):
    with pytest.raises(UnreadableError) as caught:
        read_reply(content)
    assert "instance" not in str(caught.value), "a name of our code"


# --- spending -------------------------------------------------------------------------------------------------------


def test_a_budget_is_exceeded_above_it_and_not_at_it():
    price = PriceSettings(input=2, output=10)
    spent = Spending(10, 500_000, 100_000)
    assert spent.money(price) == pytest.approx(2.0)
    assert exceeded(spent, SpendingSettings(requests=10, tokens=600_000, money=2.0), price) is None
    assert exceeded(spent, SpendingSettings(requests=9), price) == "requests"
    assert exceeded(spent, SpendingSettings(tokens=599_999), price) == "tokens"
    assert exceeded(spent, SpendingSettings(money=1.99), price) == "money"
    assert in_words(spent, price) == "10 requests, 600,000 tokens, 2.00 at the price given"
    assert in_words(Spending(1, 100, 10), price) == "1 request, 110 tokens, 0.0003 at the price given"
    assert in_words(Spending(), price) == "0 requests, 0 tokens, 0.00 at the price given"
