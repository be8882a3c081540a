"""Every loss that has one value a prediction says the same of some predictions at a time: `chunked` = whole."""

import pytest
import torch
from loss_cases import BATCH_CASES, CASES, every_batch_case

from limbeck.cache.codecs import SampledCodec, TopKCodec
from limbeck.errors import LimbeckError
from limbeck.logits import Factored
from limbeck.losses import CATALOG, chunked
from limbeck.types import Batch, Outputs

PREDICTIONS, WIDTH, CLASSES = (3, 3), 4, 5
OF_OUTPUTS = [case for case in CASES if case.compares == "logits"]
every_case = pytest.mark.parametrize("case", OF_OUTPUTS, ids=str)
every_chunk = pytest.mark.parametrize("chunk", [1, 4, 100], ids=["one", "odd end", "all"])
OF_ACTIVATIONS = [loss.card for loss in CATALOG.values() if "taps" in loss.card.needs]
TAKING = {
    form: [
        case
        for case in OF_OUTPUTS
        if form in case.loss.card.forms and case.parameters.get("temperature", 1.0) in (1.0, 2.0)
    ]
    for form in ("topk", "sampled")
}


def layer(seed, *, width=WIDTH, bias=True, predictions=PREDICTIONS, classes=CLASSES, dtype=torch.float64):
    """Hidden states and a last layer, whose logits have a deviation of about 2."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((*predictions, width), (classes, width), (classes,))
    hidden, matrix, last = (torch.randn(*shape, generator=generator, dtype=dtype) for shape in shapes)
    return Factored(hidden, matrix, last if bias else None)


def leaves(student):
    """The same, and the tensors that a gradient is asked for."""
    parts = [
        part.clone().requires_grad_() for part in (student.hidden, student.matrix, student.bias) if part is not None
    ]
    return Factored(*parts), parts


def labels_of(case, student):
    classes = torch.randint(CLASSES, student.shape[:-1], generator=torch.Generator().manual_seed(2))
    return case.labels(classes, student.dense)


def require_equal(case, student, teacher, *, chunk, upstream=1.0):
    """Require values and gradients of the chunks to be those of all logits at once."""
    labels, found = labels_of(case, student), []
    own, parts = leaves(student)
    dense = teacher.dense if isinstance(teacher, Factored) else teacher
    ways = (
        (chunked(case.loss.function, chunk=chunk), case.arguments(own, teacher, labels)),
        (case.loss.function, case.arguments(own.dense, dense, labels)),
    )
    for function, given in ways:
        values = function(*given, **case.parameters)
        found.append((values.detach(), torch.autograd.grad((values * upstream).sum(), parts)))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-9, atol=1e-11)
    assert all(part.any() for part in found[0][1])


def drawn(*shape, seed=5):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@every_chunk
@every_case
def test_chunked_equals_whole(case, chunk):
    """Values, and gradients by hidden states, matrix and bias, where each value counts alike and where none does."""
    student, teacher = layer(0), layer(1, width=6)
    for upstream in (1.0, -0.3, drawn(*PREDICTIONS)):
        require_equal(case, student, teacher, chunk=chunk, upstream=upstream)
    require_equal(case, student, teacher.dense, chunk=chunk)
    require_equal(case, layer(0, bias=False), layer(1, bias=False), chunk=chunk)


@every_case
@pytest.mark.parametrize("garbage", [torch.nan, torch.inf, -torch.inf])
def test_masked_positions_contribute_nothing(case, garbage):
    """States and logits that are no numbers, and labels out of range: no gradient hears of them, nor the matrix's."""
    mask = torch.rand(*PREDICTIONS, generator=torch.Generator().manual_seed(3)) > 0.4
    student, teacher = layer(0), layer(1)
    labels, upstream = labels_of(case, student), drawn(*PREDICTIONS)

    def learned(function, own, parts, other):
        values = function(*case.arguments(own, other, labels), mask=mask, **case.parameters)
        return values.detach(), torch.autograd.grad((values * upstream).sum(), parts)

    own, parts = leaves(student)
    expected = learned(case.loss.function, own.dense, parts, teacher.dense)
    labels[~mask] = -100
    for each in (student.hidden, teacher.hidden):
        each[~mask] = garbage
    own, parts = leaves(student)
    for other in (teacher, teacher.dense):
        values, gradients = learned(chunked(case.loss.function, chunk=4), own, parts, other)
        assert not values[~mask].any()
        assert not gradients[0][~mask].any()
        torch.testing.assert_close((values, gradients), expected)


