"""Where a network gives its name, its settings and one line about itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import nn

from limbeck.errors import LimbeckError
from limbeck.settings import Settings

Per = Literal["example", "token"]


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
        build: `build(settings, *, outputs, form)` returns the network.
        reads: `Form.kind` of what it can read.
        per: what one prediction is of: a whole example, logits (batch, outputs), or each of its tokens, logits
            (batch, tokens, outputs).
    """

    name: str
    summary: str
    settings: type[ModelOptions]
    build: Callable[..., nn.Module]
    reads: str
    per: Per


MODELS: dict[str, Model] = {}


def register(
    summary: str, settings: type[ModelOptions], build: Callable[..., nn.Module], *, reads: str, per: Per
) -> None:
    """Put a network into `MODELS`, under the default of its settings' field `name`; see `Model`."""
    name: Any = settings.model_fields["name"].default
    MODELS[name] = Model(name, summary, settings, build, reads, per)


def require_reads(settings: ModelOptions, kind: str) -> None:
    """Refuse a network of the catalogue that cannot read what it would be given.

    Args:
        settings: of any network; one from outside shows what it reads when it is tried.
        kind: of the reader, see `Form`.

    Raises:
        LimbeckError: names the networks that can.
    """
    model = MODELS.get(settings.name)
    if model is None or model.reads == kind:
        return
    fitting = ", ".join(other.name for other in MODELS.values() if other.reads == kind)
    raise LimbeckError(
        f"`{model.name}` reads {model.reads}, and `reads` is of kind {kind}",
        where="model",
        fix=f"take one that reads {kind} ({fitting or 'none of the catalogue'}) or one of your own, or change `reads`",
    )
