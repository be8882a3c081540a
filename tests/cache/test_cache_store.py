"""A cache is refused when it is foreign or damaged, and never misaligned."""

import errno
import json
import shutil

import numpy as np
import pytest
import torch
from cache_cases import CLASSES, Counting, answers, identity, logits_of, opened, texts

from limbeck.cache import CachedTeacher, label
from limbeck.cache.codecs import Dense
from limbeck.digest import file_digest
from limbeck.errors import LimbeckError
from limbeck.types import Batch, Predictions, Tap

NUMBERS = range(12)
FILE = "shard-00000.safetensors"


@pytest.fixture
def cache(tmp_path):
    teacher, (examples, view) = Counting(), texts(NUMBERS)
    label(teacher, examples, view, opened(tmp_path, teacher), batch_size=4)
    return tmp_path, identity(teacher)


def test_the_manifest_says_whose_answers_these_are(cache):
    folder, owner = cache
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["identity"] == {
        "teacher": owner.teacher,
        "view": "view-1",
        "outputs": 3,
        "taps": [],
        "codec": {"kind": "dense", "dtype": "float32"},
        "format": 2,
    }
    assert manifest["error"] == 0
    assert manifest["count"] == 12
    assert [shard["rows"] for shard in manifest["shards"]] == [12]
    assert sorted(file.name for file in folder.iterdir()) == ["manifest.json", "shard-00000.safetensors"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("teacher", "another", "it has `{had}`, this run needs `another`"),
        ("view", "view-2", "it has `view-1`, this run needs `view-2`"),
        ("outputs", 4, "it has `3`, this run needs `4`"),
        ("taps", (Tap("a"), Tap("b", "tokens")), r"it has `none`, this run needs `a, b \(tokens\)`"),
        ("codec", Dense(dtype="float16"), "it has `kind: dense, dtype: float32`, this run needs `.*dtype: float16`"),
        ("format", 3, "it has `2`, this run needs `3`"),
    ],
)
def test_a_foreign_cache_is_refused_with_both_values(cache, key, value, said):
    folder, owner = cache
    other = identity(Counting(), **{key: value})
    called = {"outputs": "number of outputs", "taps": "choice of activations"}.get(key, key)
    with pytest.raises(LimbeckError, match=f"another {called}: {said.format(had=owner.teacher)}") as caught:
        CachedTeacher(folder, other)
    assert caught.value.where == str(folder)


def test_a_labelling_never_adds_to_a_foreign_cache(cache):
    folder, _ = cache
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    other, (examples, view) = Counting(seed=1), texts(range(20))
    with pytest.raises(LimbeckError, match="another teacher"):
        label(other, examples, view, opened(folder, other))
    assert not other.asked
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def _flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _flip_header(path):
    data = bytearray(path.read_bytes())
    data[12] ^= 1
    path.write_bytes(data)


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def _delete(path):
    path.unlink()


@pytest.mark.parametrize("damage", [_flip, _flip_header, _truncate, _delete], ids=lambda f: f.__name__)
def test_a_damaged_shard_is_refused(cache, damage):
    folder, owner = cache
    had = file_digest(folder / FILE)
    damage(folder / FILE)
    found = file_digest(folder / FILE) if (folder / FILE).exists() else None
    said = f"their checksum is `{found}`, and the manifest has `{had}`" if found else "is missing"
    with pytest.raises(LimbeckError, match=f"the shard.* {said}; delete the cache folder") as caught:
        CachedTeacher(folder, owner)
    assert caught.value.where == str(folder / FILE)


