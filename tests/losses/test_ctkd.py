"""Curriculum temperature: a loss at a temperature that is learned, and the reversed gradient by which it is."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from limbeck.distiller import Distiller
from limbeck.losses import CATALOG, DKD, KD, CrossEntropy, LossSettings, objective_from
from limbeck.losses._entries import takes_transforms
from limbeck.losses.transforms import CTKD, CurriculumTemperature
from limbeck.types import Batch, Outputs

_SPEC = importlib.util.spec_from_file_location(
    "reference_ctkd", Path(__file__).parent.parent / "references/transforms/ctkd.py"
)
REFERENCE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(REFERENCE)
BOUNDS = {"least": 1.0, "most": 21.0}
LOSSES = TypeAdapter(list[LossSettings])


def logits(rows=6, classes=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(rows, classes, dtype=torch.float64, generator=generator) for _ in range(2))


def batch_of(rows=6, mask=None):
    return Batch(torch.arange(rows), {}, mask=mask)


def sum_of(term, critic, student, teacher, batch=None):
    return term.sum(Outputs(student), Outputs(teacher), batch or batch_of(len(student)), critic())


# --- the numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [1.01, 2.0, 4.0, 20.9])
def test_value_and_both_gradients_are_those_of_the_reference(start):
    student, teacher = logits()
    student.requires_grad_()
    critic = CurriculumTemperature(start).double()
    total = sum_of(KD(temperature=start).after(CTKD()), critic, student, teacher)
    total.backward()
    raw, z_S, z_T = float(critic.raw.detach()), student.detach().numpy(), teacher.numpy()
    assert total.item() == pytest.approx(REFERENCE.reference(z_S, z_T, raw, **BOUNDS).sum(), rel=1e-12)
    rise = sum(sign * REFERENCE.reference(z_S, z_T, raw + sign * 1e-5, **BOUNDS).sum() for sign in (1, -1)) / 2e-5
    assert critic.raw.grad.item() == pytest.approx(-rise, rel=1e-5), "reversed: a step down is a step up for the loss"
    step, expected = 1e-5, np.zeros_like(z_S)
    for place in np.ndindex(z_S.shape):
        moved = np.zeros_like(z_S)
        moved[place] = step
        above, below = (REFERENCE.reference(z_S + sign * moved, z_T, raw, **BOUNDS).sum() for sign in (1, -1))
        expected[place] = (above - below) / (2 * step)
    np.testing.assert_allclose(student.grad.numpy(), expected, rtol=1e-5, atol=1e-7)


def test_plain_sgd_climbs_as_in_the_paper():
    """The strength is a factor of the learning rate, which of SGD is what a factor of the gradient is."""
    student, teacher = logits()
    critic = CurriculumTemperature(4.0, until=1.0).double()
    start, strengths = float(critic.raw.detach()), [critic.strength(step / 8) for step in range(8)]
    assert strengths == pytest.approx([(1 - math.cos(math.pi * step / 8)) / 2 for step in range(8)])
    optimizer = torch.optim.SGD(critic.parameters(), lr=0.1)
    for strength in strengths:
        optimizer.param_groups[0]["lr"] = 0.1 * strength
        optimizer.zero_grad()
        (sum_of(KD(temperature=4.0).after(CTKD()), critic, student, teacher) / len(student)).backward()
        optimizer.step()
    how = {"steps": 8, "lr": 0.1, "strengths": strengths}
    expected = REFERENCE.climbed(student.numpy(), teacher.numpy(), start, **how, **BOUNDS)
    assert critic.raw.item() == pytest.approx(expected, rel=1e-6)
    assert critic.raw.item() != pytest.approx(start, rel=1e-3)


TAKING = [
    name
    for name, loss in CATALOG.items()
    if takes_transforms(loss.card)
    and "temperature" in loss().parameters
    and (loss.card.scope, loss.card.softens) == ("prediction", "both")
]


@pytest.mark.parametrize("name", TAKING)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_value_is_the_plain_loss_bit_for_bit_and_its_slope_that_of_the_loss(name, dtype):
    """Of every loss that has such a temperature; the values that a student sees are not rounded by the detour."""
    student, teacher = (each.to(dtype).requires_grad_() for each in logits())
    batch = Batch(torch.arange(6), {}, torch.arange(6) % 5)
    critic = CurriculumTemperature(3.0).to(dtype)
    term = CATALOG[name](temperature=3.0).after(CTKD())
    found = sum_of(term, critic, student, teacher, batch)
    now = float(critic().detach())
    plain = CATALOG[name](temperature=now).sum(Outputs(student), Outputs(teacher), batch)
    assert torch.equal(found, plain)
    found.backward()
    mine, student.grad = student.grad, None
    plain.backward()
    assert torch.equal(mine, student.grad)
    assert teacher.grad is None
    z_S, z_T = (each.detach().double() for each in (student, teacher))
    up, down = (CATALOG[name](temperature=now + h).sum(Outputs(z_S), Outputs(z_T), batch) for h in (1e-4, -1e-4))
    sigmoid = (now - 1) / 20
    expected = -float(up - down) / 2e-4 * 20 * sigmoid * (1 - sigmoid)
    assert critic.raw.grad.item() == pytest.approx(expected, rel=1e-4)


def test_several_losses_take_it():
    assert {"kd", "dkd", "reverse_kl", "jsd", "skew_kl"} <= set(TAKING)


@pytest.mark.parametrize("kind", ["all large", "all equal", "opposed"])
def test_finite_at_extreme_logits(kind):
    student, teacher = (each.float() for each in logits())
    student, teacher = {
        "all large": (1e4 * student.sign(), 1e4 * teacher.sign()),
        "all equal": (torch.full_like(student, 7), torch.full_like(teacher, 7)),
        "opposed": (1e4 * student, -1e4 * student),
    }[kind]
    critic = CurriculumTemperature(1.5)
    found = sum_of(KD(temperature=1.5).after(CTKD()), critic, student.requires_grad_(), teacher)
    found.backward()
    assert all(torch.isfinite(value).all() for value in (found, student.grad, critic.raw.grad))


@pytest.mark.parametrize("ruled_out", [-1e30, -torch.inf])
def test_classes_that_are_ruled_out_teach_the_temperature_nothing(ruled_out):
    student, teacher = logits()
    odd = torch.full((6, 2), ruled_out, dtype=torch.float64)
    critic, other = CurriculumTemperature(4.0), CurriculumTemperature(4.0)
    term = KD(temperature=4.0).after(CTKD())
    sum_of(term, critic, torch.cat([student, odd], 1), torch.cat([teacher, odd], 1)).backward()
    sum_of(term, other, student, teacher).backward()
    torch.testing.assert_close(critic.raw.grad, other.raw.grad)


@pytest.mark.parametrize("garbage", [torch.inf, torch.nan, 1e30])
def test_masked_predictions_teach_the_temperature_nothing(garbage):
    student, teacher = logits()
    mask = torch.tensor([True, False, True, True, False, True])
    critic, other = CurriculumTemperature(4.0), CurriculumTemperature(4.0)
    term = KD(temperature=4.0).after(CTKD())
    sum_of(term, critic, student[mask], teacher[mask]).backward()
    student[~mask], teacher[~mask] = garbage, garbage
    sum_of(term, other, student, teacher, batch_of(mask=mask)).backward()
    torch.testing.assert_close(critic.raw.grad, other.raw.grad)


def test_split_equals_whole():
    student, teacher = logits(8)
    whole, parts = CurriculumTemperature(4.0).double(), CurriculumTemperature(4.0).double()
    term = KD(temperature=4.0).after(CTKD())
    sum_of(term, whole, student, teacher).backward()
    for part in (slice(0, 1), slice(1, 6), slice(6, 8)):
        sum_of(term, parts, student[part], teacher[part]).backward()
    torch.testing.assert_close(parts.raw.grad, whole.raw.grad, rtol=1e-12, atol=0)


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "bounds"), [(1.0, {}), (21.0, {}), (0.5, {}), (4.0, {"least": 5.0}), (4.0, {"most": 3.0})]
)
def test_a_temperature_that_begins_outside_its_bounds_is_refused(start, bounds):
    both = BOUNDS | bounds
    words = f"ctkd learns a temperature between {both['least']:g} and {both['most']:g}, and begins at {start:g}"
    with pytest.raises(ValueError, match=words):
        KD(temperature=start).after(CTKD(**bounds))
    with pytest.raises(ValidationError, match=words):
        LOSSES.validate_python([{"name": "kd", "temperature": start, "transform": {"kind": "ctkd", **bounds}}])


@pytest.mark.parametrize("name", ["ttm", "wttm", "dist_intra"])
def test_a_loss_whose_temperature_is_of_another_sort_is_refused(name):
    with pytest.raises(ValidationError, match=f"transform ctkd learns a temperature .* that of {name} does not"):
        LOSSES.validate_python([{"name": name, "temperature": 2, "transform": "ctkd"}])


def test_a_sum_without_the_critic_is_refused():
    """In a loop that has no place for it the temperature would silently stay where it began."""
    student, teacher = logits()
    with pytest.raises(ValueError, match="kd has a temperature that is learned: train it with a Distiller"):
        KD(temperature=4.0).after(CTKD()).sum(Outputs(student), Outputs(teacher), batch_of())


# --- the one trainable ---------------------------------------------------------------------------------------------


def test_each_term_has_a_temperature_of_its_own_in_the_trainable():
    soft = KD(temperature=4.0).after(CTKD())
    objective = 0.5 * soft + 0.1 * CrossEntropy() + 0.2 * DKD(temperature=2.0).after(CTKD(most=9.0)) + 0.2 * soft
    distiller = Distiller(torch.nn.Linear(2, 3), objective, teacher=object())
    assert [*distiller.trainable.critics] == ["kd", "dkd", "kd_2"]
    assert {"critics.kd.raw", "critics.dkd.raw", "critics.kd_2.raw"} <= {*distiller.trainable.state_dict()}
    assert [critic().item() for critic in distiller.trainable.critics.values()] == pytest.approx([4, 2, 4])
    assert not [name for name in distiller.student.state_dict() if "raw" in name]
    assert not len(Distiller(torch.nn.Linear(2, 3), 1.0 * CrossEntropy()).trainable.critics)


def test_in_a_recipe_as_in_python():
    written = [{"name": "kd", "weight": 0.9, "temperature": 4.0, "transform": {"kind": "ctkd", "until": 0.5}}]
    objective = objective_from(LOSSES.validate_python(written))
    assert objective == 0.9 * KD(temperature=4.0).after(CTKD(until=0.5))
    assert LOSSES.validate_python(objective.entries()) == LOSSES.validate_python(written)
    assert not objective.terms[0][2].convex
