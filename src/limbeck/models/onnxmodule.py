"""An ONNX file as a network: how the arrays of a reader become its inputs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from limbeck.digest import digest
from limbeck.errors import LimbeckError, nearest
from limbeck.models.onnxfile import OnnxFile, Slot
from limbeck.settings import Settings, or_bare

_SEGMENTS = "token_type_ids"
"""Of one text alone they are all 0: readers do not give them."""


class FeedSettings(Settings):
    """How one of the reader's arrays becomes an input of an ONNX file."""

    array: Annotated[str | None, Field(min_length=1, description="which one; null: that of the same name")] = None
    layout: Annotated[
        Literal["nhwc", "nchw"], Field(description="of images: nchw puts the channels before height and width")
    ] = "nhwc"
    scale: Annotated[
        float | None,
        Field(description="multiplies every value; of pixels 0.00392157 gives [0, 1], 1 leaves 0 to 255"),
    ] = None
    mean: Annotated[list[float] | None, Field(description="subtracted after that, one a channel")] = None
    std: Annotated[
        list[Annotated[float, Field(gt=0)]] | None, Field(description="what is left is divided by it, one a channel")
    ] = None

    @property
    def computes(self) -> bool:
        """Whether values become others, which are fractions."""
        return not (self.scale is self.mean is self.std is None)

    def turned(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the array (rows, ...) with its values and axes as they are wanted."""
        if self.computes:
            array = array.astype(np.float32) * np.float32(1 if self.scale is None else self.scale)
            array = array - np.asarray(0 if self.mean is None else self.mean, np.float32)
            array = array / np.asarray(1 if self.std is None else self.std, np.float32)
        return np.moveaxis(array, -1, 1) if self.layout == "nchw" else array


if TYPE_CHECKING:
    Feeds = dict[str, FeedSettings]
else:
    Feeds = Annotated[
        dict[str, or_bare(FeedSettings, on="array")],
        Field(
            description="by the file's input, the array that is read or {array: ..., scale: ..., layout: ...}; left "
            "out: those of the same names, or the only one"
        ),
    ]


class OnnxModule(nn.Module):
    """An ONNX file that is called with a reader's arrays.

    What it computes has no gradient, on the processor only. A row's arrays are padded where the file has a fixed
    length, and rows are asked in parts where it takes a fixed number of them.

    Args:
        file: loaded.
        example: arrays of two rows, by name, as the reader gives them.
        axes: of each, the axes that may have any size.
        feeds: by the file's input, what becomes it.
        output: of the file.
        fills: by array, what pads it; 0 where nothing is said.
        key: of the settings in the recipe, for errors.

    Attributes:
        named: (8,) uint8, the digest of the file and of how it is asked; a buffer, so that it is part of what names the
            network.

    Raises:
        LimbeckError: an input is none of the arrays, or an array does not fit its type or shape.
    """

    no_onnx = "it is an ONNX file, which is called as it is"
    uncounted = True  # its weights are in the file

    def __init__(
        self,
        file: OnnxFile,
        example: Mapping[str, NDArray[Any]],
        axes: Mapping[str, Mapping[int, str]],
        *,
        feeds: Mapping[str, FeedSettings],
        output: str,
        fills: Mapping[str, int],
        key: str,
    ) -> None:
        super().__init__()
        chosen = _matched(file, example, feeds, key)
        free = {name: set(each) - {0} for name, each in axes.items()}
        self.asked = _Asked(file, chosen, output, dict(fills), free)
        for name, feed in chosen.items():
            if feed.array is not None:
                _require_fit(file.inputs[name], feed, example[feed.array], free.get(feed.array, set()), f"{key}.inputs")
        self.register_buffer("named", torch.frombuffer(bytearray.fromhex(self.asked.digest), dtype=torch.uint8))

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return the output, (rows, ...) float32 on the processor."""
        arrays = {name: value.detach().cpu().numpy() for name, value in inputs.items()}
        return torch.from_numpy(self.asked.answers(arrays).astype(np.float32))


class _Asked:
    """A file and how it is asked; in a digest it stands for the bytes of the file, wherever that lies."""

    def __init__(
        self,
        file: OnnxFile,
        feeds: Mapping[str, FeedSettings],
        output: str,
        fills: Mapping[str, int],
        free: Mapping[str, set[int]],
    ) -> None:
        self._file, self._feeds, self._output, self._fills, self._free = file, feeds, output, fills, free
        said = {name: feed.model_dump(mode="json") for name, feed in feeds.items()}
        self.digest = digest([file.digest, said, output, dict(fills)])

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (self.digest,)

    def answers(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return the output for all rows."""
        rows = len(next(iter(arrays.values())))
        feed = {name: self._fed(name, settings, arrays) for name, settings in self._feeds.items()}
        size = self._file.batch or rows
        parts = []
        for start in range(0, rows, size):
            taken = np.minimum(np.arange(start, start + size), rows - 1)  # the last part repeats its last row
            part = self._file.run({name: value[taken] for name, value in feed.items()}, self._output)
            if not part.ndim or len(part) != size:
                raise LimbeckError(
                    f"the output `{self._output}` is {part.shape} for {size} rows",
                    where=str(self._file.path),
                    fix="name an output with one row an example",
                )
            parts.append(part[: rows - start])
        return np.concatenate(parts)

    def _fed(self, name: str, feed: FeedSettings, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return an input of the file."""
        slot = self._file.inputs[name]
        if feed.array is None:
            found = self._padded(np.zeros_like(arrays["input_ids"]), "input_ids", slot)
        else:
            found = feed.turned(self._padded(arrays[feed.array], feed.array, slot))
        return np.ascontiguousarray(_cast(found, slot, self._file.path))

    def _padded(self, array: NDArray[Any], name: str, slot: Slot) -> NDArray[Any]:
        """Return an array of any length with the length that the file takes."""
        missing = [(0, 0)] * array.ndim
        for axis in self._free.get(name, set()):
            wanted = slot.shape[axis]
            if wanted is not None and array.shape[axis] > wanted:
                raise LimbeckError(
                    f"`{slot.name}` takes {wanted} and a row has {array.shape[axis]}",
                    where=str(self._file.path),
                    fix=f"lower reads.max_length to {wanted}",
                )
            missing[axis] = (0, (wanted or array.shape[axis]) - array.shape[axis])
        if not any(after for _, after in missing):
            return array
        return np.pad(array, missing, constant_values=self._fills.get(name, 0))


def _matched(
    file: OnnxFile, example: Mapping[str, Any], feeds: Mapping[str, FeedSettings], key: str
) -> dict[str, FeedSettings]:
    """Return what becomes each input of the file, its array named; None: zeros.

    Raises:
        LimbeckError: an input, or an array, that is none.
    """
    if unknown := [name for name in feeds if name not in file.inputs]:
        raise LimbeckError(
            f"{file.path.name} has no input `{unknown[0]}`",
            where=f"{key}.inputs",
            fix=nearest(unknown[0], file.inputs),
        )
    chosen = {}
    for name in file.inputs:
        feed = feeds.get(name, FeedSettings())
        array = feed.array or (name if name in example else None)
        if array is None and len(file.inputs) == len(example) == 1:
            (array,) = example
        if array is None and not (name == _SEGMENTS and "input_ids" in example):
            raise LimbeckError(
                f"the input `{name}` of {file.path.name} has the name of no array that is read ({', '.join(example)})",
                where=f"{key}.inputs",
                fix=f"say which one it is, as in {{{name}: {next(iter(example))}}}",
            )
        if array is not None and array not in example:
            raise LimbeckError(f"no array `{array}` is read", where=f"{key}.inputs.{name}", fix=nearest(array, example))
        chosen[name] = feed.model_copy(update={"array": array})
    return chosen


def _require_fit(slot: Slot, feed: FeedSettings, array: NDArray[Any], free: set[int], where: str) -> None:
    """Refuse an array that does not become what an input takes.

    Raises:
        LimbeckError: another type, number of axes or size; or whole numbers become fractions and nothing says how.
    """
    place = f"{where}.{slot.name}"
    if slot.dtype is None:
        raise LimbeckError(f"the file's input is a {slot.kind}, which no reader gives", where=place)
    takes_fractions, has_fractions = (np.issubdtype(each, np.floating) for each in (slot.dtype, array.dtype))
    if takes_fractions and not has_fractions and not feed.computes:
        raise LimbeckError(
            f"the file takes fractions ({np.dtype(slot.dtype)}), and `{feed.array}` holds whole numbers "
            f"({array.dtype})",
            where=place,
            fix=f"say how they are scaled, as in {{{slot.name}: {{array: {feed.array}, scale: 0.00392157}}}}",
        )
    if not takes_fractions and (has_fractions or feed.computes):
        raise LimbeckError(
            f"the file takes whole numbers ({np.dtype(slot.dtype)}), and `{feed.array}` becomes fractions",
            where=place,
            fix="leave scale, mean and std out" if feed.computes else "name another array",
        )
    try:
        found = feed.turned(array).shape
    except ValueError:
        raise LimbeckError(
            f"mean or std have another number of values than `{feed.array}` has channels ({array.shape[-1]})",
            where=place,
            fix="give one a channel",
        ) from None
    sizes = zip(slot.shape[1:], found[1:], strict=False)
    wrong = [axis for axis, (wanted, has) in enumerate(sizes, 1) if wanted not in (None, has) and axis not in free]
    if len(found) != len(slot.shape) or wrong:
        raise LimbeckError(
            f"the file takes {_sizes(slot.shape)}, and `{feed.array}` is {_sizes((None, *found[1:]))}",
            where=place,
            fix="change `reads`, set layout: nchw where channels come first, or name another array",
        )


def _cast(array: NDArray[Any], slot: Slot, path: object) -> NDArray[Any]:
    wanted = np.dtype(slot.dtype)
    if np.issubdtype(wanted, np.integer) and array.size and not np.can_cast(array.dtype, wanted):
        held = np.iinfo(wanted)
        if array.min() < held.min or array.max() > held.max:
            raise LimbeckError(
                f"`{slot.name}` takes {wanted}, which holds {held.min} to {held.max}, and a row has "
                f"{array.min()} to {array.max()}",
                where=str(path),
                fix="export it with a wider type",
            )
    return array.astype(wanted, copy=False)


def _sizes(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"
