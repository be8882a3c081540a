"""What every loss refuses before it computes anything: TypeError for dtypes, ValueError for shapes and ranges.

Ranges of labels are not checked on a GPU: to read one value there waits for all that it still has to do. Whoever trains
has checked them where they were read.
"""

import math
from collections.abc import Sequence
from numbers import Real

import torch
from torch import Tensor

from limbeck.logits import Factored


def check_logits(**logits: Tensor) -> None:
    """Refuse logits that are not floating, have fewer than two classes, or differ in shape from one another."""
    _check_alike("logits", "2 classes", logits, least=2, advice="they must be equal")


def check_outputs(**outputs: Tensor) -> None:
    """Refuse outputs that are not floating, have no last axis, or differ in shape from one another."""
    _check_alike("outputs", "1", outputs, least=1, advice="they must be equal")


def check_features(**features: Tensor) -> None:
    """Refuse activations that are not floating, have no last axis, or differ in shape from one another."""
    _check_alike("features", "1", features, least=1, advice="they must be equal: project the student's")


def check_rows(**outputs: Tensor) -> None:
    """Refuse outputs that are not floating, have no last axis, or are of other rows than one another."""
    _check_axes("outputs", "1", outputs, least=1)
    _check_shapes(
        "outputs", outputs, {values.shape[:-1] for values in outputs.values()}, "all axes but the last must be equal"
    )


def check_tensor(name: str, given: object) -> None:
    """Refuse what is no tensor: an array, a list, or logits of another form."""
    if isinstance(given, Tensor):
        return
    advice = (
        "; its `dense` is one, and for large vocabularies there is limbeck.losses.chunked"
        if isinstance(given, Factored)
        else ""
    )
    raise TypeError(f"{name} must be a torch.Tensor, not {type(given).__name__}{advice}")


def _check_alike(what: str, axis: str, given: dict[str, Tensor], *, least: int, advice: str) -> None:
    _check_axes(what, axis, given, least=least)
    _check_shapes(what, given, {values.shape for values in given.values()}, advice)


def _check_axes(what: str, axis: str, given: dict[str, Tensor], *, least: int) -> None:
    for name, values in given.items():
        check_tensor(f"{name} {what}", values)
        if not values.is_floating_point():
            raise TypeError(f"{name} {what} must be floating point, not {values.dtype}")
        if values.ndim == 0 or values.shape[-1] < least:
            raise ValueError(f"{name} {what} of shape {tuple(values.shape)} need a last axis of at least {axis}")


def _check_shapes(what: str, given: dict[str, Tensor], found: set[torch.Size], advice: str) -> None:
    if len(found) > 1:
        shapes = " but ".join(f"{name} {what} have shape {tuple(values.shape)}" for name, values in given.items())
        raise ValueError(f"{shapes}; {advice}")


def check_mask(mask: Tensor | None, logits: Tensor) -> None:
    """Refuse a mask that is not bool or does not have one value a prediction."""
    if mask is None:
        return
    check_tensor("mask", mask)
    if mask.dtype != torch.bool:
        raise TypeError(f"mask must be bool, True where a prediction counts, not {mask.dtype}")
    _check_one_a_prediction("mask", mask, logits)


def check_labels(labels: Tensor, logits: Tensor, mask: Tensor | None) -> None:
    """Refuse labels that are not integers, one a prediction, in [0, classes) wherever the mask is True."""
    check_tensor("labels", labels)
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"labels must be integers, not {labels.dtype}")
    _check_one_a_prediction("labels", labels, logits)
    classes = logits.shape[-1]
    if labels.is_cuda:
        return
    wide = labels.long()  # in its own dtype the number of classes may be too large
    wrong = (wide < 0) | (wide >= classes)
    if mask is not None:
        wrong &= mask
    if wrong.any():
        raise ValueError(f"labels must be in [0, {classes}), but one is {wide[wrong][0].item()}")


