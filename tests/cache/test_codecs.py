"""The codecs of the catalogue."""

import pytest
import torch
from cache_cases import CLASSES, Says, opened, texts
from codec_contract import CodecContract, drawn

from limbeck.cache import label
from limbeck.cache.codecs import CATALOGUE, Dense, SampledCodec, TopKCodec
from limbeck.errors import LimbeckError
from limbeck.types import Outputs

CASES = [
    *(Dense(dtype=dtype) for dtype in ("float32", "float16", "uint8")),
    TopKCodec(k=1),
    TopKCodec(k=1, dtype="float32").settled([2.0, 0.5]),
    SampledCodec(draws=7),
    SampledCodec(draws=300, temperature=4.0, seed=3),
]


class TestCatalogue(CodecContract):
    @pytest.fixture(params=CASES, ids=lambda codec: codec.title)
    def codec(self, request):
        return request.param


def test_every_codec_has_its_cases():
    assert {case.kind for case in CASES} == set(CATALOGUE)


def test_float32_keeps_every_bit():
    logits = drawn(100)
    assert torch.equal(Dense().decode(Dense().encode(Outputs(logits)), CLASSES).logits, logits)


def test_float16_rounds_by_no_more_than_it_says():
    codec = Dense(dtype="float16")
    for scale in (1e-7, 1e-3, 1.0, 50.0, 1e4):
        logits = drawn(1000, scale=scale).clamp(-65504, 65504)
        off = (codec.decode(codec.encode(Outputs(logits)), CLASSES).logits - logits).abs()
        assert (off <= (logits.abs() / 2048).clamp(min=3e-8)).all()
        assert off.any()


@pytest.mark.parametrize("largest", [65504.0, -65504.0])
def test_the_largest_logit_of_float16_fits(largest):
    codec = Dense(dtype="float16")
    logits = torch.tensor([[largest, 0.0, 1.0]])
    assert torch.equal(codec.decode(codec.encode(Outputs(logits)), CLASSES).logits, logits)


@pytest.mark.parametrize(("logit", "said"), [(70_000.0, "70000"), (-1e6, "1e+06")])
def test_a_logit_that_float16_cannot_hold_is_refused(tmp_path, logit, said):
    def answer(rows):
        logits = torch.zeros(rows, CLASSES)
        logits[-1, 1] = logit
        return logits

    teacher, (examples, view) = Says(answer), texts(range(5))
    with pytest.raises(LimbeckError) as caught:
        label(teacher, examples, view, opened(tmp_path, teacher, codec=Dense(dtype="float16")))
    assert str(caught.value) == (
        f"cache.codec.dtype: the teacher answered with a logit of {said}, and float16 holds none beyond 65504; "
        "set it to float32"
    )
    assert not list(tmp_path.iterdir()), "nothing is half-written"
