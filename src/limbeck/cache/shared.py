"""The file of what a codec stores once for all answers of a cache: a teacher's last layer."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from limbeck.cache.shards import ANEW
from limbeck.errors import LimbeckError
from limbeck.files import staged
from limbeck.teachers.module import tensors_digest

FILE = "shared.safetensors"


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
