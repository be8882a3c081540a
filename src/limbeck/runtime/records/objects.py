"""JSON: one object a line, or one list of objects."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from limbeck.errors import LimbeckError
from limbeck.files import parsed_json
from limbeck.runtime.records.part import AT_ONCE, BYTES, Note, Part, Wanted
from limbeck.runtime.records.texts import opened, place_of


def objects(file: str | Path, wanted: Wanted, forms: str, note: Note) -> Iterator[Part]:
    """Yield the rows of a JSON file, a part after the other; None stands where an object lacks a key.

    Raises:
        LimbeckError: see `opened`; or a line is no object.
    """
    names: dict[str, None] = {}
    cells: dict[str, list[Any]] = {}
    rows = size = 0
    with opened(file, forms) as lines:
        for row in _each(lines, place_of(file)):
            names.update(dict.fromkeys(row))
            for name in row:
                if name not in cells and name in wanted:
                    cells[name] = [None] * rows
            for name, held in cells.items():
                held.append(row.get(name))
            rows += 1
            size += sum(len(cell) for cell in row.values() if isinstance(cell, str))
            if rows == AT_ONCE or size >= BYTES:
                yield Part(names, cells, rows)
                cells, rows, size = {}, 0, 0
    yield Part(names, cells, rows)


def _each(lines: TextIO, where: str) -> Iterator[Mapping[str, Any]]:
    start = ""
    for start in lines:
        if start.strip():
            break
    rest = chain([start], lines)
    if start.lstrip().startswith("["):
        for number, value in enumerate(_parsed("".join(rest), where), 1):
            yield _object(value, f"{where}, item {number}")
        return
    for number, line in enumerate(rest, 1):
        if line.strip():
            place = f"{where}, line {number}"
            yield _object(_parsed(line, place), place)


def _parsed(text: str, where: str) -> Any:
    try:
        return parsed_json(text)
    except json.JSONDecodeError as error:
        raise LimbeckError(
            f"not valid JSON ({error.msg}, column {error.colno})",
            where=where,
            fix="give one object a line, or one list of objects",
        ) from None


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise LimbeckError("not a JSON object", where=where, fix='write rows as {"text": ..., "label": ...}')
    return value


def at_path(cells: Sequence[Any], path: str) -> list[Any]:
    """Return what objects hold at a path such as `body.text`; None where one does not."""
    steps = path.split(".")

    def held(cell: Any) -> Any:
        for step in steps:
            cell = cell.get(step) if isinstance(cell, Mapping) else None
        return cell

    return [held(cell) for cell in cells]


def keys_of(cells: Sequence[Any]) -> list[str]:
    """Return the keys that objects in a column have, in the order in which they come; none where there are none."""
    found: dict[str, None] = {}
    for cell in cells:
        found.update(dict.fromkeys(map(str, cell)) if isinstance(cell, Mapping) else {})
    return list(found)
