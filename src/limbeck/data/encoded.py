"""Encoded examples on disk."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.numpy import save_file

from limbeck.files import staged
from limbeck.runtime.rows import Rows, restored


def save_encoded(encoded: Mapping[str, Rows], path: Path) -> None:
    """Write rows by name into one safetensors file."""
    arrays, about = {}, {}
    for name, rows in encoded.items():
        parts, rest = rows.stored()
        arrays |= {f"{name}/{part}": value for part, value in parts.items()}
        about[name] = json.dumps(rest)
    with staged(path) as aside:
        save_file(arrays, str(aside), metadata=about)


def load_encoded(path: Path) -> dict[str, Rows]:
    """Read what `save_encoded` wrote."""
    with safe_open(str(path), framework="numpy") as file:
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
        about = {name: json.loads(text) for name, text in (file.metadata() or {}).items()}
    parts = {
        name: {key.removeprefix(f"{name}/"): value for key, value in arrays.items() if key.startswith(f"{name}/")}
        for name in about
    }
    return {name: restored(parts[name], rest) for name, rest in about.items()}
