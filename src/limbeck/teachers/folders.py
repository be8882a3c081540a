"""What is done with a folder of transformers, by what it classifies: how it reads, is trained, and is built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from limbeck.modalities.audio.pretrained import audio_reads, feature_extractor
from limbeck.modalities.image.pretrained import image_reads
from limbeck.models.finished import image_classifier, sound_classifier
from limbeck.models.folders import ImageFolderSettings, SoundFolderSettings
from limbeck.models.pretrained import PretrainedOptions


@dataclass(frozen=True)
class Folder:
    """Folders of one modality.

    Attributes:
        noun: one example in words; several end with an `s`.
        head: what the name of a classifier of theirs ends with.
        settled: called with the folder, its configuration, what the recipe says of `reads` and where that stands;
            returns what is read with nothing left open, and a few words about it.
        trained: settings of the same network where it is fine-tuned.
        built: called with the folder, its configuration and the form that the reader gives; returns the network with
            its own outputs.
    """

    noun: str
    head: str
    settled: Callable[[str, Any, Any, str], tuple[Any, str]]
    trained: Callable[..., PretrainedOptions]
    built: Callable[[str, Any, Any], nn.Module]


def _images(source: str, config: Any, reads: Any, key: str) -> tuple[Any, str]:
    found = image_reads(source, reads, getattr(config, "num_channels", 3), key)
    sides = [found.size] * 2 if isinstance(found.size, int) else found.size or ()
    return found, f"on {' x '.join(map(str, sides))} pixels"


def _sounds(source: str, config: Any, reads: Any, key: str) -> tuple[Any, str]:
    found = audio_reads(source, reads, key)
    return found, f"at {found.rate:,} samples a second"


FOLDERS = {
    "image": Folder("image", "ForImageClassification", _images, ImageFolderSettings, image_classifier),
    "audio": Folder(
        "sound",
        "ForAudioClassification",
        _sounds,
        SoundFolderSettings,
        lambda source, config, form: sound_classifier(source, config, feature_extractor(source)),
    ),
}
"""Those of images and sounds, by modality. Texts have no processor: see `TransformersTeacher`."""
