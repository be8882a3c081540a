"""The one loop: data, step, backward, clip, update, log, validate, save."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from limbeck.checkpoint import load_checkpoint, save_checkpoint
from limbeck.console import meter
from limbeck.digest import digest
from limbeck.distiller import Distiller
from limbeck.errors import DivergedError
from limbeck.files import remove
from limbeck.networks import TrainSettings
from limbeck.optimizer import AdamW, averaged_statistics
from limbeck.ranks import ranks, whole
from limbeck.runtime.rows import Rows, by_length
from limbeck.taps import Trainable
from limbeck.teachers import MovingNetwork
from limbeck.tracking import tracking
from limbeck.types import Batch, Predictions, counted_tokens, device_of, evaluating, tensors
from limbeck.update import parameter_groups, take_step

CHECKPOINT_EVERY_S = 20.0
"""Between two validations at which a checkpoint is saved, at least."""
CHECKPOINT_BETWEEN_S = 180.0
"""Where validations are further apart, one is saved between them too, at the next step that is logged."""
_ROUNDING = 1e-9
"""Far less than a row: 0.9 of the teacher's 0.8 is 0.7200000000000001, and 72 rows of 100 reach it."""


@dataclass(frozen=True)
class Validated:
    """What the validation split says of a model.

    Attributes:
        scores: by name, for the records.
        chooses: what checkpoints are chosen by, higher is better: the first number decides, the next between equals.
        goal: what `until` is a level of; None where there is none.
        said: the scores in words, for the line of progress.
    """

    scores: Mapping[str, float]
    chooses: Sequence[float]
    goal: float | None = None
    said: str = ""


class Validate(Protocol):
    """Scores a model on the validation split."""

    def __call__(self, model: nn.Module) -> Validated:
        """Return its scores, and what it is chosen by."""
        ...


class GroupSource(Protocol):
    """Gives the micro-batches of a step."""

    def group(self, step: int) -> Iterator[Batch]:
        """Yield them."""
        ...


@dataclass
class History:
    """What happened while a network trained.

    Attributes:
        steps: planned optimizer steps.
        done: steps taken; fewer when it stopped early.
        validations: one record a validation: `step` and the scores.
        log: one record every hundredth of the way: `step`, `lr`, `loss`, and each term under its name.
        best_step: the step whose weights were kept.
        best: what they were chosen by, see `Validated.chooses`; nothing without a validation.
        best_said: their scores in words, see `Validated.said`.
        seconds: wall time of training, over all its sessions.
        reached_step: the step at which the level was reached; None: not reached, or none was given.
        chosen: what a solver, which takes no steps, chose on validation, by the network's option.
    """

    steps: int
    done: int = 0
    validations: list[dict[str, float]] = field(default_factory=list)
    log: list[dict[str, float]] = field(default_factory=list)
    best_step: int = 0
    best: list[float] = field(default_factory=list)
    best_said: str = ""
    seconds: float = 0.0
    reached_step: int | None = None
    chosen: dict[str, float] = field(default_factory=dict)

    def since_best(self) -> int:
        """Return how many validations have passed since the best one."""
        return sum(record["step"] > self.best_step for record in self.validations)

    def over(self, patience: int | None) -> bool:
        """Return whether training ends before its last step: the level is reached, or patience is at its end."""
        return self.reached_step is not None or (patience is not None and self.since_best() >= patience)

    def add(self, found: Validated, *, keep: Literal["best", "last"], reached: bool) -> bool:
        """Add a validation; return whether to keep its weights: the best so far, the last, or those at the level."""
        self.validations.append({"step": self.done, **found.scores})
        if reached:
            self.reached_step = self.done
        kept = reached or keep == "last" or list(found.chooses) > self.best
        if kept:
            self.best, self.best_step, self.best_said = list(found.chooses), self.done, found.said
        return kept

    @property
    def kept(self) -> str:
        """What is left in the network, in words: its scores, and its step where that is not the last one taken."""
        if not self.best_said:
            return ""
        earlier = "" if self.best_step == self.done else f"step {self.best_step:,} is kept: "
        return f"{earlier}validation {self.best_said}"


