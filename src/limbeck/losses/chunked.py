"""Losses over large vocabularies: the logits of some predictions at a time, of hidden states and an output matrix.

    student = Factored(hidden, head.weight, head.bias)
    value = chunked(kd)(student, teacher, temperature=2.0, mask=mask)       # what kd(student.dense, teacher) says

A loss of predictions is split = whole by contract, so what holds of `kd` holds of every other one.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from limbeck.errors import LimbeckError
from limbeck.logits import Factored, Logits, each_tensor
from limbeck.losses._checks import check_mask, check_tensor
from limbeck.losses._once import once
from limbeck.losses._relations import unrounded
from limbeck.losses.term import Loss, Objective, Term


def chunked(loss: Loss | Callable[..., Tensor], *, chunk: int = 128) -> Callable[..., Tensor]:
    """Return a loss that takes a `Factored` student and computes its logits for some predictions at a time.

    It is called as the loss itself, and gives the same values and gradients: `chunked(dkd)(student, teacher, labels,
    temperature=2.0, mask=mask)`. In memory are the logits, and what the loss makes of them, of one chunk; the gradients
    by hidden states, matrix and bias are computed beside the values, in the forward pass.

    Where each value counts alike in what is differentiated (their sum, or their mean over a count), nothing is computed
    again in the backward pass. Otherwise every chunk is, with the gradients of its values. To avoid that, give the
    factors of the values as `weights`. Values can be differentiated once, and by what is given as the student alone.

    Args:
        loss: a function of the catalogue that has one value a prediction and compares outputs, as `kd`; or what `term`
            has made of your own.
        chunk: >= 1, predictions at a time.

    Returns:
        A function of the loss's own arguments, and of one more:

        student: `Factored`, hidden (*batch, width), matrix (classes, width), bias (classes) or None, of any floating
            dtypes: the logits are computed in float32 at least, also under autocast.
        teacher: (*batch, classes) logits, or `Factored`, `TopK` or `Sampled` of the same predictions, if the loss's
            card says that it takes these. No gradient reaches it, and it must not change before the backward pass.
        labels: as the loss takes them.
        mask: (*batch) bool, True where a prediction counts; None means all do. The others are not computed.
        weights: (*batch) finite factors of the values, which need no gradient; None means 1.
        Others: the loss's own, as `temperature`.

        It returns (*batch) values in the loss's unit, times their weights; 0 where masked. It raises what the loss
        raises; TypeError where the student is not `Factored` or a dtype is not floating point; ValueError where shapes
        do not fit, or the weights need a gradient; LimbeckError where the loss does not take the teacher's form.

    Raises:
        TypeError: it is no loss of the catalogue.
        ValueError: the chunk is no whole number, or less than 1.
        LimbeckError: the loss compares the rows of a batch with one another, or activations.

    Source:
        Hsu et al. 2024, "Liger Kernel", arXiv:2410.10989, FusedLinearCrossEntropy: gradients in the forward pass of a
        mean. Here one value a prediction is returned, and whether all count alike is looked at in the backward pass.

    Example:
        >>> import torch
        >>> from limbeck.logits import Factored
        >>> from limbeck.losses import kd
        >>> head = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> student, teacher = Factored(torch.zeros(3, 2), head), Factored(torch.eye(3, 2), head)
        >>> chunked(kd, chunk=2)(student, teacher, temperature=1.0)
        tensor([0.0813, 0.0813, 0.0000])
    """
    if not isinstance(chunk, int) or isinstance(chunk, bool) or chunk < 1:
        raise ValueError(f"chunk must be a whole number of at least 1, not {chunk!r}")
    entry = _of_predictions(loss)
    signature = inspect.signature(entry.function)

    def of_factored(*others: Any, weights: Tensor | None = None, **keywords: Any) -> Tensor:
        try:
            given = dict(signature.bind(*others, **keywords).arguments)
        except TypeError as error:  # what it says has no name in it
            raise TypeError(f"chunked({entry.card.name}) {error}") from None
        student, mask = given.pop("student"), given.pop("mask", None)
        told: dict[str, Any] = {need: given.pop(need) for need in entry.card.needs}
        _require_fits(student, told, mask, weights)
        wide = {need: _widened(one) for need, one in told.items()}
        return _values(student, _Told(entry(**given), wide, _places(student, mask), chunk), weights)

    return of_factored


def _of_predictions(loss: Loss | Callable[..., Tensor]) -> Loss:
    """Return the catalogue's entry of a function, if it can be computed in chunks."""
    from limbeck.losses import CATALOG  # which imports this

    known = (each for each in CATALOG.values() if each.function is loss)
    if (entry := loss if isinstance(loss, Loss) else next(known, None)) is None:
        given = "; parameters go into its call: chunked(kd)(student, teacher, temperature=2.0)"
        raise TypeError(
            f"chunked takes a function of the catalogue, as kd, or what `term` has made, not {loss!r}"
            f"{given if isinstance(loss, Term | Objective) else ''}"
        )
    name, card = entry.card.name, entry.card
    if card.scope == "batch":
        raise LimbeckError(
            f"{name} compares the rows of a batch with one another, and a chunk holds some of them",
            where="losses",
            fix=f"call {name} with the logits (`student.dense`), or take a loss of predictions, as kd",
        )
    if "taps" in card.needs:
        raise LimbeckError(
            f"{name} compares activations, which no output matrix makes large",
            where="losses",
            fix=f"call {name} with the activations",
        )
    return entry


