"""What a cache's folder says of itself, and whether its files hold what they should."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from limbeck.cache.claims import claims_in
from limbeck.cache.identity import MANIFEST, CacheIdentity, identity_in, read_manifest
from limbeck.cache.shards import OFFSETS, TAP, Shard, in_order, mapped, offsets_of
from limbeck.cache.shared import FILE, read_shared
from limbeck.digest import file_digest, hex_id
from limbeck.errors import LimbeckError
from limbeck.logits import each_tensor

_PLACES = ("*", "cache/*", "features/*")
"""Where caches stand in a `cache.path` and in a run's folder."""
_SHOWN = 20


def is_cache(folder: Path) -> bool:
    """Return whether a folder is a cache itself."""
    return (folder / MANIFEST).is_file()


def caches_in(folder: Path) -> list[Path]:
    """Return the caches of a folder: itself, or those in a `cache.path` or a run's folder, by name.

    Raises:
        LimbeckError: there is none.
    """
    if is_cache(folder):
        return [folder]
    found = sorted(path.parent for place in _PLACES for path in folder.glob(f"{place}/{MANIFEST}"))
    if not found:
        raise LimbeckError(
            f"no cache is there: no {MANIFEST}, nor in a folder of it",
            where=str(folder),
            fix="give a cache.path, a run's folder, or a folder in its cache/",
        )
    return found


def one_cache_in(folder: Path) -> Path:
    """Return the only cache of a folder.

    Raises:
        LimbeckError: there is none, or there are several.
    """
    found = caches_in(folder)
    if len(found) > 1:
        names = ", ".join(str(path) for path in found[:_SHOWN])
        raise LimbeckError(f"{len(found)} caches are there: {names}", where=str(folder), fix="give one of them")
    return found[0]


@dataclass(frozen=True)
class CacheInfo:
    """What a cache holds.

    Attributes:
        folder: where it is.
        identity: whose answers they are.
        error: how far what is decoded is off at most, in the codec's unit.
        rows: that have an answer.
        size: bytes of the shards, and of what is stored once.
        shards: how many there are.
        unsealed: how many of them a labelling has left open.
        locks: who labels now, and how many rows each has claimed.
    """

    folder: Path
    identity: CacheIdentity
    error: float
    rows: int
    size: int
    shards: int
    unsealed: int
    locks: list[tuple[str, int]]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "folder": str(self.folder),
            **self.identity.recorded,
            "error": self.error,
            "rows": self.rows,
            "bytes": self.size,
            "bytes_a_row": self.size / self.rows if self.rows else None,
            "shards": self.shards,
            "unsealed": self.unsealed,
            "locks": [{"holder": who, "rows": rows} for who, rows in self.locks],
        }


def info(folder: Path) -> CacheInfo:
    """Return what a cache holds, without a look into its shards.

    Raises:
        LimbeckError: none is there, or its manifest is damaged.
    """
    identity = identity_in(folder)
    manifest = read_manifest(folder, identity)
    files = [folder / shard["file"] for shard in manifest["shards"]]
    once = [] if manifest["shared"] is None else [folder / FILE]
    return CacheInfo(
        folder,
        identity,
        manifest["error"],
        manifest["count"],
        sum(path.stat().st_size for path in [*files, *once] if path.is_file()),
        len(files),
        sum(not shard["sealed"] for shard in manifest["shards"]),
        [(str(each.holder or "another process"), len(each.ids)) for each in claims_in(folder)],
    )


def verify(folder: Path) -> tuple[int, list[str]]:
    """Read every byte of a cache; return how many rows it has, and a line for each fault.

    Raises:
        LimbeckError: none is there, or its manifest is damaged.
    """
    identity = identity_in(folder)
    while True:
        manifest = read_manifest(folder, identity)
        faults = list(_faults(folder, identity, manifest))
        if read_manifest(folder, identity) == manifest:  # else shards were replaced meanwhile
            return manifest["count"], faults


def _faults(folder: Path, identity: CacheIdentity, manifest: dict[str, Any]) -> Iterator[str]:
    where: dict[str, np.ndarray] = {}
    shared: dict[str, torch.Tensor] | None = {}
    if manifest["shared"] is not None:
        try:
            shared = read_shared(folder, manifest["shared"])
        except LimbeckError as error:
            shared = None
            yield f"{FILE}: {error.what}"
    for entry in manifest["shards"]:
        name = entry["file"]
        path = folder / name
        if not path.is_file():
            yield f"{name}: the shard is missing, and the manifest has {entry['rows']:,} rows of it"
            continue
        if (found := file_digest(path)) != entry["digest"]:
            yield f"{name}: its checksum is `{found}`, and the manifest has `{entry['digest']}`"
        try:
            shard = mapped(path, None)
        except LimbeckError as error:
            yield f"{name}: {error.what}"
            continue
        if len(shard) != entry["rows"]:
            yield f"{name}: it holds {len(shard):,} rows, and the manifest has {entry['rows']:,}"
        yield from (f"{name}: {fault}" for fault in _faults_within(shard, identity, shared))
        where[name] = shard.ids
    yield from _repeated(where)


