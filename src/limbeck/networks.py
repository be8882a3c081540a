"""Settings of a network: what it is, what it reads, and how it is trained. Teachers and students have them alike."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, model_validator

from limbeck.data.modality import Reads
from limbeck.errors import LimbeckError
from limbeck.modalities import ReadsSettings, TextReads
from limbeck.models import ModelSettings, require_reads
from limbeck.settings import Settings
from limbeck.settings.changes import apply
from limbeck.settings.errors import validated

Precision = Literal["fp32", "bf16"]

MOST_EPOCHS = 1_000_000
MOST_ROWS = 2**16
"""Of a batch, and of words beside it: their activations are in memory at once."""
MOST_VALIDATIONS = 10_000
"""Each asks the network about every validation row, and is noted as a step of its own."""
MOST_THREADS = 1_024
"""Torch ends the process where the system gives it no more."""


class HasReads(Protocol):
    """Settings of something that reads examples; see `NetworkSettings`."""

    @property
    def reads(self) -> Reads:
        """What it reads of them."""
        ...


class TrainSettings(Settings):
    """How a network is trained; the same for every arm unless the recipe says otherwise."""

    steps: Annotated[int | None, Field(ge=1, description="optimizer steps; or give epochs")] = None
    epochs: Annotated[
        float | None, Field(gt=0, le=MOST_EPOCHS, description="passes over the training rows; or give steps")
    ] = None
    batch_size: Annotated[int, Field(ge=1, le=MOST_ROWS, description="rows of one optimizer step")] = 64
    lr: Annotated[float, Field(gt=0, description="highest learning rate (AdamW)")] = 1e-3
    head_lr_scale: Annotated[
        float, Field(gt=0, description="the learning rate of a pretrained model's new `head`, relative to lr")
    ] = 1.0
    weight_decay: Annotated[float, Field(ge=0, description="decoupled, as in AdamW")] = 0.0
    warmup: Annotated[float, Field(ge=0, lt=1, description="share of the steps in which the rate rises")] = 0.0
    schedule: Annotated[
        Literal["linear", "cosine", "constant"], Field(description="how the rate falls to 0 after warm-up")
    ] = "linear"
    clip: Annotated[float | None, Field(gt=0, description="largest norm of the gradient; null: unlimited")] = 1.0
    average: Annotated[
        float | None,
        Field(gt=0, lt=1, description="validate and keep a moving average of the weights with this decay; null: no"),
    ] = None
    accumulate: Annotated[
        int,
        Field(ge=1, description="micro-batches that a batch is split into; same result, unless a batch norm sees them"),
    ] = 1
    validations: Annotated[
        int, Field(ge=1, le=MOST_VALIDATIONS, description="evenly spaced, the last one at the end")
    ] = 12
    keep: Annotated[
        Literal["best", "last"],
        Field(description="which weights: of the best validation, or the last, for a rate that falls to 0 anyway"),
    ] = "best"
    patience: Annotated[
        int | None, Field(ge=1, description="stop after this many validations without a better one; null: never")
    ] = None
    threads: Annotated[
        int | None,
        Field(
            ge=1,
            le=MOST_THREADS,
            description="processor threads; small networks are faster with 1; null: torch's default",
        ),
    ] = None
    shard: Annotated[
        bool, Field(description="on several processes: shard the network (FSDP2) instead of copying it (DDP)")
    ] = False
    precision: Annotated[Precision, Field(description="arithmetic of the forward pass")] = "fp32"

    @model_validator(mode="after")
    def _no_contradiction(self) -> "TrainSettings":
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give steps or epochs, not both (set the other to null)")
        if self.patience is not None and self.keep == "last":
            raise ValueError("patience waits for a better validation: it needs `keep: best`")
        return self

    def total_steps(self, rows: int) -> int:
        """Return the optimizer steps for a training set of `rows` rows; 1,000 where the recipe says nothing."""
        if self.epochs is not None:
            return max(1, round(self.epochs * math.ceil(rows / self.batch_size)))
        return self.steps or 1000

    def shortened(self, share: float) -> "TrainSettings":
        """Return these settings with a share of the steps, in (0, 1]: warm-up, decay and validations fill those."""
        if self.epochs is not None:
            return self.model_copy(update={"epochs": share * self.epochs})
        return self.model_copy(update={"steps": max(1, round(share * self.total_steps(0)))})

    def rate(self, step: int, total: int) -> float:
        """Return the learning rate of a step as a share of `lr`."""
        warm = round(self.warmup * total)
        if step < warm:
            return (step + 1) / (warm + 1)
        left = 1 - (step - warm) / max(1, total - warm)
        return {"linear": left, "cosine": 0.5 - 0.5 * math.cos(math.pi * left), "constant": 1.0}[self.schedule]


class PretrainSettings(Settings):
    """Language modelling on the text of the transfer set, before a recurrent network learns its task."""

    negatives: Annotated[
        int, Field(ge=1, le=MOST_ROWS, description="words that stand for the vocabulary in each batch")
    ] = 1024
    train: TrainSettings = TrainSettings(epochs=1, batch_size=64, lr=2e-3, warmup=0.05, validations=4)


class NetworkSettings(Settings):
    """A network, what it reads, and how it is trained."""

    model: Annotated[ModelSettings, Field(description="a name, or {name: ..., options}, or your own by import path")]
    reads: ReadsSettings = TextReads()
    train: TrainSettings = TrainSettings()
    pretrain: Annotated[
        PretrainSettings | None, Field(description="first train a recurrent network as a language model; null: no")
    ] = None

    @model_validator(mode="after")
    def _fits_what_it_reads(self) -> "NetworkSettings":
        try:
            require_reads(self.model, self.reads.kind)
        except LimbeckError as error:
            raise ValueError(f"{error.what}; {error.fix}") from error
        return self

    def shortened(self, share: float) -> "NetworkSettings":
        """Return these settings with a share of the steps, see `TrainSettings.shortened`."""
        return self.model_copy(update={"train": self.train.shortened(share)})

    def changed(self, changes: Mapping[str, Any], prefix: str = "") -> "NetworkSettings":
        """Return these settings with changes by dotted key; a whole model comes before a change of its options.

        Raises:
            RecipeError: naming the wrong keys, with `prefix` before them.
        """
        values = self.model_dump(mode="json")
        apply(values, dict(sorted(changes.items(), key=lambda change: change[0].count("."))))
        return validated(NetworkSettings, values, prefix)