def _require_fits(student: Factored, told: Mapping[str, Logits], mask: Tensor | None, weights: Tensor | None) -> None:
    """Refuse what is of other predictions than the student's: the loss sees chunks, which do not tell."""
    if not isinstance(student, Factored):
        raise TypeError(
            f"student must be limbeck.logits.Factored, hidden states and a matrix, not {type(student).__name__}"
        )
    for name, given in {"student": student, **told}.items():
        if isinstance(given, Factored):
            _require_layer(name, given)
    check_mask(mask, student.hidden)
    predictions = student.shape[:-1]
    for name, given in {**told, **({} if weights is None else {"weights": weights})}.items():
        if not isinstance(given, Logits):
            check_tensor(name, given)
        found = tuple(given.shape)
        # The loss looks at an axis of classes itself.
        if found[: len(predictions)] != predictions or (name == "weights" and found != predictions):
            raise ValueError(f"{name} has shape {found}, but there is one prediction for each of {predictions}")
    if weights is not None and weights.requires_grad:
        raise ValueError("no gradient reaches the weights, and these need one: multiply the values by them")


def _widened(given: Logits) -> Logits:
    """Return what a loss is told, an output matrix in float32 at least: once, not once a chunk."""
    if not isinstance(given, Factored):
        return given
    wide = torch.promote_types(given.matrix.dtype, torch.float32)
    bias = None if given.bias is None else given.bias.detach().to(wide)
    return Factored(given.hidden.detach().to(wide), given.matrix.detach().to(wide), bias)


def _require_layer(name: str, given: Factored) -> None:
    """Refuse hidden states, a matrix and a bias that are not floating point, or make no logits."""
    parts = {"hidden": given.hidden, "matrix": given.matrix, "bias": given.bias}
    for part, tensor in parts.items():
        if tensor is not None and not tensor.is_floating_point():
            raise TypeError(f"{name} {part} must be floating point, not {tensor.dtype}")
    shapes = {part: tuple(tensor.shape) for part, tensor in parts.items() if tensor is not None}
    hidden, matrix = shapes["hidden"], shapes["matrix"]
    if len(matrix) != 2 or hidden[-1:] != matrix[1:] or shapes.get("bias", matrix[:1]) != matrix[:1]:
        said = ", ".join(f"{part} {shape}" for part, shape in shapes.items())
        raise ValueError(f"{name} has {said}; (*batch, width), (classes, width) and (classes,) make logits")


Needed = tuple[bool, ...]
"""Of which of hidden states, matrix and bias a gradient is asked for."""
Places = tuple[Tensor, ...]
"""Where the predictions that count stand, by axis, of tensors with a first axis of 1 before the batch's."""


def _places(student: Factored, mask: Tensor | None) -> Places:
    if mask is None:
        mask = torch.ones(student.shape[:-1], dtype=torch.bool, device=student.hidden.device)
    return mask.unsqueeze(0).nonzero(as_tuple=True)


