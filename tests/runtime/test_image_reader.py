"""The image reader: one size, the channels, the three ways to fit, and what is saved."""

import numpy as np
import pytest
from PIL import Image

from limbeck.runtime.pictures import Picture, grey
from limbeck.runtime.readers import image
from limbeck.runtime.readers.image import PIXELS, ImageReader

DRAW = np.random.default_rng(0)


def reader(height: int, width: int, channels: int = 3, resize: str = "stretch") -> ImageReader:
    return ImageReader(height, width, channels, resize=resize, mean=[0.5] * channels, std=[0.25] * channels)


def pixels(made: ImageReader, *values) -> np.ndarray:
    return made.encode(list(values)).arrays[PIXELS]


def test_what_has_the_size_is_handed_through():
    given = DRAW.integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)
    found = pixels(reader(6, 5), *given)
    np.testing.assert_array_equal(found, given)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(reader(6, 5).encode(given).arrays[PIXELS], given)


def test_a_colour_is_read_as_its_luma_and_a_grey_as_three():
    given = DRAW.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    np.testing.assert_array_equal(
        pixels(reader(6, 5, 1), given)[0, ..., 0], np.asarray(Image.fromarray(given).convert("L"))
    )
    np.testing.assert_array_equal(pixels(reader(6, 5, 3), given[..., 0])[0], np.dstack([given[..., 0]] * 3))
    every = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    np.testing.assert_array_equal(grey(every)[:, 0], every[:, 0])


def test_stretch_crop_and_pad():
    """A picture of two halves, twice as wide as it is high: all of it, its middle, all of it between black bars."""
    wide = np.zeros((20, 40, 1), np.uint8)
    wide[:, :20], wide[:, 20:] = 100, 200
    stretched, cropped, padded = (
        pixels(reader(10, 10, 1, kind), wide)[0, ..., 0] for kind in ("stretch", "crop", "pad")
    )
    for found in (stretched, cropped):
        assert (found[:, :4] == 100).all()
        assert (found[:, 6:] == 200).all()
    marked = wide.copy()
    marked[:, :10], marked[:, 30:] = 0, 255
    np.testing.assert_array_equal(pixels(reader(10, 10, 1, "crop"), marked)[0, ..., 0][:, 1:9], cropped[:, 1:9])
    assert not np.array_equal(pixels(reader(10, 10, 1, "stretch"), marked)[0, ..., 0], stretched)
    assert (padded[:2] == 0).all()
    assert (padded[8:] == 0).all()
    assert (padded[3:7, :4] == 100).all()
    assert (padded[3:7, 6:] == 200).all()


def test_a_crop_cuts_alike_on_both_sides():
    ramp = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (20, 1))[..., None]
    found = pixels(reader(20, 20, 1, "crop"), ramp)[0, 0, :, 0]
    np.testing.assert_array_equal(found, ramp[0, 20:40, 0])
    tall = pixels(reader(20, 20, 1, "crop"), ramp.transpose(1, 0, 2).copy())[0, :, 0, 0]
    np.testing.assert_array_equal(tall, found)


def test_a_picture_is_scaled_down_by_averages():
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    found = pixels(reader(8, 8, 1), board)
    assert abs(found.astype(int) - 127).max() <= 8, "every pixel counts: nothing of the pattern is left"


@pytest.mark.parametrize("kind", image.RESIZES)
@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (1, 1), (7, 5), (33, 32)])
def test_odd_shapes_fit(kind, shape):
    given = DRAW.integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert pixels(reader(9, 16, 3, kind), given).shape == (1, 9, 16, 3)


def test_an_example_without_an_image_is_black_and_nothing_else_is():
    assert not pixels(reader(3, 3), Picture(None, "row 1")).any()
    assert reader(3, 3).encode([]).arrays[PIXELS].shape == (0, 3, 3, 3)
    for wrong in (None, 3):
        with pytest.raises(TypeError, match=r"item 0: a value of type .*, where an image belongs"):
            reader(3, 3).encode([wrong])
    for single in ("a.png", b"", {"bytes": b""}, np.zeros((3, 3, 3), np.uint8)):
        with pytest.raises(TypeError, match="wrap a single one"):
            reader(3, 3).encode(single)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    made = ImageReader(8, 9, 3, resize="crop", mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    loaded = ImageReader.load(tmp_path, made.save(tmp_path))
    assert loaded.digest == made.digest
    assert loaded.form.mean == (0.1, 0.2, 0.3)
    assert loaded.form.example[PIXELS].shape == (2, 8, 9, 3)
    assert made.save(tmp_path).keys() == ImageReader.needs.keys()


def test_the_digest_names_all_that_decides(monkeypatch):
    digests = {
        reader(8, 9).digest, reader(9, 8).digest, reader(8, 9, 1).digest, reader(8, 9, 3, "crop").digest,
        ImageReader(8, 9, 3, resize="stretch", mean=[0.1] * 3, std=[0.25] * 3).digest,
    }  # fmt: skip
    monkeypatch.setattr(image, "decoder", lambda: "pillow 99")
    assert len(digests | {reader(8, 9).digest}) == 6


@pytest.mark.parametrize(
    "wrong", [{"height": 0}, {"channels": 2}, {"resize": "squeeze"}, {"mean": [0.1]}, {"std": [1.0, 0.0, 1.0]}]
)
def test_what_no_reader_is_made_of(wrong, tmp_path):
    with pytest.raises(ValueError, match=r"are made by|are not those of"):
        ImageReader.load(tmp_path, reader(8, 9).save(tmp_path) | wrong)


def test_a_crop_that_rounding_puts_outside_is_moved_inside():
    """70 x 199 of 189 x 124: the frame would begin 1e-14 of a pixel left of the picture."""
    given = np.full((189, 124, 1), 90, np.uint8)
    assert (pixels(reader(70, 199, 1, "crop"), given) == 90).all()
    assert (pixels(reader(199, 70, 1, "crop"), given.swapaxes(0, 1).copy()) == 90).all()


@pytest.mark.parametrize(("tall", "rows"), [(7, [1, 2]), (5, [2])])
def test_a_pad_rounds_its_sides_and_has_the_odd_line_below(tall, rows):
    """20 across become 5, and 7 down become 1.75, which is nearer to 2; 5 down become 1.25."""
    white = np.full((tall, 20, 1), 255, np.uint8)
    for given in (white, white.swapaxes(0, 1).copy()):
        found = pixels(reader(5, 5, 1, "pad"), given)[0, ..., 0]
        lines = found if given is white else found.T
        assert np.flatnonzero(lines.any(axis=1)).tolist() == rows
    white = np.full((2, 5, 1), 255, np.uint8)
    for given in (white, white.swapaxes(0, 1).copy()):
        found = pixels(reader(5, 5, 1, "pad"), given)[0, ..., 0]
        lines = found if given is white else found.T
        assert np.flatnonzero(lines.any(axis=1)).tolist() == [1, 2], "one line above, two below"


def test_between_two_pixels_it_is_linear():
    assert pixels(reader(1, 4, 1), np.array([[0, 200]], np.uint8))[0, 0, :, 0].tolist() == [0, 50, 150, 200]
