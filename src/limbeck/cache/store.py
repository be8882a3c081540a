"""The teacher cache: a folder of shards, and a manifest that says whose answers they are.

manifest.json              identity, counts, measured error, and per shard: file, rows, checksum
shard-00000.safetensors    see `shards`
shared.safetensors         what the codec stores once, where it does
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.cache.claims import Claim, OwnClaim, claim, left_over, manifest_held, swept
from limbeck.cache.identity import CacheIdentity, read_manifest, write_manifest
from limbeck.cache.shards import (
    OFFSETS,
    TAP,
    Arrays,
    Shard,
    Stored,
    gathered,
    mapped,
    offsets_of,
    shown,
    write,
)
from limbeck.cache.shared import Shared
from limbeck.digest import hex_id
from limbeck.errors import LimbeckError
from limbeck.files import remove, staged
from limbeck.logits import Factored, each_tensor
from limbeck.types import Batch, Outputs, Predictions

_SHARD, _SUFFIX = "shard-", ".safetensors"


class CachedTeacher:
    """A cache is a teacher: it answers for every example that it holds.

    Opened once, its files stay mapped and are checked no more. Any number of processes and threads, each with an object
    of its own, may read and write the same folder: see `claims`.

    Args:
        folder: where the cache is, or will be.
        identity: whose answers are wanted.

    Attributes:
        digest: the teacher's.
        shared: what the codec stores once.
        news: how often others were found to have written since.

    Raises:
        LimbeckError: a foreign cache is there, or a shard whose bytes changed.
    """

    def __init__(self, folder: Path, identity: CacheIdentity) -> None:
        self.folder, self.identity, self.digest = folder, identity, identity.teacher
        self._opened: dict[tuple[str, str], Shard] = {}
        self.shared = Shared(folder)
        self.news = 0
        self.refresh()

    def refresh(self) -> None:
        """See what others have written since.

        Raises:
            LimbeckError: see the class.
        """
        before = self._opened
        while True:
            manifest = read_manifest(self.folder, self.identity)
            try:
                self._open_shards(manifest)
                self.news += not self._opened.keys() <= before.keys()
                self.shared.read(manifest["shared"])
                return
            except LimbeckError:
                if read_manifest(self.folder, self.identity) == manifest:
                    raise  # else another process has just put a larger shard in the place of some

    def _open_shards(self, manifest: dict[str, Any], written: tuple[str, str] | None = None) -> None:
        """Map a manifest's shards; those that are mapped stay so, and one that was written here is not checked."""
        opened = {}
        for shard in manifest["shards"]:
            file, digest = key = shard["file"], shard["digest"]
            opened[key] = self._opened.get(key) or mapped(self.folder / file, None if key == written else digest)
        self._manifest, self._opened = manifest, opened
        self._shards = sorted(opened.values(), key=len, reverse=True)

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
        found = self.stored(batch.ids.cpu().numpy())
        device = batch.device
        # A GPU is not waited for: the processor copies what it sends to a place of its own before it goes on.
        stored = {name: torch.from_numpy(value).to(device, non_blocking=True) for name, value in found.values.items()}
        taps = {name: stored.pop(name) for name in list(stored) if name.startswith(TAP)}
        logits = self.identity.codec.decode(stored | self.shared.on(device), self.identity.outputs).logits
        mask = batch.mask if batch.mask is not None and batch.mask.ndim == 2 else None
        real = batch.student_inputs.get("attention_mask")
        features = {
            name.removeprefix(TAP): self._placed(value, found.offsets.get(offsets_of(name)), real)
            for name, value in taps.items()
        }
        placed = each_tensor(logits, lambda value: self._placed(value, found.offsets.get(OFFSETS), mask))
        return Outputs(placed, features)

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

    def stored(self, ids: NDArray[np.int64]) -> Stored:
        """Return what is stored of rows, in that order, copied.

        Raises:
            LimbeckError: an id that has no answer.
        """
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

    @contextmanager
    def changing(self) -> Iterator[list[Claim]]:
        """Keep others from changing the cache while the block runs; what they have written is read first.

        Returns:
            What is claimed.

        Raises:
            LimbeckError: see `manifest_held`.
        """
        with manifest_held(self.folder):
            self.refresh()
            yield swept(self.folder)

    def claim(self, ids: NDArray[np.int64], others: list[Claim]) -> OwnClaim:
        """Claim rows within `changing`, whose claims these are."""
        last = max((_number(shard["file"]) for shard in self._manifest["shards"]), default=-1)
        return claim(self.folder, ids, others, last)

    def add(
        self,
        ids: NDArray[np.int64],
        logits: Predictions,
        features: Mapping[str, Predictions],
        claimed: OwnClaim | None = None,
        layer: Factored | None = None,
    ) -> None:
        """Write one shard aside, rename it, then name it in the manifest.

        Args:
            ids: (rows,) content ids, none of which has an answer.
            logits: of the rows, (predictions, outputs); or with `layer` what enters it, (predictions, width).
            features: of the rows, by the name of each of the identity's taps.
            claimed: the claim of the rows, which ends here; None: they are claimed now.
            layer: any answers of the teacher with its last layer.

        Raises:
            LimbeckError: an answer is not finite, or does not fit the codec; answers by token in a cache of one answer
                an example, or the reverse; one of the rows has an answer by now; another last layer than
                that of the cache.
        """
        stored, error, shared = self._encoded(logits, features, layer)
        self.shared.require(shared)
        shard, known = Shard(ids, stored), self.news
        if claimed is None:
            known = -1
            with self.changing() as others:
                claimed = self.claim(ids, others)
        try:
            name = _name(claimed.number)
            with ExitStack() as held:
                with staged(self.folder / name) as aside:
                    digest = write(aside, [shard])
                    held.enter_context(self.changing())
                    if self.news != known:
                        self._require_new(shard, name)
                    self.shared.keep(shared)
                self._manifest["error"] = max(self._manifest["error"], error)
                self._enter(len(self._manifest["shards"]), name, digest, len(ids), sealed=False)
                claimed.release()
        finally:
            claimed.release()

    def _encoded(
        self, logits: Predictions, features: Mapping[str, Predictions], layer: Factored | None
    ) -> tuple[Stored, float, dict[str, Tensor]]:
        """Return what is stored of answers, how far it is off, and what is stored once."""
        if not all(torch.isfinite(each.values).all() for each in (logits, *features.values())):
            raise LimbeckError("the teacher answered with NaN or infinity", where=str(self.folder), fix="train it anew")
        values = logits.values.float()
        codec, answers = self.identity.codec, Outputs(values if layer is None else layer.each(lambda _: values))
        stored = codec.encode(answers)
        shared = codec.shared(answers)
        error = codec.error(answers, stored | shared)
        groups = {OFFSETS: logits} | {offsets_of(TAP + name): each for name, each in features.items()}
        found = Stored(
            _arrays(stored | {TAP + name: each.values.float() for name, each in features.items()}),
            _arrays({name: each.offsets for name, each in groups.items() if each.offsets is not None}),
        )
        self._require_form(found)
        return found, error, shared

    def take_in(self, parts: Sequence[Shard], error: float) -> None:
        """Add rows within `changing` that were stored elsewhere, as one shard.

        Args:
            parts: of the identity's codec and taps; none of their rows has an answer, or is claimed.
            error: how far they are off at most.

        Raises:
            LimbeckError: answers by token in a cache of one answer an example, or the reverse.
        """
        for part in parts:
            self._require_form(part.stored)
        claimed = self.claim(parts[0].ids[:0], swept(self.folder))
        try:
            with staged(self.folder / _name(claimed.number)) as aside:
                digest = write(aside, parts)
            self._manifest["error"] = max(self._manifest["error"], error)
            rows = sum(map(len, parts))
            self._enter(len(self._manifest["shards"]), _name(claimed.number), digest, rows, sealed=False)
        finally:
            claimed.release()

    @property
    def shards(self) -> Sequence[Shard]:
        """Every shard, mapped."""
        return self._shards

    def _require_form(self, found: Stored) -> None:
        if self._shards and found.names != self._shards[0].stored.names:
            odd = ", ".join(sorted(found.names ^ self._shards[0].stored.names))
            raise LimbeckError(
                f"these answers have another form than those of the cache: only one of them has `{odd}`",
                where=str(self.folder),
                fix="a teacher answers either by example or by token",
            )

    def _require_new(self, shard: Shard, name: str) -> None:
        """Refuse a shard that another process has written, or rows of it, although they were claimed here."""
        fix = "its disk does not keep locks: let one process write there at a time, and run again"
        again = np.flatnonzero(~self.missing(shard.ids))
        if len(again):
            had, now = self.stored(shard.ids[again[:1]]), shard.stored.take(again[:1])
            raise LimbeckError(
                f"two writers answered {len(again):,} examples, such as {hex_id(shard.ids[again[0]])}: the cache has "
                f"{shown(had)}, and the second one {shown(now)}",
                where=str(self.folder),
                fix=fix,
            )
        for other in self._manifest["shards"]:
            if other["file"] == name:
                raise LimbeckError(
                    f"two writers made {name}, of {other['rows']:,} and of {len(shard):,} rows",
                    where=str(self.folder),
                    fix=fix,
                )

    def seal(self, ids: NDArray[np.int64] | None = None) -> None:
        """Write the shards that a labelling left as one, so that a batch finds its answers in few files.

        Smaller ones before them are taken in: there are never more than a few, and a row is written again only when the
        shard that holds it at least doubles. What a killed labelling or sealing left is removed. While another process
        labels, nothing is done: the last one does it.

        Args:
            ids: of the examples that are labelled now; where the open shards hold others only, they stay open: those of
                a labelling that was killed, and goes on later. None: whatever is open.
        """
        settled = all(shard["sealed"] for shard in self._manifest["shards"])
        if settled and not self._replaced() and not left_over(self.folder):
            return
        with self.changing() as others:
            if not others:
                self._merge(ids)
                for path in [*self._replaced(), *self._unnamed()]:
                    remove(path)

    def _merge(self, ids: NDArray[np.int64] | None) -> None:
        shards = self._manifest["shards"]
        first = next((number for number, shard in enumerate(shards) if not shard["sealed"]), len(shards))
        if not any(ids is None or self._opened[_key(shard)].find(ids)[0].any() for shard in shards[first:]):
            return
        start = first
        while start and shards[start - 1]["rows"] <= _rows(shards[start:]):
            start -= 1
        if len(shards) - start > 1:
            name = _name(1 + max(_number(shard["file"]) for shard in shards))
            with staged(self.folder / name) as aside:
                digest = write(aside, [self._opened[_key(shard)] for shard in shards[start:]])
            self._enter(start, name, digest, _rows(shards[start:]), sealed=True)
        else:
            shards[start]["sealed"] = True
            write_manifest(self.folder, self._manifest)

    def _replaced(self) -> list[Path]:
        """Return the files that the last sealing replaced and that are still there."""
        return [path for name in self._manifest["replaced"] if (path := self.folder / name).exists()]

    def _unnamed(self) -> list[Path]:
        """Return shards that a killed process wrote and did not name in the manifest."""
        named = {shard["file"] for shard in self._manifest["shards"]}
        return sorted(path for path in self.folder.glob(f"{_SHARD}*{_SUFFIX}") if path.name not in named)

    def _enter(self, start: int, name: str, digest: str, rows: int, *, sealed: bool) -> None:
        """Name a shard in the manifest in place of those from number `start` on."""
        shards = self._manifest["shards"]
        entry = {"file": name, "rows": rows, "digest": digest, "sealed": sealed}
        manifest = {
            **self._manifest,
            "shared": self.shared.digest,
            "shards": [*shards[:start], entry],
            "replaced": sorted((shard["file"] for shard in shards[start:]), key=_number) or self._manifest["replaced"],
            "count": _rows(shards[:start]) + rows,
        }
        write_manifest(self.folder, manifest)
        self._open_shards(manifest, written=(name, digest))


def _arrays(tensors: Mapping[str, Tensor]) -> Arrays:
    return {name: value.contiguous().numpy() for name, value in tensors.items()}


def _rows(shards: list[dict[str, Any]]) -> int:
    return sum(shard["rows"] for shard in shards)


def _key(shard: dict[str, Any]) -> tuple[str, str]:
    return shard["file"], shard["digest"]


def _name(number: int) -> str:
    """Return the name of a shard; one that was in a manifest is never used again, as its shard may be mapped."""
    return f"{_SHARD}{number:05d}{_SUFFIX}"


def _number(file: str) -> int:
    return int(file.removeprefix(_SHARD).removesuffix(_SUFFIX))
