"""Bugs that transforms of other toolkits have: each would come back here first."""

import math

import pytest
import torch

from limbeck.losses import CATALOG, KD, transforms as package
from limbeck.losses._entries import takes_transforms
from limbeck.losses.transforms import TRANSFORMS, LabelSmoothing, Standardize
from limbeck.types import Batch, Outputs


def test_the_label_gets_the_largest_logit():
    """KD_Lib exchanges the two largest, of which neither may be the label."""
    student, teacher = torch.zeros(1, 4), torch.tensor([[3.0, 2.0, 1.0, 0.0]])
    _, changed = package.probability_shift(student, teacher, torch.tensor([3]))
    assert changed.tolist() == [[0.0, 2.0, 1.0, 3.0]]


def test_no_label_is_not_the_last_class():
    """TextBrewer indexes with a label of -1."""
    student, teacher = torch.zeros(2, 3), torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    _, changed = package.probability_shift(student, teacher, torch.tensor([-1, 1]), mask=torch.tensor([False, True]))
    assert changed.tolist() == [[3.0, 2.0, 1.0], [2.0, 3.0, 1.0]]


def test_a_temperature_stays_positive():
    """TextBrewer's cwsm: of 100 classes a weight is up to 100, and 8 + mean - 100 is no temperature."""
    student = torch.zeros(4, 100)
    student[:3, 0] = 50.0
    changed, _ = package.cwsm(student, student, temperature=8.0)
    own = 8.0 * student[:3, 0] / changed[:3, 0]
    assert (own > 8).all()
    teacher = torch.randn(4, 100, generator=torch.Generator().manual_seed(0))
    _, told = package.cwsm(student, teacher, temperature=8.0)
    torch.testing.assert_close(told[3], 10 * teacher[3])


def test_a_power_of_a_rounding_is_a_number():
    """TextBrewer's flsw: 1 - cos of equal directions is -1e-7 in float32, and its root is NaN."""
    z = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(package.flsw(z, 3 * z, temperature=4.0, gamma=0.5)[0]).all()


# --- ours ----------------------------------------------------------------------------------------------------------

ABSENT = -1e30
PAIRS = {
    f"{name}-{kind}": (loss, transform)
    for name, loss in CATALOG.items()
    for kind, transform in TRANSFORMS.items()
    if takes_transforms(loss.card) and loss.card.scope == "prediction"
    if not transform.learns and ("temperature" in loss().parameters or not transform.softens)
}


@pytest.mark.parametrize(("loss", "transform"), PAIRS.values(), ids=PAIRS)
def test_a_class_that_a_column_has_not_stays_one(loss, transform):
    """flsw and cwsm multiplied a logit of -1e30 too: dist_inter then took it for a class, with a probability of 0."""
    draw = torch.Generator().manual_seed(0)
    student, teacher = (3 * torch.randn(8, 4, generator=draw) for _ in range(2))
    student[0] *= 9  # of one row the temperature is higher, of the others lower
    batch = Batch(torch.arange(8), {}, torch.randint(4, (8,), generator=draw))
    term, padding = loss().after(transform()), torch.full((8, 3), ABSENT)
    wide = torch.cat([student, padding], 1).requires_grad_()
    found = term.sum(Outputs(wide), Outputs(torch.cat([teacher, padding], 1)), batch)
    found.backward()
    leaf = student.clone().requires_grad_()
    alone = term.sum(Outputs(leaf), Outputs(teacher), batch)
    alone.backward()
    torch.testing.assert_close(found, alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(wide.grad[:, :4], leaf.grad, rtol=1e-4, atol=1e-5)
    assert not wide.grad[:, 4:].any()


def test_a_label_that_the_teacher_rules_out_has_its_share():
    """It had none, and the other classes had all of it. By hand: 0.8 of the label, 0.2 of the two others."""
    teacher, label = torch.tensor([[3.0, -torch.inf, 2.0, -torch.inf]], dtype=torch.float64), torch.tensor([1])
    student = torch.zeros(1, 4, dtype=torch.float64)
    for temperature in (1.0, 4.0):
        _, told = package.label_smoothing(student, teacher, label, temperature=temperature, correct=0.8)
        expected = torch.tensor([[0.1, 0.8, 0.1, 0.0]], dtype=torch.float64)
        torch.testing.assert_close((told / temperature).softmax(-1), expected)
    term = KD(temperature=1).after(LabelSmoothing(correct=0.8))
    found = term.sum(Outputs(student), Outputs(teacher), Batch(torch.arange(1), {}, label))
    assert found.item() == pytest.approx(0.8 * math.log(0.8 * 4) + 2 * 0.1 * math.log(0.1 * 4), rel=1e-12)


@pytest.mark.parametrize(("value", "classes"), [(0.1, 3), (1e4 + 0.1, 7), (-0.7, 1000), (0.0, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_logits_are_zeros_and_have_the_gradient_of_logits_less_their_mean(value, classes, dtype):
    """Their mean is rounded: 0.1 three times had a deviation of 1e-8, and a gradient of 1e8."""
    student = torch.full((2, classes), value, dtype=dtype, requires_grad=True)
    teacher = torch.randn(2, classes, dtype=dtype, generator=torch.Generator().manual_seed(0))
    own, told = package.standardize(student, teacher)
    assert torch.equal(own, torch.zeros_like(own))
    assert torch.equal(package.standardize(teacher, student)[1], torch.zeros_like(own))
    KD(temperature=2).after(Standardize()).sum(
        Outputs(student), Outputs(teacher), Batch(torch.arange(2), {})
    ).backward()
    expected = 2 * (1 / classes - (told / 2).softmax(-1))  # T * (p_S - p_T), of which the mean is 0 anyway
    torch.testing.assert_close(student.grad, expected, rtol=1e-4, atol=1e-6)
