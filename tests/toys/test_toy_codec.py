"""A second codec: one file, `top1.py`, and one line."""

import sys
from pathlib import Path

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from top1 import Top1

from limbeck.cache import CachedTeacher, CacheSettings, label
from limbeck.cache.codecs import CATALOGUE, DEFAULT
from limbeck.data.batches import Batches
from limbeck.distiller import Distiller
from limbeck.losses import KD
from limbeck.models import build_model
from limbeck.models.ngrams import NgramsSettings
from limbeck.networks import TrainSettings
from limbeck.runtime import TextForm, Vocabulary
from limbeck.settings import union
from limbeck.trainer import fit
from limbeck.types import Batch, Outputs

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/cache"))
from cache_cases import CLASSES, Counting, identity, texts  # noqa: E402 - after the path
from codec_contract import CodecContract  # noqa: E402

LINE = {"top1": Top1}
"""What the catalogue gets."""


class TestTop1(CodecContract):
    @pytest.fixture
    def codec(self):
        return Top1()


def _recipes(catalogue):
    return TypeAdapter(union(catalogue, on="kind", default=DEFAULT.kind))


def test_a_recipe_can_name_it():
    with_it, without = _recipes(CATALOGUE | LINE), TypeAdapter(CacheSettings)
    assert with_it.validate_python({"kind": "top1"}) == Top1()
    assert with_it.validate_python({"kind": "dense"}) == CacheSettings().codec
    assert with_it.validate_python({"dtype": "float16"}).dtype == "float16", "a recipe from before it stays one"
    with pytest.raises(ValidationError, match="dense"):
        without.validate_python({"codec": {"kind": "top1"}})


def test_nothing_else_knows_it():
    """The file, and this test with the line: no other names it."""
    folders = ("src", "tests/cache", "tests/toys")
    found = {path.name for folder in folders for path in (ROOT / folder).rglob("*.py") if "top1" in path.read_text()}
    assert found == {"top1.py", Path(__file__).name}


class Decided:
    """A live teacher that says what the codec keeps of its answers."""

    digest = "decided"

    def __init__(self, teacher):
        self._said = {key: Top1().encode(Outputs(logits)) for key, logits in teacher.said.items()}

    def predict(self, batch):
        stored = [self._said[key] for key in batch.ids.tolist()]
        whole = {name: torch.cat([each[name] for each in stored]) for name in stored[0]}
        return Top1().decode(whole, CLASSES)


def test_a_student_is_distilled_through_it(tmp_path):
    live, (examples, view) = Counting(), texts(range(60))
    cached = label(live, examples, view, CachedTeacher(tmp_path, identity(live, codec=Top1())))
    assert cached.error > 0.01, "it keeps less than the teacher said"

    def student(teacher):
        torch.manual_seed(0)
        form = TextForm.of(Vocabulary(tuple(map(str, range(50))), 0))
        network = build_model(NgramsSettings(dim=8, buckets=64), outputs=CLASSES, form=form)
        batches = Batches(examples, view, batch_size=20, labelled_per_batch=0, seed=0)
        settings = TrainSettings(lr=0.02, keep="last", validations=1)
        history = fit(
            Distiller(network, 1.0 * KD(temperature=1), teacher), batches, settings, steps=60, validate=None, title=""
        )
        return network, history.log

    network, log = student(cached)
    assert log[-1]["kd"] < 0.5 * log[0]["kd"]
    other, _ = student(Decided(live))
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))
    batch = Batch(torch.from_numpy(examples.ids), {})
    assert torch.equal(cached.predict(batch).logits.argmax(1), Decided(live).predict(batch).logits.argmax(1))
