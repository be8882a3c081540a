"""Which losses can be told apart: ranked on half of the test rows, judged on the other half.

Who is best of many is best by luck too, on the rows that said so. So one half of the rows ranks the losses, and nothing
else; the other half says how far each is from `kd`, and from the first of the ranking. Both halves are asked of the
same networks, so the first keeps the luck of its seeds; `kd` was not chosen, and has none to keep.

A difference is the mean of those of the seeds, in each of which both losses began with the same weights and saw the
same rows in the same order. Its variance is of the rows and of the seeds: a few seeds say little about the second, so
that of each comparison is moderated by those of all others of the set (`moderated`). The test is Student's t. All
p-values, of both questions and all sets, are corrected together.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from loss_points import KD, LABELS
from numpy.typing import NDArray
from scipy.optimize import root_scalar
from scipy.special import polygamma, psi
from scipy.stats import t as student
from text_sets import unpacked

from limbeck.evaluation.significance import LEVEL

HALVES_SEED = 20_261
"""Of the draw of the two halves."""
Right = NDArray[np.bool_]
"""Which test rows were answered rightly, (seeds, rows)."""


def halves(rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of the rows that rank, and of those that judge; of an odd number one more judges."""
    order = np.random.default_rng(HALVES_SEED).permutation(rows)
    return np.sort(order[: rows // 2]), np.sort(order[rows // 2 :])


def ranked(right: Mapping[str, Right], rows: NDArray[np.int64]) -> list[str]:
    """Return the names by accuracy on some rows, the best first; equal ones as they come.

    Args:
        right: of each loss.
        rows: numbers of those that rank.
    """
    return sorted(right, key=lambda name: -right[name][:, rows].sum())


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that are corrected for their number, in the same order.

    Source:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    corrected, least = [0.0] * len(p_values), 0.0
    for place, number in enumerate(sorted(range(len(p_values)), key=lambda number: p_values[number])):
        least = max(least, min(1.0, (len(p_values) - place) * p_values[number]))
        corrected[number] = least
    return corrected


def moderated(variances: Sequence[float], freedom: int) -> tuple[NDArray[np.float64], float]:
    """Return variances that are drawn to what is common to all, and the degrees of freedom that they have then.

    Each variance is of a few seeds. Their true values are taken for draws of a scaled inverse chi-squared distribution,
    whose scale and degrees of freedom are fitted to the logarithms of what was found.

    Args:
        variances: of each comparison, above 0.
        freedom: degrees of freedom of each.

    Source:
        Smyth, Linear Models and Empirical Bayes Methods for Assessing Differential Expression in Microarray
        Experiments, Statistical Applications in Genetics and Molecular Biology 3, 2004, sections 4 and 6.2.
    """
    found = np.array(variances)
    if len(found) < 2:
        return found, float(freedom)
    logs = np.log(found) - psi(freedom / 2) + np.log(freedom / 2)
    beyond = logs.var(ddof=1) - polygamma(1, freedom / 2)
    if beyond <= polygamma(1, _MOST / 2):  # no more apart than equal ones would be found to be
        return np.full_like(found, np.exp(logs.mean())), float(_MOST)
    half = root_scalar(lambda half: polygamma(1, half) - beyond, bracket=(1e-6, _MOST / 2)).root
    common = 2 * float(half)
    scale = np.exp(logs.mean() + psi(common / 2) - np.log(common / 2))
    return (common * scale + freedom * found) / (common + freedom), common + freedom


_MOST = 1e4
"""Degrees of freedom from which on a t distribution is a normal one."""


def told(pairs: Sequence[tuple[Right, Right]]) -> tuple[list[dict[str, Any]], float]:
    """Return by how much the first loss of each pair is more accurate, and the degrees of freedom of that.

    Of each pair: `mean`, `ci95`, the p-value `p`, and the standard `error`.

    Args:
        pairs: answers of two losses each, for the same rows and seeds, all of a set.
    """
    by_seed = [one.mean(axis=1) - other.mean(axis=1) for one, other in pairs]
    seeds, rows = pairs[0][0].shape
    # Of seeds that agree to the row, half a row may still be hidden in each.
    of_seeds, freedom = moderated([max(each.var(ddof=1), (0.5 / rows) ** 2) for each in by_seed], seeds - 1)
    found = []
    for (one, other), each, of_seed in zip(pairs, by_seed, of_seeds, strict=True):
        by_row = one.mean(axis=0) - other.mean(axis=0)
        error = float(np.sqrt(of_seed / seeds + by_row.var(ddof=1) / rows))
        mean, wide = float(each.mean()), float(student.isf(LEVEL / 2, freedom)) * error
        p_value = float(2 * student.sf(abs(mean) / error, freedom))
        found.append({"mean": mean, "ci95": [mean - wide, mean + wide], "p": p_value, "error": error})
    return found, freedom


def judged(right: Mapping[str, Mapping[str, Right]]) -> dict[str, dict[str, Any]]:
    """Return of each set the ranking, and what tells each loss from `kd` and from the first.

    Args:
        right: by set and loss, those of one set on the same rows.

    Returns:
        By set: `ranking`, the names; `freedom`, see `told`; `losses`, of each the `accuracy` on the rows that `ranks`
        and that `judges`, and `kd` and `first`: see `told`, with `holm`, the corrected p-value. None where it is that
        one itself, and under `first` where either of the two is kd, as that comparison is the other one's `kd`.
    """
    found: dict[str, dict[str, Any]] = {}
    every: list[dict[str, Any]] = []
    for name, of_set in right.items():
        ranks, judges = halves(next(iter(of_set.values())).shape[1])
        order = ranked({loss: one for loss, one in of_set.items() if loss != LABELS}, ranks)
        losses: dict[str, dict[str, Any]] = {
            loss: {
                "accuracy": {part: float(one[:, rows].mean()) for part, rows in (("ranks", ranks), ("judges", judges))},
                "kd": None,
                "first": None,
            }
            for loss, one in of_set.items()
        }
        asked = [(loss, "kd", KD) for loss in of_set if loss != KD]
        asked += [(loss, "first", order[0]) for loss in of_set if KD not in (loss, order[0]) and loss != order[0]]
        differences, freedom = told([(of_set[loss][:, judges], of_set[other][:, judges]) for loss, _, other in asked])
        for (loss, title, _), difference in zip(asked, differences, strict=True):
            losses[loss][title] = difference
        every += differences
        found[name] = {"ranking": order, "losses": losses, "freedom": freedom}
    for difference, corrected in zip(every, holm([one["p"] for one in every]), strict=True):
        difference["holm"] = corrected
    return found


def told_apart(difference: Mapping[str, Any] | None) -> int:
    """Return 1 for a loss that is better, -1 for one that is worse, and 0 where that cannot be told.

    The corrected p-value is below 0.05 and the interval on one side of 0.
    """
    if difference is None or difference["holm"] >= LEVEL:
        return 0
    low, high = difference["ci95"]
    return int(low > 0) - int(high < 0)


# --- the page -------------------------------------------------------------------------------------------------------


def bits(result: Mapping[str, Any], name: str) -> dict[str, Right]:
    """Return which test rows each loss of a set has right, of the losses of which every seed is on record."""
    about, seeds = result["sets"][name], [str(seed) for seed in result["seeds"]]
    found = {}
    for loss in about["points"]:
        records = [result["records"].get(f"{name}/{loss}/{seed}") for seed in seeds]
        if None not in records:
            found[loss] = np.stack([unpacked(one["right"], about["rows"]["test"]) for one in records])
    return found


def as_table(result: Mapping[str, Any]) -> str | None:
    """Return the ranking of each set and what it says; None until every loss and seed was measured and judged."""
    if not (sets := result.get("judged")):
        return None
    said = [line for name in sets for line in (*_table(result, name), "", _in_words(result, name), "")]
    tests = sum(one[to] is not None for found in sets.values() for one in found["losses"].values() for to in _TO)
    hours = sum(one["cpu_seconds"] for one in result["records"].values()) / 3600
    return "\n".join(
        [
            *said,
            f"Accuracy in percent, means of {len(result['seeds'])} seeds; the loss is ranked by one half of the test "
            f"rows, the differences are of the other half, in points, with 95 % intervals over rows and seeds, each "
            f"alone. P is corrected for all {tests} comparisons (Holm). Chosen: the value that had the best likelihood "
            f"on validation, and in how many seeds; *at an end* of the three, another might be better. "
            f"{hours:.1f} processor hours (`{result['command']}`).",
        ]
    )


_TO = ("kd", "first")


def _table(result: Mapping[str, Any], name: str) -> list[str]:
    about, found = result["sets"][name], result["judged"][name]
    test = unpacked(about["teacher"], about["rows"]["test"])[None]
    ranks, judges = (100 * test[:, rows].mean() for rows in halves(test.shape[1]))
    lines = [
        f"**{about['title']}** ({about['steps']:,} steps)",
        "",
        "| | loss | ranked by | judged by | minus kd (95 % interval) | P | from kd | chosen |",
        "|---" * 8 + "|",
        f"| | *teacher* | {ranks:.1f} | {judges:.1f} | | | | |",
    ]
    for place, loss in enumerate([*found["ranking"], LABELS], start=1):
        one, labels = found["losses"][loss], loss == LABELS
        title = f"*{_title(loss, about)}*" if labels else f"{_title(loss, about)}"
        cells = ["" if labels else str(place), title, *(f"{100 * share:.1f}" for share in one["accuracy"].values())]
        cells += _difference(one["kd"])
        lines.append(f"| {' | '.join([*cells, _chosen(result, name, loss)])} |")
    return lines


def _title(loss: str, about: Mapping[str, Any]) -> str:
    """Return how a loss is called; with a mark where it sees labelled rows only, and not all are."""
    title = "labels, no teacher" if loss == LABELS else loss
    return f"{title} †" if loss in about["labelled_only"] and about["rows"]["unlabelled"] else title


def _difference(difference: Mapping[str, Any] | None) -> list[str]:
    if difference is None:
        return ["", "", ""]
    centre, low, high = (100 * one for one in (difference["mean"], *difference["ci95"]))
    verdict = {1: "better", -1: "worse", 0: "not told apart"}[told_apart(difference)]
    p = f"{difference['holm']:.2f}" if difference["holm"] >= 2 * LEVEL else f"{difference['holm']:.2g}"
    return [f"{centre:+.1f} ({low:+.1f} to {high:+.1f})", p, verdict]


def _chosen(result: Mapping[str, Any], name: str, loss: str) -> str:
    points = result["sets"][name]["points"][loss]
    if len(points) == 1:
        return ""
    taken = Counter(result["records"][f"{name}/{loss}/{seed}"]["chosen"] for seed in result["seeds"])
    parameter = points[0].partition("=")[0]
    counts = [f"{point.partition('=')[2]} ({taken[point]})" for point in points if taken[point]]
    end = ", *at an end*" if {*taken} in ({points[0]}, {points[-1]}) else ""
    return f"{parameter} {', '.join(counts)}{end}"


def _in_words(result: Mapping[str, Any], name: str) -> str:
    """Say which losses are better and worse than kd and the first, how many cannot be told, and what could be."""
    about, found = result["sets"][name], result["judged"][name]
    order, losses = found["ranking"], found["losses"]
    said = [_sides(KD, {loss: told_apart(losses[loss]["kd"]) for loss in order if loss != KD})]
    if (first := order[0]) != KD:
        of_kd = losses[first]["kd"]
        said.append(
            _sides(
                f"{first}, the first",
                {loss: -told_apart(of_kd) if loss == KD else told_apart(losses[loss]["first"]) for loss in order[1:]},
            )
        )
    labels = {1: "better than", -1: "worse than", 0: "not told apart from"}[told_apart(losses[LABELS]["kd"])]
    said.append(f"Labels without a teacher are {labels} kd.")
    said.append(f"For half of the losses, {100 * _tellable(result, name):.1f} points from kd would have been told.")
    if about["labelled_only"] and about["rows"]["unlabelled"]:
        said.append("† counts labelled rows only.")
    return " ".join(said)


def _sides(other: str, sides: Mapping[str, int]) -> str:
    """Say which losses are better and worse than another one, and how many are not told apart from it."""
    named = {words: [loss for loss, one in sides.items() if one == side] for words, side in _SIDES.items()}
    said = "; ".join(f"{words}: {', '.join(losses) or 'none'}" for words, losses in named.items())
    alike = sum(side == 0 for side in sides.values())
    return f"Beside {other}, {said}; not told apart from it: {'all others' if alike else 'none'} ({alike})."


_SIDES = {"better": 1, "worse": -1}


def _tellable(result: Mapping[str, Any], name: str) -> float:
    """Return the difference to kd that is the least to be told by Holm's first step, of the median loss."""
    every = [
        one[to]
        for found in result["judged"].values()
        for one in found["losses"].values()
        for to in _TO
        if one[to] is not None
    ]
    errors = [one["kd"]["error"] for one in result["judged"][name]["losses"].values() if one["kd"] is not None]
    return float(np.median(errors) * student.isf(LEVEL / 2 / len(every), result["judged"][name]["freedom"]))
