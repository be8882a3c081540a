"""The catalogue of losses: each is a function on tensors, with a composable twin.

    kd(student, teacher, temperature=4)                      # one value a prediction
    chunked(kd)(factored, teacher, temperature=4)            # the same over a large vocabulary
    0.9 * KD(temperature=4) + 0.1 * CrossEntropy()           # an objective
    [{name: kd, weight: 0.9, temperature: 4}, ...]           # the same, in a recipe

To add a method, write `losses/<name>.py` and `tests/references/<name>.py`, and name it here.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from limbeck.cards import Card
from limbeck.losses._entries import SoftTermSettings
from limbeck.losses.binary_cross_entropy import BinaryCrossEntropy, binary_cross_entropy
from limbeck.losses.binary_kd import BinaryKD, binary_kd
from limbeck.losses.cc import CC, cc
from limbeck.losses.chunked import chunked
from limbeck.losses.cross_entropy import CrossEntropy, cross_entropy
from limbeck.losses.dist_inter import DistInter, dist_inter
from limbeck.losses.dist_intra import DistIntra, dist_intra
from limbeck.losses.dkd import DKD, dkd
from limbeck.losses.embedding_mse import EmbeddingMSE, embedding_mse
from limbeck.losses.fitnet import Fitnet, fitnet
from limbeck.losses.hard_labels import HardLabels, hard_labels
from limbeck.losses.hidden_cosine import HiddenCosine, hidden_cosine
from limbeck.losses.huber import Huber, huber
from limbeck.losses.jsd import JSD, jsd
from limbeck.losses.kd import KD, kd
from limbeck.losses.logit_mse import LogitMSE, logit_mse
from limbeck.losses.margin_mse import MarginMSE, margin_mse
from limbeck.losses.mlkd_batch import MLKDBatch, mlkd_batch
from limbeck.losses.mlkd_class import MLKDClass, mlkd_class
from limbeck.losses.mlkd_instance import MLKDInstance, mlkd_instance
from limbeck.losses.nkd import NKD, nkd
from limbeck.losses.pkt import PKT, pkt
from limbeck.losses.ranking_kl import RankingKL, ranking_kl
from limbeck.losses.regression_kd import RegressionKD, regression_kd
from limbeck.losses.reverse_kl import ReverseKL, reverse_kl
from limbeck.losses.rkd_angle import RKDAngle, rkd_angle
from limbeck.losses.rkd_distance import RKDDistance, rkd_distance
from limbeck.losses.schedules import Cosine, Linear, Weight
from limbeck.losses.skew_kl import SkewKL, skew_kl
from limbeck.losses.sp import SP, sp
from limbeck.losses.squared_error import SquaredError, squared_error
from limbeck.losses.teacher_bounded import TeacherBounded, teacher_bounded
from limbeck.losses.term import Loss, Objective, Term, TermSettings, term
from limbeck.losses.tf_kd import TfKD, tf_kd
from limbeck.losses.total_variation import TotalVariation, total_variation
from limbeck.losses.ttm import TTM, ttm
from limbeck.losses.uld import ULD, uld
from limbeck.losses.wsld import WSLD, wsld
from limbeck.losses.wttm import WTTM, wttm
from limbeck.settings import union
from limbeck.types import Predicts

_EVERY = (
    KD, LogitMSE, HardLabels, Fitnet, CrossEntropy,
    DKD, NKD, WSLD, TTM, WTTM, DistInter, DistIntra, MLKDInstance, MLKDBatch, MLKDClass,
    ReverseKL, JSD, SkewKL, TotalVariation, ULD, TfKD,
    BinaryKD, BinaryCrossEntropy, RegressionKD, TeacherBounded, SquaredError, Huber,
    RKDDistance, RKDAngle, SP, CC, PKT, EmbeddingMSE, HiddenCosine, MarginMSE, RankingKL,
)  # fmt: skip
CATALOG: dict[str, Loss] = {loss.card.name: loss for loss in _EVERY}
"""Every loss by its name, in the order in which they are listed."""
PLAIN = 0.9 * KD(temperature=2.0) + 0.1 * CrossEntropy()
"""What a classifier learns from where nobody says otherwise: soft targets beside the labels."""

if TYPE_CHECKING:
    LossSettings = TermSettings
else:
    LossSettings = union({name: loss.settings for name, loss in CATALOG.items()}, on="name")
    """Any entry of a recipe's `losses`, told apart by `name`."""


