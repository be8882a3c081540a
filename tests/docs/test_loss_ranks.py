"""How losses are ranked and judged: halves of the rows, variances of rows and of seeds, corrected p-values."""

import statistics
from typing import Any

import loss_ranks
import numpy as np
import pytest
import scipy.stats
from loss_points import KD


@pytest.mark.parametrize("rows", [10, 11, 3080])
def test_the_halves_are_all_rows_and_share_none(rows: int):
    ranks, judges = loss_ranks.halves(rows)
    assert sorted([*ranks, *judges]) == list(range(rows))
    assert len(ranks) == rows // 2
    for one, other in zip((ranks, judges), loss_ranks.halves(rows), strict=True):
        assert np.array_equal(one, other)


def test_holm_is_that_of_known_numbers():
    """As R's `p.adjust(p, "holm")` and `statsmodels.stats.multitest.multipletests(p, method="holm")` give them."""
    assert loss_ranks.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert loss_ranks.holm([0.5, 0.02, 0.9]) == pytest.approx([1.0, 0.06, 1.0])
    assert loss_ranks.holm([0.04]) == [0.04]
    assert loss_ranks.holm([]) == []


ROWS, SEEDS = 400, 5


def answers(*, better: float = 0.0, seed: int = 0) -> loss_ranks.Right:
    """Return what a loss has right: 0.7 of the rows in each seed, and a share of the others too."""
    rng = np.random.default_rng(seed)
    hard = np.random.default_rng(99).random(ROWS)  # the rows are as hard for all
    return (hard + 0.1 * rng.standard_normal((SEEDS, ROWS))) < 0.7 + better


def test_one_half_ranks_and_the_other_judges():
    right = {name: answers(seed=number) for number, name in enumerate((KD, "one", "two", "three"))}
    ranks, judges = loss_ranks.halves(ROWS)
    before = loss_ranks.judged({"set": right})["set"]

    def gap(found: dict[str, Any], name: str) -> float:
        return found["losses"][name]["kd"]["mean"]

    for rows, same in ((judges, "ranking"), (ranks, "losses")):
        changed = {name: one.copy() for name, one in right.items()}
        worst = [name for name in before["ranking"] if name != KD][-1]
        changed[worst][:, rows] = True
        after = loss_ranks.judged({"set": changed})["set"]
        assert (after["ranking"] == before["ranking"]) == (same == "ranking")
        assert (gap(after, worst) == gap(before, worst)) == (same == "losses")
    assert before["ranking"] == loss_ranks.ranked(right, ranks)


def test_a_difference_is_told_and_equal_ones_are_not():
    right = {KD: answers(seed=1), "better": answers(better=0.15, seed=2), "worse": answers(better=-0.15, seed=3)}
    right |= {f"equal {number}": answers(seed=10 + number) for number in range(8)}
    found = loss_ranks.judged({"set": right})["set"]
    assert found["ranking"][0] == "better"
    assert found["ranking"][-1] == "worse"
    told = {name: loss_ranks.told_apart(one["kd"]) for name, one in found["losses"].items()}
    assert told == {**dict.fromkeys(right, 0), "better": 1, "worse": -1}
    assert loss_ranks.told_apart(found["losses"]["equal 0"]["first"]) == -1
    assert found["losses"]["better"]["first"] is None
    assert found["losses"][KD] == {"accuracy": found["losses"][KD]["accuracy"], "kd": None, "first": None}
    assert found["losses"]["better"]["kd"]["mean"] == pytest.approx(0.15, abs=0.05)


def test_p_values_of_all_sets_are_corrected_together():
    """What is told among two losses may not be told among two of many, nor beside other sets."""
    pair = {KD: answers(seed=1), "other": answers(better=0.03, seed=2)}
    alone = loss_ranks.judged({"one": pair})["one"]["losses"]["other"]["kd"]
    beside = loss_ranks.judged({"one": pair, "two": pair})["one"]["losses"]["other"]["kd"]
    assert 0 < alone["p"] == beside["p"] < 0.25
    assert beside["holm"] > alone["holm"]


def test_seeds_that_differ_raise_a_doubt_that_rows_do_not():
    """Of two arms with the same mean in truth, one had one lucky seed, in which all rows are right."""
    one, other = answers(seed=1), answers(seed=2)
    one[0] = True
    ((found,), freedom) = loss_ranks.told([(one, other)])
    assert freedom == SEEDS - 1
    assert found["mean"] > 0.04
    assert found["p"] > 0.1


def test_a_difference_has_the_variance_of_its_seeds_and_of_its_rows():
    one, other = answers(seed=1), answers(better=0.05, seed=2)
    ((found,), freedom) = loss_ranks.told([(one, other)])
    by_seed = [(sum(a) - sum(b)) / ROWS for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    by_row = [(sum(a) - sum(b)) / SEEDS for a, b in zip(one.T.tolist(), other.T.tolist(), strict=True)]
    error = (statistics.variance(by_seed) / SEEDS + statistics.variance(by_row) / ROWS) ** 0.5
    mean = statistics.mean(by_seed)
    assert found["mean"] == pytest.approx(mean)
    assert found["error"] == pytest.approx(error)
    assert found["p"] == pytest.approx(2 * scipy.stats.t.cdf(-abs(mean) / error, freedom))
    assert found["ci95"] == pytest.approx([mean - 2.776445 * error, mean + 2.776445 * error])  # t of 4 degrees, 0.975


def test_what_both_losses_share_of_a_seed_is_no_doubt():
    """Where the first weights of a seed were bad for both, their difference is what it is in the others."""
    one, other = answers(seed=1), answers(better=0.2, seed=1)
    half = np.arange(ROWS) % 2 == 0
    bad = [np.concatenate([right[:1] & half, right[1:]]) for right in (one, other)]
    assert bad[0].mean(axis=1).std() > 0.1
    before, after = (loss_ranks.told([pair])[0][0] for pair in ((one, other), (bad[0], bad[1])))
    assert after["p"] < 0.05
    assert after["error"] < 3 * before["error"]


def test_variances_are_drawn_to_what_is_common_to_them():
    """Draws of a scaled inverse chi-squared distribution of 10 degrees of freedom and scale 2, each seen in 5 seeds."""
    rng = np.random.default_rng(0)
    true = 10 * 2 / rng.chisquare(10, 4000)
    found = true * rng.chisquare(4, 4000) / 4
    better, freedom = loss_ranks.moderated(found.tolist(), 4)
    assert freedom - 4 == pytest.approx(10, rel=0.2)
    assert better == pytest.approx((10 * 2 + 4 * found) / 14, rel=0.1)
    assert np.abs(np.log(better / true)).mean() < 0.7 * np.abs(np.log(found / true)).mean()


def test_variances_that_are_one_are_pooled_and_one_alone_stays():
    found = 3 * np.random.default_rng(1).chisquare(4, 60) / 4
    better, freedom = loss_ranks.moderated((0.2 * found + 0.8 * found.mean()).tolist(), 4)
    assert freedom > 1000
    assert np.ptp(better) == 0
    alone, freedom = loss_ranks.moderated([0.5], 4)
    assert (alone.tolist(), freedom) == ([0.5], 4)
