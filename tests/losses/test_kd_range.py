"""kd over its whole range of temperatures and logits, against the formula with 60 digits."""

from decimal import Decimal, localcontext

import pytest
import torch

from limbeck.losses import kd


def exact(student, teacher, temperature):
    """T^2 * sum p_T * log(p_T / p_S) and its gradient T * (p_S - p_T) for one row, as the paper writes them."""
    with localcontext(prec=60):
        T = Decimal(temperature)
        p_S, p_T = ([(Decimal(z) / T).exp() for z in row] for row in (student, teacher))
        p_S, p_T = ([p / sum(row) for p in row] for row in (p_S, p_T))
        value = T * T * sum(t * (t / s).ln() for s, t in zip(p_S, p_T, strict=True))
        return float(value), [float(T * (s - t)) for s, t in zip(p_S, p_T, strict=True)]


def rows(classes, scale, difference, shift):
    generator = torch.Generator().manual_seed(classes)
    teacher, noise = (torch.randn(classes, dtype=torch.float64, generator=generator) for _ in range(2))
    teacher = (scale * teacher).float()
    return (teacher.double() + difference * noise + shift).float(), teacher


@pytest.mark.parametrize("temperature", [0.1, 1.0, 20.0, 10_000.0])
@pytest.mark.parametrize("shift", [0.0, 37.3])
@pytest.mark.parametrize("difference", [1e-6, 1e-3, 0.1, 3.0, 2e4])
def test_values_and_gradients_have_their_digits(temperature, difference, shift):
    """The plain sum in float32: -1.4e-4 at T = 20, and 7.24 in the place of 0.415 at T = 10,000."""
    for classes, scale in ((2, 1.0), (7, 5.0), (3, 100.0), (7, 1e4), (300, 1.0)):
        student, teacher = rows(classes, scale, difference, shift)
        value, slope = exact(student.tolist(), teacher.tolist(), temperature)
        student.requires_grad_()
        found = kd(student, teacher, temperature=temperature)
        found.backward()
        assert found.item() >= 0
        assert found.item() == pytest.approx(value, rel=1e-4, abs=1e-20)
        rounding = 2**-24 * value / temperature  # of the divergence, which is value / T^2, in the gradient's T * p
        largest = max(map(abs, slope))
        torch.testing.assert_close(
            student.grad, torch.tensor(slope).float(), rtol=0, atol=1e-4 * largest + rounding + 1e-20
        )


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_a_large_temperature_is_half_the_mean_square_of_centred_logits(classes):
    """Hinton et al. 2015, equation 4, in float32: the value 1/(2N) * sum (v - z)^2 and its gradient (z - v) / N."""
    student, teacher = rows(classes, 1.0, 0.3, 5.0)
    centred = [z.double() - z.double().mean() for z in (student, teacher)]
    student.requires_grad_()
    value = kd(student, teacher, temperature=1e4)
    value.backward()
    assert value.item() == pytest.approx(((centred[0] - centred[1]) ** 2).sum().item() / (2 * classes), rel=1e-3)
    torch.testing.assert_close(
        student.grad.double(), (centred[0] - centred[1]) / classes, rtol=1e-3, atol=1e-3 / classes
    )


def test_a_sum_that_no_class_dominates_is_never_negative():
    """64 rows of 1,000 classes a rounding apart, at which the plain sum is negative for half the rows."""
    teacher = torch.randn(64, 1000, generator=torch.Generator().manual_seed(0))
    for step in (0.0, 1e-7, 1e-5, 1e-3):
        for temperature in (0.5, 4.0, 20.0, 1e4):
            assert (kd(teacher * (1 + step), teacher, temperature=temperature) >= 0).all()


@pytest.mark.parametrize("temperature", [0.1, 1.0, 20.0])
def test_a_class_that_only_the_teacher_rules_out(temperature):
    """By -inf, and by a logit so low that float32 has no probability for it: the student's share costs the same."""
    student, teacher = rows(5, 1.0, 0.01, 0.0)
    low = teacher.clone()
    low[3] -= 300 * temperature
    teacher[3] = -torch.inf
    expected = exact(student.tolist(), low.tolist(), temperature)
    student.requires_grad_()
    for ruled_out in (teacher, low):
        value = kd(student, ruled_out, temperature=temperature)
        (slope,) = torch.autograd.grad(value, student)
        assert value.item() == pytest.approx(expected[0], rel=1e-4)
        torch.testing.assert_close(slope, torch.tensor(expected[1]).float(), rtol=1e-4, atol=1e-6)


def test_infinite_and_undefined_logits_are_not_hidden():
    teacher = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    student = teacher.clone()
    student[0, teacher[0].argmax()] = -torch.inf
    student[1, teacher[1].argmin()] = -torch.inf
    student[2, 0] = torch.nan
    value = kd(student, teacher)
    assert value.tolist()[:2] == [torch.inf, torch.inf]
    assert value[2].isnan()
    assert value[3] == 0
    assert kd(teacher, student)[2].isnan()


def test_a_gradient_of_the_gradient_is_refused():
    student = torch.randn(5, requires_grad=True)
    (slope,) = torch.autograd.grad(kd(student, torch.zeros(5)), student, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiated once"):
        slope.sum().backward()


@pytest.mark.filterwarnings("ignore:There is a performance drop", "ignore:.*should not be instantiated")
def test_transforms_of_torch_func_and_a_compiler_see_the_same():
    """As users' own loops do: gradients by `torch.func`, of each row by itself, and in one compiled graph."""
    draw = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 4, 5, generator=draw)
    values = kd(student, teacher, temperature=3.0)
    gradient = torch.func.grad(lambda logits: kd(logits, teacher, temperature=3.0).sum())
    expected = student.clone().requires_grad_()
    kd(expected, teacher, temperature=3.0).sum().backward()
    by_row = torch.func.vmap(torch.func.grad(lambda one, other: kd(one, other, temperature=3.0)))
    assert torch.equal(torch.func.vmap(lambda one, other: kd(one, other, temperature=3.0))(student, teacher), values)
    for found in (gradient(student), by_row(student, teacher)):
        torch.testing.assert_close(found, expected.grad, rtol=1e-6, atol=1e-7)
    compiled = torch.compile(lambda one, other: kd(one, other, temperature=3.0), backend="aot_eager", fullgraph=True)
    again = student.clone().requires_grad_()
    compiled(again, teacher).sum().backward()
    torch.testing.assert_close(again.grad, expected.grad, rtol=1e-6, atol=1e-7)
