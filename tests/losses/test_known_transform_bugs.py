"""Bugs that transforms of other toolkits have: each would come back here first."""

import torch

from limbeck.losses import transforms as package


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