def check_sets(labels: Tensor, outputs: Tensor, mask: Tensor | None) -> None:
    """Refuse labels that are not 0 or 1, one an output, wherever the mask is True."""
    _check_one_an_output(labels, outputs)
    if labels.is_cuda:
        return
    wrong = _counted((labels != 0) & (labels != 1), mask)
    if wrong.any():
        raise ValueError(f"labels must be 0 or 1, but one is {labels[wrong][0].item():g}")


def check_values(labels: Tensor, outputs: Tensor, mask: Tensor | None) -> None:
    """Refuse labels that are not floating and finite, one an output, wherever the mask is True."""
    check_tensor("labels", labels)
    if not labels.is_floating_point():
        raise TypeError(f"labels must be floating point, not {labels.dtype}")
    _check_one_an_output(labels, outputs)
    if labels.is_cuda:
        return
    wrong = _counted(~labels.isfinite(), mask)
    if wrong.any():
        raise ValueError(f"labels must be finite, but one is {labels[wrong][0].item()}")


def _check_one_an_output(labels: Tensor, outputs: Tensor) -> None:
    check_tensor("labels", labels)
    if labels.shape != outputs.shape:
        raise ValueError(f"labels has shape {tuple(labels.shape)}, but there is one for each of {tuple(outputs.shape)}")


def _counted(wrong: Tensor, mask: Tensor | None) -> Tensor:
    return wrong if mask is None else wrong & mask.unsqueeze(-1)


def check_positive(**values: float) -> None:
    """Refuse parameters that are not finite and greater than 0."""
    for name, value in values.items():
        check_number(name, value)
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be finite and greater than 0, not {value}")


def check_number(name: str, value: float) -> None:
    """Refuse a parameter that is no number; a tensor is none, as no gradient reaches it."""
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")


def check_every_positive(**several: Sequence[float]) -> None:
    """Refuse parameters of several values that have none, or one that is not finite and greater than 0."""
    for name, values in several.items():
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise TypeError(f"{name} must be a list of numbers, not {type(values).__name__}")
        if not values:
            raise ValueError(f"{name} must be one or more, and there is none")
        for value in values:
            check_positive(**{name: value})


def check_not_negative(**values: float) -> None:
    """Refuse parameters that are not finite and at least 0."""
    for name, value in values.items():
        check_number(name, value)
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be finite and at least 0, not {value}")


def check_inside(**values: float) -> None:
    """Refuse parameters that are not greater than 0 and less than 1."""
    for name, value in values.items():
        check_number(name, value)
        if not 0 < value < 1:
            raise ValueError(f"{name} must be greater than 0 and less than 1, not {value}")


def check_share(**values: float) -> None:
    """Refuse parameters that are not in [0, 1]."""
    for name, value in values.items():
        check_number(name, value)
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be in [0, 1], not {value}")


def check_reaches(teacher: Tensor, mask: Tensor | None, name: str) -> None:
    """Refuse a teacher that rules a class out by -inf, wherever the mask is True: it would cost infinitely."""
    if teacher.is_cuda:
        return
    if _counted(teacher == -math.inf, mask).any():
        raise ValueError(
            f"{name} needs finite teacher logits, but one is -inf: any share of that class costs infinitely"
        )


def check_predictions(mask: Tensor | None, **logits: Tensor) -> None:
    """Refuse logits as `check_logits` does, but for their last axes, which may differ: each over classes of its own."""
    for name, values in logits.items():
        check_logits(**{name: values})
        check_mask(mask, values)
    shapes = {name: tuple(values.shape) for name, values in logits.items()}
    if len({shape[:-1] for shape in shapes.values()}) > 1:
        said = " but ".join(f"{name} logits have shape {shape}" for name, shape in shapes.items())
        raise ValueError(f"{said}; all but the last axis must be equal")


def _check_one_a_prediction(name: str, values: Tensor, predictions: Tensor) -> None:
    if values.shape != predictions.shape[:-1]:
        raise ValueError(
            f"{name} has shape {tuple(values.shape)}, but there is one prediction for each of "
            f"{tuple(predictions.shape[:-1])}"
        )
