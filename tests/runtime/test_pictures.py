"""Pictures: every mode and orientation, and what strangers send."""

import io
import pickle
import struct
import threading
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from limbeck.errors import LimbeckError
from limbeck.runtime import pictures
from limbeck.runtime.pictures import Picture, decoded, picture_of, without_colour

DRAW = np.random.default_rng(0)
GREY = DRAW.integers(0, 256, (12, 10), dtype=np.uint8)
COLOUR = DRAW.integers(0, 256, (12, 10, 3), dtype=np.uint8)


def written(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(image: Image.Image, kind: str = "PNG", **options) -> np.ndarray:
    return decoded(written(image, kind, **options), "here")


# --- modes


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP", "GIF"])
def test_greys_and_colours_of_every_lossless_format(kind):
    if kind != "WEBP":
        np.testing.assert_array_equal(without_colour(read(Image.fromarray(GREY), kind))[..., 0], GREY)
    if kind != "GIF":
        np.testing.assert_array_equal(read(Image.fromarray(COLOUR), kind, lossless=True), COLOUR)


def test_red_comes_first():
    red = read(Image.new("RGB", (3, 2), (200, 100, 50)))
    assert red[0, 0].tolist() == [200, 100, 50]
    assert red.shape == (2, 3, 3), "height, width, channels"


def test_a_palette_is_looked_up():
    image = Image.fromarray(COLOUR).quantize(16)
    np.testing.assert_array_equal(read(image), np.asarray(image.convert("RGB")))


def test_transparency_is_laid_on_white():
    """An alpha channel, a transparent colour, a transparent entry of a palette: each shows the white behind it."""
    alpha = np.dstack([COLOUR, np.full((12, 10), 255, np.uint8)])
    alpha[0, 0, 3], alpha[1, 1, 3] = 0, 128
    found = read(Image.fromarray(alpha))
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[1, 1].tolist() == [round((128 * int(v) + 127 * 255) / 255) for v in COLOUR[1, 1]]
    np.testing.assert_array_equal(found[2:], COLOUR[2:])

    with_grey = np.dstack([GREY, alpha[..., 3]])
    found = read(Image.fromarray(with_grey))
    assert found.shape == (12, 10, 1)
    assert found[0, 0, 0] == 255

    one_colour = Image.new("RGB", (2, 1), (10, 20, 30))
    one_colour.putpixel((0, 0), (1, 2, 3))
    assert read(one_colour, transparency=(1, 2, 3)).tolist() == [[[255] * 3, [10, 20, 30]]]
    one_grey = Image.fromarray(np.array([[7, 9]], np.uint8))
    assert read(one_grey, transparency=7).tolist() == [[[255], [9]]]

    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.putpixel((1, 0), 1)
    for kind in ("PNG", "GIF"):
        assert read(palette, kind, transparency=0).tolist() == [[[255] * 3, [10, 20, 30]]]
    assert read(palette, transparency=bytes([0, 255])).tolist() == [[[255] * 3, [10, 20, 30]]]


def of_many_modes(height: int, width: int) -> dict[str, Image.Image]:
    colour = np.random.default_rng(1).integers(0, 256, (height, width, 4), dtype=np.uint8)
    rgb, rgba = Image.fromarray(colour[..., :3]), Image.fromarray(colour)
    palette = rgb.quantize(16)
    palette.info["transparency"] = bytes(range(0, 256, 16))
    one_colour = Image.fromarray(colour[..., :3] // 128)
    one_colour.info["transparency"] = (1, 0, 1)
    made = {mode: rgba.convert(mode) for mode in ("1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr")}
    made |= {"P": rgb.quantize(16), "P with alpha": palette, "one colour": one_colour, "PA": palette.convert("PA")}
    deep = colour[..., 0].astype(np.uint16) << 8
    return made | {"I;16": Image.fromarray(deep), "I;16B": Image.frombytes("I;16B", (width, height), deep.tobytes())}


@pytest.mark.parametrize(("height", "width"), [(50, 7), (7, 50), (1, 60)])
def test_a_picture_converted_by_bands_is_what_it_is_at_once(monkeypatch, height, width):
    images = of_many_modes(height, width)
    whole = {mode: picture_of(image, mode).pixels() for mode, image in images.items()}
    whole["an array"] = picture_of(np.asarray(images["RGBA"]), "").pixels()
    monkeypatch.setattr(pictures, "_AT_ONCE", 20)
    for mode, image in images.items():
        np.testing.assert_array_equal(picture_of(image, mode).pixels(), whole[mode], err_msg=mode)
    np.testing.assert_array_equal(picture_of(np.asarray(images["RGBA"]), "").pixels(), whole["an array"])
    np.testing.assert_array_equal(whole["RGBA"], whole["an array"])


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P with alpha"])
def test_a_transparent_picture_takes_little_more_than_its_pixels(monkeypatch, mode):
    """What is worked out in 32 bits is a band of it: a file of 343 kB took 4.7 GB."""
    monkeypatch.setattr(pictures, "_AT_ONCE", 4096)
    image = of_many_modes(500, 600)[mode]
    image.load()
    tracemalloc.start()
    try:
        size = picture_of(image, "here").source.nbytes
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size in (500 * 600, 3 * 500 * 600)
    assert peak < size + 4096 * 64 + 20_000


@pytest.mark.parametrize("mode", ["I", "F"])
def test_a_picture_object_whose_white_is_not_known_is_refused(mode):
    """Its values up to 255 would all be black, were they the upper half of 16 bits."""
    made = Image.fromarray(np.full((4, 4), 200, {"I": np.int32, "F": np.float32}[mode]))
    assert made.mode == mode
    with pytest.raises(LimbeckError, match="whose white is not known"):
        picture_of(made, "here").pixels()


def test_one_bit_sixteen_bits_and_print_colours():
    bits = GREY > 127
    np.testing.assert_array_equal(read(Image.fromarray(bits))[..., 0], bits * np.uint8(255))
    deep = GREY.astype(np.uint16) * 257
    for kind in ("PNG", "TIFF"):
        np.testing.assert_array_equal(read(Image.fromarray(deep), kind)[..., 0], GREY)
    header = b"P5 10 12 65535\n"
    np.testing.assert_array_equal(decoded(header + deep.astype(">u2").tobytes(), "here")[..., 0], GREY)
    ink = Image.fromarray(COLOUR).convert("CMYK")
    np.testing.assert_array_equal(read(ink, "TIFF"), COLOUR)
    assert read(ink, "JPEG").shape == COLOUR.shape


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (Image.fromarray(GREY.astype(np.float32)), "an image of numbers with fractions, whose white is not known"),
        (Image.fromarray(GREY.astype(np.int32)), "an image of Pillow's mode I, whose white is not known"),
        (Image.new("LAB", (4, 4)), "an image of Pillow's mode LAB"),
    ],
)
def test_numbers_without_a_white_are_refused(image, said):
    with pytest.raises(LimbeckError, match=f"^here: {said}"):
        read(image, "TIFF")


