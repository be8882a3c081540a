"""Predictions of a whole split: one an example, or one for each of its tokens."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from limbeck.evaluation.classification import ACCURACY, F1_MACRO
from limbeck.evaluation.metric import by_unit, sheet_of
from limbeck.evaluation.metrics import accuracy
from limbeck.evaluation.significance import compare
from limbeck.runtime.rows import Ragged
from limbeck.trainer import predict, predict_logits
from limbeck.types import tensors

LENGTHS = np.array([2, 5, 1, 3, 4])
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
VIEW = Ragged(np.arange(1, 16, dtype=np.int32), OFFSETS, 0, np.zeros(5, bool))


class Tagger(nn.Module):
    """Two classes a token; what it says of padding is nonsense."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Embedding(16, 2)

    def forward(self, input_ids, attention_mask):
        return torch.where(attention_mask[..., None] > 0, self.head(input_ids), torch.nan)


def test_tokens_come_in_the_order_of_the_rows():
    network = Tagger()
    found = predict(network, VIEW, batch_size=2)
    assert torch.equal(found.values, network.head.weight[1:])
    assert found.offsets.tolist() == OFFSETS.tolist()
    assert found.units.tolist() == np.repeat(np.arange(5), LENGTHS).tolist()
    assert torch.equal(predict_logits(network, VIEW), found.values)
    inputs = tensors(VIEW.batch([3, 0]))
    padded = found.take(torch.tensor([3, 0])).padded(inputs["attention_mask"] != 0)
    torch.testing.assert_close(padded, network(**inputs).nan_to_num())


def test_an_example_of_one_prediction_is_a_row():
    class Sum(nn.Module):
        def forward(self, input_ids, attention_mask):
            return (input_ids * attention_mask).sum(1, keepdim=True).float().expand(-1, 2)

    found = predict(Sum(), VIEW, batch_size=2)
    assert found.offsets is None
    assert found.values[:, 0].tolist() == [sum(range(1 + a, 1 + b)) for a, b in pairwise(OFFSETS)]
    assert found.units.tolist() == [0, 1, 2, 3, 4]


# --- judged ---------------------------------------------------------------------------------------------------------


def parts_of(logits, labels, units, metric):
    return by_unit(metric.parts(sheet_of(logits, labels))[None], units)


def test_a_metric_is_over_tokens_and_its_units_are_examples():
    found = predict(Tagger(), VIEW)
    logits, units = found.values.detach().numpy(), found.units.numpy()
    labels = np.random.default_rng(0).integers(0, 2, len(logits))
    right = logits.argmax(1) == labels
    parts = parts_of(logits, labels, units, ACCURACY)
    assert parts[0].tolist() == [[right[a:b].sum(), b - a] for a, b in pairwise(OFFSETS)]
    for metric in (ACCURACY, F1_MACRO):
        assert float(metric.of(parts_of(logits, labels, units, metric)[0].sum(0))) == metric(sheet_of(logits, labels))
    assert ACCURACY(sheet_of(logits, labels)) == accuracy(logits, labels)


def test_tokens_of_one_example_are_no_further_evidence():
    """Of 30 examples one model gets all tokens right and the other none: repeating tokens makes it no surer."""
    draw = np.random.default_rng(0)
    better = draw.random(30) < 0.7
    gains = []
    for length in (1, 40):
        units = np.repeat(np.arange(30), length)
        labels = np.zeros(len(units), int)
        student = np.stack([np.where(better, 1.0, -1.0)[units], np.zeros(len(units))], 1)
        arms = [parts_of(one, labels, units, ACCURACY) for one in (student, -student)]
        gains.append(compare(*arms, ACCURACY, _swaps=2_000, _resamples=2_000))
    assert gains[0].mean == gains[1].mean
    assert gains[0].p_value == gains[1].p_value
    assert gains[0].ci95 == gains[1].ci95


def test_a_unit_without_predictions_is_not_taken_for_the_next_ones():
    parts = np.array([[[1, 1], [0, 1], [1, 1]]])
    summed = by_unit(parts, np.array([0, 0, 2]))
    assert summed.tolist() == [[[1, 2], [0, 0], [1, 1]]]
