"""What every loss promises that compares the rows of a batch: (sum, rows). A new entry inherits all of it."""

import jaxtyping
import numpy as np
import pytest
import torch
from beartype import beartype
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from loss_cases import BATCH_CASES, TAPS, every_batch_case

from limbeck.errors import LimbeckError
from limbeck.types import Batch, Outputs

# Numbers whose squares' squares are numbers too.
VALUES = st.floats(-20, 20, width=32, allow_subnormal=False)


@st.composite
def problems(draw):
    """Rows of a student and of a teacher, of which some may be equal or zero."""
    rows = draw(st.integers(1, 5))
    own, other = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return draw(arrays(np.float64, (rows, own), elements=VALUES)), draw(
        arrays(np.float64, (rows, other), elements=VALUES)
    )


def fitted(case, student, teacher):
    """The same where widths may differ, else both as wide as the student's, and of as many classes as it needs."""
    if case.loss.card.widths == "any":
        return student, teacher
    shape = (*student.shape[:-1], max(student.shape[-1], case.word[1]))
    return case.regular(*(np.resize(each, shape) for each in (student, teacher)))


def rows_for(case, rows, own, other, **how):
    return rows_of(rows, own, other if case.loss.card.widths == "any" else own, **how)


def rows_of(rows, own=4, other=4, *, dtype=torch.float64, seed=0, scale=3.0):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = (scale * torch.randn(*rows, n, dtype=torch.float64, generator=generator) for n in (own, other))
    return student.to(dtype), teacher.to(dtype)


def value(case, student, teacher, mask=None):
    return case.loss.function(student, teacher, mask=mask, **case.parameters)


def gradient(case, student, teacher, mask=None):
    leaf = student.detach().clone().requires_grad_()
    value(case, leaf, teacher, mask)[0].backward()
    return leaf.grad


# --- the numbers ---------------------------------------------------------------------------------------------------


@every_batch_case
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(problem=problems())
def test_value_equals_reference(case, problem):
    problem = tuple(fitted(case, *problem))
    found, rows = value(case, *map(torch.from_numpy, problem))
    assert rows == len(problem[0])
    assert found.item() == pytest.approx(case.reference(*problem), rel=1e-8, abs=1e-8)


@every_batch_case
@pytest.mark.parametrize(("rows", "own", "other"), [(3, 2, 2), (4, 3, 5), (6, 4, 2)])
def test_gradient_equals_finite_differences_of_the_reference(case, rows, own, other):
    smooth = (s for s in range(100) if case.smooth(*(x.numpy() for x in rows_for(case, (rows,), own, other, seed=s))))
    student, teacher = rows_for(case, (rows,), own, other, seed=next(smooth))
    step, expected = 1e-4, np.zeros((rows, own))
    for place in np.ndindex(rows, own):
        up, down = student.numpy().copy(), student.numpy().copy()
        up[place] += step
        down[place] -= step
        expected[place] = (case.reference(up, teacher.numpy()) - case.reference(down, teacher.numpy())) / (2 * step)
    found = gradient(case, student, teacher)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert found.abs().max() > 1e-4


@every_batch_case
def test_minimum(case):
    """At student = teacher, and at the student that the reference names as the best, in a wider space."""
    _, teacher = rows_of((6,), seed=1)
    found, _ = value(case, teacher, teacher)
    assert found.item() == case.module.MINIMUM
    assert gradient(case, teacher, teacher).abs().max() < 1e-13
    best = torch.from_numpy(case.best_student(teacher.numpy()))
    assert value(case, best, teacher)[0].item() == pytest.approx(case.module.MINIMUM, abs=1e-13)
    assert gradient(case, best, teacher).abs().max() < 1e-7


@every_batch_case
def test_no_gradient_reaches_the_teacher(case):
    student, teacher = (each.requires_grad_() for each in rows_of((6,)))
    value(case, student, teacher)[0].backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


# --- where nothing is defined --------------------------------------------------------------------------------------

DEGENERATE = {
    "no row": lambda x: x[:0],
    "one row": lambda x: x[:1],
    "equal rows": lambda x: x[:1].repeat(len(x), 1),
    "all zero": torch.zeros_like,
}


@every_batch_case
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", DEGENERATE)
def test_a_batch_without_relations_is_exactly_zero(case, kind, dtype):
    """One row has no distance, equal rows no unit of distance and no angle, zeros no direction."""
    if case.loss.card.family != "relations":
        pytest.skip("compares the rows' probabilities, which one row has too")
    student, teacher = rows_of((5,), 3, 4, dtype=dtype)
    student, teacher = (DEGENERATE[kind](each) for each in (student, teacher))
    if kind == "equal rows":
        teacher = 2 * student  # alike in every relation, to the last bit
    found, rows = value(case, student, teacher)
    assert (found.item(), rows, found.dtype) == (0.0, len(student), dtype)
    assert torch.equal(gradient(case, student, teacher), torch.zeros_like(student))


