"""Did it help? Metrics, fidelity, calibration, significance and cost, from logits and predictions to records."""

from limbeck.evaluation.abstention import confidences
from limbeck.evaluation.assignment import Assignment, best_assignment
from limbeck.evaluation.budget import first_reached
from limbeck.evaluation.calibration import (
    POOLS,
    Pool,
    calibrated_nll,
    fit_offsets,
    fit_temperature,
    follow,
    mean_weights,
    mixture_weights,
    product_weights,
)
from limbeck.evaluation.chance import against_chance, balanced
from limbeck.evaluation.classification import mean_scores, scores
from limbeck.evaluation.cost import Speed, measure, measure_all
from limbeck.evaluation.metrics import accuracy, agreement, class_scores, confusion, kl, nll, reliability
from limbeck.evaluation.significance import compare, difference, verdict

__all__ = [
    "POOLS",
    "Assignment",
    "Pool",
    "Speed",
    "accuracy",
    "against_chance",
    "agreement",
    "balanced",
    "best_assignment",
    "calibrated_nll",
    "class_scores",
    "compare",
    "confidences",
    "confusion",
    "difference",
    "first_reached",
    "fit_offsets",
    "fit_temperature",
    "follow",
    "kl",
    "mean_scores",
    "mean_weights",
    "measure",
    "measure_all",
    "mixture_weights",
    "nll",
    "product_weights",
    "reliability",
    "scores",
    "verdict",
]
