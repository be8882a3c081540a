"""Runs whose teacher is a language model behind a server: what is asked, what it costs, what stands on disk."""

import json
from collections import Counter

import pytest

pytest.importorskip("openai")
pytest.importorskip("fastapi")
from endpoint_server import FAULTS, Behaviour, served
from tiny import recipe, write_csv

from limbeck.errors import LimbeckError
from limbeck.pipeline import order, run
from limbeck.pipeline.check import check
from limbeck.recipe import load_recipe, parse_recipe
from limbeck.teachers.served import server as serving

KEY = "sk-do-not-tell-7f3a9"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setenv("A_KEY", KEY)
    monkeypatch.setattr(serving, "FIRST_WAIT_S", 0.01)


def values(folder, url, *, more=None, **teacher):
    rows = folder / "rows.csv"
    if not rows.is_file():
        write_csv(rows, 300)
    settings = {
        "kind": "endpoint", "base_url": url, "model": "echo", "key": "A_KEY", "labels": {"bad": 0, "good": 1},
        "price": {"input": 1, "output": 2}, "terms": "CC BY 4.0",
    }  # fmt: skip
    found = recipe(rows, seeds=[0], teacher=settings | teacher, **(more or {}))
    found["student"]["train"] |= {"steps": 8, "validations": 1}
    return parse_recipe(found, "test")


def rows_on_disk(out):
    """Count what each text's row was answered with, of every journal of a run."""
    found = Counter()
    for file in out.rglob("answers.jsonl"):
        for line in file.read_text().splitlines()[1:]:
            told = json.loads(line[9:])
            found[told["row"]] += "scores" in told or "votes" in told
    return found


def test_a_run_asks_once_for_each_example_and_says_who_answered(tmp_path):
    behaviour = Behaviour(faults=FAULTS, key=KEY)
    with served(behaviour) as url:
        wanted = values(tmp_path, url)
        found = run(wanted, tmp_path / "run").evaluation
    on_disk = rows_on_disk(tmp_path / "run")
    assert len(on_disk) == 300
    assert {*on_disk.values()} == {1}
    (record,) = found.teacher.served
    assert (record.model, record.texts, record.terms) == ("echo", 300, "CC BY 4.0")
    assert record.requests == len(behaviour.seen) > 300
    assert record.by_votes > 0
    assert record.money == pytest.approx(record.tokens / 1e6, rel=0.1)
    card = (tmp_path / "run/bundle/README.md").read_text()
    page = (tmp_path / "run/report.html").read_text()
    for text in (card, page):
        assert record.prompt in text
        assert "CC BY 4.0" in text
    holding = [file for file in (tmp_path / "run").rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]
    assert not holding
    again = run(wanted, tmp_path / "run").evaluation  # the server has gone
    assert again == found


def test_a_check_asks_once_and_says_what_all_answers_cost(tmp_path, capsys):
    with served(behaviour := Behaviour(key=KEY)) as url:
        check(values(tmp_path, url, budget={"requests": 250}))
    said = capsys.readouterr().out
    assert len(behaviour.seen) == 1
    assert "teacher: 300 texts take about 300 requests, " in said
    assert " at the price given" in said
    assert "teacher.budget.requests is less: the run will stop before its end" in said


def test_a_spent_budget_stops_the_run_and_a_larger_one_goes_on(tmp_path):
    with served(behaviour := Behaviour(key=KEY)) as url:
        with pytest.raises(
            LimbeckError, match=r"teacher.budget.requests: the budget is spent .* the same line goes on"
        ):
            run(values(tmp_path, url, budget={"requests": 150}), tmp_path / "run")
        assert len(behaviour.seen) == 150
        run(values(tmp_path, url, budget={"requests": 300}), tmp_path / "run")
        assert len(behaviour.seen) == 300


def test_a_shared_folder_of_answers_is_not_asked_for_again(tmp_path, monkeypatch):
    monkeypatch.setattr(order, "export_all", lambda networks, arms, at: None)
    monkeypatch.setattr(order, "_evaluate", lambda *_: pytest.fail("far enough"))
    with served(behaviour := Behaviour(key=KEY)) as url:
        wanted = values(tmp_path, url, more={"cache": {"path": str(tmp_path / "answers")}})
        for out in ("one", "two"):
            with pytest.raises(pytest.fail.Exception, match="far enough"):
                run(wanted, tmp_path / out)
            assert len(behaviour.seen) == 240, "all but the test rows"
        assert len(rows_on_disk(tmp_path / "answers")) == 240


