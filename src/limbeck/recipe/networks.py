"""Settings of a network: what it is, what it reads, and how it is trained."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from limbeck.errors import LimbeckError
from limbeck.modalities import ReadsSettings, TextReads
from limbeck.models import ModelSettings, require_reads
from limbeck.settings import Settings
from limbeck.settings.changes import apply
from limbeck.settings.errors import validated
from limbeck.trainer import TrainSettings


class PretrainSettings(Settings):
    """Language modelling on the text of the transfer set, before a recurrent network learns its task."""

    negatives: Annotated[int, Field(ge=1, description="words that stand for the vocabulary in each batch")] = 1024
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
        """Return these settings with changes by dotted key.

        Raises:
            RecipeError: naming the wrong keys, with `prefix` before them.
        """
        values = self.model_dump(mode="json")
        apply(values, changes)
        return validated(NetworkSettings, values, prefix)
