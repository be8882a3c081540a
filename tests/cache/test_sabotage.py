"""What must never be taken for the teacher's answers: each is refused, with what was found and what was expected.

Other sabotage has its test where its part is: a run that meets the cache of another teacher or codec and leaves it as
it was, `tests/pipeline/test_the_cache_of_a_run.py`; each key of the identity and each field of the manifest,
`test_cache_store.py`; kills, `test_cache_writers.py`, `test_cache_mapping.py` and
`tests/pipeline/test_pipeline_killed.py`.
"""

import json
import re

import numpy as np
import pytest
import torch
from cache_cases import Counting, answers, identity, logits_of, opened, texts
from tokenizers import Tokenizer, models, pre_tokenizers

from limbeck.cache import CachedTeacher, label
from limbeck.cache.inspect import verify
from limbeck.data.copies import copies_of
from limbeck.data.sieve import Sieve
from limbeck.digest import file_digest
from limbeck.errors import LimbeckError
from limbeck.modalities.image import ImageAugmentSettings
from limbeck.runtime.readers import image
from limbeck.runtime.readers.audio import AudioReader
from limbeck.runtime.readers.image import ImageReader
from limbeck.runtime.readers.text import TextReader
from limbeck.teachers import ModuleTeacher
from limbeck.types import Predictions
from made_rows import TEXT, rows_of

FILE = "shard-00000.safetensors"


def refused(folder, wanted, **other):
    """Return why a cache of text answers is not one of that identity."""
    with pytest.raises(LimbeckError) as caught:
        CachedTeacher(folder, identity(wanted, **other))
    return str(caught.value)


def labelled(folder, teacher, **other):
    return label(teacher, *texts(range(12)), opened(folder, teacher, **other), batch_size=4)


# --- another teacher ------------------------------------------------------------------------------------------------


def test_another_teacher(tmp_path):
    mine, other = Counting(seed=0), Counting(seed=1)
    labelled(tmp_path, mine)
    assert f"another teacher: it has `{mine.digest}`, this run needs `{other.digest}`" in refused(tmp_path, other)


def test_one_changed_weight(tmp_path):
    teacher = Counting()
    labelled(tmp_path, teacher)
    network = teacher._teacher._module
    with torch.no_grad():
        network.head.bias[1] = torch.nextafter(network.head.bias[1], torch.tensor(9.0))
    changed = ModuleTeacher(network)
    assert f"it has `{teacher.digest}`, this run needs `{changed.digest}`" in refused(tmp_path, changed)


# --- another view ---------------------------------------------------------------------------------------------------


def tokenizer(*words, split=pre_tokenizers.Whitespace):
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(["[PAD]", *words])}, "[PAD]"))
    made.pre_tokenizer = split()
    return made


def pictures(size=8, **options):
    return ImageReader(size, size, 1, resize="stretch", mean=[0.5], std=[0.25], **options)


VIEWS = {
    "another tokenizer": (
        TextReader(tokenizer("a", "b"), max_length=4),
        TextReader(tokenizer("b", "a"), max_length=4),
    ),
    "another rule for words": (
        TextReader(tokenizer("a", "b"), max_length=4),
        TextReader(tokenizer("a", "b", split=pre_tokenizers.WhitespaceSplit), max_length=4),
    ),
    "another length": (TextReader(tokenizer("a"), max_length=4), TextReader(tokenizer("a"), max_length=5)),
    "another size of images": (pictures(8), pictures(9)),
    "another filter": (pictures(), pictures(filter="bicubic")),
    "another sampling rate": (AudioReader(8000, 100), AudioReader(16000, 100)),
}


@pytest.mark.parametrize("case", VIEWS)
def test_another_view(tmp_path, case):
    had, wanted = (reader.digest for reader in VIEWS[case])
    teacher = Counting()
    labelled(tmp_path, teacher, view=had)
    said = refused(tmp_path, teacher, view=wanted)
    assert f"another view: it has `{had}`, this run needs `{wanted}`" in said


@pytest.mark.parametrize("library", ["decoder of images", "soundfile", "libsndfile", "soxr"])
def test_another_version_of_a_decoder(tmp_path, monkeypatch, library):
    def made():
        return pictures() if library == "decoder of images" else AudioReader(8000, 100)

    teacher, had = Counting(), made().digest
    labelled(tmp_path, teacher, view=had)
    if library == "decoder of images":
        monkeypatch.setattr(image, "decoder", lambda: "pillow 99")
    else:
        from limbeck.runtime import sounds

        held = sounds.versions()
        monkeypatch.setattr("limbeck.runtime.readers.audio.versions", lambda: {**held, library: "99"})
    wanted = made().digest
    assert f"another view: it has `{had}`, this run needs `{wanted}`" in refused(tmp_path, teacher, view=wanted)


