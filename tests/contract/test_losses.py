"""What every loss in the catalogue promises that has one value a prediction; those of a batch: `test_batch_losses.py`.

A new entry and its reference inherit all of it.
"""

import jaxtyping
import numpy as np
import pytest
import torch
from beartype import beartype
from hypothesis import assume, given, settings
from loss_cases import (
    CASES,
    every_case,
    every_loss,
    load_reference,
    logits_and_labels,
    needing_classes,
    needing_several,
    needing_teacher,
    problems,
)

from limbeck.logits import Factored
from limbeck.types import Batch

# --- the numbers ---------------------------------------------------------------------------------------------------


# A few problems in `make test`, many in `make verify`; the same ones each time.
FEW, MANY = (settings(max_examples=count, deadline=None, derandomize=True, database=None) for count in (30, 400))


@every_case
@FEW
@given(problem=problems())
def test_value_equals_reference(case, problem):
    require_value_of_the_reference(case, problem)


@pytest.mark.slow
@every_case
@MANY
@given(problem=problems())
def test_value_equals_reference_of_many_problems(case, problem):
    require_value_of_the_reference(case, problem)


def require_value_of_the_reference(case, problem):
    student, teacher, labels = map(torch.from_numpy, (*case.regular(*problem[:2]), problem[2]))
    given = student, teacher, case.labels(labels, student)
    expected = case.reference(*(each.numpy() for each in given))
    np.testing.assert_allclose(case(*given).numpy(), expected, rtol=1e-9, atol=1e-9)


@every_case
@FEW
@given(problem=problems())
def test_gradient_equals_finite_differences_of_the_reference(case, problem):
    require_slope_of_the_reference(case, problem)


@pytest.mark.slow
@every_case
@MANY
@given(problem=problems())
def test_gradient_equals_finite_differences_of_many_problems(case, problem):
    require_slope_of_the_reference(case, problem)


def require_slope_of_the_reference(case, problem):
    student, teacher, classes = *case.regular(*problem[:2]), problem[2]
    assume(case.smooth(student, teacher))
    labels = case.labels(torch.from_numpy(classes), torch.from_numpy(student)).numpy()
    leaf = torch.tensor(student, requires_grad=True)
    case(leaf, torch.from_numpy(teacher), torch.from_numpy(labels)).sum().backward()
    step, expected = 1e-4, np.zeros_like(student)
    for place in np.ndindex(student.shape):
        expected[place] = case.risen(student, teacher, labels, place, step) / (2 * step)
    np.testing.assert_allclose(leaf.grad.numpy(), expected, rtol=1e-5, atol=1e-6)


@every_loss
def test_fewer_classes_than_it_says_have_no_gradient(loss):
    """A recipe of so few is refused; the card says it."""
    card = loss.card
    assert ("gradient 0 with two classes" in card.beware) == (loss.fewest_classes == 3)
    if "distribution" not in card.fits or "taps" in card.needs:
        return
    for classes in (2, 3):
        student, teacher, labels = logits_and_labels((6,), classes)
        given = {"student": student.requires_grad_(), "teacher": teacher, "labels": labels}
        found = loss.function(*(given[name] for name in card.positional))
        (found[0] if card.scope == "batch" else found.sum()).backward()
        assert (student.grad.abs().max() > 1e-6) == (classes >= loss.fewest_classes), classes


@every_loss
def test_golden_number(loss):
    """Of a loss of a batch it is the sum."""
    golden = load_reference(loss.card.name).GOLDEN
    given = [torch.tensor(golden["student"], dtype=torch.float64)]
    given += [torch.tensor(golden[n], dtype=None if n == "labels" else torch.float64) for n in loss.card.positional[1:]]
    given = [each if each.dtype == torch.int64 else each.double() for each in given]
    found = loss.function(*given, **golden["parameters"])
    value = found[0] if loss.card.scope == "batch" else found
    assert value.item() == pytest.approx(golden["value"], rel=1e-12)


@every_case
def test_minimum(case):
    """At student = teacher, or at the student that the reference names as the best."""
    _, teacher, labels = case.problem((4,), 5)
    student = torch.tensor(case.best_student(teacher.numpy(), labels.numpy()))
    student.requires_grad_()
    value = case(student, teacher, labels)
    value.sum().backward()
    torch.testing.assert_close(value.detach(), torch.full_like(value, case.module.MINIMUM), atol=1e-25, rtol=0)
    torch.testing.assert_close(student.grad, torch.zeros_like(student.grad), atol=1e-14, rtol=0)


@every_loss
def test_only_a_loss_that_is_convex_says_so(loss):
    """Between two outputs the value is at most the mean of both; of one that is not convex it is above somewhere."""
    cases = [case for case in CASES if case.loss is loss and case.compares == "logits"]
    if not cases:
        assert loss.card.scope == "batch" or "taps" in loss.card.needs
        pytest.skip("compares activations, of which a linear student has none, or rows")
    assert all(convex(case) for case in cases) == loss.card.convex


