"""Bugs of other toolkits' losses of the teacher's logits, each kept out by name."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

from limbeck.losses import (
    CATALOG,
    HardLabels,
    cross_entropy as own_cross_entropy,
    dist_inter,
    dist_intra,
    dkd,
    hard_labels,
    jsd,
    kd,
    mlkd_batch,
    mlkd_class,
    mlkd_instance,
    nkd,
    reverse_kl,
    skew_kl,
    tf_kd,
    ttm,
    uld,
    wsld,
    wttm,
)


def logits(*shape, seed=0, scale=1.0):
    return scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def gradient(loss, student, *others, **keywords):
    student = student.detach().clone().requires_grad_()
    loss(student, *others, **keywords).sum().backward()
    return student.grad


LABELS = torch.tensor([0, 3, 2, 2, 4, 1])

# --- dkd, nkd, wsld ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [5, 50, 200, 500, 1e4])
def test_dkd_is_finite_at_any_scale_of_logits(scale):
    """mdistiller: infinite, with gradients that are not finite, from a standard deviation of 200 on."""
    student, teacher = logits(6, 5, scale=scale).float(), logits(6, 5, seed=1).float()
    assert torch.isfinite(dkd(student, teacher, LABELS, temperature=4.0)).all()
    assert torch.isfinite(gradient(dkd, student, teacher, LABELS, temperature=4.0)).all()


def test_dkd_leaves_the_label_out_whatever_its_logit():
    """mdistiller adds -1000 to it: a logit of 2,000 at T = 1 is still the likeliest of the others."""
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    expected = dkd(student, teacher, LABELS, alpha=0.0, beta=1.0)
    for each, far in ((student, 2000.0), (teacher, -3000.0)):
        each.scatter_(1, LABELS[:, None], far)
    torch.testing.assert_close(dkd(student, teacher, LABELS, alpha=0.0, beta=1.0), expected)


def test_dkd_of_two_classes_is_its_first_part():
    """mdistiller #60: nothing is left among the others, and the weight of it is lost in silence."""
    student, teacher, labels = logits(6, 2), logits(6, 2, seed=1), LABELS % 2
    expected = 3 * kd(student, teacher, temperature=2.0)
    torch.testing.assert_close(dkd(student, teacher, labels, alpha=3.0, beta=8.0, temperature=2.0), expected)
    torch.testing.assert_close(nkd(student, teacher, labels, gamma=9.0), nkd(student, teacher, labels, gamma=0.0))
    assert "with 2 classes" in CATALOG["dkd"].card.beware
    assert "with 2 classes" in CATALOG["nkd"].card.beware


def test_dkd_adds_up_to_kd():
    """Zhao et al. 2022, equation 5: with a weight of 1 - p_T(y) for the others; T^2 once, on both parts."""
    student, teacher = logits(1, 5), logits(1, 5, seed=1)
    rest = 1 - softmax(teacher / 3, -1)[0, 3].item()
    found = dkd(student, teacher, torch.tensor([3]), alpha=1.0, beta=rest, temperature=3.0)
    torch.testing.assert_close(found, kd(student, teacher, temperature=3.0))


@pytest.mark.parametrize("loss", [dkd, nkd])
def test_a_teacher_that_rules_out_all_others_says_nothing_of_them(loss):
    """log_softmax of -inf everywhere is nan."""
    student, teacher = logits(2, 4), torch.full((2, 4), -torch.inf, dtype=torch.float64)
    teacher[:, 1] = 0.0
    labels = torch.tensor([1, 1])
    found = loss(student, teacher, labels, temperature=1.0)
    torch.testing.assert_close(found, own_cross_entropy(student, labels))
    assert torch.isfinite(gradient(loss, student, teacher, labels)).all()


def test_nkd_is_no_plain_cross_entropy_among_the_others():
    """cls_KD: a constant, the entropy of the teacher, in every value."""
    teacher = logits(6, 5)
    sure = teacher.scatter(1, LABELS[:, None], 1e4)
    assert torch.equal(nkd(sure, teacher, LABELS), torch.zeros(6, dtype=torch.float64))


def test_nkd_has_no_label_among_the_others():
    """cls_KD 1c2c0ff, mended in ad4876f (issue 16): `scatter_(1, label, 1)` in a mask of ones leaves nothing out."""
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    others = torch.ones(6, 5).scatter_(1, LABELS[:, None], 0).bool()
    own, told = (each[others].reshape(6, 4) for each in (student, teacher))
    p = softmax(teacher, -1).gather(1, LABELS[:, None]).squeeze(1)
    first = p * cross_entropy(student, LABELS, reduction="none")
    torch.testing.assert_close(nkd(student, teacher, LABELS, gamma=1.5), first + 1.5 * kd(own, told, temperature=1.0))
    everywhere = first + 1.5 * kd(student, teacher, temperature=1.0)
    assert not torch.isclose(nkd(student, teacher, LABELS, gamma=1.5), everywhere, rtol=0.01).any()


