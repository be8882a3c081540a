"""What every loss refuses before it computes anything: TypeError for dtypes, ValueError for shapes and ranges."""

import math

import torch
from torch import Tensor


def check_logits(**logits: Tensor) -> None:
    """Refuse logits that are not floating, have fewer than two classes, or differ in shape from one another."""
    for name, values in logits.items():
        if not values.is_floating_point():
            raise TypeError(f"{name} logits must be floating point, not {values.dtype}")
        if values.ndim == 0 or values.shape[-1] < 2:
            raise ValueError(f"{name} logits of shape {tuple(values.shape)} need a last axis of at least 2 classes")
    if len({values.shape for values in logits.values()}) > 1:
        shapes = " but ".join(f"{name} logits have shape {tuple(values.shape)}" for name, values in logits.items())
        raise ValueError(f"{shapes}; they must be equal")


def check_features(**features: Tensor) -> None:
    """Refuse activations that are not floating, have no last axis, or differ in shape from one another."""
    for name, values in features.items():
        if not values.is_floating_point():
            raise TypeError(f"{name} features must be floating point, not {values.dtype}")
        if values.ndim == 0 or values.shape[-1] < 1:
            raise ValueError(f"{name} features of shape {tuple(values.shape)} need a last axis of at least 1")
    if len({values.shape for values in features.values()}) > 1:
        shapes = " but ".join(f"{name} features have shape {tuple(values.shape)}" for name, values in features.items())
        raise ValueError(f"{shapes}; they must be equal: project the student's")


def check_mask(mask: Tensor | None, logits: Tensor) -> None:
    """Refuse a mask that is not bool or does not have one value a prediction."""
    if mask is None:
        return
    if mask.dtype != torch.bool:
        raise TypeError(f"mask must be bool, True where a prediction counts, not {mask.dtype}")
    _check_one_a_prediction("mask", mask, logits)


def check_labels(labels: Tensor, logits: Tensor, mask: Tensor | None) -> None:
    """Refuse labels that are not integers, one a prediction, in [0, classes) wherever the mask is True."""
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"labels must be integers, not {labels.dtype}")
    _check_one_a_prediction("labels", labels, logits)
    classes = logits.shape[-1]
    wrong = (labels < 0) | (labels >= classes)
    if mask is not None:
        wrong &= mask
    if wrong.any():
        raise ValueError(f"labels must be in [0, {classes}), but one is {labels[wrong][0].item()}")


def check_positive(**values: float) -> None:
    """Refuse parameters that are not finite and greater than 0."""
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be finite and greater than 0, not {value}")


def _check_one_a_prediction(name: str, values: Tensor, predictions: Tensor) -> None:
    if values.shape != predictions.shape[:-1]:
        raise ValueError(
            f"{name} has shape {tuple(values.shape)}, but there is one prediction for each of "
            f"{tuple(predictions.shape[:-1])}"
        )
