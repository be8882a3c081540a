"""What all settings share: one frozen base, a catalogue's settings as one type, dotted changes, errors, YAML."""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from limbeck.settings.numbers import within_reason

ALSO = "x-also"
"""The key of a JSON Schema under which a component's other names stand."""


class Settings(BaseModel):
    """Settings of a component, as a recipe gives them: frozen.

    An unknown key fails, and so does a boolean, what is not finite, or an absurd size in the place of a number.

    Attributes:
        also: other names of a component of a catalogue, which are not taken: an error says what it is called here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)
    also: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return how it is read; see `within_reason`."""
        return within_reason(handler(source))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return its JSON Schema, with its other names."""
        found = handler(schema)
        if cls.also:
            handler.resolve_ref_schema(found)[ALSO] = [*cls.also]
        return found


def union(
    catalogue: Mapping[str, type[BaseModel]],
    *,
    on: str,
    title: str | None = None,
    default: str | None = None,
    tag: Callable[[Any], str | None] | None = None,
) -> Any:
    """Return the settings of a catalogue as one type: a field of this type reads, checks and writes each of them.

    Args:
        catalogue: settings by the value of the key that tells them apart.
        on: that key, `name` or `kind`; each of the settings has it as a `Literal`.
        title: of the type, in the JSON Schema.
        default: the name in the catalogue of a mapping without that key; None: it must have it.
        tag: of a given value, the name in the catalogue, where the value of the key `on` does not say it.
    """
    if default is not None:
        tag = _tag(on, default)
    if tag is None:
        plain: Any = reduce(or_, catalogue.values())
        # One kind alone is no union; pydantic tells kinds apart from two on.
        return Annotated[plain, Field(discriminator=on, title=title) if len(catalogue) > 1 else Field(title=title)]
    tagged: Any = reduce(or_, (Annotated[one, Tag(name)] for name, one in catalogue.items()))
    return Annotated[tagged, Discriminator(tag)]


def _tag(on: str, default: str) -> Callable[[Any], str | None]:
    def tag(value: Any) -> str | None:
        return value.get(on, default) if isinstance(value, Mapping) else getattr(value, on, None)

    return tag


def or_bare(settings: Any, *, on: str) -> Any:
    """Return a type that reads `regression` as `{kind: regression}` too.

    Args:
        settings: the type.
        on: the key that a bare name stands for.
    """

    def whole(value: Any) -> Any:
        return {on: value} if isinstance(value, str) else value

    return Annotated[settings, BeforeValidator(whole, json_schema_input_type=str | settings)]
