"""The codecs of the catalogue."""

import math

import pytest
import torch
from cache_cases import CLASSES, Says, opened, texts
from codec_contract import CodecContract, drawn

from limbeck.cache import label
from limbeck.cache.codecs import CATALOGUE, Dense, Hidden, SampledCodec, TopKCodec
from limbeck.errors import LimbeckError
from limbeck.types import Outputs

CASES = [
    *(Dense(dtype=dtype) for dtype in ("float32", "float16", "uint8")),
    TopKCodec(k=1),
    TopKCodec(k=1, dtype="float32").settled([2.0, 0.5]),
    SampledCodec(draws=7),
    SampledCodec(draws=300, temperature=4.0, seed=3),
    *(Hidden(dtype=dtype) for dtype in ("float32", "float16")),
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


# --- a byte a logit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0, 1e4])
def test_a_byte_is_off_by_no_more_than_a_step_of_its_prediction(scale):
    codec, logits = Dense(dtype="uint8"), drawn(1000, scale=scale, outputs=40)
    logits += 3 * scale
    again = codec.decode(codec.encode(Outputs(logits)), 40).logits
    step = (logits.amax(1) - logits.amin(1)) / 255
    off = (again - logits).abs().amax(1)
    assert (off <= 1.0001 * step).all()
    assert (off > 0.4 * step).any()
    assert torch.equal(again.amax(1), logits.amax(1)), "the largest logit is exact"
    assert (again.log_softmax(1) - logits.log_softmax(1)).abs().amax(1).le(1.001 * step).all()


def test_a_byte_keeps_the_decision_of_logits_that_are_next_to_equal():
    logits = torch.tensor([[4.0, 4.0 + 1e-6, -9.0], [4.0 + 1e-6, 4.0, -9.0], [1.0, 1.0, 1.0], [-9.0, -9.0, 2.0]])
    codec = Dense(dtype="uint8")
    assert codec.decode(codec.encode(Outputs(logits)), 3).logits.argmax(1).tolist() == [1, 0, 0, 2]


# --- the largest logits ----------------------------------------------------------------------------------------------


def test_the_largest_logits_and_the_rest_at_each_temperature():
    codec, logits = TopKCodec(k=3, dtype="float32").settled([2.0, 4]), drawn(50, outputs=20)
    assert codec.title == "topk, k 3, dtype float32, temperatures 1 2 4"
    told = codec.decode(codec.encode(Outputs(logits)), 20).logits
    assert list(told.tails) == [1.0, 2.0, 4.0]
    for row, one in enumerate(logits.double().tolist()):
        order = sorted(range(20), key=lambda place: -one[place])
        assert told.indices[row].tolist() == order[:3]
        assert told.values[row].tolist() == pytest.approx([one[place] - one[order[0]] for place in order[:3]], abs=1e-5)
        for T, tail in told.tails.items():
            rest = sum(math.exp((one[place] - one[order[0]]) / T) for place in order[3:])
            assert tail[row].item() == pytest.approx(math.log(rest), abs=1e-5)


def test_a_shift_of_all_logits_costs_float16_no_digits():
    codec, logits = TopKCodec(k=3), drawn(50, outputs=20, scale=1.0)
    plain, shifted = (codec.decode(codec.encode(Outputs(logits + by)), 20).logits for by in (0.0, 1000.0))
    torch.testing.assert_close(shifted.values, plain.values, rtol=0, atol=2e-3)
    torch.testing.assert_close(shifted.tails[1.0], plain.tails[1.0], rtol=0, atol=2e-3)


def test_the_error_of_the_largest_logits_is_the_probability_of_the_rest():
    codec, logits = TopKCodec(k=2), torch.tensor([[4.0, 1.0, 2.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    assert codec.error(Outputs(logits), codec.encode(Outputs(logits))) == pytest.approx(0.5)
    assert codec.error(Outputs(logits[:1]), codec.encode(Outputs(logits[:1]))) == pytest.approx(
        (math.exp(1) + 1) / sum(map(math.exp, (4, 1, 2, 0))), rel=1e-6
    )
    assert codec.said(0.5) == "50.00% of a prediction's probability, at most, is stored as one rest"


@pytest.mark.parametrize("k", [3, 4])
def test_there_is_a_rest(k):
    with pytest.raises(LimbeckError) as caught:
        TopKCodec(k=k).encode(Outputs(drawn(2)))
    assert str(caught.value) == (
        f"cache.codec.k: it keeps {k} logits of a prediction, and the teacher has 3; set it to 2 at most, or take "
        "cache.codec=dense"
    )


@pytest.mark.parametrize(("outputs", "size"), [(256, 1), (257, 2), (65_536, 2), (65_537, 4)])
def test_an_index_is_as_small_as_the_outputs_allow(outputs, size):
    logits = torch.zeros(1, outputs)
    logits[0, -1] = 30.0
    for codec in (TopKCodec(k=1), SampledCodec(draws=200)):
        stored = codec.encode(Outputs(logits))
        assert stored["indices"].dtype.itemsize == size
        assert sum(value.nbytes for value in stored.values()) == codec.bytes_per_prediction(outputs)
        assert outputs - 1 in codec.decode(stored, outputs).logits.indices[0].tolist()


def test_temperatures_that_were_not_stored_make_another_cache(tmp_path):
    teacher, (examples, view) = Says(lambda rows: drawn(rows)), texts(range(5))
    label(teacher, examples, view, opened(tmp_path, teacher, codec=TopKCodec(k=1).settled([2.0])))
    with pytest.raises(LimbeckError) as caught:
        opened(tmp_path, teacher, codec=TopKCodec(k=1).settled([4.0]))
    assert "another codec: it has `kind: topk, k: 1, dtype: float16, temperatures: [1.0, 2.0]`" in str(caught.value)
    assert "this run needs `kind: topk, k: 1, dtype: float16, temperatures: [1.0, 4.0]`" in str(caught.value)
    assert len(opened(tmp_path, teacher, codec=TopKCodec(k=1, temperatures=[2]).settled([]))) == 5


# --- outputs that are drawn ------------------------------------------------------------------------------------------


def test_each_output_is_drawn_by_its_probability():
    """20,000 predictions of next to equal logits: the counts are within the chi-square's 1 - 1e-6 for 9 degrees."""
    logits = drawn(1, outputs=10, scale=1.0) + 1e-5 * torch.arange(20_000)[:, None]
    codec = SampledCodec(draws=5, temperature=0.5)
    told = codec.decode(codec.encode(Outputs(logits)), 10).logits
    assert torch.equal(told.counts.sum(1), torch.full((20_000,), 5))
    found = torch.zeros(10, dtype=torch.int64).index_add(0, told.indices.flatten(), told.counts.flatten()).double()
    expected = 100_000 * (logits[0].double() / 0.5).softmax(0)
    assert ((found - expected).square() / expected).sum() < 45
    of_first = torch.where(told.indices == expected.argmax(), told.counts, 0).sum(1).double()
    share = expected.max() / 100_000
    assert of_first.var() == pytest.approx(float(5 * share * (1 - share)), rel=0.05), "draws do not go together"


def test_draws_stand_once_with_their_probabilities():
    codec, logits = SampledCodec(draws=30, temperature=3.0), drawn(40, outputs=20)
    told = codec.decode(codec.encode(Outputs(logits)), 20).logits
    log_p = (logits.double() / 3).log_softmax(1)
    for row in range(40):
        used = told.counts[row] > 0
        indices = told.indices[row][used]
        assert len(set(indices.tolist())) == len(indices)
        torch.testing.assert_close(told.log_p[row][used].double(), log_p[row][indices], rtol=1e-6, atol=1e-6)
        assert not told.indices[row][~used].any()
        assert not told.log_p[row][~used].any()
    missed = 1 - torch.where(told.counts > 0, told.log_p.double().exp(), 0).sum(1)
    assert codec.error(Outputs(logits), codec.encode(Outputs(logits))) == pytest.approx(float(missed.max()), abs=1e-6)


def test_an_output_without_probability_is_never_drawn():
    logits = torch.full((500, 6), -1e4)
    logits[:, 2:4] = drawn(500, outputs=2)
    told = SampledCodec(draws=9).decode(SampledCodec(draws=9).encode(Outputs(logits)), 6).logits
    assert set(told.indices[told.counts > 0].tolist()) == {2, 3}


def test_another_seed_is_another_draw():
    logits = drawn(40, outputs=20, scale=1.0)
    one, two, other = (SampledCodec(draws=9, seed=seed).encode(Outputs(logits)) for seed in (0, 0, 1))
    assert torch.equal(one["counts"], two["counts"])
    assert not torch.equal(one["indices"], other["indices"])


def test_draws_are_for_losses_at_their_temperature():
    assert SampledCodec(temperature=2.0).settled([2.0]) == SampledCodec(temperature=2.0)
    with pytest.raises(
        ValueError, match=r"compares at temperature 4, and cache\.codec draws at temperature 2.*temperature=4"
    ):
        SampledCodec(temperature=2.0).settled([2.0, 4.0])
