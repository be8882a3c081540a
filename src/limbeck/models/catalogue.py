"""Where a network gives its name, its settings and one line about itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from torch import nn

from limbeck.settings import Settings


class ModelOptions(Settings):
    """What every network's settings share."""

    name: Annotated[str, Field(description="which network")]


@dataclass(frozen=True, slots=True)
class Model:
    """One network of the catalogue.

    Attributes:
        name: what a recipe calls it.
        summary: one line about what it is and when to take it.
        settings: the pydantic model of its options; its field `name` has the name as its only value.
        build: `build(settings, *, classes, vocabulary)` returns the network.
    """

    name: str
    summary: str
    settings: type[ModelOptions]
    build: Callable[..., nn.Module]


MODELS: dict[str, Model] = {}


def register(summary: str, settings: type[ModelOptions], build: Callable[..., nn.Module]) -> None:
    """Put a network into `MODELS`, under the default of its settings' field `name`."""
    name: Any = settings.model_fields["name"].default
    MODELS[name] = Model(name, summary, settings, build)