@pytest.mark.parametrize(
    "change",
    [
        {"replaced": ["../victim.txt"]},
        {"replaced": ["../victim"]},
        {"replaced": ["VICTIM"]},
        {"replaced": [FILE + "/../../victim.txt"]},
        {"replaced": [5]},
        {"replaced": FILE},
        {"shards": 5},
        {"shards": [None]},
        {"shards": [{"file": "../victim.txt", "rows": 12, "digest": "0", "sealed": True}]},
        {"shards": [{"file": FILE, "rows": -1, "digest": "0", "sealed": True}]},
        {"shards": [{"file": FILE, "rows": "12", "digest": "0", "sealed": True}]},
        {"shards": [{"file": FILE, "rows": 12}]},
        {"count": 11},
        {"count": "12"},
        {"error": "0"},
    ],
    ids=str,
)
def test_a_manifest_names_shards_of_its_own_folder_and_nothing_else(cache, change):
    """What it says was replaced is removed: a manifest of somebody else's must not reach other files."""
    made, owner = cache
    folder = shutil.copytree(made, made / "copy")
    victims = [folder.parent / "victim.txt", folder.parent / "victim" / "kept.txt"]
    victims[1].parent.mkdir()
    for victim in victims:
        victim.write_text("mine")
    text = json.dumps(change).replace("VICTIM", str(victims[0]))
    path = folder / "manifest.json"
    whole = json.loads(path.read_text()) | json.loads(text)
    whole.pop("checksum")  # as if it had been written so
    path.write_text(json.dumps(whole))
    with pytest.raises(LimbeckError, match="no manifest of a cache"):
        CachedTeacher(folder, owner).seal()
    assert [victim.read_text() for victim in victims] == ["mine", "mine"]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"identity": {}}', ""])
def test_a_damaged_manifest_is_refused(cache, text):
    folder, owner = cache
    (folder / "manifest.json").write_text(text)
    with pytest.raises(LimbeckError) as caught:
        CachedTeacher(folder, owner)
    assert caught.value.where == str(folder / "manifest.json")


def test_an_example_that_was_never_labelled_is_an_error(cache):
    folder, owner = cache
    cached = CachedTeacher(folder, owner)
    more, _ = texts([3, 40, 5, 41])
    for ids in (torch.from_numpy(more.ids), torch.tensor([2**63 - 1, -(2**63), *more.ids[[0, 2]].tolist()])):
        with pytest.raises(LimbeckError, match="no answer for 2 of 4 examples; label them first"):
            cached.predict(Batch(ids, {}))


def test_no_cache_is_an_error(tmp_path):
    with pytest.raises(LimbeckError, match="no answer for 1 of 1 examples; label them first"):
        logits_of(CachedTeacher(tmp_path / "nowhere", identity(Counting())), [1])


def test_answers_stay_with_their_ids_over_many_shards(tmp_path):
    owner = identity(Counting())
    ids = np.random.default_rng(0).permutation(np.arange(-500, 500) * 10**15)
    for part in np.split(ids, 10):
        logits = torch.from_numpy(part).double()[:, None] * torch.ones(CLASSES) / 1e15
        CachedTeacher(tmp_path, owner).add(part, Predictions(logits), {})
    cached = CachedTeacher(tmp_path, owner)
    wanted = torch.from_numpy(np.random.default_rng(1).permutation(ids)[::3].copy())
    assert torch.equal(logits_of(cached, wanted), (wanted.double() / 1e15)[:, None].float().expand(-1, CLASSES))
    assert logits_of(cached, wanted).dtype == torch.float32
    assert logits_of(cached, wanted[:0]).shape == (0, CLASSES)


def test_a_shard_that_cannot_be_written_leaves_the_cache_as_it_was(cache, monkeypatch):
    folder, owner = cache
    examples, _ = texts(NUMBERS)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    expected = answers(CachedTeacher(folder, owner), examples)

    def full_disk(arrays):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("limbeck.cache.shards.header", full_disk)
    with pytest.raises(LimbeckError, match="No space"):
        CachedTeacher(folder, owner).add(np.array([1]), Predictions(torch.zeros(1, CLASSES)), {})
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert answers(CachedTeacher(folder, owner), examples) == expected