# The loop stands here whole, in the order in which things happen, with a parameter for all that it depends on.
def fit(
    distiller: Distiller,
    batches: GroupSource,
    settings: TrainSettings,
    *,
    steps: int,
    validate: Validate | None,
    title: str,
    checkpoint: Path | None = None,
    owner: str = "",
    until: float | None = None,
) -> History:
    """Train the distiller's student and leave its best weights in it, or its last ones where the settings say so.

    With `until`, training ends at the first validation that reaches it, and leaves the weights that did. The learning
    rate follows the planned steps all the same.

    The learning rate, the batch and the loss of a step depend on nothing but the step, so a run that continues from
    a checkpoint ends with the same bits as one that was never stopped.

    Args:
        distiller: the student and its objective.
        batches: a pure function of the step.
        settings: how to train.
        steps: optimizer steps.
        validate: scores the student, in evaluation mode; None: nothing is scored, and the last weights are left.
        title: shown while it runs.
        checkpoint: file to continue from and to save to; None: neither.
        owner: names what the training depends on besides `settings` and `steps`: data, seed, objective; a checkpoint
            of another owner is removed.
        until: the level of `Validated.goal` that ends the training; None: none.

    Raises:
        DivergedError: the loss or a validation score is not finite.
        LimbeckError: no parameter can be trained, or the checkpoint is damaged.
    """
    us, trainable = ranks(), distiller.trainable
    if us.world > 1 and settings.shard:
        trainable = deepcopy(trainable)  # sharding changes a module for good; the student stays what it was
    wrapped, student = us.wrap(trainable, shard=settings.shard), trainable.student
    optimizer = AdamW(parameter_groups(trainable, settings), weight_decay=settings.weight_decay, fused=True)
    owner = digest([owner, steps, us.world, settings.model_dump(mode="json"), *([] if until is None else [until])])
    best, history = _start(checkpoint, owner, trainable, optimizer, steps, distiller.moving)
    validate_at = {round(steps * (index + 1) / settings.validations) for index in range(settings.validations)}
    log_every = max(1, steps // 100)
    since_save = since_start = time.monotonic()

    with (
        meter(title, steps) as progress,
        _arithmetic(settings.threads),
        tracking(title, settings.model_dump()) as track,
        averaged_statistics(student, settings.average) as slow,
    ):
        progress.advance(history.done)
        wrapped.train()
        for step in range(history.done, steps):
            if history.over(settings.patience):
                break
            group = list(batches.group(step))
            slow(step + 1)
            means = take_step(distiller, wrapped, optimizer, group, step, steps, settings)
            history.done = step + 1
            distiller.follow(student, history.done, group)
            progress.advance()

            log_now = history.done % log_every == 0
            validate_now = history.done in validate_at
            if log_now or validate_now:
                values = _over_all(means)
                _require_finite("loss", values["loss"], history.done, title)
                if log_now:
                    history.log.append(
                        {"step": history.done, "lr": settings.lr * settings.rate(step, steps)}
                        | values
                        | _learned(trainable)
                    )
                    track(history.log[-1])

            if validate_now and validate is not None:
                student.eval()
                us.align(student)
                with optimizer.averaged():
                    found = validate(student)
                    _require_finite("validation score", sum(found.chooses), history.done, title)
                    if history.add(found, keep=settings.keep, reached=_reached(until, found.goal)):
                        best = _weights(student)
                wrapped.train()
                track(_named(history.validations[-1]))
                progress.advance(0, note=f"validation {found.said}")

            due = time.monotonic() - since_save > (CHECKPOINT_EVERY_S if validate_now else CHECKPOINT_BETWEEN_S)
            if checkpoint is not None and (log_now or validate_now) and us.agree(due):
                since_save = time.monotonic()
                saved = asdict(history) | {"seconds": history.seconds + since_save - since_start}
                save_checkpoint(checkpoint, owner, trainable, optimizer, best, saved, distiller.moving)
        progress.advance(0, note=history.kept)  # the line that stays is of the weights that do

    us.align(student)
    distiller.student.load_state_dict(best or _weights(student))
    distiller.student.eval()
    if distiller.moving is not None:
        distiller.moving.finish()
    history.seconds += time.monotonic() - since_start
    return history


def _over_all(means: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the sums over the processes of each one's share of the means."""
    return dict(zip(means, ranks().total(torch.stack(list(means.values()))).tolist(), strict=True))


def _learned(trainable: Trainable) -> dict[str, float]:
    """Return the temperatures that are learned, after the step, each under the name of its term."""
    critics: dict[str, Any] = dict(trainable.critics.items())
    return {f"{name}_temperature": float(critic.at(whole(critic.raw))) for name, critic in critics.items()}


def _named(record: Mapping[str, float]) -> dict[str, float]:
    """Return a validation's record as trackers have it."""
    return {name if name == "step" else f"validation/{name}": value for name, value in record.items()}


def _weights(student: nn.Module) -> dict[str, Tensor]:
    """Return all of a network's weights, which may be spread over processes."""
    return {name: whole(value) for name, value in student.state_dict().items()}


@contextmanager
def _arithmetic(threads: int | None) -> Iterator[None]:
    """Hold the number of threads, and a GPU to convolutions that add in one order: equal bits each time."""
    before, cudnn = torch.get_num_threads(), torch.backends.cudnn.deterministic
    torch.set_num_threads(threads or before)
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.backends.cudnn.deterministic = cudnn


def _start(
    checkpoint: Path | None,
    owner: str,
    trainable: nn.Module,
    optimizer: torch.optim.Optimizer,
    steps: int,
    moving: MovingNetwork | None,
) -> tuple[dict[str, Tensor], History]:
    us = ranks()
    if checkpoint is not None and us.agree(checkpoint.is_file()):
        found = load_checkpoint(checkpoint, owner, trainable, optimizer, moving)
        if found is not None:
            best, history = found
            return best, History(**history)
        if us.main:
            remove(checkpoint)
    if us.world > 1:  # all have built the same network; from here on each drops other units
        torch.manual_seed(torch.initial_seed() + us.rank)
    return {}, History(steps)


def _reached(until: float | None, goal: float | None) -> bool:
    """Return whether a validation reaches the level; of several processes the first one decides for all."""
    return until is not None and goal is not None and ranks().agree(goal > until - _ROUNDING)


def _require_finite(what: str, value: float, step: int, title: str) -> None:
    if not math.isfinite(value):
        raise DivergedError(f"the {what} is {value} at step {step} of {title}", fix="lower train.lr")


def predict(
    model: nn.Module, view: Rows, *, batch_size: int = 256, advance: Callable[[int], None] | None = None
) -> Predictions:
    """Return a model's logits for every row of a view, (predictions, classes) float32 on the CPU, in evaluation mode.

    A model that answers by token, (batch, tokens, classes), has a prediction for each real token of a row.
    """
    device, parts, order = device_of(model), [], []
    with evaluating(model), torch.inference_mode():
        for rows in by_length(view, batch_size, longest_first=True):
            inputs = {name: value.to(device) for name, value in tensors(view.batch(rows)).items()}
            logits = model(**inputs).float()
            parts.append(Predictions.of(logits, counted_tokens(logits, inputs)).cpu())
            order.append(torch.from_numpy(rows))
            if advance is not None:
                advance(len(rows))
    return Predictions.joined(parts).take(torch.cat(order).argsort())


def predict_logits(
    model: nn.Module, view: Rows, *, batch_size: int = 256, advance: Callable[[int], None] | None = None
) -> Tensor:
    """Return the values of `predict`: (rows, classes) where a row has one prediction."""
    return predict(model, view, batch_size=batch_size, advance=advance).values
