"""A cache as one parquet file, to read elsewhere or to take in again.

id          the content id, 16 hex digits
logits      a list of one number an output; of a codec that keeps a part, the codec's own columns in its place
tap/NAME    a list, an activation

Of the codec `hidden` the logits are computed, and the file is one of a `dense` cache in float32: an import makes one.
Of answers by token each of these is a list of such lists. The file's metadata say whose answers they are. Rows ascend
by id, and are written and read some megabytes at a time.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from limbeck.cache.codecs import DEFAULT
from limbeck.cache.identity import MANIFEST, CacheIdentity, differing, identity_from, identity_in
from limbeck.cache.shards import TAP, Shard, Stored, in_order, mapped, offsets_of, shown, write
from limbeck.cache.store import CachedTeacher
from limbeck.data.lookup import among
from limbeck.digest import hex_id, ids_of_hex, is_hex_id
from limbeck.errors import LimbeckError, first_line
from limbeck.files import scratch, staged
from limbeck.runtime.records.arrow import IN_PARTS
from limbeck.types import Outputs

ID, LOGITS, SUFFIX = "id", "logits", ".parquet"
_KEY = b"limbeck.cache"
_BATCH_BYTES = 1 << 24
_SHOWN = 8
_ANEW = "write it again with limbeck cache export"


@dataclass(frozen=True, slots=True)
class FileHead:
    """What an exported file says of itself.

    Attributes:
        identity: whose answers it holds.
        error: how far they are off at most, in the codec's unit.
        name: of the folder that they come from.
    """

    identity: CacheIdentity
    error: float
    name: str


def export_parquet(folder: Path, path: Path) -> int:
    """Write a cache as a parquet file, in one step; return the number of its rows.

    Raises:
        LimbeckError: no cache is there, it is empty or damaged, or the file has another suffix or cannot be written.
    """
    identity = identity_in(folder)
    cache = CachedTeacher(folder, identity)
    if not len(cache):
        raise LimbeckError("the cache holds no answers", where=str(folder), fix="label something first")
    if path.is_dir():
        raise LimbeckError("a folder is there", where=str(path), fix="name a file")
    if path.suffix.lower() != SUFFIX:  # also keeps a recipe, rows, or a file of the cache from being replaced
        raise LimbeckError(
            "answers are written as a parquet file", where=str(path), fix=f"call it {path.stem or 'answers'}{SUFFIX}"
        )
    name = "teacher" if folder.resolve().name == identity.name else folder.resolve().name
    told = replace(identity, codec=DEFAULT) if identity.codec.of_states else identity  # its columns are those of dense
    head = {"identity": told.recorded, "error": cache.error, "name": name}
    with staged(path) as aside:
        writer = None
        for part in in_order(cache.shards):
            table = _table(part, identity, cache.shared.on(torch.device("cpu"))).replace_schema_metadata(
                {_KEY: json.dumps(head).encode()}
            )
            writer = writer or pq.ParquetWriter(aside, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()
    return len(cache)


def head_of(path: Path) -> FileHead:
    """Return whose answers a file holds.

    Raises:
        LimbeckError: it is no parquet file, or does not say.
    """
    with _opened(path) as file:
        text = (file.schema_arrow.metadata or {}).get(_KEY)
    try:
        found = json.loads(text or b"{}")
        identity = identity_from(found.get("identity"), str(path))
        if identity.codec.of_states:
            raise ValueError("an export holds logits in their place")
        return FileHead(identity, float(found["error"]), Path(str(found["name"])).name)
    except (LimbeckError, KeyError, TypeError, ValueError, AttributeError):
        raise LimbeckError(
            f"its metadata do not say whose answers these are ({_KEY.decode()})", where=str(path), fix=_ANEW
        ) from None


def import_parquet(path: Path, folder: Path) -> tuple[int, int]:
    """Add the rows of a file that `export_parquet` wrote to a cache, in one step.

    Nobody else writes there meanwhile. Rows that are there with the same answers are left as they are.

    Args:
        path: of the file.
        folder: of the cache; a new one is of the teacher that the file names.

    Returns:
        How many rows were added, and how many were there.

    Raises:
        LimbeckError: see `head_of`; the cache is another teacher's; a row has another width, no finite number, or
            another answer there; another process labels some of the rows.
    """
    head = head_of(path)
    if (folder / MANIFEST).is_file():
        identity = identity_in(folder)
        if (apart := differing(identity.recorded, head.identity.recorded)) is not None:
            key, had, given = apart
            raise LimbeckError(
                f"the file is of another {key}: the cache has `{had}`, and {path.name} has `{given}`",
                where=str(folder),
                fix="give another folder",
            )
    cache, known = CachedTeacher(folder, head.identity), 0
    with cache.changing() as claims, scratch(folder / "import") as place:
        parts: list[Shard] = []
        for shard in _shards(path, head.identity):
            there = np.flatnonzero(~cache.missing(shard.ids))
            _require_equal(cache, shard, there, path)
            known += len(there)
            for claim in claims:
                if among(shard.ids, claim.ids).any():
                    who = claim.holder or "another process"
                    raise LimbeckError(
                        f"{who} labels some of these rows now", where=str(folder), fix="wait for its end"
                    )
            new = np.setdiff1d(np.arange(len(shard)), there)
            if len(new):
                part = place / f"{len(parts)}"
                write(part, [Shard(shard.ids[new], shard.stored.take(new))])
                parts.append(mapped(part, None))
        added = sum(map(len, parts))
        if parts:
            _require_unique(parts, path)
            cache.take_in(parts, head.error)
    cache.seal()
    return added, known


# --- writing --------------------------------------------------------------------------------------------------------


def _table(part: Shard, identity: CacheIdentity, shared: Mapping[str, torch.Tensor]) -> pa.Table:
    """Return rows as columns."""
    values = {name: value for name, value in part.stored.values.items() if not name.startswith(TAP)}
    if identity.codec.whole:
        stored = {name: torch.from_numpy(value) for name, value in values.items()}
        decoded = identity.codec.decode(stored | dict(shared), identity.outputs)
        values = {LOGITS: decoded.dense.numpy()}
    taps = {name: value for name, value in part.stored.values.items() if name.startswith(TAP)}
    columns: dict[str, Any] = {ID: pa.array([hex_id(key) for key in part.ids])}
    for name, value in [*sorted(values.items()), *sorted(taps.items())]:
        columns[name] = _column(value, part.stored.offsets.get(offsets_of(name)))
    return pa.table(columns)


def _column(values: NDArray[Any], ends: NDArray[np.int64] | None) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    column = flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return column if ends is None else pa.LargeListArray.from_arrays(pa.array(ends), column)


# --- reading --------------------------------------------------------------------------------------------------------


def _opened(path: Path) -> pq.ParquetFile:
    if not path.is_file():
        raise LimbeckError("no such file", where=str(path))
    try:
        return pq.ParquetFile(path, **IN_PARTS)
    except (pa.ArrowException, OSError) as error:
        raise LimbeckError(f"no parquet file ({first_line(error)})", where=str(path), fix=_ANEW) from None


def _shards(path: Path, identity: CacheIdentity) -> Iterator[Shard]:
    """Yield the rows of a file, some megabytes at a time.

    Raises:
        LimbeckError: a column is missing, or a row of it is not what the identity says.
    """
    sample = identity.codec.encode(Outputs(torch.zeros(1, identity.outputs)))
    forms = {name: value.numpy() for name, value in sample.items()}
    if identity.codec.whole:
        forms = {LOGITS: np.zeros((1, identity.outputs), np.float32)}
    size = sum(form.nbytes for form in forms.values())
    with _opened(path) as file:
        names = [*forms, *(TAP + tap.name for tap in identity.taps)]
        if missing := sorted({ID, *names} - set(file.schema_arrow.names)):
            raise LimbeckError(f"it has no column `{missing[0]}`", where=str(path), fix=_ANEW)
        try:
            for batch in file.iter_batches(max(1, min(_BATCH_BYTES // size, 1 << 16)), columns=[ID, *names]):
                yield _shard({name: batch.column(name) for name in (ID, *names)}, forms, identity, path)
        except pa.ArrowException as error:
            raise LimbeckError(f"cannot be read ({first_line(error)})", where=str(path), fix=_ANEW) from None


def _shard(columns: Mapping[str, pa.Array], forms: Mapping[str, Any], identity: CacheIdentity, path: Path) -> Shard:
    ids = _ids(columns[ID], path)
    values, offsets = {}, {}
    for name, column in columns.items():
        if name != ID:
            values[name], ends = _values(name, column, forms.get(name), ids, path)
            if ends is not None:
                offsets[offsets_of(name)] = ends
    taps = {name: value for name, value in values.items() if name.startswith(TAP)}
    stored = {name: value for name, value in values.items() if name not in taps}
    if identity.codec.whole:
        encoded = identity.codec.encode(Outputs(torch.from_numpy(stored[LOGITS])))
        stored = {name: value.contiguous().numpy() for name, value in encoded.items()}
    else:
        tensors = {name: torch.from_numpy(value) for name, value in stored.items()}
        indices = getattr(identity.codec.decode(tensors, identity.outputs).logits, "indices", torch.zeros(1))
        if len(indices) and int(indices.max()) >= identity.outputs:
            raise LimbeckError(
                f"an answer is of output {int(indices.max()):,}, and the cache has {identity.outputs:,}",
                where=str(path),
                fix=_ANEW,
            )
    return Shard(ids, Stored(stored | taps, offsets))


def _ids(column: pa.Array, path: Path) -> NDArray[np.int64]:
    texts = column.to_pylist()
    if (wrong := next((text for text in texts if not is_hex_id(text)), ID)) != ID:
        raise LimbeckError(f"`{wrong}` is no id of 16 hex digits", where=f"{path}, column {ID}", fix=_ANEW)
    return ids_of_hex(texts)


def _values(
    name: str, column: pa.Array, form: NDArray[Any] | None, ids: NDArray[np.int64], path: Path
) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    """Return a column as an array, and where the predictions of each row are, if a row has several.

    Args:
        name: of the column.
        column: numbers, lists of numbers, or lists of such lists.
        form: a row as the codec stores it; None: of any width, float32.
        ids: of the rows.
        path: of the file, for errors.
    """
    where, depth = f"{path}, column {name}", 1 if form is None else form.ndim - 1
    levels, lengths = [column], []
    while pa.types.is_nested(levels[-1].type):
        if levels[-1].null_count:
            raise LimbeckError("a row has no answer", where=where, fix=_ANEW)
        lengths.append(np.asarray(levels[-1].value_lengths(), np.int64))
        levels.append(levels[-1].flatten())
    flat, ends = levels[-1], None
    numeric = pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type)
    if flat.null_count or not numeric or len(lengths) not in (depth, depth + 1):
        raise LimbeckError("a row has no answer of numbers", where=where, fix=_ANEW)
    if len(lengths) > depth:
        ends = np.concatenate([[0], np.cumsum(lengths.pop(0))])
    numbers = flat.to_numpy(zero_copy_only=False)
    row = np.arange(len(ids)) if ends is None else np.repeat(np.arange(len(ids)), np.diff(ends))
    if depth:
        width = form.shape[1] if form is not None else int(lengths[0][0]) if len(lengths[0]) else 0
        if (odd := np.flatnonzero(lengths[0] != width)).size:
            wrong = f"{hex_id(ids[row[odd[0]]])} has {lengths[0][odd[0]]:,} numbers, and the cache {width:,}"
            raise LimbeckError(wrong, where=where, fix="import what was exported of the same teacher")
        numbers = numbers.reshape(-1, width)
    kept = numbers.astype(np.float32 if form is None else form.dtype)
    right = np.isfinite(kept) if np.issubdtype(kept.dtype, np.floating) else kept == numbers
    finite = right.reshape(len(kept), -1).all(1) if kept.size else np.ones(len(kept), np.bool_)
    if not finite.all():
        at = int(np.argmin(finite))
        said = ", ".join(f"{number:g}" for number in np.atleast_1d(numbers[at])[:_SHOWN])
        raise LimbeckError(f"{hex_id(ids[row[at]])} is not finite, or no {kept.dtype}: {said}", where=where, fix=_ANEW)
    return kept, ends


def _require_equal(cache: CachedTeacher, shard: Shard, rows: NDArray[np.int64], path: Path) -> None:
    """Refuse rows that the cache has with other answers."""
    if not len(rows):
        return
    had, given = cache.stored(shard.ids[rows]), shard.stored.take(rows)
    if _same(had, given):
        return
    for row in rows:
        had, given = cache.stored(shard.ids[[row]]), shard.stored.take(np.array([row]))
        if not _same(had, given):
            raise LimbeckError(
                f"{hex_id(shard.ids[row])} has another answer: the cache has {shown(had)}, and {path.name} has "
                f"{shown(given)}",
                where=str(cache.folder),
                fix="give another folder",
            )


def _same(one: Stored, other: Stored) -> bool:
    return one.names == other.names and all(
        np.array_equal(mine[name], value)
        for mine, yours in ((one.values, other.values), (one.offsets, other.offsets))
        for name, value in yours.items()
    )


def _require_unique(parts: list[Shard], path: Path) -> None:
    ids = np.sort(np.concatenate([part.ids for part in parts]))
    again = np.flatnonzero(ids[1:] == ids[:-1])
    if len(again):
        key = ids[again[:1]]
        both = [part.stored.take(np.flatnonzero(part.ids == key)) for part in parts if (part.ids == key).any()]
        said = [shown(each.take(np.array([row]))) for each in both for row in range(_count(each))]
        raise LimbeckError(
            f"{hex_id(key[0])} stands twice: with {said[0]}, and with {said[-1]}", where=str(path), fix=_ANEW
        )


def _count(stored: Stored) -> int:
    name, values = next(iter(stored.values.items()))
    ends = stored.offsets.get(offsets_of(name))
    return len(values) if ends is None else len(ends) - 1