def objective_from(losses: Iterable[LossSettings]) -> Objective:
    """Return the objective that a recipe's `losses` describe.

    Raises:
        ValueError: the list is empty.
    """
    return Objective.of((entry.weight, term_from(entry)) for entry in losses)


def term_from(entry: LossSettings) -> Term:
    """Return the term that an entry of a recipe's `losses` describes, without its weight."""
    found = CATALOG[entry.name](**entry.parameters)
    before = entry.transform if isinstance(entry, SoftTermSettings) else None
    return found if before is None else found.after(before)


def with_hard_labels(losses: Iterable[LossSettings]) -> list[LossSettings]:
    """Return a recipe's `losses` as they are for a student that is told the teacher's decisions and nothing more.

    The losses of the teacher's logits become one `hard_labels`, a loss of activations is left out, and a loss of labels
    alone stays. Its weight is that of `kd`, or of `hard_labels` itself, which is a cross-entropy too: beside labels the
    weight means the same. The weights of others are of another unit, as 3,000 of `sp` is; for them it is 1.
    """
    entries = [(entry, term_from(entry).needs) for entry in losses]
    heard = [entry for entry, needs in entries if "teacher" in needs and entry.counts]
    weights: list[Weight] = [entry.weight for entry in heard if entry.name in _CROSS_ENTROPIES] or [1.0]
    numbers = [weight for weight in weights if isinstance(weight, float)]
    ramps = [weight for weight in weights if not isinstance(weight, float)]  # they stay apart: their sum is no ramp
    added = [sum(numbers), *ramps] if numbers else ramps
    hard: list[LossSettings] = [HardLabels.settings(name=HardLabels.card.name, weight=each) for each in added]
    told: list[LossSettings] = []
    for entry, needs in entries:
        if entry in heard:
            told, hard = [*told, *hard], []
        elif not {"teacher", "taps"} & {*needs}:
            told.append(entry)
    return told


_CROSS_ENTROPIES = (KD.card.name, HardLabels.card.name)
"""Losses of the teacher's logits that are its cross-entropy with the student, but for a constant and T^2."""


def temperatures(losses: Iterable[LossSettings]) -> list[float]:
    """Return the temperatures at which losses compare with a teacher, each once."""
    compared = [entry.parameters for entry in losses if "teacher" in CATALOG[entry.name].card.needs]
    return list(dict.fromkeys(float(each["temperature"]) for each in compared if "temperature" in each))


def fitting(predicts: Predicts) -> list[str]:
    """Return the names of the losses that fit such outputs."""
    return [name for name, loss in CATALOG.items() if predicts in loss.card.fits]


__all__ = [
    "CATALOG",
    "CC",
    "DKD",
    "JSD",
    "KD",
    "NKD",
    "PKT",
    "SP",
    "TTM",
    "ULD",
    "WSLD",
    "WTTM",
    "BinaryCrossEntropy",
    "BinaryKD",
    "Card",
    "Cosine",
    "CrossEntropy",
    "DistInter",
    "DistIntra",
    "EmbeddingMSE",
    "Fitnet",
    "HardLabels",
    "HiddenCosine",
    "Huber",
    "Linear",
    "LogitMSE",
    "Loss",
    "LossSettings",
    "MLKDBatch",
    "MLKDClass",
    "MLKDInstance",
    "MarginMSE",
    "Objective",
    "RKDAngle",
    "RKDDistance",
    "RankingKL",
    "RegressionKD",
    "ReverseKL",
    "SkewKL",
    "SquaredError",
    "TeacherBounded",
    "Term",
    "TermSettings",
    "TfKD",
    "TotalVariation",
    "Weight",
    "binary_cross_entropy",
    "binary_kd",
    "cc",
    "chunked",
    "cross_entropy",
    "dist_inter",
    "dist_intra",
    "dkd",
    "embedding_mse",
    "fitnet",
    "fitting",
    "hard_labels",
    "hidden_cosine",
    "huber",
    "jsd",
    "kd",
    "logit_mse",
    "margin_mse",
    "mlkd_batch",
    "mlkd_class",
    "mlkd_instance",
    "nkd",
    "objective_from",
    "pkt",
    "ranking_kl",
    "regression_kd",
    "reverse_kl",
    "rkd_angle",
    "rkd_distance",
    "skew_kl",
    "sp",
    "squared_error",
    "teacher_bounded",
    "temperatures",
    "term",
    "term_from",
    "tf_kd",
    "total_variation",
    "ttm",
    "uld",
    "with_hard_labels",
    "wsld",
    "wttm",
]
