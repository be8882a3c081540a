"""The file of what a codec stores once for all answers of a cache: a teacher's last layer."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from limbeck.cache.shards import ANEW
from limbeck.errors import LimbeckError
from limbeck.files import staged
from limbeck.teachers.module import tensors_digest

FILE = "shared.safetensors"


_CPU = torch.device("cpu")


class Shared:
    """What a codec stores once for all answers of a cache, on every device where it is wanted.

    Args:
        folder: of the cache.

    Attributes:
        digest: of the tensors; None: nothing is stored yet.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._held: dict[torch.device, dict[str, Tensor]] = {_CPU: {}}
        self.digest: str | None = None

    def read(self, digest: str | None) -> None:
        """Read what a manifest names, unless it is read.

        Raises:
            LimbeckError: see `read_shared`.
        """
        if digest != self.digest:
            self._hold({} if digest is None else read_shared(self._path.parent, digest), digest)

    def on(self, device: torch.device) -> dict[str, Tensor]:
        """Return the tensors on a device."""
        if device not in self._held:
            self._held[device] = {name: value.to(device) for name, value in self._held[_CPU].items()}
        return self._held[device]

    def keep(self, tensors: dict[str, Tensor]) -> None:
        """Write tensors while nobody else does, where there are none yet.

        Raises:
            LimbeckError: others are there.
        """
        if tensors and self.digest is None:
            write_shared(self._path.parent, tensors)
            self._hold(tensors, tensors_digest(tensors))
        self.require(tensors)

    def require(self, tensors: dict[str, Tensor]) -> None:
        """Refuse other tensors than those that are stored; any will do where none are.

        Raises:
            LimbeckError: they are others.
        """
        known = self._held[_CPU]
        if not tensors or self.digest is None or all(value is known.get(name) for name, value in tensors.items()):
            return
        require_same(self._path, self.digest, tensors_digest(tensors))
        self._hold(tensors, self.digest)  # the next answers bring the same objects

    def _hold(self, tensors: dict[str, Tensor], digest: str | None) -> None:
        self._held, self.digest = {_CPU: tensors}, digest


def write_shared(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors aside and rename the file."""
    with staged(folder / FILE) as aside:
        save_file({name: value.contiguous() for name, value in tensors.items()}, str(aside))


def read_shared(folder: Path, digest: str) -> dict[str, Tensor]:
    """Return the tensors of a cache.

    Args:
        folder: of the cache.
        digest: of the tensors, as the manifest has it.

    Raises:
        LimbeckError: the file is missing, or holds others.
    """
    path = folder / FILE
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise LimbeckError(f"missing or damaged ({error})", where=str(path), fix=ANEW) from error
    require_same(path, digest, tensors_digest(tensors))
    return tensors


def require_same(path: Path, digest: str, found: str) -> None:
    """Refuse another last layer than that of the stored answers.

    Args:
        path: of the file.
        digest: of the layer that the manifest names.
        found: of the layer at hand.

    Raises:
        LimbeckError: they differ.
    """
    if found != digest:
        raise LimbeckError(
            f"another last layer: the answers of the cache were stored with `{digest}`, this one is `{found}`",
            where=str(path),
            fix=ANEW,
        )
