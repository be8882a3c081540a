"""Images as a modality: cells of every kind, what is the same, what is nearly the same, the floor's numbers, splits."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limbeck.data import load_splits, read_tables
from limbeck.data.examples import Examples, Labels
from limbeck.data.modality import Column
from limbeck.data.sieve import Sieve, content_ids
from limbeck.errors import LimbeckError
from limbeck.modalities.image import ImageModality, ImageReads, looks
from limbeck.modalities.image.features import FEATURES
from limbeck.modalities.image.looks import near_duplicates
from limbeck.recipe.data import DataSettings
from limbeck.runtime.pictures import Picture
from limbeck.runtime.readers.image import PIXELS
from limbeck.tasks import TASKS

MODALITY = ImageModality()
CIFAR = Path(__file__).parents[3] / "shared/data/cifar10/test.parquet"
DRAW = np.random.default_rng(0)


def written(pixels: np.ndarray, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def photo(seed: int, side: int = 64) -> np.ndarray:
    """Return a smooth colour picture with some detail."""
    draw = np.random.default_rng(seed)
    rough = Image.fromarray(draw.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return np.asarray(rough.resize((side, side), Image.Resampling.BICUBIC))


def values(*cells, where: str = "rows.csv", folder: Path | None = None) -> list[Picture]:
    return MODALITY.values(list(cells), Column("file", where, "data.image", folder))


# --- cells


def test_paths_begin_in_the_folder_of_their_table(tmp_path):
    (tmp_path / "pictures").mkdir()
    Image.fromarray(photo(0)).save(tmp_path / "pictures/a.png")
    (tmp_path / "rows.csv").write_text("file,label\npictures/a.png,1\n,2\n")
    table = read_tables(str(tmp_path / "rows.csv"), modality=MODALITY, column="file", label="label")["train"]
    np.testing.assert_array_equal(table.values[0].pixels(), photo(0))
    assert table.values[1].empty


@pytest.mark.parametrize("missing", [None, "", "  ", float("nan"), {"bytes": None, "path": None}])
def test_a_cell_that_holds_nothing_is_empty(missing):
    (found,) = values(missing)
    assert (MODALITY.identity(found), MODALITY.likeness(found)) == (b"", b"")


def test_what_is_wrong_says_its_row_and_its_path(tmp_path):
    (tmp_path / "cut.jpg").write_bytes(written(photo(0), "JPEG")[:-200])
    (tmp_path / "note.png").write_text("a text")
    rows = values(*[None] * 6, "none.png", "cut.jpg", "note.png", folder=tmp_path)
    for row, said in (
        (6, "rows.csv, row 7, none.png: no such file"),
        (7, "rows.csv, row 8, cut.jpg: damaged image (image file is truncated"),
        (8, "rows.csv, row 9, note.png: this is no image"),
    ):
        with pytest.raises(LimbeckError) as caught:
            MODALITY.likeness(rows[row])
        assert str(caught.value).startswith(said)
    with pytest.raises(LimbeckError, match=r"^rows.csv, row 2: column `file` holds a value of type int"):
        values("a.png", 3)
    with pytest.raises(LimbeckError, match=r"^rows.csv, row 1: column `file` holds pixels of type float64"):
        values(np.zeros((8, 8)))


def test_several_files_that_cannot_be_read_are_named_together(tmp_path):
    """Those of equal content too."""
    for number in range(5):
        (tmp_path / f"{number}.png").write_text("a text" if number < 4 else "another text")
    rows = values(*(f"{number}.png" for number in range(5)), folder=tmp_path)
    examples = Examples(content_ids(rows, MODALITY), rows, Labels(np.zeros(5), np.ones(5, bool)))
    with pytest.raises(LimbeckError, match=r"row 1, 0.png: this is no image; .*; 4 more cannot be read: .*, 1.png, "):
        Sieve(MODALITY).looks(examples)
    rows = values("no.png", "none.png", folder=tmp_path)
    with pytest.raises(LimbeckError, match=r"row 1, no.png: no such file; .*; 1 more cannot be read: .* 2, none.png$"):
        content_ids(rows, MODALITY)


def test_arrays_of_an_npz(tmp_path):
    grey, colour = DRAW.integers(0, 256, (5, 8, 9), dtype=np.uint8), DRAW.integers(0, 256, (5, 8, 9, 3), dtype=np.uint8)
    np.savez(tmp_path / "rows.npz", grey=grey, colour=colour, label=np.arange(5), name=np.array(list("abcde")))

    def read(column, label):
        return read_tables(str(tmp_path / "rows.npz"), modality=MODALITY, column=column, label=label)["train"]

    assert read("grey", "label").labels == [0, 1, 2, 3, 4]
    assert read("grey", "name").labels == list("abcde")
    np.testing.assert_array_equal(read("colour", "label").values[4].pixels(), colour[4])
    np.testing.assert_array_equal(read("grey", "label").values[4].pixels()[..., 0], grey[4])


def test_an_npz_that_is_refused(tmp_path):
    path = tmp_path / "rows.npz"
    images = np.zeros((4, 8, 8), np.uint8)
    whole = io.BytesIO()
    np.savez_compressed(whole, x=images, y=np.arange(4))
    for content, said in (
        ({"x": images, "y": np.array([1, "a", None, 2], object)}, "an array of Python objects, which are never"),
        ({"x": images, "y": np.arange(5)}, "`x` has 4 rows, and `y` has 5; set data.image and data.label to"),
        ({"x": images, "y": np.arange(4), "rate": np.array(3)}, "the array `rate` has no rows"),
        (b"no archive", "not readable as npz"),
        (whole.getvalue()[:200], "not readable as npz"),
        (b"", "not readable as npz"),
    ):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.savez(path, **content)
        with pytest.raises(LimbeckError, match=said):
            read_tables(str(path), modality=MODALITY, column="x", label="y")


def npy_header(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (npy_header((10**13,)), "its arrays claim 80,000,000,000,000 bytes, and 268,435,456 are read of a file of"),
        (npy_header((4, 10**9)), "its arrays claim 4,000,000,000 bytes, and"),
        (npy_header((10**13, 0)), "its arrays claim 80,000,000,000,000 bytes, and"),
        (npy_header((10**13,), "<U0"), "its arrays claim 80,000,000,000,000 bytes, and"),
        (b"some text", "not readable as npz"),
        (b"\x93NUMPY\x09\x00" + bytes(99), "not readable as npz .*`x.npy` is of format 9.0"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(1 << 18), "not readable as npz .*array header"),
    ],
    ids=["rows", "bytes", "empty rows", "empty texts", "no array", "another format", "a long header"],
)
def test_an_npz_that_claims_more_than_it_can_hold_is_refused_by_its_header(tmp_path, monkeypatch, content, said):
    monkeypatch.setattr(np, "load", lambda *given, **options: pytest.fail("it is loaded"))
    with zipfile.ZipFile(tmp_path / "rows.npz", "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(LimbeckError, match=said) as refused:
        read_tables(str(tmp_path / "rows.npz"), modality=MODALITY, column="x", label="y")
    assert len(str(refused.value).splitlines()) == 1


def test_an_npz_of_several_arrays_may_be_as_large_as_all_of_it(tmp_path, monkeypatch):
    """What counts is their sum, and the size of the file that holds them."""
    monkeypatch.setattr("limbeck.data.npz._ALWAYS", 1000)
    path = tmp_path / "rows.npz"
    np.savez(path, x=np.zeros((50, 8, 8), np.uint8), y=np.arange(50))
    assert len(read_tables(str(path), modality=MODALITY, column="x", label="y")["train"].labels) == 50
    zeros = {f"x{number}": np.zeros((50, 64, 64), np.uint8) for number in range(3)}
    np.savez_compressed(path, y=np.arange(50), **zeros)
    with pytest.raises(LimbeckError, match="its arrays claim 614,800 bytes"):
        read_tables(str(path), modality=MODALITY, column="x0", label="y")


# --- the same, and nearly


def test_likeness_is_that_of_the_pixels(tmp_path):
    picture = photo(0, 40)[:, :30]
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.ascontiguousarray(np.rot90(picture))
    given = [picture, written(picture), written(picture, "BMP"), written(turned, "PNG", exif=exif)]
    (tmp_path / "a.tif").write_bytes(written(picture, "TIFF"))
    same = values(*given, "a.tif", folder=tmp_path)
    assert len({MODALITY.likeness(value) for value in same}) == 1
    assert len({MODALITY.identity(value) for value in same}) == len(same)
    other = picture.copy()
    other[0, 0, 0] ^= 1
    swapped, mirrored = picture[..., ::-1].copy(), picture[:, ::-1].copy()
    lying = np.ascontiguousarray(picture).reshape(30, 40, 3)
    others = values(picture, other, swapped, mirrored, picture.transpose(1, 0, 2).copy(), lying, picture[:-1])
    assert len({MODALITY.likeness(value) for value in others}) == 7


def test_a_grey_picture_saved_in_colour_is_the_same():
    grey = photo(0)[..., 0].copy()
    one, other = values(written(grey), written(np.dstack([grey] * 3)))
    assert MODALITY.likeness(one) == MODALITY.likeness(other)


def test_equal_bytes_have_one_identity_wherever_they_lie(tmp_path):
    content = written(photo(0))
    (tmp_path / "a.png").write_bytes(content)
    (tmp_path / "b.jpg").write_bytes(content)
    found = values("a.png", "b.jpg", content, {"bytes": content, "path": None}, folder=tmp_path)
    assert len({MODALITY.identity(value) for value in found}) == 1


def test_near_duplicates_are_the_same_scene():
    training = values(*(photo(seed) for seed in range(60)))
    near = [
        written(photo(3), "JPEG", quality=40),
        photo(5, 48),
        (photo(7) * 0.8 + 20).astype(np.uint8),
        np.asarray(Image.fromarray(photo(9)).convert("L")),
    ]
    far = [photo(1)[:, ::-1].copy(), *(photo(seed) for seed in range(100, 160))]
    assert near_duplicates(training, values(*near)) == 4
    assert near_duplicates(training, values(*far)) == 0
    (line,) = MODALITY.remarks(training, values(*near, *far))
    assert line == "4 of 65 test images look nearly like a training image, and may flatter every model"
    assert MODALITY.remarks(training, values(*far)) == []


def test_flat_and_tiny_pictures_are_no_near_duplicates():
    """All walls and all drawn digits look alike in a sketch: of them nothing is said."""
    walls = [
        np.full((64, 64, 3), level, np.uint8) + DRAW.integers(0, 5, (64, 64, 3), dtype=np.uint8)
        for level in range(100, 140)
    ]
    assert near_duplicates(values(*walls[:20]), values(*walls[20:])) is None
    tables = read_tables("digits", modality=MODALITY, column="image", label="label")
    digits = tables["train"].values
    assert near_duplicates(digits[:1400], digits[1400:]) is None


def test_near_duplicates_of_cifar(monkeypatch):
    """Of 2,000 test images few have one among 8,000 others, and those that have are nearly equal pixel by pixel."""
    if not CIFAR.is_file():
        pytest.skip("needs ../shared/data/cifar10, a copy of CIFAR-10 for development")
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(CIFAR) as file:
        cells = file.read(["jpeg"]).to_pydict()["jpeg"]
    test, training = values(*cells[::5]), values(*(cell for row, cell in enumerate(cells) if row % 5))
    assert 1 <= near_duplicates(training, test) <= 20
    monkeypatch.setattr(looks, "ALIKE", 0.9)
    assert near_duplicates(training, test) > 100


def test_a_picture_is_decoded_once_for_its_looks(monkeypatch):
    calls = []
    pixels = Picture.pixels
    monkeypatch.setattr(Picture, "pixels", lambda self: calls.append(self) or pixels(self))
    pictures = values(*(written(photo(seed, 300)) for seed in range(3)))
    for _ in range(2):
        assert len({MODALITY.likeness(picture) for picture in pictures}) == 3
        near_duplicates(pictures, pictures)
    assert len(calls) == 3


# --- what networks read


def test_mean_and_deviation_are_of_the_training_images():
    images = DRAW.integers(0, 256, (300, 6, 5, 3), dtype=np.uint8)
    reader = ImageReads(kind="image").fit(values(*images))
    np.testing.assert_allclose(reader.mean, images.mean(axis=(0, 1, 2)) / 255, rtol=1e-12)
    np.testing.assert_allclose(reader.std, images.std(axis=(0, 1, 2)) / 255, rtol=1e-12)
    assert (reader.height, reader.width, reader.channels) == (6, 5, 3)
    again = ImageReads(kind="image").fit(values(*images[::-1]))
    assert (again.mean, again.std) == (reader.mean, reader.std), "to the last bit, in any order"
    of_greys = ImageReads(kind="image", size=[3, 4], channels=1).fit(values(*images))
    encoded = of_greys.encode(list(images)).arrays[PIXELS]
    assert encoded.shape == (300, 3, 4, 1)
    np.testing.assert_allclose(of_greys.mean, encoded.mean() / 255, rtol=1e-12)


def test_channels_are_found():
    greys = [np.dstack([photo(seed)[..., 0]] * 3) for seed in range(3)]
    assert ImageReads(kind="image").fit(values(*greys)).channels == 1
    assert ImageReads(kind="image", channels=3).fit(values(*greys)).channels == 3
    assert ImageReads(kind="image").fit(values(*greys, photo(0))).channels == 3
    assert ImageReads(kind="image", channels=1).fit(values(photo(0))).channels == 1


def test_a_flat_training_set_has_a_deviation_above_zero():
    assert ImageReads(kind="image").fit(values(np.full((4, 4), 7, np.uint8))).std == (1 / 255,)


def test_sizes_that_differ_need_one():
    rows = values(photo(0), None, photo(1, 32))
    with pytest.raises(LimbeckError, match=r"has 64 x 64 pixels, and rows.csv, row 3 has 32 x 32; set reads.size=32$"):
        ImageReads(kind="image").fit(rows)
    assert ImageReads(kind="image", size=16).fit(rows).form.example[PIXELS].shape == (2, 16, 16, 3)
    with pytest.raises(LimbeckError, match="no training image"):
        ImageReads(kind="image").fit(values(None))


def test_training_and_serving_read_alike(tmp_path):
    """A file, its bytes and its decoded pixels become the same array, with the reader that a bundle has loaded."""
    content = written(photo(0, 90), "JPEG")
    (tmp_path / "a.jpg").write_bytes(content)
    for resize in ("stretch", "crop", "pad"):
        trained = ImageReads(kind="image", size=[20, 33], resize=resize).fit(values(content))
        served = type(trained).load(tmp_path, json.loads(json.dumps(trained.save(tmp_path))))
        expected = trained.encode(values(content)).arrays[PIXELS][0]
        with Image.open(tmp_path / "a.jpg") as opened:
            given = [str(tmp_path / "a.jpg"), content, opened, np.asarray(opened)]
            for found in served.encode(given).arrays[PIXELS]:
                np.testing.assert_array_equal(found, expected)


# --- floor, report, recipe


@pytest.mark.parametrize("name", FEATURES)
def test_the_floor_sees_images(name):
    """Upright and lying strokes are told apart, and other images are turned into the same numbers one by one."""
    from sklearn.linear_model import LogisticRegression

    images = np.zeros((80, 20, 20), np.uint8)
    for row, image in enumerate(images):
        place = DRAW.integers(4, 16)
        image[(slice(None), place) if row % 2 else (place, slice(None))] = DRAW.integers(120, 255)
    features = FEATURES[name](name)
    matrix = features.fit(values(*images[:60]))
    assert np.isfinite(matrix).all()
    assert matrix.max() <= 1
    fitted = LogisticRegression(C=100, max_iter=1000).fit(matrix, np.arange(60) % 2)
    right = fitted.score(features.matrix(values(*images[60:])), np.arange(20) % 2)
    assert right == 1 or name == "pixels"
    alone = np.concatenate([features.matrix([value]) for value in values(*images[:5])])
    np.testing.assert_array_equal(alone, matrix[:5])
    assert FEATURES[name](name).fit(values(*np.full((5, 8, 8), 3, np.uint8))) is None


def test_the_gradients_are_those_of_a_loop():
    """One cell's histogram, pixel by pixel."""
    features = FEATURES["gradients"]("gradients")
    image = DRAW.integers(0, 256, (32, 32), dtype=np.uint8)
    found = features.numbers(image[None, :, :, None])[0].reshape(3, 3, 2, 2, 9)
    cells = np.zeros((4, 4, 9))
    wide = np.pad(image.astype(float) / 255, 1, mode="edge")
    for y in range(32):
        for x in range(32):
            down, across = wide[y + 2, x + 1] - wide[y, x + 1], wide[y + 1, x + 2] - wide[y + 1, x]
            place = (np.degrees(np.arctan2(down, across)) % 180) / 20 - 0.5
            low = int(np.floor(place))
            cells[y // 8, x // 8, low % 9] += np.hypot(down, across) * (1 - (place - low))
            cells[y // 8, x // 8, (low + 1) % 9] += np.hypot(down, across) * (place - low)
    block = cells[1:3, 2:4].ravel()
    block = np.minimum(block / np.sqrt((block**2).sum() + 1e-6), 0.2)
    np.testing.assert_allclose(found[1, 2].ravel(), block / np.sqrt((block**2).sum() + 1e-6), rtol=1e-9)


def test_a_sample_is_small_and_the_same_each_time():
    import base64

    large, small, none = values(photo(0, 400)[:200], photo(0, 8)[..., 0].copy(), None)
    shown = MODALITY.sample(large, "test row 3")
    assert (shown.width, shown.height, shown.name) == (96, 48, "test row 3")
    assert shown == MODALITY.sample(values(photo(0, 400)[:200])[0], "test row 3")
    with Image.open(io.BytesIO(base64.b64decode(shown.data.partition(",")[2]))) as opened:
        assert opened.size == (96, 48)
    with Image.open(io.BytesIO(base64.b64decode(MODALITY.sample(small, "").data.partition(",")[2]))) as opened:
        np.testing.assert_array_equal(np.asarray(opened), photo(0, 8)[..., 0])
    assert MODALITY.sample(none, "test row 4").data is None


def test_digits_read_alike_from_a_png():
    table = read_tables("digits", modality=MODALITY, column="image", label="label")["train"]
    assert len(table.values) == 1797
    assert sorted(set(table.labels)) == list("0123456789")
    digit = table.values[0].pixels()
    assert (digit.shape, digit.min(), digit.max()) == ((8, 8, 1), 0, 239)
    assert MODALITY.likeness(values(written(digit[..., 0]))[0]) == MODALITY.likeness(table.values[0])


def test_splits_of_digits_drop_what_looks_alike(tmp_path):
    rows = [written(photo(seed, 32), kind) for seed in range(40) for kind in ("PNG", "BMP")]
    for number, content in enumerate(rows):
        (tmp_path / f"{number}.bin").write_bytes(content)
    lines = "".join(f"{number}.bin,{'ab'[number // 2 % 2]}\n" for number in range(len(rows)))
    (tmp_path / "rows.csv").write_text(f"file,label\n{lines},a\n")
    settings = DataSettings(source=str(tmp_path / "rows.csv"), image="file", split={"test": 8, "validation": 6})
    splits = load_splits(settings, TASKS["classification"]())
    assert splits.dropped["empty"] == 1
    assert splits.dropped["training, looks like a row in test"] == 8
    held_out = {MODALITY.likeness(value) for value in [*splits.test.values, *splits.validation.values]}
    assert len(held_out) == 14
    assert not held_out & {MODALITY.likeness(value) for value in splits.transfer.values}


def test_copies_are_those_of_the_columns_modality():
    data = {"source": "digits", "image": "image"}
    found = DataSettings(**data, augment={"copies": 2, "crop": 1})
    assert found.augment.crop == 1
    assert DataSettings(**found.model_dump()) == found
    with pytest.raises(ValueError, match="augment makes copies of texts, and the column holds images"):
        DataSettings(**data, augment={"kind": "text", "copies": 2})
    with pytest.raises(ValueError, match="augment makes copies of images, and the column holds texts"):
        DataSettings(source="imdb", augment={"kind": "image", "copies": 2, "crop": 1})
    assert DataSettings(source="imdb", augment={"copies": 2}).augment.mask == 0.1
