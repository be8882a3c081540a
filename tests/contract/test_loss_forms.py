"""What a loss promises of a teacher's logits that are not dense: the largest and a rest, or draws."""

import math

import numpy as np
import pytest
import torch
from loss_cases import CASES, logits_and_labels

from limbeck.cache.codecs import SampledCodec, TopKCodec
from limbeck.errors import LimbeckError
from limbeck.logits import Factored, TopK, each_tensor
from limbeck.losses import CATALOG, KD, HardLabels, LogitMSE, kd, term
from limbeck.losses.transforms import Standardize
from limbeck.types import Batch, Outputs

FORMS = {
    case.loss.card.name + "-" + str(case.parameters): case
    for case in CASES
    if "topk" in case.loss.card.forms and "teacher" in case.loss.card.needs
}
taking_topk = pytest.mark.parametrize("case", FORMS.values(), ids=FORMS)
OUTPUTS = 9


def problem(rows=4, outputs=OUTPUTS, seed=0, dtype=torch.float64):
    student, teacher, _ = logits_and_labels((rows,), outputs, dtype=dtype, seed=seed)
    return student, teacher


def largest(teacher, k, *temperatures):
    """The largest logits and the rest, as they are defined: nothing is rounded."""
    values, indices = teacher.topk(k)
    rest = teacher.scatter(-1, indices, -torch.inf)
    return TopK(values, indices, {T: (rest / T).logsumexp(-1) for T in (1.0, *temperatures)}, teacher.shape[-1])


def value(term, student, teacher, mask=None, rows=None):
    batch = Batch(torch.arange(len(student) if rows is None else rows), {}, mask=mask)
    return term.sum(Outputs(student), Outputs(teacher), batch)


def temperature(case):
    return case.parameters.get("temperature", 1.0)


def added_up(logits, indices, T):
    """k + 1 logits of one prediction, the others as one, in plain Python."""
    rest = [z for place, z in enumerate(logits) if place not in indices]
    top = max(rest)
    return [logits[place] for place in indices] + [top + T * math.log(sum(math.exp((z - top) / T) for z in rest))]


def expected(case, student, teacher, k):
    """The loss's own reference on the outputs that are left when the others are one."""
    total, T = 0.0, temperature(case)
    for own, other in zip(student.tolist(), teacher.tolist(), strict=True):
        indices = sorted(range(len(other)), key=lambda place: -other[place])[:k]
        theirs = added_up(other, indices, T)
        if case.loss.card.decides:
            theirs[-1] = min(other) - 1  # it is never what is decided
        own_T = 1.0 if case.loss.card.softens == "teacher" else T
        given = np.array([added_up(own, indices, own_T)]), np.array([theirs])
        total += float(case.module.reference(*given, **case.parameters)[0])
    return total


# --- the largest logits and a rest -----------------------------------------------------------------------------------


@taking_topk
@pytest.mark.parametrize("k", [1, 3, OUTPUTS - 1])
def test_the_rest_is_one_output(case, k):
    student, teacher = problem()
    found = value(case.term(), student, largest(teacher, k, temperature(case)))
    assert found.item() == pytest.approx(expected(case, student, teacher, k), rel=1e-11)
    assert found >= 0


@taking_topk
def test_the_gradient_reaches_every_logit_of_the_student(case):
    student, teacher = problem()
    leaf = student.clone().requires_grad_()
    value(case.term(), leaf, largest(teacher, 3, temperature(case))).backward()
    step = 1e-5
    for place in np.ndindex(*student.shape):
        up, down = student.clone(), student.clone()
        up[place] += step
        down[place] -= step
        rise = expected(case, up, teacher, 3) - expected(case, down, teacher, 3)
        assert leaf.grad[place].item() == pytest.approx(rise / (2 * step), abs=1e-6)
    assert (leaf.grad != 0).all()


