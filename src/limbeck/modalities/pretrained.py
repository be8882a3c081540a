"""What a pretrained network reads beside what a recipe says of it."""

from typing import Any, TypeVar

from limbeck.data.modality import Reads
from limbeck.errors import LimbeckError

PROCESSOR = (
    "its folder needs the preprocessor_config.json that the network was trained with (save_pretrained writes it)"
)

_R = TypeVar("_R", bound=Reads)


def agreeing(said: _R, found: _R, source: str, key: str) -> _R:
    """Return what a pretrained network reads, where the recipe says the same or leaves it open.

    Args:
        said: by the recipe: keys that are not set, and null, are open.
        found: in the network's folder: a key that is not set is left to the recipe.
        source: the folder, or a hub id.
        key: of `reads` in the recipe.

    Raises:
        LimbeckError: a key has two values, both of which are shown.
    """
    values = {name: getattr(said, name) for name in said.model_dump() if name in said.model_fields_set}
    own = {name: value for name, value in values.items() if value is not None}
    for name, value in own.items():
        wanted = getattr(found, name)
        if name in found.model_fields_set and _plain(value) != _plain(wanted):
            raise LimbeckError(
                f"`{source}` was trained with {name} {_shown(wanted)}, and the recipe says {_shown(value)}",
                where=f"{key}.{name}",
                fix=f"leave it out: {key}={{kind: {found.kind}}} reads what the network was trained with",
            )
    settled = {name: getattr(found, name) for name in found.model_fields_set}
    return said.model_copy(update=own | settled)


def _plain(value: Any) -> Any:
    """Return one side for two that are the same."""
    pair = isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]
    return value[0] if pair else value


def _shown(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)
