"""Which losses can be told apart: ranked on half of the test rows, judged on the other half.

Who is best of many is best by luck too, on the rows that said so. So one half of the rows ranks the losses, and nothing
else; the other half says how far each is from `kd`, and from the first of the ranking. Both halves are asked
of the same networks: the luck of seeds is in both, which the test over seeds is for. P-values are those of the
package's own comparison of two arms (`limbeck.evaluation.significance`): the larger one of its test over rows and its
test over seeds, as its verdict asks for both. All of them, of both questions and all sets, are corrected together.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from loss_points import KD, LABELS
from numpy.typing import NDArray
from text_sets import unpacked

from limbeck.evaluation.classification import ACCURACY
from limbeck.evaluation.significance import LEVEL, compare

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


def apart(one: Right, other: Right) -> dict[str, Any]:
    """Return by how much one loss is more accurate than another, its 95 % interval, and the p-value; see above.

    Args:
        one: of the rows that judge.
        other: the same rows and seeds.
    """
    parts = [np.stack([right, np.ones_like(right)], axis=-1).astype(np.int8) for right in (one, other)]
    gain = compare(*parts, ACCURACY)
    p_values = [gain.p_value] if gain.p_seeds is None else [gain.p_value, gain.p_seeds]
    return {"mean": gain.mean, "ci95": list(gain.ci95), "p": max(p_values)}


def judged(right: Mapping[str, Mapping[str, Right]]) -> dict[str, dict[str, Any]]:
    """Return of each set the ranking, and what tells each loss from `kd` and from the first.

    Args:
        right: by set and loss, those of one set on the same rows.

    Returns:
        By set: `ranking`, the names; `losses`, of each the `accuracy` on the rows that `ranks` and that `judges`, and
        `kd` and `first`: see `apart`, with `holm`, the corrected p-value. None where it is that one itself, and under
        `first` where either of the two is kd, as that comparison is the other one's `kd`.
    """
    found: dict[str, dict[str, Any]] = {}
    every: list[dict[str, Any]] = []
    for name, of_set in right.items():
        ranks, judges = halves(next(iter(of_set.values())).shape[1])
        contestants = {loss: one for loss, one in of_set.items() if loss != LABELS}
        order = ranked(contestants, ranks)
        losses = {}
        for loss, one in of_set.items():
            against = {"kd": KD, "first": order[0]}
            told = {
                title: None if other == loss else apart(one[:, judges], of_set[other][:, judges])
                for title, other in against.items()
                if title == "kd" or KD not in (other, loss)
            }
            told.setdefault("first", None)
            every += [difference for difference in told.values() if difference is not None]
            accuracy = {title: float(one[:, rows].mean()) for title, rows in (("ranks", ranks), ("judges", judges))}
            losses[loss] = {"accuracy": accuracy, **told}
        found[name] = {"ranking": order, "losses": losses}
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
            f"rows, the differences are of the other half, in points, with 95 % intervals over rows and seeds. P is "
            f"corrected for all {tests} comparisons (Holm). Chosen: the value that had the best likelihood on "
            f"validation, and in how many seeds. {hours:.1f} processor hours (`{result['command']}`).",
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
    p = f"{difference['holm']:.2f}" if difference["holm"] >= LEVEL else f"{difference['holm']:.2g}"
    return [f"{centre:+.1f} ({low:+.1f} to {high:+.1f})", p, verdict]


def _chosen(result: Mapping[str, Any], name: str, loss: str) -> str:
    if len(result["sets"][name]["points"][loss]) == 1:
        return ""
    taken = Counter(result["records"][f"{name}/{loss}/{seed}"]["chosen"] for seed in result["seeds"])
    return ", ".join(f"{point} ({count})" for point, count in sorted(taken.items()))


def _in_words(result: Mapping[str, Any], name: str) -> str:
    """Say which losses are better and worse than kd, and which cannot be told from kd and from the first."""
    about, found = result["sets"][name], result["judged"][name]
    order = found["ranking"]
    from_kd = {loss: told_apart(found["losses"][loss]["kd"]) for loss in order if loss != KD}
    groups = {
        "Better than kd": [loss for loss, side in from_kd.items() if side > 0],
        "worse": [loss for loss, side in from_kd.items() if side < 0],
        "not told apart from kd": [loss for loss, side in from_kd.items() if side == 0],
    }
    said = "; ".join(f"{words}: {', '.join(losses) or 'none'}" for words, losses in groups.items())
    with_first = "" if order[0] == KD else f" {_of_the_first(found)}"
    mark = " † counts labelled rows only." if about["labelled_only"] and about["rows"]["unlabelled"] else ""
    return f"{said}.{with_first}{mark}"


def _of_the_first(found: Mapping[str, Any]) -> str:
    first, *others = found["ranking"]
    of_kd = found["losses"][first]["kd"]
    alike = [loss for loss in others if not told_apart(of_kd if loss == KD else found["losses"][loss]["first"])]
    return f"Not told apart from {first}, the first: {', '.join(alike) or 'none'}."
