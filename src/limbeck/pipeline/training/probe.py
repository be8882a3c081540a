"""Is a row's answer its own? What a network from outside must not do, tried on real rows before anything long starts.

Answers are cached by row and a student is served alone: a network whose logits depend on its batch, on padding or on
chance would be another network each time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from limbeck.errors import LimbeckError, a, first_line
from limbeck.models import CustomSettings, GivenSettings, ModelOptions, Ordered
from limbeck.models.pretrained import PretrainedOptions
from limbeck.runtime.rows import Ragged, Rows, is_ragged
from limbeck.teachers.encoders import FunctionEncoder
from limbeck.types import device_of, evaluating, tensors

ROWS = 8
LIMIT, HALF_LIMIT = 1e-3, 5e-2
"""Largest difference of a logit, in standard deviations of the logits; the second one for half precision."""
_ROUNDING = 1e-2
"""Where rows hardly differ, this share of the largest logit stands for the deviation: rounding goes by that size."""
_SUM = 1e-3
"""Within this of 1, the sum of numbers >= 0 is that of probabilities."""

FROM_OUTSIDE: tuple[type[ModelOptions], ...] = (CustomSettings, GivenSettings, PretrainedOptions)
"""Models whose code or weights come from outside; those of the catalogue are tested once and for all."""

ProbeInputs = Mapping[str, Tensor]


def require_steady(
    network: nn.Module, rows: Rows, who: str, *, outputs: int, logits: bool = True, last_id: int | None = None
) -> None:
    """Ask a network for a few rows alone, together, padded and twice, in evaluation mode.

    Args:
        network: from outside, or of the user's own.
        rows: real ones; short and long ones among them are taken.
        who: names the network, for errors.
        outputs: number of logits.
        logits: whether that is what they are; else features of any range.
        last_id: of texts, the largest number of a token that any text may hold; None: as in these rows.

    Raises:
        LimbeckError: its logits change with padding, with the other rows, with ids that its mask hides, or from one
            call to the next; it changes its inputs; it fails, or gives other than logits (rows, outputs), such as
            probabilities.
    """
    noun = "logits" if logits else "features"
    picked, probe = _short_and_long(rows), _Probe(network, who, outputs, is_ragged(rows), noun)
    with _at_rest(network):
        if is_ragged(rows):
            _try_texts(probe, _texts(rows, picked), rows.pad_id)
            if last_id is not None:
                probe.ask_for_token(last_id, rows.pad_id)
        else:
            alone = [probe.ask(tensors(rows.batch(picked[i : i + 1])), "a single row") for i in range(len(picked))]
            together = probe.ask(tensors(rows.batch(picked)), f"{len(picked)} rows together")
            scale = _scale(alone)
            probe.repeat(tensors(rows.batch(picked)), together, scale)
            probe.compare(torch.cat(alone), together, scale, *_OTHER_ROWS)
        if logits:
            probe.refuse_probabilities(tensors(rows.batch(picked)))


_TWICE = (
    "two calls with the same rows give different {noun}",
    "a draw, such as dropout's, is still on in evaluation mode: pass training=self.training",
)
_OTHER_ROWS = (
    "a row's {noun} change with the other rows of its batch",
    "no module may mix rows, or be in training mode after .eval() as a BatchNorm that uses the batch's own mean",
)
_RIGHT_PADDING = (
    "a row's {noun} change with the padding on its right",
    "pool over attention_mask; a network that needs its padding on the left, as XLNet does, cannot be taken",
)
_FINITE = "mend its weights, or a scaling by the other rows of a batch, which a single row does not have"
# A function of the user's has no modules and no mode.
_OF_FUNCTIONS = {
    _TWICE: "the function has to return the same features for the same rows: seed what it draws in every call",
    _OTHER_ROWS: "the function has to compute each row's features from that row alone",
}
_FINITE_FUNCTION = "the function has to return a finite number for each feature, 0 where there is nothing"
_HIDDEN_IDS = ("its {noun} change with ids that attention_mask hides", "read attention_mask, not which ids are padding")


def _try_texts(probe: "_Probe", texts: Sequence[Tensor], pad_id: int) -> None:
    alone = [probe.ask(_batch([text], pad_id), f"a single text of {len(text)} tokens") for text in texts]
    scale, batch = _scale(alone), _batch(texts, pad_id)
    width = batch["input_ids"].shape[1]
    together = probe.ask(batch, f"{len(texts)} texts together")
    probe.repeat(batch, together, scale)
    # Of the row that moves most: by itself, so that no other row can be the reason.
    worst = int((torch.cat(alone) - together).abs().amax(1).argmax())
    padded = probe.ask(_batch([texts[worst]], pad_id, width), f"a text padded to {width} tokens")
    probe.compare(alone[worst], padded, scale, *_RIGHT_PADDING)
    hidden = batch["attention_mask"] == 0
    others = texts[-1][torch.arange(width) % len(texts[-1])]
    changed = {**batch, "input_ids": torch.where(hidden, others, batch["input_ids"])}
    probe.compare(together, probe.ask(changed, "other ids under the padding"), scale, *_HIDDEN_IDS)
    probe.compare(torch.cat(alone), together, scale, *_OTHER_ROWS)


@dataclass(frozen=True)
class _Probe:
    """A network in evaluation mode, who it is, what and how much it has to give, and whether rows have lengths."""

    network: nn.Module
    who: str
    outputs: int
    ragged: bool
    noun: str = "logits"

    @property
    def _is_function(self) -> bool:
        return isinstance(self.network, FunctionEncoder)

    def ask(self, inputs: ProbeInputs, what: str) -> Tensor:
        """Return logits (rows, outputs), float64.

        Raises:
            LimbeckError: the network fails, changes its inputs, or gives no such logits.
        """
        device = device_of(self.network)
        given = {name: value.to(device, copy=True) for name, value in inputs.items()}
        try:
            logits = self.network(**given)
        except Exception as error:
            raise LimbeckError(
                f"its forward failed on {what} ({type(error).__name__}: {first_line(error)})",
                where=self.who,
                fix=f"it has to answer rows alone and together{', of every length up to max_length' * self.ragged}",
            ) from error
        for name, value in given.items():
            if not _same(value.cpu(), inputs[name].cpu()):
                raise LimbeckError(
                    f"its forward writes into its input `{name}`", where=self.who, fix="work on a copy: x = x.clone()"
                )
        expected = (len(next(iter(inputs.values()))), self.outputs)
        found = tuple(logits.shape) if isinstance(logits, Tensor) else a(type(logits).__name__)
        if found != expected:
            raise LimbeckError(
                f"its forward returns {found} for {expected[0]} rows of {self.outputs} outputs",
                where=self.who,
                fix=f"return {self.noun} (batch, outputs), here {expected}",
            )
        if logits.layout != torch.strided or logits.is_meta or not logits.is_floating_point():
            form = "meta" if logits.is_meta else "dense" if logits.layout == torch.strided else "sparse"
            raise LimbeckError(
                f"its forward returns a {form} tensor of {str(logits.dtype).removeprefix('torch.')}",
                where=self.who,
                fix=f"return {self.noun} as a dense tensor of float32",
            )
        if not logits.isfinite().all():
            fix = _FINITE_FUNCTION if self._is_function else _FINITE
            raise LimbeckError(f"its {self.noun} for {what} are not finite", where=self.who, fix=fix)
        return logits.double().cpu()

    def ask_for_token(self, number: int, pad_id: int) -> None:
        """Refuse a network that knows fewer tokens than its tokenizer makes.

        Raises:
            LimbeckError: it fails on that token alone.
        """
        try:
            self.ask(_batch([torch.tensor([number])], pad_id), f"the token {number:,}")
        except LimbeckError as error:
            raise LimbeckError(
                f"its tokenizer numbers tokens up to {number:,}, and {error.what}",
                where=self.who,
                fix="give the tokenizer that the network was trained with (reads.tokenizer), or one of as many tokens",
            ) from error

    def refuse_probabilities(self, inputs: ProbeInputs) -> None:
        """Refuse a network whose rows are >= 0 and sum to 1; of one of which some outputs are taken, all count."""
        network = self.network.network if isinstance(self.network, Ordered) else self.network
        device = device_of(network)
        rows = network(**{name: value.to(device, copy=True) for name, value in inputs.items()}).double()
        if (rows >= 0).all() and ((rows.sum(1) - 1).abs() <= _SUM).all():
            raise LimbeckError("its rows are probabilities", where=self.who, fix="return logits (or log-probabilities)")

    def repeat(self, inputs: ProbeInputs, first: Tensor, scale: float) -> None:
        """Refuse a network that answers otherwise the second time."""
        self.compare(first, self.ask(inputs, "the same rows again"), scale, *_TWICE)

    def compare(self, one: Tensor, other: Tensor, scale: float, what: str, fix: str) -> None:
        """Refuse logits that are too far apart."""
        half = any(each.dtype in (torch.float16, torch.bfloat16) for each in self.network.parameters())
        limit, apart = HALF_LIMIT if half else LIMIT, float((one - other).abs().max())
        if apart > limit * scale:
            if self._is_function:
                fix = _OF_FUNCTIONS.get((what, fix), fix)
            share = f"by {apart / (scale or 1.0):.2g} of their standard deviation, where {limit:g} is allowed"
            raise LimbeckError(f"{what.format(noun=self.noun)}: {share}", where=self.who, fix=fix)


def _same(one: Tensor, other: Tensor) -> bool:
    """Return whether two inputs are equal, where NaN, a table's missing value, equals itself."""
    return one.shape == other.shape and bool(((one == other) | ((one != one) & (other != other))).all())


