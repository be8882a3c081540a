"""Bugs that other toolkits shipped, each kept out by name."""

import math

import pytest
import torch
from torch.nn.functional import kl_div, log_softmax, softmax

from limbeck.losses import KD, CrossEntropy, kd, logit_mse
from limbeck.types import Batch, Outputs

BOTH = pytest.mark.parametrize("loss", [kd, logit_mse])


def logits(*shape, seed=0, scale=1.0):
    return scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def gradient(loss, student, *others, **keywords):
    student = student.detach().requires_grad_()
    loss(student, *others, **keywords).sum().backward()
    return student.grad


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0, 10.0])
def test_temperature_squared_once_and_on_both_sides(temperature):
    """T^2 missing or applied twice; temperature on one side only (sentence-transformers, keras-io #869)."""
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    plain = kd(student / temperature, teacher / temperature, temperature=1.0)
    torch.testing.assert_close(kd(student, teacher, temperature=temperature), temperature**2 * plain)


def test_gradient_norm_is_about_constant_over_temperature():
    """TextBrewer's kd_ce: .0591, .0035, .0009 at T = 1, 4, 8, so that KD fades beside the labels."""
    student, teacher = logits(64, 10), logits(64, 10, seed=1)
    norms = [gradient(kd, student, teacher, temperature=t).norm().item() for t in (1.0, 4.0, 8.0, 20.0)]
    assert max(norms) / min(norms) < 1.3


def test_large_temperature_gradient_is_that_of_centred_logit_regression():
    """Hinton et al. 2015, equation 4: T^2 times (z_S - z_T) / (N T^2) for zero-meaned logits."""
    student, teacher = (x - x.mean(-1, keepdim=True) for x in (logits(4, 5), logits(4, 5, seed=1)))
    torch.testing.assert_close(
        gradient(kd, student, teacher, temperature=1e4), (student - teacher) / 5, rtol=1e-3, atol=1e-4
    )


def test_small_temperature_does_not_underflow():
    """softmax(...).log() at T = 0.01 gives log 0."""
    student, teacher = logits(4, 5), logits(4, 5, seed=1)
    assert torch.isfinite(gradient(kd, student.float(), teacher.float(), temperature=0.01)).all()
    assert torch.isfinite(kd(student.float(), teacher.float(), temperature=0.01)).all()


@pytest.mark.parametrize("classes", [10, 100, 1000])
def test_kl_does_not_depend_on_the_number_of_classes(classes):
    """KLDivLoss() with reduction `mean` divides by batch x classes (ModelOpt, sparseml #592)."""
    student, teacher = torch.zeros(3, 2, dtype=torch.float64), logits(3, 2)
    padding = torch.full((3, classes - 2), -200.0, dtype=torch.float64)
    wide = kd(torch.cat([student, padding], 1), torch.cat([teacher, padding], 1), temperature=1.0)
    torch.testing.assert_close(wide, kd(student, teacher, temperature=1.0))


def test_sum_over_tokens_is_not_divided_by_the_batch_alone():
    """`batchmean` on (batch, tokens, classes) divides by the batch and grows with the length."""
    student, teacher = logits(2, 7, 5), logits(2, 7, 5, seed=1)
    mask = torch.ones(2, 7, dtype=torch.bool)
    total = KD(temperature=1).sum(Outputs(student), Outputs(teacher), Batch(torch.arange(2), {}, mask=mask))
    flat = kl_div(log_softmax(student, -1).flatten(0, 1), softmax(teacher, -1).flatten(0, 1), reduction="batchmean")
    torch.testing.assert_close(total / KD().count(Batch(torch.arange(2), {}, mask=mask)), flat)


def test_forward_kl_is_not_cross_entropy():
    """torchtune's ForwardKLLoss is 3.41, not 0, at student = teacher: it leaves out the teacher's entropy."""
    teacher = logits(4, 50)
    entropy = -(softmax(teacher, -1) * log_softmax(teacher, -1)).sum(-1)
    assert entropy.min() > 2
    assert torch.equal(kd(teacher, teacher, temperature=1.0), torch.zeros(4, dtype=torch.float64))


@BOTH
def test_no_gradient_to_the_teacher_of_a_shared_trunk(loss):
    """sentence-transformers #3880: the teacher moves towards the student."""
    trunk = torch.ones(5, dtype=torch.float64, requires_grad=True)
    student, teacher = logits(4, 5), logits(4, 5, seed=1)
    loss(student, teacher * trunk).sum().requires_grad_().backward()
    assert trunk.grad is None


@BOTH
@pytest.mark.parametrize("sentinel", [-torch.inf, torch.inf, torch.nan])
def test_masked_sentinel_has_no_gradient_instead_of_nan(loss, sentinel):
    """TRL #5594: the value is masked, but its gradient is 0 * inf = nan."""
    student, teacher = logits(3, 5), logits(3, 5, seed=1)
    student[1], teacher[1] = sentinel, sentinel
    mask = torch.tensor([True, False, True])
    got = gradient(loss, student, teacher, mask=mask)
    assert torch.equal(got[1], torch.zeros(5, dtype=torch.float64))
    torch.testing.assert_close(got[mask], gradient(loss, student[mask], teacher[mask]))


def test_a_class_that_both_rule_out_counts_nothing():
    """0 * (-inf + inf) = nan where a vocabulary entry is forbidden by -inf on both sides."""
    student, teacher = logits(3, 5), logits(3, 5, seed=1)
    ruled_out = [torch.cat([x, torch.full((3, 1), -torch.inf, dtype=torch.float64)], 1) for x in (student, teacher)]
    torch.testing.assert_close(kd(*ruled_out), kd(student, teacher))
    got = gradient(kd, *ruled_out)
    torch.testing.assert_close(got[:, :5], gradient(kd, student, teacher))
    assert torch.equal(got[:, 5], torch.zeros(3, dtype=torch.float64))


def test_a_class_only_the_student_rules_out_costs_infinitely():
    student, teacher = logits(1, 3), logits(1, 3, seed=1)
    student[0, 0] = -torch.inf
    assert kd(student, teacher).item() == math.inf


def test_average_of_averages():
    """transformers #34191: micro-batches of unequal token counts, each averaged, then averaged again."""
    student, teacher = logits(2, 6, 4), logits(2, 6, 4, seed=1)
    labels = torch.zeros(2, 6, dtype=torch.int64)
    mask = torch.arange(6) < torch.tensor([[6], [1]])
    rows = [slice(0, 1), slice(1, 2)]
    for term in (KD(temperature=2), CrossEntropy()):
        micro = [
            (term.sum(Outputs(student[r]), Outputs(teacher[r]), b), term.count(b))
            for r in rows
            for b in [Batch(torch.arange(1), {}, labels[r], None, mask[r])]
        ]
        whole = Batch(torch.arange(2), {}, labels, None, mask)
        mean = term.sum(Outputs(student), Outputs(teacher), whole) / term.count(whole)
        torch.testing.assert_close(sum(s for s, _ in micro) / sum(n for _, n in micro), mean)
        assert not torch.isclose(sum(s / n for s, n in micro) / 2, mean, rtol=1e-2)


def test_softmax_is_not_taken_in_half_precision():
    """sentence-transformers #3800: bf16 arithmetic loses differences below 1/256."""
    teacher = logits(64, 1000).bfloat16()
    student = (teacher.double() + logits(64, 1000, seed=1, scale=0.1)).bfloat16()
    exact = kd(student.double(), teacher.double(), temperature=4.0)
    torch.testing.assert_close(kd(student, teacher, temperature=4.0).double(), exact, rtol=1e-3, atol=1e-5)
