"""Whether two arms differ: swap test, bootstrap, seeds, verdict; against enumeration, scipy and drawing by hand."""

import itertools
import math

import numpy as np
import pytest
from made_arms import arms, bootstrap, compare, decisions, f1_parts, parts, swap_test
from scipy.stats import ttest_1samp, ttest_ind
from sklearn.metrics import f1_score

from limbeck.errors import LimbeckError
from limbeck.evaluation import difference, verdict
from limbeck.evaluation.classification import ACCURACY, F1_MACRO, JUDGING
from limbeck.evaluation.metric import by_unit
from limbeck.evaluation.schema import Gain
from limbeck.evaluation.significance import compare as compare_parts


def test_the_gain_by_hand():
    student = np.array([[1, 1, 1, 0], [1, 0, 1, 0]])
    baseline = np.array([[1, 0, 0, 0], [0, 0, 1, 0]])
    gain = compare(student, baseline)
    assert gain.mean == 0.375
    assert gain.per_seed == [0.5, 0.25]
    # d = (1/2, 1/2, 1/2, 0): of the 8 signs of the first three, 2 reach |sum| = 3/2
    assert gain.p_value == pytest.approx(2 / 8, abs=0.01)
    # accuracies 3/4, 1/2 and 1/4, 1/4: t = (3/8) / (1/8) = 3 with one degree of freedom, a Cauchy distribution
    assert gain.p_seeds == pytest.approx(1 - 2 / math.pi * math.atan(3))


@pytest.mark.parametrize("seeds", [(2, 2), (3, 3)])
def test_the_p_over_seeds_is_welch_on_accuracies(seeds):
    student, baseline = arms(np.random.default_rng(15), n=500, seeds=seeds, seed_sd=0.1, shift=0.3)
    expected = ttest_ind(student.mean(axis=1), baseline.mean(axis=1), equal_var=False).pvalue
    assert 0.001 < expected < 0.5
    assert compare(student, baseline).p_seeds == pytest.approx(expected)


def test_one_seed_has_no_p_over_seeds_and_no_verdict():
    gain = compare(*arms(np.random.default_rng(16), seeds=(1, 1), shift=0.5))
    assert gain.p_value < 0.001 < gain.ci95[0]
    assert gain.p_seeds is None
    assert verdict(gain) == "one_seed"


def test_arms_that_are_solved_are_judged_by_the_examples_alone():
    student, baseline = arms(np.random.default_rng(16), n=2000, seeds=(1, 1), shift=0.5)
    apart, mirrored, equal = (compare(*pair) for pair in [(student, baseline), (baseline, student), (student, student)])
    verdicts = [verdict(gain, solved=True) for gain in (apart, mirrored, equal)]
    assert verdicts == ["helps", "hurts", "no_difference"]


def test_networks_in_which_the_seed_changes_nothing_are_judged_by_the_examples():
    student, baseline = arms(np.random.default_rng(17), n=2000, seeds=(1, 1), shift=0.4)
    apart, equal = compare(student.repeat(3, 0), baseline.repeat(3, 0)), compare(*[baseline.repeat(3, 0)] * 2)
    assert (apart.p_seeds, verdict(apart)) == (None, "helps")
    assert (equal.p_seeds, verdict(equal)) == (None, "no_difference")


def test_an_arm_that_no_seed_changes_adds_no_spread_to_the_interval():
    """Beside one that seeds do change; as if the one network were compared with all of those."""
    student, baseline = arms(np.random.default_rng(18), n=500, seeds=(1, 3), seed_sd=0.2, shift=0.4)
    gain, once = compare(student.repeat(3, 0), baseline), difference(parts(student), parts(baseline), ACCURACY)
    assert gain.mean == pytest.approx(once.mean)
    assert gain.ci95 == pytest.approx(once.ci95, abs=0.004)
    narrow = compare(student.repeat(3, 0), baseline[:1].repeat(3, 0)).ci95
    assert gain.ci95[1] - gain.ci95[0] > 1.2 * (narrow[1] - narrow[0])
    expected = ttest_1samp(baseline.mean(axis=1), student.mean()).pvalue
    assert 0.001 < expected < 1
    assert gain.p_seeds == pytest.approx(expected)


