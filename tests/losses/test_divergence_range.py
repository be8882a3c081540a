"""Divergences that are sums over the classes, over their whole range, against their formulas with 60 digits."""

import math
from decimal import Decimal, localcontext

import pytest
import torch

from limbeck.losses import jsd, reverse_kl, skew_kl, total_variation
from limbeck.losses._ratio import divergence, reverse_summands


def kl(p, q):
    return sum(a * (a / b).ln() for a, b in zip(p, q, strict=True))


def mixed(p, q, share):
    return [Decimal(share) * a + (1 - Decimal(share)) * b for a, b in zip(p, q, strict=True)]


def halves(p, q, beta):
    m = mixed(p, q, beta)
    return Decimal(beta) * kl(p, m) + (1 - Decimal(beta)) * kl(q, m)


# p_T and p_S to the value.
EXACT = {
    "reverse": (reverse_kl, {"temperature": 1.0}, lambda p, q: kl(q, p)),
    "reverse at 20": (reverse_kl, {"temperature": 20.0}, lambda p, q: kl(q, p)),
    "skew": (skew_kl, {"alpha": 0.1}, lambda p, q: kl(p, mixed(p, q, 0.1))),
    "skew reverse": (skew_kl, {"alpha": 0.75, "reverse": True}, lambda p, q: kl(q, mixed(q, p, 0.75))),
    "jsd": (jsd, {"beta": 0.5}, lambda p, q: halves(p, q, 0.5)),
    "jsd of 0.9 at 20": (jsd, {"beta": 0.9, "temperature": 20.0}, lambda p, q: halves(p, q, 0.9)),
    "variation": (total_variation, {}, lambda p, q: sum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2),
}
every = pytest.mark.parametrize("name", EXACT)


def exact(name, student, teacher, step=Decimal("1e-12")):
    """The value and its gradient by the student's logits, by differences with 60 digits."""
    _, parameters, value = EXACT[name]
    with localcontext(prec=60):
        T = Decimal(parameters.get("temperature", 1.0))

        def softmax(row):
            exponentials = [(z / T).exp() for z in row]
            return [each / sum(exponentials) for each in exponentials]

        def at(row):
            factor = T * T if "temperature" in parameters else 1
            return factor * value(p_T, softmax(row))

        own, p_T = [Decimal(z) for z in student], softmax([Decimal(z) for z in teacher])
        slope = []
        for place in range(len(own)):
            up, down = ([*own[:place], own[place] + move, *own[place + 1 :]] for move in (step, -step))
            slope.append(float((at(up) - at(down)) / (2 * step)))
        return float(at(own)), slope


def rows(classes, scale, difference):
    generator = torch.Generator().manual_seed(classes)
    teacher, noise = (torch.randn(classes, dtype=torch.float64, generator=generator) for _ in range(2))
    teacher = (scale * teacher).float()
    return (teacher.double() + difference * noise + 37.3).float(), teacher


@every
@pytest.mark.parametrize("difference", [1e-5, 1e-3, 0.1, 3.0, 300.0])
def test_values_and_gradients_have_their_digits(name, difference):
    """As they stand in the papers: at 1e-3 apart the reverse divergence is off by a third, and may be negative."""
    loss, parameters, _ = EXACT[name]
    for classes, scale in ((2, 1.0), (7, 5.0), (3, 100.0), (40, 1.0)):
        student, teacher = rows(classes, scale, difference)
        value, slope = exact(name, student.tolist(), teacher.tolist())
        student.requires_grad_()
        found = loss(student, teacher, **parameters)
        found.backward()
        assert found.item() >= 0
        assert found.item() == pytest.approx(value, rel=1e-4, abs=1e-20)
        largest = max(map(abs, slope))
        torch.testing.assert_close(
            student.grad, torch.tensor(slope).float(), rtol=0, atol=1e-4 * largest + 2e-7 * value + 1e-20
        )


@every
def test_no_sum_is_negative(name):
    """64 rows of 1,000 classes a rounding apart, at which sums of p * log(p / q) are negative for half the rows."""
    loss, parameters, _ = EXACT[name]
    teacher = torch.randn(64, 1000, generator=torch.Generator().manual_seed(0))
    for step in (0.0, 1e-7, 1e-5, 1e-3):
        found = loss(teacher * (1 + step), teacher, **parameters)
        assert (found >= 0).all()
        assert step or not found.any()


@pytest.mark.parametrize("name", ["skew", "skew reverse", "jsd", "variation"])
def test_what_is_bounded_reaches_its_bound(name):
    """Opposite certainties in float32, whose log ratio is 20,000."""
    loss, parameters, _ = EXACT[name]
    student, teacher = torch.tensor([1e4, -1e4], requires_grad=True), torch.tensor([-1e4, 1e4])
    found = loss(student, teacher, **parameters)
    found.backward()
    alpha = parameters.get("alpha", parameters.get("beta", 1 / math.e))
    assert found.item() == pytest.approx(-math.log(alpha), rel=1e-6)
    assert torch.isfinite(student.grad).all()


@every
def test_a_class_that_both_rule_out_counts_nothing(name):
    loss, parameters, _ = EXACT[name]
    if loss is reverse_kl:
        pytest.skip("refuses it")
    student, teacher = (each[None] for each in rows(5, 1.0, 0.3))
    without = loss(student, teacher, **parameters)
    student, teacher = (torch.cat([each, torch.full((1, 1), -torch.inf)], 1) for each in (student, teacher))
    student.requires_grad_()
    found = loss(student, teacher, **parameters)
    found.sum().backward()
    torch.testing.assert_close(found, without)
    assert torch.isfinite(student.grad[:, :5]).all()
    assert not student.grad[:, 5].any()


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@every
def test_gradients_by_row_are_those_of_the_sum_and_cannot_be_differentiated(name):
    """By row as transforms of `torch.func` take them, which cannot look at values as reverse_kl does."""
    loss, parameters, _ = EXACT[name]
    student, teacher = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))

    def value(one, other):
        return loss(one, other, **parameters)

    expected = student.clone().requires_grad_()
    value(expected, teacher).sum().backward()
    by_row = torch.func.vmap(torch.func.grad(value))(student, teacher) if loss is not reverse_kl else expected.grad
    torch.testing.assert_close(by_row, expected.grad, rtol=1e-6, atol=1e-7)
    leaf = student.clone().requires_grad_()
    (slope,) = torch.autograd.grad(value(leaf, teacher).sum(), leaf, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiated once"):
        slope.sum().backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_a_gpu_does_not_refuse_is_infinite_and_has_a_finite_gradient(dtype):
    """reverse_kl of a teacher that rules a class out: inf - inf made the gradient NaN, and with it every weight.

    On a processor the loss refuses it before; a GPU would have to wait for that, so the divergence itself is asked.
    """
    student = torch.tensor([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]], dtype=dtype, requires_grad=True)
    teacher = torch.tensor([[1.0, 0.0, -torch.inf], [1.0, 0.0, 2.0]], dtype=dtype)
    values = divergence(student, teacher, 1.0, reverse_summands)
    values.sum().backward()
    assert values[0] == torch.inf
    assert torch.isfinite(student.grad).all()
    assert student.grad[0, 2] > 0 > student.grad[0, :2].max(), "the class that is ruled out falls, the others rise"
    alone = student.detach()[1:].clone().requires_grad_()
    divergence(alone, teacher[1:], 1.0, reverse_summands).sum().backward()
    assert torch.equal(student.grad[1:], alone.grad)