@dataclass(frozen=True)
class _Told:
    """What is computed of the student's logits: the loss, and what else it is told of the predictions that count."""

    term: Term
    others: Mapping[str, Logits]
    places: Places
    chunk: int

    def __call__(self, logits: Tensor, rows: slice) -> Tensor:
        """Return the values of some of the predictions that count, (rows,), of their logits (rows, classes)."""
        places = tuple(axis[rows] for axis in self.places)
        with torch.no_grad():
            given = {
                need: each_tensor(one, lambda part: part.unsqueeze(0)[places]) for need, one in self.others.items()
            }
            if isinstance(told := given.get("teacher"), Factored):
                given["teacher"] = told.dense
        function = self.term.function
        if "teacher" in given:
            function, logits, given["teacher"] = self.term.compared(logits, given["teacher"])
        return function(logits, *given.values(), mask=None, **self.term.parameters)


def _values(student: Factored, told: _Told, weights: Tensor | None) -> Tensor:
    """Return the value of every prediction, (*batch)."""
    hidden, matrix, bias = student.hidden.unsqueeze(0)[told.places], student.matrix, student.bias
    wide = torch.promote_types(torch.promote_types(hidden.dtype, matrix.dtype), torch.float32)
    layer = [None if part is None else part.to(wide) for part in (hidden, matrix, bias)]
    factors = hidden.new_ones(len(hidden)) if weights is None else weights.unsqueeze(0)[told.places]
    needed = tuple(torch.is_grad_enabled() and part is not None and part.requires_grad for part in layer)
    values = _Chunked.apply(*layer, factors.to(wide), told, needed)
    return values.new_zeros((1, *student.shape[:-1])).index_put(told.places, values)[0]


class _Chunked(torch.autograd.Function):
    """The values, and for the way back the gradients of their sum: of values that count alike they are a multiple."""

    @staticmethod
    def forward(  # pyrefly: ignore[bad-override]
        ctx: Any, hidden: Tensor, matrix: Tensor, bias: Tensor | None, factors: Tensor, told: _Told, needed: Needed
    ) -> Tensor:
        """Return the values times their factors, (predictions,)."""
        values, gradients = _walked(Factored(hidden, matrix, bias), factors, told, needed)
        ctx.told, ctx.needed = told, needed
        ctx.save_for_backward(values, hidden, matrix, bias, factors, *gradients)
        return values

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # pyrefly: ignore[bad-override]
        """Return the gradients by hidden states, matrix and bias."""
        values, hidden, matrix, bias, factors, *gradients = ctx.saved_tensors
        with torch.no_grad():
            scale = upstream[0] if len(upstream) else upstream.sum()
            if not (upstream == scale).all():  # no number either: NaN
                layer, scale = Factored(hidden, matrix, bias), torch.ones_like(scale)
                _, gradients = _walked(layer, factors * upstream, ctx.told, ctx.needed)
            found = [None if each is None else each * scale for each in gradients]
        return *(None if each is None else once(each, values) for each in found), None, None, None


def _walked(layer: Factored, factors: Tensor, told: _Told, needed: Needed) -> tuple[Tensor, list[Tensor | None]]:
    """Return the values times their factors, and of these products' sum the gradients that are needed."""
    parts = (layer.hidden, layer.matrix, layer.bias)
    sums = [
        torch.zeros_like(part) if part is not None and need else None for part, need in zip(parts, needed, strict=True)
    ]
    values = torch.zeros_like(factors)
    # One chunk at least, so that a loss without predictions refuses what it always refuses.
    for first in range(0, max(1, len(factors)), told.chunk):
        rows = slice(first, first + told.chunk)
        with unrounded(factors):
            values[rows] = _stepped(layer, factors[rows], told, rows, sums)
    return values, sums


def _stepped(layer: Factored, factors: Tensor, told: _Told, rows: slice, sums: Sequence[Tensor | None]) -> Tensor:
    """Return the values of a chunk times their factors, and add its gradients to the sums; its logits end here."""
    needed = any(each is not None for each in sums)
    hidden = layer.hidden[rows]
    logits = linear(hidden, layer.matrix, layer.bias).requires_grad_(needed)
    with torch.set_grad_enabled(needed):
        value = told(logits, rows)
    if needed:
        (slope,) = torch.autograd.grad(value, logits, factors.to(value.dtype))
        by_hidden, by_matrix, by_bias = sums
        if by_hidden is not None:
            by_hidden[rows] = slope @ layer.matrix
        if by_matrix is not None:
            by_matrix.addmm_(slope.mT, hidden)
        if by_bias is not None:
            by_bias += slope.sum(dim=0)
    return factors * value.detach()
