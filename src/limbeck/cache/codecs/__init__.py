"""The catalogue of codecs: how a teacher cache stores the logits of a prediction.

    cache: {codec: {kind: dense, dtype: float16}}            # in a recipe

To add one, write `cache/codecs/<name>.py` and name it here.
"""

from typing import TYPE_CHECKING

from limbeck.cache.codecs.codec import Codec
from limbeck.cache.codecs.dense import Dense
from limbeck.cache.codecs.hidden import Hidden
from limbeck.cache.codecs.sampled import SampledCodec
from limbeck.cache.codecs.topk import TopKCodec
from limbeck.settings import or_bare, union

CATALOGUE: dict[str, type[Codec]] = {
    "dense": Dense,
    "topk": TopKCodec,
    "sampled": SampledCodec,
    "hidden": Hidden,
}
"""Every codec by its kind."""

DEFAULT: Codec = Dense()
"""Of a recipe that names none."""


def exactly(codec: Codec) -> Codec:
    """Return how the rows are stored on which a teacher is judged, whatever a codec keeps of the others."""
    return codec.exactly or DEFAULT


if TYPE_CHECKING:
    CodecSettings = Codec
else:
    CodecSettings = or_bare(union(CATALOGUE, on="kind", default=DEFAULT.kind), on="kind")
    """Any codec, told apart by `kind`."""

__all__ = ["CATALOGUE", "DEFAULT", "Codec", "CodecSettings", "Dense", "Hidden", "SampledCodec", "TopKCodec", "exactly"]