# --- orientation


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(kind, orientation):
    image = Image.fromarray(np.repeat(np.repeat(COLOUR, 8, 0), 8, 1))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = written(image, kind, exif=exif, lossless=True)
    with Image.open(io.BytesIO(content)) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    np.testing.assert_array_equal(decoded(content, "here"), expected)
    assert expected.shape[0] == (96 if orientation < 5 else 80)


def test_a_picture_whose_exif_is_damaged_is_read():
    content = written(Image.fromarray(COLOUR), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\xff")
    assert decoded(content, "here").shape == COLOUR.shape


def test_a_photograph_with_a_preview_is_its_first_picture():
    other = Image.fromarray(GREY).convert("RGB")
    found = read(Image.fromarray(COLOUR), "MPO", save_all=True, append_images=[other], quality=95)
    np.testing.assert_array_equal(found, read(Image.fromarray(COLOUR), "JPEG", quality=95))


# --- strangers


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_huge_picture_is_refused_by_its_header():
    with pytest.raises(LimbeckError, match=r"^here: too large an image: more pixels than can be decoded safely"):
        decoded(png_header(60_000, 60_000), "here")
    with pytest.raises(LimbeckError, match=r"^here: too large an image: 10,000 x 9,000 pixels, of at most 89,478,485"):
        decoded(png_header(10_000, 9_000), "here")


def test_a_frame_that_is_larger_than_its_screen_says_is_refused():
    """Pillow grows the picture to the frame, after it has looked at the size of the screen."""
    content = bytearray(written(Image.fromarray(GREY), "GIF"))
    place = content.index(b"\x2c" + struct.pack("<HHHH", 0, 0, 10, 12))
    content[place + 5 : place + 9] = struct.pack("<HH", 60_000, 60_000)
    with pytest.raises(LimbeckError, match=r"^here: too large"):
        decoded(bytes(content), "here")


def test_what_is_no_picture_is_refused():
    picture = written(Image.fromarray(COLOUR.repeat(20, 0).repeat(20, 1)), "JPEG")
    for content, said in (
        (b"a text named .png", "this is no image; give a file that is one of PNG, JPEG"),
        (b"", "this is no image"),
        (picture[: len(picture) // 2], "damaged image .*truncated"),
        (written(Image.fromarray(COLOUR))[:60], "damaged image"),
        (written(Image.fromarray(COLOUR), "EPS"), "this is no image"),
        (written(Image.fromarray(COLOUR), "ICO"), "this is no image"),
    ):
        with pytest.raises(LimbeckError, match=f"^here: {said}"):
            decoded(content, "here")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_several_frames_are_refused(kind):
    first, second = Image.fromarray(COLOUR), Image.fromarray(COLOUR[::-1].copy())
    with pytest.raises(LimbeckError, match=r"^here: an image of several frames; save the frame"):
        read(first, kind, save_all=True, append_images=[second])


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(pictures, "MAX_BYTES", 99)
    for ask in (Picture.pixels, Picture.identity):
        with pytest.raises(LimbeckError, match=r"a\.png: too large an image: 100 bytes, of at most 99"):
            ask(picture_of(path, ""))


def test_the_limits_and_warnings_of_pillow_are_left_alone():
    before, limit = warnings.filters[:], Image.MAX_IMAGE_PIXELS
    palette = Image.fromarray(COLOUR).quantize(4)
    content = written(palette, transparency=bytes([0, 9, 255, 255]))
    barrier = threading.Barrier(4)

    def many() -> None:
        barrier.wait()
        for _ in range(50):
            decoded(content, "here")

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before
    assert limit == Image.MAX_IMAGE_PIXELS


# --- what stands for a picture


def test_every_way_to_give_a_picture_gives_the_same_pixels(tmp_path):
    content = written(Image.fromarray(COLOUR))
    (tmp_path / "a.png").write_bytes(content)
    with Image.open(io.BytesIO(content)) as opened:
        given = [
            (str(tmp_path / "a.png"), None),
            (tmp_path / "a.png", None),
            ("a.png", tmp_path),
            (content, None),
            (bytearray(content), None),
            ({"bytes": content, "path": "elsewhere.png"}, None),
            ({"bytes": None, "path": "a.png"}, tmp_path),
            (COLOUR, None),
            (COLOUR.tolist(), None),
            (np.dstack([COLOUR, np.full((12, 10), 255, np.uint8)]), None),
            (opened, None),
        ]
        for cell, folder in given:
            np.testing.assert_array_equal(picture_of(cell, "here", folder).pixels(), COLOUR)
    assert picture_of(GREY, "").pixels().shape == (12, 10, 1)


@pytest.mark.parametrize(
    ("cell", "error", "said"),
    [
        (3, TypeError, "a value of type int, where an image belongs"),
        (GREY.astype(np.float32), ValueError, "pixels of type float32, where whole numbers from 0 to 255"),
        ([[0, 256]], ValueError, "pixels of type int64, where whole numbers from 0 to 255"),
        ([], ValueError, "pixels of type float64"),
        (COLOUR.transpose(2, 0, 1), ValueError, r"pixels of shape \(3, 12, 10\), where \(height, width\)"),
        (COLOUR[None], ValueError, "pixels of shape"),
        (GREY[:0], ValueError, "pixels of shape"),
    ],
)
def test_what_stands_for_no_picture(cell, error, said):
    with pytest.raises(error, match=said):
        picture_of(cell, "here")


def test_a_path_that_is_none_is_named(tmp_path):
    for path, said in (("none.png", "no such file"), (".", "no file"), ("a\0b", "cannot be read|no such file")):
        with pytest.raises(LimbeckError, match=said) as caught:
            picture_of(path, "rows.csv, row 7", tmp_path).pixels()
        assert caught.value.where == f"rows.csv, row 7, {path}"


def test_pixels_that_are_held_are_bounded_and_given_back(monkeypatch):
    small = written(Image.fromarray(COLOUR))
    start = Picture._held
    monkeypatch.setattr(pictures, "_HELD_ALL", start + 2 * COLOUR.nbytes)
    held = [Picture(small, "") for _ in range(3)]
    first = [picture.pixels() for picture in held]
    assert Picture._held == start + 2 * COLOUR.nbytes
    assert [picture.pixels() is pixels for picture, pixels in zip(held, first, strict=True)] == [True, True, False]
    sent = pickle.loads(pickle.dumps(held[0]))
    np.testing.assert_array_equal(sent.pixels(), COLOUR)
    del held, sent, first
    assert Picture._held == start
