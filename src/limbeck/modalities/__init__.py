"""Modalities by name: what an example is.

To add one: a folder here with its `Modality` and what a network reads of it, its reader in `runtime/readers/`, and one
line in each of the two catalogues.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
    model_validator,
)

from limbeck.data.modality import EVERY, Modality
from limbeck.modalities.arrays import ArraysModality, ArraysReads
from limbeck.modalities.audio import AudioAugmentSettings, AudioModality, AudioReads
from limbeck.modalities.image import ImageAugmentSettings, ImageModality, ImageReads
from limbeck.modalities.table import TableModality, TableReads
from limbeck.modalities.text import AugmentSettings, TextModality, TextReads
from limbeck.settings import Settings, union
from limbeck.settings.changes import alternatives

MODALITIES: dict[str, Modality] = {
    modality.name: modality
    for modality in (TextModality(), ImageModality(), AudioModality(), TableModality(), ArraysModality())
}
DEFAULT = "text"
"""The modality of data and reads that name none."""

__all__ = [
    "DEFAULT",
    "MODALITIES",
    "ArraysReads",
    "AudioReads",
    "CopySettings",
    "ImageReads",
    "InputSettings",
    "ReadsSettings",
    "TableReads",
    "TextReads",
    "contradiction",
    "named_in",
]

_KEYS = {modality.key: modality for modality in MODALITIES.values()}
"""Modalities by the key of `data` that names their column."""
alternatives("data", _KEYS)
alternatives("target", _KEYS)


def named_in(data: Any) -> list[str]:
    """Return the modalities whose key is set in values of `data`; none where these are no mapping."""
    keys = _KEYS if isinstance(data, Mapping) else {}
    return [modality.name for key, modality in keys.items() if data.get(key) is not None]


def contradiction(data: Any) -> str | None:
    """Return what is wrong where values of `data` name several modalities; None where they name one, or none."""
    keys = [MODALITIES[name].key for name in named_in(data)]
    if len(keys) < 2:
        return None
    listed = f"{', '.join(keys[:-1])} and {keys[-1]}"
    return f"{listed} contradict each other, as each says what an example is; give one of them"


def _columns(given: Any) -> Any:
    """Return several columns as a tuple; `*` stands for all but the label."""
    if given is None or given == EVERY:
        return given
    columns = [given] if isinstance(given, str) else given
    if not isinstance(columns, list | tuple) or not columns or not all(isinstance(one, str) and one for one in columns):
        raise ValueError(f"must be a list of columns, each in text, or {EVERY} for all but the label, not {given!r}")
    if len(set(columns)) < len(columns):
        raise ValueError("a column stands twice; each is read once")
    return tuple(columns)


def _column_or_several(given: Any) -> Any:
    """Return a column as it is, several as a tuple."""
    return given if isinstance(given, str) else _columns(given)


class _Inputs(Settings):
    """Which column holds the example: of the keys of the modalities, one is given."""

    @model_validator(mode="wrap")  # pyrefly: ignore[bad-argument-type]
    @classmethod
    def _one_column(cls, values: Any, handler: ModelWrapValidatorHandler["_Inputs"]) -> "_Inputs":
        named = named_in(values)
        if (wrong := contradiction(values)) is not None:
            raise ValueError(wrong)
        if isinstance(values, Mapping):
            values = _with_copies_of(named[0] if named else DEFAULT, values)
            values = _with_target_alike(MODALITIES[named[0]].key if named else DEFAULT, values)
        found = handler({**values, DEFAULT: None} if named and named != [DEFAULT] else values)
        if all(getattr(found, key) is None for key in _KEYS):
            raise ValueError(f"no key names the column with the example; give one of {', '.join(_KEYS)}")
        return found

    @model_serializer(mode="wrap")
    def _without_the_others(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key not in _KEYS or value is not None}

    @property
    def modality(self) -> Modality:
        """What an example is."""
        return next(modality for key, modality in _KEYS.items() if getattr(self, key) is not None)

    @property
    def column(self) -> str | tuple[str, ...]:
        """The column with the example, or those that it is made of; `*`: all of them but the label."""
        return getattr(self, self.modality.key)


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


def _with_target_alike(key: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings whose `target` reads the column of the same name, where it names none: not texts, the default."""
    target, column = values.get("target"), values.get(key)
    try:
        right = _columns(column) is not None
    except ValueError:
        right = False  # which is said of the source
    if key == DEFAULT or not right or not isinstance(target, Mapping) or named_in(target):
        return values
    return {**values, "target": {**target, key: column}}


if TYPE_CHECKING:
    ReadsSettings = TextReads | ImageReads | AudioReads | TableReads | ArraysReads
    CopySettings = AugmentSettings | ImageAugmentSettings | AudioAugmentSettings

    class InputSettings(_Inputs):
        """Which column holds the example."""

        text: str | tuple[str, ...] | None
        audio: str | None
        image: str | None
else:
    ReadsSettings = union({name: modality.reads for name, modality in MODALITIES.items()}, on="kind", default=DEFAULT)
    _ONE = Annotated[str, Field(min_length=1)]
    _SEVERAL = Annotated[str | tuple[str, ...] | None, BeforeValidator(_columns)]
    _EITHER = Annotated[
        _ONE | Annotated[tuple[str, ...], Field(min_length=2)] | None, BeforeValidator(_column_or_several)
    ]
    _COLUMNS = {
        key: (
            Annotated[
                _SEVERAL if modality.several else _EITHER if modality.joins else _ONE | None,
                Field(description=modality.column),
            ],
            DEFAULT if key == DEFAULT else None,
        )
        for key, modality in _KEYS.items()
    }
    _COPIES = {name: modality.augment for name, modality in MODALITIES.items() if modality.augment is not None}
    CopySettings = union(_COPIES, on="kind", default=DEFAULT)
    InputSettings = create_model("InputSettings", __base__=_Inputs, **_COLUMNS)