@pytest.mark.parametrize(("share", "away"), [(0.5, True), (0.99, True), (1.01, False), (8.0, False)])
def test_dkd_pulls_away_from_the_others_where_its_card_says_so(share, away):
    """A student that is sure of the label: whether the other that it has too high rises more than the teacher's."""
    teacher, student = torch.tensor([[0.0, 3.0, 0.0]]).double(), torch.tensor([[50.0, 0.0, 20.0]]).double()
    beta = share * 2 * (1 - softmax(teacher, -1)[0, 0].item())
    slope = gradient(dkd, student, teacher, torch.tensor([0]), alpha=2.0, beta=beta, temperature=1.0)
    own, told = (softmax(each[:, 1:], -1) for each in (student, teacher))
    assert own[0, 1] > told[0, 1]
    assert (slope[0, 2] + beta * told[0, 1] < 0) == away, "beyond its share of the teacher's"
    assert "beta < alpha * (1 - p_T(y))" in CATALOG["dkd"].card.beware


def test_wsld_sends_no_gradient_through_its_weight():
    """As the official code detaches it: else the student could lower the weight in place of the divergence."""
    student, teacher = logits(6, 5, scale=2.0), logits(6, 5, seed=1)
    ce_S, ce_T = (cross_entropy(z, LABELS, reduction="none") for z in (student, teacher))
    weight = (1 - torch.exp(-ce_S / (ce_T + 1e-7)))[:, None]
    torch.testing.assert_close(
        gradient(wsld, student, teacher, LABELS), weight * gradient(kd, student, teacher, temperature=2.0)
    )


# --- temperatures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [reverse_kl, skew_kl, jsd, dkd])
@pytest.mark.parametrize("temperature", [0.5, 4.0])
def test_temperature_squared_once_and_on_both_sides(loss, temperature):
    labels = (LABELS,) if loss is dkd else ()
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    plain = loss(student / temperature, teacher / temperature, *labels, temperature=1.0)
    found = loss(student, teacher, *labels, temperature=temperature)
    torch.testing.assert_close(found, temperature**2 * plain)


@pytest.mark.parametrize("loss", [reverse_kl, skew_kl, jsd])
def test_gradient_norm_is_about_constant_over_temperature(loss):
    """TextBrewer's kd_ce fades with T; TRL's GKD does too."""
    student, teacher = logits(64, 10), logits(64, 10, seed=1)
    norms = [gradient(loss, student, teacher, temperature=t).norm().item() for t in (2.0, 8.0, 20.0)]
    assert max(norms) / min(norms) < 1.6


def test_ttm_has_no_temperature_squared_and_softens_the_teacher_alone():
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    torch.testing.assert_close(ttm(student, teacher, temperature=4.0), kd(student, teacher / 4, temperature=1.0))
    p = softmax(teacher, -1) ** 0.25
    torch.testing.assert_close(
        wttm(student, teacher, temperature=4.0), p.sum(-1) * ttm(student, teacher, temperature=4.0)
    )


def test_powers_of_small_probabilities_are_not_lost():
    """TTM's code takes softmax in float32 to a power: exp(-300) is 0 there, and its fourth root is not."""
    teacher, student = torch.tensor([[300.0, 0.0]]), torch.zeros(1, 2)
    p = 1 / (1 + math.exp(300 / 100))
    expected = math.log(2) + p * math.log(p) + (1 - p) * math.log(1 - p)
    assert ttm(student, teacher, temperature=100.0).item() == pytest.approx(expected, rel=1e-5)


def test_mlkd_has_each_temperature_squared():
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    expected = sum(kd(student, teacher, temperature=T) for T in (2.0, 3.0, 4.0, 5.0, 6.0))
    torch.testing.assert_close(mlkd_instance(student, teacher), expected)


# --- divergences ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reverse", [False, True])
def test_a_skewed_divergence_is_no_cross_entropy(reverse):
    """DistiLLM's skewed_forward_kl leaves the teacher's entropy out: it is not 0 where both agree."""
    teacher = logits(4, 50)
    assert not skew_kl(teacher, teacher, reverse=reverse).any()


def test_reverse_kl_is_not_forward_kl():
    """kl_div(input, target) is KL(target || input): twinkle #112 had both ends the other way round."""
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    log_S, log_T = log_softmax(student, -1), log_softmax(teacher, -1)
    torch.testing.assert_close(reverse_kl(student, teacher), kl_div(log_T, log_S.exp(), reduction="none").sum(-1))
    assert not torch.isclose(reverse_kl(student, teacher), kd(student, teacher, temperature=1.0), rtol=0.05).any()


