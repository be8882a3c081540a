"""Copies of images: what each setting does, and that a row's copy is its own."""

import numpy as np
import pytest
from pydantic import ValidationError

from limbeck.modalities.image import ImageAugmentSettings, ImageModality
from limbeck.runtime.readers.image import PIXELS

IMAGES = np.random.default_rng(0).integers(1, 256, (40, 9, 12, 3), dtype=np.uint8)
KEYS = np.random.default_rng(1).integers(-(2**63), 2**63, 40)
COPIES = np.arange(40) % 3 + 1
EVERYTHING = {"crop": 3, "flip": 0.5, "rotate": 20, "zoom": 0.2, "brightness": 0.3, "erase": 0.1}


def drawn(images=IMAGES, keys=KEYS, copies=COPIES, **settings) -> np.ndarray:
    made = ImageAugmentSettings(copies=3, **settings)
    return ImageModality().draw({PIXELS: images}, keys, copies, made)[PIXELS]


@pytest.mark.parametrize("settings", [EVERYTHING, *({name: value} for name, value in EVERYTHING.items())])
@pytest.mark.parametrize("channels", [1, 3])
def test_one_by_one_is_all_together(settings, channels):
    """A copy is a function of its key, its number and the settings: not of its batch, nor of how often it is drawn."""
    images = np.ascontiguousarray(IMAGES[..., :channels])
    together = drawn(images, **settings)
    assert together.dtype == np.uint8
    assert together.shape == images.shape
    assert not np.array_equal(together, images)
    order = np.random.default_rng(2).permutation(40)
    np.testing.assert_array_equal(drawn(images[order], KEYS[order], COPIES[order], **settings), together[order])
    for row in range(40):
        alone = drawn(images[row : row + 1], KEYS[row : row + 1], COPIES[row : row + 1], **settings)
        np.testing.assert_array_equal(alone[0], together[row])
    assert drawn(images[:0], KEYS[:0], COPIES[:0], **settings).shape == (0, *images.shape[1:])


def test_every_copy_seed_and_image_has_draws_of_its_own():
    same = np.broadcast_to(IMAGES[:1], IMAGES.shape).copy()
    key = np.full(40, KEYS[0])
    by_copy = drawn(same, key, np.arange(1, 41), **EVERYTHING)
    by_key = drawn(same, KEYS, np.ones(40, np.int64), **EVERYTHING)
    for found in (by_copy, by_key):
        assert len({image.tobytes() for image in found}) == 40
    assert not np.array_equal(drawn(**EVERYTHING, seed=1), drawn(**EVERYTHING))


def test_the_given_images_are_left_as_they_are():
    before = IMAGES.copy()
    for name, value in EVERYTHING.items():
        drawn(**{name: value})
    np.testing.assert_array_equal(before, IMAGES)