def convex(case):
    first, teacher, labels = case.problem((2000,), 3)
    second = logits_and_labels((2000,), 3, seed=1)[0]
    below, above, middle = (case(one, teacher, labels) for one in (first, second, (first + second) / 2))
    return bool((middle <= (below + above) / 2 + 1e-9).all())


@needing_teacher
def test_no_gradient_reaches_the_teacher(case):
    student, teacher, labels = case.problem((4,), 5)
    student.requires_grad_()
    teacher.requires_grad_()
    case(student, teacher, labels).sum().backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


# --- the extremes --------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("classes", [2, 1000])
@pytest.mark.parametrize("kind", ["all large", "one dominates", "opposed"])
def test_finite_at_extreme_logits(case, classes, kind):
    student, teacher, labels = case.problem((6,), classes, dtype=torch.float32)
    if kind == "all large":
        student, teacher = 1e4 * student.sign(), 1e4 * teacher.sign()
    elif kind == "one dominates":
        student[:, 0], teacher[:, 0] = 1e4, 1e4
    else:
        student[:, 0], teacher[:, 1] = 1e4, 1e4
        student[:, 1], teacher[:, 0] = -1e4, -1e4
    student.requires_grad_()
    value = case(student, teacher, labels)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(student.grad).all()


@every_case
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_in_float32_arithmetic(case, dtype):
    student, teacher, labels = case.problem((4, 3), 7, dtype=dtype)
    value = case(student, teacher, labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, case(student.float(), teacher.float(), labels))
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(value, case(student, teacher, labels))


@every_case
@pytest.mark.parametrize("shape", [(), (4,), (4, 3), (0,), (2, 3, 2)])
def test_one_value_a_prediction_in_the_input_precision(case, shape):
    for dtype in (torch.float32, torch.float64):
        value = case(*case.problem(shape, 5, dtype=dtype))
        assert (value.shape, value.dtype) == (shape, dtype)


# --- what counts ---------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("garbage", [torch.inf, -torch.inf, torch.nan, 1e30])
def test_masked_positions_contribute_nothing(case, garbage):
    student, teacher, labels = case.problem((3, 4), 5)
    mask = torch.tensor([[True, True, False, False], [True, True, True, True], [False, False, False, False]])
    expected = torch.zeros(3, 4, dtype=torch.float64)
    expected[mask] = case(student[mask], teacher[mask], labels[mask])
    student[~mask], teacher[~mask], labels[~mask] = garbage, garbage, -100
    student.requires_grad_()
    value = case(student, teacher, labels, mask)
    value.sum().backward()
    assert torch.equal(value[~mask], torch.zeros(int((~mask).sum()), dtype=torch.float64))
    torch.testing.assert_close(value, expected)
    assert torch.equal(student.grad[~mask], torch.zeros_like(student.grad[~mask]))
    assert torch.isfinite(student.grad).all()
    assert student.grad[mask].abs().sum() > 0


@every_case
def test_batch_order_does_not_matter(case):
    problem = case.problem((7,), 5)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(case(*(x[order] for x in problem)), case(*problem)[order])


@every_case
def test_padding_length_does_not_matter(case):
    student, teacher, labels = case.problem((3, 9), 5)
    mask = torch.arange(9) < torch.tensor([[2], [4], [3]])
    full = case(student, teacher, labels, mask)
    short = case(student[:, :4], teacher[:, :4], labels[:, :4], mask[:, :4])
    torch.testing.assert_close(full[:, :4], short)
    assert torch.equal(full[:, 4:], torch.zeros_like(full[:, 4:]))
    torch.testing.assert_close(full.sum(), short.sum())


def batch_of(labels, labelled, mask, rows=slice(None)):
    """Examples of five real tokens each."""
    inputs = {"attention_mask": torch.ones(len(labels), 5, dtype=torch.int64)[rows]}
    return Batch(torch.arange(len(labels))[rows], inputs, labels[rows], labelled[rows], mask[rows])


@every_case
@pytest.mark.parametrize("tokens", [(), (5,)], ids=["classification", "tokens"])
def test_split_equals_whole(case, tokens):
    """Sums and counts of unequal micro-batches, with unequal labelled shares, add up; so does the gradient."""
    if tokens and case.compares == "features":
        tokens = ()  # one activation an example, or one a token, whatever has a label
    student, teacher, labels = case.problem((8, *tokens), 4)
    if case.compares == "features" and case.loss.card.tap == "tokens":
        student, teacher, _ = case.problem((8, 5), 4)
    student.requires_grad_()
    labelled = torch.tensor([True, True, True, False, False, False, True, False])
    mask = torch.rand(8, *tokens, generator=torch.Generator().manual_seed(2)) > 0.3
    labels[~labelled] = -1  # no label of any task
    term = case.term()

    def gradient(splits):
        batches = [(rows, batch_of(labels, labelled, mask, rows)) for rows in splits]
        count = sum(term.count(batch) for _, batch in batches)
        total = sum(term.sum(*case.outputs(student[r], teacher[r]), batch) for r, batch in batches)
        return count, total.detach(), torch.autograd.grad(total / count, student)[0]

    whole = gradient([slice(0, 8)])
    parts = gradient([slice(0, 1), slice(1, 5), slice(5, 6), slice(6, 8)])
    assert whole[0] == parts[0] > 0
    torch.testing.assert_close(parts[1:], whole[1:])


