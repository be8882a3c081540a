"""The one loop: data, step, backward, clip, update, log, validate, save."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from limbeck.errors import LimbeckError
from limbeck.files import remove
from limbeck.networks import Precision, TrainSettings
from limbeck.optimizer import AdamW, averaged_statistics
from limbeck.ranks import ranks, whole
from limbeck.runtime.rows import Rows, by_length
from limbeck.taps import Trainable
from limbeck.tracking import tracking
from limbeck.types import Batch, Predictions, counted_tokens, device_of, evaluating, tensors

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
        LimbeckError: the loss or a validation score is not finite, no parameter can be trained, or the checkpoint is
            damaged.
    """
    us, trainable = ranks(), distiller.trainable
    if us.world > 1 and settings.shard:
        trainable = deepcopy(trainable)  # sharding changes a module for good; the student stays what it was
    wrapped, student = us.wrap(trainable, shard=settings.shard), trainable.student
    optimizer = AdamW(_groups(trainable, settings), weight_decay=settings.weight_decay, fused=True)
    owner = digest([owner, steps, us.world, settings.model_dump(mode="json"), *([] if until is None else [until])])
    best, history = _start(checkpoint, owner, trainable, optimizer, steps, distiller.moving)
    validate_at = {round(steps * (index + 1) / settings.validations) for index in range(settings.validations)}
    log_every = max(1, steps // 100)
    since_save = since_start = time.monotonic()

    with (
        meter(title, steps) as progress,
        _arithmetic(settings.threads),
        tracking(title, settings.model_dump()) as track,
        averaged_statistics(student, settings.average) as follow,
    ):
        progress.advance(history.done)
        wrapped.train()
        for step in range(history.done, steps):
            if history.over(settings.patience):
                break
            share = settings.rate(step, steps)
            for parameters in optimizer.param_groups:
                parameters["lr"] = parameters["peak_lr"] * share * parameters["strength"](step / steps)
            follow(step + 1)
            means = _update(distiller, wrapped, optimizer, batches.group(step), step / steps, settings)
            history.done = step + 1
            distiller.follow(student, history.done)
            optimizer.average(settings.average, history.done)
            progress.advance()

            log_now = history.done % log_every == 0
            validate_now = history.done in validate_at
            if log_now or validate_now:
                values = _over_all(means)
                _require_finite("loss", values["loss"], history.done, title)
                if log_now:
                    history.log.append({"step": history.done, "lr": settings.lr * share} | values | _learned(trainable))
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
    moving: nn.Module | None,
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
        raise LimbeckError(f"the {what} is {value} at step {step} of {title}", fix="lower train.lr")


def require_trainable(network: nn.Module, who: str) -> None:
    """Refuse a network that nothing can be learned by.

    Raises:
        LimbeckError: it has no parameters, or all of them are frozen.
    """
    parameters = list(network.parameters())
    if not any(parameter.requires_grad for parameter in parameters):
        what = "all parameters of the network are frozen" if parameters else "the network has no parameters"
        raise LimbeckError(f"{what}: there is nothing to train", where=who, fix="give one that can learn")


def _groups(model: Trainable, settings: TrainSettings) -> list[dict[str, Any]]:
    """Return parameter groups; biases and norms are not decayed, a new head or a critic may have a rate of its own."""
    require_trainable(model, "model")
    heads = ("student.head.", "student.network.head.")  # the second one of a network that a task has finished
    head = {id(parameter) for name, parameter in model.named_parameters() if name.startswith(heads)}
    head |= {id(parameter) for module in model.modules() for parameter in getattr(module, "new_parameters", ())}
    strengths = {id(each): critic.strength for critic in model.critics.values() for each in critic.parameters()}
    groups: dict[tuple[float, float, Any], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            lr = settings.lr * (settings.head_lr_scale if id(parameter) in head else 1.0)
            decay = settings.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((lr, decay, strengths.get(id(parameter), _whole)), []).append(parameter)
    return [
        {"params": parameters, "lr": lr, "peak_lr": lr, "weight_decay": decay, "strength": strength}
        for (lr, decay, strength), parameters in groups.items()
    ]


def _whole(progress: float) -> float:
    """Return the strength of what is no critic: its learning rate is the schedule's alone."""
    return 1.0


def _update(
    distiller: Distiller,
    wrapped: nn.Module,
    optimizer: torch.optim.Optimizer,
    group: Iterable[Batch],
    progress: float,
    settings: TrainSettings,
) -> dict[str, Tensor]:
    """Take one optimizer step on a group of micro-batches; return this process's share of each term's mean."""
    # The whole group is drawn before the first backward pass, so that its divisors are known.
    means = _accumulate(distiller, wrapped, list(group), progress, settings.precision)
    if settings.clip is not None:
        nn.utils.clip_grad_norm_(wrapped.parameters(), settings.clip)
    optimizer.step()
    wrapped.zero_grad()
    return means


def _accumulate(
    distiller: Distiller, wrapped: nn.Module, group: list[Batch], progress: float, precision: Precision
) -> dict[str, Tensor]:
    """Add the gradient of the group's weighted means to the parameters; return this process's share of the means.

    The divisors count the whole group, over all processes. Wrapped modules average the processes' gradients, so that
    their sum needs a factor of their number.
    """
    us, device = ranks(), device_of(wrapped)
    # Before they are moved: of a GPU a number would have to be waited for.
    counts = [distiller.counts(batch) for batch in group]
    names = list(counts[0])
    totals = us.total(torch.tensor([sum(count[name] for count in counts) for name in names]))
    divisors = {name: max(1, count) for name, count in zip(names, totals.tolist(), strict=True)}
    weights = distiller.objective.weights(progress)
    means: dict[str, Tensor] = {}
    for number, batch in enumerate((batch.to(device) for batch in group), start=1):
        with us.gradient(wrapped, last=number == len(group)):
            sums = distiller.step(batch, precision, wrapped=wrapped)
            parts = {name: value / divisors[name] for name, value in sums.items()}
            loss = torch.stack([weights[name] * value for name, value in parts.items()]).sum()
            (us.world * loss).backward()
        for name, value in (parts | {"loss": loss}).items():
            means[name] = means[name] + value.detach() if name in means else value.detach()
    return means


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
