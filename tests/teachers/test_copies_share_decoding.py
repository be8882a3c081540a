"""Copies of an image or a sound: however many there are, a file is decoded once for each network that reads it."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

from collections import Counter

import numpy as np
import pytest
import torch
from folders_of_transformers import vit, wav2vec2, write_images, write_sounds

from limbeck.data.batches import Batches
from limbeck.data.copies import Copy
from limbeck.modalities.image.augment import drawn
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import load_recipe
from limbeck.runtime import pictures
from limbeck.runtime.readers import audio
from limbeck.runtime.readers.image import PIXELS
from limbeck.types import Batch
from made_rows import splits_of

FEW, MANY = 1, 5


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("folders")
    images, sounds = write_images(place / "pictures", 90), write_sounds(place / "clips", 90)
    return {"image": (images, vit(place / "vit")), "audio": (sounds, wav2vec2(place / "wav2vec2"))}


READS = {
    "image": ("digits", "image", "{kind: image, size: 12}", "{kind: image, copies: COPIES, crop: 2, flip: 0.5}"),
    "audio": (
        "spoken-digits",
        "audio",
        "{kind: audio, rate: 8000, seconds: 0.3}",
        "{kind: audio, copies: COPIES, shift: 0.1}",
    ),
}


class Decoded:
    """Counts how often each file is decoded."""

    def __init__(self, monkeypatch):
        self.files: Counter[str] = Counter()
        monkeypatch.setattr(pictures, "_HELD_ALL", 0)  # as photographs, of which no pixels are kept
        for module, name in ((pictures, "decoded"), (audio, "decoded")):
            monkeypatch.setattr(module, name, self._counting(getattr(module, name)))

    def _counting(self, decoded):
        def counting(content, *more):
            self.files[content if isinstance(content, bytes) else content.where] += 1
            return decoded(content, *more)

        return counting


def asked(kind, folders, copies, place):
    """Return a run's material and its teacher, which has answered for everything; nothing was decoded for it before."""
    source, folder = folders[kind]
    recipe, name, reads, augment = READS[kind]
    changes = [
        f"data.source={source}",
        "data.labelled=30",
        "data.split={test: 18, validation: 18}",
        f"data.augment={augment.replace('COPIES', str(copies))}",
        "teacher.kind=transformers",
        f"teacher.model={folder}",
        f"teacher.reads={{kind: {name}}}",
        f"student.reads={reads}",
        "teacher.accept_bad=true",
        "seeds=[0]",
        "grid={}",
    ]
    wanted = load_recipe(recipe, changes)
    splits = splits_of(wanted)
    material = Material(splits)
    settled = settle(wanted, material)
    answers = ask_teacher(settled, train_teacher(settled, material, place), splits, place)
    return settled, material, answers


def epochs(settled, material, count=2):
    """Return the student's batches of so many epochs."""
    splits, rows = material.splits, material.view(settled.student).transfer
    batches = Batches(splits.transfer, rows, batch_size=20, labelled_per_batch=0, seed=0)
    return [batch for step in range(count * len(splits.transfer) // 20) for batch in batches.group(step)]


@pytest.mark.parametrize("kind", READS)
def test_a_file_is_decoded_as_often_for_many_copies_as_for_one(kind, folders, tmp_path, monkeypatch):
    counts, sizes = {}, {}
    for copies in (FEW, MANY):
        with monkeypatch.context() as patch:
            decoded = Decoded(patch)
            settled, material, answers = asked(kind, folders, copies, tmp_path / str(copies))
            assert len(material.splits.transfer) == (1 + copies) * len(material.splits.original)
            assert not answers.members[0].taught.missing(material.splits.transfer.ids).any(), "each copy has its answer"
            base, _ = material.view(settled.student).transfer.base.stored()
            counts[copies] = decoded.files.copy()
            epochs(settled, material)
            assert decoded.files == counts[copies], "nothing is decoded while a student trains"
            sizes[copies] = sum(value.nbytes for value in base.values()) / len(material.splits.original)
    assert counts[MANY] == counts[FEW], "labelling, and reading for the student"
    assert sizes[MANY] == sizes[FEW], "nothing is kept of a copy"


def test_a_copy_is_what_its_own_file_becomes_by_itself(folders, tmp_path):
    """Bit for bit: beside other copies of its image in a batch, and from a file that was decoded for it alone."""
    settled, material, answers = asked("image", folders, MANY, tmp_path)
    splits, view = material.splits, material.view(settled.student)
    values = dict(zip(splits.original.ids.tolist(), splits.original.values, strict=True))
    several = [each for each in splits.transfer.values if isinstance(each, Copy) and each.of in splits.original.ids[:3]]
    assert len(several) == 3 * MANY
    numbers = np.array([row for row, each in enumerate(splits.transfer.values) if each in several])
    found = view.transfer.batch(numbers)[PIXELS]
    for pixels, row in zip(found, numbers.tolist(), strict=True):
        copy = splits.transfer.values[row]
        alone = view.reader.encode([values[copy.of].source]).arrays[PIXELS]
        key, number = np.array([copy.of]), np.array([copy.number])
        assert np.array_equal(pixels, drawn(alone, key, number, settled.data.augment)[0])
    assert len({pixels.tobytes() for pixels in found}) > MANY
    member = answers.members[0]
    said = answers.of("transfer").predict(Batch(torch.from_numpy(splits.transfer.ids[numbers]), {})).dense
    arrays = member.trained.view.transfer.batch(numbers)
    inputs = {name: torch.from_numpy(value) for name, value in arrays.items()}
    live = member.live().predict(Batch(torch.from_numpy(numbers), {}, teacher_inputs=inputs)).dense
    torch.testing.assert_close(said, live, rtol=0, atol=1e-5)
