"""Pictures as pixels: decoded within limits, upright, 8 bits, grey or red-green-blue.

Files come from strangers. What they claim to hold is checked before it is decoded, only formats are read whose decoder
runs no program, and whatever a decoder raises becomes one line that names the file.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck import installed
from limbeck.errors import LimbeckError, first_line
from limbeck.files import named_path
from limbeck.runtime.complaints import Silence, complaints
from limbeck.runtime.content import content_of

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
"""What is read, as Pillow calls it. Others are refused: EPS, for one, is a program."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
MAX_PIXELS = 89_478_485
"""Pixels of a picture at most: a quarter of a gigabyte in colour. It is also where Pillow begins to warn."""
MAX_BYTES = 1 << 29
"""Size of a file at most: that many pixels take less in every format, unless it holds something else."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SAVE_AGAIN = "save it again as PNG or JPEG, or remove it"
_AT_ONCE = 1 << 20
"""Pixels that are converted together. Of 89 million at once, the 32 bits that a channel is worked out in take 4 GB."""
_HELD_EACH, _HELD_ALL = 1 << 16, 1 << 28
"""Bytes of decoded pixels that are kept, of one picture and of all: 80,000 CIFAR images, and no photograph."""


class Picture:
    """A picture that is decoded when its pixels are asked for.

    Args:
        source: the bytes or the path of a file, or a view of bytes, or (height, width, channels) uint8 pixels; None:
            there is no picture.
        where: what it is called in errors.
    """

    __slots__ = ("__weakref__", "_identity", "_pixels", "source", "where")

    _held = 0

    def __init__(self, source: bytes | memoryview | Path | NDArray[np.uint8] | None, where: str) -> None:
        self.source, self.where = source, where
        self._pixels: NDArray[np.uint8] | None = None
        self._identity: bytes | None = None

    def __del__(self) -> None:
        if getattr(self, "_pixels", None) is not None:
            Picture._held -= self._pixels.nbytes  # pyrefly: ignore[missing-attribute]

    def __reduce__(self) -> tuple[Any, ...]:
        return Picture, (bytes(self.source) if isinstance(self.source, memoryview) else self.source, self.where)

    @property
    def empty(self) -> bool:
        """Whether there is no picture."""
        return self.source is None

    def identity(self) -> bytes:
        """Return 32 bytes that name the file, or the array, exactly; none where there is no picture.

        Raises:
            LimbeckError: the file cannot be read.
        """
        if self._identity is None:
            self._identity = b"" if self.source is None else named(self._content())
        return self._identity

    def pixels(self) -> NDArray[np.uint8]:
        """Return (height, width, channels) uint8, of 1 channel or 3, red first. Nobody may write into it.

        Raises:
            LimbeckError: the file cannot be read or decoded.
            ValueError: there is no picture.
        """
        if self._pixels is not None:
            return self._pixels
        content = self._content()
        if isinstance(content, np.ndarray):
            return _on_white(content)
        pixels = decoded(content, self.where)
        if pixels.nbytes <= _HELD_EACH and Picture._held + pixels.nbytes <= _HELD_ALL:
            self._pixels = pixels
            Picture._held += pixels.nbytes
        return pixels

    def _content(self) -> bytes | NDArray[np.uint8]:
        if self.source is None:
            raise ValueError(f"{self.where}: there is no picture")
        if isinstance(self.source, Path):
            return _file(self.source, self.where)
        if isinstance(self.source, memoryview):
            return bytes(self.source)
        return self.source


def picture_of(cell: Any, where: str, folder: Path | None = None) -> Picture:
    """Return the picture that a value stands for.

    Args:
        cell: the path of a file, the bytes of one, a mapping with `bytes` or `path` (as the Hugging Face hub has it),
            (height, width) or (height, width, channels) uint8 pixels as an array or as nested lists, or a Pillow image.
            Channels are 1 (grey), 2 (grey, alpha), 3 (red, green, blue) or 4 (with alpha).
        where: what it is called in errors; the path is added.
        folder: in which a relative path begins; None: in the working directory.

    Raises:
        TypeError: it is none of these.
        ValueError: an array of another type or shape.
        LimbeckError: a Pillow image that cannot be read.
    """
    if isinstance(cell, Picture):
        return cell
    if isinstance(cell, Mapping) and cell.keys() & {"bytes", "path"}:
        cell = cell.get("path") if cell.get("bytes") is None else cell["bytes"]
    if isinstance(cell, str | Path):
        called = f"{where}, {cell}" if where else str(cell)
        path = named_path(cell, called)
        return Picture(path if folder is None else folder / path, called)
    if isinstance(cell, bytes | bytearray | memoryview):
        return Picture(content_of(cell), where)
    if isinstance(cell, np.ndarray | list | tuple):
        return Picture(_array(cell), where)
    if hasattr(cell, "getexif") and hasattr(cell, "mode"):
        return Picture(_from_pillow(cell, where), where)
    raise TypeError(f"a value of type {type(cell).__name__}, where an image belongs")


def without_colour(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pixels with one channel where all channels are the same; else as they are."""
    if pixels.shape[2] == 1 or not is_grey(pixels):
        return pixels
    return pixels[:, :, :1]


