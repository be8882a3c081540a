"""Class weights: scikit-learn's numbers, in every batch, in nblr and in the floor; and what is refused."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import cross_entropy

from limbeck.data import NO_ROWS
from limbeck.errors import LimbeckError
from limbeck.losses import KD, CrossEntropy, HardLabels
from limbeck.modalities.arrays.loaders import BatchForm, LoaderBatches
from limbeck.tasks.classification.numbers import read_numbers
from limbeck.tasks.classification.weights import weights_of
from limbeck.types import Batch, Outputs
from made_rows import labels_of, rows_of, task_of

CLASSES = ("bad", "good", "mixed", "odd")
LABELS = np.array([0] * 90 + [1] * 8 + [2] * 2 + [-1] * 50)


def test_balanced_is_scikit_learns():
    weights = weights_of("balanced", labels_of(LABELS), CLASSES)
    labelled = LABELS[LABELS >= 0]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labelled)
    np.testing.assert_allclose(weights, [*expected, 1.0], rtol=1e-6)  # no row is odd
    assert weights[labelled].mean() == pytest.approx(1)


def test_a_mapping_keeps_its_ratios_and_has_mean_one():
    weights = weights_of({"good": 5.0, "mixed": 10.0}, labels_of(LABELS), CLASSES)
    np.testing.assert_allclose(weights / weights[0], [1, 5, 10, 1], rtol=1e-6)
    assert weights[LABELS[LABELS >= 0]].mean() == pytest.approx(1)
    unknown = weights_of({"good": 5.0, "mixed": 10.0}, NO_ROWS.labels, CLASSES)
    np.testing.assert_array_equal(unknown, [1, 5, 10, 1])
    assert weights_of(None, labels_of(LABELS), CLASSES) is None


def test_what_is_refused():
    with pytest.raises(LimbeckError, match=r"data.class_weights: no class `goof`; did you mean `good`\?"):
        weights_of({"goof": 2.0}, labels_of(LABELS), CLASSES)
    with pytest.raises(LimbeckError, match=r"labels of a loader cannot be counted .* give a mapping"):
        weights_of("balanced", NO_ROWS.labels, CLASSES)


def test_each_set_of_rows_has_its_own_counts():
    rows = rows_of(np.arange(150), [""] * 150, LABELS)
    ceiling = rows.take([0, 90, 91, 98])
    task = task_of(CLASSES, weighting="balanced")
    assert task.class_weights is None
    np.testing.assert_allclose(task.fit(ceiling.labels).class_weights, [4 / 3, 2 / 3, 4 / 3, 1], rtol=1e-6)
    np.testing.assert_allclose(
        task.fit(rows.take(range(95)).labels).class_weights, [95 / 180, 95 / 10, 1, 1], rtol=1e-6
    )


def test_a_batch_tells_the_weight_of_each_row_and_unlabelled_ones_count_one():
    form = BatchForm("x", "x", read_numbers)
    source = LoaderBatches([(torch.zeros(4, 1), torch.tensor([2, -100, 0, 9]))], form)
    task = task_of(3, weights=np.array([0.5, 2.0, 3.0], np.float32))
    (batch,) = map(task.frame, source.group(0))
    assert batch.weights.tolist() == [3.0, 1.0, 0.5, 3.0]  # 9 is refused by the loss, with the number of classes
    with pytest.raises(ValueError, match=r"labels must be in \[0, 3\), but one is 9"):
        CrossEntropy().sum(Outputs(torch.zeros(4, 3)), None, batch)


def problem(*tokens):
    draw = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(8, *tokens, 4, dtype=torch.float64, generator=draw) for _ in range(2))
    labels = torch.randint(4, (8, *tokens), generator=draw)
    labelled = torch.tensor([True, True, False, True, True, False, True, True])
    return student.requires_grad_(), teacher, labels, labelled, torch.rand(8, generator=draw) + 0.5


@pytest.mark.parametrize("tokens", [(), (3,)])
def test_a_split_batch_has_the_gradient_of_the_whole(tokens):
    student, teacher, labels, labelled, weights = problem(*tokens)
    objective = CrossEntropy() + KD()

    def gradient(splits):
        mask = torch.ones(labels.shape, dtype=torch.bool)
        parts = [
            (rows, Batch(torch.arange(8)[rows], {}, labels[rows], labelled[rows], mask[rows], weights=weights[rows]))
            for rows in splits
        ]
        counts = [objective.counts(batch) for _, batch in parts]
        sums = [objective.sums(Outputs(student[rows]), Outputs(teacher[rows]), batch) for rows, batch in parts]
        loss = sum(sum(s[name] for s in sums) / sum(c[name] for c in counts) for name in ("cross_entropy", "kd"))
        return torch.autograd.grad(loss, student)[0]

    torch.testing.assert_close(gradient([slice(0, 1), slice(1, 6), slice(6, 8)]), gradient([slice(0, 8)]))


def test_it_is_torchs_weighted_cross_entropy_but_for_the_divisor():
    """torch divides by the sum of the weights in the batch, which changes from batch to batch; here by the count."""
    student, teacher, labels, labelled, _ = problem()
    by_class = torch.tensor([0.3, 1.0, 4.0, 2.0], dtype=torch.float64)
    weights = torch.where(labelled, by_class[labels], 1.0)
    batch = Batch(torch.arange(8), {}, labels, labelled, weights=weights)
    ours = CrossEntropy().sum(Outputs(student), None, batch)
    theirs = cross_entropy(student[labelled], labels[labelled], by_class)
    torch.testing.assert_close(ours / by_class[labels[labelled]].sum(), theirs)
    assert CrossEntropy().count(batch) == 6
    for term in (KD(), HardLabels()):
        plain = term.sum(Outputs(student), Outputs(teacher), Batch(torch.arange(8), {}, labels, labelled))
        assert torch.equal(term.sum(Outputs(student), Outputs(teacher), batch), plain)
