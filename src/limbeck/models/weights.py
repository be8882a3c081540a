"""The weights of a finished network, from a file of tensors: every one of them, or none."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from limbeck.errors import LimbeckError, a, first_line

_SUFFIX = ".safetensors"


class Published(nn.Module):
    """A network whose weights others have published under names of their own."""

    def own(self, weights: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
        """Return a file's weights under the network's names, and with what such a file may leave out.

        Args:
            weights: tensors by name.
            where: names the file.

        Raises:
            LimbeckError: they are of a network of another size.
        """
        raise NotImplementedError


def load_weights(network: nn.Module, path: Path) -> None:
    """Put the weights of a file into a network that has the same ones, in name, shape and kind of number.

    A weight that the network uses under two names may stand in the file under one of them. A network that is
    `Published` says what the names in a file mean.

    Args:
        network: changed in place.
        path: a `.safetensors` file; any other is read as one of `torch.save`: nothing but tensors is unpickled.

    Raises:
        LimbeckError: there is no such file, it is damaged or holds more than tensors, or a weight is missing, unknown
            or of another shape or kind.
    """
    found, own = _read(path), network.state_dict(keep_vars=True)
    if isinstance(network, Published):
        found = network.own(found, str(path))
    wanted = {name: value for name, value in own.items() if isinstance(value, Tensor)}
    held = {id(value) for name, value in wanted.items() if name in found}
    missing = [name for name, value in wanted.items() if name not in found and id(value) not in held]
    unknown = [name for name in found if name not in wanted]
    if missing or unknown:
        said = [_some(names, what) for names, what in ((missing, "lacks"), (unknown, "has besides")) if names]
        raise LimbeckError(
            f"not the weights of this {type(network).__name__}: the file {', and '.join(said)}",
            where=str(path),
            fix="build the network that the weights were saved from, or save its state_dict() again",
        )
    for name, value in found.items():
        own_kind, kind = (each.is_floating_point() for each in (wanted[name], value))
        if value.shape != wanted[name].shape or own_kind != kind:
            raise LimbeckError(
                f"`{name}` is {_form(value)} in the file, and {_form(wanted[name])} in the {type(network).__name__}",
                where=str(path),
                fix="build the network with the sizes that the weights were saved from",
            )
    try:
        network.load_state_dict(found, strict=False)  # which names there are was compared above
    except Exception as error:  # a network's own hooks may raise anything
        raise LimbeckError(f"the network does not take them ({first_line(error)})", where=str(path)) from error


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise LimbeckError("no such file of weights", where=str(path), fix="give its path")
    if path.suffix.lower() == _SUFFIX:
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise LimbeckError(
                f"not readable as safetensors ({first_line(error)})", where=str(path), fix="copy or save it again"
            ) from None
    return _named_tensors(_unpickled(path), path)


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise LimbeckError(
            "damaged, or holds more than tensors, which is never unpickled",
            where=str(path),
            fix=f"save model.state_dict() as {_SUFFIX}",
        ) from None
    except Exception as error:  # a damaged file raises whatever its reader raises
        raise LimbeckError(
            f"no file of weights that torch reads ({type(error).__name__})",
            where=str(path),
            fix=f"save model.state_dict() as {_SUFFIX}",
        ) from None


def _named_tensors(found: Any, path: Path) -> Mapping[str, Tensor]:
    if isinstance(found, Mapping) and found and all(isinstance(value, Tensor) for value in found.values()):
        return found
    inside = ", ".join(map(str, list(found)[:4])) if isinstance(found, Mapping) else a(type(found).__name__)
    raise LimbeckError(
        f"holds {inside or 'nothing'} in place of tensors by name",
        where=str(path),
        fix="save model.state_dict() alone",
    )


def _some(names: list[str], what: str) -> str:
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return f"{what} `{names[0]}`{more}"


def _form(value: Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
