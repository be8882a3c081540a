"""Terms and objectives: composition, names, weights over time, counting."""

import math

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from limbeck.losses import (
    CATALOG,
    KD,
    Cosine,
    CrossEntropy,
    Linear,
    LogitMSE,
    LossSettings,
    Objective,
    Weight,
    cross_entropy,
    kd,
    objective_from,
    term,
)
from limbeck.types import Batch, Outputs


def outputs(*shape, seed=0, dtype=torch.float32):
    return Outputs(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype))


def batch(rows=4, **fields):
    return Batch(torch.arange(rows), {}, **fields)


# --- composition ---------------------------------------------------------------------------------------------------


def test_terms_compose_to_an_objective():
    objective = 0.9 * KD(temperature=4) + 0.1 * CrossEntropy()
    assert objective == Objective((("kd", 0.9, KD(temperature=4)), ("cross_entropy", 0.1, CrossEntropy())))
    assert repr(objective) == "0.9 * kd(temperature=4.0) + 0.1 * cross_entropy()"
    assert objective.needs == {"teacher", "labels"}


def test_order_of_weight_and_term_and_a_missing_weight():
    assert KD() * 0.5 == 0.5 * KD()
    assert KD() + 0.5 * LogitMSE() == 1.0 * KD() + 0.5 * LogitMSE()
    assert 0.5 * LogitMSE() + KD() == 0.5 * LogitMSE() + 1.0 * KD()
    assert KD() + CrossEntropy() == 1 * KD() + 1 * CrossEntropy()


def test_terms_of_one_loss_get_names_of_their_own():
    objective = 1 * KD(temperature=1) + (2 * CrossEntropy() + 3 * KD(temperature=2)) + KD(temperature=4)
    assert [name for name, _, _ in objective.terms] == ["kd", "cross_entropy", "kd_2", "kd_3"]
    assert objective.weights(0.0) == {"kd": 1, "cross_entropy": 2, "kd_2": 3, "kd_3": 1}
    assert set(objective.sums(outputs(4, 3), outputs(4, 3, seed=1), batch(labels=torch.zeros(4).long()))) == {
        "kd",
        "cross_entropy",
        "kd_2",
        "kd_3",
    }


@pytest.mark.parametrize("weight", [-1, math.nan, math.inf, "heavy"])
def test_weights_must_be_finite_and_not_negative(weight):
    with pytest.raises(ValueError, match="number"):
        weight * KD()
    with pytest.raises(ValidationError, match="weight"):
        KD.settings(weight=weight)


def test_an_objective_needs_a_term():
    with pytest.raises(ValueError, match="at least one term"):
        objective_from([])


def test_terms_are_frozen():
    with pytest.raises(AttributeError):
        KD().parameters = {}
    with pytest.raises(AttributeError):
        (1 * KD()).terms = ()
    with pytest.raises(ValidationError, match="frozen"):
        KD.settings().weight = 2


def test_a_function_must_fit_its_card():
    def swapped(teacher, student, *, mask=None):
        return student

    with pytest.raises(TypeError, match=r"swapped\(teacher, student\) does not fit its card: kd\(student, teacher\)"):
        term(swapped, card=KD.card)


def test_recipe_entries_build_the_same_objective_as_python():
    entries = [{"name": "kd", "weight": 0.9, "temperature": 2}, {"name": "cross_entropy", "weight": 0.1}]
    read = TypeAdapter(list[LossSettings]).validate_python(entries)
    assert objective_from(read) == 0.9 * KD(temperature=2) + 0.1 * CrossEntropy()


def test_an_unknown_loss_is_answered_with_the_valid_names():
    with pytest.raises(ValidationError) as error:
        TypeAdapter(list[LossSettings]).validate_python([{"name": "kdd"}])
    assert all(repr(name) in str(error.value) for name in CATALOG)


# --- schedules -----------------------------------------------------------------------------------------------------


def test_constant_weights_do_not_move():
    objective = 0.9 * KD() + 0.1 * CrossEntropy()
    assert objective.weights(0.0) == objective.weights(1.0) == {"kd": 0.9, "cross_entropy": 0.1}


@pytest.mark.parametrize(
    ("ramp", "quarter", "half"), [(Linear, 0.75, 0.5), (Cosine, 0.5 + 0.5 * math.cos(math.pi / 4), 0.5)]
)
def test_ramps(ramp, quarter, half):
    falling = ramp(start=1, end=0)
    assert falling(0.0) == 1
    assert falling(0.25) == pytest.approx(quarter)
    assert falling(0.5) == pytest.approx(half)
    assert falling(1.0) == 0


@pytest.mark.parametrize("ramp", [Linear, Cosine])
def test_a_ramp_is_over_at_until_and_exact_at_both_ends(ramp):
    rising = ramp(start=0.1, end=0.9, until=0.5)
    assert rising(0.0) == 0.1
    assert rising(0.25) == pytest.approx(0.5)
    assert rising(0.5) == rising(0.75) == rising(1.0) == 0.9


@pytest.mark.parametrize("ramp", [Linear, Cosine])
def test_ramps_refuse_what_makes_no_sense(ramp):
    for wrong in ({"until": 0}, {"until": 1.5}, {"start": -1}, {"end": math.inf}, {"form": 1}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            ramp(**{"start": 1, "end": 0, **wrong})
    for progress in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="progress must be in"):
            ramp(start=1, end=0)(progress)