def is_grey(pixels: NDArray[np.uint8]) -> bool:
    """Return whether (..., channels) pixels show nothing but greys."""
    return all(np.array_equal(pixels[..., 0], pixels[..., channel]) for channel in range(1, pixels.shape[-1]))


def grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (..., 1) luma of (..., 3) pixels: ITU-R BT.601, rounded as Pillow does; a grey stays what it is."""
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)[..., None]


def decoder() -> str:
    """Return the versions of what decodes and resizes; `none` where it is not installed."""
    try:
        from PIL import __version__, features
    except ImportError:
        return "none"
    parts = {name: features.version(name) for name in ("libjpeg_turbo", "jpg", "webp", "libtiff")}
    return f"pillow {__version__}, " + ", ".join(f"{name} {version}" for name, version in parts.items())


def pillow() -> Any:
    """Return the module `PIL.Image`.

    Raises:
        LimbeckError: it is not installed.
    """
    try:
        # Each registers the format that it decodes: Pillow would load every format that it knows otherwise.
        from PIL import (  # noqa: F401
            BmpImagePlugin,
            GifImagePlugin,
            Image,
            JpegImagePlugin,
            PngImagePlugin,
            PpmImagePlugin,
            TiffImagePlugin,
            WebPImagePlugin,
        )
    except ImportError:
        raise LimbeckError(
            "images are decoded by Pillow, which is not installed", fix=installed.line("image")
        ) from None
    return Image


def decoded(content: bytes, where: str) -> NDArray[np.uint8]:
    """Return the pixels of an image file, (height, width, channels) uint8, of 1 channel or 3.

    The orientation that EXIF says is applied. Transparency is laid on white, as a page shows it. Of 16 bits the upper 8
    are kept. Of a file with several pictures in one (JPEG with previews, as phones write it) the first is read; one
    that moves, or has pages, is refused: which of them the label is of nobody can say.

    Args:
        content: of the file.
        where: what it is called in errors.

    Raises:
        LimbeckError: it is no image of a format that is read, is damaged, larger than the limits, or no picture of
            numbers from 0 to 255 can be made of it.
    """
    if len(content) > MAX_BYTES:
        raise _too_large(where, f"{len(content):,} bytes", f"{MAX_BYTES:,}")
    image_module = pillow()
    try:
        tiff = content.startswith(_TIFF)
        with _SILENCE, complaints(tiff) as said, image_module.open(io.BytesIO(content), formats=FORMATS) as image:
            _check(image, where)
            pixels = _upright(image, where)
    except LimbeckError:
        raise
    except image_module.DecompressionBombError:
        raise _too_large(where, "more pixels than can be decoded safely", f"{MAX_PIXELS:,}") from None
    except image_module.UnidentifiedImageError:
        raise LimbeckError(
            "this is no image", where=where, fix=f"give a file that is one of {', '.join(FORMATS)}"
        ) from None
    except Exception as error:  # decoders raise whatever they come across in a damaged file
        raise LimbeckError(f"damaged image ({first_line(error)})", where=where, fix=_SAVE_AGAIN) from None
    if said:  # libtiff goes on after many an error, with pixels of its own
        raise LimbeckError(f"damaged image ({said[0].rstrip('.')})", where=where, fix=_SAVE_AGAIN)
    return pixels


def _check(image: Any, where: str) -> None:
    """Refuse what would be decoded at a cost, or into more than one picture; only the header has been read."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(where, f"{width:,} x {height:,} pixels", f"{MAX_PIXELS:,}")
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise LimbeckError(
            "an image of several frames", where=where, fix="save the frame that its label is of as a file of its own"
        )


def _too_large(where: str, found: str, limit: str) -> LimbeckError:
    return LimbeckError(f"too large an image: {found}, of at most {limit}", where=where, fix="scale it down")


_PLAIN = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "HSV": "RGB"}
_PLAIN |= {"LA": "LA", "La": "LA", "PA": "RGBA", "RGBA": "RGBA", "RGBa": "RGBA"}
"""What a mode of Pillow becomes."""
_TRANSPARENT = {"L": "LA", "RGB": "RGBA"}
"""What these become where one colour, or entries of the palette, are transparent."""


def _upright(image: Any, where: str) -> NDArray[np.uint8]:
    """Return the pixels of an open Pillow image, as EXIF says that it is held."""
    image.load()
    mode, width, height = image.mode, *image.size
    wanted = _PLAIN.get(mode, "")
    if image.has_transparency_data:
        wanted = _TRANSPARENT.get(wanted, wanted)

    def taken(part: Any) -> NDArray[np.uint8]:
        pixels = np.asarray(part if wanted in ("", mode) else part.convert(wanted))
        return _on_white(_with_channels(pixels if wanted else _upper_bits(pixels, where)))

    # Pillow opens the 16 bits of some files with 32; of what is no such file, nobody knows how many are meant.
    if not wanted and not mode.startswith("I;16") and (mode != "I" or image.format not in ("PNG", "PPM")):
        kind = "numbers with fractions" if mode == "F" else f"Pillow's mode {mode}"
        raise _no_white(f"an image of {kind}", where)
    return _TURNS.get(_orientation(image), np.ascontiguousarray)(_by_bands(image, taken, height, width))


