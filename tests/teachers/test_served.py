"""A language model behind a server: each text is answered once, whatever the server does."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openai")
pytest.importorskip("fastapi")
from endpoint_server import FAULTS, MODEL, Behaviour, served

from limbeck.errors import LimbeckError
from limbeck.teachers.served import asked as asking, server as serving
from limbeck.teachers.served.asked import Interview, Manner, Served, VotesSettings
from limbeck.teachers.served.journal import FILE, Journal
from limbeck.teachers.served.prompt import PROMPT, Prompt
from limbeck.teachers.served.server import Address
from limbeck.teachers.served.spending import PriceSettings, Spending, SpendingSettings

CLASSES = ("bad", "good")
KEY = "sk-do-not-tell-7f3a9"


def texts(count: int) -> list[str]:
    return [f"a {('dull', 'good')[row % 2]} film {row}" for row in range(count)]


def interview(url: str, labels: tuple[str, ...] = CLASSES, key: str | None = None, **changes: object) -> Interview:
    manner = {
        "by": "logprobs", "votes": VotesSettings(), "concurrency": 8, "per_minute": None, "retries": 3,
        "budget": SpendingSettings(), "price": None,
    } | changes  # fmt: skip
    return Interview(MODEL, None, Address(url, key, 5.0), Prompt(PROMPT, labels), Manner(**manner), "teacher")


def lines(folder: Path) -> list[dict]:
    return [json.loads(line[9:]) for line in (folder / FILE).read_text().splitlines()[1:]]


def answered(folder: Path) -> Counter[str]:
    """Count the log-probabilities of each row, or whole sets of its votes."""
    assert (folder / FILE).is_file()
    found: Counter[str] = Counter()
    for line in lines(folder):
        found[line["row"]] += "scores" in line or "votes" in line
    return found


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(serving, "FIRST_WAIT_S", 0.01)


def test_every_text_is_answered_once_whatever_the_server_does(tmp_path):
    behaviour, wanted = Behaviour(faults=FAULTS, latency=0.002), texts(300)
    with served(behaviour) as url:
        teacher = Served(interview(url), tmp_path)
        teacher.ask(wanted + wanted[:50])
        found = teacher.answers(wanted)
        once = len(behaviour.seen)
        Served(interview(url), tmp_path).ask(wanted)
    assert len(behaviour.seen) == once, "what is on disk is not asked for again"
    assert set(answered(tmp_path).values()) == {1}
    assert len(answered(tmp_path)) == 300
    np.testing.assert_array_equal(found.argmax(1), np.arange(300) % 2)
    met = Counter(behaviour.fault(text) for text in wanted)
    assert behaviour.most <= 8
    counts = teacher.counts(wanted)
    assert (counts.rows, counts.voted, counts.uniform) == (300, sum(_bare(text) for text in wanted), 0)
    assert met.keys() == {None}, "no fault is left"
    assert teacher.spent.requests == once == 300 + sum(_faulty(text) for text in wanted)


def _faulty(text: str) -> bool:
    return Behaviour(faults=FAULTS).fault(text) is not None


def _bare(text: str) -> bool:
    return Behaviour(faults=FAULTS).fault(text) == "bare"


def test_each_fault_is_met():
    """The test above says nothing of a fault that no text meets."""
    behaviour = Behaviour(faults=FAULTS)
    assert {behaviour.fault(text) for text in texts(300)} == {None, *FAULTS}


def test_probabilities_are_those_of_the_codes():
    """0.7 and 0.1 for the code with and without a blank, 0.1 for the other code, 0.05 for a word."""
    with served(Behaviour()) as url:
        teacher = Served(interview(url))
        teacher.ask(["a good film"])
        np.testing.assert_allclose(np.exp(teacher.answers(["a good film"])), [[1 / 9, 8 / 9]], rtol=1e-5)


ASKER = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from test_served import interview, texts
from limbeck.teachers.served.asked import Served
Served(interview({url!r}), Path({folder!r})).ask(texts(300))
"""


def test_a_killed_process_repeats_at_most_what_was_on_its_way(tmp_path):
    behaviour = Behaviour(latency=0.02)
    with served(behaviour) as url:
        code = ASKER.format(path=sys.path, url=url, folder=str(tmp_path))
        for stop in (60, 140):
            child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
            while len(behaviour.seen) < stop:
                assert child.poll() is None
                asyncio.run(asyncio.sleep(0.01))
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        teacher = Served(interview(url), tmp_path)
        teacher.ask(texts(300))
    assert set(answered(tmp_path).values()) == {1}
    assert len(answered(tmp_path)) == 300
    assert 300 < len(behaviour.seen) <= 300 + 2 * 8
    assert len(behaviour.seen) <= teacher.spent.requests <= len(behaviour.seen) + 2 * 8, "killed ones are counted too"


