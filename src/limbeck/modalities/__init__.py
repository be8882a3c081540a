"""Modalities by name: what an example is.

To add one: a folder here with its `Modality` and what a network reads of it, its reader in `runtime/readers/`, and one
line in each of the two catalogues.
"""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
    model_validator,
)

from limbeck.data.modality import Modality
from limbeck.modalities.arrays import ArraysModality, ArraysReads
from limbeck.modalities.audio import AudioAugmentSettings, AudioModality, AudioReads
from limbeck.modalities.text import AugmentSettings, TextModality, TextReads
from limbeck.settings import Settings, union
from limbeck.settings.changes import alternatives

MODALITIES: dict[str, Modality] = {
    modality.name: modality for modality in (TextModality(), AudioModality(), ArraysModality())
}
DEFAULT = "text"
"""The modality of data and reads that name none."""

__all__ = [
    "DEFAULT",
    "MODALITIES",
    "ArraysReads",
    "AudioReads",
    "CopySettings",
    "InputSettings",
    "ReadsSettings",
    "TextReads",
]

alternatives("data", MODALITIES)
alternatives("target", MODALITIES)


class _Inputs(Settings):
    """Which column holds the example: of the keys that are the names of the modalities, one is given."""

    @model_validator(mode="wrap")  # pyrefly: ignore[bad-argument-type]
    @classmethod
    def _one_column(cls, values: Any, handler: ModelWrapValidatorHandler["_Inputs"]) -> "_Inputs":
        named = [name for name in MODALITIES if values.get(name) is not None] if isinstance(values, Mapping) else []
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} name a column each, and an example is one thing; give one of them")
        found = handler({**values, DEFAULT: None} if named and named != [DEFAULT] else values)
        if all(getattr(found, name) is None for name in MODALITIES):
            raise ValueError(f"no key names the column with the example; give one of {', '.join(MODALITIES)}")
        return found

    @model_serializer(mode="wrap")
    def _without_the_others(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key not in MODALITIES or value is not None}

    @property
    def modality(self) -> Modality:
        """What an example is."""
        return next(modality for name, modality in MODALITIES.items() if getattr(self, name) is not None)

    @property
    def column(self) -> str:
        """The column with the example."""
        return getattr(self, self.modality.name)


if TYPE_CHECKING:
    ReadsSettings = TextReads | ArraysReads | AudioReads
    CopySettings = AugmentSettings | AudioAugmentSettings

    class InputSettings(_Inputs):
        """Which column holds the example."""

        text: str | None
else:
    ReadsSettings = union({name: modality.reads for name, modality in MODALITIES.items()}, on="kind", default=DEFAULT)
    _COLUMNS = {
        name: (
            Annotated[str | None, Field(min_length=1, description=modality.column)],
            DEFAULT if name == DEFAULT else None,
        )
        for name, modality in MODALITIES.items()
    }
    CopySettings = reduce(or_, (modality.augment for modality in MODALITIES.values() if modality.augment is not None))
    InputSettings = create_model("InputSettings", __base__=_Inputs, **_COLUMNS)
