"""What a cache promises with whatever codec; a class of tests for a codec inherits it and gives `codec`."""

import sys

import pytest
import torch
from cache_cases import CLASSES, WIDTH, Counting, TokenNet, logits_of, opened, texts
from pydantic import TypeAdapter

from limbeck.cache import ID_BYTES, label
from limbeck.cache.codecs import CATALOGUE
from limbeck.files import size_of
from limbeck.logits import Factored, each_tensor, form_of
from limbeck.settings import union
from limbeck.types import Batch, Outputs, tensors

OVERHEAD = 2_000
"""Bytes of a cache of one shard that are neither ids nor predictions: manifest and header."""


def drawn(rows, *, scale=8.0, outputs=CLASSES, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(rows, outputs, generator=generator)


def parts(logits):
    """The tensors that logits of any form are made of."""
    found = []
    each_tensor(logits, lambda value: found.append(value) or value)
    return found


def same(one, other):
    return form_of(one) == form_of(other) and all(map(torch.equal, parts(one), parts(other)))


def asked_of(codec, rows, *, outputs=CLASSES):
    """Logits in the form that a codec asks for."""
    if codec.asks == "dense":
        return drawn(rows, outputs=outputs)
    matrix, bias = drawn(outputs, outputs=6, scale=1.0, seed=1), drawn(1, outputs=outputs, seed=2)[0]
    return Factored(drawn(rows, outputs=6, scale=3.0), matrix, bias)


def stored_by(codec, logits):
    """What a codec stores of logits, by itself and once."""
    return codec.encode(Outputs(logits)) | codec.shared(Outputs(logits))


def at(logits, place):
    return each_tensor(logits, lambda value: value[place])


class CodecContract:
    @pytest.fixture(autouse=True)
    def _small_shards(self, monkeypatch):
        monkeypatch.setattr(sys.modules["limbeck.cache.label"], "SHARD_BATCHES", 2)

    def round_trip(self, codec, logits):
        return codec.decode(stored_by(codec, logits), logits.shape[1]).logits

    @pytest.mark.parametrize("outputs", [2, 3, 77, 300])
    def test_a_prediction_comes_back_as_float32_by_itself(self, codec, outputs):
        logits = asked_of(codec, 40, outputs=outputs)
        before = at(logits, torch.arange(40))
        again = self.round_trip(codec, logits)
        assert again.shape == logits.shape
        assert form_of(again) == codec.form
        assert {part.dtype for part in parts(again)} <= {torch.float32, torch.int64}
        assert all(torch.isfinite(part).all() for part in parts(again))
        assert codec.whole == (codec.form in ("dense", "factored"))
        if codec.whole:
            assert torch.equal(Outputs(again).dense.argmax(1), Outputs(logits).dense.argmax(1))
        stored, shared = codec.encode(Outputs(logits)), codec.shared(Outputs(logits))
        some = torch.tensor([7, 7, 0, 39])
        rows = {name: torch.from_numpy(value.numpy()[some.numpy()]) for name, value in stored.items()}
        assert same(codec.decode(rows | shared, outputs).logits, at(again, some))
        assert same(self.round_trip(codec, at(logits, some)), at(again, some))
        assert same(logits, before)

    def test_no_prediction_is_none(self, codec):
        assert self.round_trip(codec, asked_of(codec, 0)).shape == (0, CLASSES)

    def test_it_is_its_settings(self, codec):
        known = CATALOGUE | {codec.kind: type(codec)}
        assert TypeAdapter(union(known, on="kind")).validate_python(codec.model_dump(mode="json")) == codec
        assert codec.title.startswith(codec.kind)
        assert type(codec)(**codec.model_dump()) == codec
        assert hash(codec) == hash(codec.model_copy())

    def test_the_cache_says_what_the_codec_does_and_how_far_it_is_off(self, codec, tmp_path):
        teacher, (examples, view) = Counting(form=codec.asks), texts(range(23))
        cached = label(teacher, examples, view, opened(tmp_path, teacher, codec=codec), batch_size=4)
        live = teacher.all_said(examples.ids)
        found = logits_of(cached, examples.ids)
        assert same(found, self.round_trip(codec, live))
        assert cached.error == codec.error(Outputs(live), stored_by(codec, live))
        assert codec.said(cached.error)
        mixed = examples.ids[[5, 5, 22, 0, 5]]
        assert same(logits_of(cached, mixed), at(found, [5, 5, 22, 0, 5]))
        assert logits_of(cached, examples.ids[:0]).shape == (0, CLASSES)

    def test_answers_by_token_stay_with_their_tokens(self, codec, tmp_path):
        teacher, (examples, view) = Counting(network=TokenNet, form=codec.asks), texts(range(23))
        cached = label(teacher, examples, view, opened(tmp_path, teacher, codec=codec), batch_size=4)
        rows = torch.tensor([4, 20, 4, 6, 0])
        inputs = tensors(view.batch(rows.numpy()))
        batch = Batch(torch.from_numpy(examples.ids)[rows], {}, teacher_inputs=inputs)
        found, real = cached.predict(batch).logits, inputs["attention_mask"] != 0
        assert found.shape == (*real.shape, CLASSES)
        live = teacher.all_said(examples.ids[rows.numpy()])
        assert same(at(found, real), self.round_trip(codec, live))
        assert not any(part.any() for part in parts(at(found, ~real)))

    @pytest.mark.parametrize("network", [None, TokenNet], ids=["example", "token"])
    def test_bytes_are_those_on_disk(self, codec, tmp_path, network):
        teacher, (examples, view) = Counting(network=network, form=codec.asks), texts(range(300))
        label(teacher, examples, view, opened(tmp_path, teacher, codec=codec))
        predictions = int(view.lengths.sum()) if network else 300
        offsets = 8 * 301 if network else 0
        each, once = codec.bytes_per_prediction(CLASSES, WIDTH), codec.shared_bytes(CLASSES, WIDTH)
        expected = ID_BYTES * 300 + offsets + predictions * each + once
        assert expected <= size_of(tmp_path) <= expected + OVERHEAD

    @pytest.mark.parametrize("die_at", [0, 1, 3, 5])
    def test_a_killed_labelling_ends_as_a_whole_one(self, codec, tmp_path, die_at):
        (examples, view), whole = texts(range(23)), Counting(form=codec.asks)
        label(whole, examples, view, opened(tmp_path / "whole", whole, codec=codec), batch_size=4)
        first = Counting(die_at, form=codec.asks)
        with pytest.raises(KeyboardInterrupt):
            label(first, examples, view, opened(tmp_path / "killed", first, codec=codec), batch_size=4)
        second = Counting(form=codec.asks)
        label(second, examples, view, opened(tmp_path / "killed", second, codec=codec), batch_size=4)
        assert second.asked == whole.asked[2 * (die_at // 2) :]
        files = [{path.name: path.read_bytes() for path in (tmp_path / n).iterdir()} for n in ("whole", "killed")]
        assert files[0] == files[1]