@every_batch_case
@pytest.mark.parametrize("side", ["student", "teacher", "both"])
@pytest.mark.parametrize("kind", ["two equal rows", "a row of zeros", "opposite rows", "equal rows", "all zero"])
def test_what_is_not_defined_has_no_nan(case, kind, side):
    """RKD's pdist has the gradient 1/0 at equal rows; the norm of a row of zeros has it too."""
    student, teacher = rows_of((5,), dtype=torch.float32)
    for each in {"student": [student], "teacher": [teacher], "both": [student, teacher]}[side]:
        if kind in DEGENERATE:
            each.copy_(DEGENERATE[kind](each))
        else:
            each[1] = {"two equal rows": 1, "a row of zeros": 0, "opposite rows": -1}[kind] * each[0]
    found, _ = value(case, student, teacher)
    assert torch.isfinite(found)
    assert found >= 0
    assert found.item() == pytest.approx(case.reference(student.double().numpy(), teacher.double().numpy()), rel=2e-4)
    assert torch.isfinite(gradient(case, student, teacher)).all()


@every_batch_case
@pytest.mark.parametrize("width", [2, 1000])
@pytest.mark.parametrize("kind", ["all large", "one dominates", "opposed"])
def test_finite_at_extreme_values(case, width, kind):
    student, teacher = rows_of((6,), width, width, dtype=torch.float32)
    if kind == "all large":
        student, teacher = 1e4 * student.sign(), 1e4 * teacher.sign()
    elif kind == "one dominates":
        student[:, 0], teacher[:, 0] = 1e4, 1e4
    else:
        student[:, 0], teacher[:, 1] = 1e4, 1e4
        student[:, 1], teacher[:, 0] = -1e4, -1e4
    assert torch.isfinite(value(case, student, teacher)[0])
    assert torch.isfinite(gradient(case, student, teacher)).all()


@every_batch_case
def test_a_teacher_of_another_precision_is_taken_in_the_students(case):
    """A module's and a cache's answers are float32; a student in float64 multiplied them by its own, and failed."""
    student, teacher = rows_for(case, (6,), 7, 9)
    found, _ = value(case, student, teacher.float())
    assert found.dtype == torch.float64
    assert torch.equal(found, value(case, student, teacher.float().double())[0])


@every_batch_case
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_in_float32_arithmetic(case, dtype):
    student, teacher = rows_for(case, (6,), 7, 9, dtype=dtype)
    found, _ = value(case, student, teacher)
    assert found.dtype == torch.float32
    assert torch.equal(found, value(case, student.float(), teacher.float())[0])
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(found, value(case, student, teacher)[0])


# --- what counts ---------------------------------------------------------------------------------------------------


@every_batch_case
@pytest.mark.parametrize("shape", [(), (4,), (4, 3), (0,), (2, 3, 2)])
def test_a_sum_and_the_rows_that_count(case, shape):
    for dtype in (torch.float32, torch.float64):
        found, rows = value(case, *rows_of(shape, dtype=dtype))
        assert (found.shape, found.dtype, type(rows), rows) == ((), dtype, int, int(np.prod(shape)))


@every_batch_case
@pytest.mark.parametrize("garbage", [torch.inf, -torch.inf, torch.nan, 1e30])
def test_masked_rows_contribute_nothing(case, garbage):
    student, teacher = rows_of((3, 4))
    mask = torch.tensor([[True, True, False, False], [True, True, True, True], [False, False, False, False]])
    expected = value(case, student[mask], teacher[mask])
    slope = gradient(case, student[mask], teacher[mask])
    student[~mask], teacher[~mask] = garbage, garbage
    found, rows = value(case, student, teacher, mask)
    assert rows == expected[1] == 6
    torch.testing.assert_close(found, expected[0])
    got = gradient(case, student, teacher, mask)
    assert torch.equal(got[~mask], torch.zeros_like(got[~mask]))
    torch.testing.assert_close(got[mask], slope)
    nothing = torch.zeros_like(mask)
    found, rows = value(case, student, teacher, nothing)
    assert (found.item(), rows) == (0.0, 0)
    assert not gradient(case, student, teacher, nothing).any()


@every_batch_case
def test_batch_order_does_not_matter(case):
    """RepDistiller's CC multiplies the differences of neighbours in the batch: another order, another loss."""
    student, teacher = rows_for(case, (7,), 3, 5)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(value(case, student[order], teacher[order])[0], value(case, student, teacher)[0])
    found = gradient(case, student[order], teacher[order])
    torch.testing.assert_close(found, gradient(case, student, teacher)[order])