def test_of_seeds_without_spread_hardly_any_example_makes_no_verdict():
    student = np.zeros((3, 120), dtype=bool)
    baseline = student.copy()
    student[:, 0] = True  # every seed gains, by one example
    gain = compare(student, baseline)
    assert (gain.p_value, gain.p_seeds, gain.ci95[0]) == (1, None, 0)
    assert verdict(gain) == "no_difference"


def test_one_arm_without_spread_is_tested_against_the_other():
    student, baseline = np.zeros((3, 10), dtype=bool), np.zeros((3, 10), dtype=bool)
    student[:, :8] = True
    baseline[[0, 0, 0, 1, 1, 2], [0, 1, 2, 0, 1, 0]] = True  # 3, 2 and 1 right
    # t = (8 - 2) / sqrt(1 / 3) with two degrees of freedom
    t = 6 * math.sqrt(3)
    assert compare(student, baseline).p_seeds == pytest.approx(1 - t / math.sqrt(t**2 + 2))


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_of_accuracy_the_swap_test_is_a_sign_flip(seeds):
    rng = np.random.default_rng(seeds)
    student, baseline = rng.random((seeds, 14)) < 0.8, rng.random((seeds, 14)) < 0.4
    d = student.mean(axis=0) - baseline.mean(axis=0)
    sums = [abs(np.dot(signs, d)) for signs in itertools.product((-1, 1), repeat=len(d))]
    exact = np.mean([one >= abs(d.sum()) - 1e-12 for one in sums])
    assert 0 < exact < 1
    assert swap_test(parts(student), parts(baseline), 100_000) == pytest.approx(exact, abs=0.006)


def test_of_macro_f1_the_swap_test_equals_enumeration():
    """Every set of swaps, with F1 counted class by class."""
    rng = np.random.default_rng(3)
    labels = np.array([0, 0, 0, 1, 1, 2, 2])
    student, baseline = (np.where(rng.random((2, 7)) < hit, labels, rng.integers(4, size=(2, 7))) for hit in (0.8, 0.5))

    def f1(row):
        right = [sum((row == each) & (labels == each)) for each in range(3)]
        return np.mean([2 * tp / (sum(row == each) + sum(labels == each)) for each, tp in enumerate(right)])

    def statistic(one, other):
        return np.mean([f1(row) for row in one]) - np.mean([f1(row) for row in other])

    assert f1(student[0]) == pytest.approx(
        f1_score(labels, student[0], labels=[0, 1, 2], average="macro", zero_division=0)
    )
    found, observed = [], abs(statistic(student, baseline))
    for swaps in itertools.product((False, True), repeat=7):
        one, other = np.where(swaps, baseline, student), np.where(swaps, student, baseline)
        found.append(abs(statistic(one, other)))
    exact = np.mean(np.array(found) >= observed - 1e-9)
    assert 0.01 < exact < 0.9
    ours = swap_test(f1_parts(labels, student), f1_parts(labels, baseline), 100_000, F1_MACRO)
    assert ours == pytest.approx(exact, abs=0.006)


def test_swaps_drawn_by_pattern_equal_swaps_drawn_by_example(monkeypatch):
    labels, student, baseline = decisions(np.random.default_rng(18))
    pair = f1_parts(labels, student), f1_parts(labels, baseline)
    by_pattern = swap_test(*pair, 50_000, F1_MACRO)
    assert 0.05 < by_pattern < 0.95
    for few, often in ((0, 10**9), (0, 4)):  # every example alone; some patterns so, some not
        monkeypatch.setattr("limbeck.evaluation.significance._FEW", few)
        monkeypatch.setattr("limbeck.evaluation.significance._OFTEN", often)
        assert swap_test(*pair, 50_000, F1_MACRO) == pytest.approx(by_pattern, abs=0.01)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.2])
def test_the_swap_test_equals_flipping_every_example(shift):
    rng = np.random.default_rng(1)
    student, baseline = arms(rng, n=400, shift=shift)
    d = student.mean(axis=0) - baseline.mean(axis=0)
    flips = 20_000
    signs = rng.integers(0, 2, size=(flips, len(d)), dtype=np.int8) * 2 - 1
    count = np.sum(np.abs(signs @ d) >= abs(d.sum()) - 1e-9)
    naive = (count + 1) / (flips + 1)
    assert swap_test(parts(student), parts(baseline), 100_000) == pytest.approx(naive, abs=4 * math.sqrt(naive / flips))


