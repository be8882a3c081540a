"""The teacher's decisions as targets, and a recipe's losses for a student that is told nothing else."""

import pytest
import torch
from pydantic import TypeAdapter

from limbeck.losses import LossSettings, cross_entropy, hard_labels, with_hard_labels

RAMP = {"schedule": "linear", "start": 1.0, "end": 0.2, "until": 0.5}
KD = {"name": "kd", "weight": 0.9, "temperature": 3.0}
LABELS = {"name": "cross_entropy", "weight": 0.1}
LABELS_OF_ONE = {"name": "cross_entropy", "weight": 1.0}
MLKD = [{"name": f"mlkd_{level}", "weight": 0.9} for level in ("instance", "batch", "class")]
HINT = {"name": "fitnet", "weight": 0.01, "student": "dropout", "teacher": "encoder.layer.5"}
LOSSES = TypeAdapter(list[LossSettings])


@pytest.mark.parametrize("classes", [2, 3, 64, 1000])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_tie_goes_to_the_lowest_class(classes, dtype):
    teacher = torch.zeros(5, classes, dtype=dtype)
    teacher[1, 1:] = 4.0
    teacher[2, -2:] = 4.0
    student = torch.randn(5, classes, generator=torch.Generator().manual_seed(0))
    expected = cross_entropy(student, torch.tensor([0, 1, classes - 2, 0, 0]))
    assert torch.equal(hard_labels(student, teacher), expected)


def test_how_sure_the_teacher_is_does_not_matter():
    student, teacher = (torch.randn(6, 4, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert torch.equal(hard_labels(student, teacher), hard_labels(student, 1e-3 * teacher))
    assert torch.equal(hard_labels(student, teacher), hard_labels(student, 1e3 * teacher))


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([KD, LABELS], [{"name": "hard_labels", "weight": 0.9}, LABELS]),
        ([LABELS, {**KD, "weight": RAMP}], [LABELS, {"name": "hard_labels", "weight": RAMP}]),
        ([KD, HINT, LABELS], [{"name": "hard_labels", "weight": 0.9}, LABELS]),
        ([KD, {"name": "logit_mse", "weight": 0.2}], [{"name": "hard_labels", "weight": 0.9}]),
        ([KD, LABELS, {**KD, "weight": 0.5, "temperature": 1.0}], [{"name": "hard_labels", "weight": 1.4}, LABELS]),
        ([{**KD, "weight": RAMP}, KD], [{"name": "hard_labels", "weight": each} for each in (0.9, RAMP)]),
        ([{"name": "hard_labels", "weight": 0.5}], [{"name": "hard_labels", "weight": 0.5}]),
        ([{"name": "sp", "weight": 3000.0}, LABELS_OF_ONE], [{"name": "hard_labels", "weight": 1.0}, LABELS_OF_ONE]),
        ([{"name": "pkt", "weight": 469.0}, KD, LABELS], [{"name": "hard_labels", "weight": 0.9}, LABELS]),
        ([*MLKD, LABELS], [{"name": "hard_labels", "weight": 1.0}, LABELS]),
        ([{"name": "dkd", "weight": RAMP}, LABELS_OF_ONE], [{"name": "hard_labels", "weight": 1.0}, LABELS_OF_ONE]),
        ([{**KD, "weight": 0.0}, {"name": "ttm", "weight": 45.0}], [{"name": "hard_labels", "weight": 1.0}]),
        ([{**KD, "weight": 0.0}, LABELS], [LABELS]),
        ([HINT], []),
        ([LABELS], [LABELS]),
    ],
    ids=[
        *("kd", "a schedule", "activations", "kd and another", "kd twice", "kd twice, once with a schedule", "already"),
        *("relations", "relations beside kd", "three levels", "a warm-up", "kd of no weight", "nothing but labels"),
        *("activations alone", "labels alone"),
    ],
)
def test_what_a_student_is_told_that_hears_decisions_only(losses, told):
    assert LOSSES.dump_python(with_hard_labels(LOSSES.validate_python(losses))) == told
