"""Cached = live: the same answers, the same first gradient, and from identical logits the same bits for 200 steps.

A live teacher meets an example in a training batch, beside other texts and with other padding than when it was asked
for the cache. That may change the last bits of its answer, and nothing else.
"""

from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from limbeck.cache import CachedTeacher, CacheIdentity, label
from limbeck.cache.codecs import Dense, Hidden, SampledCodec, TopKCodec
from limbeck.data.batches import Batches
from limbeck.distiller import Distiller
from limbeck.losses import KD, CrossEntropy, Fitnet
from limbeck.models import build_model
from limbeck.models.ngrams import NgramsSettings
from limbeck.models.recurrent import BiGRUSettings, BiLSTMSettings
from limbeck.networks import TrainSettings
from limbeck.runtime import TextForm, Vocabulary
from limbeck.runtime.rows import Ragged
from limbeck.teachers import ModuleTeacher
from limbeck.teachers.module import weights_digest
from limbeck.trainer import fit, predict_logits
from limbeck.types import Outputs, Tap
from made_rows import rows_of

ROWS, TOKENS, CLASSES = 150, 40, 3
FORM = TextForm.of(Vocabulary(tuple(f"word{index}" for index in range(TOKENS)), 0))
OBJECTIVE = 0.7 * KD(temperature=2) + 0.2 * CrossEntropy() + 0.1 * Fitnet(student="dropout", teacher="dropout")
TRAIN = TrainSettings(lr=5e-3, keep="last", validations=1)


def view(seed):
    """Return texts of 1 to 30 tokens; teacher and student cut them differently."""
    draw = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(draw.integers(1, 31, ROWS))])
    return Ragged(draw.integers(1, TOKENS, offsets[-1]).astype(np.int32), offsets, 0, np.zeros(len(offsets) - 1, bool))


EXAMPLES = rows_of(
    np.random.default_rng(5).permutation(10_000)[:ROWS] - 5_000,
    [f"text {row}" for row in range(ROWS)],
    np.where(np.arange(ROWS) < 40, np.arange(ROWS) % CLASSES, -1),
)
STUDENT_VIEW, TEACHER_VIEW = view(0), view(1)


@pytest.fixture(scope="module")
def teacher():
    torch.manual_seed(2)
    settings = BiLSTMSettings(dim=8, hidden=12, layers=2, dropout=0.4, pooling="mean_max")
    # Left in training mode: whoever asks it has to see to that.
    return build_model(settings, outputs=CLASSES, form=FORM)


@pytest.fixture(scope="module")
def cached(teacher, tmp_path_factory):
    identity = CacheIdentity(weights_digest(teacher), "view", CLASSES, (Tap("dropout"),))
    live = ModuleTeacher(teacher, taps=identity.taps)
    cache = CachedTeacher(tmp_path_factory.mktemp("cache"), identity)
    return label(live, EXAMPLES, TEACHER_VIEW, cache, batch_size=16)


@pytest.fixture
def live(teacher):
    return ModuleTeacher(teacher, taps=[Tap("dropout")])


@pytest.fixture
def student():
    torch.manual_seed(3)
    return build_model(BiGRUSettings(dim=6, hidden=5), outputs=CLASSES, form=FORM)


def batches():
    make = partial(Batches, EXAMPLES, STUDENT_VIEW, teacher=TEACHER_VIEW)
    return make(batch_size=24, labelled_per_batch=6, seed=4)


def test_each_answer_is_the_live_one(live, cached):
    seen = set()
    for step in range(20):
        for batch in batches().group(step):
            ours, theirs = cached.predict(batch), live.predict(batch)
            torch.testing.assert_close(ours.logits, theirs.logits, rtol=0, atol=1e-5)
            torch.testing.assert_close(ours.features["dropout"], theirs.features["dropout"], rtol=0, atol=1e-5)
            seen |= set(batch.ids.tolist())
    assert seen == set(EXAMPLES.ids.tolist())


def gradient(student, teacher):
    first = next(batches().group(0))
    torch.manual_seed(9)
    distiller = Distiller(student, OBJECTIVE, teacher, example=first)
    student.zero_grad()
    sum(value / len(first.ids) for value in distiller.step(first).values()).backward()
    return torch.cat([value.grad.flatten() for value in distiller.trainable.parameters()])


def test_the_first_gradient_is_the_live_one(student, live, cached):
    theirs, ours = gradient(student, live), gradient(student, cached)
    assert torch.linalg.vector_norm(ours - theirs) <= 1e-5 * torch.linalg.vector_norm(theirs)


