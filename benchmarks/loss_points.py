"""What losses.py compares: every loss that fits classification, each with three values of one parameter.

A loss stands beside `cross_entropy`, with the weights that its paper gives both, or 0.9 and 0.1 where it gives none, as
the recipes have kd. Its other settings are the published ones, which are the catalogue's defaults. One parameter is
varied: the one that its paper says to choose, else the temperature, else the weight. One of the three values is the
published one.

- Temperatures: half, published, twice; of `ctkd`, which begins at it: 2, half of the published one, published.
- Weights: a third, published, three times; of relations a tenth and ten times, as their weights were published for
  activations and here they compare outputs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Losses = list[dict[str, Any]]
"""Terms as `losses` of a recipe has them."""
Points = dict[str, Losses]
"""What is compared of one loss: by the name of a grid point, its terms."""

KD, LABELS = "kd", "labels"
"""The entry that all others are held against; the one without a teacher, which is no contestant."""
_MLKD = (2.0, 3.0, 4.0, 5.0, 6.0)
_RECIPES = (0.9, 0.1)
"""Weights of a loss and of the labels where no paper says them."""


def _beside(terms: Losses, labels: float) -> Losses:
    """Return terms with those of the labels."""
    return [*terms, {"name": "cross_entropy", "weight": labels}]


def _varied(name: str, key: str, values: Sequence[float], weights: tuple[float, float], **given: Any) -> Points:
    """Return the points of a loss of which one parameter takes these values."""
    weight, labels = weights
    return {
        f"{key}={value:g}": _beside([{"name": name, "weight": weight, **given, key: value}], labels) for value in values
    }


def _by_temperature(name: str, published: float = 2.0, weights: tuple[float, float] = _RECIPES, **given: Any) -> Points:
    return _varied(name, "temperature", _around(published, 2), weights, **given)


def _by_weight(name: str, published: float, labels: float, apart: float = 3, beside: Losses | None = None) -> Points:
    """Return the points of a loss of which the weight is varied, beside other terms that stay as they are."""
    return {
        f"weight={weight:g}": _beside([*(beside or []), {"name": name, "weight": weight}], labels)
        for weight in _around(published, apart)
    }


def _around(published: float, apart: float) -> list[float]:
    return [round(published * share, 6) for share in (1 / apart, 1, apart)]


def _levels(names: Sequence[str]) -> Points:
    """Return the points of the levels of MLKD: their five temperatures, halved and doubled too."""
    return {
        f"temperatures={share:g}x": _beside(
            [{"name": name, "weight": 0.9, "temperatures": [share * T for T in _MLKD]} for name in names], 0.1
        )
        for share in (0.5, 1, 2)
    }


def _dist(names: Sequence[str]) -> Points:
    """Return the points of the parts of DIST."""
    return {
        f"temperature={T:g}": _beside([{"name": name, "weight": 1.0, "temperature": T} for name in names], 1.0)
        for T in _around(1.0, 2)
    }


RELATIONS = {"rkd_distance": 25.0, "rkd_angle": 50.0, "sp": 3000.0, "cc": 1.0, "pkt": 30_000 / 64}
"""Losses of relations by published weight; `cc` has none, that of `pkt` is 30,000 / rows, of which a batch has 64."""
_PLAIN_KD: Losses = [{"name": KD, "weight": 0.9, "temperature": 2.0}]

ENTRIES: Mapping[str, Points] = {
    LABELS: {"-": [{"name": "cross_entropy", "weight": 1.0}]},
    KD: _by_temperature(KD),
    "logit_mse": _by_weight("logit_mse", 1.0, 0.1),
    "hard_labels": _by_weight("hard_labels", 3.0, 1.0),
    "dkd": _varied("dkd", "beta", (0.5, 2.0, 8.0), (1.0, 1.0)),
    "nkd": _by_temperature("nkd", 1.0, (1.0, 1.0)),
    "wsld": _by_temperature("wsld", 2.0, (2.5, 1.0)),
    "ttm": _by_temperature("ttm", 10.0, (45.0, 1.0)),
    "wttm": _by_temperature("wttm", 5.0, (4.0, 1.0)),
    "dist_inter": _dist(["dist_inter"]),
    "dist_intra": _dist(["dist_intra"]),
    "dist_inter + dist_intra": _dist(["dist_inter", "dist_intra"]),
    "mlkd_instance": _levels(["mlkd_instance"]),
    "mlkd_batch": _levels(["mlkd_batch"]),
    "mlkd_class": _levels(["mlkd_class"]),
    "mlkd_instance + mlkd_batch + mlkd_class": _levels(["mlkd_instance", "mlkd_batch", "mlkd_class"]),
    "reverse_kl": _by_temperature("reverse_kl", 1.0),
    "jsd": _varied("jsd", "beta", (0.1, 0.5, 0.9), _RECIPES),
    "skew_kl": _by_temperature("skew_kl", 1.0),
    "total_variation": _by_weight("total_variation", 1.0, 0.1),
    "uld": _by_temperature("uld", 1.0, (1.5, 1.0)),
    "tf_kd": _by_temperature("tf_kd", 20.0, (0.1, 0.9)),
    "kd after standardize": _by_temperature(KD, 2.0, (9.0, 1.0), transform="standardize"),
    **{
        f"kd after {transform}": _by_temperature(KD, transform=transform)
        for transform in ("probability_shift", "label_smoothing", "flsw", "cwsm")
    },
    "kd after ctkd": _varied(KD, "temperature", (2.0, 7.8, 15.6), _RECIPES, transform="ctkd"),
    **{name: _by_weight(name, weight, 1.0, 10) for name, weight in RELATIONS.items()},
    # Published beside kd and labels at 1 each; here these add up to 1.
    **{f"kd + {name}": _by_weight(name, weight / 2, 0.1, 10, _PLAIN_KD) for name, weight in RELATIONS.items()},
}
"""By what it is called in the tables; `labels` learns from them alone, and has nothing to choose."""

LEFT_OUT = {
    "fitnet": "compares activations, and these teachers give answers only",
    "hidden_cosine": "compares hidden states of tokens, and these teachers give answers only",
    "embedding_mse": "of outputs it is logit_mse with another weight",
}
"""Losses of the catalogue that fit classification and are not compared, and why."""