def _faults_within(shard: Shard, identity: CacheIdentity, shared: dict[str, torch.Tensor] | None) -> Iterator[str]:
    """Yield what is wrong with a shard; None for what is stored once: it is unknown, and nothing is decoded."""
    stored = shard.stored
    expected = {TAP + tap.name for tap in identity.taps}
    if expected != (taps := {name for name in stored.values if name.startswith(TAP)}):
        yield f"it has the activations {_named(taps)}, and the manifest has {_named(expected)}"
        return
    order = np.diff(shard.ids)
    if (order <= 0).any():
        place = int(np.argmax(order <= 0))
        yield f"its ids do not ascend: {hex_id(shard.ids[place + 1])} stands after {hex_id(shard.ids[place])}"
        return
    for name, values in stored.values.items():
        ends = stored.offsets.get(offsets_of(name))
        rows = len(values) if ends is None else len(ends) - 1
        if rows != len(shard):
            yield f"it holds {len(shard):,} ids, and {name} of {rows:,} rows"
            return
        if ends is not None and ((np.diff(ends) < 0).any() or ends[0] != 0 or ends[-1] != len(values)):
            yield f"{offsets_of(name)} end at {int(ends[-1]):,}, and {name} has {len(values):,} predictions"
            return
    if shared is not None:
        yield from _not_finite(shard, identity, shared)


def _not_finite(shard: Shard, identity: CacheIdentity, shared: dict[str, torch.Tensor]) -> Iterator[str]:
    """Yield, for logits and each activation, how many rows hold what is no number, and the first of them."""
    odd: dict[str, list[np.int64]] = {}
    for part in in_order([shard]):
        tensors = {name: torch.from_numpy(value) for name, value in part.stored.values.items()}
        try:
            stored = {name: value for name, value in tensors.items() if not name.startswith(TAP)}
            logits = identity.codec.decode(stored | shared, identity.outputs).logits
        except (RuntimeError, KeyError, ValueError) as error:
            yield f"it holds no answers of {identity.codec.title} ({type(error).__name__})"
            return
        if logits.shape[-1] != identity.outputs:
            yield f"its logits have {logits.shape[-1]:,} outputs, and the manifest has {identity.outputs:,}"
            return
        decoded: list[tuple[str, torch.Tensor]] = []
        each_tensor(logits, lambda value: decoded.append((OFFSETS, value)) or value)  # noqa: B023
        decoded += [(offsets_of(name), value) for name, value in tensors.items() if name.startswith(TAP)]
        for offsets, value in decoded:
            wrong = np.flatnonzero(~torch.isfinite(value).reshape(len(value), -1).all(1).numpy())
            if (ends := part.stored.offsets.get(offsets)) is not None:
                wrong = np.unique(np.searchsorted(ends, wrong, side="right") - 1)
            what = "logits" if offsets == OFFSETS else offsets.replace(f"{OFFSETS}/", TAP)
            odd.setdefault(what, []).extend(part.ids[wrong])
    for what, ids in odd.items():
        if ids:
            yield f"{what} of {len(set(ids)):,} rows are not finite, such as those of {hex_id(ids[0])}"


def _repeated(where: dict[str, np.ndarray]) -> Iterator[str]:
    names = [*where]
    if not names:
        return
    ids = np.concatenate([where[name] for name in names])
    number = np.repeat(np.arange(len(names)), [len(where[name]) for name in names])
    order = np.argsort(ids, kind="stable")
    ids, number = ids[order], number[order]
    again = np.flatnonzero((ids[1:] == ids[:-1]) & (number[1:] != number[:-1]))
    if len(again):
        first, second = names[number[again[0]]], names[number[again[0] + 1]]
        yield f"{len(again):,} ids stand twice, such as {hex_id(ids[again[0]])} in {first} and in {second}"


def _named(taps: set[str]) -> str:
    return ", ".join(sorted(tap.removeprefix(TAP) for tap in taps)) or "none"
