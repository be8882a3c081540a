"""What a pretrained network of sounds hears, as the feature extractor in its folder says it."""

from typing import Any

from limbeck.errors import LimbeckError, first_line
from limbeck.modalities.audio.reads import AudioReads
from limbeck.modalities.pretrained import PROCESSOR, agreeing
from limbeck.runtime.sounds import RATES


def feature_extractor(source: str) -> Any:
    """Return the feature extractor of a pretrained network, in the words of transformers.

    Args:
        source: a folder or a hub id.

    Raises:
        LimbeckError: there is none, or none of sounds.
    """
    from transformers import AutoFeatureExtractor  # slow to import

    try:
        found: Any = AutoFeatureExtractor.from_pretrained(source, trust_remote_code=False)
    except Exception as error:  # a damaged file raises whatever its reader raises
        raise LimbeckError(
            f"cannot load its feature extractor: {first_line(error).rstrip('.')}", where=source, fix=PROCESSOR
        ) from error
    rate = getattr(found, "sampling_rate", None)
    if type(rate) is not int or not RATES[0] <= rate <= RATES[1]:
        raise LimbeckError(
            f"preprocessor_config.json says sampling_rate: {rate}, which is no rate of sounds",
            where=source,
            fix=PROCESSOR,
        )
    return found


def audio_reads(source: str, reads: AudioReads, key: str) -> AudioReads:
    """Return what a pretrained network hears of a sound: at its own rate. Its length is left to the recipe.

    Args:
        source: a folder or a hub id.
        reads: what the recipe says of it.
        key: of `reads` in the recipe, for errors.

    Raises:
        LimbeckError: see `feature_extractor`; or the recipe says another rate.
    """
    found = AudioReads(kind="audio", rate=feature_extractor(source).sampling_rate)
    return agreeing(reads, found, source, key)