class Replayed:
    """A live teacher whose answer to an example does not depend on the batch it stands in."""

    digest = "replayed"

    def __init__(self, cached, change=lambda logits: logits):
        ids = torch.from_numpy(EXAMPLES.ids)
        self._rows = {int(key): row for row, key in enumerate(ids)}
        everything = next(iter(batches().group(0)))
        answers = cached.predict(type(everything)(ids, {}))
        self._all = replace(answers, logits=change(answers.logits))

    def predict(self, batch):
        rows = torch.tensor([self._rows[int(key)] for key in batch.ids])
        return Outputs(self._all.logits[rows], {name: value[rows] for name, value in self._all.features.items()})


def trained(teacher):
    torch.manual_seed(3)
    student = build_model(BiGRUSettings(dim=6, hidden=5), outputs=CLASSES, form=FORM)
    distiller = Distiller(student, OBJECTIVE, teacher, example=next(batches().group(0)))
    history = fit(distiller, batches(), TRAIN, steps=200, validate=None, title="")
    return student.state_dict(), history.log


def test_from_identical_logits_200_steps_are_bit_equal(cached):
    ours, our_log = trained(cached)
    theirs, their_log = trained(Replayed(cached))
    assert our_log == their_log
    assert our_log[-1]["loss"] < our_log[0]["loss"]
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(scope="module")
def sure(teacher):
    """The same teacher, whose answers differ more from one text to another."""
    own = deepcopy(teacher)
    with torch.no_grad():
        [*own.parameters()][-2].mul_(100)
    return own


@pytest.fixture(scope="module")
def kept_as(sure, tmp_path_factory):
    def keep(codec):
        identity = CacheIdentity(weights_digest(sure), "view", CLASSES, codec=codec)
        cache = CachedTeacher(tmp_path_factory.mktemp("cache"), identity)
        return label(ModuleTeacher(sure, form=codec.asks), EXAMPLES, TEACHER_VIEW, cache, batch_size=16)

    return keep


def learned(teacher):
    """What a student that has learned from soft targets alone says of every row, (rows, classes)."""
    torch.manual_seed(3)
    student = build_model(NgramsSettings(dim=8, buckets=64, dropout=0.0), outputs=CLASSES, form=FORM)
    distiller = Distiller(student, 1.0 * KD(temperature=2), teacher)
    settings = TrainSettings(lr=3e-2, keep="last", validations=1)
    source = Batches(EXAMPLES, TEACHER_VIEW, batch_size=30, labelled_per_batch=0, seed=4)
    fit(distiller, source, settings, steps=150, validate=None, title="")
    return predict_logits(student, TEACHER_VIEW).softmax(-1)


@pytest.fixture(scope="module")
def from_the_live_one(kept_as):
    found = learned(Replayed(kept_as(Dense())))
    assert (found[:, 0].amax() - found[:, 0].amin()) > 0.3, "there is something to learn"
    return found


@pytest.mark.parametrize(
    ("codec", "probability"),
    [
        (Dense(), 0),
        (Dense(dtype="float16"), 5e-4),
        (Dense(dtype="uint8"), 5e-3),
        (TopKCodec(k=CLASSES - 1, dtype="float32").settled([2.0]), 1e-4),
        (TopKCodec(k=CLASSES - 1).settled([2.0]), 5e-4),
        (SampledCodec(draws=60_000, temperature=2.0), 1e-2),
        (Hidden(dtype="float32"), 1e-5),
        (Hidden(), 1e-3),
    ],
    ids=lambda value: getattr(value, "title", ""),
)
def test_what_each_codec_teaches_is_what_the_live_teacher_teaches(from_the_live_one, kept_as, codec, probability):
    """Within a difference of a probability that follows from what the codec rounds or draws; float32: the same bits."""
    assert (learned(kept_as(codec)) - from_the_live_one).abs().max() <= probability


def test_the_largest_logit_alone_teaches_less_without_the_rest(from_the_live_one, kept_as):
    """Of the largest logit alone, all that is left without a rest is the decision."""
    with_rest = learned(kept_as(TopKCodec(k=1).settled([2.0])))
    decided = learned(Replayed(kept_as(Dense()), lambda logits: 100.0 * (logits == logits.amax(-1, keepdim=True))))
    right = from_the_live_one.amax(-1)
    assert (with_rest.amax(-1) - right).abs().mean() < 0.5 * (decided.amax(-1) - right).abs().mean()