def shifted(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Move an image by whole pixels, pixel by pixel; what comes in is black."""
    height, width = image.shape[:2]
    found = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            if 0 <= y - down < height and 0 <= x - right < width:
                found[y, x] = image[y - down, x - right]
    return found


def shift_of(image: np.ndarray, found: np.ndarray, most: tuple[int, int]) -> list[tuple[int, int]]:
    every = [(down, right) for down in range(-most[0], most[0] + 1) for right in range(-most[1], most[1] + 1)]
    return [place for place in every if np.array_equal(found, shifted(image, *place))]


def test_a_crop_moves_by_whole_pixels_to_every_side_alike():
    many, keys = IMAGES[np.zeros(500, int)], np.arange(500)
    places = [shift_of(IMAGES[0], one, (2, 2)) for one in drawn(many, keys, keys, crop=2)]
    assert all(len(found) == 1 for found in places), "each is the image, moved"
    counts = np.unique([found[0] for found in places], axis=0, return_counts=True)
    assert len(counts[0]) == 25, "every shift of up to two pixels"
    assert counts[1].max() <= 45, "20 of 500 each, within five standard deviations"
    sides = [shift_of(IMAGES[0], one, (1, 1)) for one in drawn(many[:60], keys[:60], keys[:60], crop=0.1)]
    assert len({found[0] for found in sides}) == 9, "a tenth of 9 and of 12 pixels is one"


def test_a_crop_larger_than_the_image_leaves_a_pixel_of_it():
    assert all(image.any() for image in drawn(crop=50))


def test_a_flip_exchanges_left_and_right():
    np.testing.assert_array_equal(drawn(flip=1), IMAGES[:, :, ::-1])
    found = drawn(flip=0.5)
    mirrored = [np.array_equal(one, image[:, ::-1]) for one, image in zip(found, IMAGES, strict=True)]
    same = [np.array_equal(one, image) for one, image in zip(found, IMAGES, strict=True)]
    assert all(np.logical_xor(mirrored, same))
    assert 8 <= sum(mirrored) <= 32


def test_channels_stay_where_they_are():
    """A red image stays red, whatever is done with it."""
    red = np.zeros((40, 9, 12, 3), np.uint8)
    red[..., 0] = 200
    for settings in (EVERYTHING, *({name: value} for name, value in EVERYTHING.items())):
        found = drawn(red, **settings)
        assert found[..., 0].any(axis=(1, 2)).all()
        assert not found[..., 1:].any()


def test_a_turn_is_about_the_middle():
    image = np.zeros((1, 11, 11, 1), np.uint8)
    image[0, 5, 5], image[0, 5, 9] = 255, 200
    turned = drawn(image.repeat(30, 0), np.arange(30), np.ones(30, np.int64), rotate=90)
    assert (turned[:, 5, 5] == 255).all()
    y, x = np.indices((11, 11)) - 5
    outer = np.where(np.hypot(y, x) > 2, turned[..., 0], 0).astype(float)
    total = outer.sum(axis=(1, 2))
    middle = np.stack([(outer * y).sum(axis=(1, 2)) / total, (outer * x).sum(axis=(1, 2)) / total])
    np.testing.assert_allclose(np.hypot(*middle), 4, atol=0.35)
    assert (middle[1] > -0.5).all(), "a quarter turn to either side at most"
    assert middle[0].min() < -2 < 2 < middle[0].max()


def test_a_turn_by_a_quarter_is_exact(monkeypatch):
    monkeypatch.setattr(
        "limbeck.modalities.image.augment.uniform", lambda keys, *_: np.ones((len(keys), 8)) * [1, 0, 0, 1, 0, 0, 0, 0]
    )
    square = IMAGES[:, :, :9].copy()
    np.testing.assert_array_equal(drawn(square, rotate=90), np.rot90(square, axes=(1, 2)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("zoom", "draw", "factor"), [(0, 0, 1), (0.3, 1, 1.3), (0.25, 0, 0.75)])
def test_a_turn_is_bilinear(monkeypatch, channels, zoom, draw, factor):
    """Of a plane, what lies between pixels is the plane: within the rounding of place and of grey."""
    draws = [1, 0, 0, 1, 0, 0, 0, draw]
    monkeypatch.setattr("limbeck.modalities.image.augment.uniform", lambda keys, *_: np.ones((len(keys), 8)) * draws)
    y, x = np.indices((90, 120))
    plane = np.stack([y + x, 250 - y - x, 10 + 2 * y], axis=-1)[None, ..., :channels].astype(np.uint8)
    turned = drawn(plane.repeat(3, 0), np.arange(3), np.ones(3, np.int64), rotate=17, zoom=zoom).astype(float)
    cosine, sine = np.cos(np.deg2rad(17)) / factor, np.sin(np.deg2rad(17)) / factor
    from_y = cosine * (y - 44.5) + sine * (x - 59.5) + 44.5
    from_x = cosine * (x - 59.5) - sine * (y - 44.5) + 59.5
    inside = (from_y > 0) & (from_y < 88) & (from_x > 0) & (from_x < 118)
    wanted = np.stack([from_y + from_x, 250 - from_y - from_x, 10 + 2 * from_y], axis=-1)[..., :channels]
    assert inside.sum() > 3500
    for image in turned:
        assert np.abs(image - wanted)[inside].max() <= 0.7


def test_a_zoom_is_larger_or_smaller_and_leaves_the_middle():
    disc = np.zeros((200, 21, 21, 1), np.uint8)
    y, x = np.indices((21, 21)) - 10
    disc[:, np.hypot(y, x) <= 5] = 200
    found = drawn(disc, np.arange(200), np.ones(200, np.int64), zoom=0.5)[..., 0].astype(float)
    radius = np.sqrt(found.sum(axis=(1, 2)) / disc[0].sum())
    assert 0.45 < radius.min() < 0.6
    assert 1.4 < radius.max() < 1.55
    np.testing.assert_allclose(np.abs((found * y).sum(axis=(1, 2))) / found.sum(axis=(1, 2)), 0, atol=0.05)


def test_brightness_stays_in_its_range():
    flat = np.full((40, 4, 4, 1), 100, np.uint8)
    found = drawn(flat, brightness=0.25)[:, 0, 0, 0]
    assert (found >= 75).all()
    assert (found <= 125).all()
    assert len(set(found.tolist())) > 20
    assert (drawn(np.full((40, 4, 4, 1), 250, np.uint8), brightness=0.25) >= 187).all(), "nothing wraps round"


def test_a_square_of_the_mean_colour_covers_a_share():
    dots = np.zeros((40, 20, 20, 3), np.uint8)
    dots[:, ::2, ::2] = 80
    found = drawn(dots, erase=0.16)
    covered = (found == 20).all(axis=3)
    area = covered.sum(axis=(1, 2))
    assert area.max() == 64, "eight by eight, where it lies inside"
    assert area.min() >= 16, "its middle is in the image"
    np.testing.assert_array_equal(found[~covered], dots[~covered])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "are all 0, which leaves every copy as its image is"),
        ({"crop": 1.5}, "no whole number of pixels"),
        ({"flip": 2}, "less than or equal to 1"),
        ({"crop": -1}, "greater than or equal to 0"),
    ],
)
def test_settings_that_mean_nothing(wrong, said):
    with pytest.raises(ValidationError, match=said):
        ImageAugmentSettings(copies=1, **wrong)


def test_a_square_lies_as_far_down_as_it_likes_wherever_it_lies_across():
    board = np.broadcast_to((np.indices((10, 10)).sum(axis=0) % 2 * 200).astype(np.uint8)[..., None], (40, 10, 10, 1))
    covered = drawn(board.copy(), erase=0.1)[..., 0] == 100
    assert covered.any(axis=(1, 2)).all()
    symmetric = [np.array_equal(one, one.T) for one in covered]
    assert sum(symmetric) < 20, "of squares on the diagonal every one is"
