"""The gradient of a step does not depend on how its batch was split."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from trainer_cases import CLASSES, INPUTS, ROWS, Rows, same, student, train, weights

from limbeck.data.batches import Batches
from limbeck.losses import KD, CrossEntropy
from limbeck.runtime.rows import Ragged
from limbeck.types import Outputs
from made_rows import rows_of

SPLITS = {1: (24,), 2: (5, 19), 3: (1, 16, 7), 7: (9, 1, 1, 1, 5, 3, 4)}
FEW_LABELS = torch.zeros(ROWS, dtype=torch.bool).index_fill(0, torch.tensor([0, 2, 3, 20]), True)


class DoubleTeacher:
    """Answers in float64, so that nothing is rounded."""

    digest = "double"

    def __init__(self):
        self.map = torch.randn(INPUTS, CLASSES, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def predict(self, batch):
        return Outputs(batch.teacher_inputs["x"] @ self.map)


def gradient(sizes, labelled=FEW_LABELS):
    """Return the gradient that one step of `fit` makes, summed over its backward passes."""
    network = student(dtype=torch.float64)
    found = {name: torch.zeros_like(value) for name, value in network.named_parameters()}
    for name, parameter in network.named_parameters():
        parameter.register_hook(lambda grad, name=name: found[name].add_(grad))
    source = Rows(sizes, labelled=labelled, dtype=torch.float64)
    train(network, source, asked=DoubleTeacher(), steps=1, clip=None)
    return found


def by_hand(labelled, means_of):
    """Return the gradient of the same objective in plain PyTorch; `means_of` splits the rows."""
    network, teacher = student(dtype=torch.float64), DoubleTeacher()
    x, labels = Rows(dtype=torch.float64).whole(0)
    losses = []
    for part in torch.arange(ROWS).split(means_of):
        logits = network(x[part])
        soft = F.kl_div((logits / 2).log_softmax(-1), (x[part] @ teacher.map / 2).softmax(-1), reduction="batchmean")
        have = labelled[part]
        hard = F.cross_entropy(logits[have], labels[part][have]) if have.any() else 0.0
        losses.append(0.7 * 4 * soft + 0.3 * hard)
    (sum(losses) / len(losses)).backward()
    return {name: parameter.grad for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("parts", SPLITS)
def test_any_split_with_unequal_labels_has_the_gradient_of_the_whole_batch(parts):
    whole = by_hand(FEW_LABELS, [ROWS])
    for name, value in gradient(SPLITS[parts]).items():
        torch.testing.assert_close(value, whole[name], rtol=1e-12, atol=1e-14)


def test_the_average_of_averages_bug():
    """Dividing each micro-batch by its own count, and then by their number, over-weights rows with few neighbours."""
    sizes = list(SPLITS[3])
    wrong = by_hand(FEW_LABELS, sizes)["head.bias"]
    ours = gradient(tuple(sizes))["head.bias"]
    assert (wrong - by_hand(FEW_LABELS, [ROWS])["head.bias"]).abs().max() > 0.01
    assert (wrong - ours).abs().max() > 0.01


def test_a_micro_batch_without_any_label_adds_nothing_to_the_labelled_term():
    only_first = torch.arange(ROWS) < 2
    whole = by_hand(only_first, [ROWS])
    for name, value in gradient((2, 22), only_first).items():
        torch.testing.assert_close(value, whole[name], rtol=1e-12, atol=1e-14)


def test_a_step_without_any_label_has_a_labelled_term_of_zero():
    network = student()
    none = torch.zeros(ROWS, dtype=torch.bool)
    before = weights(network)
    history = train(network, Rows((12, 12), labelled=none), objective=1.0 * CrossEntropy(), steps=1)
    assert history.log[0]["cross_entropy"] == 0
    assert same(weights(network), before)


@pytest.mark.parametrize("accumulate", [2, 3, 7])
def test_the_recipes_accumulate_does_not_change_a_training(accumulate):
    def trained(parts):
        lengths = np.arange(1, 41) % 6 + 1
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        view = Ragged((np.arange(offsets[-1]) % 11).astype(np.int32), offsets, 0, np.zeros(len(offsets) - 1, bool))
        labels = np.where(np.arange(40) < 10, np.arange(40) % 2, -1)
        examples = rows_of(np.arange(40), [str(i) for i in range(40)], labels)
        source = Batches(examples, view, batch_size=16, labelled_per_batch=5, seed=0, teacher=view, accumulate=parts)
        torch.manual_seed(0)
        network = Bag().double()
        asked = BagTeacher()
        objective = 0.5 * KD() + 0.5 * CrossEntropy()
        return weights(network), train(network, source, objective=objective, asked=asked, steps=6), weights(network)

    before, history, after = trained(1)
    _, split_history, split_after = trained(accumulate)
    assert not same(before, after)
    for name in after:
        torch.testing.assert_close(split_after[name], after[name], rtol=1e-9, atol=1e-11)
    assert [record["loss"] for record in split_history.log] == pytest.approx(
        [record["loss"] for record in history.log], rel=1e-12
    )


class Bag(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(11, 2)

    def forward(self, input_ids, attention_mask):
        return (self.words(input_ids) * attention_mask.unsqueeze(-1)).sum(1)


class BagTeacher:
    digest = "bag"

    def predict(self, batch):
        total = (batch.teacher_inputs["input_ids"] * batch.teacher_inputs["attention_mask"]).sum(1).double()
        return Outputs(torch.stack([total / 20, 1 - total / 20], 1))
