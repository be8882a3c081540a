"""The estimate of the time before a run: what is timed, and what is made of it."""

from dataclasses import dataclass

import pytest
from tiny import recipe, write_csv

from limbeck.data.batches import Batches
from limbeck.pipeline import check
from limbeck.recipe import BudgetSettings, parse_recipe

ROWS, STEPS, SEEDS = 260, 24, 2
ALL = ["student", "baseline", "hard_labels"]


@dataclass
class Clock:
    """A clock that stands still until it is set forward."""

    now: float = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """A clock on which a step takes a second, an answer two, and each first time an age."""
    made, answered, group = Clock(), [], Batches.group

    def slow_group(self, step):
        made.now += 1.0 if step else 1000.0
        return group(self, step)

    def slow_answers(model, sample):
        made.now += 2.0 * len(sample) if id(model) in answered else 1000.0
        answered.append(id(model))

    monkeypatch.setattr(check, "time", made)
    monkeypatch.setattr(Batches, "group", slow_group)
    monkeypatch.setattr(check, "predict_logits", slow_answers)
    return made


def estimate(folder, **changes):
    return check.check(parse_recipe(recipe(write_csv(folder / "rows.csv", ROWS), **changes), "test"))


def test_the_first_steps_and_answers_are_not_counted(tmp_path, clock):
    trained = STEPS * (1 + len(ALL) * SEEDS)
    assert estimate(tmp_path, arms=ALL) == pytest.approx(trained + 2.0 * ROWS)


def test_a_teacher_is_made_once_more_without_each_fold(tmp_path, clock):
    alone = estimate(tmp_path)
    teacher = recipe(tmp_path / "rows.csv")["teacher"] | {"folds": 3}
    assert estimate(tmp_path, teacher=teacher) == pytest.approx(alone + 3 * STEPS)


def test_a_slow_network_takes_three_steps_and_answers_few_rows(tmp_path, monkeypatch):
    """A pretrained teacher takes a second for 64 rows: what only warms it up is little."""
    asked, steps, answer, group = [], [], check.predict_logits, Batches.group

    def counted_answers(model, sample):
        asked.append(len(sample))
        return answer(model, sample)

    def counted_group(self, step):
        steps.append(step)
        return group(self, step)

    monkeypatch.setattr(check, "predict_logits", counted_answers)
    monkeypatch.setattr(Batches, "group", counted_group)
    estimate(tmp_path)
    one = [4, 30]  # of 30 validation rows
    assert (asked, steps) == (2 * one, 2 * [0, 1, 2])


def features(numbers):
    return numbers


def test_what_an_encoder_takes_for_every_row_is_counted(tmp_path, clock):
    rows = "\n".join(f"{row},{row % 7},{row % 2}" for row in range(ROWS))
    (tmp_path / "rows.csv").write_text(f"a,b,label\n{rows}\n")
    split = {"split": {"test": 60, "validation": 30}, "labelled": 40, "labelled_per_batch": 4}
    table = {"kind": "table"}
    values = recipe(
        tmp_path / "rows.csv",
        data={"source": str(tmp_path / "rows.csv"), "features": ["a", "b"], **split},
        teacher={"kind": "embedding", "model": f"{__name__}:features", "reads": table},
        student={"model": "mlp", "reads": table, "train": {"steps": STEPS, "batch_size": 16}},
    )
    assert check.check(parse_recipe(values, "test")) == pytest.approx(STEPS * 2 * SEEDS + 2.0 * ROWS)


@pytest.mark.parametrize(
    ("changes", "timed"),
    [
        ({}, 2),
        ({"baseline": {"train.steps": 48, "train.lr": 0.1, "train.keep": "last"}}, 2),
        ({"baseline": {"model.dim": 8}}, 3),
        ({"baseline": {"train.batch_size": 8}}, 3),
        ({"baseline": {"reads.max_length": 8}}, 3),
    ],
)
def test_networks_of_equal_pace_are_timed_once(tmp_path, monkeypatch, changes, timed):
    """The teacher, and the arms that have network, inputs and batches in common."""
    trials, fit = [], check.fit
    monkeypatch.setattr(check, "fit", lambda *given, **named: trials.append(fit(*given, **named)))
    estimate(tmp_path, arms=ALL, **changes)
    assert len(trials) == timed


def test_a_trial_shows_no_figure_that_nobody_measured(tmp_path, capsys):
    estimate(tmp_path)
    shown = capsys.readouterr().out
    assert "trial: done after" in shown
    assert "NLL" not in shown


def test_a_time_far_beyond_the_budget_is_said_to_be_so():
    said = check._beyond(BudgetSettings(minutes=1), 1206)
    assert said is not None
    assert "longer than budget.minutes=1, " in said
    assert check._beyond(BudgetSettings(minutes=1), 100) is None
    assert check._beyond(BudgetSettings(megabytes=1), 1206) is None


def test_a_class_whose_name_holds_a_comma_is_told_from_its_neighbours(tmp_path, capsys):
    file = write_csv(tmp_path / "rows.csv", ROWS)
    file.write_text(file.read_text().replace(",0\n", ',"idea, wish"\n').replace(",1\n", ",bug\n"))
    check.check(parse_recipe(recipe(file), "test"))
    said = capsys.readouterr().out
    assert "classes (2): bug " in said
    assert ", `idea, wish` " in said