@every_batch_case
def test_padding_does_not_matter(case):
    student, teacher = rows_of((3, 9))
    mask = torch.arange(9) < torch.tensor([[2], [4], [3]])
    full, short = value(case, student, teacher, mask), value(case, student[:, :4], teacher[:, :4], mask[:, :4])
    torch.testing.assert_close(full, short)


# --- in a term -----------------------------------------------------------------------------------------------------


@every_batch_case
def test_a_term_sees_its_micro_batch_and_no_more(case):
    """Of unequal micro-batches each counts by its rows: the mean over all rows of its batch's own value."""
    student, teacher = rows_of((8,))
    mask = torch.tensor([True, True, True, False, True, True, True, True])
    term, total, count = case.term(), 0.0, 0
    for part in (slice(0, 5), slice(5, 8)):
        batch = Batch(torch.arange(8)[part], {}, mask=mask[part])
        own, rows = value(case, student[part][mask[part]], teacher[part][mask[part]])
        found = term.sum(Outputs(student[part]), Outputs(teacher[part]), batch)
        torch.testing.assert_close(found, own)
        assert term.count(batch) == rows
        total, count = total + found, count + rows
    assert count == 7
    whole = term.sum(Outputs(student), Outputs(teacher), Batch(torch.arange(8), {}, mask=mask))
    assert not torch.isclose(total, whole, rtol=1e-3), "it has no relations between the parts"


@every_batch_case
def test_two_modules_are_compared_in_place_of_the_outputs(case):
    """Of other widths, as they are; whatever the outputs say, also several an example."""
    if case.loss.card.tap is None:
        pytest.skip("compares logits alone")
    student, teacher = rows_of((6,), 3, 5)
    term = case.loss(**TAPS, **case.parameters)
    outputs = (
        Outputs(torch.randn(6, 2, 7), {term.taps.name: student}),
        Outputs(torch.randn(6, 2, 7), {term.taps.taps[1].name: teacher}),
    )
    mask = torch.ones(6, 2, dtype=torch.bool)
    mask[4] = False
    batch = Batch(torch.arange(6), {}, mask=mask)
    expected, rows = value(case, student[mask.any(1)], teacher[mask.any(1)])
    torch.testing.assert_close(term.sum(*outputs, batch), expected)
    assert term.count(batch) == rows == 5


@every_batch_case
def test_several_predictions_an_example_are_refused(case):
    student, teacher = rows_of((6, 2))
    batch = Batch(torch.arange(6), {}, mask=torch.ones(6, 2, dtype=torch.bool))
    with pytest.raises(LimbeckError) as caught:
        case.term().sum(Outputs(student), Outputs(teacher), batch)
    modules = "name with `student` and `teacher` a module of each whose activations it compares, or "
    assert str(caught.value) == (
        f"losses: {case.loss.card.name} compares examples with one another, and an example has several predictions; "
        f"{'' if case.loss.card.tap is None else modules}take kd"
    )


# --- what is refused -----------------------------------------------------------------------------------------------


@every_batch_case
def test_refuses_what_does_not_fit(case):
    student, teacher = rows_for(case, (4,), 3, 5)
    what, least = case.word
    with pytest.raises(TypeError, match=rf"student {what} must be a torch\.Tensor, not ndarray"):
        value(case, student.detach().numpy(), teacher)
    with pytest.raises(TypeError, match=rf"teacher {what} must be a torch\.Tensor, not list"):
        value(case, student, teacher.tolist())
    with pytest.raises(TypeError, match=rf"student {what} must be floating point, not torch.int64"):
        value(case, student.long(), teacher)
    with pytest.raises(TypeError, match=rf"teacher {what} must be floating point"):
        value(case, student, teacher.long())
    with pytest.raises(ValueError, match=rf"\(4, {least - 1}\).*at least {least}"):
        value(case, student[:, : least - 1], teacher)
    with pytest.raises(ValueError, match=rf"\(4, 3\) but teacher {what} have shape \(1, \d\);"):
        value(case, student, teacher[:1])
    with pytest.raises(TypeError, match=r"mask must be bool.* not torch.int64"):
        value(case, student, teacher, torch.ones(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"mask has shape \(4, 1\), but .* each of \(4,\)"):
        value(case, student, teacher, torch.ones(4, 1, dtype=torch.bool))


@every_batch_case
def test_annotated_shapes_hold(case):
    checked = jaxtyping.jaxtyped(typechecker=beartype)(case.loss.function)
    for shape in ((4,), (4, 3)):
        checked(*rows_for(case, shape, 3, 5), mask=torch.ones(shape, dtype=torch.bool), **case.parameters)


def test_there_are_such_losses():
    assert {case.loss.card.name for case in BATCH_CASES} >= {"rkd_distance", "rkd_angle", "sp", "cc", "pkt"}
