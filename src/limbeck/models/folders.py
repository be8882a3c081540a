"""Pretrained networks of images and sounds, from a folder or the hub, with a head to be trained."""

from typing import Any, Literal

from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.modalities.audio.pretrained import audio_reads, feature_extractor
from limbeck.modalities.audio.reads import AudioReads
from limbeck.modalities.image.pretrained import image_reads
from limbeck.modalities.image.reads import ImageReads
from limbeck.modalities.text.pretrained import pretrained_config
from limbeck.modalities.text.tokenizers import pretrained_folder
from limbeck.models.catalogue import register
from limbeck.models.finished import around_images, around_sounds
from limbeck.models.label_order import ordered, positions
from limbeck.models.lora import adapt
from limbeck.models.pretrained import (
    PretrainedOptions,
    freeze_layers,
    load_pretrained,
    output_names,
    set_attention_dropout,
)
from limbeck.runtime.readers.audio import AudioForm
from limbeck.runtime.readers.image import ImageForm
from limbeck.taps import Wrapper


class ImageFolderSettings(PretrainedOptions):
    """Options of `pretrained_image`."""

    name: Literal["pretrained_image"] = "pretrained_image"


class SoundFolderSettings(PretrainedOptions):
    """Options of `pretrained_audio`."""

    name: Literal["pretrained_audio"] = "pretrained_audio"


class NewHead(Wrapper):
    """A pretrained classifier whose last layer gives way to a new one.

    Attributes:
        network: gives what its last layer was called with, (rows, width).
        head: the new linear layer, randomly initialised.
    """

    def __init__(self, network: nn.Module, *, width: int, outputs: int, dropout: float) -> None:
        super().__init__(network)
        self.dropout, self.head = nn.Dropout(dropout), nn.Linear(width, outputs)

    def forward(self, *arrays: Tensor, **inputs: Tensor) -> Tensor:
        """Return logits (rows, outputs)."""
        return self.head(self.dropout(self.network(*arrays, **inputs)))


def build_images(settings: ImageFolderSettings, *, outputs: int, form: ImageForm) -> nn.Module:
    """Load a network of images; see `_built`."""
    from transformers import AutoModelForImageClassification

    source = pretrained_folder(settings.path)
    config = pretrained_config(source)
    channels = getattr(config, "num_channels", 3)
    sides = form.height if form.height == form.width else (form.height, form.width)
    reads = ImageReads(kind="image", size=sides, channels=3 if form.channels == 3 else 1, mean=form.mean, std=form.std)
    image_reads(source, reads, channels, "reads")
    return _built(
        settings, source, config, AutoModelForImageClassification, lambda one: around_images(one, form), outputs
    )


def build_sounds(settings: SoundFolderSettings, *, outputs: int, form: AudioForm) -> nn.Module:
    """Load a network of sounds; see `_built`. What it masks in training by draws of its own it masks no more."""
    from transformers import AutoModelForAudioClassification

    source = pretrained_folder(settings.path)
    config = pretrained_config(source)
    audio_reads(source, AudioReads(kind="audio", rate=form.rate), "reads")
    if hasattr(config, "apply_spec_augment"):
        config.apply_spec_augment = False  # drawn by NumPy's generator, which no checkpoint of a training holds
    extractor = feature_extractor(source)
    return _built(
        settings, source, config, AutoModelForAudioClassification, lambda one: around_sounds(one, extractor), outputs
    )


def _built(settings: PretrainedOptions, source: str, config: Any, kind: Any, around: Any, outputs: int) -> nn.Module:
    """Load a network in float32, with its own head or a new one; see `TransformerSettings.outputs`.

    Raises:
        LimbeckError: the checkpoint cannot be loaded, lacks weights besides its head's or outputs, or reads something
            else than it was trained with.
    """
    if settings.attention_dropout is not None:
        set_attention_dropout(config, settings.attention_dropout, settings.path)
    names = output_names(config)
    if settings.outputs is None:
        columns = list(range(outputs)) if len(names) == outputs else None
    else:
        columns = positions(names, settings.outputs) if settings.outputs else None
    if columns is not None and len(columns) != outputs:
        raise LimbeckError(f"{len(columns)} outputs are named where {outputs} are needed", where="outputs")
    network = load_pretrained(source, config, kind, new_head=columns is None)
    last = None if columns is not None else _without_last(network, source)
    encoder = network.base_model
    if settings.lora is not None:
        adapt(encoder, settings.lora, settings.path)
    freeze_layers(encoder, config, settings.freeze, embeddings=settings.freeze_embeddings, where=settings.path)
    if last is not None:
        return NewHead(around(network), width=last.in_features, outputs=outputs, dropout=settings.dropout)
    return ordered(around(network), columns or [], len(names))


def _without_last(network: Any, source: str) -> nn.Linear:
    """Take the last linear layer of a classifier out of it, and return it.

    Raises:
        LimbeckError: it has none.
    """
    prefix = f"{network.base_model_prefix}."
    found = [
        name for name, each in network.named_modules() if isinstance(each, nn.Linear) and not name.startswith(prefix)
    ]
    if not found:
        raise LimbeckError(
            "its head has no linear layer that a new one could replace", where=source, fix="take another"
        )
    parent, _, name = found[-1].rpartition(".")
    last = network.get_submodule(found[-1])
    setattr(network.get_submodule(parent), name, nn.Identity())
    return last


register(
    "a pretrained network of images from a folder or the hub: strong and slow",
    ImageFolderSettings,
    build_images,
    reads="image",
    per="example",
)
register(
    "a pretrained network of sounds from a folder or the hub: strong and slow",
    SoundFolderSettings,
    build_sounds,
    reads="audio",
    per="example",
)