@every_case
@pytest.mark.parametrize("predictions", [(), (0,), (5,), (2, 3, 2)], ids=str)
def test_any_shape_of_predictions(case, predictions):
    student, parts = leaves(layer(0, predictions=predictions))
    teacher = layer(1, predictions=predictions)
    given = case.arguments(student, teacher, labels_of(case, student))
    values = chunked(case.loss.function, chunk=4)(*given, **case.parameters)
    assert (tuple(values.shape), values.dtype) == (predictions, torch.float64)
    gradients = torch.autograd.grad(values.sum(), parts)
    assert [one.shape for one in gradients] == [one.shape for one in parts]
    assert all(torch.isfinite(one).all() for one in gradients)


@every_case
def test_half_precision_in_float32_arithmetic(case):
    """Products, softmax and sums over the predictions: all are those of the same numbers in float32."""
    student, teacher = (layer(seed, dtype=torch.bfloat16) for seed in (0, 1))
    labels, found = labels_of(case, layer(0, dtype=torch.float32)), []
    for dtype, cast in ((torch.bfloat16, False), (torch.bfloat16, True), (torch.float32, False)):
        own, parts = leaves(Factored(*(part.to(dtype) for part in (student.hidden, student.matrix, student.bias))))
        other = Factored(*(part.to(dtype) for part in (teacher.hidden, teacher.matrix, teacher.bias)))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=cast):
            values = chunked(case.loss.function, chunk=4)(*case.arguments(own, other, labels), **case.parameters)
            gradients = torch.autograd.grad((values * drawn(*PREDICTIONS).float()).sum(), parts)
        assert values.dtype == torch.float32
        assert [part.dtype for part in gradients] == [dtype] * 3
        found.append((values, [part.to(torch.bfloat16) for part in gradients]))
    for other in found[1:]:
        assert torch.equal(found[0][0], other[0])
        assert all(torch.equal(*both) for both in zip(found[0][1], other[1], strict=True))


# --- a teacher's answers from a cache --------------------------------------------------------------------------------


def term_and_chunks(case, codec, mask):
    """Sum and gradients, by the term and in chunks, of answers that a codec has kept."""
    student, teacher = layer(0), layer(1)
    told = codec.decode(codec.encode(Outputs(teacher.dense.flatten(0, -2))), CLASSES).logits
    told = told.each(lambda part: part.reshape(*PREDICTIONS, *part.shape[1:]))
    found = []
    for chunk in (None, 4):
        own, parts = leaves(student)
        if chunk is None:
            batch = Batch(torch.arange(PREDICTIONS[0]), {}, mask=mask)
            total = case.term().sum(Outputs(own), Outputs(told), batch)
        else:
            total = chunked(case.loss.function, chunk=chunk)(own, told, mask=mask, **case.parameters).sum()
        found.append((total.detach(), torch.autograd.grad(total, parts)))
    return found


@pytest.mark.parametrize("case", TAKING["topk"], ids=str)
def test_the_largest_logits_and_a_rest(case):
    codec = TopKCodec(k=2, dtype="float32").settled([1.0, 2.0])
    mask = torch.rand(*PREDICTIONS, generator=torch.Generator().manual_seed(3)) > 0.4
    torch.testing.assert_close(*term_and_chunks(case, codec, mask))


@pytest.mark.parametrize("case", TAKING["sampled"], ids=str)
def test_outputs_that_were_drawn(case):
    codec = SampledCodec(draws=6, temperature=case.parameters["temperature"])
    mask = torch.rand(*PREDICTIONS, generator=torch.Generator().manual_seed(3)) > 0.4
    torch.testing.assert_close(*term_and_chunks(case, codec, mask))


def test_each_form_has_losses_that_take_it():
    assert {case.loss.card.name for case in TAKING["topk"]} > {"kd", "reverse_kl", "hard_labels"}
    assert {case.loss.card.name for case in TAKING["sampled"]} == {"kd"}


# --- what is refused -------------------------------------------------------------------------------------------------


@every_batch_case
def test_losses_of_a_batch_are_refused(case):
    with pytest.raises(LimbeckError) as caught:
        chunked(case.loss.function)
    name = case.loss.card.name
    assert str(caught.value) == (
        f"losses: {name} compares the rows of a batch with one another, and a chunk holds some of them; call {name} "
        "with the logits (`student.dense`), or take a loss of predictions, as kd"
    )


@pytest.mark.parametrize("card", OF_ACTIVATIONS, ids=lambda card: card.name)
def test_losses_of_activations_are_refused(card):
    with pytest.raises(LimbeckError, match=f"losses: {card.name} compares activations, which no output matrix makes"):
        chunked(CATALOG[card.name])


def test_every_loss_is_tried_or_refused():
    tried = {case.loss.card.name for case in (*OF_OUTPUTS, *BATCH_CASES)}
    assert tried == set(CATALOG) - {card.name for card in OF_ACTIVATIONS}
