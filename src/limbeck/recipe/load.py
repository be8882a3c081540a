"""From a name, a file or a mapping, and `key=value` overrides, to a recipe that is right in every part."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from limbeck.console import say
from limbeck.data.readers import FILES
from limbeck.errors import LimbeckError, nearest
from limbeck.files import named_path, not_utf8
from limbeck.modalities import DEFAULT, contradiction, named_in
from limbeck.models import is_solved
from limbeck.networks import NetworkSettings
from limbeck.recipe.another import change, leave_out_unknown
from limbeck.recipe.grid import dotted, of_training, points, well_formed
from limbeck.recipe.settings import Recipe
from limbeck.recipes import packaged_recipes
from limbeck.runtime.records import suffix_of
from limbeck.settings.changes import OF_A_SOURCE, flat
from limbeck.settings.errors import RecipeError, shown, validated
from limbeck.settings.yaml import MOST_BYTES, UNREAD, read_value, read_yaml
from limbeck.teachers import CATALOGUE

_OF_DATA = {*FILES} - {".json"}
"""Suffixes of files that are no recipe."""


_OPTIONS = {"out": "--out", "output": "--out", "jobs": "--jobs", "track": "--track"}
"""What is typed as a key, and the option of `limbeck run` that is meant."""


def load_recipe(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe by packaged name or path and apply `key=value` overrides.

    Args:
        name: one of `packaged_recipes()`, or the path of a YAML file.
        overrides: e.g. `data.labelled=200`, `losses.kd.temperature=4`, `seeds=[0]`; values are YAML.

    Raises:
        LimbeckError: no such recipe, or anything in it or in an override that is not valid; every error is named.
    """
    values, where, folder = recipe_values(name)
    changes = dict(_parsed(override) for override in overrides)
    if folder is None:
        leave_out_unknown(values, changes)
        change(values, changes)
    else:
        _apply_to_mine(values, changes)
    recipe = parse_recipe(values, where)
    recipe._folder = folder
    return recipe


def recipe_values(name: str) -> tuple[dict[str, Any], str, Path | None]:
    """Return a recipe's values as its file has them, how it is called in errors, and the file's folder.

    Args:
        name: one of `packaged_recipes()`, which have no folder, or the path of a YAML file.

    Raises:
        LimbeckError: no such recipe, or no mapping.
    """
    path = named_path(name)
    packaged = packaged_recipes()
    if name in packaged:
        text, where, folder = packaged[name], f"recipe {name}", None
    elif path.is_file() and suffix_of(path) in _OF_DATA:
        fix = f"limbeck run RECIPE data.source={name} (limbeck recipes names some)"
        raise LimbeckError("this is data, not a recipe", where=name, fix=fix)
    elif path.is_file():
        text, where, folder = _read(path), str(path), path.resolve().parent
    elif path.exists():
        raise LimbeckError("not a file, and a recipe is one", where=name, fix="see one: limbeck recipes show sentiment")
    else:
        raise LimbeckError(
            f"no recipe `{name}`", fix=f"{nearest(name, packaged)}; or give the path of a YAML file (limbeck recipes)"
        )
    try:
        values = read_yaml(text)
    except LimbeckError as error:
        raise LimbeckError(error.what, where=where) from None
    if not isinstance(values, dict):
        raise LimbeckError("a recipe is a mapping of keys", where=where, fix="see one: limbeck recipes show sentiment")
    values.setdefault("name", run_name(path.stem))
    return values, where, folder


