"""Any number of processes and threads label one cache: no row is answered twice, and none is left out."""

import errno
import json
import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from cache_cases import Counting, answers, identity, logits_of, opened, texts

from limbeck.cache import CachedTeacher, label, shared, store, worklist
from limbeck.cache.claims import claims_in
from limbeck.cache.codecs import DEFAULT, Hidden
from limbeck.errors import LimbeckError
from limbeck.files import remove
from limbeck.locks import FOLDER
from limbeck.types import Predictions

LABELLING = """
import importlib, sys
from pathlib import Path
from cache_cases import Counting, opened, texts
from limbeck.cache import label
from limbeck.cache.codecs import CATALOGUE

importlib.import_module("limbeck.cache.label").SHARD_BATCHES = 2

class Stopping(Counting):
    def predict(self, batch):
        if len(self.asked) == int(sys.argv[2]):
            print("asked", flush=True)
            sys.stdin.readline()
        return super().predict(batch)

folder, rows = Path(sys.argv[1]), int(sys.argv[3])
states = {"form": "factored", "digest": "named", "seed": int(sys.argv[5])} if sys.argv[4] == "hidden" else {}
teacher = Stopping(**states)
codec = CATALOGUE[sys.argv[4]]()
label(teacher, *texts(range(rows)), opened(folder, teacher, codec=codec), batch_size=4)
print(*teacher.ids, flush=True)
"""


STATES = {"codec": Hidden(), "form": "factored"}


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(sys.modules["limbeck.cache.label"], "SHARD_BATCHES", 2)