@pytest.mark.parametrize(
    ("budget", "measured"),
    [
        ({"requests": 40}, lambda spent: spent.requests),
        ({"tokens": 4_000}, lambda spent: spent.tokens),
        ({"money": 0.003}, lambda spent: spent.money(PriceSettings(input=1, output=2))),
    ],
)
def test_a_budget_is_never_exceeded_and_the_same_line_goes_on(tmp_path, budget, measured):
    behaviour, price = Behaviour(faults=("500",)), PriceSettings(input=1, output=2)
    with served(behaviour) as url:
        teacher = Served(interview(url, budget=SpendingSettings(**budget), price=price), tmp_path)
        (limit, most), *_ = budget.items()
        for _ in range(2):
            with pytest.raises(LimbeckError, match=f"teacher.budget.{limit}: the budget is spent .*goes on"):
                teacher.ask(texts(300))
        assert 0.8 * most <= measured(teacher.spent) <= most
        if limit == "requests":
            assert len(behaviour.seen) == 40
        Served(interview(url), tmp_path).ask(texts(300))
    assert set(answered(tmp_path).values()) == {1}
    failed = sum(Behaviour(faults=("500",)).fault(text) is not None for text in texts(300))
    assert len(behaviour.seen) == 300 + failed, "what was answered stays"


def test_votes_where_there_are_no_log_probabilities(tmp_path):
    """Of five answers one names no label, two name the first, and two the second."""
    said = ("Well.", "A", "good", "B) good", "A. because it is dull")
    behaviour = Behaviour(logprobs=False, answer=lambda text, nth: said[nth % 5])
    with served(behaviour) as url:
        teacher = Served(interview(url, concurrency=1), tmp_path)
        teacher.ask(texts(6))
        found = np.exp(teacher.answers(texts(6)))
    np.testing.assert_allclose(found, [[2.5 / 5, 2.5 / 5]] * 6, rtol=1e-5)
    counts = teacher.counts(texts(6))
    assert (counts.voted, counts.answers, counts.unnamed, counts.uniform) == (6, 30, 6, 0)
    asked = [bool(body.get("logprobs")) for body in behaviour.bodies]
    assert asked == [True, False] * 3 + [False] * 3, "after three answers without, nobody asks for them"
    assert [body["n"] for body in behaviour.bodies if "n" in body] == [5] * 6


@pytest.mark.parametrize(("together", "choices", "requests"), [(True, 100, 1), (True, 2, 3), (False, 100, 5)])
def test_votes_come_in_as_many_requests_as_the_server_takes(together, choices, requests):
    behaviour = Behaviour(choices=choices)
    with served(behaviour) as url:
        teacher = Served(interview(url, by="votes", votes=VotesSettings(together=together)))
        teacher.ask(["a good film"])
        assert len(behaviour.seen) == requests
        assert all("logprobs" not in body for body in behaviour.bodies)
        np.testing.assert_allclose(np.exp(teacher.answers(["a good film"])), [[0.5 / 6, 5.5 / 6]], rtol=1e-5)


def test_many_labels_are_voted_for_by_number(tmp_path):
    names = tuple(f"topic {row}" for row in range(30))
    with served(Behaviour(answer=lambda text, nth: "17")) as url:
        teacher = Served(interview(url, labels=names))
        teacher.ask(["any"])
        assert teacher.answers(["any"]).argmax() == 16


def test_a_text_without_a_usable_answer_is_uniform_and_counted():
    with served(Behaviour(answer=lambda text, nth: "I cannot say", logprobs=False)) as url:
        teacher = Served(interview(url))
        teacher.ask(["any"])
        np.testing.assert_allclose(np.exp(teacher.answers(["any"])), [[0.5, 0.5]])
        assert teacher.counts(["any"]).uniform == 1