# --- what is refused -----------------------------------------------------------------------------------------------


@every_case
def test_refuses_wrong_logits(case):
    student, teacher, labels = case.problem((4,), 5)
    with pytest.raises(TypeError, match=rf"student {case.word[0]} must be floating point, not torch.int64"):
        case(student.long(), teacher, labels)
    least = case.word[1]
    with pytest.raises(ValueError, match=rf"\(4, {least - 1}\).*at least {least}"):
        case(student[:, : least - 1], teacher[:, : least - 1], labels)


@every_case
def test_refuses_what_is_no_tensor(case):
    student, teacher, labels = case.problem((4,), 5)
    word = case.word[0]
    with pytest.raises(TypeError, match=rf"^student {word} must be a torch\.Tensor, not ndarray$"):
        case(student.detach().numpy(), teacher, labels)
    layer = Factored(torch.zeros(4, 2), torch.ones(5, 2))
    with pytest.raises(TypeError, match=rf"^student {word} must be .* not Factored; its `dense` is one"):
        case(layer, teacher, labels)
    if "teacher" in case.loss.card.needs:
        with pytest.raises(TypeError, match=rf"^teacher {word} must be a torch\.Tensor, not list$"):
            case(student, teacher.tolist(), labels)
    if "labels" in case.loss.card.needs:
        with pytest.raises(TypeError, match=r"^labels must be a torch\.Tensor, not list$"):
            case(student, teacher, labels.tolist())
    with pytest.raises(TypeError, match=r"^mask must be a torch\.Tensor, not list$"):
        case(student, teacher, labels, [True] * 4)


@needing_teacher
def test_refuses_a_teacher_that_does_not_fit(case):
    student, teacher, labels = case.problem((4,), 5)
    if case.loss.card.widths == "any":
        assert torch.isfinite(case(student, teacher[:, :4], labels)).all()
    else:
        with pytest.raises(ValueError, match=r"student \w+ have shape \(4, 5\) but teacher \w+ have shape \(4, 4\)"):
            case(student, teacher[:, :4], labels)
    with pytest.raises(ValueError, match=r"\(4, 5\) but teacher \w+ have shape \(1, 5\)"):
        case(student, teacher[:1], labels)
    with pytest.raises(TypeError, match=r"teacher \w+ must be floating point"):
        case(student, teacher.long(), labels)


@every_case
def test_refuses_a_mask_that_does_not_fit(case):
    problem = case.problem((4,), 5)
    with pytest.raises(TypeError, match=r"mask must be bool.* not torch.int64"):
        case(*problem, torch.ones(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"mask has shape \(4, 1\), but .* each of \(4,\)"):
        case(*problem, torch.ones(4, 1, dtype=torch.bool))


@needing_classes
def test_refuses_labels_that_do_not_fit(case):
    student, teacher, labels = case.problem((4,), 5)
    with pytest.raises(TypeError, match=r"labels must be integers, not torch.float32"):
        case(student, teacher, labels.float())
    with pytest.raises(TypeError, match=r"labels must be integers, not torch.bool"):
        case(student, teacher, labels > 0)
    with pytest.raises(ValueError, match=r"labels has shape \(3,\), but .* each of \(4,\)"):
        case(student, teacher, labels[:3])
    for wrong in (-1, 5):
        labels[2] = wrong
        with pytest.raises(ValueError, match=rf"labels must be in \[0, 5\), but one is {wrong}"):
            case(student, teacher, labels)


@needing_several
def test_refuses_labels_that_are_not_one_an_output(case):
    student, teacher, labels = case.problem((4,), 5)
    for wrong in (labels[:, :4], labels[:3], labels[:, 0]):
        with pytest.raises(ValueError, match=r"labels has shape .*, but there is one for each of \(4, 5\)"):
            case(student, teacher, wrong)
    odd, words = (2, "must be 0 or 1, but one is 2") if "independent" in case.loss.card.fits else (np.inf, "finite")
    labels[2, 1] = odd
    with pytest.raises(ValueError, match=words):
        case(student, teacher, labels)
    mask = torch.arange(4) != 2
    assert torch.isfinite(case(student, teacher, labels, mask)).all(), "where masked, anything goes"


@every_case
def test_annotated_shapes_hold(case):
    checked = jaxtyping.jaxtyped(typechecker=beartype)(case.loss.function)
    for shape in ((4,), (4, 3)):
        student, teacher, labels = case.problem(shape, 5)
        mask = torch.ones(shape, dtype=torch.bool)
        checked(*case.arguments(student, teacher, labels), mask=mask, **case.parameters)