class Meeting(Counting):
    """A teacher that is asked its first question when the other one is."""

    def __init__(self, barrier, **other):
        super().__init__(**other)
        self.barrier = barrier

    def predict(self, batch):
        if not self.asked:
            self.barrier.wait(timeout=60)
        return super().predict(batch)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def at_once(folder, *rows, codec=DEFAULT, form="dense"):
    """Let teachers label rows at once, each in a thread; return them."""
    barrier = threading.Barrier(len(rows))
    teachers, failed = [Meeting(barrier, form=form) for _ in rows], []

    def work(teacher, numbers):
        try:
            label(teacher, *texts(numbers), opened(folder, teacher, codec=codec), batch_size=4)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work, args=each) for each in zip(teachers, rows, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not failed
    return teachers


def test_two_label_the_same_rows_and_end_in_the_files_of_one(tmp_path):
    whole, (examples, view) = Counting(), texts(range(100))
    label(whole, examples, view, opened(tmp_path / "one", whole), batch_size=4)
    one, other = at_once(tmp_path / "two", range(100), range(100))
    assert one.asked
    assert other.asked
    assert sorted(one.ids + other.ids) == sorted(whole.ids), "nobody is asked twice"
    assert sorted(one.asked + other.asked) == sorted(whole.asked), "in the same batches"
    assert files(tmp_path / "two") == files(tmp_path / "one")


@pytest.mark.parametrize("rows", [(range(60), range(40, 100)), (range(0, 90, 2), range(0, 90, 3)), (range(30), [3])])
def test_two_that_have_some_rows_in_common_end_right(tmp_path, rows):
    teachers = at_once(tmp_path, *rows)
    every = sorted({*rows[0], *rows[1]})
    examples, view = texts(every)
    assert sorted(key for teacher in teachers for key in teacher.ids) == sorted(examples.ids.tolist())
    cached = opened(tmp_path, teachers[0])
    assert len(cached) == len(every)
    live = Counting()
    again = answers(label(live, examples, view, opened(tmp_path / "again", live), batch_size=4), examples)
    for text, row in answers(cached, examples).items():
        assert row == pytest.approx(again[text], abs=1e-5)
    assert not [*tmp_path.rglob(FOLDER)]


def test_two_that_write_the_last_layer_first_write_it_once(tmp_path, monkeypatch):
    """Both have asked the teacher before either has written: one writes the layer, the other one finds the same."""
    written, write = [], shared.write_shared

    def noted(folder, tensors):
        written.append(folder)
        write(folder, tensors)

    monkeypatch.setattr(shared, "write_shared", noted)
    one, other = at_once(tmp_path / "two", range(100), range(100), **STATES)
    assert one.asked
    assert other.asked
    assert written == [tmp_path / "two"]
    whole = Counting(form="factored")
    label(whole, *texts(range(100)), opened(tmp_path / "one", whole, codec=Hidden()), batch_size=4)
    assert files(tmp_path / "two") == files(tmp_path / "one")


def test_processes_that_write_the_last_layer_first_agree(tmp_path):
    """Two processes have asked before any layer is there; a third, of another layer, is refused with both digests."""
    folder, teacher = tmp_path / "cache", Counting(form="factored", digest="named")
    three = [labelling(folder, 0, hidden=True, seed=seed) for seed in (0, 0, 1)]
    with three[0], three[1], three[2]:
        assert [each.stdout.readline() for each in three] == ["asked\n"] * 3
        assert not (folder / "shared.safetensors").exists()
        for each in three[:1]:
            each.stdin.write("\n")
            each.stdin.flush()
        # The first one waits for the rows of the others, when it has written its own.
        while not (folder / "manifest.json").exists():
            assert three[0].poll() is None
        before, had = (folder / "shared.safetensors").read_bytes(), manifest(folder)["shared"]
        said = three[2].communicate("\n")[1]
        assert three[2].returncode == 1
        assert re.search(
            rf"another last layer: the answers of the cache were stored with `{had}`, this one is `(?!{had})\w{{16}}`",
            said,
        )
        asked = [
            each.communicate(line)[0].splitlines()[-1].split() for each, line in ((three[1], "\n"), (three[0], None))
        ]
    examples = texts(range(60))[0]
    assert sorted(int(key) for each in asked for key in each) == sorted(examples.ids.tolist())
    assert (folder / "shared.safetensors").read_bytes() == before
    assert manifest(folder)["shared"] == had
    live = Counting(form="factored", digest="named")
    label(live, *texts(range(60)), opened(tmp_path / "again", live, codec=Hidden()), batch_size=4)
    assert torch.equal(
        logits_of(opened(folder, teacher, codec=Hidden()), examples.ids).hidden,
        logits_of(opened(tmp_path / "again", live, codec=Hidden()), examples.ids).hidden,
    )


def test_four_threads_label_one_cache(tmp_path):
    teachers = at_once(tmp_path, *[range(160)] * 4)
    assert sorted(key for teacher in teachers for key in teacher.ids) == sorted(texts(range(160))[0].ids.tolist())
    assert len(opened(tmp_path, teachers[0])) == 160


def test_a_killed_process_leaves_its_rows_to_the_others(tmp_path, capsys, monkeypatch):
    """One is killed while another waits for its rows: none is missing, and none is answered twice."""
    monkeypatch.setattr(worklist, "PATIENT_S", 0.0)
    whole, (examples, view) = Counting(), texts(range(60))
    label(whole, examples, view, opened(tmp_path / "whole", whole), batch_size=4)
    folder, teacher = tmp_path / "cache", Counting()
    killed, late = (labelling(folder, at) for at in (2, 0))  # in its second shard; before any question
    with killed, late:
        assert killed.stdout.readline() == late.stdout.readline() == "asked\n"
        claims = claims_in(folder)
        assert {str(claim.holder) for claim in claims} == {f"process {each.pid}" for each in (killed, late)}
        assert len(np.unique(np.concatenate([claim.ids for claim in claims]))) == sum(len(c.ids) for c in claims) == 16
        done = set(opened(folder, teacher)._shards[0].ids.tolist())
        assert len(done) == 8
        killed.kill()
        killed.wait()

        def told(text, **_):
            said.append(text)
            if "waiting" in text:
                late.stdin.write("\n")
                late.stdin.flush()

        said = []
        monkeypatch.setattr(worklist, "say", told)
        label(teacher, examples, view, opened(folder, teacher), batch_size=4)
        others = {int(key) for key in late.communicate()[0].splitlines()[-1].split()}
    assert said == [f"  teacher answers: waiting for process {late.pid}, which labels 8 of these rows"]
    assert len(others) >= 8
    assert sorted([*done, *others, *teacher.ids]) == sorted(examples.ids.tolist())
    assert answers(opened(folder, teacher), examples) == answers(opened(tmp_path / "whole", whole), examples)
    again = Counting()
    label(again, examples, view, opened(folder, again), batch_size=4)
    assert not again.asked
    assert [*files(folder)] == [path.name for path in folder.iterdir() if path.suffix in (".json", ".safetensors")]
    assert len(files(folder)) == 2, "sealed, and what the killed one left is gone"


def labelling(folder, stops_at, rows=60, *, hidden=False, seed=0):
    """Start a process that labels rows, and waits for a line of ours before a question."""
    return subprocess.Popen(
        [sys.executable, "-c", LABELLING, *map(str, (folder, stops_at, rows, "hidden" if hidden else "dense", seed))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if hidden else None,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_what_nobody_waits_for_is_sealed_by_the_last(tmp_path):
    teacher = Counting()
    cache = opened(tmp_path, teacher)
    ids = texts(range(200))[0].ids
    with cache.changing() as others:
        claimed = cache.claim(ids[100:], others)
    label(teacher, *texts(range(20)), opened(tmp_path, teacher), batch_size=4)
    assert [shard["sealed"] for shard in manifest(tmp_path)["shards"]] == [False] * 3
    assert claimed.number == 0
    assert manifest(tmp_path)["shards"][0]["file"] == "shard-00001.safetensors"
    claimed.release()
    label(teacher, *texts(range(20)), opened(tmp_path, teacher), batch_size=4)
    assert [(shard["rows"], shard["sealed"]) for shard in manifest(tmp_path)["shards"]] == [(20, True)]


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def test_what_a_killed_process_wrote_and_did_not_name_is_removed(tmp_path):
    teacher = Counting()
    cache = opened(tmp_path, teacher)
    label(teacher, *texts(range(9)), cache, batch_size=4)
    left = tmp_path / "shard-00007.safetensors"
    left.write_bytes(b"half of one")
    label(teacher, *texts(range(12)), cache, batch_size=4)
    assert not left.exists()


def test_a_reader_that_comes_while_shards_are_replaced_finds_the_new_one(tmp_path, monkeypatch):
    teacher, (examples, view) = Counting(), texts(range(23))
    writer = opened(tmp_path, teacher)
    with monkeypatch.context() as patch:
        patch.setattr(CachedTeacher, "seal", lambda *_: None)
        label(teacher, examples, view, writer, batch_size=4)
    before, read = answers(writer, examples), store.read_manifest

    def then_sealed(*arguments):
        found = read(*arguments)
        monkeypatch.setattr(store, "read_manifest", read)
        writer.seal()
        return found

    monkeypatch.setattr(store, "read_manifest", then_sealed)
    assert answers(opened(tmp_path, teacher), examples) == before
    assert answers(writer, examples) == before


def test_who_waits_sees_what_others_have_written(tmp_path):
    """A cache that was opened before another process labelled asks for nothing that is there by now."""
    late, early, (examples, view) = Counting(), Counting(), texts(range(40))
    cache = opened(tmp_path, late)
    label(early, *texts(range(30)), opened(tmp_path, early), batch_size=4)
    label(late, examples, view, cache, batch_size=4)
    assert sorted(late.ids + early.ids) == sorted(examples.ids.tolist())


def test_a_failed_labelling_leaves_its_rows_to_others_and_nothing_else(tmp_path):
    folder, teacher = tmp_path / "cache", Counting(die_at=0)
    with pytest.raises(KeyboardInterrupt):
        label(teacher, *texts(range(9)), opened(folder, teacher))
    assert not folder.exists()
    second = Counting()
    label(second, *texts(range(9)), opened(folder, second))
    assert len(second.ids) == 9


def test_a_disk_without_locks_is_refused_before_anybody_is_asked(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr("fcntl.flock", refuse)
    teacher = Counting()
    with pytest.raises(LimbeckError, match=r"cannot be locked .* give cache.path a folder on a disk that has locks"):
        label(teacher, *texts(range(9)), opened(tmp_path / "cache", teacher))
    assert not teacher.asked
    assert not list((tmp_path / "cache").rglob("*.json"))


def test_two_writers_of_one_shard_are_refused_with_both_answers(tmp_path):
    """Where a disk forgets its locks, the second one is told, and the first one's answers stay."""
    owner, ids = identity(Counting()), np.array([-2, 5, 9])
    one, *late = (CachedTeacher(tmp_path, owner) for _ in range(3))
    claimed = []
    for other in late:
        with other.changing() as others:
            claimed.append(other.claim(ids, others))
        remove(tmp_path / FOLDER)  # as if nobody had claimed them
    one.add(ids[:2], Predictions(torch.tensor([[1.0, 2, 3], [4, 5, 6]])), {})
    before = files(tmp_path)
    with pytest.raises(LimbeckError) as caught:
        late[0].add(ids, Predictions(torch.tensor([[1.5, 2, 3], [4, 5, 6], [0, 0, 0]])), {}, claimed[0])
    assert str(caught.value) == (
        f"{tmp_path}: two writers answered 2 examples, such as fffffffffffffffe: the cache has logits 1, 2, 3, and the "
        "second one logits 1.5, 2, 3; its disk does not keep locks: let one process write there at a time, and run "
        "again"
    )
    assert files(tmp_path) == before
    with pytest.raises(LimbeckError, match=r"two writers made shard-00000.safetensors, of 2 and of 1 rows"):
        late[1].add(ids[2:], Predictions(torch.zeros(1, 3)), {}, claimed[1])
    assert files(tmp_path) == before
    assert torch.equal(logits_of(CachedTeacher(tmp_path, owner), ids[:1])[0], torch.tensor([1.0, 2, 3]))
