"""How often the verdict errs, and how often it finds a gain: small simulations; the large ones are a benchmark."""

import numpy as np
import pytest
from made_arms import arms, compare, parts, swap_test
from verdict_errors import Cell, World, judged

from limbeck.evaluation import verdict


def error_rate(rng, runs, swaps=2000, resamples=500, **how):
    errors = 0
    for run in range(runs):
        student, baseline = arms(rng, **how)
        # Most runs cost no resampling: seeds that disagree are no difference, as the table of verdicts shows.
        if np.ptp(np.sign(student.mean(axis=1) - baseline.mean(axis=1))):
            continue
        found = compare(student, baseline, _swaps=swaps, _resamples=resamples, _seed=run)
        errors += verdict(found) != "no_difference"
    return errors / runs


@pytest.mark.parametrize(
    ("seeds", "seed_sd", "n", "runs"),
    [
        ((3, 3), 0.0, 500, 400),
        ((3, 3), 0.05, 1000, 1000),
        ((5, 5), 0.1, 500, 300),
        ((3, 3), 0.107, 2000, 1000),  # 1.6 points
        ((3, 3), 0.05, 25_000, 200),
        ((2, 2), 0.107, 2000, 300),
    ],
    ids=[
        "no seed effect",
        "three seeds",
        "large seed effect, five seeds",
        "seeds wider than 2,000 rows resolve",
        "seeds wider than 25,000 rows resolve",
        "two seeds, wider than 2,000 rows resolve",
    ],
)
def test_arms_of_equal_true_accuracy_are_rarely_told_apart(seeds, seed_sd, n, runs):
    assert error_rate(np.random.default_rng(10), runs, seeds=seeds, seed_sd=seed_sd, n=n) <= 0.06


@pytest.mark.parametrize("patterns", ["equal", "different"])
@pytest.mark.parametrize(("classes", "spread"), [("two, one of 1 %", 0.0), ("five, one of 1 %", 0.02)])
def test_of_macro_f1_with_a_rare_class_too(patterns, classes, spread):
    """A small part of `benchmarks/verdict_errors.py`: 20 test rows of the rare class."""
    world, rng = World(Cell(classes, patterns, "f1_macro", 3, spread)), np.random.default_rng(22)
    said = [judged(*world.run(rng), "f1_macro", (500, 250), seed) for seed in range(250)]
    assert sum(one != "no_difference" for one in said) <= 0.06 * 250


def test_a_gain_in_macro_f1_is_found():
    world, rng = World(Cell("two, balanced", "equal", "f1_macro", 3, 0.0075, 0.05)), np.random.default_rng(23)
    said = [judged(*world.run(rng), "f1_macro", (500, 250), seed) for seed in range(20)]
    assert said.count("helps") >= 18


def test_the_p_value_alone_is_at_its_nominal_level_where_only_examples_vary():
    rng = np.random.default_rng(11)
    p = np.array([swap_test(*map(parts, arms(rng, n=300)), 1000) for _ in range(2000)])
    assert 0.035 <= np.mean(p < 0.05) <= 0.06
    assert np.mean(p < 0.5) == pytest.approx(0.5, abs=0.05)


def test_the_p_value_alone_does_not_see_seed_effects_and_the_verdict_does():
    rng = np.random.default_rng(12)
    gains = [compare(*arms(rng, n=2000, seed_sd=0.05), _swaps=1000, _resamples=250) for _ in range(150)]
    assert np.mean([gain.p_value < 0.05 for gain in gains]) > 0.12
    assert np.mean([verdict(gain) != "no_difference" for gain in gains]) < 0.1


@pytest.mark.parametrize("seed_sd", [0.02, 0.05])
def test_a_gain_of_five_points_on_2000_examples_is_found(seed_sd):
    rng = np.random.default_rng(13)
    gains = [compare(*arms(rng, n=2000, seed_sd=seed_sd, shift=0.37), _resamples=1000, _swaps=5000) for _ in range(40)]
    assert np.mean([gain.mean for gain in gains]) == pytest.approx(0.05, abs=0.005)
    assert [verdict(gain) for gain in gains].count("helps") >= 39
    covered = [gain.ci95[0] <= 0.05 <= gain.ci95[1] for gain in gains]
    assert np.mean(covered) >= 0.9
