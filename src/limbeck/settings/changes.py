"""Changes by dotted key: what `key=value`, `baseline` and `grid` have in common."""

from collections.abc import Iterable, Mapping
from typing import Any

from limbeck.errors import LimbeckError, nearest

_DEEPEST = 20
"""Steps to a key that a change may go."""

# A change of the first key drops the others: they belong to the old source, or say the same thing in another way.
_BARE = {"model": "name", "task": "kind", "codec": "kind"}
"""Keys whose value may be a bare name, and what the name is of the mapping that it stands for."""
OF_A_SOURCE = ("domain", "unlabelled", "missing", "merge_classes")
"""Keys of `data` that another source leaves out."""
_REPLACES: dict[str, tuple[str, ...]] = {
    "data.source": OF_A_SOURCE,
    "target.source": ("domain",),
    "train.steps": ("epochs",),
    "train.epochs": ("steps",),
    "until.accuracy": ("retention",),
    "until.retention": ("accuracy",),
}


def alternatives(section: str, names: Iterable[str]) -> None:
    """Let a change of one of these keys of a section drop the others, of which only one is given."""
    names = list(names)
    _REPLACES.update({f"{section}.{name}": tuple(other for other in names if other != name) for name in names})


def flat(changes: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested changes with dotted keys: `{train: {lr: 1}}` and `{train.lr: 1}` mean the same.

    A mapping that says what it is, by `name` or `kind`, is one value: it replaces what was there.
    """
    result: dict[str, Any] = {}
    for key, value in changes.items():
        nested = isinstance(value, Mapping) and not value.keys() & {"name", "kind"}
        result |= flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return result


def apply(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Set dotted keys in nested values, in place.

    The entries of a list go by their `name` or their number; a bare name becomes the mapping that it stands for.

    Raises:
        LimbeckError: a list has no such entry, or a key has far too many parts.
    """
    for key, value in changes.items():
        for replaced, others in _REPLACES.items():
            if value is not None and f".{key}".endswith(f".{replaced}"):
                parent = key.rpartition(".")[0]
                for other in others:
                    _drop(values, f"{parent}.{other}")
    for key, value in changes.items():
        *path, last = key.split(".")
        if len(path) > _DEEPEST:
            raise LimbeckError(f"a key of {len(path) + 1:,} parts", where=_short(key))
        place: Any = values
        for step in path:
            place = _enter(place, step, key)
        place[_position(place, last, key)] = value


def _drop(values: Any, key: str) -> None:
    *path, last = key.split(".")
    for step in path:
        values = values.get(step) if isinstance(values, dict) else None
    if isinstance(values, dict):
        values.pop(last, None)


def _enter(place: Any, step: str, key: str) -> Any:
    """Return the mapping or list under `step`, made where there is none."""
    position = _position(place, step, key)
    inner = place[position] if isinstance(place, list) else place.get(position)
    if isinstance(inner, str) and (isinstance(place, list) or step in _BARE):
        inner = {_BARE.get(step, "name"): inner}
    elif not isinstance(inner, dict | list):
        inner = {}
    # A copy, as YAML's `*name` puts one mapping into two places, and a change is of one of them.
    inner = inner.copy()
    place[position] = inner
    return inner


def _position(place: Any, step: str, key: str) -> Any:
    if not isinstance(place, list):
        return step
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in place]
    if names.count(step) == 1:
        return names.index(step)
    if step in (numbers := [str(number) for number in range(len(place))]):
        return numbers.index(step)
    if step in names:
        raise LimbeckError(
            f"{names.count(step)} entries are named `{step}`", where=_short(key), fix="give a number, from 0"
        )
    valid = [name for name in names if isinstance(name, str)] or numbers
    fix = nearest(step, valid) if valid else None
    if place and all(isinstance(entry, dict) and "name" not in entry for entry in place):
        # The points of a grid, where the key of a grid that is a mapping may be meant.
        before, _, after = key.partition(f".{step}")
        last = f"their numbers end with {len(place) - 1}"
        meant = f"the entries of this list go by number, as in {_short(f'{before}.0.{step}{after}')}"
        fix = last if step.isdecimal() else meant
    raise LimbeckError(f"no entry is named `{_short(step)}`", where=_short(key), fix=fix)


def _short(key: str) -> str:
    return key if len(key) <= 60 else f"{key[:57]}..."
