"""The grid of a recipe: what every arm chooses among on validation."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeGuard

from pydantic import BaseModel, Discriminator, Field, Tag

from limbeck.models import is_solved
from limbeck.networks import NetworkSettings
from limbeck.settings.changes import flat

MOST_POINTS = 1_000
"""Of a grid: each is a training of every arm."""

Combinations = dict[str, Annotated[list[Any], Field(min_length=1)]]
Points = Annotated[list[dict[str, Any]], Field(min_length=1)]
Grid = Annotated[
    Annotated[Combinations, Tag("combinations")] | Annotated[Points, Tag("points")],
    Discriminator(lambda grid: "points" if isinstance(grid, list) else "combinations"),
]
"""Keys of student and their candidates, in all combinations; or points, each a mapping of such keys and values."""

Candidate = tuple[dict[str, Any], NetworkSettings]
"""What is told of a point, by dotted key, and the settings of an arm with it."""


def dotted(grid: Any) -> Any:
    """Return a grid with dotted keys; what is none as it is.

    Raises:
        ValueError: it is neither a mapping nor a list.
    """
    if isinstance(grid, Mapping):
        return flat(grid)
    if not isinstance(grid, list):
        raise ValueError("give keys of student and their candidates, or a list of points")
    return [flat(point) if isinstance(point, Mapping) else point for point in grid]


def well_formed(grid: Any) -> TypeGuard[Combinations | Points]:
    """Return whether a grid with dotted keys has points, and not too many."""
    parts, kind = (grid, Mapping) if isinstance(grid, list) else (grid.values(), list)
    return all(isinstance(part, kind) for part in parts) and points_of(grid) <= MOST_POINTS


def points_of(grid: Combinations | Points) -> int:
    """Return how many points a grid has."""
    return len(grid) if isinstance(grid, list) else math.prod(map(len, grid.values()))


def points(grid: Combinations | Points) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what stands before a point's keys in an error, and the point; the empty grid has one."""
    if isinstance(grid, list):
        yield from ((f"grid.{number}.", point) for number, point in enumerate(grid))
    else:
        yield from (("grid.", dict(zip(grid, values, strict=True))) for values in itertools.product(*grid.values()))


def candidates(grid: Combinations | Points, arm: NetworkSettings) -> list[Candidate]:
    """Return every point of a grid for an arm.

    Told are all keys that the grid varies, with the values that the point has of them. A whole model is told by its
    name and the options that differ from its defaults. Of points whose networks are solved and differ in their training
    alone, the first one stands for all: no training is told of it.
    """
    varied = list(dict.fromkeys(key for _, point in points(grid) for key in point))
    varied.sort(key=lambda key: key != "model")
    found: dict[str, Candidate] = {}
    for prefix, point in points(grid):
        settings = arm.changed(point, prefix)
        solved = is_solved(settings.model)
        keys = [key for key in varied if not (solved and of_training(key)) and not _within(key, varied)]
        told = {name: value for key in keys for name, value in _told(key, point, settings).items()}
        alike = settings.model_dump_json(exclude={"train"}) if solved else str(len(found))
        found.setdefault(alike, (told, settings))
    return list(found.values())


def in_words(told: Mapping[str, Any]) -> str:
    """Return what is told of a point as it is typed: `model=ngrams, model.dim=16, train.lr=0.006`."""
    return ", ".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in told.items())


def called(every: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what each point is called beside the others: all that is told, or its network where no other has that."""
    networks = [told.get("model") for told in every]
    alone = [name is not None and networks.count(name) == 1 for name in networks]
    return [in_words({"model": told["model"]} if own else told) for told, own in zip(every, alone, strict=True)]


def of_training(key: str) -> bool:
    """Return whether a key of a student is about its training, which one that is solved has not."""
    return key.split(".")[0] == "train"


def _within(key: str, others: Sequence[str]) -> bool:
    """Return whether a key is part of another one, which is told as a whole."""
    return any(key.startswith(f"{other}.") for other in others)


def _told(key: str, point: Mapping[str, Any], settings: NetworkSettings) -> dict[str, Any]:
    part: Any = settings
    for step in key.split("."):
        part = getattr(part, step, None)
    return _whole(key, part) if isinstance(part, BaseModel) else {key: point.get(key, part)}


def _whole(key: str, part: BaseModel) -> dict[str, Any]:
    """Return a part of the settings by key: its name or kind, then what differs from its defaults."""
    fields, values = type(part).model_fields, part.model_dump(mode="json")
    called = next((name for name in ("name", "kind") if name in values), None)
    found = {} if called is None else {key: values[called]}
    for name in values:
        own = getattr(part, name)
        if name == called or (name in fields and own == fields[name].get_default(call_default_factory=True)):
            continue
        found |= _whole(f"{key}.{name}", own) if isinstance(own, BaseModel) else {f"{key}.{name}": values[name]}
    return found