def _by_bands(image: Any, taken: Callable[[Any], NDArray[np.uint8]], height: int, width: int) -> NDArray[np.uint8]:
    """Return the pixels that `taken` makes of an image, a band at a time: what it needs besides stays small."""
    if height * width <= _AT_ONCE:
        return taken(image)
    pixels = np.empty((height, width, taken(image.crop((0, 0, 1, 1))).shape[2]), np.uint8)
    for rows, columns in _bands(height, width):
        pixels[rows, columns] = taken(image.crop((columns.start, rows.start, columns.stop, rows.stop)))
    return pixels


def _bands(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Yield rows and columns of bands across the longer side, of about `_AT_ONCE` pixels each."""
    longer, size = max(height, width), max(1, _AT_ONCE // max(1, min(height, width)))
    for start in range(0, longer, size):
        along = slice(start, min(start + size, longer))
        yield (along, slice(0, width)) if height >= width else (slice(0, height), along)


def _upper_bits(values: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Return the upper 8 of 16 bits."""
    if values.min() < 0 or values.max() > 0xFFFF:
        raise _no_white("a grey image of 32 bits", where)
    return (values >> 8).astype(np.uint8)


def _no_white(what: str, where: str) -> LimbeckError:
    return LimbeckError(f"{what}, whose white is not known", where=where, fix="save it with 8 bits a channel")


def _orientation(image: Any) -> Any:
    try:
        return image.getexif().get(0x0112)
    except Exception:  # the picture is whole, and what is written about it is not
        return None


_TURNS = {
    2: lambda pixels: np.ascontiguousarray(pixels[:, ::-1]),
    3: lambda pixels: np.ascontiguousarray(pixels[::-1, ::-1]),
    4: lambda pixels: np.ascontiguousarray(pixels[::-1]),
    5: lambda pixels: np.ascontiguousarray(pixels.swapaxes(0, 1)),
    6: lambda pixels: np.ascontiguousarray(pixels.swapaxes(0, 1)[:, ::-1]),
    7: lambda pixels: np.ascontiguousarray(pixels[::-1, ::-1].swapaxes(0, 1)),
    8: lambda pixels: np.ascontiguousarray(pixels.swapaxes(0, 1)[::-1]),
}
"""How pixels are turned by the EXIF orientation. Source: Exif 2.32, tag 0x0112; 1 is upright."""


def _from_pillow(image: Any, where: str) -> NDArray[np.uint8]:
    try:
        with _SILENCE:
            _check(image, where)
            return _upright(image, where)
    except LimbeckError:
        raise
    except Exception as error:  # it is decoded when it is first looked at, see `decoded`
        raise LimbeckError(f"damaged image ({first_line(error)})", where=where, fix=_SAVE_AGAIN) from None


def _array(cell: Any) -> NDArray[np.uint8]:
    given = np.asarray(cell)
    if isinstance(cell, np.ndarray):
        fits = given.dtype == np.uint8
    else:
        fits = (
            np.issubdtype(given.dtype, np.integer) and given.size > 0 and bool(given.min() >= 0 and given.max() <= 255)
        )
    if not fits:
        raise ValueError(f"pixels of type {given.dtype}, where whole numbers from 0 to 255 (uint8) belong")
    if given.ndim not in (2, 3) or not given.size or (given.ndim == 3 and given.shape[2] > 4):
        raise ValueError(f"pixels of shape {given.shape}, where (height, width) or (height, width, channels) belong")
    return _with_channels(given.astype(np.uint8, copy=False))


def _with_channels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (height, width, channels) pixels without alpha, which stands last of 2 or of 4 channels."""
    if pixels.shape[2] % 2:
        return pixels
    found = np.empty((*pixels.shape[:2], pixels.shape[2] - 1), np.uint8)
    for band in _bands(*pixels.shape[:2]):
        colour, alpha = pixels[band][:, :, :-1].astype(np.uint32), pixels[band][:, :, -1:].astype(np.uint32)
        found[band] = (colour * alpha + 255 * (255 - alpha) + 127) // 255
    return found


def _file(path: Path, where: str) -> bytes:
    try:
        if not path.is_file():
            raise LimbeckError("no such file" if not path.exists() else "no file", where=where, fix="mend its path")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _too_large(where, f"{size:,} bytes", f"{MAX_BYTES:,}")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # a path with a NUL byte is no path
        reason = getattr(error, "strerror", None) or first_line(error)
        raise LimbeckError(f"cannot be read ({reason})", where=where, fix="mend its path, or remove it") from None


def named(content: bytes | NDArray[np.uint8]) -> bytes:
    """Return 32 bytes that name these bytes, or pixels of this shape."""
    state = hashlib.blake2b(digest_size=32)
    if isinstance(content, bytes):
        state.update(content)
    else:
        state.update(f"{content.shape} ".encode())
        state.update(np.ascontiguousarray(content).data)
    return state.digest()


_SILENCE = Silence()
