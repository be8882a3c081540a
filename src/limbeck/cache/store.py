"""The teacher cache: a folder of shards, and a manifest that says whose answers they are.

manifest.json              identity, counts, measured error, and per shard: file, rows, checksum
shard-00000.safetensors    see `shards`
shared.safetensors         what the codec stores once, where it does
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.cache.identity import MANIFEST, CacheIdentity, read_manifest
from limbeck.cache.shards import OFFSETS, TAP, Arrays, Shard, Stored, gathered, mapped, offsets_of, write
from limbeck.cache.shared import FILE, read_shared, require_same, write_shared
from limbeck.errors import LimbeckError
from limbeck.files import remove, write_json
from limbeck.logits import Factored, each_tensor
from limbeck.teachers.module import tensors_digest
from limbeck.types import Batch, Outputs, Predictions


class CachedTeacher:
    """A cache is a teacher: it answers for every example that it holds.

    Opened once, its files stay mapped and are checked no more; other processes may read the same folder. Only one may
    write to it.

    Args:
        folder: where the cache is, or will be.
        identity: whose answers are wanted.

    Attributes:
        digest: the teacher's.

    Raises:
        LimbeckError: a foreign cache is there, or a shard whose bytes changed.
    """

    def __init__(self, folder: Path, identity: CacheIdentity) -> None:
        self.folder, self.identity, self.digest = folder, identity, identity.teacher
        self._opened: dict[tuple[str, str], Shard] = {}
        self._shared: dict[torch.device, dict[str, Tensor]] = {}
        self.refresh()

    def refresh(self) -> None:
        """See what another process has written since.

        Raises:
            LimbeckError: see the class.
        """
        self._manifest = read_manifest(self.folder, self.identity)
        self._open_shards()
        if self._manifest["shared"] is not None and not self._shared:
            self._shared = {torch.device("cpu"): read_shared(self.folder, self._manifest["shared"])}

    def _open_shards(self, written: tuple[str, str] | None = None) -> None:
        """Map the manifest's shards; those that are mapped stay so, and one that was written here is not checked."""
        named = [(shard["file"], shard["digest"]) for shard in self._manifest["shards"]]
        for key in named:
            if key not in self._opened:
                file, digest = key
                self._opened[key] = mapped(self.folder / file, None if key == written else digest)
        self._opened = {key: self._opened[key] for key in named}
        self._shards = sorted(self._opened.values(), key=len, reverse=True)

    def __len__(self) -> int:
        return self._manifest["count"]

    @property
    def error(self) -> float:
        """How far what is decoded is off at most, see `Codec.error`: of dense logits the largest difference of one."""
        return self._manifest["error"]

    # --- asking -----------------------------------------------------------------------------------------------------

    def predict(self, batch: Batch) -> Outputs:
        """Return what is stored for the batch's rows, float32.

        Returns:
            Logits (batch, outputs), in the form that the codec gives back; of a teacher that answers by token (batch,
            tokens, outputs), with zeros where nothing is stored: they stand where the batch's mask is True, or without
            such a mask at the beginning of each row. Taps in the shape that was asked for; those of tokens stand where
            the student's `attention_mask` is not 0.

        Raises:
            LimbeckError: an id that the teacher never answered, or other tokens than it answered for.
        """
        found = self._stored(batch.ids.cpu().numpy())
        device = batch.device
        # A GPU is not waited for: the processor copies what it sends to a place of its own before it goes on.
        stored = {name: torch.from_numpy(value).to(device, non_blocking=True) for name, value in found.values.items()}
        taps = {name: stored.pop(name) for name in list(stored) if name.startswith(TAP)}
        logits = self.identity.codec.decode(stored | self._shared_on(device), self.identity.outputs).logits
        mask = batch.mask if batch.mask is not None and batch.mask.ndim == 2 else None
        real = batch.student_inputs.get("attention_mask")
        features = {
            name.removeprefix(TAP): self._placed(value, found.offsets.get(offsets_of(name)), real)
            for name, value in taps.items()
        }
        placed = each_tensor(logits, lambda value: self._placed(value, found.offsets.get(OFFSETS), mask))
        return Outputs(placed, features)

    def _shared_on(self, device: torch.device) -> dict[str, Tensor]:
        """Return what is stored once, on a device."""
        if device not in self._shared:
            known = next(iter(self._shared.values()), {})
            self._shared[device] = {name: value.to(device) for name, value in known.items()}
        return self._shared[device]

    def _placed(self, values: Tensor, offsets: NDArray[np.int64] | None, mask: Tensor | None) -> Tensor:
        """Return what was stored as a batch has it, see `Predictions.padded`."""
        if offsets is None:
            return values
        lengths, counted = np.diff(offsets), None if mask is None else mask != 0
        if counted is not None and (wrong := counted.sum(1).cpu().numpy() != lengths).any():
            row = wrong.argmax()
            raise LimbeckError(
                f"the teacher answered for {lengths[row]} tokens of an example, and {int(counted[row].sum())} of the "
                "student's count",
                where=str(self.folder),
                fix="teacher and student have to read the same tokens: give both the same `reads`",
            )
        return Predictions(values, torch.from_numpy(offsets)).padded(counted)

    def missing(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for which ids there is no answer, (ids,) bool."""
        return self._find(ids)[0] < 0

    def _stored(self, ids: NDArray[np.int64]) -> Stored:
        if self._shards:
            found, rows = self._shards[0].find(ids)
            if found.all():  # as in a batch of the transfer set
                return self._shards[0].stored.take(rows)
        number, rows = self._find(ids)
        if (number < 0).any() or not self._shards:
            raise LimbeckError(
                f"the cache has no answer for {(number < 0).sum()} of {len(ids)} examples",
                where=str(self.folder),
                fix="label them first",
            )
        return gathered(self._shards, number, rows)

    def _find(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Return the shard of each id, -1 where there is none, and its row there."""
        number, rows = np.full(len(ids), -1), np.zeros(len(ids), np.int64)
        for index, shard in enumerate(self._shards):
            found, place = shard.find(ids)
            number[found], rows[found] = index, place[found]
        return number, rows

    # --- writing ----------------------------------------------------------------------------------------------------

    def add(
        self,
        ids: NDArray[np.int64],
        logits: Predictions,
        features: Mapping[str, Predictions],
        layer: Factored | None = None,
    ) -> None:
        """Write one shard aside, rename it, then name it in the manifest.

        Args:
            ids: (rows,) content ids, none of which has an answer.
            logits: of the rows, (predictions, outputs); or with `layer` what enters it, (predictions, width).
            features: of the rows, by the name of each of the identity's taps.
            layer: any answers of the teacher with its last layer.

        Raises:
            LimbeckError: an answer is not finite, or does not fit the codec; answers by token in a cache of one answer
                an example, or the reverse; another last layer than that of the cache.
        """
        if not all(torch.isfinite(each.values).all() for each in (logits, *features.values())):
            raise LimbeckError("the teacher answered with NaN or infinity", where=str(self.folder), fix="train it anew")
        values = logits.values.float()
        codec, answers = self.identity.codec, Outputs(values if layer is None else layer.each(lambda _: values))
        stored = codec.encode(answers)
        shared = self._keep_shared(codec.shared(answers))
        error = codec.error(answers, stored | shared)
        groups = {OFFSETS: logits} | {offsets_of(TAP + name): each for name, each in features.items()}
        found = Stored(
            _arrays(stored | {TAP + name: each.values.float() for name, each in features.items()}),
            _arrays({name: each.offsets for name, each in groups.items() if each.offsets is not None}),
        )
        if self._shards and found.names != self._shards[0].stored.names:
            odd = ", ".join(sorted(found.names ^ self._shards[0].stored.names))
            raise LimbeckError(
                f"these answers have another form than those of the cache: only one of them has `{odd}`",
                where=str(self.folder),
                fix="a teacher answers either by example or by token",
            )
        self._manifest["error"] = max(self._manifest["error"], error)
        self._write(len(self._manifest["shards"]), [Shard(ids, found)], sealed=False)

    def _keep_shared(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Write what the codec stores once, where that is new; the manifest names it with the next shard.

        Raises:
            LimbeckError: the cache has other tensors.
        """
        cpu = torch.device("cpu")
        known = self._shared.get(cpu)
        if not tensors or (known and all(value is known.get(name) for name, value in tensors.items())):
            return tensors
        found = tensors_digest(tensors)
        if self._manifest["shared"] is None:
            write_shared(self.folder, tensors)
            self._manifest["shared"] = found
        require_same(self.folder / FILE, self._manifest["shared"], found)
        self._shared = {cpu: tensors}
        return tensors

    def seal(self, ids: NDArray[np.int64] | None = None) -> None:
        """Write the shards that a labelling left as one, so that a batch finds its answers in few files.

        Smaller ones before them are taken in: there are never more than a few, and a row is written again only when the
        shard that holds it at least doubles. What a killed sealing left is removed.

        Args:
            ids: of the examples that are labelled now; where the open shards hold others only, they stay open: those of
                a labelling that was killed, and goes on later. None: whatever is open.
        """
        shards = self._manifest["shards"]
        first = next((number for number, shard in enumerate(shards) if not shard["sealed"]), len(shards))
        opened = [self._opened[shard["file"], shard["digest"]] for shard in shards[first:]]
        if any(ids is None or shard.find(ids)[0].any() for shard in opened):
            start = first
            while start and shards[start - 1]["rows"] <= _rows(shards[start:]):
                start -= 1
            if len(shards) - start > 1:
                self._write(
                    start, [self._opened[shard["file"], shard["digest"]] for shard in shards[start:]], sealed=True
                )
            else:
                shards[start]["sealed"] = True
                write_json(self.folder / MANIFEST, self._manifest)
        for name in self._manifest["replaced"]:
            if (self.folder / name).exists():
                remove(self.folder / name)

    def _write(self, start: int, parts: list[Shard], *, sealed: bool) -> None:
        """Write a shard in place of those from number `start` on."""
        shards = self._manifest["shards"]
        # A name that was never used: the shard of it may be mapped somewhere.
        name = f"shard-{1 + max((_number(shard['file']) for shard in shards), default=-1):05d}.safetensors"
        digest = write(self.folder / name, parts)
        entry = {"file": name, "rows": sum(map(len, parts)), "digest": digest, "sealed": sealed}
        self._manifest["shards"] = [*shards[:start], entry]
        self._manifest["replaced"] = [shard["file"] for shard in shards[start:]] or self._manifest["replaced"]
        self._manifest["count"] = _rows(self._manifest["shards"])
        write_json(self.folder / MANIFEST, self._manifest)
        self._open_shards(written=(name, digest))


def _arrays(tensors: Mapping[str, Tensor]) -> Arrays:
    return {name: value.contiguous().numpy() for name, value in tensors.items()}


def _rows(shards: list[dict[str, Any]]) -> int:
    return sum(shard["rows"] for shard in shards)


def _number(file: str) -> int:
    return int(file.removeprefix("shard-").removesuffix(".safetensors"))
