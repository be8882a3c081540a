"""A network that is a Python object of the caller's; a recipe can only say so."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.models.catalogue import ModelOptions
from limbeck.models.pretrained import encoder_inputs, named_outputs


class GivenSettings(ModelOptions):
    """A module that was handed to `limbeck.distill`."""

    another: ClassVar[str] = "limbeck.distill(student=...)"
    another_model: ClassVar[str] = 'limbeck.distill(student="{}")'

    name: Literal["given"] = "given"
    type: Annotated[str, Field(description="its class, for the record")] = "Module"


class LogitsOnly(nn.Module):
    """A network of transformers, whose output holds its logits, as one that returns them.

    Args:
        network: the caller's; it stays as it is.

    Attributes:
        config: the network's own.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.config: Any = network.config

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of its outputs, in the order of the logits; none where its configuration has no such names."""
        return named_outputs(self.config) if getattr(self.config, "id2label", None) else ()

    @property
    def pad_id(self) -> int | None:
        """The id that it takes for padding; None where it does not say."""
        found = getattr(self.config, "pad_token_id", None)
        return found if isinstance(found, int) and found >= 0 else None

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return logits (batch, outputs)."""
        if self.pad_id is not None and inputs.keys() == {"input_ids", "attention_mask"}:
            inputs = encoder_inputs(inputs["input_ids"], inputs["attention_mask"].bool(), self.pad_id)
        output = self.network(**inputs)
        return output if isinstance(output, Tensor) else output.logits


def logits_only(network: nn.Module) -> nn.Module:
    """Return a module that returns its logits: a model of transformers is wrapped, any other stays what it is."""
    return LogitsOnly(network) if hasattr(network, "config") and hasattr(network, "main_input_name") else network


def missing(what: str) -> LimbeckError:
    """Return the error of a recipe that names an object which nobody gave."""
    return LimbeckError(
        f"the {what} of this recipe was a Python object, which a file cannot hold",
        fix="call limbeck.distill again, or name one that a recipe can build",
    )