# --- other rows -----------------------------------------------------------------------------------------------------


def test_a_permuted_file_has_the_same_answers(tmp_path):
    """Answers are found by content: a source whose rows have another order is no other source."""
    teacher, (examples, _) = Counting(), texts(range(12))
    cached = labelled(tmp_path, teacher)
    mixed, view = texts([n * 5 % 12 for n in range(12)])
    again = Counting()
    label(again, mixed, view, opened(tmp_path, again), batch_size=4)
    assert not again.asked
    assert answers(cached, mixed) == answers(cached, examples)


def test_a_changed_setting_of_augmentation_has_no_answers(tmp_path):
    rows = rows_of([3, 4], ["a", "b"], [0, 1])
    made, other = (copies_of(rows, ImageAugmentSettings(copies=1, crop=crop)) for crop in (1, 2))
    cache = opened(tmp_path, Counting())
    cache.add(made.ids, Predictions(torch.zeros(2, 3)), {})
    assert not cache.missing(made.ids).any()
    with pytest.raises(LimbeckError, match="the cache has no answer for 2 of 2 examples; label them first"):
        logits_of(cache, other.ids)


def test_two_examples_of_one_id():
    rows = rows_of([7, 7], ["one text", "another text"], [0, 1])
    with pytest.raises(LimbeckError, match="two different texts share the content id 7"):
        Sieve(TEXT).clean(rows)


def test_two_writers_of_one_row(tmp_path):
    cache = opened(tmp_path, Counting())
    cache.add(np.array([5, 6]), Predictions(torch.tensor([[1.0, 2, 3], [4, 5, 6]])), {})
    with pytest.raises(LimbeckError, match="has logits 4, 5, 6, and the second one logits 4, 5, 7"):
        cache.add(np.array([6, 7]), Predictions(torch.tensor([[4.0, 5, 7], [0, 0, 0]])), {})
    assert len(opened(tmp_path, Counting())) == 2


# --- other bytes ----------------------------------------------------------------------------------------------------


def flip(data):
    data[-1] ^= 1


def truncate(data):
    del data[-1]


def permute(data):
    """Exchange the answers of two rows."""
    data[-12:], data[-24:-12] = data[-24:-12], data[-12:]


@pytest.mark.parametrize("damage", [flip, truncate, permute], ids=lambda f: f.__name__)
def test_a_shard_of_other_bytes(tmp_path, damage):
    teacher = Counting()
    labelled(tmp_path, teacher)
    path = tmp_path / FILE
    had, data = file_digest(path), bytearray(path.read_bytes())
    damage(data)
    path.write_bytes(data)
    said = refused(tmp_path, teacher)
    assert f"their checksum is `{file_digest(path)}`, and the manifest has `{had}`" in said


def words(manifest):
    """Yield the path of each word and number of a manifest, and another value of its kind."""
    for key, value in manifest.items() if isinstance(manifest, dict) else enumerate(manifest):
        if isinstance(value, dict | list):
            yield from (([key, *path], other) for path, other in words(value))
        elif key != "format":
            others = {bool: not value, int: 7, float: 0.5, str: "0123456789abcdef", type(None): "0123456789abcdef"}
            yield [key], others[type(value)]


def test_a_manifest_in_which_anything_was_changed(tmp_path):
    """Whoever reads it refuses it, also where every value would be a good one."""
    teacher = Counting()
    labelled(tmp_path, teacher)
    path = tmp_path / "manifest.json"
    had = path.read_text()
    changes = list(words(json.loads(had)))
    assert len(changes) > 8
    for place, other in changes:
        manifest = json.loads(had)
        inner = manifest
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = other
        path.write_text(json.dumps(manifest))
        assert refused(tmp_path, teacher), place
        with pytest.raises(
            LimbeckError, match=r"the manifest was changed: its checksum is `[0-9a-f]{16}`, and it says"
        ):
            verify(tmp_path)
    path.write_text(had)
    assert verify(tmp_path)[1] == []


def test_an_exchanged_shard(tmp_path):
    """A whole shard of another teacher, under the name of one of ours."""
    mine, other = Counting(seed=0), Counting(seed=1)
    labelled(tmp_path / "mine", mine)
    labelled(tmp_path / "other", other)
    (tmp_path / "mine" / FILE).write_bytes((tmp_path / "other" / FILE).read_bytes())
    manifest = json.loads((tmp_path / "mine/manifest.json").read_text())
    assert re.search(
        f"`[0-9a-f]{{16}}`, and the manifest has `{manifest['shards'][0]['digest']}`", refused(tmp_path / "mine", mine)
    )
