"""Networks by name, and yours by import path.

To add a network: one file that ends with `register(...)`, and one import line below.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from torch import nn

from limbeck.errors import nearest
from limbeck.models.audio_cnn import AudioCNNSettings as AudioCNNSettings
from limbeck.models.catalogue import MODELS, Model, ModelOptions, require_memory, require_reads
from limbeck.models.convnet import ConvNetSettings as ConvNetSettings
from limbeck.models.custom import CustomSettings, build_custom, failed, find_custom, let_import
from limbeck.models.dense import DenseSettings as DenseSettings
from limbeck.models.depthwise import DepthwiseSettings as DepthwiseSettings
from limbeck.models.folders import (
    ImageFolderSettings as ImageFolderSettings,
    SoundFolderSettings as SoundFolderSettings,
)
from limbeck.models.given import GivenSettings, LogitsOnly, logits_only, missing
from limbeck.models.label_order import Ordered, UnmatchedError, label_order, ordered, positions
from limbeck.models.linear import LinearSettings as LinearSettings
from limbeck.models.mlp import MLPSettings as MLPSettings
from limbeck.models.ngrams import NgramsSettings as NgramsSettings
from limbeck.models.recurrent import BiGRUSettings as BiGRUSettings, BiLSTMSettings as BiLSTMSettings
from limbeck.models.resnet import ResNetSettings as ResNetSettings
from limbeck.models.textcnn import TextCNNSettings as TextCNNSettings
from limbeck.models.transformer import TransformerSettings as TransformerSettings
from limbeck.models.vit import ViTSettings as ViTSettings
from limbeck.models.wide_deep import WideDeepSettings as WideDeepSettings
from limbeck.runtime.readers import Form
from limbeck.settings import union

__all__ = [
    "MODELS",
    "CustomSettings",
    "GivenSettings",
    "LogitsOnly",
    "Model",
    "ModelOptions",
    "ModelSettings",
    "Ordered",
    "UnmatchedError",
    "build_model",
    "check_model",
    "failed",
    "find_custom",
    "is_solved",
    "label_order",
    "let_import",
    "logits_only",
    "missing",
    "ordered",
    "positions",
    "require_reads",
]

_CUSTOM = "module:function"


def is_solved(settings: ModelOptions) -> bool:
    """Return whether a network's weights are solved for, and not trained."""
    return settings.name in MODELS and MODELS[settings.name].solved


def build_model(settings: ModelOptions, *, outputs: int, form: Form) -> nn.Module:
    """Return a new network, initialised from torch's global generator.

    Its `forward` takes the arrays of the form, by name, and returns logits (batch, outputs), or those of every token
    (see `Model.per`). In eval mode a row's logits depend neither on its padding nor on the other rows.

    Args:
        settings: of a network of the catalogue, or a `CustomSettings`.
        outputs: number of logits.
        form: of the reader whose arrays it is called with.

    Raises:
        LimbeckError: the network cannot read the form, or the settings do not fit it, or a file or a function that they
            name, or its parameters take more than the memory there is.
    """
    if isinstance(settings, CustomSettings):
        return build_custom(settings, outputs=outputs, form=form)
    if isinstance(settings, GivenSettings):
        raise missing("network")
    require_reads(settings, form.kind)
    require_memory(settings, outputs=outputs, form=form)
    return MODELS[settings.name].build(settings, outputs=outputs, form=form)


def check_model(settings: ModelOptions) -> None:
    """Raise now what a custom model would raise later: an import that fails, arguments its function does not take.

    Raises:
        LimbeckError: with the nearest valid name.
    """
    if isinstance(settings, CustomSettings):
        find_custom(settings)


def _with_name(value: Any) -> Any:
    """Turn `ngrams` into `{name: ngrams}`, and refuse a name that nothing has."""
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping):
        return value
    name = value.get("name")
    if not isinstance(name, str):
        raise PydanticCustomError("model_name", "a model needs a `name`; valid: {valid}", {"valid": ", ".join(MODELS)})
    if name not in MODELS and ":" not in name and name != "given":
        raise PydanticCustomError(
            "model_name",
            "no model is called `{name}`; {hint}, or an import path `module:function`",
            {"name": name, "hint": nearest(name, MODELS)},
        )
    return value


def _tag(value: Any) -> str | None:
    name = value.get("name") if isinstance(value, Mapping) else getattr(value, "name", None)
    return _CUSTOM if isinstance(name, str) and ":" in name else name


if TYPE_CHECKING:
    ModelSettings = ModelOptions
else:
    # The catalogue's settings as one type, so that a field `model: ModelSettings` reads, checks and writes them all.
    _ANY = {model.name: model.settings for model in MODELS.values()} | {_CUSTOM: CustomSettings, "given": GivenSettings}
    _NAMED = union(_ANY, on="name", tag=_tag)
    ModelSettings = Annotated[_NAMED, BeforeValidator(_with_name, json_schema_input_type=str | _NAMED)]