@pytest.mark.parametrize("seeds", [(1, 1), (3, 3), (3, 1)])
def test_bootstrap_equals_drawing_every_example(seeds):
    rng = np.random.default_rng(2)
    student, baseline = arms(rng, n=150, seeds=seeds, seed_sd=0.2)
    naive = []
    for _ in range(8_000):
        rows = rng.integers(150, size=150)
        means = []
        for arm in (student, baseline):
            picked = rng.integers(len(arm), size=max(len(arm) - 1, 1))
            means.append(arm[picked][:, rows].mean())
        naive.append(means[0] - means[1])
    ours = bootstrap(parts(student), parts(baseline), 20_000)
    spread = np.std(naive)
    assert ours.mean() == pytest.approx(np.mean(naive), abs=0.06 * spread)
    assert ours.std() == pytest.approx(spread, rel=0.04)
    for q in (0.025, 0.25, 0.75, 0.975):
        assert np.quantile(ours, q) == pytest.approx(np.quantile(naive, q), abs=0.12 * spread)


def test_the_variance_between_seeds_is_unbiased():
    # Networks that are right on everything or on nothing: all variance is between seeds.
    student, baseline = np.repeat([[1], [0], [0]], 50, axis=1), np.ones((1, 50), dtype=np.int64)
    unbiased = np.var([1, 0, 0], ddof=1) / 3
    assert bootstrap(parts(student), parts(baseline), 20_000).var() == pytest.approx(unbiased, rel=0.03)


def test_the_interval_is_the_95_percent_one():
    student, baseline = arms(np.random.default_rng(14), n=2000, seeds=(1, 1))
    error = (student.astype(float) - baseline).std() / math.sqrt(2000)
    low, high = compare(student, baseline).ci95
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_chunks_do_not_change_what_is_drawn(monkeypatch):
    student, baseline = map(parts, arms(np.random.default_rng(3), n=300))
    whole = bootstrap(student, baseline, 500)
    monkeypatch.setattr("limbeck.evaluation.significance._CELLS", 1000)
    np.testing.assert_array_equal(bootstrap(student, baseline, 500), whole)


def test_the_p_value_of_accuracy_stays_what_it_was():
    """To the bit: a published p-value does not move with the code."""
    student, baseline = arms(np.random.default_rng(1003), seed_sd=0.05, shift=0.1)
    assert compare(student, baseline).p_value == 0.07194928050719493


def test_equal_inputs_give_equal_numbers():
    student, baseline = arms(np.random.default_rng(4))
    assert compare(student, baseline) == compare(student, baseline)


def test_swapping_the_arms_mirrors_the_gain():
    student, baseline = arms(np.random.default_rng(5), shift=0.2)
    one, other = compare(student, baseline), compare(baseline, student)
    assert other.mean == pytest.approx(-one.mean)
    assert other.p_value == one.p_value
    assert other.p_seeds == pytest.approx(one.p_seeds)
    assert other.per_seed == pytest.approx([-x for x in one.per_seed])
    assert other.ci95 == pytest.approx((-one.ci95[1], -one.ci95[0]), abs=0.0025)


def test_no_p_value_is_below_one_in_the_draws_and_one():
    """(count + 1) / (draws + 1), as the arms at hand are one of the draws: never 0, and 1 if every draw is as far."""
    assert compare(np.ones((1, 60)), np.zeros((1, 60))).p_value == 1 / 100_001
    assert compare(np.array([[1, 1, 0]]), np.array([[0, 1, 0]])).p_value == 1


def test_draws_as_far_as_the_arms_at_hand_count_however_they_are_rounded():
    """Sums of F1 in another order differ in their last bit: p was 0.76, and all eight sets of swaps are as far."""
    labels = np.array([0, 2, 1])
    student, baseline = (np.array(arm) for arm in ([[1, 0, 1], [1, 2, 2]], [[0, 0, 2], [1, 1, 0]]))
    found = swap_test(f1_parts(labels, student), f1_parts(labels, baseline), 500, F1_MACRO)
    assert found == 1