def _apply_to_mine(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Change the values of a recipe of the user's, in place; say which rows and names another source leaves out."""
    before = data if isinstance(data := values.get("data"), dict) else {}
    own = [key for key in OF_A_SOURCE if before.get(key) is not None]
    change(values, changes)
    gone = [f"data.{key}" for key in own if key not in values["data"]]
    if gone and (source := changes.get("data.source")) is not None:
        say(
            f"  data.source={source}: without {', '.join(gone)} of the recipe; give what belongs to it in the same line"
        )


def run_name(text: str) -> str:
    """Return what a run of this file or folder is called: its name without what a name must not hold."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "run"


def parse_recipe(values: Mapping[str, Any], where: str) -> Recipe:
    """Validate a recipe's values, and the settings that its baseline and grid lead to.

    Args:
        values: as YAML or JSON has them.
        where: the file, for errors.

    Raises:
        RecipeError: naming every wrong key and its nearest valid name.
    """
    if (wrong := contradiction(values.get("data"))) is not None:
        # Nothing can be said of what reads them.
        raise RecipeError([f"`data`: {wrong}"], where)
    values = _reading_the_data(values)
    lines = _arm_errors(values)
    try:
        recipe = validated(Recipe, values)
    except RecipeError as error:
        raise RecipeError([*error.lines, *lines], where) from None
    if lines:
        raise RecipeError(lines, where)
    return recipe


def _read(path: Path) -> str:
    """Return the text of a file that is not too large for a recipe: of another one, no more is read.

    Raises:
        LimbeckError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise LimbeckError(f"cannot be read ({error.strerror})", where=str(path)) from None
    if len(content) > MOST_BYTES:
        raise LimbeckError(f"more than {MOST_BYTES:,} bytes, which no recipe has", where=str(path))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise not_utf8(path) from None


def _parsed(override: str) -> tuple[str, Any]:
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        given = bool(override) and named_path(override).exists()
        fix = f"data.source={override} reads the rows from there" if given else "for example data.labelled=200"
        raise LimbeckError(f"`{override}` is no key=value", fix=fix)
    if (option := _OPTIONS.get(key)) is not None:
        raise LimbeckError(f"`{key}` is no key of a recipe", fix=f"limbeck run takes it as an option: {option} {text}")
    try:
        value = read_value(text)
    except LimbeckError as error:
        fix = f"close what it opens; a text in quotes is typed as {key}='\"TEXT\"'"
        fix = fix if error.what.startswith(UNREAD) else None
        raise LimbeckError(f"{shown(text)} is {error.what}", where=key, fix=fix) from None
    if key == "data" and isinstance(value, str):
        raise LimbeckError(f"`data` must be a mapping of keys, not {shown(value)}", fix=f"data.source={text}")
    return key, value


def _reading_the_data(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's values, in which networks that do not say what they read read what the data are."""
    values, named = dict(values), named_in(values.get("data"))
    if len(named) == 1 and named != [DEFAULT]:
        for key, settings in (("student", NetworkSettings), ("teacher", None)):
            if isinstance(values.get(key), Mapping):
                values[key] = _reading(values[key], settings, named[0])
    return values


def _reading(network: Mapping[str, Any], settings: type[BaseModel] | None, kind: str) -> dict[str, Any]:
    """Return values of a network, or of a teacher and its members, with the kind of what is read."""
    found = dict(network)
    if isinstance(members := found.get("members"), list):
        found["members"] = [_reading(each, None, kind) if isinstance(each, Mapping) else each for each in members]
    known = settings or CATALOGUE.get(str(found.get("kind")))
    field = None if known is None else known.model_fields.get("reads")
    reads = found.get("reads", {})
    readable = getattr(known, "of_modalities", ())
    if readable and kind not in readable:  # which is refused
        return found
    if field is not None and getattr(field.default, "kind", None) == DEFAULT and isinstance(reads, Mapping):
        found["reads"] = {"kind": kind, **reads}
    return found


def _arm_errors(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the settings of the arms, which exist only once `student` itself is right."""
    try:
        student = validated(NetworkSettings, values.get("student"))
    except RecipeError:
        return []
    arms, lines = {"": student}, []
    try:
        arms[" (in the baseline)"] = student.changed(_flat(values.get("baseline")), "baseline.")
    except RecipeError as error:
        lines = error.lines
    return lines + _grid_errors(values.get("grid", {}), arms)


def _grid_errors(grid: Any, arms: Mapping[str, NetworkSettings]) -> list[str]:
    """Return what is wrong with the points of a grid.

    Args:
        grid: as it was read.
        arms: settings, by what is said after an error of an arm alone.
    """
    if not isinstance(grid, Mapping | list) or not well_formed(grid := dotted(grid)):
        return []
    found: dict[str, str] = {}
    made: list[tuple[str, str, dict[str, Any], NetworkSettings]] = []
    for arm, settings in arms.items():
        for prefix, point in points(grid):
            try:
                made.append((arm, prefix, point, settings.changed(point, prefix)))
            except RecipeError as error:
                for line in error.lines:
                    found.setdefault(line, line + arm)
    twice = _standing_twice([(prefix[:-1], settings) for arm, prefix, _, settings in made if not arm])
    return [*found.values(), *twice, *_without_use([(prefix, point, settings) for _, prefix, point, settings in made])]


def _standing_twice(made: Sequence[tuple[str, NetworkSettings]]) -> list[str]:
    """Return a line for each point that stands before; points have a name each, or the grid's."""
    lines, seen = [], dict[str, str]()
    for name, settings in made:
        if (first := seen.setdefault(settings.model_dump_json(), name)) != name:
            lines.append(f"`{name}` is `{first}` once more; each point counts once")
    if not lines and len(seen) < len(made):
        lines.append(f"`{made[0][0]}` has a point twice; each counts once")
    return lines


def _without_use(made: Sequence[tuple[str, Mapping[str, Any], NetworkSettings]]) -> list[str]:
    """Return a line for each key of a training that no point has a use for, as it is solved in every arm."""
    solved = {prefix + key: each.model.name for prefix, point, each in made for key in point if of_training(key)}
    used = {prefix + key for prefix, point, each in made for key in point if not is_solved(each.model)}
    return [
        f"`{key}` changes nothing: `{name}` is solved, not trained" for key, name in solved.items() if key not in used
    ]


def _flat(changes: Any) -> dict[str, Any]:
    """Return dotted keys; none where there is no mapping, which the recipe's own check refuses."""
    return flat(changes) if isinstance(changes, Mapping) else {}
