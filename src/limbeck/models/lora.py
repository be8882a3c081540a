"""Low-rank adapters (LoRA) in a pretrained network: what is trained in the place of its weights, and merged into them.

Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv 2106.09685), section 4.1. The layers
are those of `peft` (extra `lora`), which is imported where a recipe asks for adapters only.
"""

from typing import Annotated, Any

from pydantic import Field
from torch import nn

from limbeck import installed
from limbeck.errors import LimbeckError, first_line
from limbeck.models.embedding import Rate
from limbeck.settings import Settings


class LoraSettings(Settings):
    """Adapters of linear layers; the defaults are peft's."""

    rank: Annotated[int, Field(ge=1, le=4096, description="of an adapter's two matrices")] = 8
    alpha: Annotated[int, Field(ge=1, description="what an adapter adds is times alpha / rank")] = 8
    dropout: Annotated[Rate, Field(description="share of an adapter's inputs that is dropped in training")] = 0.0
    target_modules: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...] | None,
        Field(min_length=1, description="ends of the names of the layers that get one; null: peft's for the network"),
    ] = None


def adapt(encoder: nn.Module, settings: LoraSettings, where: str) -> None:
    """Give layers of a network adapters, in place: they alone are trained, and add nothing before they are.

    Args:
        encoder: of transformers; its own weights need no gradient any more.
        settings: of the adapters.
        where: names the network, for errors.

    Raises:
        LimbeckError: peft is missing, or there are no such layers.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise LimbeckError(
            "adapters are those of peft, which is not installed", where=f"{where}, lora", fix=installed.line("lora")
        ) from error
    targets = None if settings.target_modules is None else [*settings.target_modules]
    config = LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout, target_modules=targets
    )
    try:
        inject_adapter_in_model(config, encoder)
    except ValueError as error:
        names = dict.fromkeys(
            name.rpartition(".")[2] for name, each in encoder.named_modules() if isinstance(each, nn.Linear)
        )
        raise LimbeckError(
            f"no layer for adapters ({first_line(error).rstrip('.')})",
            where=f"{where}, lora.target_modules",
            fix=f"name some of its linear layers: {', '.join(names)}",
        ) from error


def merge_adapters(network: nn.Module) -> None:
    """Add every adapter's product to the weights of its layer, and leave the plain layer in its place; in place.

    A network without adapters stays as it is.
    """
    for parent in [*network.modules()]:
        for name, child in [*parent.named_children()]:
            if (layer := _adapted(child)) is not None:
                setattr(parent, name, layer)


def _adapted(module: Any) -> nn.Module | None:
    """Return the plain layer of one with an adapter, which is merged into it; None: it has none."""
    if not type(module).__module__.startswith("peft."):
        return None
    module.merge()
    return module.get_base_layer()
