"""What two runs of one recipe on one machine must have in common, whatever stopped one of them on the way.

    from same_run import differences

Weights, the teacher's answers, exported files and records of training are compared byte for byte, `evaluation.json`
value for value. The only things left out depend on a clock; they are listed here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILES = (
    "teacher/model.safetensors",
    "student/*/model.safetensors",
    "baseline/*/model.safetensors",
    "tuning/*/model.safetensors",
    "tuning/*.json",
    "curves/**/model.safetensors",
    "curves/**/tuning/*.json",
    "cache/*/*",
    "export/*/model.onnx",
    "metrics.jsonl",
    "recipe.yaml",
    "environment.json",
)
"""Compared byte for byte; a file that only one of the runs has is a difference."""

HISTORIES = ("teacher/history.json", "*/*/history.json", "curves/**/history.json")
"""Compared without `seconds`."""


def of_a_clock(keys: tuple[Any, ...]) -> bool:
    """Return whether an entry of `evaluation.json` depends on a clock, as the cost of every model does."""
    times = ("cpu_ms", "latency_ms", "throughput_per_s", "wall_per_cpu")
    if keys[:1] == ("models",):
        return keys[2:3] == ("cost",) and keys[3:4] != () and keys[3] in times
    # int8 ships where it is the faster one on the day.
    shipped = ("precision", *times, "size_bytes", "int8", "agreement", "agreement_low", "agreement_rows")
    return keys[:1] in {("seconds",), ("cpu_seconds",), ("finished",)} or (
        keys[:1] == ("bundle",) and keys[1:2] != () and keys[1] in shipped
    )


# Apart from those, an entry of `test_evaluations` holds the time of day, and each kill of a run that was evaluating
# adds an entry: without their time, equal entries count once. What models were called is known of an earlier entry
# whose evaluation was finished.


def differences(first: Path, second: Path) -> list[str]:
    """Return what differs between two run folders, as file names and as keys of `evaluation.json`."""
    found = [name for name in _names(first, second, FILES) if not _same_bytes(first / name, second / name)]
    for name in _names(first, second, HISTORIES):
        one, other = (_json(folder / name) for folder in (first, second))
        if one is None or other is None or one | {"seconds": 0} != other | {"seconds": 0}:
            found.append(name)
    one, other = (dict(_values(_json(folder / "evaluation.json") or {})) for folder in (first, second))
    alike = {key for key in one.keys() & other.keys() if one[key] == other[key]}
    unlike = (key for key in {**one, **other} if key not in alike and not of_a_clock(key))
    return found + [f"evaluation.json: {'.'.join(key)}" for key in unlike]


def _names(first: Path, second: Path, patterns: tuple[str, ...]) -> list[str]:
    files = {
        str(path.relative_to(folder))
        for folder in (first, second)
        for pattern in patterns
        for path in folder.glob(pattern)
    }
    return sorted(files)


def _same_bytes(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _values(value: dict[str, Any], keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the leaves of nested mappings with their keys; lists are leaves."""
    for key, part in value.items():
        if (*keys, key) == ("test_evaluations",):
            yield (
                (key,),
                _distinct([{name: entry[name] for name in entry if name not in ("time", "names")} for entry in part]),
            )
        elif isinstance(part, dict) and not of_a_clock((*keys, key)):
            yield from _values(part, (*keys, key))
        else:
            yield (*keys, key), part


def _distinct(entries: list[Any]) -> list[Any]:
    return [entry for index, entry in enumerate(entries) if entry not in entries[:index]]