def _scale(alone: Sequence[Tensor]) -> float:
    """Return the standard deviation of the logits over the rows; of a constant network, a share of their size."""
    logits = torch.cat(list(alone))
    return max(float(logits.var(0, correction=0).mean().sqrt()), _ROUNDING * float(logits.abs().max()))


def _short_and_long(rows: Rows) -> NDArray[np.int64]:
    """Return row numbers, from the shortest to the longest, evenly in between."""
    order = np.argsort(rows.lengths, kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, min(ROWS, len(order))).astype(np.int64))]


def _texts(rows: Ragged, picked: NDArray[np.int64]) -> list[Tensor]:
    """Return token ids, (tokens,) each, not all of one length: else no padding would be seen."""
    found = [
        torch.from_numpy(rows.tokens[rows.offsets[row] : rows.offsets[row + 1]].astype(np.int64)) for row in picked
    ]
    if len({len(text) for text in found}) == 1:
        found[0] = found[0][: (len(found[0]) + 1) // 2]
    return found


def _batch(texts: Sequence[Tensor], pad_id: int, width: int = 0) -> ProbeInputs:
    """Return `input_ids` and `attention_mask`, padded on the right, at least so wide."""
    width = max(width, *(len(text) for text in texts))
    ids, mask = torch.full((len(texts), width), pad_id), torch.zeros(len(texts), width, dtype=torch.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    return {"input_ids": ids, "attention_mask": mask}


@contextmanager
def _at_rest(network: nn.Module) -> Iterator[None]:
    """Hold a network in evaluation mode, without gradients, in whole float32; leave the generator where it was."""
    short = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False  # its convolutions would round to 10 bits
    try:
        with evaluating(network), torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.backends.cudnn.allow_tf32 = short
