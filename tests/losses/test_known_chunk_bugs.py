"""Chunks of a large vocabulary: bugs that other toolkits shipped, by name, and what the guide promises."""

import doctest
import sys
import weakref
from dataclasses import replace

import pytest
import torch

from largest import Largest
from limbeck.errors import LimbeckError
from limbeck.logits import Factored, TopK
from limbeck.losses import KD, chunked, cross_entropy, dkd, jsd, kd, term

WIDTH, CLASSES = 4, 11


def layer(predictions, seed=0, *, width=WIDTH, classes=CLASSES, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((*predictions, width), (classes, width), (classes,))
    return Factored(*(torch.randn(*shape, generator=generator, dtype=dtype) for shape in shapes))


def leaves(student):
    parts = [part.detach().clone().requires_grad_() for part in (student.hidden, student.matrix, student.bias)]
    return Factored(*parts), parts


def gradients(value_of, student):
    """The gradients of a scalar that is made of the student."""
    own, parts = leaves(student)
    return torch.autograd.grad(value_of(own), parts)


class Spy:
    """`kd`, as a loss of one's own that counts how often it is called and keeps hold of no logits."""

    def __init__(self):
        self.seen, self.grad_was_on = [], []

        def spied(student, teacher, *, mask=None):
            assert not any(each() is not None for each in self.seen), "the logits of another chunk are in memory"
            self.seen.append(weakref.ref(student))
            self.grad_was_on.append(student.requires_grad)
            return kd(student, teacher, mask=mask)

        self.loss = term(spied, card=replace(KD.card, name="spied", forms=("dense", "factored")))


# --- bugs of other toolkits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 2, 7, 8, 64])
def test_any_number_of_tokens_in_chunks_of_any_size(chunk):
    """torchtune's ReverseKLWithChunkedOutputLoss crashes for 1,530 of the 2,041 lengths from 8 to 2,048."""
    every, teacher = layer((20,)), layer((20,), 1)
    for length in range(1, 21):
        own, other = (one.each(lambda hidden: hidden[:length]) for one in (every, teacher))  # noqa: B023
        torch.testing.assert_close(chunked(kd, chunk=chunk)(own, other), kd(own.dense, other.dense))


@pytest.mark.parametrize("loss", [kd, jsd])
def test_softmax_is_not_taken_in_half_precision(loss):
    """Liger's chunked JSD, TRL's GKD: bfloat16 logits have no digits for differences below 1/256."""
    width, classes = 16, 1000
    teacher = layer((64,), width=width, classes=classes).each(lambda hidden: hidden.bfloat16())
    matrix, bias = teacher.matrix.bfloat16(), teacher.bias.bfloat16()
    near = teacher.hidden + 0.02 * torch.randn(64, width, generator=torch.Generator().manual_seed(1))
    told, own = Factored(teacher.hidden, matrix, bias), Factored(near.bfloat16(), matrix, bias)
    exact = loss(*(Factored(one.hidden.double(), matrix.double(), bias.double()).dense for one in (own, told)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = chunked(loss, chunk=7)(own, told)
    torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-7)
    rounded = loss(own.dense, told.dense).double()
    assert (rounded - exact).abs().max() > 1e-2 * exact.max(), "half precision would be noticed"


@pytest.mark.parametrize("sentinel", [-torch.inf, torch.inf, torch.nan])
def test_masked_sentinel_has_no_gradient_instead_of_nan(sentinel):
    """TRL #5594: the value is masked and its gradient is 0 * inf = nan; the matrix sums it over all tokens."""
    student, teacher = layer((2, 5)), layer((2, 5), 1)
    mask = torch.tensor([[True, True, True, False, False], [False, True, True, True, True]])
    told = teacher.dense
    seen = student.each(lambda hidden: hidden[mask])
    expected = gradients(lambda own: kd(own.dense, told[mask]).sum(), seen)
    student.hidden[~mask], told[~mask] = sentinel, sentinel
    found = gradients(lambda own: chunked(kd, chunk=3)(own, told, mask=mask).sum(), student)
    torch.testing.assert_close(found[1:], expected[1:])
    torch.testing.assert_close(found[0][mask], expected[0])
    assert not found[0][~mask].any()


def test_a_class_that_both_rule_out_counts_nothing():
    """0 * (-inf + inf) = nan where a vocabulary entry is forbidden by a bias of -inf on both sides."""
    student, teacher = layer((6,)), layer((6,), 1)
    fewer = [Factored(one.hidden, one.matrix[:-1], one.bias[:-1]) for one in (student, teacher)]
    student.bias[-1], teacher.bias[-1] = -torch.inf, -torch.inf
    expected = gradients(lambda own: kd(own.dense, fewer[1].dense).sum(), fewer[0])
    found = gradients(lambda own: chunked(kd, chunk=4)(own, teacher).sum(), student)
    torch.testing.assert_close(found[0], expected[0])
    torch.testing.assert_close([part[:-1] for part in found[1:]], list(expected[1:]))
    assert not any(part[-1].any() for part in found[1:])


def test_average_of_averages():
    """transformers #34191: chunks with unequal numbers of tokens that count, each averaged, then averaged again."""
    student, teacher = layer((9,)), layer((9,), 1)
    mask = torch.tensor([True, True, True, True, True, False, False, False, True])
    values = chunked(kd, chunk=4)(student, teacher, mask=mask)
    whole = kd(student.dense, teacher.dense)[mask].mean()
    torch.testing.assert_close(values.sum() / mask.sum(), whole)
    parts = [values[rows].sum() / mask[rows].sum() for rows in (slice(0, 4), slice(4, 8), slice(8, 9))]
    assert not torch.isclose(sum(parts) / 3, whole, rtol=1e-2)


def test_no_gradient_reaches_a_teacher_of_the_same_matrix():
    """sentence-transformers #3880: the teacher moves towards the student; here both end in one layer."""
    student, parts = leaves(layer((6,)))
    states = layer((6,), 1).hidden.requires_grad_()
    chunked(kd, chunk=4)(student, Factored(states, student.matrix, student.bias)).sum().backward()
    assert states.grad is None
    frozen = Factored(states.detach(), student.matrix.detach(), student.bias.detach())
    expected = torch.autograd.grad(kd(student.dense, frozen.dense).sum(), parts)
    torch.testing.assert_close([part.grad for part in parts], list(expected))


@pytest.mark.parametrize("upstream", [1.0, torch.arange(6)], ids=["one pass", "two passes"])
def test_a_teacher_that_answers_in_inference_mode(upstream):
    """Autograd refuses to keep such a tensor, as with `head` shared or answers that a loss saves."""
    student, told = layer((6,)), layer((6,), 1)
    with torch.inference_mode():
        answers = layer((6,), 1)
        labels = torch.arange(6)
    for teacher in (answers, answers.dense):
        found = gradients(
            lambda own: (chunked(dkd, chunk=4)(own, teacher, labels) * upstream).sum(),  # noqa: B023
            student,
        )
        expected = gradients(lambda own: (dkd(own.dense, told.dense, torch.arange(6)) * upstream).sum(), student)
        torch.testing.assert_close(found, expected)


# --- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upstream", ["one number", "many"])
@pytest.mark.parametrize("form", ["factored", "shifted", "topk"])
def test_no_tensor_is_larger_than_a_chunk(form, upstream):
    """Liger's FusedLinearJSD allocates tokens x vocabulary; a teacher of `logits[:, :-1]` is not copied either."""
    tokens, chunk = (4, 16), 4
    student, teacher = layer(tokens), layer((4, 17), 1)
    if form == "factored":
        told = teacher.each(lambda hidden: hidden[:, :-1])
    else:
        told = teacher.dense[:, :-1]
        if form == "topk":
            values, indices = told.topk(2)
            rest = told.scatter(-1, indices, -torch.inf).div(2).logsumexp(-1)
            told = TopK(values, indices, {2.0: rest}, CLASSES)
    own, parts = leaves(student)
    factors = torch.ones(tokens, dtype=torch.float64) if upstream == "one number" else torch.rand(tokens).double()
    saved = []
    with (
        Largest() as largest,
        torch.autograd.graph.saved_tensors_hooks(lambda part: saved.append(part.numel()) or part, lambda part: part),
    ):
        values = chunked(kd, chunk=chunk)(own, told)
        torch.autograd.grad((values * factors).sum(), parts)
    assert largest.numbers <= max(2 * chunk * CLASSES, 64 * WIDTH)
    assert largest.numbers >= chunk * CLASSES
    assert max(saved) <= 64 * WIDTH
    assert 64 * WIDTH < 64 * CLASSES


def test_the_logits_of_a_chunk_end_with_it():
    spy, teacher = Spy(), layer((9,), 1)
    own, parts = leaves(layer((9,)))
    values = chunked(spy.loss, chunk=2)(own, teacher)
    assert len(spy.seen) == 5
    assert not any(each() is not None for each in spy.seen)
    torch.autograd.grad((values * torch.arange(9)).sum(), parts)
    assert len(spy.seen) == 10
    assert not any(each() is not None for each in spy.seen)


# --- what is computed when -------------------------------------------------------------------------------------------


def test_values_that_count_alike_are_computed_once():
    for scalar, times in ((lambda v: v.sum(), 1), (lambda v: 0.9 * v.sum() / 7, 1), (lambda v: (v * v).sum(), 2)):
        spy = Spy()
        own, parts = leaves(layer((9,)))
        torch.autograd.grad(scalar(chunked(spy.loss, chunk=4)(own, layer((9,), 1))), parts)
        assert len(spy.seen) == times * 3


def test_what_is_masked_is_not_computed():
    spy, mask = Spy(), torch.arange(9) < 5
    own, parts = leaves(layer((9,)))
    values = chunked(spy.loss, chunk=4)(own, layer((9,), 1), mask=mask)
    # What stands beside a masked value does not make the others count unequally.
    torch.autograd.grad((values * torch.where(mask, 3.0, torch.arange(9))).sum(), parts)
    assert len(spy.seen) == 2


def test_weights_are_factors_of_the_values_that_cost_no_second_pass():
    student, teacher = layer((3, 3)), layer((3, 3), 1)
    factors = torch.rand(3, 3, generator=torch.Generator().manual_seed(2)).double()
    mask = torch.arange(9).reshape(3, 3) != 4
    factors[1, 1] = torch.nan
    spy, found = Spy(), []
    for way in (
        lambda own: chunked(spy.loss, chunk=4)(own, teacher, mask=mask, weights=factors),
        lambda own: kd(own.dense, teacher.dense, mask=mask) * factors.nan_to_num(),
    ):
        own, parts = leaves(student)
        values = way(own)
        found.append((values.detach(), torch.autograd.grad(values.sum() / 7, parts)))
    torch.testing.assert_close(*found)
    assert len(spy.seen) == 2


def test_weights_and_an_upstream_gradient_of_one_s_own():
    student, teacher = layer((9,)), layer((9,), 1)
    factors, upstream = torch.arange(9).double(), torch.linspace(-1, 2, 9).double()
    found = gradients(lambda own: (chunked(kd, chunk=4)(own, teacher, weights=factors) * upstream).sum(), student)
    expected = gradients(lambda own: (kd(own.dense, teacher.dense) * factors * upstream).sum(), student)
    torch.testing.assert_close(found, expected)


def test_without_gradients_there_are_values_alone():
    spy = Spy()
    own, _ = leaves(layer((9,)))
    with torch.no_grad():
        values = chunked(spy.loss, chunk=4)(own, layer((9,), 1))
    assert not values.requires_grad
    assert spy.grad_was_on == [False] * 3
    torch.testing.assert_close(values, kd(own.dense, layer((9,), 1).dense).detach())


@pytest.mark.parametrize("learning", [(0,), (1,), (2,), (0, 2), (1, 2)], ids=str)
def test_a_part_of_the_student_that_is_frozen_has_no_gradient(learning):
    student, teacher = layer((9,)), layer((9,), 1)
    parts = [student.hidden, student.matrix, student.bias]
    for number in learning:
        parts[number].requires_grad_()
    for factors in (torch.ones(9), torch.arange(9)):
        (chunked(kd, chunk=4)(student, teacher) * factors).sum().backward()
    assert [part.grad is not None for part in parts] == [number in learning for number in range(3)]
    learned = [parts[number] for number in learning]
    expected = torch.autograd.grad((kd(student.dense, teacher.dense) * torch.arange(1, 10)).sum(), learned)
    torch.testing.assert_close([part.grad for part in learned], list(expected))


def test_it_can_be_differentiated_twice_over_the_same_values_and_no_further():
    own, parts = leaves(layer((9,)))
    values = chunked(kd, chunk=4)(own, layer((9,), 1))
    first, second = (torch.autograd.grad(values.sum(), parts, retain_graph=True) for _ in range(2))
    assert all(torch.equal(*both) for both in zip(first, second, strict=True))
    (slope, *_) = torch.autograd.grad((values * torch.arange(9)).sum(), parts, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiated once"):
        slope.sum().backward()


def test_a_gradient_that_is_no_number_reaches_all():
    found = gradients(lambda own: (chunked(kd, chunk=4)(own, layer((9,), 1)) * torch.nan).sum(), layer((9,)))
    assert all(part.isnan().all() for part in found)


def test_micro_batches_add_up_to_the_whole():
    student, teacher = layer((9,)), layer((9,), 1)
    whole = gradients(lambda own: chunked(kd, chunk=4)(own, teacher).sum() / 9, student)

    def part(own, rows):
        return chunked(kd, chunk=4)(*(each.each(lambda hidden: hidden[rows]) for each in (own, teacher))).sum() / 9

    def parts(own):
        return part(own, slice(0, 2)) + part(own, slice(2, 9))

    torch.testing.assert_close(gradients(parts, student), whole)


def test_arguments_by_name_as_the_loss_takes_them():
    student, teacher, labels = layer((9,)), layer((9,), 1), torch.arange(9)
    expected = dkd(student.dense, teacher.dense, labels, beta=2.0)
    found = chunked(dkd, chunk=4)(student, labels=labels, teacher=teacher, beta=2.0)
    torch.testing.assert_close(found, expected)


# --- what is refused -------------------------------------------------------------------------------------------------


def one(**changes):
    return replace(layer((9,)), **changes)


REFUSED = {
    "the student's logits": (TypeError, "student must be limbeck.logits.Factored, .* not Tensor", one().dense, one()),
    "integers": (TypeError, "student hidden must be floating", one(hidden=torch.ones(9, 4, dtype=torch.int64)), one()),
    "an integer matrix": (TypeError, "teacher matrix must be fl", one(), one(matrix=torch.ones(11, 4).long())),
    "another width": (
        ValueError,
        r"student has hidden \(9, 3\), matrix \(11, 4\)",
        one(hidden=torch.ones(9, 3)),
        one(),
    ),
    "another bias": (ValueError, r"teacher has .* bias \(10,\); .* make logits", one(), one(bias=torch.ones(10))),
    "other rows": (ValueError, r"teacher has shape \(3, 11\), but .* each of \(9,\)", one(), layer((3,))),
    "one row for all": (ValueError, r"teacher has shape \(1, 11\), but .* each of \(9,\)", one(), layer((1,))),
    "other classes": (ValueError, r"student logits .* 11\) but teacher logits .* 10\)", one(), layer((9,), classes=10)),
    "no class": (ValueError, "at least 2 classes", layer((9,), classes=1), layer((9,), classes=1)),
}


@pytest.mark.parametrize("chunk", [0, -1, 2.5, True, "4"])
def test_a_chunk_is_a_whole_number_of_predictions(chunk):
    with pytest.raises(ValueError, match=f"^chunk must be a whole number of at least 1, not {chunk!r}$"):
        chunked(kd, chunk=chunk)


def test_the_loss_whose_argument_is_wrong_is_named():
    with pytest.raises(TypeError, match=r"^chunked\(kd\) got an unexpected keyword argument 'temprature'$"):
        chunked(kd)(one(), one(), temprature=2.0)
    with pytest.raises(TypeError, match=r"^chunked\(kd\) missing a required argument: 'teacher'$"):
        chunked(kd)(one())


@pytest.mark.parametrize("name", ["teacher", "mask", "weights"])
def test_what_is_no_tensor_is_refused(name):
    given = {"teacher": one(), name: [1.0] * 9}
    with pytest.raises(TypeError, match=rf"^{name} must be a torch\.Tensor, not list$"):
        chunked(kd)(one(), **given)


@pytest.mark.parametrize(("error", "words", "student", "teacher"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(error, words, student, teacher):
    with pytest.raises(error, match=words):
        chunked(kd, chunk=4)(student, teacher)


def test_what_stands_beside_the_logits_is_refused_as_the_loss_refuses_it():
    student, labels = layer((9,)), torch.arange(9)
    function = chunked(cross_entropy, chunk=4)
    with pytest.raises(ValueError, match=r"labels has shape \(10,\), but there is one prediction for each of \(9,\)"):
        function(student, torch.arange(10))
    with pytest.raises(ValueError, match=r"labels has shape \(8,\), but there is one prediction for each of \(9,\)"):
        function(student, labels[:8])
    with pytest.raises(TypeError, match=r"labels must be integers, not torch\.float32"):
        function(student, labels.float())
    with pytest.raises(ValueError, match=r"labels must be in \[0, 11\), but one is 11"):
        function(student, labels + 3)
    with pytest.raises(TypeError, match="mask must be bool"):
        function(student, labels, mask=labels)
    with pytest.raises(ValueError, match=r"mask has shape \(8,\), but there is one prediction"):
        function(student, labels, mask=labels[:8] > 0)
    with pytest.raises(ValueError, match=r"weights has shape \(9, 1\), but there is one prediction for each of \(9,\)"):
        function(student, labels, weights=torch.ones(9, 1))
    with pytest.raises(ValueError, match="no gradient reaches the weights, and these need one: multiply the values"):
        function(student, labels, weights=torch.ones(9, requires_grad=True))
    with pytest.raises(TypeError, match="missing a required argument: 'labels'"):
        function(student)
    with pytest.raises(TypeError, match="temperature"):
        function(student, labels, temperature=2.0)
    with pytest.raises(ValueError, match="temperature"):
        chunked(kd)(student, student, temperature=0.0)
    with pytest.raises(ValueError, match=r"labels must be in \[0, 11\)"):
        function(layer(()), torch.tensor(11))


def test_a_loss_without_any_prediction_refuses_what_it_always_refuses():
    nothing = torch.zeros(9, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"student logits .* 11\) but teacher logits .* 10\)"):
        chunked(kd)(layer((9,)), layer((9,), classes=10), mask=nothing)
    found = gradients(lambda own: chunked(kd)(own, layer((9,), 1), mask=nothing).sum(), layer((9,)))
    assert not any(part.any() for part in found)


def test_a_teachers_form_that_the_loss_does_not_take_is_refused():
    told = TopK(torch.zeros(9, 2), torch.zeros(9, 2, dtype=torch.int64), {1.0: torch.zeros(9)}, CLASSES)
    with pytest.raises(
        LimbeckError, match="losses: dkd takes dense or factored logits, and the teacher's answers are to"
    ):
        chunked(dkd)(layer((9,)), told, torch.arange(9))


def test_what_is_no_loss_of_predictions_is_refused():
    said = "chunked takes a function of the catalogue, as kd, or what `term` has made, not"
    for other in (torch.nn.functional.cross_entropy, "kd"):
        with pytest.raises(TypeError, match=f"^{said} [^;]+$"):
            chunked(other)
    for other in (KD(temperature=2.0), 0.5 * KD(temperature=2.0)):
        with pytest.raises(TypeError, match=rf"^{said} .*kd\(.*; parameters go into its call: chunked\(kd\)\(student"):
            chunked(other)


def test_the_example_in_the_docstring():
    result = doctest.testmod(sys.modules["limbeck.losses.chunked"])
    assert (result.attempted > 0, result.failed) == (True, 0)
