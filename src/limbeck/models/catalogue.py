"""Where a network gives its name, its settings and one line about itself."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import nn
from torch.overrides import TorchFunctionMode

from limbeck.errors import LimbeckError
from limbeck.runtime.readers import Form
from limbeck.settings import Settings

Per = Literal["example", "token"]


class ModelOptions(Settings):
    """What every network's settings share.

    Attributes:
        another: what to type for another student than this.
        another_model: what to type for the network of a name.
    """

    another: ClassVar[str] = "student.model=NAME"
    another_model: ClassVar[str] = "student.model={}"

    name: Annotated[str, Field(description="which network")]

    def taking(self, chosen: Mapping[str, float]) -> Self:
        """Return the settings with what was chosen by cross-validation, by name."""
        return self

    @property
    def trained(self) -> Self:
        """Settings of the same network once it is trained."""
        return self

    @property
    def blank(self) -> Self | None:
        """Settings of a network of the same size that loads no weights; None where files say its size."""
        return self


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
        solved: whether its weights are solved for, see `SolvedByLosses`, and not trained.
    """

    name: str
    summary: str
    settings: type[ModelOptions]
    build: Callable[..., nn.Module]
    reads: str
    per: Per
    solved: bool = False


MODELS: dict[str, Model] = {}


def register(
    summary: str,
    settings: type[ModelOptions],
    build: Callable[..., nn.Module],
    *,
    reads: str,
    per: Per,
    solved: bool = False,
) -> None:
    """Put a network into `MODELS`, under the default of its settings' field `name`; see `Model`."""
    name: Any = settings.model_fields["name"].default
    MODELS[name] = Model(name, summary, settings, build, reads, per, solved)


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


TRAINED = 4
"""Numbers that a training keeps of each parameter: itself, its gradient and AdamW's two moments."""


def require_memory(settings: ModelOptions, *, outputs: int, form: Form) -> None:
    """Refuse a network of the catalogue that this machine cannot train; it is built without a number in it.

    Raises:
        LimbeckError: its parameters take more than the memory there is.
    """
    if (blank := settings.blank) is None:
        return
    # The generator stays where it was.
    with torch.random.fork_rng(devices=[]), _Blank():
        network = MODELS[settings.name].build(blank, outputs=outputs, form=form)
    parameters = sum(each.numel() for each in network.parameters())
    needed, there = TRAINED * 4 * parameters, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise LimbeckError(
            f"`{settings.name}` of {parameters:,} parameters takes {needed / 1e9:,.0f} GB in training, and this "
            f"machine has {there / 1e9:,.0f} GB",
            where="model",
            fix="make it smaller",
        )


class _Blank(TorchFunctionMode):
    """Gives parameters no memory, and leaves out what would fill it.

    Only them: on torch's `meta` device, whatever else a network works out as it is built imports for a second.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _FILLS or getattr(func, "__module__", None) == nn.init.__name__:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs | ({"device": "meta"} if func is torch.empty else {}))


_FILLS = (torch.Tensor.normal_, torch.Tensor.uniform_)
"""What those of `torch.nn.init` call that no mode sees."""
