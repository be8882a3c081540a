"""How long, and how fast: steps, epochs, and the learning rate over time."""

import math

import pytest
from pydantic import ValidationError

from limbeck.networks import TrainSettings


@pytest.mark.parametrize(
    ("settings", "rows", "steps"),
    [
        ({"steps": 7}, 1000, 7),
        ({}, 1000, 1000),
        ({"epochs": 1, "batch_size": 64}, 64, 1),
        ({"epochs": 1, "batch_size": 64}, 65, 2),
        ({"epochs": 3, "batch_size": 16}, 500, 96),
        ({"epochs": 0.5, "batch_size": 10}, 100, 5),
        ({"epochs": 0.01, "batch_size": 64}, 64, 1),
    ],
)
def test_steps_of_a_training(settings, rows, steps):
    assert TrainSettings(**settings).total_steps(rows) == steps


@pytest.mark.parametrize(
    ("settings", "share", "steps"),
    [
        ({"steps": 1200}, 0.125, 150),
        ({"steps": 7}, 0.5, 4),
        ({"steps": 3}, 0.01, 1),
        ({}, 0.25, 250),
        ({"epochs": 2, "batch_size": 10}, 0.5, 100),
    ],
)
def test_a_share_of_the_steps(settings, share, steps):
    assert TrainSettings(**settings).shortened(share).total_steps(1000) == steps


def test_a_share_of_the_steps_changes_nothing_else():
    settings = TrainSettings(steps=80, lr=0.1, warmup=0.25, validations=3)
    short = settings.shortened(0.5)
    assert short == settings.model_copy(update={"steps": 40})
    assert [short.rate(step, 40) for step in range(40)].index(1.0) == 10


def test_steps_and_epochs_exclude_each_other():
    with pytest.raises(ValidationError, match="give steps or epochs, not both"):
        TrainSettings(steps=3, epochs=1)


def test_patience_needs_a_best_validation():
    with pytest.raises(ValidationError, match="it needs `keep: best`"):
        TrainSettings(patience=3, keep="last")
    assert TrainSettings(patience=3).keep == "best"


def rates(total, **settings):
    return [TrainSettings(**settings).rate(step, total) for step in range(total)]


def test_a_linear_schedule_falls_to_zero_at_the_end():
    assert rates(4) == pytest.approx([1, 0.75, 0.5, 0.25])
    assert TrainSettings().rate(4, 4) == 0


def test_warm_up_rises_evenly_and_meets_the_peak_once():
    found = rates(10, warmup=0.4)
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])
    assert found.count(1.0) == 1


def test_a_cosine_schedule_is_half_a_wave():
    expected = [(1 + math.cos(math.pi * step / 8)) / 2 for step in range(8)]
    assert rates(8, schedule="cosine") == pytest.approx(expected)
    assert TrainSettings(schedule="cosine").rate(8, 8) == pytest.approx(0)


def test_a_constant_schedule_stays_at_the_peak_after_warm_up():
    assert rates(5, schedule="constant") == [1] * 5
    assert rates(4, schedule="constant", warmup=0.5) == pytest.approx([1 / 3, 2 / 3, 1, 1])


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.99])
@pytest.mark.parametrize("total", [1, 2, 7])
def test_no_step_of_any_schedule_is_lost(schedule, warmup, total):
    assert all(0 < rate <= 1 for rate in rates(total, schedule=schedule, warmup=warmup))


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"epochs": 0},
        {"lr": 0},
        {"lr": math.inf},
        {"warmup": 1},
        {"clip": 0},
        {"accumulate": 0},
        {"validations": 0},
        {"patience": 0},
        {"schedule": "step"},
        {"precision": "fp16"},
        {"weight_decay": -1},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        TrainSettings(**wrong)