def test_equal_arms_differ_in_nothing():
    student, _ = arms(np.random.default_rng(6))
    gain = compare(student, student)
    assert (gain.mean, gain.p_value, gain.p_seeds, gain.per_seed) == (0, 1, 1, [0, 0, 0])
    assert verdict(gain) == "no_difference"


@pytest.mark.parametrize("copies", [2, 10])
def test_seeds_are_never_pooled_as_examples(copies):
    student, baseline = arms(np.random.default_rng(7), n=500, seeds=(1, 1), shift=0.4)
    once, copied = compare(student, baseline), compare(student.repeat(copies, 0), baseline.repeat(copies, 0))
    assert 0.001 < once.p_value < 0.2
    assert copied.p_value == once.p_value
    assert np.diff(copied.ci95) == pytest.approx(np.diff(once.ci95), rel=0.05)


def test_macro_f1_is_compared_as_it_is_reported():
    labels, student, baseline = decisions(np.random.default_rng(19))
    student[0][labels == 1] = 3  # a class that the labels do not show
    gain = compare_parts(f1_parts(labels, student), f1_parts(labels, baseline), F1_MACRO, _swaps=1000, _resamples=1000)
    by_seed = [
        [f1_score(labels, row, labels=[0, 1, 2], average="macro", zero_division=0) for row in arm]
        for arm in (student, baseline)
    ]
    assert gain.metric == "f1_macro"
    assert gain.per_seed == pytest.approx(np.subtract(*by_seed))
    assert gain.mean == pytest.approx(np.mean(by_seed[0]) - np.mean(by_seed[1]))
    assert gain.p_seeds == pytest.approx(ttest_ind(*by_seed, equal_var=False).pvalue)
    assert gain.ci95[0] < gain.mean < gain.ci95[1]


def test_of_macro_f1_the_bootstrap_equals_drawing_every_example():
    rng = np.random.default_rng(20)
    labels, student, baseline = decisions(rng, n=120)
    naive = []
    for _ in range(3_000):
        rows = rng.integers(120, size=120)
        means = []
        for arm in (student, baseline):
            picked = rng.integers(3, size=2)
            sums = f1_parts(labels, arm[picked])[:, rows].sum(axis=1, dtype=int)
            means.append(F1_MACRO.of(sums).mean())
        naive.append(means[0] - means[1])
    ours = bootstrap(f1_parts(labels, student), f1_parts(labels, baseline), 10_000, F1_MACRO)
    assert ours.mean() == pytest.approx(np.mean(naive), abs=0.1 * np.std(naive))
    assert ours.std() == pytest.approx(np.std(naive), rel=0.05)


def test_a_model_of_one_training_is_compared_with_one_of_many():
    student, teacher = arms(np.random.default_rng(8), seeds=(3, 1), shift=0.3)
    found = difference(parts(student), parts(teacher), ACCURACY)
    assert found.mean == pytest.approx(student.mean() - teacher.mean())
    assert found.ci95[0] < found.mean < found.ci95[1]


@pytest.mark.parametrize("metric", JUDGING.values(), ids=JUDGING)
def test_a_metric_is_the_formula_of_its_sums(metric):
    labels, student, _ = decisions(np.random.default_rng(21))
    sheets = [{"labels": labels, "decided": one} for one in student]
    stacked = np.stack([metric.parts(sheet).sum(axis=0, dtype=int) for sheet in sheets])
    assert metric.of(stacked) == pytest.approx([metric(sheet) for sheet in sheets])


def test_a_big_test_split_is_compared_quickly_enough_to_run_here():
    student, baseline = arms(np.random.default_rng(9), n=25_000)
    gain = compare(student, baseline)
    assert abs(gain.mean) < 0.01


UP, DOWN, MIXED = [0.01, 0.02], [-0.01, -0.02], [0.03, -0.01]


