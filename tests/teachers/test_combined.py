"""Teachers made of teachers."""

import numpy as np
import pytest
import torch

from limbeck.teachers.combined import Ensemble, Scaled, mix
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


def two_way(weights, pool, logits):
    """Return pooled probabilities of yes, in plain loops."""
    found = np.zeros(logits[0].shape)
    for place in np.ndindex(*found.shape):
        yes = [1 / (1 + np.exp(-each[place])) for each in logits]
        if pool == "mean":
            found[place] = sum(w * p for w, p in zip(weights, yes, strict=True))
        else:
            p, q = (
                np.prod([each**w for w, each in zip(weights, some, strict=True)])
                for some in (yes, [1 - y for y in yes])
            )
            found[place] = p / (p + q)
    return found


@pytest.mark.parametrize("pool", ["mean", "product"])
def test_independent_outputs_are_each_a_distribution(pool):
    logits = [np.array([[3.0, -1.0], [0.5, 9.0]]), np.array([[-2.0, 0.0], [1.0, -4.0]])]
    found = mix([torch.from_numpy(each) for each in logits], (0.7, 0.3), pool, predicts="independent")
    np.testing.assert_allclose(found.sigmoid().numpy(), two_way((0.7, 0.3), pool, logits), rtol=1e-12)


def test_values_have_a_mean():
    parts = [torch.tensor([[1.0, -4.0]]), torch.tensor([[3.0, 8.0]])]
    assert torch.equal(mix(parts, (0.25, 0.75), predicts="values"), torch.tensor([[2.5, 5.0]]))
    for pool, by_confidence in (("product", False), ("mean", True)):
        with pytest.raises(ValueError, match="values have no probabilities"):
            mix(parts, (0.5, 0.5), pool, predicts="values", by_confidence=by_confidence)


def by_confidence(weights, pool, logits):
    """Return pooled probabilities, (rows, classes), in plain loops: a member's weight is times exp(-entropy)."""
    found = []
    for rows in zip(*logits, strict=True):
        each = [np.exp(row) / np.exp(row).sum() for row in rows]
        sure = [w * np.exp(sum(p * np.log(p) for p in one if p > 0)) for w, one in zip(weights, each, strict=True)]
        shares = [one / sum(sure) for one in sure]
        if pool == "mean":
            found.append(sum(share * one for share, one in zip(shares, each, strict=True)))
        else:
            product = np.prod([one**share for share, one in zip(shares, each, strict=True)], axis=0)
            found.append(product / product.sum())
    return np.array(found)


@pytest.mark.parametrize("pool", ["mean", "product"])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.2, 0.8)])
def test_members_count_by_how_sure_they_are_of_each_row(pool, weights):
    rng = np.random.default_rng(0)
    logits = [rng.normal(size=(20, 4)) * scale for scale in (6.0, 1.0)]
    found = mix([torch.from_numpy(each) for each in logits], weights, pool, by_confidence=True)
    np.testing.assert_allclose(found.exp().numpy(), by_confidence(weights, pool, logits), rtol=1e-10)
    plain = mix([torch.from_numpy(each) for each in logits], weights, pool)
    assert (found - plain).abs().max() > 0.1
    ensemble = Ensemble([ONE, TWO], weights, pool, by_confidence=True)
    expected = by_confidence(weights, pool, [each.logits[[2, 0]].double().numpy() for each in (ONE, TWO)])
    np.testing.assert_allclose(ensemble.predict(BATCH).logits.exp().numpy(), expected, atol=1e-6)


def test_confidence_of_independent_outputs_is_that_of_each():
    """Of a class of which one member is sure and the other is not, the first one decides; of the next, the other."""
    parts = [torch.tensor([[8.0, 0.1]]), torch.tensor([[-0.1, -8.0]])]
    yes = mix(parts, (0.5, 0.5), predicts="independent", by_confidence=True).sigmoid()[0]
    share = 1 / (1 + 0.5)  # of exp(-0) and of exp(-log 2), nearly
    assert yes[0].item() == pytest.approx(share + (1 - share) * 0.475, abs=0.01)
    assert yes[1].item() == pytest.approx((1 - share) * 0.525, abs=0.01)


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
        Ensemble([ONE, TWO], [0.4, 0.6], by_confidence=True).digest,
        Ensemble([ONE, TWO], [0.4, 0.6], predicts="values").digest,
    }
    assert len(names) == 10
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