def test_another_prompt_is_another_teacher(tmp_path, monkeypatch):
    monkeypatch.setattr(order, "export_all", lambda networks, arms, at: None)
    monkeypatch.setattr(order, "_evaluate", lambda *_: pytest.fail("far enough"))
    with served(behaviour := Behaviour(key=KEY)) as url:
        for prompt in ("{labels} Text: {text}\n", "Which one? {labels} Text: {text}\n"):
            with pytest.raises(pytest.fail.Exception):
                run(values(tmp_path, url, prompt=prompt), tmp_path / "run")
    assert len(behaviour.seen) == 2 * 240


def test_one_member_of_an_ensemble_may_be_asked(tmp_path):
    with served(behaviour := Behaviour(key=KEY)) as url:
        one = values(tmp_path, url).teacher.model_dump()
        teacher = {"kind": "ensemble", "members": [one, {"kind": "nblr", "regression": {"min_texts": 1}}]}
        found = recipe(tmp_path / "rows.csv", seeds=[0], teacher=teacher)
        check(parse_recipe(found, "test"))
        assert len(behaviour.seen) == 1
        run(parse_recipe(found, "test"), tmp_path / "run")
    assert {*rows_on_disk(tmp_path / "run").values()} == {1}


def test_the_recipe_of_a_language_model(tmp_path):
    """A few human labels for validation and test, none for training."""
    rows = write_csv(tmp_path / "rows.csv", 200)
    with served(Behaviour()) as url:
        wanted = load_recipe(
            "llm-labels",
            [
                f"data.source={rows}", "data.split={test: 60, validation: 40}", "data.max_unlabelled=null",
                "teacher.labels={negative: 0, positive: 1}", f"teacher.base_url={url}", "selection.unlabelled=20",
                "student.train.steps=30", "student.model.buckets=64", "seeds=[0]",
            ],
        )  # fmt: skip
        check(wanted)
        found = run(wanted, tmp_path / "run").evaluation
    assert (found.data.labelled, found.data.unlabelled, found.data.test) == (0, 100, 60)
    assert found.verdict == "no_baseline"
    assert {*found.models} == {"teacher", "student"}
    assert found.teacher.served[0].texts == 200
    assert "baseline" not in found.next_step
    assert found.bundle is not None, found.bundle_error


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": "sk-abc-123"}, "must be the name of an environment variable"),
        ({"key": "hf_abcDEF"}, "must be the name of an environment variable"),
        ({"base_url": "http://me:sk-abc-123@localhost/v1"}, "must be an address alone"),
        ({"base_url": "http://localhost/v1?key=sk-abc-123"}, "must be an address alone"),
        ({"base_url": "localhost:8000"}, "must be an address such as"),
        ({"prompt": "{text}"}, "has no place for {labels}"),
        ({"examples": [{"text": "x", "label": 1}], "prompt": "{labels}{text}"}, "has no place for {examples}"),
        ({"price": None, "budget": {"money": 1}}, "a budget of money needs `price`"),
        ({"votes": {"tokens": None}, "budget": {"tokens": 10}}, "needs `votes.tokens`"),
    ],
)
def test_what_is_no_such_teacher(tmp_path, changes, said):
    with pytest.raises(LimbeckError) as raised:
        values(tmp_path, "http://localhost:9/v1", **changes)
    assert said in str(raised.value)
    assert "abc" not in str(raised.value), "what may be a key is not repeated"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": {"Good": 0, "good ": 1}}, "could not tell the label `Good` from another"),
        ({"examples": [{"text": "x", "label": "better"}]}, "teacher.examples.0.label: there is no class `better`"),
        ({"key": "NO_SUCH_KEY"}, "the environment has no variable NO_SUCH_KEY"),
        ({"labels": {"good": 1}}, "teacher.labels"),
    ],
)
def test_what_does_not_fit_is_said_before_anybody_is_asked(tmp_path, changes, said):
    with served(behaviour := Behaviour(key=KEY)) as url, pytest.raises(LimbeckError, match=said):
        check(values(tmp_path, url, **changes))
    assert not behaviour.seen


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([], "the baseline learns from nothing else; set baseline=false"),
        (["baseline=false", "losses=[{name: cross_entropy}, {name: kd}]"], "`cross_entropy` learns from them"),
        (["baseline=false", "losses=[{name: kd}]", "teacher={kind: nblr}"], "this teacher learns from them"),
    ],
)
def test_without_labels_nothing_may_learn_from_them(tmp_path, changes, said):
    from limbeck.settings.yaml import write_yaml

    found = recipe(write_csv(tmp_path / "rows.csv"), seeds=[0])
    found["teacher"] = {"kind": "endpoint", "base_url": "http://localhost:9/v1", "model": "m"}
    found["losses"] = [{"name": "kd"}]
    (tmp_path / "r.yaml").write_text(write_yaml(found))
    with pytest.raises(LimbeckError, match=said):
        check(load_recipe(str(tmp_path / "r.yaml"), ["data.labelled=0", *changes]))