def test_a_refusal_stops_at_once_and_the_key_is_nowhere(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("A_KEY", KEY)
    behaviour = Behaviour(key="another")
    with served(behaviour) as url, pytest.raises(LimbeckError, match=r"refuses \(401: Incorrect API key") as raised:
        Served(interview(url, key="A_KEY", concurrency=2), tmp_path).ask(texts(20))
    assert raised.value.where == "teacher.key"
    told = f"{raised.value}{raised.value.__cause__}{capsys.readouterr()}"
    assert KEY not in told
    assert all(KEY not in file.read_text() for file in tmp_path.rglob("*") if file.is_file())
    assert Journal(tmp_path, interview(url).named, 2).spent.requests <= 2, "it is not tried again"


def test_a_server_that_always_fails_ends_in_one_line(tmp_path):
    with served(Behaviour(faults=("500",), every=1)) as url:
        manner = interview(url, retries=0)
        with pytest.raises(LimbeckError, match="1 attempts failed; the last: 500: the engine died"):
            Served(manner, tmp_path).ask(texts(5))
    with pytest.raises(LimbeckError, match="no connection"):
        Served(interview("http://127.0.0.1:9/v1", retries=1)).ask(["any"])


def test_without_the_variable_it_says_which(monkeypatch):
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(LimbeckError, match=r"teacher.key: the environment has no variable A_KEY"):
        Served(interview("http://127.0.0.1:9/v1", key="A_KEY")).ask(["any"])


def test_it_asks_inside_a_running_loop_too():
    """As in a notebook."""
    with served(Behaviour()) as url:
        teacher = Served(interview(url))

        async def cell() -> None:
            teacher.ask(["a good film"])

        asyncio.run(cell())
        assert teacher.answers(["a good film"]).argmax() == 1


# --- the pace -------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


async def turns(pace: serving.Spacing, clock: Clock, count: int) -> list[float]:
    found = []
    for _ in range(count):
        await pace.turn()
        found.append(clock.seconds)
    return found


def test_requests_keep_their_distance_and_all_wait_when_the_server_asks():
    clock = Clock()
    pace = serving.Spacing(30, clock.now, clock.sleep)
    assert asyncio.run(turns(pace, clock, 3)) == [100, 102, 104]
    pace.hold(20)
    assert asyncio.run(turns(pace, clock, 2)) == [124, 126]
    assert asyncio.run(turns(serving.Spacing(None, clock.now, clock.sleep), clock, 3)) == [126] * 3


def test_waits_double_and_half_of_each_is_drawn(monkeypatch):
    monkeypatch.setattr(serving, "FIRST_WAIT_S", 0.5)
    assert [serving.wait_before(attempt, lambda: 1.0) for attempt in (1, 2, 3, 20)] == [0.5, 1.0, 2.0, 60.0]
    assert serving.wait_before(2, lambda: 0.0) == 0.5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None), ({"retry-after": "3"}, 3.0), ({"retry-after-ms": "40"}, 0.04), ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0), ({"retry-after": "inf"}, None),
    ],
)  # fmt: skip
def test_what_a_server_asks_to_wait(headers, seconds):
    assert serving.wait_of(headers) == seconds


def test_a_server_that_wants_nothing_for_long_ends_it(tmp_path, monkeypatch):
    monkeypatch.setattr(asking, "LONGEST_ASKED_S", 0.01)
    with served(Behaviour(faults=("429",), every=1)) as url, pytest.raises(LimbeckError, match="wants nothing for"):
        Served(interview(url), tmp_path).ask(texts(3))


# --- the journal ----------------------------------------------------------------------------------------------------


def journal(folder: Path, **named: object) -> Journal:
    return Journal(folder, {"model": "m", **named}, 2)


def filled(folder: Path) -> bytes:
    one = journal(folder)
    one.sent("0" * 16, Spending(0, 50, 1))
    one.scored("0" * 16, "scores", np.log([0.25, 0.75]), Spending(0, 10, 1))
    one.sent("1" * 16, Spending(0, 50, 1))
    one.close()
    return (folder / FILE).read_bytes()


def test_what_was_on_its_way_counts_as_spent(tmp_path):
    filled(tmp_path)
    again = journal(tmp_path)
    assert again.spent == Spending(2, 60, 2)
    assert again.rows["1" * 16].scores is None
    again.sent("1" * 16, Spending(0, 50, 1))
    again.voted("1" * 16, [1, 1], 1, Spending(0, 12, 3))
    assert again.spent == journal(tmp_path).spent == Spending(3, 72, 5)
    assert journal(tmp_path).rows["1" * 16].votes.tolist() == [0, 2]


def test_half_a_line_is_passed_over_and_removed_before_the_next_one(tmp_path):
    content = filled(tmp_path)
    (tmp_path / FILE).write_bytes(content + b"12345678 {")
    again = journal(tmp_path)
    assert again.spent.requests == 2
    assert (tmp_path / FILE).read_bytes() == content + b"12345678 {", "another process may be writing it"
    again.sent("2" * 16, Spending(0, 50, 1))
    again.close()
    (line,) = (tmp_path / FILE).read_bytes().removeprefix(content).splitlines()
    assert b"2" * 16 in line
    assert journal(tmp_path).spent.requests == 3


def test_a_changed_line_is_refused(tmp_path):
    content = filled(tmp_path)
    (tmp_path / FILE).write_bytes(content.replace(b"-1.386", b"-0.386"))
    with pytest.raises(LimbeckError, match=r"answers.jsonl, line 3: damaged; remove this line"):
        journal(tmp_path)


def test_answers_of_another_teacher_are_refused_with_both_values(tmp_path):
    filled(tmp_path)
    with pytest.raises(LimbeckError, match="another teacher: its model is `m`, not `n`"):
        journal(tmp_path, model="n")
