"""The catalogue of losses: each is a function on tensors, with a composable twin.

    kd(student, teacher, temperature=4)                      # one value a prediction
    chunked(kd)(factored, teacher, temperature=4)            # the same over a large vocabulary
    0.9 * KD(temperature=4) + 0.1 * CrossEntropy()           # an objective
    [{name: kd, weight: 0.9, temperature: 4}, ...]           # the same, in a recipe

To add a method, write `losses/<name>.py` and `tests/references/<name>.py`, and import it here. `X as X` says that a
name is for users of the package.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from limbeck.cards import Card as Card
from limbeck.losses._entries import SoftTermSettings
from limbeck.losses.binary_cross_entropy import (
    BinaryCrossEntropy as BinaryCrossEntropy,
    binary_cross_entropy as binary_cross_entropy,
)
from limbeck.losses.binary_kd import BinaryKD as BinaryKD, binary_kd as binary_kd
from limbeck.losses.cc import CC as CC, cc as cc
from limbeck.losses.chunked import chunked as chunked
from limbeck.losses.cross_entropy import CrossEntropy as CrossEntropy, cross_entropy as cross_entropy
from limbeck.losses.dist_inter import DistInter as DistInter, dist_inter as dist_inter
from limbeck.losses.dist_intra import DistIntra as DistIntra, dist_intra as dist_intra
from limbeck.losses.dkd import DKD as DKD, dkd as dkd
from limbeck.losses.embedding_mse import EmbeddingMSE as EmbeddingMSE, embedding_mse as embedding_mse
from limbeck.losses.fitnet import Fitnet as Fitnet, fitnet as fitnet
from limbeck.losses.hard_labels import HardLabels as HardLabels, hard_labels as hard_labels
from limbeck.losses.hidden_cosine import HiddenCosine as HiddenCosine, hidden_cosine as hidden_cosine
from limbeck.losses.huber import Huber as Huber, huber as huber
from limbeck.losses.jsd import JSD as JSD, jsd as jsd
from limbeck.losses.kd import KD as KD, kd as kd
from limbeck.losses.logit_mse import LogitMSE as LogitMSE, logit_mse as logit_mse
from limbeck.losses.margin_mse import MarginMSE as MarginMSE, margin_mse as margin_mse
from limbeck.losses.mlkd_batch import MLKDBatch as MLKDBatch, mlkd_batch as mlkd_batch
from limbeck.losses.mlkd_class import MLKDClass as MLKDClass, mlkd_class as mlkd_class
from limbeck.losses.mlkd_instance import MLKDInstance as MLKDInstance, mlkd_instance as mlkd_instance
from limbeck.losses.nkd import NKD as NKD, nkd as nkd
from limbeck.losses.pkt import PKT as PKT, pkt as pkt
from limbeck.losses.ranking_kl import RankingKL as RankingKL, ranking_kl as ranking_kl
from limbeck.losses.regression_kd import RegressionKD as RegressionKD, regression_kd as regression_kd
from limbeck.losses.reverse_kl import ReverseKL as ReverseKL, reverse_kl as reverse_kl
from limbeck.losses.rkd_angle import RKDAngle as RKDAngle, rkd_angle as rkd_angle
from limbeck.losses.rkd_distance import RKDDistance as RKDDistance, rkd_distance as rkd_distance
from limbeck.losses.schedules import Cosine as Cosine, Linear as Linear, Weight as Weight
from limbeck.losses.skew_kl import SkewKL as SkewKL, skew_kl as skew_kl
from limbeck.losses.sp import SP as SP, sp as sp
from limbeck.losses.squared_error import SquaredError as SquaredError, squared_error as squared_error
from limbeck.losses.teacher_bounded import TeacherBounded as TeacherBounded, teacher_bounded as teacher_bounded
from limbeck.losses.term import (
    Loss as Loss,
    Objective as Objective,
    Term as Term,
    TermSettings as TermSettings,
    term as term,
)
from limbeck.losses.tf_kd import TfKD as TfKD, tf_kd as tf_kd
from limbeck.losses.total_variation import TotalVariation as TotalVariation, total_variation as total_variation
from limbeck.losses.ttm import TTM as TTM, ttm as ttm
from limbeck.losses.uld import ULD as ULD, uld as uld
from limbeck.losses.wsld import WSLD as WSLD, wsld as wsld
from limbeck.losses.wttm import WTTM as WTTM, wttm as wttm
from limbeck.settings import union
from limbeck.types import Predicts

CATALOG: dict[str, Loss] = {each.card.name: each for each in tuple(globals().values()) if isinstance(each, Loss)}
"""Every loss that is imported above, by its name."""
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


def hears_teacher(losses: Iterable[LossSettings]) -> bool:
    """Return whether a loss that counts compares the student with its teacher."""
    return any({"teacher", "taps"} & {*term_from(entry).needs} for entry in losses if entry.counts)


def first_for(predicts: Predicts) -> str:
    """Return the name of the loss of a teacher's answers to begin with for such outputs."""
    answers = (name for name in fitting(predicts) if CATALOG[name].card.needs == ("teacher",))
    return min(answers, key=lambda name: (not CATALOG[name].card.first, name))


def fitting(predicts: Predicts) -> list[str]:
    """Return the names of the losses that fit such outputs."""
    return [name for name, loss in CATALOG.items() if predicts in loss.card.fits]
