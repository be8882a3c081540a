"""Teachers made of teachers."""

import numpy as np
import pytest
import torch

from limbeck.teachers.combined import Ensemble, Scaled
from limbeck.types import Batch, Outputs


class Says:
    """Answers with fixed logits."""

    def __init__(self, logits, digest="a"):
        self.logits, self.digest = torch.tensor(logits), digest

    def predict(self, batch):
        return Outputs(self.logits[batch.ids], {"tap": self.logits[batch.ids, :1]})


BATCH = Batch(ids=torch.tensor([2, 0]), student_inputs={})
ONE = Says([[3.0, -1.0, 0.5], [0.0, 0.0, 0.0], [100.0, -100.0, 0.0]])
TWO = Says([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0], [-50.0, 50.0, 0.0]], "b")


def probabilities(logits):
    p = np.exp(logits.double().numpy() - logits.double().numpy().max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def test_scaled_divides_the_logits_and_leaves_the_activations():
    answers = Scaled(ONE, 4.0).predict(BATCH)
    assert torch.equal(answers.logits, ONE.logits[[2, 0]] / 4)
    assert torch.equal(answers.features["tap"], ONE.logits[[2, 0], :1])


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.9, 0.1), (1.0, 0.0)])
def test_an_ensemble_averages_probabilities(weights):
    logits = Ensemble([ONE, TWO], weights).predict(BATCH).logits
    expected = sum(w * probabilities(each.logits[[2, 0]]) for w, each in zip(weights, (ONE, TWO), strict=True))
    np.testing.assert_allclose(probabilities(logits), expected, atol=1e-7)
    np.testing.assert_allclose(torch.logsumexp(logits, 1).numpy(), 0, atol=1e-6)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("weights", [(0.5, 0.5), (2.0, 0.3), (1.0, 0.0)])
def test_an_ensemble_multiplies_probabilities(weights):
    logits = Ensemble([ONE, TWO], weights, "product").predict(BATCH).logits
    powers = [
        weight * each.logits[[2, 0]].double().log_softmax(1) for weight, each in zip(weights, (ONE, TWO), strict=True)
    ]
    expected = probabilities(powers[0] + powers[1])
    np.testing.assert_allclose(probabilities(logits), expected, atol=1e-6)
    np.testing.assert_allclose(torch.logsumexp(logits, 1).numpy(), 0, atol=1e-5)
    assert torch.isfinite(logits).all()


def test_digests_name_members_temperature_and_weights():
    names = {
        ONE.digest,
        Scaled(ONE, 2.0).digest,
        Scaled(ONE, 3.0).digest,
        Scaled(TWO, 2.0).digest,
        Ensemble([ONE, TWO], [0.5, 0.5]).digest,
        Ensemble([TWO, ONE], [0.5, 0.5]).digest,
        Ensemble([ONE, TWO], [0.4, 0.6]).digest,
        Ensemble([ONE, TWO], [0.4, 0.6], "product").digest,
    }
    assert len(names) == 8
    assert Scaled(ONE, 2.0).digest == Scaled(ONE, 2.0).digest


@pytest.mark.parametrize(
    ("weights", "pool", "wrong"),
    [
        ((1.0,), "mean", "need as many weights"),
        ((0.5, 0.6), "mean", "have the sum 1, not 1.1"),
        ((1.5, -0.5), "mean", "need as many weights"),
        ((1.5, -0.5), "product", "need as many weights"),
        ((0.0, 0.0), "product", "need as many weights"),
        ((), "mean", "need as many weights"),
    ],
)
def test_weights_that_are_none(weights, pool, wrong):
    with pytest.raises(ValueError, match=wrong):
        Ensemble([ONE, TWO], weights, pool)
