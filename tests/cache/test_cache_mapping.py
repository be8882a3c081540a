"""A cache is opened once: mapped, checked once, sealed into few files, and never half of one."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from cache_cases import CLASSES, Counting, answers, identity, logits_of, opened, texts

from limbeck.cache import CachedTeacher, label, shards, store
from limbeck.errors import LimbeckError
from limbeck.types import Predictions


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(sys.modules["limbeck.cache.label"], "SHARD_BATCHES", 2)


@pytest.fixture
def checked(monkeypatch):
    """Return the files whose bytes were compared with their checksums."""
    found, checksum = [], shards.file_digest
    monkeypatch.setattr(shards, "file_digest", lambda path: found.append(path.name) or checksum(path))
    return found


def files(folder):
    return sorted(path.name for path in folder.glob("shard-*"))


def test_shards_are_mapped_and_not_copied(tmp_path):
    teacher, (examples, view) = Counting(), texts(range(23))
    label(teacher, examples, view, opened(tmp_path, teacher), batch_size=4)
    cache = opened(tmp_path, teacher)
    (shard,) = cache._shards
    assert not any(value.flags.owndata for value in (shard.ids, *shard.stored.values.values()))
    if sys.platform == "linux":
        assert str(tmp_path / files(tmp_path)[0]) in Path("/proc/self/maps").read_text()


def test_each_shard_is_checked_once_however_often_it_is_asked(tmp_path, checked):
    teacher, (examples, view) = Counting(), texts(range(23))
    label(teacher, examples, view, opened(tmp_path, teacher), batch_size=4)
    checked.clear()
    cache = opened(tmp_path, teacher)
    for _ in range(3):
        assert label(teacher, examples, view, cache, batch_size=4) is cache
        logits_of(cache, examples.ids)
        cache.refresh()
    assert checked == files(tmp_path)


def test_a_finished_labelling_is_one_shard_and_larger_ones_stay(tmp_path):
    """So a row is written again only when its shard at least doubles."""
    teacher = Counting()
    cache = opened(tmp_path, teacher)
    rows = []
    for numbers in (range(40), range(40, 52), range(52, 54), range(54, 60), range(60, 200)):
        label(teacher, *texts(numbers), cache, batch_size=4)
        rows.append([shard["rows"] for shard in cache._manifest["shards"]])
    assert rows == [[40], [40, 12], [40, 12, 2], [40, 12, 8], [200]]
    assert len(files(tmp_path)) == 1


def test_who_has_it_open_goes_on_while_it_is_sealed(tmp_path):
    teacher, (examples, view) = Counting(), texts(range(23))
    writer = opened(tmp_path, teacher)
    label(teacher, *texts(range(7)), writer, batch_size=4)
    reader = opened(tmp_path, teacher)
    before = answers(reader, texts(range(7))[0])
    label(teacher, examples, view, writer, batch_size=4)
    assert len(files(tmp_path)) == 1, "the reader's file is gone"
    assert answers(reader, texts(range(7))[0]) == before
    with pytest.raises(LimbeckError, match="no answer for 16 of 23"):
        logits_of(reader, examples.ids)
    reader.refresh()
    assert answers(reader, examples) == answers(writer, examples)


def test_a_file_that_was_replaced_under_its_name_is_not_taken_for_the_old_one(tmp_path):
    """As where a folder is deleted and labelled anew by another process."""
    owner = identity(Counting())
    reader = CachedTeacher(tmp_path, owner)
    for value in (1.0, 2.0):
        for path in tmp_path.iterdir():
            path.unlink()
        CachedTeacher(tmp_path, owner).add(np.array([5]), Predictions(torch.full((1, CLASSES), value)), {})
        reader.refresh()
        assert logits_of(reader, [5])[0, 0] == value


def test_shards_of_a_labelling_that_was_killed_stay_as_they_are_until_it_is_finished(tmp_path):
    """Else the folder would end otherwise than without the kill."""
    teacher, folder = Counting(die_at=5), tmp_path
    cache = opened(folder, teacher)
    label(teacher, *texts(range(4)), cache, batch_size=4)
    with pytest.raises(KeyboardInterrupt):
        label(teacher, *texts(range(4, 60)), cache, batch_size=4)
    left = files(folder)
    assert len(left) == 3
    for _ in range(2):
        label(Counting(), *texts(range(4)), opened(folder, teacher), batch_size=4)
        assert files(folder) == left
    label(Counting(), *texts(range(4, 60)), opened(folder, teacher), batch_size=4)
    assert len(files(folder)) == 1


@pytest.mark.parametrize("at", ["the shard is written", "the manifest is written", "the first file is removed"])
def test_a_sealing_that_is_killed_loses_nothing(tmp_path, monkeypatch, at):
    (examples, view), whole = texts(range(23)), Counting()
    expected = answers(label(whole, examples, view, opened(tmp_path / "whole", whole), batch_size=4), examples)

    first, folder = Counting(), tmp_path / "killed"
    cache = opened(folder, first)
    with monkeypatch.context() as patch:
        patch.setattr(CachedTeacher, "seal", lambda *_: None)
        label(first, examples, view, cache, batch_size=4)
    assert len(files(folder)) == 3

    def killed(*_):
        raise KeyboardInterrupt

    removed = []

    def removing(path):
        if removed:
            raise KeyboardInterrupt
        removed.append(path.unlink())

    with monkeypatch.context() as patch:
        if at == "the shard is written":
            patch.setattr(store, "write_manifest", killed)
        else:
            patch.setattr(store, "remove", killed if at == "the manifest is written" else removing)
        with pytest.raises(KeyboardInterrupt):
            cache.seal()
    assert answers(opened(folder, first), examples) == expected
    second = Counting()
    cached = label(second, examples, view, opened(folder, second), batch_size=4)
    assert not second.asked
    assert answers(cached, examples) == expected
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()
    }


def test_rows_are_merged_in_pieces(tmp_path, monkeypatch):
    """A merge holds some megabytes at a time, however large its shards are."""
    monkeypatch.setattr(shards, "_CHUNK_BYTES", 64)
    owner, ids = identity(Counting()), np.random.default_rng(0).permutation(np.arange(-300, 300) * 10**15)
    cache = CachedTeacher(tmp_path, owner)
    for part in np.split(ids, 10):
        cache.add(part, Predictions(torch.from_numpy(part)[:, None].double() / 1e15 * torch.ones(CLASSES)), {})
    cache.seal()
    assert len(files(tmp_path)) == 1
    assert torch.equal(logits_of(CachedTeacher(tmp_path, owner), ids)[:, 2], torch.from_numpy(ids / 1e15).float())