@pytest.mark.parametrize(
    ("ci95", "p", "per_seed", "expected"),
    [
        ((0.001, 0.03), 0.049, UP, "helps"),
        ((0.001, 0.03), 0.05, UP, "no_difference"),
        ((0.0, 0.03), 0.001, UP, "no_difference"),
        ((-0.001, 0.03), 0.001, UP, "no_difference"),
        ((0.001, 0.03), 0.001, MIXED, "no_difference"),
        ((0.001, 0.03), 0.001, [0.02, 0.0], "no_difference"),
        ((-0.03, -0.001), 0.049, DOWN, "hurts"),
        ((-0.03, -0.001), 0.05, DOWN, "no_difference"),
        ((-0.03, 0.0), 0.001, DOWN, "no_difference"),
        ((-0.03, -0.001), 0.001, MIXED, "no_difference"),
        ((-0.03, -0.001), 0.001, [-0.02, 0.0], "no_difference"),
    ],
)
def test_the_verdict_table(ci95, p, per_seed, expected):
    mean = float(np.mean(ci95))
    gain = Gain(metric="accuracy", mean=mean, ci95=ci95, p_value=p, p_seeds=0.01, per_seed=per_seed)
    assert verdict(gain) == expected
    assert verdict(gain.model_copy(update={"p_seeds": None, "per_seed": per_seed[:1]})) == "one_seed"


@pytest.mark.parametrize("p_seeds", [0.0, 0.049, 0.05, 1.0])
@pytest.mark.parametrize(("side", "expected"), [(1, "helps"), (-1, "hurts")])
def test_seeds_that_differ_too_much_are_no_difference(p_seeds, side, expected):
    low, high = sorted((0.001 * side, 0.03 * side))
    per_seed = [0.01 * side, 0.02 * side]
    gain = Gain(
        metric="accuracy", mean=0.015 * side, ci95=(low, high), p_value=0.001, p_seeds=p_seeds, per_seed=per_seed
    )
    assert verdict(gain) == (expected if p_seeds < 0.05 else "no_difference")


def test_no_baseline_no_verdict():
    assert verdict(None) == "no_baseline"


@pytest.mark.parametrize(("student", "baseline"), [((2, 3, 2), (2, 4, 2)), ((1, 3), (1, 3)), ((0, 3, 2), (0, 3, 2))])
def test_bad_input_is_refused(student, baseline):
    with pytest.raises(LimbeckError, match=r"two arms need parts of one form, \(seeds, examples, k\)"):
        compare_parts(np.ones(student), np.ones(baseline), ACCURACY)


@pytest.mark.parametrize("metric", JUDGING.values(), ids=JUDGING)
@pytest.mark.parametrize("copies", [1, 2, 5])
def test_examples_that_look_alike_are_no_further_evidence(metric, copies):
    """Five copies of a test file gave p = 0.002 where the file itself gives 0.5."""
    labels, student, baseline = decisions(np.random.default_rng(31), n=60)
    units = np.tile(np.arange(60), copies)

    def parts(decided):
        sheets = [{"labels": np.tile(labels, copies), "decided": np.tile(one, copies)} for one in decided]
        return by_unit(np.stack([metric.parts(sheet) for sheet in sheets]), units)

    found = compare_parts(parts(student), parts(baseline), metric, _swaps=2000, _resamples=500)
    once = compare_parts(
        *(np.stack([metric.parts({"labels": labels, "decided": one}) for one in arm]) for arm in (student, baseline)),
        metric, _swaps=2000, _resamples=500,
    )  # fmt: skip
    assert found.p_value == once.p_value
    assert found.ci95 == pytest.approx(once.ci95)
    assert found.p_seeds == pytest.approx(once.p_seeds)


def test_a_unit_is_the_sum_of_its_examples():
    parts = np.arange(12, dtype=np.int8).reshape(2, 3, 2)
    summed = by_unit(parts, np.array([0, 1, 0]))
    assert summed.tolist() == [[[4, 6], [2, 3]], [[16, 18], [8, 9]]]
    assert by_unit(parts, np.arange(3)) is parts


def test_a_unit_of_very_many_examples_does_not_overflow():
    right, wrong = (np.full((2, 80_001, 2), [value, 1], np.int8) for value in (1, 0))
    units = np.r_[0, np.ones(80_000, np.int64)]
    gain = compare_parts(by_unit(right, units), by_unit(wrong, units), ACCURACY, _swaps=200, _resamples=100)
    assert (gain.mean, gain.per_seed) == (1, [1, 1])
    assert gain.p_value > 0.3  # of two units