def test_jsd_mixes_probabilities_and_not_their_logs():
    """TRL #2202."""
    student, teacher = torch.tensor([[20.0, 0.0]]), torch.tensor([[0.0, 20.0]])
    assert jsd(student, teacher).item() == pytest.approx(math.log(2), rel=1e-5)


def test_beta_is_the_teachers_share_of_the_mixture():
    """TRL #3043: beta * student + (1 - beta) * teacher."""
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    p, q = softmax(teacher, -1), softmax(student, -1)
    m = 0.9 * p + 0.1 * q
    expected = 0.9 * (p * (p / m).log()).sum(-1) + 0.1 * (q * (q / m).log()).sum(-1)
    torch.testing.assert_close(jsd(student, teacher, beta=0.9), expected)


def test_the_ends_of_jsd_are_forward_and_reverse_and_not_nothing():
    """verl-recipe #151 clamps beta = 1 to 1 - 1e-6, a loss of next to 0; in 0 and 1 the formula is 0."""
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    assert torch.equal(jsd(student, teacher, beta=0.0, temperature=2.0), kd(student, teacher, temperature=2.0))
    assert torch.equal(jsd(student, teacher, beta=1.0, temperature=2.0), reverse_kl(student, teacher, temperature=2.0))
    for beta, end in ((1e-3, 0.0), (1 - 1e-3, 1.0)):
        near = jsd(student, teacher, beta=beta) / min(beta, 1 - beta)
        torch.testing.assert_close(near, jsd(student, teacher, beta=end), rtol=0.02, atol=0)


@pytest.mark.parametrize(("loss", "how"), [(reverse_kl, {}), (jsd, {"beta": 1.0})])
def test_a_class_that_the_teacher_rules_out_is_refused_and_not_left_out(loss, how):
    """DistiLLM's reverse_kl leaves classes of -inf out: a student that is certain of one has a loss of 0 or less."""
    student, teacher = logits(3, 4), logits(3, 4, seed=1)
    teacher[1, 2] = -torch.inf
    with pytest.raises(ValueError, match="reverse_kl needs finite teacher logits, but one is -inf"):
        loss(student, teacher, **how)
    mask = torch.tensor([True, False, True])
    assert torch.isfinite(loss(student, teacher, mask=mask, **how)).all(), "where masked, anything goes"


# --- other classes, other rows -------------------------------------------------------------------------------------


def test_uld_fills_up_with_probabilities_and_not_with_logits():
    """Liger pads a smaller vocabulary with a logit of 0, which gives tokens that do not exist a probability."""
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    wider = torch.cat([teacher, torch.full((6, 40), -torch.inf, dtype=torch.float64)], 1)
    torch.testing.assert_close(uld(student, wider), uld(student, teacher))
    torch.testing.assert_close(uld(wider, teacher), torch.zeros(6, dtype=torch.float64))


def test_uld_does_not_know_which_class_it_is():
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(uld(student[:, order], teacher), uld(student, teacher))


def test_dist_is_blind_to_how_sure_the_teacher_is():
    """Huang et al. 2022: a rising line of the teacher's probabilities is as good as these."""
    teacher = logits(6, 5)
    p = softmax(teacher, -1)
    student = (0.3 * p + 0.7 / 5).log() + 7.0
    assert dist_inter(student, teacher).abs().max() < 1e-25
    value, rows = dist_intra(student, teacher)
    assert (value.abs() < 1e-25, rows) == (True, 6)


@pytest.mark.parametrize("loss", [dist_inter, dist_intra])
def test_a_student_that_says_nothing_yet_has_a_finite_gradient(loss):
    """A head of zeros: of equal probabilities the correlation's gradient is 1/0."""
    teacher, student = logits(6, 5).float(), torch.zeros(6, 5, requires_grad=True)
    found = loss(student, teacher)
    (found if loss is dist_inter else found[0]).sum().backward()
    assert torch.isfinite(student.grad).all()


def test_dist_in_float32_tells_apart_what_is_nearly_equal():
    """1 - r is a difference of equals: -1.2e-7 where the logits are 1e-3 apart."""
    teacher = logits(64, 10).float()
    student = teacher + 1e-3 * logits(64, 10, seed=1).float()
    exact = dist_inter(student.double(), teacher.double())
    assert (dist_inter(student, teacher) > 0).all()
    torch.testing.assert_close(dist_inter(student, teacher).double(), exact, rtol=1e-2, atol=0)


@pytest.mark.parametrize("loss", [mlkd_batch, mlkd_class])
def test_products_of_nearly_equal_probabilities_have_their_digits(loss):
    """P_T' P_T - P_S' P_S is a difference of equals: of classes, it is off by 1 % here."""
    teacher = logits(512, 10).float()
    student = teacher + 1e-4 * logits(512, 10, seed=1).float()
    exact, _ = loss(student.double(), teacher.double(), temperatures=(1.0,))
    assert loss(student, teacher, temperatures=(1.0,))[0].item() == pytest.approx(exact.item(), rel=2e-3)


