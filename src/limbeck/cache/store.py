"""The dense cache: shards of (ids, logits) and a manifest that says whose answers they are.

manifest.json              identity, counts, and per shard: file, rows, checksum
shard-00000.safetensors    ids (rows,) int64, logits (rows, classes) float32, and `tap/PATH` (rows, width) float32 a tap
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from limbeck.digest import file_digest
from limbeck.errors import LimbeckError
from limbeck.files import read_json, staged, write_json
from limbeck.types import Batch, Outputs

FORMAT = 1
TAP = "tap/"
CODEC = "dense-float32"
MANIFEST = "manifest.json"
_ANEW = "delete the cache folder and run again"


@dataclass(frozen=True, slots=True)
class CacheIdentity:
    """Whose answers a cache holds.

    Attributes:
        teacher: digest of the teacher.
        view: digest of everything that turns an example into the teacher's inputs.
        classes: size of the logits' last axis.
        taps: paths of the activations stored beside the logits.
        codec: how the logits are stored.
        format: version of the files' layout.
    """

    teacher: str
    view: str
    classes: int
    taps: tuple[str, ...] = ()
    codec: str = CODEC
    format: int = FORMAT


class CacheWriter:
    """Adds shards to a cache; a shard that is in the manifest is complete."""

    def __init__(self, folder: Path, identity: CacheIdentity) -> None:
        self._folder = folder
        self._manifest: dict[str, Any] = {"identity": _as_json(identity), "count": 0, "shards": []}
        if (folder / MANIFEST).is_file():
            self._manifest = _read_manifest(folder, identity)

    def known_ids(self) -> set[int]:
        """Return the ids that have an answer already."""
        return {key for shard in _load_shards(self._folder, self._manifest) for key in shard["ids"].tolist()}

    def add(self, ids: NDArray[np.int64], answers: Outputs) -> None:
        """Write one shard aside, rename it, then name it in the manifest.

        Args:
            ids: (rows,) content ids.
            answers: logits (rows, classes) and the identity's taps (rows, width); stored as float32.

        Raises:
            LimbeckError: there is not one finite logit a row and class.
        """
        logits, taps = answers.logits, {f"{TAP}{path}": value for path, value in answers.features.items()}
        expected = (len(ids), self._manifest["identity"]["classes"])
        if tuple(logits.shape) != expected:
            raise LimbeckError(
                f"the teacher's answers have shape {tuple(logits.shape)}, not (rows, classes) = {expected}",
                where=str(self._folder),
                fix="its last layer needs one logit a class",
            )
        if not all(torch.isfinite(value).all() for value in (logits, *taps.values())):
            raise LimbeckError(
                "the teacher answered with NaN or infinity", where=str(self._folder), fix="train it anew"
            )
        name = f"shard-{len(self._manifest['shards']):05d}.safetensors"
        with staged(self._folder / name) as aside:
            stored = {name: value.float().contiguous() for name, value in {"logits": logits, **taps}.items()}
            save_file({"ids": torch.from_numpy(ids), **stored}, str(aside))
        shard = {"file": name, "rows": len(ids), "digest": file_digest(self._folder / name)}
        self._manifest["shards"].append(shard)
        self._manifest["count"] += len(ids)
        write_json(self._folder / MANIFEST, self._manifest)


class CachedTeacher:
    """A cache is a teacher: it answers for every example it has seen.

    Args:
        folder: where the cache is.
        identity: whose answers are wanted.

    Raises:
        LimbeckError: no cache there, a foreign one, or a shard whose bytes changed.
    """

    def __init__(self, folder: Path, identity: CacheIdentity) -> None:
        parts = list(_load_shards(folder, _read_manifest(folder, identity)))
        if not parts:
            raise LimbeckError("the cache is empty", where=str(folder), fix="label the examples first")
        whole = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        order = torch.argsort(whole["ids"])
        self._ids = whole.pop("ids")[order]
        self._answers = {name: value[order] for name, value in whole.items()}
        self._folder = folder
        self.digest = identity.teacher

    def __len__(self) -> int:
        return len(self._ids)

    def predict(self, batch: Batch) -> Outputs:
        """Return what is stored for the batch's rows: logits (batch, classes) and taps (batch, width), float32.

        Raises:
            LimbeckError: an id that the teacher never answered.
        """
        rows = self._find(batch.ids)
        stored = {name: value[rows].to(batch.ids.device) for name, value in self._answers.items()}
        return Outputs(stored.pop("logits"), {name.removeprefix(TAP): value for name, value in stored.items()})

    def logits(self, ids: Tensor) -> Tensor:
        """Return the stored logits for content ids, (ids, classes) float32.

        Raises:
            LimbeckError: an id that the teacher never answered.
        """
        return self._answers["logits"][self._find(ids)].to(ids.device)

    def _find(self, ids: Tensor) -> Tensor:
        wanted = ids.to(self._ids.device)
        position = torch.searchsorted(self._ids, wanted).clamp(max=len(self._ids) - 1)
        if not torch.equal(self._ids[position], wanted):
            missing = int((self._ids[position] != wanted).sum())
            raise LimbeckError(
                f"the cache has no answer for {missing} of {len(ids)} examples",
                where=str(self._folder),
                fix="label them first",
            )
        return position


def _read_manifest(folder: Path, identity: CacheIdentity) -> dict[str, Any]:
    if not (folder / MANIFEST).is_file():
        raise LimbeckError("there is no cache", where=str(folder), fix="label the examples first")
    manifest = read_json(folder / MANIFEST, fix=_ANEW)
    if not isinstance(manifest, dict) or not {"identity", "count", "shards"} <= manifest.keys():
        raise LimbeckError("no manifest of a cache", where=str(folder / MANIFEST), fix=_ANEW)
    found = manifest["identity"]
    for key, value in _as_json(identity).items():
        if found.get(key) != value:
            raise LimbeckError(
                f"the cache belongs to another {key}: it has `{found.get(key)}`, this run needs `{value}`",
                where=str(folder),
                fix=f"use the run that made it, or {_ANEW}",
            )
    return manifest


def _as_json(identity: CacheIdentity) -> dict[str, Any]:
    """Return an identity as it stands in the manifest."""
    return asdict(identity) | {"taps": list(identity.taps)}


def _load_shards(folder: Path, manifest: dict[str, Any]) -> list[dict[str, Tensor]]:
    return [_load_shard(folder / shard["file"], shard) for shard in manifest["shards"]]


def _load_shard(path: Path, shard: dict[str, Any]) -> dict[str, Tensor]:
    if not path.is_file() or file_digest(path) != shard["digest"]:
        raise LimbeckError("the shard is missing or its bytes changed", where=str(path), fix=_ANEW)
    try:
        return load_file(str(path))
    except SafetensorError as error:
        raise LimbeckError(f"not a safetensors file ({error})", where=str(path)) from error
