"""What a network reads of a sound."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from limbeck.console import say
from limbeck.data.modality import Reads, ReadsError
from limbeck.modalities.audio.clips import Clip
from limbeck.runtime.readers.audio import AudioReader
from limbeck.runtime.sounds import RATES

LONGEST = 30.0
"""Seconds up to which `seconds: null` reads whole sounds: memory and time grow with the longest one."""

Rate = Annotated[
    int | None,
    Field(
        ge=RATES[0],
        le=RATES[1],
        description="samples a second, which sounds of another rate are brought to; null: that of the training sounds",
    ),
]
Seconds = Annotated[
    float | None,
    Field(
        gt=0,
        le=600,
        description="length that every sound is cut or filled to; null: that of the longest training sound",
    ),
]
Crop = Annotated[
    Literal["centre", "start"],
    Field(description="which part is kept of a longer sound; a shorter one is followed by silence"),
]


class AudioReads(Reads):
    """Sounds, as samples of one rate and length."""

    own: ClassVar[tuple[str, ...]] = ("rate",)

    kind: Literal["audio"]
    rate: Rate = None
    seconds: Seconds = None
    crop: Crop = "centre"

    @property
    def kept(self) -> bool:
        """Decoding takes a while."""
        return True

    def fit(self, values: Sequence[Clip]) -> AudioReader:
        """Return the reader; say how many of the sounds are longer than what is read of them.

        Raises:
            ReadsError: a rate or length is not given, and the sounds have several or none, or are too long.
        """
        rate = self._rate(values)
        seconds = max(clip.seconds(rate) for clip in values) if self.seconds is None else self.seconds
        if self.seconds is None and seconds > LONGEST:
            raise ReadsError(
                f"the longest training sound has {seconds:,.1f} seconds, and whole ones are read up to {LONGEST:.0f}",
                key="seconds",
                value=_most([clip.seconds(rate) for clip in values]),
            )
        longer = sum(clip.seconds(rate) > seconds for clip in values)
        if longer:
            say(f"  {longer:,} of {len(values):,} training sounds are longer than {seconds:g} s: {self.crop} kept")
        return AudioReader(rate, max(1, round(seconds * rate)), self.crop)

    def _rate(self, values: Sequence[Clip]) -> int:
        if self.rate is not None:
            return self.rate
        rates = sorted({clip.rate for clip in values if clip.rate is not None})
        if len(rates) == 1:
            return rates[0]
        several = f"the training sounds have {len(rates)} rates: {', '.join(f'{rate:,}' for rate in rates[:8])}"
        raise ReadsError(
            several if rates else "the training sounds are arrays that come without a rate",
            key="rate",
            # Up to the lowest rate every sound has been heard; beyond it, some would be silent, and tell their class.
            value=rates[0] if rates else 16_000,
        )

    def same(self, rows: Any, others: Any) -> None:
        """Return None: sounds that are read alike look alike, and are never in two splits."""


def _most(seconds: Sequence[float]) -> int:
    """Return the whole seconds that 19 of 20 sounds fit into, up to `LONGEST`."""
    longest = sorted(seconds)[(19 * len(seconds) - 1) // 20]
    return min(math.ceil(longest), int(LONGEST))
