"""Synthetic questions with recorded answers: what a bundle said when it was exported, asked again when it is loaded.

Checksums find damage. The probe finds what fits together and is not what was exported, although somebody has computed
the checksums anew: other weights, another tokenizer, labels in another order. Nothing of it is taken from data. It does
not prove who made a bundle.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.digest import digest
from limbeck.runtime.decisions import Rule

TOLERANCES = {"fp32": 1e-3, "int8": 2e-2}
"""By the precision of the weights, how far an answer may be from the recorded one: machines add in other orders, and
where int8 rounds, a last bit may be a step. Of probabilities it is a difference, of values that of `Rule.error`."""
_OTHERWISE = ("checksum", "files", "instructions", "limbeck", "precision", "probe", "threads")
"""Keys of `bundle.json` that decide no answer, or have a check of their own."""


def around(info: Mapping[str, Any], files: Sequence[str]) -> str:
    """Return 16 hex digits that name what turns inputs into the network's and its outputs into answers.

    The network can be asked; of a threshold, or a rate at which sounds are read, no single answer need tell.

    Args:
        info: what `bundle.json` says.
        files: the reader's.
    """
    kept = {key: value for key, value in info.items() if key not in _OTHERWISE}
    return digest([kept, {name: info["files"].get(name) for name in files}])


def recorded(outputs: NDArray[np.float32], rule: Rule, labels: Sequence[str]) -> list[list[float] | None]:
    """Return what `bundle.json` says of the answers, a list a row; None where the network has none to that input.

    Args:
        outputs: of the network for the reader's probe.
        rule: how they are read.
        labels: what they stand for.

    Raises:
        ValueError: the outputs are no table of them, or no row has an answer.
    """
    finite = _finite(outputs, labels)
    if not finite.any():
        raise ValueError("to none of the inputs that a bundle is tried with does the network answer with a number")
    probabilities = _probabilities(outputs[finite], rule, labels)
    said = iter((outputs[finite] if probabilities is None else probabilities).tolist())
    return [[float(f"{one:.7g}") for one in next(said)] if answered else None for answered in finite]


def apart(
    outputs: NDArray[np.float32], rule: Rule, labels: Sequence[str], answers: Sequence[Sequence[float] | None]
) -> float:
    """Return how far outputs are from the answers that were recorded; infinite where one is no number.

    Raises:
        ValueError: they are of other sizes.
    """
    known = np.array([answer is not None for answer in answers], bool)
    expected = np.array([answer for answer in answers if answer is not None])
    if len(outputs) != len(known) or not known.any():
        raise ValueError(f"{known.sum()} answers are recorded for {len(outputs)} rows")
    if not _finite(outputs, labels)[known].all():
        return float("inf")
    probabilities = _probabilities(outputs[known], rule, labels)
    shape = (outputs[known] if probabilities is None else probabilities).shape
    if shape != expected.shape:
        raise ValueError(f"answers of shape {expected.shape} are recorded, and those found have {shape}")
    if probabilities is None:
        return rule.error(expected.astype(np.float32), outputs[known])
    return float(np.abs(probabilities - expected).max())


def _finite(outputs: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return which rows are finite, (rows,)."""
    if outputs.ndim != 2 or outputs.shape[1] != len(labels):
        raise ValueError(f"outputs of shape {outputs.shape} for {len(labels)} labels")
    return np.all(np.isfinite(outputs), axis=1)


def _probabilities(outputs: NDArray[np.float32], rule: Rule, labels: Sequence[str]) -> NDArray[np.float64] | None:
    """Return (rows, numbers) of all the probabilities of an answer; None where a task's answers have none."""
    said = [rule.record(answer).get("probabilities") for answer in rule.answers(outputs, labels)]
    return None if None in said else np.array([list(_leaves(each)) for each in said], np.float64)


def _leaves(said: Any) -> Iterator[float]:
    if isinstance(said, Mapping):
        for inner in said.values():
            yield from _leaves(inner)
    else:
        yield said
