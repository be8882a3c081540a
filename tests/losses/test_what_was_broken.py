"""What somebody broke who tried to: of every loss where it applies, with the right value."""

import pytest
import torch

from limbeck.distiller import Distiller
from limbeck.logits import Factored
from limbeck.losses import (
    KD,
    chunked,
    cross_entropy,
    dist_intra,
    dkd,
    huber,
    jsd,
    kd,
    nkd,
    regression_kd,
    rkd_angle,
    skew_kl,
    teacher_bounded,
    wsld,
)
from limbeck.losses.transforms import CWSM, Standardize


def logits(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.uint32])
@pytest.mark.parametrize("classes", [100, 128, 256, 300, 1000])
def test_labels_of_any_integers(dtype, classes):
    """256 classes are 0 in uint8: every label was out of range."""
    labels = torch.tensor([0, 99])
    expected = cross_entropy(logits(2, classes), labels)
    try:
        assert torch.equal(cross_entropy(logits(2, classes), labels.to(dtype)), expected)
    except (ValueError, NotImplementedError) as error:
        pytest.fail(f"{dtype}: {error}")
    with pytest.raises(ValueError, match="but one is 99"):
        cross_entropy(logits(2, 99), labels.to(dtype))
    for loss in (dkd, nkd, wsld):
        own = logits(2, classes), logits(2, classes, seed=1)
        assert torch.equal(loss(*own, labels.to(dtype)), loss(*own, labels))


@pytest.mark.parametrize("classes", [2, 3])
def test_dkd_where_both_rule_out_all_but_the_label(classes):
    """The sum of no probability has no gradient; it was NaN."""
    rest = [-torch.inf] * (classes - 1)
    student = torch.tensor([[0.5, *rest]], requires_grad=True)
    value = dkd(student, torch.tensor([[1.0, *rest]]), torch.tensor([0]))
    value.sum().backward()
    assert value.item() == 0
    assert torch.equal(student.grad, torch.zeros_like(student))


@pytest.mark.parametrize("loss", [kd, jsd, skew_kl])
@pytest.mark.parametrize("plain", [True, False])
def test_a_second_derivative_is_refused_and_not_wrong(loss, plain):
    """Beside a loss that has one, the part of this one was left out in silence; of itself alone it was zeros."""
    student, teacher, labels = logits(4, 5).requires_grad_(), logits(4, 5, seed=1), torch.arange(4)
    values = (
        loss(student, teacher) if plain else chunked(loss, chunk=3)(Factored(student, torch.eye(5).double()), teacher)
    )
    (slope,) = torch.autograd.grad(values.sum() + cross_entropy(student, labels).sum(), student, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiated once"):
        slope.square().sum().backward()
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.functional.hessian(lambda own: loss(own, teacher).sum(), student.detach())


def test_what_was_answered_in_inference_mode():
    """Autograd keeps no such tensor for the way back."""
    student = logits(6, 5).requires_grad_()
    with torch.inference_mode():
        teacher, labels = logits(6, 5, seed=1), torch.arange(6) % 5
    rkd_angle(student, teacher)[0].backward()
    for values in (
        regression_kd(student, teacher, delta=1.0),
        huber(student, teacher),
        cross_entropy(student, labels),
        dkd(student, teacher, labels),
        nkd(student, teacher, labels),
    ):
        values.sum().backward()
    assert torch.isfinite(student.grad).all()


@pytest.mark.parametrize("k", [20.0, 55.0, 70.0])
def test_dist_intra_of_classes_that_are_hardly_ever(k):
    """Squares of probabilities below 1e-23 are 0 in float32: such classes were level. By float64."""
    student, teacher = (torch.tensor([[0.0, -k - i] for i in order]) for order in ((0, 1, 2), (0, 2, 1)))
    leaf, exact = student.requires_grad_(), student.detach().double().requires_grad_()
    value, _ = dist_intra(leaf, teacher)
    expected, _ = dist_intra(exact, teacher.double())
    value.backward()
    expected.backward()
    assert expected > 0.1
    torch.testing.assert_close(value.double(), expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(leaf.grad.double(), exact.grad, rtol=1e-3, atol=1e-5)


def test_a_student_as_good_as_its_teacher_is_left_alone():
    both, truth = torch.ones(1, 1), torch.zeros(1, 1)
    assert teacher_bounded(both, both, truth, margin=0.0).item() == 0
    far = torch.tensor([[1e4]])
    assert teacher_bounded(far, far, truth, margin=2.0).item() == 5e7  # 5e7 + 2 is 5e7 in float32


@pytest.mark.parametrize("wrong", ["2", None, [1.0], torch.tensor(2.0, requires_grad=True), torch.ones(2)])
def test_a_parameter_that_is_no_number_is_named(wrong):
    with pytest.raises(TypeError, match="temperature must be a number, not"):
        kd(logits(2, 3), logits(2, 3), temperature=wrong)


def test_a_second_transform_is_refused_and_takes_no_place():
    after = KD().after(Standardize())
    with pytest.raises(ValueError, match="kd has a transform already, standardize"):
        after.after(CWSM())


def test_a_term_is_no_objective():
    with pytest.raises(TypeError, match=r"objective must be an Objective, such as 1.0 \* KD\(\), not Term"):
        Distiller(torch.nn.Linear(2, 2), KD())
