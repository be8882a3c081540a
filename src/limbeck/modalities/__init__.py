"""Modalities by name: what an example is.

To add one: a folder here with its `Modality` and what a network reads of it, its reader in `runtime/readers/`, and one
line in each of the two catalogues.
"""

from collections.abc import Mapping
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
from limbeck.modalities.image import ImageAugmentSettings, ImageModality, ImageReads
from limbeck.modalities.text import AugmentSettings, TextModality, TextReads
from limbeck.settings import Settings, union
from limbeck.settings.changes import alternatives

MODALITIES: dict[str, Modality] = {
    modality.name: modality for modality in (TextModality(), ImageModality(), ArraysModality())
}
DEFAULT = "text"
"""The modality of data and reads that name none."""

__all__ = [
    "DEFAULT",
    "MODALITIES",
    "ArraysReads",
    "CopySettings",
    "ImageReads",
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
        if isinstance(values, Mapping):
            values = _with_copies_of(named[0] if named else DEFAULT, values)
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


def _with_copies_of(modality: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings whose `augment` says which modality's copies it describes: those of the column's.

    Raises:
        ValueError: it says another one.
    """
    copies, settings = values.get("augment"), MODALITIES[modality].augment
    if isinstance(copies, Mapping) and copies.get("kind", modality) != modality:
        raise ValueError(f"augment makes copies of {copies['kind']}s, and the column holds {modality}s; leave out kind")
    if not isinstance(copies, Mapping) or settings is None or "kind" not in settings.model_fields:
        return values
    return {**values, "augment": {**copies, "kind": modality}}


if TYPE_CHECKING:
    ReadsSettings = TextReads | ImageReads | ArraysReads
    CopySettings = AugmentSettings | ImageAugmentSettings

    class InputSettings(_Inputs):
        """Which column holds the example."""

        text: str | None
        image: str | None
else:
    ReadsSettings = union({name: modality.reads for name, modality in MODALITIES.items()}, on="kind", default=DEFAULT)
    _COLUMNS = {
        name: (
            Annotated[str | None, Field(min_length=1, description=modality.column)],
            DEFAULT if name == DEFAULT else None,
        )
        for name, modality in MODALITIES.items()
    }
    _COPIES = {name: modality.augment for name, modality in MODALITIES.items() if modality.augment is not None}

    def _copies_of(value: Any) -> str | None:
        if isinstance(value, Mapping):
            return value.get("kind", DEFAULT)
        return next((name for name, settings in _COPIES.items() if isinstance(value, settings)), None)

    CopySettings = union(_COPIES, on="kind", tag=_copies_of)
    InputSettings = create_model("InputSettings", __base__=_Inputs, **_COLUMNS)