def test_a_scheduled_weight_in_an_objective_and_in_a_recipe():
    ramp = {"schedule": "linear", "start": 1, "end": 0.5, "until": 0.8}
    objective = Linear(start=1, end=0.5, until=0.8) * KD() + 0.1 * CrossEntropy()
    assert objective.weights(0.4) == {"kd": pytest.approx(0.75), "cross_entropy": 0.1}
    assert objective_from([KD.settings(weight=ramp), CrossEntropy.settings(weight=0.1)]) == objective
    with pytest.raises(ValidationError, match="'number', 'linear', 'cosine'"):
        TypeAdapter(Weight).validate_python({"schedule": "step", "start": 1, "end": 0})


# --- counts and sums -----------------------------------------------------------------------------------------------


def test_counts_are_known_from_the_batch():
    objective = KD() + CrossEntropy()
    labels, labelled = torch.tensor([0, 1, -1, -1]), torch.tensor([True, True, False, False])
    assert objective.counts(batch()) == {"kd": 4, "cross_entropy": 0}
    assert objective.counts(batch(labels=labels)) == {"kd": 4, "cross_entropy": 4}
    assert objective.counts(batch(labels=labels, labelled=labelled)) == {"kd": 4, "cross_entropy": 2}
    mask = torch.tensor([True, False, True, True])
    assert objective.counts(batch(labels=labels, labelled=labelled, mask=mask)) == {"kd": 3, "cross_entropy": 1}


def test_counts_of_tokens():
    objective = KD() + CrossEntropy()
    mask = torch.arange(5) < torch.tensor([[5], [2], [1], [0]])
    labels = torch.zeros(4, 5, dtype=torch.int64)
    labelled = torch.tensor([False, True, True, True])
    assert objective.counts(batch(labels=labels, labelled=labelled, mask=mask)) == {"kd": 8, "cross_entropy": 3}
    assert objective.counts(batch(labels=labels)) == {"kd": 20, "cross_entropy": 20}


def test_sums_are_the_functions_over_what_counts():
    student, teacher = outputs(4, 3), outputs(4, 3, seed=1)
    labels, labelled = torch.tensor([0, 1, 9, -1]), torch.tensor([True, True, False, False])
    sums = (KD(temperature=4) + CrossEntropy()).sums(student, teacher, batch(labels=labels, labelled=labelled))
    torch.testing.assert_close(sums["kd"], kd(student.logits, teacher.logits, temperature=4.0).sum())
    torch.testing.assert_close(sums["cross_entropy"], cross_entropy(student.logits[:2], labels[:2]).sum())


@pytest.mark.parametrize(("dtype", "expected"), [(torch.bfloat16, torch.float32), (torch.float64, torch.float64)])
def test_sums_keep_at_least_float32(dtype, expected):
    sums = (KD() + CrossEntropy()).sums(outputs(4, 3, dtype=dtype), outputs(4, 3, dtype=dtype, seed=1), batch())
    assert {value.dtype for value in sums.values()} == {expected}


@pytest.mark.parametrize(
    "nothing",
    [
        {"labels": None},
        {"labels": torch.full((4,), -1), "labelled": torch.zeros(4, dtype=torch.bool)},
        {"labels": torch.zeros(4).long(), "mask": torch.zeros(4, dtype=torch.bool)},
    ],
    ids=["no labels", "none labelled", "all masked"],
)
def test_a_count_of_zero_is_exactly_zero_and_keeps_the_graph(nothing):
    logits = torch.full((4, 3), torch.nan, requires_grad=True)
    cross_entropy_term = CrossEntropy()
    total = cross_entropy_term.sum(Outputs(logits), None, batch(**nothing))
    total.backward()
    assert cross_entropy_term.count(batch(**nothing)) == 0
    assert total.item() == 0.0
    assert torch.equal(logits.grad, torch.zeros(4, 3))


@pytest.mark.parametrize("label", [-1, -100, 3, 2**40])
def test_unlabelled_rows_may_carry_any_label_and_any_logits(label):
    logits = torch.randn(4, 3)
    logits[2:] = torch.nan
    logits.requires_grad_()
    labelled = torch.tensor([True, True, False, False])
    total = CrossEntropy().sum(
        Outputs(logits), None, batch(labels=torch.tensor([0, 2, label, label]), labelled=labelled)
    )
    total.backward()
    assert torch.isfinite(total)
    assert torch.equal(logits.grad[2:], torch.zeros(2, 3))
    assert torch.isfinite(logits.grad).all()


def test_a_wrong_label_on_a_labelled_row_is_refused():
    with pytest.raises(ValueError, match=r"\[0, 3\), but one is -1"):
        CrossEntropy().sum(outputs(4, 3), None, batch(labels=torch.tensor([0, 1, 2, -1])))


def test_a_missing_teacher_is_named():
    with pytest.raises(ValueError, match="kd needs a teacher's outputs, and there is no teacher"):
        (KD() + CrossEntropy()).sums(outputs(4, 3), None, batch())
    assert (1 * CrossEntropy()).needs == {"labels"}


def test_tokens_without_a_mask_are_refused_rather_than_miscounted():
    with pytest.raises(ValueError, match=r"\(4, 5\), but the batch counts \(4,\): give it a mask"):
        KD().sum(outputs(4, 5, 3), outputs(4, 5, 3, seed=1), batch())