# --- labels alone --------------------------------------------------------------------------------------------------


def test_the_virtual_teacher_is_softened_as_a_teacher_is():
    """Tf-KD's code takes the softmax of its probabilities over T, and a mean over the classes too."""
    student, u = logits(6, 5), torch.full((6, 5), 0.1 / 4, dtype=torch.float64).scatter(1, LABELS[:, None], 0.9)
    torch.testing.assert_close(
        tf_kd(student, LABELS, correct=0.9, temperature=4.0), kd(student, u.log(), temperature=4.0)
    )


def test_deit_hard_distillation_is_hard_labels_beside_labels():
    """Touvron et al. 2021, equation 3: half of each cross-entropy."""
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    expected = 0.5 * cross_entropy(student, LABELS) + 0.5 * cross_entropy(student, teacher.argmax(-1))
    found = 0.5 * own_cross_entropy(student, LABELS) + 0.5 * hard_labels(student, teacher)
    torch.testing.assert_close(found.mean(), expected)
    assert "deit_hard" in HardLabels.card.also


# --- all of them ---------------------------------------------------------------------------------------------------

SOFT = [
    loss
    for loss in CATALOG.values()
    if {"teacher"} <= set(loss.card.needs) and loss.card.fits == ("distribution",) and loss.card.tap is None
]


def given(loss, student, teacher):
    found = loss.function(student, teacher, *([LABELS] if "labels" in loss.card.needs else []))
    return found[0] if loss.card.scope == "batch" else found


@pytest.mark.parametrize("loss", SOFT, ids=lambda loss: loss.card.name)
def test_no_gradient_to_the_teacher_of_a_shared_trunk(loss):
    """sentence-transformers #3880: the teacher moves towards the student."""
    trunk = torch.ones(5, dtype=torch.float64, requires_grad=True)
    student = logits(6, 5).requires_grad_()
    given(loss, student, logits(6, 5, seed=1) * trunk).sum().backward()
    assert trunk.grad is None
    assert student.grad.abs().sum() > 0


@pytest.mark.parametrize("loss", SOFT, ids=lambda loss: loss.card.name)
def test_softmax_is_not_taken_in_half_precision(loss):
    """sentence-transformers #3800, Liger, TRL: bf16 arithmetic loses differences below 1/256."""
    student, teacher = logits(6, 5).bfloat16(), logits(6, 5, seed=1).bfloat16()
    exact = given(loss, student.double(), teacher.double())
    found = given(loss, student, teacher)
    torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", SOFT, ids=lambda loss: loss.card.name)
def test_a_class_that_the_teacher_rules_out_is_one_of_no_probability(loss):
    """Its docstring says so: by -inf, and by a logit so low that no float has a probability for it."""
    if "-inf rules a class out" not in " ".join((loss.function.__doc__ or "").split()):
        assert loss.card.name == "reverse_kl"
        return
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    low = teacher.clone()
    teacher[:, 2], low[:, 2] = -torch.inf, -1e9
    slopes = []
    for each in (teacher, low):
        leaf = student.clone().requires_grad_()
        given(loss, leaf, each).sum().backward()
        slopes.append(leaf.grad)
    torch.testing.assert_close(given(loss, student, teacher), given(loss, student, low), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(*slopes, rtol=1e-6, atol=1e-6)
    assert torch.isfinite(slopes[0]).all()


@pytest.mark.parametrize("loss", SOFT, ids=lambda loss: loss.card.name)
def test_a_shift_of_the_logits_changes_nothing(loss):
    """A softmax does not see it; code that divides 10,000 by T before it subtracts does."""
    student, teacher = logits(6, 5).float(), logits(6, 5, seed=1).float()
    shifted = given(loss, student + 1024.0, teacher - 512.0)
    near = given(loss, (student + 1024.0) - 1024.0, (teacher - 512.0) + 512.0)
    torch.testing.assert_close(shifted, near, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "loss", [loss for loss in SOFT if "dist" not in loss.card.name], ids=lambda loss: loss.card.name
)
def test_it_is_no_mean_over_the_classes(loss):
    """ModelOpt, sparseml #592: classes that nobody gives a probability make the value smaller."""
    student, teacher = logits(6, 5), logits(6, 5, seed=1)
    wide = [torch.cat([each, torch.full((6, 95), -3000.0, dtype=torch.float64)], 1) for each in (student, teacher)]
    factor = 5 / 100 if loss.card.name == "mlkd_class" else 1  # it is one: of the paper's sum over pairs of classes
    torch.testing.assert_close(given(loss, *wide), factor * given(loss, student, teacher))