@taking_topk
def test_all_but_one_is_all(case):
    student, teacher = problem(dtype=torch.float32)
    leaves = [student.clone().requires_grad_() for _ in range(2)]
    whole = value(case.term(), leaves[0], teacher)
    most = value(case.term(), leaves[1], largest(teacher, OUTPUTS - 1, temperature(case)))
    whole.backward()
    most.backward()
    torch.testing.assert_close(most, whole, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(leaves[1].grad, leaves[0].grad, rtol=1e-5, atol=1e-6)


@taking_topk
@pytest.mark.parametrize("where", ["far", "tiny rest", "tiny share"])
def test_finite_and_exact_where_one_side_is_next_to_nothing(case, where):
    """Where the student's rest is 1e-30 of the whole, 1 less the others would be 0."""
    student, teacher = problem(dtype=torch.float32)
    if where == "far":
        student, teacher = 1e4 * student.sign(), 1e4 * teacher.sign()
    elif where == "tiny rest":
        student = student.scatter(-1, teacher.topk(2)[1], 70.0)
    else:
        student = student.scatter(-1, teacher.topk(2)[1], -70.0)
    student.requires_grad_()
    found = value(case.term(), student, largest(teacher, 2, temperature(case)))
    found.backward()
    assert torch.isfinite(found)
    assert torch.isfinite(student.grad).all()
    if where != "far":
        exact = expected(case, student.detach().double(), teacher.double(), 2)
        assert found.item() == pytest.approx(exact, rel=1e-5)


@taking_topk
@pytest.mark.parametrize("garbage", [torch.inf, -torch.inf, torch.nan, 1e30])
def test_masked_positions_contribute_nothing(case, garbage):
    student, teacher = problem(6)
    mask = torch.tensor([True, False, True, True, False, True])
    told = largest(teacher, 3, temperature(case))
    expected = value(case.term(), student[mask], each_tensor(told, lambda part: part[mask]))
    student[~mask] = garbage
    student.requires_grad_()
    padded = each_tensor(told, lambda part: torch.where(mask.reshape(-1, *[1] * (part.ndim - 1)), part, 0))
    found = value(case.term(), student, padded, mask)
    found.backward()
    torch.testing.assert_close(found, expected)
    assert torch.isfinite(student.grad).all()
    assert not student.grad[~mask].any()


@taking_topk
def test_tokens_count_as_examples_do(case):
    student, teacher = problem(6)
    told = largest(teacher, 3, temperature(case))
    mask = torch.tensor([[True, True, False], [True, False, True]])
    expected = value(case.term(), student, told, mask.flatten())
    by_token = each_tensor(told, lambda part: part.reshape(2, 3, *part.shape[1:]))
    assert by_token.shape == (2, 3, OUTPUTS)
    found = value(case.term(), student.reshape(2, 3, OUTPUTS), by_token, mask, rows=2)
    torch.testing.assert_close(found, expected)


def test_a_decision_is_never_for_the_rest():
    """Of a thousand outputs the rest is likelier than any one of them."""
    student, teacher = problem(outputs=1000)
    told = largest(0.01 * teacher, 2)
    assert (told.tails[1.0] > told.values[:, 0]).all()
    torch.testing.assert_close(value(HardLabels(), student, told), value(HardLabels(), student, teacher))


def test_a_student_that_agrees_has_nothing_to_learn_from_a_rest_and_much_without_one():
    """ms-swift and axolotl renormalise the top-k: a student that agrees with its teacher is pulled to the k."""
    _, teacher = problem()

    def slope(loss):
        leaf = teacher.clone().requires_grad_()
        loss(leaf).backward()
        return leaf.grad.abs().max()

    told = largest(teacher, 3)
    assert slope(lambda own: value(KD(temperature=1), own, told)) < 1e-12
    renormalised = told.values.softmax(-1)
    assert slope(lambda own: -(renormalised * own.log_softmax(-1).gather(-1, told.indices)).sum()) > 0.01


@pytest.mark.parametrize("T", [1.0, 4.0])
def test_a_truncated_divergence_is_one(T):
    """verl sums p_T log(p_T / p_S) over the teacher's top-k alone, and clamps what is below 0: 89 % of its steps.

    With one outcome for all others it is a divergence, and at most that of the whole distributions.
    """
    _, teacher = problem()
    places = teacher.topk(3).indices
    surer = teacher.scatter_add(-1, places, torch.ones_like(teacher[:, :3]))
    p_T, p_S = ((z / T).softmax(-1).gather(-1, places) for z in (teacher, surer))
    cut = (p_T * (p_T / p_S).log()).sum(-1)
    assert (cut < 0).all()
    rest_T, rest_S = (1 - p.sum(-1) for p in (p_T, p_S))
    found = value(KD(temperature=T), surer, largest(teacher, 3, T))
    torch.testing.assert_close(found, T**2 * (cut + rest_T * (rest_T / rest_S).log()).sum())
    assert 0 < found <= value(KD(temperature=T), surer, teacher) + 1e-12  # equal: nothing moved among the others


# --- outputs that were drawn -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [1.0, 3.0])
def test_draws_are_unbiased(T):
    """The mean of value and gradient over 3,000 sets of draws is within 4 standard errors of what is estimated."""
    student, teacher = problem(2, dtype=torch.float32)
    teacher = teacher / 3  # every output is drawn at times
    student = teacher + 0.3 * student
    term, values, slopes = KD(temperature=T), [], []
    for seed in range(3000):
        codec = SampledCodec(draws=4, temperature=T, seed=seed)
        told = codec.decode(codec.encode(Outputs(teacher)), OUTPUTS).logits
        leaf = student.clone().requires_grad_()
        found = value(term, leaf, told)
        found.backward()
        values.append(found.detach())
        slopes.append(leaf.grad.flatten())
    leaf = student.clone().requires_grad_()
    exact = value(term, leaf, teacher)
    exact.backward()
    found = torch.cat([torch.stack(values)[:, None], torch.stack(slopes)], 1).double()
    off = found.mean(0) - torch.cat([exact.detach()[None], leaf.grad.flatten()])
    assert (off.abs() <= 4 * found.std(0) / 3000**0.5).all()
    assert (found[:, 0] < 0).any(), "one set of draws may say less than nothing"
    assert (found.std(0) / 3000**0.5 < 0.1 * exact).all(), "the interval says something"


def test_drawn_value_is_its_equation():
    student, teacher = problem(3)
    codec = SampledCodec(draws=6, temperature=2.0)
    told = codec.decode(codec.encode(Outputs(teacher)), OUTPUTS).logits
    expected = 0.0
    for row in range(3):
        p, q = ((each[row] / 2).softmax(-1).tolist() for each in (teacher, student))
        for place, count in zip(told.indices[row].tolist(), told.counts[row].tolist(), strict=True):
            expected += 4 * count / 6 * (math.log(p[place]) - math.log(q[place]))
    assert told.counts.sum(1).tolist() == [6, 6, 6]
    assert value(KD(temperature=2), student, told).item() == pytest.approx(expected, rel=1e-6)


def test_masked_draws_contribute_nothing():
    student, teacher = problem(3)
    codec = SampledCodec(draws=6, temperature=2.0)
    told = codec.decode(codec.encode(Outputs(teacher)), OUTPUTS).logits
    mask = torch.tensor([True, False, True])
    expected = value(KD(), student[mask], each_tensor(told, lambda part: part[mask]))
    student[1] = torch.nan
    student.requires_grad_()
    found = value(KD(), student, each_tensor(told, lambda part: torch.where(mask[:, None], part, 0)), mask)
    found.backward()
    torch.testing.assert_close(found, expected)
    assert torch.isfinite(student.grad).all()


# --- what the last layer makes of a state ----------------------------------------------------------------------------


TAKING_FACTORED = [loss for loss in CATALOG.values() if "teacher" in loss.card.needs]


def standardized():
    return KD().after(Standardize())


@pytest.mark.parametrize(
    "loss",
    [*TAKING_FACTORED, standardized],
    ids=[*(loss.card.name for loss in TAKING_FACTORED), "standardized"],
)
def test_a_state_and_the_last_layer_are_worth_their_logits(loss):
    assert "factored" in loss().card.forms
    generator = torch.Generator().manual_seed(0)
    hidden, matrix, bias = (torch.randn(*shape, generator=generator) for shape in ((4, 5), (OUTPUTS, 5), (OUTPUTS,)))
    factored, found = Factored(hidden, matrix, bias), []
    for teacher in (factored, factored.dense):
        student = problem(dtype=torch.float32)[0].requires_grad_()
        told = value(loss(), student, teacher, torch.tensor([True, True, False, True]))
        told.backward()
        found.append((told.detach(), student.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert found[0][1].any() or "labels" in loss().card.needs


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", [TopKCodec(k=2), SampledCodec()], ids=lambda codec: codec.kind)
def test_a_loss_takes_the_forms_of_its_card_alone(codec):
    student, teacher = problem()
    told = codec.decode(codec.encode(Outputs(teacher)), OUTPUTS).logits
    losses = [each for each in CATALOG.values() if "teacher" in each.card.needs]
    refused = [each for each in losses if codec.form not in each.card.forms]
    assert LogitMSE in refused
    for loss in refused:
        with pytest.raises(
            LimbeckError, match=rf"{loss.card.name} takes .*, and the teacher's answers are {codec.form}"
        ):
            value(loss(), student, told)
    for loss in (each for each in losses if codec.form in each.card.forms):
        softened = {"temperature": 1} if "temperature" in loss.__signature__.parameters else {}
        assert torch.isfinite(value(loss(**softened), student, told))


def test_another_temperature_is_refused_with_both():
    student, teacher = problem()
    with pytest.raises(LimbeckError) as caught:
        value(KD(temperature=4), student, largest(teacher, 2, 2.0))
    assert str(caught.value) == (
        "cache.codec.temperatures: a loss compares at temperature 4, and the cache has the rest at 1, 2 alone; add 4 "
        "and label again, or take cache.codec=dense"
    )
    codec = SampledCodec(temperature=2.0)
    told = codec.decode(codec.encode(Outputs(teacher)), OUTPUTS).logits
    with pytest.raises(LimbeckError, match="kd compares at temperature 4, and the cache has draws at 2; set it to 4"):
        value(KD(temperature=4), student, told)


@pytest.mark.parametrize("codec", [TopKCodec(k=2), SampledCodec()], ids=lambda codec: codec.kind)
def test_answers_for_others_are_refused(codec):
    student, teacher = problem()
    told = codec.decode(codec.encode(Outputs(teacher)), OUTPUTS).logits
    with pytest.raises(ValueError, match=r"student logits have shape \(4, 8\) but teacher logits have shape \(4, 9\)"):
        value(KD(temperature=1), student[:, :8], told)
    with pytest.raises(ValueError, match=r"student logits have shape \(3, 9\) but teacher logits have shape \(4, 9\)"):
        value(KD(temperature=1), student[:3], told)
    with pytest.raises(TypeError, match=r"student logits must be floating point"):
        value(KD(temperature=1), student.long(), told)


def test_a_card_that_promises_draws_has_an_estimate():
    with pytest.raises(TypeError, match="kd takes outputs that were drawn and nothing estimates it"):
        term(kd, card=KD.card)


def test_dense_is_asked_for_where_every_logit_is_needed():
    _, teacher = problem()
    with pytest.raises(
        LimbeckError, match=r"cache\.codec: the answers are topk, and every logit is needed here; set it"
    ):
        Outputs(largest(teacher, 2)).dense  # noqa: B018 - it raises
